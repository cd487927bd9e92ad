//! The queue on disk behind the one in memory, and across the ends of processes.

use std::{
    env,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::{Command, Stdio},
};

use super::{
    receiver_http::{HttpReceiver, Received, Reply},
    *,
};

fn with_disk(mut destination: Destination, folder: &Path) -> Destination {
    destination.queue.memory_bytes = 64 << 10;
    destination.queue.disk = Some(DiskSettings { after: Duration::ZERO, ..DiskSettings::new(folder) });
    destination
}

/// A port at which nobody listens.
fn dead() -> (std::net::SocketAddr, Destination) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let target =
        Target::Http { endpoint: format!("http://{address}"), exact: false, encoding: Encoding::Protobuf };
    (address, quick(target))
}

fn numbered(numbers: std::ops::Range<u32>) -> Vec<String> {
    numbers.map(|number| format!("batch {number:06}")).collect()
}

fn submit(exporter: &Exporter, names: &[String]) {
    for name in names {
        assert_eq!(exporter.submit(metrics(name)), Acceptance::Queued);
    }
}

fn texts(receiver: &HttpReceiver) -> Vec<String> {
    receiver.received().iter().map(Received::text).collect()
}

#[test]
fn a_dead_receiver_costs_nothing_and_everything_comes_in_order_when_it_is_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, destination) = dead();
    let exporter = start([with_disk(destination, folder.path())]);
    let names = numbered(0..600);
    for part in names.chunks(50) {
        submit(&exporter, part);
        wait_for(&exporter, "an emptier memory", |stats| stats.sum(|kind| kind.queued.batches) < 50);
    }
    let stats =
        wait_for(&exporter, "a full disk queue", |stats| stats.sum(|kind| kind.on_disk.batches) == 599);
    assert_all_counted(&stats, 6000);
    let receiver =
        HttpReceiver::listen(TcpListener::bind(address).expect("the same port"), |_, _| Reply::ok());
    let stats = wait_for(&exporter, "delivery", |stats| stats.sum(|kind| kind.sent.batches) == 600);
    assert_all_counted(&stats, 6000);
    assert_eq!(texts(&receiver), names);
    assert_eq!(stats.disk_error, None);
}

#[test]
fn new_batches_wait_behind_the_old_ones_on_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, destination) = dead();
    let exporter = start([with_disk(destination, folder.path())]);
    submit(&exporter, &numbered(0..40));
    wait_for(&exporter, "batches on disk", |stats| stats.sum(|kind| kind.on_disk.batches) == 39);
    let receiver = HttpReceiver::listen(TcpListener::bind(address).expect("the same port"), |_, number| {
        match number % 5 {
            0 => Reply::status(503),
            _ => Reply::ok(),
        }
    });
    for number in 40..200 {
        submit(&exporter, &numbered(number..number + 1));
        thread::sleep(Duration::from_millis(1));
    }
    wait_for(&exporter, "delivery", |stats| stats.sum(|kind| kind.sent.batches) == 200);
    let mut taken = texts(&receiver);
    taken.dedup();
    assert_eq!(taken, numbered(0..200));
}

#[test]
fn what_is_left_at_the_end_is_sent_first_by_the_next_process() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, destination) = dead();
    let exporter = start([with_disk(destination, folder.path())]);
    submit(&exporter, &numbered(0..30));
    wait_for(&exporter, "failures", |stats| stats.sum(|kind| kind.retries) > 2);
    submit(&exporter, &numbered(30..60));
    let begun = Instant::now();
    let stats = exporter.shutdown(PATIENCE).remove(0);
    assert!(begun.elapsed() < PATIENCE / 2, "it waited for a dead receiver for {:?}", begun.elapsed());
    assert_eq!(stats.sum(|kind| kind.on_disk.batches), 60, "{stats:#?}");
    assert_all_counted(&stats, 600);

    let receiver = HttpReceiver::start(|_, _| Reply::ok());
    let exporter = start([with_disk(receiver.destination(), folder.path())]);
    submit(&exporter, &numbered(60..70));
    let stats = wait_for(&exporter, "delivery", |stats| stats.sum(|kind| kind.sent.batches) == 70);
    assert_all_counted(&stats, 700);
    assert_eq!(texts(&receiver), numbered(0..70));
    exporter.shutdown(PATIENCE);

    let receiver = HttpReceiver::start(|_, _| Reply::ok());
    let exporter = start([with_disk(receiver.destination(), folder.path())]);
    assert_eq!(exporter.stats()[0].sum(|kind| kind.on_disk.batches), 0);
    exporter.shutdown(Duration::from_millis(100));
    assert!(texts(&receiver).is_empty(), "something was sent twice");
}

#[test]
fn a_full_disk_queue_drops_its_oldest_and_counts_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let (address, destination) = dead();
    let mut destination = with_disk(destination, folder.path());
    destination.queue.disk.as_mut().expect("a disk queue").bytes = 20_000;
    let exporter = start([destination]);
    for number in 0..100 {
        let name = format!("{number:06}{}", "x".repeat(994));
        assert_eq!(exporter.submit(metrics(&name)), Acceptance::Queued);
        wait_for(&exporter, "an empty memory", |stats| stats.sum(|kind| kind.queued.batches) == 0);
    }
    let stats = exporter.stats().remove(0);
    assert_all_counted(&stats, 1000);
    let kept = stats.sum(|kind| kind.on_disk.batches);
    // Four have been read already, to be sent next: they outlive their file.
    assert!((10..20 + 4).contains(&kept), "{kept} batches of 1000 bytes are in 20,000 bytes");
    assert_eq!(stats.sum(|kind| kind.dropped.by(DropReason::DiskFull)), (99 - kept) * 10);
    let receiver =
        HttpReceiver::listen(TcpListener::bind(address).expect("the same port"), |_, _| Reply::ok());
    let stats = wait_for(&exporter, "delivery", |stats| stats.sum(|kind| kind.sent.batches) == kept + 1);
    assert_all_counted(&stats, 1000);
    let received: Vec<u64> =
        texts(&receiver).iter().map(|text| text[..6].parse().expect("a number")).collect();
    assert!(received.is_sorted() && received.len() as u64 == kept + 1, "{received:?}");
    let newest: Vec<u64> = (100 - (kept - 4)..100).collect();
    assert!(received.ends_with(&newest), "{received:?}");
}

#[test]
fn a_damaged_queue_is_said_and_does_not_stop_anything() {
    let folder = tempfile::tempdir().expect("a folder");
    let metrics_folder = folder.path().join("test/metrics");
    std::fs::create_dir_all(&metrics_folder).expect("a folder of our own");
    std::fs::write(metrics_folder.join(format!("{:020}.batches", 7)), "rubbish, not a queue")
        .expect("a file");
    let receiver = HttpReceiver::start(|_, _| Reply::ok());
    let exporter = start([with_disk(receiver.destination(), folder.path())]);
    submit(&exporter, &numbered(0..3));
    let stats = wait_for(&exporter, "delivery", |stats| stats.sum(|kind| kind.sent.batches) == 3);
    let error = stats.disk_error.expect("it is said");
    assert!(error.contains("is damaged") && error.contains("Check this disk"), "{error}");
}

#[test]
fn two_exporters_on_one_folder_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_, destination) = dead();
    let destination = with_disk(destination, folder.path());
    let first = start([destination.clone()]);
    let settings = ExportSettings { destinations: vec![destination.clone()] };
    let refused = Exporter::start(&settings).expect_err("the folder is in use").to_string();
    assert!(refused.contains("used by another process") && refused.contains("its own folder"), "{refused}");
    first.shutdown(Duration::ZERO);
    Exporter::start(&settings).expect("the folder is free again");
}

const CHILD: &str = "PLAINSIGHT_TEST_EXPORTS_INTO";

/// The process that [`a_killed_process_loses_nothing_that_was_on_disk`] kills; does nothing on its own.
#[test]
fn child_that_exports_to_nobody_until_it_is_killed() {
    let Some(folder) = env::var_os(CHILD) else { return };
    let (_, destination) = dead();
    let exporter = start([with_disk(destination, Path::new(&folder))]);
    for number in 0.. {
        submit(&exporter, &numbered(number..number + 1));
        let stats = exporter.stats().remove(0);
        println!("on disk: {}", stats.sum(|kind| kind.on_disk.batches));
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_killed_process_loses_nothing_that_was_on_disk() {
    for until in [1, 50, 333] {
        let folder = tempfile::tempdir().expect("a folder");
        let name = "export::otlp::tests::disk::child_that_exports_to_nobody_until_it_is_killed";
        let mut child = Command::new(env::current_exe().expect("this program"))
            .args([name, "--exact", "--nocapture"])
            .env(CHILD, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let on_disk = output
            .lines()
            .map_while(Result::ok)
            .filter_map(|line| line.split_once("on disk: ")?.1.parse::<usize>().ok())
            .find(|on_disk| *on_disk >= until)
            .expect("the child gets that far");
        // SIGKILL.
        child.kill().expect("the child runs");
        child.wait().expect("the child ends");

        let receiver = HttpReceiver::start(|_, _| Reply::ok());
        let exporter = start([with_disk(receiver.destination(), folder.path())]);
        let stats = wait_for(&exporter, "delivery", |stats| {
            stats.sum(|kind| kind.on_disk.batches + kind.in_flight.batches) == 0
        });
        let received = texts(&receiver);
        assert!(
            received.len() > on_disk,
            "{} of {on_disk} batches and the one in flight arrived",
            received.len()
        );
        let all = numbered(0..u32::try_from(received.len()).expect("a small number"));
        assert_eq!(received, all, "in order, whole, and none twice");
        assert_eq!(stats.disk_error, None, "a kill is no damage");
    }
}
