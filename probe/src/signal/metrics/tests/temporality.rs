//! What time a point covers.

use std::time::Duration;

use super::*;

fn collect(store: &MetricStore, recorder: &mut MetricRecorder, seconds: u64) -> Vec<Received> {
    recorder.hand_over();
    received(&store.collect(at(seconds)))
}

/// Start and end in seconds, and the count, of the only HTTP series.
fn only(points: &[Received]) -> Option<(u64, u64, u64)> {
    let http = of(points, HTTP);
    assert!(http.len() <= 1);
    http.first().map(|point| ((point.start - START) / SECOND, (point.time - START) / SECOND, point.count))
}

#[test]
fn cumulative_points_repeat_their_start_and_add_up() {
    let store = store(MetricSettings::default());
    let mut recorder = store.recorder();
    assert_eq!(only(&collect(&store, &mut recorder, 10)), None);
    record(&mut recorder, &served(1, "/", 200, 1000));
    assert_eq!(
        only(&collect(&store, &mut recorder, 20)),
        Some((10, 20, 1)),
        "it began after the collection before"
    );
    assert_eq!(only(&collect(&store, &mut recorder, 30)), Some((10, 30, 1)), "what was sent keeps reporting");
    record(&mut recorder, &served(1, "/", 200, 1000));
    assert_eq!(only(&collect(&store, &mut recorder, 40)), Some((10, 40, 2)));
}

#[test]
fn delta_points_follow_each_other_and_are_left_out_where_nothing_happened() {
    for temporality in [Temporality::Delta, Temporality::LowMemory] {
        let store = store(MetricSettings { temporality, ..MetricSettings::default() });
        let mut recorder = store.recorder();
        record(&mut recorder, &served(1, "/", 200, 1000));
        let points = collect(&store, &mut recorder, 10);
        assert!(of(&points, HTTP)[0].is_delta);
        assert_eq!(only(&points), Some((0, 10, 1)));
        assert_eq!(only(&collect(&store, &mut recorder, 20)), None);
        record(&mut recorder, &served(1, "/", 200, 1000));
        record(&mut recorder, &served(1, "/", 200, 1000));
        assert_eq!(only(&collect(&store, &mut recorder, 30)), Some((20, 30, 2)));
    }
}

#[test]
fn a_series_that_returns_begins_anew() {
    let idle = Duration::from_secs(60);
    let store = store(MetricSettings { idle, service_graph: false, ..MetricSettings::default() });
    let mut recorder = store.recorder();
    record(&mut recorder, &served(1, "/", 200, 1000));
    assert_eq!(only(&collect(&store, &mut recorder, 10)), Some((0, 10, 1)));
    assert_eq!(
        only(&collect(&store, &mut recorder, 70)),
        Some((0, 70, 1)),
        "not yet idle for longer than a minute"
    );
    assert_eq!(only(&collect(&store, &mut recorder, 80)), Some((0, 80, 1)), "its last point");
    assert_eq!(only(&collect(&store, &mut recorder, 90)), None);
    assert_eq!((store.status().expired, store.status().series), (1, 0));
    record(&mut recorder, &served(1, "/", 200, 1000));
    assert_eq!(only(&collect(&store, &mut recorder, 100)), Some((90, 100, 1)));
}

#[test]
fn services_that_are_gone_make_room_for_others() {
    let settings =
        MetricSettings { resources: 3, idle: Duration::from_secs(60), ..MetricSettings::default() };
    let store = store(settings);
    let mut recorder = store.recorder();
    for round in 0..10_u64 {
        for pid in 0..3 {
            record(&mut recorder, &served(1 + round as u32 * 3 + pid, "/", 200, 1000));
        }
        collect(&store, &mut recorder, round * 200);
        let points = collect(&store, &mut recorder, round * 200 + 1);
        assert_eq!(of(&points, HTTP).iter().filter(|point| !point.is_overflow()).count(), 3, "round {round}");
        collect(&store, &mut recorder, round * 200 + 100);
    }
    assert!(store.status().services <= 3);
}

#[test]
fn exponential_histograms_hold_the_same_values() {
    let store = store(MetricSettings { histograms: Histograms::Exponential, ..MetricSettings::default() });
    let mut recorder = store.recorder();
    let mut sum = 0.0;
    for number in 1..=1000_u64 {
        let nanos = number * number * 1000;
        sum += nanos as f64 / 1e9;
        record(&mut recorder, &served(1, "/", 200, nanos));
        if number % 100 == 0 {
            recorder.hand_over();
        }
    }
    let points = collect(&store, &mut recorder, 10);
    let point = of(&points, HTTP)[0];
    assert_eq!((point.kind, point.count), ("exponential", 1000));
    assert!((point.sum - sum).abs() < 1e-6);
}

#[test]
fn no_measurement_is_in_two_delta_points_or_in_none() {
    let store = store(MetricSettings { temporality: Temporality::Delta, ..MetricSettings::default() });
    let mut recorder = store.recorder();
    let (mut offered, mut got, mut end) = (0, 0, START);
    for round in 1..50_u64 {
        for number in 0..round % 7 {
            record(&mut recorder, &served(1, &format!("/{number}"), 200, 1000));
            offered += 1;
        }
        if round % 3 == 0 {
            store.absorb(at(round));
        }
        let points = collect(&store, &mut recorder, round);
        for point in of(&points, HTTP) {
            assert_eq!(point.start, end, "without a hole");
            got += point.count;
        }
        end = START + round * SECOND;
    }
    assert_eq!(got, offered);
}
