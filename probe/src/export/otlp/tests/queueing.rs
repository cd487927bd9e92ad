//! Order, requests at one time, limits, and several destinations.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{
    receiver_http::{HttpReceiver, Received, Reply},
    *,
};

/// A receiver that is silent until told to answer.
fn stuck() -> (HttpReceiver, Arc<AtomicBool>) {
    let open = Arc::new(AtomicBool::new(false));
    let gate = Arc::clone(&open);
    let receiver = HttpReceiver::start(move |_, _| {
        while !gate.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(2));
        }
        Reply::ok()
    });
    (receiver, open)
}

#[test]
fn a_stuck_destination_does_not_hold_the_others() {
    let (dead, _open) = stuck();
    let alive = HttpReceiver::start(|_, _| Reply::ok());
    let mut first = dead.destination();
    first.name = "dead".into();
    first.queue.memory_items = 100;
    let exporter = start([first, alive.destination()]);
    let submit = |batches| {
        for _ in 0..batches {
            assert_eq!(exporter.submit(traces("x")), Acceptance::Queued);
        }
    };
    submit(4);
    wait_for(&exporter, "four requests", |stats| stats.kind(SignalKind::Traces).in_flight.batches == 4);
    submit(196);
    let stats =
        wait_for_any(&exporter, 1, "delivery", |stats| stats.kind(SignalKind::Traces).sent.batches == 200);
    assert_all_counted(&stats, 2000);
    let stats = exporter.stats().remove(0);
    assert_all_counted(&stats, 2000);
    assert_eq!(stats.kind(SignalKind::Traces).queued.items, 100);
    assert!(stats.kind(SignalKind::Traces).dropped.by(DropReason::MemoryFull) > 0);
}

#[test]
fn spans_go_out_several_batches_at_a_time_and_metrics_one_by_one() {
    let receiver = HttpReceiver::start(|_, _| Reply::Late(Duration::from_millis(20)));
    let exporter = start([receiver.destination()]);
    for number in 0..20 {
        assert_eq!(exporter.submit(traces(&format!("{number}"))), Acceptance::Queued);
    }
    wait_for(&exporter, "delivery", |stats| stats.kind(SignalKind::Traces).sent.batches == 20);
    let most = receiver.received().iter().map(|request| request.at_once).max();
    assert_eq!(most, Some(4), "requests with spans at one time");

    let receiver = HttpReceiver::start(|_, _| Reply::Late(Duration::from_millis(5)));
    let exporter = start([receiver.destination()]);
    for number in 0..20 {
        assert_eq!(exporter.submit(metrics(&format!("{number}"))), Acceptance::Queued);
    }
    wait_for(&exporter, "delivery", |stats| stats.kind(SignalKind::Metrics).sent.batches == 20);
    assert!(receiver.received().iter().all(|request| request.at_once == 1), "metrics overtook one another");
}

#[test]
fn a_stream_stays_in_order_through_failures_and_other_streams_go_on() {
    let receiver =
        HttpReceiver::start(|request, number| match request.text().starts_with("bad") && number < 60 {
            true => Reply::status(503),
            false if number % 3 == 0 => Reply::status(503),
            false => Reply::ok(),
        });
    let exporter = start([receiver.destination()]);
    for number in 0..30 {
        for (stream, name) in [(1, "bad"), (2, "good")] {
            let batch = batch(SignalKind::Logs, format!("{name} {number}"), 1);
            let accepted = exporter.submit_and_track(batch, Stream::Ordered(stream), |_| {});
            assert_eq!(accepted, Acceptance::Queued);
        }
    }
    wait_for(&exporter, "delivery", |stats| stats.kind(SignalKind::Logs).sent.batches == 60);
    for name in ["bad", "good"] {
        // The last request with a text is the one that was taken.
        let mut last = std::collections::BTreeMap::new();
        for (place, request) in receiver.received().iter().enumerate() {
            if request.text().starts_with(name) {
                last.insert(request.text(), place);
            }
        }
        let places: Vec<_> = (0..30).map(|number| last[&format!("{name} {number}")]).collect();
        assert!(places.is_sorted(), "{name}: {places:?}");
    }
}

#[test]
fn with_one_request_at_a_time_spans_are_in_order_too() {
    let receiver = HttpReceiver::start(|_, number| Reply::status(if number % 4 == 1 { 503 } else { 200 }));
    let mut destination = receiver.destination();
    destination.max_in_flight = 1;
    let exporter = start([destination]);
    let names: Vec<_> = (0..40).map(|number| format!("{number}")).collect();
    for name in &names {
        assert_eq!(exporter.submit(traces(name)), Acceptance::Queued);
    }
    wait_for(&exporter, "delivery", |stats| stats.kind(SignalKind::Traces).sent.batches == 40);
    let mut taken: Vec<_> = receiver.received().iter().map(Received::text).collect();
    taken.dedup();
    assert_eq!(taken, names);
}

#[test]
fn a_full_queue_drops_its_oldest_and_a_flood_of_spans_pushes_out_no_metrics() {
    let (receiver, open) = stuck();
    let mut destination = receiver.destination();
    destination.max_in_flight = 1;
    destination.queue.memory_bytes = 20_000;
    let exporter = start([destination]);
    // One of each kind is in flight, and no longer in the queue.
    for batch in [traces("in flight"), metrics("in flight")] {
        assert_eq!(exporter.submit(batch), Acceptance::Queued);
    }
    wait_for(&exporter, "two requests", |stats| stats.sum(|kind| kind.in_flight.batches) == 2);
    for number in 0..5 {
        assert_eq!(exporter.submit(metrics(&format!("metrics {number}"))), Acceptance::Queued);
    }
    for number in 0..500 {
        assert_eq!(exporter.submit(traces(&format!("spans {number}"))), Acceptance::Queued);
    }
    let stats = exporter.stats().remove(0);
    assert_all_counted(&stats, 5070);
    assert_eq!(stats.kind(SignalKind::Metrics).queued.batches, 5, "spans pushed out metrics: {stats:#?}");
    let kept = stats.kind(SignalKind::Traces).queued.batches;
    assert!(kept > 20 && kept < 80, "{kept} batches of spans were kept");
    open.store(true, Ordering::SeqCst);
    let stats = wait_for(&exporter, "an empty queue", |stats| {
        stats.sum(|kind| kind.queued.batches + kind.in_flight.batches) == 0
    });
    assert_all_counted(&stats, 5070);
    let spans: Vec<_> =
        receiver.received().iter().map(Received::text).filter(|text| text.starts_with("spans")).collect();
    let newest: Vec<_> = (500 - kept..500).map(|number| format!("spans {number}")).collect();
    assert_eq!(spans, newest, "the newest were to be kept");
}

#[test]
fn what_can_never_be_queued_is_refused_and_counted() {
    let receiver = HttpReceiver::start(|_, _| Reply::ok());
    let mut destination = receiver.destination();
    destination.queue.memory_bytes = 1000;
    destination.signals = vec![SignalKind::Traces];
    let exporter = start([destination]);
    assert_eq!(exporter.submit(batch(SignalKind::Traces, vec![0; 2000], 3)), Acceptance::TooLarge);
    assert_eq!(
        exporter.submit(batch(SignalKind::Traces, vec![0; LARGEST_REQUEST + 1], 4)),
        Acceptance::TooLarge
    );
    assert_eq!(exporter.submit(metrics("x")), Acceptance::NotWanted);
    let stats = exporter.shutdown(PATIENCE).remove(0);
    assert_eq!(stats.kind(SignalKind::Traces).dropped.by(DropReason::TooLarge), 7);
    assert!(receiver.received().is_empty());
}
