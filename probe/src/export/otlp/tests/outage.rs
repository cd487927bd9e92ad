//! A receiver that is dead for ten minutes, with the waits that are usual: the exporter's clock is made to jump from one
//! thing to do to the next, so that the minutes pass in a moment, and runs as clocks do once the receiver is back.

use std::{net::TcpListener, path::Path};

use tokio::{
    runtime,
    sync::watch,
    time::{Instant as SimulatedInstant, sleep},
};

use super::{
    super::exporter::begin,
    receiver_http::{HttpReceiver, Received, Reply},
    *,
};

const OUTAGE: Duration = Duration::from_secs(600);

/// Of metrics, each of 500 bytes and 10 items.
const BATCHES: u64 = 1200;
const BATCH_BYTES: usize = 500;

/// Far less than comes in ten minutes.
const MEMORY_BYTES: usize = 32 << 10;

/// How the outage went.
struct Outcome {
    /// When the receiver came back.
    then: DestinationStats,
    /// When everything that could arrive had.
    after: DestinationStats,
    /// Numbers of the batches that arrived, in that order.
    arrived: Vec<u64>,
}

fn batch_of(number: u64) -> Batch {
    let filling = "x".repeat(BATCH_BYTES - 6);
    metrics(&format!("{number:06}{filling}"))
}

/// Ten minutes without a receiver, in which batches come all the time, and then one.
fn outage(disk: Option<(&Path, u64)>) -> Outcome {
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = port.local_addr().expect("a bound socket");
    drop(port);
    let endpoint = format!("http://{address}");
    let mut destination =
        Destination::new("test", Target::Http { endpoint, exact: false, encoding: Encoding::Protobuf });
    destination.queue.memory_bytes = MEMORY_BYTES;
    destination.queue.disk = disk.map(|(folder, bytes)| DiskSettings { bytes, ..DiskSettings::new(folder) });
    let runtime =
        runtime::Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let (_deadline, watched) = watch::channel(None);
        let (shared, worker) = begin(&destination, watched).expect("settings that can work");
        let worker = tokio::spawn(worker.run());
        let (begun, really_begun) = (SimulatedInstant::now(), Instant::now());
        for number in 0..BATCHES {
            let batch = batch_of(number);
            let stream = Stream::usual(batch.kind);
            assert!(shared.submit(batch, stream, None).is_ok());
            sleep(OUTAGE / u32::try_from(BATCHES).expect("a small number")).await;
            let stats = shared.stats();
            assert_all_counted(&stats, (number + 1) * 10);
            let in_memory = stats.sum(|kind| kind.queued.bytes);
            assert!(in_memory <= MEMORY_BYTES as u64, "{in_memory} bytes wait in memory: {stats:#?}");
            // What has been read from disk to be sent next outlives its file.
            let on_disk = stats.sum(|kind| kind.on_disk.bytes);
            let most = disk.map_or(0, |(_, bytes)| bytes + 4 * BATCH_BYTES as u64);
            assert!(on_disk <= most, "{on_disk} bytes wait on disk: {stats:#?}");
        }
        assert!(begun.elapsed() >= OUTAGE);
        assert!(really_begun.elapsed() < PATIENCE * 3, "the minutes did not pass in a moment");
        let then = shared.stats();
        assert!(!worker.is_finished());

        let receiver =
            HttpReceiver::listen(TcpListener::bind(address).expect("the same port"), |_, _| Reply::ok());
        // The longest wait is over, and time runs as it does.
        tokio::time::advance(destination.retry.cap).await;
        tokio::time::resume();
        let deadline = Instant::now() + PATIENCE;
        let after = loop {
            let stats = shared.stats();
            if stats.sum(|kind| kind.queued.batches + kind.on_disk.batches + kind.in_flight.batches) == 0 {
                break stats;
            }
            assert!(Instant::now() < deadline, "not everything arrives: {stats:#?}");
            sleep(Duration::from_millis(5)).await;
        };
        worker.abort();
        let number = |request: &Received| request.text()[..6].parse().expect("a number");
        Outcome { then, after, arrived: receiver.received().iter().map(number).collect() }
    })
}

#[test]
fn after_ten_minutes_everything_that_fits_on_disk_arrives_once_and_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let Outcome { then, after, arrived } = outage(Some((folder.path(), 64 << 20)));
    assert_eq!(then.sum(|kind| kind.sent.items + kind.dropped.total()), 0, "{then:#?}");
    // Waits grow to half a minute: not given up, and no hammering either.
    let attempts = then.kind(SignalKind::Metrics).retries;
    assert!((20..60).contains(&attempts), "{attempts} attempts in ten minutes");
    assert!(!error_of(&then).is_empty());
    assert_eq!(after.sum(|kind| kind.sent.batches), BATCHES);
    assert!(arrived.iter().copied().eq(0..BATCHES), "{arrived:?}");
}

#[test]
fn of_ten_minutes_that_do_not_fit_on_disk_the_newest_arrive_and_the_others_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let Outcome { after, arrived, .. } = outage(Some((folder.path(), 200_000)));
    let dropped = after.sum(|kind| kind.dropped.by(DropReason::DiskFull));
    assert!(dropped > 0, "{after:#?}");
    assert_eq!(arrived.len() as u64 * 10 + dropped, BATCHES * 10);
    assert!(arrived.is_sorted_by(|one, next| one < next), "{arrived:?}");
    // But for the few that had been read to be sent next.
    let newest = BATCHES - (arrived.len() as u64 - 5)..BATCHES;
    assert!(arrived.ends_with(&newest.collect::<Vec<_>>()), "{arrived:?}");
}

#[test]
fn of_ten_minutes_without_a_disk_queue_memory_keeps_the_newest_and_the_others_are_counted() {
    let Outcome { after, arrived, .. } = outage(None);
    let dropped = after.sum(|kind| kind.dropped.by(DropReason::MemoryFull));
    assert_eq!(arrived.len() as u64 * 10 + dropped, BATCHES * 10);
    let most = MEMORY_BYTES / BATCH_BYTES;
    assert!((most / 2..=most + 1).contains(&arrived.len()), "{} arrived", arrived.len());
    // The first was in flight all the time.
    assert_eq!(arrived[0], 0);
    assert!(arrived[1..].iter().copied().eq(BATCHES - (arrived.len() as u64 - 1)..BATCHES), "{arrived:?}");
}
