//! Each number of the daemon arrives under a name of the table.

use std::collections::BTreeSet;

use super::*;
use crate::export::otlp::Receiver;
use crate::signal::{
    LossReason,
    metrics::{
        MetricSettings,
        table::{Family, METRICS},
        tests::{at, received, store},
    },
    spool::SpoolCounters,
};

/// A number for everything that can be told.
fn all(tell: Tell<'_>) {
    let loss = |reason, events| LossReason { reason, remedy: "", events };
    let status = Status {
        events: 100,
        connections: 4,
        exchanges: 50,
        unobserved: 2,
        losses: vec![loss("ring full", 7)],
        left_out: vec![loss("heads too long", 3)],
        ..Status::default()
    };
    capture(&status, tell);
    let program = |program: &str, runs, millis| ProgramTime {
        program: program.to_owned(),
        runs,
        time: std::time::Duration::from_millis(millis),
    };
    programs(&[program("recv_exit", 67, 250), program("send_exit", 71, 500)], tell);
    traces(&TraceCounters { head: 11, unsampled_ratio: 13, ..TraceCounters::default() }, tell);
    let spans = SpoolCounters { handed_over: 17, dropped: 19, waiting_bytes: 23 };
    feeder(&FeederCounts { spans, hurried: 29, ..FeederCounts::default() }, tell);
    identities(&Counts { known: 31, evicted: 37, ..Counts::default() }, tell);
    let mut stats = DestinationStats {
        name: "backend".into(),
        target: "http://127.0.0.1:4318".into(),
        receiver: Receiver { way: "otlp_http", address: Some("127.0.0.1".into()), port: Some(4318) },
        memory_capacity_bytes: 67,
        disk_capacity_bytes: Some(73),
        kinds: Default::default(),
        last_error: None,
        last_warning: None,
        disk_error: None,
    };
    let kind = &mut stats.kinds[SignalKind::Traces as usize];
    kind.sent.items = 41;
    kind.rejected_items = 43;
    kind.in_flight.items = 47;
    kind.queued = Amount { batches: 1, items: 53, bytes: 59 };
    kind.retries = 61;
    exporter(&stats, tell);
    process(tell);
    plain("plainsight.limits.step", step_number(Step::Count), tell);
}

#[test]
fn every_metric_of_the_probe_is_told_and_arrives_with_its_number() {
    let store = store(MetricSettings::default());
    store.read_also(|tell| all(tell));
    let points = received(&store.collect(at(1)));
    let arrived: BTreeSet<_> = points.iter().map(|point| point.metric.as_str()).collect();
    for metric in METRICS.iter().filter(|metric| metric.family == Family::Probe) {
        assert!(arrived.contains(metric.name), "{}", metric.name);
    }
    let mut told = 0;
    all(&mut |reading| {
        told += 1;
        let point = points.iter().find(|point| {
            point.metric == reading.metric
                && point.attributes.len() == reading.attributes.len()
                && reading.attributes.iter().all(|(name, value)| point.attribute(name) == Some(value))
        });
        let point = point.unwrap_or_else(|| panic!("{reading:?} did not arrive as it was told"));
        // What /proc says moves between two readings.
        if !reading.metric.starts_with("process.") {
            let divisor = if point.unit == "s" { 1e9 } else { 1.0 };
            assert_eq!(point.sum, reading.value as f64 / divisor, "{reading:?}");
        }
    });
    let own = points.iter().filter(|point| {
        METRICS.iter().any(|metric| metric.family == Family::Probe && metric.name == point.metric)
    });
    assert_eq!(own.count(), told, "no reading hides another");
}

#[test]
fn an_exporter_is_told_apart_by_its_kind_and_where_it_sends_to() {
    let store = store(MetricSettings::default());
    store.read_also(|tell| all(tell));
    let points = received(&store.collect(at(1)));
    for (metric, component) in [
        ("otel.sdk.exporter.span.exported", "otlp_http_span_exporter"),
        ("otel.sdk.exporter.log.inflight", "otlp_http_log_exporter"),
        ("otel.sdk.exporter.metric_data_point.exported", "otlp_http_metric_exporter"),
    ] {
        let point = points.iter().find(|point| point.metric == metric).expect(metric);
        assert_eq!(point.attribute("otel.component.type"), Some(component));
        assert_eq!(point.attribute("server.address"), Some("127.0.0.1"));
        assert_eq!(point.attribute("server.port"), Some("4318"));
        assert!(point.integers.iter().any(|name| name == "server.port"), "a port is a number");
    }
}

#[test]
fn what_a_destination_rejected_is_told_apart_by_its_error() {
    let store = store(MetricSettings::default());
    store.read_also(|tell| all(tell));
    let points = received(&store.collect(at(1)));
    let exported: Vec<_> = points
        .iter()
        .filter(|point| point.metric == "otel.sdk.exporter.span.exported")
        .map(|point| (point.attribute("error.type"), point.sum))
        .collect();
    assert_eq!(exported.len(), 2, "{exported:?}");
    assert!(exported.contains(&(None, 41.0)) && exported.contains(&(Some("rejected"), 43.0)), "{exported:?}");
}
