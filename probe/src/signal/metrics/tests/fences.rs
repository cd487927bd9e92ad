//! Sums are exact whatever the fences do, and series stay under their caps.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

type Attributes = BTreeMap<String, String>;

fn small() -> MetricSettings {
    MetricSettings {
        values_per_attribute: 4,
        series_per_metric: 12,
        resources: 3,
        ..MetricSettings::default()
    }
}

/// Values that an attribute shows in a service, `*` not counted.
fn values(points: &[&Received], service: &str, attribute: &str) -> usize {
    let shown =
        points.iter().filter(|point| point.service == service).filter_map(|point| point.attribute(attribute));
    shown.filter(|value| *value != "*").collect::<BTreeSet<_>>().len()
}

#[derive(Debug, Clone)]
enum Step {
    Exchange { worker: usize, pid: u32, route: u8, status: i64, nanos: u64 },
    HandOver(usize),
    Absorb,
    Collect,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let exchange = (0_usize..2, 1_u32..6, 0_u8..20, 200_i64..206, 0_u64..20_000_000_000)
        .prop_map(|(worker, pid, route, status, nanos)| Step::Exchange { worker, pid, route, status, nanos });
    let step = prop_oneof![
        20 => exchange,
        2 => (0_usize..2).prop_map(Step::HandOver),
        1 => Just(Step::Absorb),
        1 => Just(Step::Collect),
    ];
    prop::collection::vec(step, 0..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn everything_offered_is_in_exactly_one_point(
        steps in steps(),
        is_delta: bool,
        is_exponential: bool,
    ) {
        let temporality = if is_delta { Temporality::Delta } else { Temporality::Cumulative };
        let histograms = if is_exponential { Histograms::Exponential } else { Histograms::Explicit };
        let store = store(MetricSettings { temporality, histograms, ..small() });
        let mut recorders = [store.recorder(), store.recorder()];
        let mut offered: BTreeMap<u32, (u64, u128)> = BTreeMap::new();
        let mut collected: Vec<Vec<Received>> = Vec::new();
        let mut now = 0;
        for step in steps {
            match step {
                Step::Exchange { worker, pid, route, status, nanos } => {
                    record(&mut recorders[worker], &served(pid, &format!("/{route}"), status, nanos));
                    let (count, sum) = offered.entry(pid).or_default();
                    *count += 1;
                    *sum += u128::from(nanos);
                }
                Step::HandOver(worker) => recorders[worker].hand_over(),
                Step::Absorb => {
                    now += 1;
                    store.absorb(at(now));
                }
                Step::Collect => {
                    now += 1;
                    collected.push(received(&store.collect(at(now))));
                }
            }
        }
        drop(recorders);
        collected.push(received(&store.finish(at(now + 1))));

        let counted: Vec<&Received> = if is_delta {
            collected.iter().flatten().filter(|point| point.metric == HTTP).collect()
        } else {
            of(collected.last().expect("one"), HTTP)
        };
        let count: u64 = counted.iter().map(|point| point.count).sum();
        let sum: f64 = counted.iter().map(|point| point.sum).sum();
        let expected: u128 = offered.values().map(|(_, sum)| sum).sum();
        prop_assert_eq!(count, offered.values().map(|(count, _)| count).sum::<u64>());
        prop_assert!((sum - expected as f64 / 1e9).abs() < 1e-3, "{} for {} ns", sum, expected);

        let services: BTreeSet<_> = counted.iter().map(|point| point.service.clone()).collect();
        prop_assert!(services.len() <= 4, "three and the rest: {:?}", services);
        for service in &services {
            if let Some(pid) = service.strip_prefix("service-") {
                let own: u64 = counted.iter().filter(|point| point.service == *service).map(|point| point.count).sum();
                prop_assert_eq!(own, offered[&pid.parse::<u32>().expect("a pid")].0, "{} keeps its own", service);
            }
            prop_assert!(values(&counted, service, "plainsight.http.route") <= 4);
            prop_assert!(values(&counted, service, "http.response.status_code") <= 4);
        }
        let mut series: BTreeSet<(String, Attributes)> = BTreeSet::new();
        for points in &collected {
            let now: BTreeSet<_> =
                of(points, HTTP).into_iter().map(|point| (point.service.clone(), point.attributes.clone())).collect();
            prop_assert!(is_delta || series.is_subset(&now), "what was sent keeps reporting");
            series.extend(now);
        }
        let overflow = |attributes: &Attributes| attributes.contains_key("otel.metric.overflow");
        prop_assert!(series.iter().filter(|(_, attributes)| !overflow(attributes)).count() <= 12);
        prop_assert!(series.iter().all(|(_, attributes)| !overflow(attributes) || attributes.len() == 1));
    }
}

/// How many different values are offered: a million, where the code is fast enough for a test.
const MANY: u64 = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };

#[test]
fn a_million_different_values_leave_the_series_under_their_caps_and_the_sums_exact() {
    let store = store(MetricSettings::default());
    let mut recorder = store.recorder();
    let mut sum = 0_u128;
    for number in 0..MANY {
        let nanos = number * 1000;
        sum += u128::from(nanos);
        record(&mut recorder, &served(1, &format!("/{number}"), 200 + number as i64 % 7, nanos));
        if number % 10_000 == 0 {
            recorder.hand_over();
            store.absorb(at(number / 10_000));
        }
    }
    recorder.hand_over();
    let points = received(&store.collect(at(1000)));
    let http = of(&points, HTTP);
    assert_eq!(http.iter().map(|point| point.count).sum::<u64>(), MANY);
    let got: f64 = http.iter().map(|point| point.sum).sum();
    assert!((got - sum as f64 / 1e9).abs() / got < 1e-9, "{got}");
    assert_eq!(values(&http, "service-1", "plainsight.http.route"), 100);
    assert!(http.len() <= 2001);
    let folded: Vec<_> = of(&points, "plainsight.metric.folded_measurements");
    let of_route = folded.iter().find(|point| {
        point.attribute("plainsight.metric.attribute") == Some("plainsight.http.route")
            && point.attribute("plainsight.metric.name") == Some(HTTP)
    });
    assert_eq!(of_route.expect("what the fence did").sum, (MANY - 100) as f64);
    assert_eq!(store.status().folded, MANY - 100);
}

#[test]
fn a_wild_service_folds_itself_and_not_a_calm_one() {
    let settings = MetricSettings { values_per_attribute: 1_000_000, ..MetricSettings::default() };
    let store = store(settings);
    let mut recorder = store.recorder();
    for number in 0..20_000_u64 {
        record(&mut recorder, &served(1, &format!("/{number}"), 200, 1000));
        if number > 15_000 && number % 100 == 0 {
            record(&mut recorder, &served(2, &format!("/calm/{}", number / 100 % 30), 200, 1000));
        }
    }
    recorder.hand_over();
    let points = received(&store.collect(at(1)));
    let http = of(&points, HTTP);
    let overflown = |service: &str| -> u64 {
        http.iter()
            .filter(|point| point.service == service && point.is_overflow())
            .map(|point| point.count)
            .sum()
    };
    assert!(overflown("service-1") > 10_000);
    assert_eq!(overflown("service-2"), 0);
    assert_eq!(values(&http, "service-2", "plainsight.http.route"), 30);
    assert!(http.iter().filter(|point| !point.is_overflow()).count() <= 2000);
    assert_eq!(
        http.iter().filter(|point| point.service == "service-1").map(|point| point.count).sum::<u64>(),
        20_000
    );
    let overflowed = of(&points, "plainsight.metric.overflowed_measurements");
    let told = overflowed.iter().find(|point| point.attribute("plainsight.metric.name") == Some(HTTP));
    assert_eq!(told.expect("what the fence did").sum as u64, overflown("service-1"));
    assert_eq!(store.status().notes()[1].events, store.status().overflowed);
}

#[test]
fn services_beyond_those_told_apart_share_a_point() {
    let store = store(MetricSettings { resources: 2, ..MetricSettings::default() });
    let mut recorder = store.recorder();
    for pid in 1..=5 {
        record(&mut recorder, &served(pid, "/", 200, 1000));
        recorder.hand_over();
        store.absorb(at(1));
    }
    let points = received(&store.collect(at(1)));
    let rest: Vec<_> = of(&points, HTTP)
        .into_iter()
        .filter(|point| point.service == "unknown_service:beyond_limit")
        .collect();
    assert_eq!((rest.len(), rest[0].count, rest[0].is_overflow()), (1, 3, true));
}
