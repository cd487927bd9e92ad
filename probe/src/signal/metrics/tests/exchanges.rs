//! What becomes of exchanges.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use plainsight_protocols::{CloseReason, Outcome, Protocol, Side};

use super::*;

#[test]
fn exchanges_of_one_kind_are_one_series_with_the_advised_buckets() {
    let store = store(MetricSettings::default());
    let mut recorder = store.recorder();
    for nanos in [4_000_000, 5_000_000, 5_000_001, 20 * SECOND] {
        record(&mut recorder, &served(17, "/items/{id}", 200, nanos));
    }
    recorder.hand_over();
    let points = received(&store.collect(at(10)));
    let http = of(&points, HTTP);
    assert_eq!(http.len(), 1, "{points:?}");
    let point = http[0];
    assert_eq!(
        (point.service.as_str(), point.count, point.kind, point.unit.as_str()),
        ("service-17", 4, "histogram", "s")
    );
    assert_eq!(point.sum, 20.014_000_001);
    assert_eq!(
        (point.buckets[0], point.buckets[1], point.buckets[14]),
        (2, 1, 1),
        "bounds are inclusive at the top"
    );
    assert_eq!((point.start, point.time), (START, START + 10 * SECOND));
    let expected = [
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("plainsight.http.route", "/items/{id}"),
        ("url.scheme", "http"),
    ];
    let expected: BTreeMap<_, _> = expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    assert_eq!(point.attributes, expected);
    assert_eq!(point.integers, ["http.response.status_code"], "numbers stay numbers");
}

#[test]
fn two_workers_add_to_the_same_series_and_processes_have_their_own() {
    let store = store(MetricSettings::default());
    let mut recorders = [store.recorder(), store.recorder()];
    for (recorder, pid) in [(0, 1), (1, 1), (1, 2), (0, 1)] {
        record(&mut recorders[recorder], &served(pid, "/", 200, 1000));
    }
    drop(recorders);
    let points = received(&store.collect(at(1)));
    let mut counts: Vec<_> =
        of(&points, HTTP).iter().map(|point| (point.service.clone(), point.count)).collect();
    counts.sort();
    assert_eq!(counts, [("service-1".to_owned(), 3), ("service-2".to_owned(), 1)]);
}

#[test]
fn an_exchange_without_an_end_is_counted_and_no_duration_is_invented() {
    let store = store(MetricSettings::default());
    let mut recorder = store.recorder();
    record(
        &mut recorder,
        &Example { outcome: Outcome::NoResponse(CloseReason::Reset), ..Example::without_response() },
    );
    recorder.hand_over();
    let points = received(&store.collect(at(1)));
    assert!(of(&points, HTTP).is_empty(), "{points:?}");
    let untimed = of(&points, "plainsight.exchange.untimed")[0];
    assert_eq!(untimed.sum, 1.0);
    assert_eq!(untimed.attribute("error.type"), Some("connection_reset"));
    assert_eq!(untimed.attribute("plainsight.outcome"), Some("no_response"));
    assert_eq!(untimed.attribute("plainsight.protocol"), Some("http"));
}

#[test]
fn a_process_that_becomes_known_late_gets_what_waited_for_it() {
    let known = Arc::new(AtomicBool::new(false));
    let is_known = Arc::clone(&known);
    let store = store_with(
        MetricSettings::default(),
        move |pid| (pid != 2 && is_known.load(Ordering::Relaxed)).then(|| resource("late")),
        |_| None,
    );
    let mut recorder = store.recorder();
    record(&mut recorder, &served(1, "/", 200, 1000));
    record(&mut recorder, &served(2, "/", 200, 1000));
    recorder.hand_over();
    assert!(of(&received(&store.collect(at(1))), HTTP).is_empty(), "nobody knows whose it is");
    known.store(true, Ordering::Relaxed);
    record(&mut recorder, &served(1, "/", 200, 1000));
    recorder.hand_over();
    store.absorb(at(2));
    let points = received(&store.collect(at(3)));
    let counts: Vec<_> =
        of(&points, HTTP).iter().map(|point| (point.service.as_str(), point.count)).collect();
    assert_eq!(counts, [("late", 2)], "process 2 may yet become known");
    let points = received(&store.collect(at(20)));
    let mut counts: Vec<_> =
        of(&points, HTTP).iter().map(|point| (point.service.as_str(), point.count)).collect();
    counts.sort_unstable();
    assert_eq!(counts, [("late", 2), ("unknown_service", 1)], "waiting has an end");
}

#[test]
fn more_unknown_processes_than_may_wait_lose_their_name_but_no_measurement() {
    let store = store_with(MetricSettings::default(), |_| None, |_| None);
    let mut recorder = store.recorder();
    for pid in 1..=20_000 {
        record(&mut recorder, &served(pid, "/", 200, 1000));
    }
    recorder.hand_over();
    let points = received(&store.finish(at(1)));
    let count: u64 = of(&points, HTTP).iter().map(|point| point.count).sum();
    assert_eq!(count, 20_000);
}

#[test]
fn a_worker_hands_over_at_once_when_it_has_too_many_keys_and_helps_when_too_many_wait() {
    let store = store(MetricSettings { values_per_attribute: 1_000_000, ..MetricSettings::default() });
    let mut recorder = store.recorder();
    let many = 20 * recorder::DELTA_LIMIT as u64;
    for number in 0..many {
        record(&mut recorder, &served(1, &format!("/{number}"), 200, 1000));
        assert!(recorder.deltas.points.len() < recorder::DELTA_LIMIT);
    }
    recorder.hand_over();
    let points = received(&store.collect(at(1)));
    assert_eq!(of(&points, HTTP).iter().map(|point| point.count).sum::<u64>(), many);
}

#[test]
fn each_family_has_metrics_of_its_own() {
    let store = store(MetricSettings::default());
    let mut recorder = store.recorder();
    let cases = [
        (Protocol::Http2, Side::Client, "http.client.request.duration"),
        (Protocol::Grpc, Side::Server, "rpc.server.call.duration"),
        (Protocol::Grpc, Side::Client, "rpc.client.call.duration"),
        (Protocol::Redis, Side::Client, "db.client.operation.duration"),
        (Protocol::Postgresql, Side::Server, "plainsight.db.server.operation.duration"),
        (Protocol::Kafka, Side::Client, "messaging.client.operation.duration"),
        (Protocol::Kafka, Side::Server, "plainsight.messaging.server.operation.duration"),
        (Protocol::Dns, Side::Client, "dns.lookup.duration"),
        (Protocol::Dns, Side::Server, "plainsight.dns.server.lookup.duration"),
    ];
    for (protocol, side, _) in cases {
        record(&mut recorder, &Example { protocol, side, ..Example::default() });
    }
    record(&mut recorder, &Example { protocol: Protocol::Tls, ..Example::default() });
    recorder.hand_over();
    let points = received(&store.collect(at(1)));
    for (.., name) in cases {
        assert_eq!(of(&points, name).len(), 1, "{name}");
    }
    assert!(of(&points, HTTP).is_empty());
}

#[test]
fn attributes_that_settings_add_come_from_the_exchange_and_those_removed_are_summed_over() {
    let change = MetricChange {
        name: HTTP.to_owned(),
        add: vec!["url.path".to_owned()],
        remove: vec!["http.response.status_code".to_owned()],
        ..MetricChange::default()
    };
    let store = store(MetricSettings { changes: vec![change], ..MetricSettings::default() });
    let mut recorder = store.recorder();
    for status in [200, 404] {
        let details = ExampleDetails::http("GET", "/users/17", status);
        record(&mut recorder, &Example { details, ..Example::default() });
    }
    recorder.hand_over();
    let points = received(&store.collect(at(1)));
    let http = of(&points, HTTP);
    assert_eq!((http.len(), http[0].count), (1, 2));
    assert_eq!(http[0].attribute("url.path"), Some("/users/17"));
    assert_eq!(http[0].attribute("http.response.status_code"), None);
}

#[test]
fn sampled_exchanges_are_examples_of_their_buckets_and_are_sent_once() {
    let store = store(MetricSettings::default());
    let mut recorder = store.recorder();
    let span = |id: u8| SpanRef { trace_id: [id; 16], span_id: [id; 8], unix_nanos: START + 5 };
    for (nanos, id) in [(1_000_000, Some(1)), (2_000_000, Some(2)), (3 * SECOND, Some(3)), (3 * SECOND, None)]
    {
        served(1, "/", 200, nanos).observe(|observed| recorder.record(observed, id.map(span)));
    }
    recorder.hand_over();
    let points = received(&store.collect(at(1)));
    let mut exemplars = of(&points, HTTP)[0].exemplars.clone();
    exemplars.sort_by(|left, right| left.trace_id.cmp(&right.trace_id));
    let ids: Vec<_> =
        exemplars.iter().map(|exemplar| (exemplar.trace_id[0], exemplar.span_id.len())).collect();
    assert_eq!(ids, [(2, 8), (3, 8)], "the last of each bucket");
    assert_eq!(exemplars[0].time_unix_nano, START + 5);
    record(&mut recorder, &served(1, "/", 200, 1));
    recorder.hand_over();
    let points = received(&store.collect(at(2)));
    assert!(of(&points, HTTP)[0].exemplars.is_empty(), "they were sent");
}

#[test]
fn requests_are_cut_before_they_get_too_large_for_servers() {
    let settings = MetricSettings {
        values_per_attribute: 1_000_000,
        series_per_metric: 60_000,
        ..MetricSettings::default()
    };
    let store = store(settings);
    let mut recorder = store.recorder();
    for number in 0..20_000 {
        record(&mut recorder, &served(1, &format!("/{number}/{}", "x".repeat(150)), 200, 1000));
    }
    recorder.hand_over();
    let batches = store.collect(at(1));
    assert!(batches.len() > 1);
    let points = received(&batches);
    assert_eq!(of(&points, HTTP).iter().map(|point| point.count).sum::<u64>(), 20_000);
}
