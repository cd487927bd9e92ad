//! What the probe tells of itself.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::export::{TextFormat, append_metrics};

const LOST: &str = "plainsight.capture.lost_events";

/// A store that reads three values, of which the first is in `lost`.
fn reading(temporality: Temporality, lost: &Arc<AtomicU64>) -> Arc<MetricStore> {
    let store = store(MetricSettings { temporality, ..MetricSettings::default() });
    let lost = Arc::clone(lost);
    store.read_also(move |tell| {
        let value = lost.load(Ordering::Relaxed);
        tell(OwnReading { metric: LOST, attributes: &[("plainsight.reason", "ring full")], value });
        let attributes: &[_] = &[("cpu.mode", "user")];
        tell(OwnReading { metric: "process.cpu.time", attributes, value: 1_250_000_000 });
        tell(OwnReading { metric: "process.memory.usage", attributes: &[], value: 4096 });
    });
    store
}

fn value(points: &[Received], metric: &str) -> (f64, bool, u64) {
    let found = of(points, metric);
    assert_eq!(found.len(), 1, "{metric}: {points:?}");
    assert_eq!(found[0].service, "plainsight", "under the probe's own resource");
    (found[0].sum, found[0].is_delta, (found[0].start - START) / SECOND)
}

#[test]
fn readings_are_on_the_page_and_in_requests_with_equal_numbers() {
    let store = reading(Temporality::Cumulative, &Arc::new(AtomicU64::new(7)));
    let mut text = String::new();
    append_metrics(&store, at(10), TextFormat::Prometheus, &mut text);
    let points = received(&store.collect(at(10)));
    for (metric, sample, number) in [
        (LOST, "plainsight_capture_lost_events_total{", 7.0),
        ("process.cpu.time", "process_cpu_time_seconds_total{", 1.25),
        ("process.memory.usage", "process_memory_usage_bytes{", 4096.0),
    ] {
        assert_eq!(value(&points, metric), (number, false, 0));
        let line =
            text.lines().find(|line| line.starts_with(sample)).unwrap_or_else(|| panic!("{sample}: {text}"));
        let (labels, shown) = line.rsplit_once(' ').expect("a value");
        assert_eq!(shown.parse::<f64>().expect("a number"), number, "{line}");
        assert!(labels.contains("job=\"shop/plainsight\""), "{line}");
        for attribute in of(&points, metric)[0].attributes.values() {
            assert!(labels.contains(&format!("=\"{attribute}\"")), "{line}");
        }
    }
}

#[test]
fn as_delta_a_reading_tells_what_came_since_the_collection_whatever_pages_saw() {
    let lost = Arc::new(AtomicU64::new(7));
    let store = reading(Temporality::Delta, &lost);
    assert_eq!(value(&received(&store.collect(at(10))), LOST), (7.0, true, 0));
    lost.store(9, Ordering::Relaxed);
    let mut text = String::new();
    append_metrics(&store, at(15), TextFormat::Prometheus, &mut text);
    assert!(
        text.lines().any(|line| line.starts_with("plainsight_capture_lost_events") && line.ends_with(" 9"))
    );
    lost.store(12, Ordering::Relaxed);
    let points = received(&store.collect(at(20)));
    assert_eq!(value(&points, LOST), (5.0, true, 10));
    assert_eq!(value(&points, "process.memory.usage"), (4096.0, false, 0), "what may fall is told as it is");
}

#[test]
fn series_of_readings_are_bounded_and_nothing_is_missing_from_their_sum() {
    let store = store(MetricSettings::default());
    store.read_also(|tell| {
        for number in 0..3000 {
            let reason = number.to_string();
            tell(OwnReading { metric: LOST, attributes: &[("plainsight.reason", &reason)], value: 1 });
        }
    });
    for round in 1..4 {
        let points = received(&store.collect(at(round)));
        let found = of(&points, LOST);
        assert_eq!(found.len(), 1025);
        assert_eq!(found.iter().map(|point| point.sum).sum::<f64>(), 3000.0);
        assert!(found.iter().any(|point| point.attribute("plainsight.reason") == Some("*")));
    }
}

#[test]
fn attributes_that_settings_take_away_are_added_up_and_metrics_that_are_off_are_not_made() {
    let changes = vec![
        MetricChange {
            name: LOST.into(),
            remove: vec!["plainsight.reason".into()],
            ..MetricChange::default()
        },
        MetricChange { name: "process.cpu.time".into(), enabled: Some(false), ..MetricChange::default() },
    ];
    let store = store(MetricSettings { changes, ..MetricSettings::default() });
    store.read_also(|tell| {
        for (reason, value) in [("ring full", 3), ("copy fault", 4)] {
            tell(OwnReading { metric: LOST, attributes: &[("plainsight.reason", reason)], value });
        }
        tell(OwnReading { metric: "process.cpu.time", attributes: &[], value: 1 });
    });
    let points = received(&store.collect(at(1)));
    assert_eq!(value(&points, LOST).0, 7.0);
    assert!(of(&points, "process.cpu.time").is_empty());
}
