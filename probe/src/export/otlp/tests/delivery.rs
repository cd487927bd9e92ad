//! Who tracks a batch is told once what became of it; and the end of an exporter.

use std::sync::mpsc;

use super::{
    receiver_http::{HttpReceiver, Reply},
    *,
};

/// Submits to its own stream and gives what will be told.
fn track(exporter: &Exporter, payload: &str) -> (Acceptance, mpsc::Receiver<Delivery>) {
    let (tell, told) = mpsc::channel();
    let log = batch(SignalKind::Logs, payload.to_owned(), 10);
    let acceptance = exporter.submit_and_track(log, Stream::Ordered(7), move |delivery| {
        tell.send(delivery).expect("the test listens");
    });
    (acceptance, told)
}

#[test]
fn acknowledged_rejected_and_refused_are_told_apart() {
    use super::super::answer::{ExportResponse, PartialSuccess};
    use prost::Message;
    let partial = PartialSuccess { rejected: 4, error_message: String::new() };
    let partial = ExportResponse { partial_success: Some(partial) }.encode_to_vec();
    let receiver = HttpReceiver::start(move |request, number| match request.text().as_str() {
        "good" if number == 0 => Reply::status(503),
        "partial" => Reply::Answer(200, Vec::new(), partial.clone()),
        "bad" => Reply::status(400),
        _ => Reply::ok(),
    });
    let exporter = start([receiver.destination()]);
    let told = |payload| {
        let (acceptance, told) = track(&exporter, payload);
        assert_eq!(acceptance, Acceptance::Queued);
        told.recv_timeout(PATIENCE).expect("a delivery")
    };
    let good = told("good");
    assert!(good.is_acknowledged(), "{good:?}");
    let partial = told("partial");
    assert!(partial.is_acknowledged() && partial.rejected_items == 4, "{partial:?}");
    let bad = told("bad");
    assert_eq!((bad.dropped, bad.reason), (1, Some(DropReason::Refused)));
    assert!(!bad.is_acknowledged());
}

#[test]
fn a_tracked_batch_is_never_pushed_out_and_its_sender_is_told_to_wait() {
    let receiver = HttpReceiver::start(|_, _| Reply::Late(Duration::from_secs(30)));
    let mut destination = receiver.destination();
    destination.queue.memory_items = 50;
    let exporter = start([destination]);
    let mut waiting = vec![track(&exporter, "in flight")];
    wait_for(&exporter, "a request", |stats| stats.kind(SignalKind::Logs).in_flight.batches == 1);
    waiting.extend((0..5).map(|_| track(&exporter, "waits")));
    assert!(waiting.iter().all(|(acceptance, _)| *acceptance == Acceptance::Queued));
    let (acceptance, told) = track(&exporter, "too much");
    assert_eq!(acceptance, Acceptance::Full);
    assert_eq!(
        told.recv_timeout(PATIENCE),
        Err(mpsc::RecvTimeoutError::Disconnected),
        "it was told nevertheless"
    );
    // Nor do others push them out.
    assert_eq!(exporter.submit(batch(SignalKind::Logs, "x", 10)), Acceptance::Full);
    let stats = exporter.shutdown(Duration::ZERO).remove(0);
    assert_eq!(stats.kind(SignalKind::Logs).dropped.by(DropReason::MemoryFull), 10);
    assert_eq!(stats.kind(SignalKind::Logs).dropped.by(DropReason::Stopped), 60);
    assert_all_counted(&stats, 70);
    for (_, told) in waiting {
        let delivery = told.recv_timeout(PATIENCE).expect("the end is told, too");
        assert_eq!((delivery.acknowledged, delivery.reason), (0, Some(DropReason::Stopped)));
    }
}

#[test]
fn one_destination_without_room_does_not_keep_a_batch_from_the_other() {
    let stuck = HttpReceiver::start(|_, _| Reply::Late(Duration::from_secs(30)));
    let alive = HttpReceiver::start(|_, _| Reply::ok());
    let mut first = stuck.destination();
    first.name = "stuck".into();
    first.queue.memory_items = 10;
    let exporter = start([first, alive.destination()]);
    let both = track(&exporter, "in flight");
    wait_for(&exporter, "a request", |stats| stats.kind(SignalKind::Logs).in_flight.batches == 1);
    let queued = track(&exporter, "waits");
    let (acceptance, told) = track(&exporter, "no room at one");
    assert_eq!(acceptance, Acceptance::Queued);
    let delivery = told.recv_timeout(PATIENCE).expect("a delivery");
    assert_eq!((delivery.acknowledged, delivery.dropped), (1, 1));
    let stats = exporter.shutdown(Duration::ZERO).remove(0);
    assert_all_counted(&stats, 30);
    drop((both, queued));
}

#[test]
fn a_shutdown_sends_what_waits_and_takes_no_more() {
    let receiver = HttpReceiver::start(|_, _| Reply::Late(Duration::from_millis(10)));
    let exporter = start([receiver.destination()]);
    for _ in 0..50 {
        assert_eq!(exporter.submit(metrics("x")), Acceptance::Queued);
    }
    let stats = exporter.shutdown(PATIENCE).remove(0);
    assert_eq!(stats.kind(SignalKind::Metrics).sent.batches, 50, "{stats:#?}");
}

#[test]
fn a_shutdown_before_a_dead_receiver_ends_at_its_deadline_and_counts() {
    let receiver = HttpReceiver::start(|_, _| Reply::status(503));
    let exporter = start([receiver.destination()]);
    for _ in 0..20 {
        assert_eq!(exporter.submit(traces("x")), Acceptance::Queued);
    }
    let begun = Instant::now();
    let stats = exporter.shutdown(Duration::from_millis(300)).remove(0);
    assert!(begun.elapsed() < Duration::from_millis(300) + PATIENCE / 4, "it took {:?}", begun.elapsed());
    assert_eq!(stats.kind(SignalKind::Traces).dropped.by(DropReason::Stopped), 200);
    assert_all_counted(&stats, 200);
}

#[test]
fn a_batch_that_is_never_taken_is_given_up_in_the_end() {
    let receiver = HttpReceiver::start(|_, _| Reply::status(503));
    let mut destination = receiver.destination();
    destination.retry.give_up_after = Duration::from_millis(100);
    let exporter = start([destination]);
    let (_, told) = track(&exporter, "x");
    let delivery = told.recv_timeout(PATIENCE).expect("a delivery");
    assert_eq!(delivery.reason, Some(DropReason::GaveUp));
    assert!(receiver.received().len() > 1, "it was not tried again");
}

#[test]
fn settings_that_cannot_work_are_refused_at_the_start() {
    let target =
        || Target::Http { endpoint: "http://localhost".into(), exact: false, encoding: Encoding::Protobuf };
    let refused = |destinations: Vec<Destination>| {
        Exporter::start(&ExportSettings { destinations }).expect_err("bad settings").to_string()
    };
    let header = |name: &str, value: &str| {
        let mut destination = quick(target());
        destination.headers = Headers(vec![(name.into(), value.into())]);
        refused(vec![destination])
    };
    assert!(refused(vec![quick(target()), quick(target())]).contains("two destinations"));
    assert!(header("bad name", "x").contains("bad name"));
    assert!(header("content-type", "x").contains("plainsight itself"));
    let secret = header("token", "se\ncret");
    assert!(secret.contains("token") && !secret.contains("cret"), "{secret}");
    let mut destination = quick(target());
    destination.tls.certificate = Some("/nowhere/ca.pem".into());
    assert!(refused(vec![destination]).contains("/nowhere/ca.pem"));
    let mut destination = quick(target());
    destination.tls.client_key = Some("/dev/null".into());
    assert!(refused(vec![destination]).contains("set the client certificate as well"));
    assert!(refused(vec![quick(Target::File { path: "/nowhere/file".into() })]).contains("/nowhere/file"));
}
