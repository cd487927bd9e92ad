//! The text is read back and compared with what OTLP says at the same moment.

use std::collections::BTreeMap;

use super::*;
use crate::signal::metrics::{
    Histograms, MetricSettings, SpanRef,
    tests::{HTTP, START, at, received, record, served, store},
};

#[derive(Debug, Clone, PartialEq)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
    exemplar: Option<String>,
}

/// Reads the lines of either format.
fn read(text: &str) -> Vec<Sample> {
    text.lines().filter(|line| !line.starts_with('#')).map(sample).collect()
}

fn sample(line: &str) -> Sample {
    let (name, rest) = line.split_at(line.find('{').expect("labels"));
    let mut labels = BTreeMap::new();
    let mut rest = &rest[1..];
    loop {
        let (label, after) = rest.split_once("=\"").expect("a label");
        let mut value = String::new();
        let mut characters = after.char_indices();
        let end = loop {
            match characters.next().expect("a closing quote") {
                (place, '"') => break place,
                (_, '\\') => match characters.next().expect("what is escaped").1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (_, other) => value.push(other),
            }
        };
        assert!(labels.insert(label.to_owned(), value).is_none(), "{label} twice in {line}");
        rest = &after[end + 1..];
        match rest.strip_prefix(',') {
            Some(next) => rest = next,
            None => break,
        }
    }
    let rest = rest.strip_prefix("} ").expect("a value");
    let (value, exemplar) = match rest.split_once(" # ") {
        Some((value, exemplar)) => (value, Some(exemplar.to_owned())),
        None => (rest, None),
    };
    Sample { name: name.to_owned(), labels, value: value.parse().expect("a number"), exemplar }
}

fn find<'a>(samples: &'a [Sample], name: &str, labels: &[(&str, &str)]) -> Vec<&'a Sample> {
    let matches = |sample: &&Sample| {
        sample.name == name
            && labels
                .iter()
                .all(|(label, value)| sample.labels.get(*label).is_some_and(|known| known == value))
    };
    samples.iter().filter(matches).collect()
}

fn text(store: &MetricStore, format: TextFormat) -> String {
    let mut out = String::new();
    append_metrics(store, at(10), format, &mut out);
    out
}

#[test]
fn the_text_has_the_same_numbers_as_otlp() {
    let store = store(MetricSettings::default());
    let mut recorder = store.recorder();
    for number in 0..200_u64 {
        let route = format!("/items/\"{}\\\n", number % 5);
        record(
            &mut recorder,
            &served(1 + number as u32 % 3, &route, 200 + number as i64 % 2 * 300, number * 7_000_000),
        );
    }
    recorder.hand_over();
    let samples = read(&text(&store, TextFormat::Prometheus));
    let points = received(&store.collect(at(10)));
    let mut compared = 0;
    for point in points.iter().filter(|point| point.metric == HTTP) {
        let job = format!("shop/{}", point.service);
        let mut labels = vec![("job", job.as_str())];
        let named: Vec<_> =
            point.attributes.iter().map(|(name, value)| (name.replace('.', "_"), value)).collect();
        labels.extend(named.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let only = |name: &str| {
            let found = find(&samples, name, &labels);
            let exact = labels.len() + 4;
            let found: Vec<_> = found.into_iter().filter(|sample| sample.labels.len() == exact).collect();
            assert_eq!(found.len(), 1, "{name} {labels:?}");
            found[0]
        };
        assert_eq!(only("http_server_request_duration_seconds_count").value, point.count as f64);
        assert_eq!(only("http_server_request_duration_seconds_sum").value, point.sum);
        assert_eq!(
            only("http_server_request_duration_seconds_sum").labels["instance"],
            format!("{}-1", point.service)
        );
        let buckets = find(&samples, "http_server_request_duration_seconds_bucket", &labels);
        let mut passed = 0;
        for (place, count) in point.buckets.iter().enumerate() {
            passed += count;
            let upper = point.bounds.get(place).map_or("+Inf".to_owned(), |bound| format!("{bound:?}"));
            let bucket = buckets.iter().find(|sample| sample.labels["le"] == upper).expect("a bucket");
            assert_eq!(bucket.value, passed as f64);
        }
        compared += 1;
    }
    assert_eq!(compared, 3 * 5 * 2);
    let targets = find(&samples, "target_info", &[]);
    assert_eq!(targets.len(), 4, "three services and the probe: {targets:?}");
}

#[test]
fn names_get_their_units_and_what_sums_get() {
    let store = store(MetricSettings { values_per_attribute: 1, ..MetricSettings::default() });
    let mut recorder = store.recorder();
    for route in ["/a", "/b", "/c"] {
        record(&mut recorder, &served(1, route, 200, 1_000_000));
    }
    recorder.hand_over();
    store.absorb(at(5));
    let text = text(&store, TextFormat::Prometheus);
    for head in [
        "# TYPE http_server_request_duration_seconds histogram",
        "# TYPE traces_service_graph_request_total counter",
        "# TYPE traces_service_graph_request_server_seconds histogram",
        "# TYPE plainsight_metric_folded_measurements_total counter",
        "# TYPE plainsight_metric_series gauge",
        "# TYPE target_info gauge",
    ] {
        assert_eq!(text.lines().filter(|line| *line == head).count(), 1, "{head}\n{text}");
    }
    let samples = read(&text);
    let folded =
        find(&samples, "plainsight_metric_folded_measurements_total", &[("plainsight_metric_name", HTTP)]);
    assert_eq!((folded.len(), folded[0].value), (1, 2.0));
    let scope = [("otel_scope_name", "plainsight"), ("otel_scope_schema_url", SCHEMA_URL)];
    assert!(!find(&samples, "http_server_request_duration_seconds_count", &scope).is_empty());
}

#[test]
fn openmetrics_has_examples_start_times_and_an_end() {
    let store = store(MetricSettings::default());
    let mut recorder = store.recorder();
    let span = SpanRef { trace_id: [0xab; 16], span_id: [0xcd; 8], unix_nanos: START + 5 };
    served(1, "/", 200, 30_000_000).observe(|observed| recorder.record(observed, Some(span)));
    recorder.hand_over();
    store.absorb(at(5));
    let text = text(&store, TextFormat::OpenMetrics);
    assert!(text.ends_with("# EOF\n"));
    assert!(text.contains("# TYPE traces_service_graph_request counter\n"), "{text}");
    assert!(text.contains("# UNIT http_server_request_duration_seconds seconds\n"), "{text}");
    assert!(text.contains("# TYPE target info\n"), "{text}");
    let samples = read(&text);
    let bucket = find(&samples, "http_server_request_duration_seconds_bucket", &[("le", "0.05")])[0];
    let expected = format!(
        "{{trace_id=\"{}\",span_id=\"{}\"}} 0.03 1700000000.000000005",
        "ab".repeat(16),
        "cd".repeat(8)
    );
    assert_eq!(bucket.exemplar.as_deref(), Some(expected.as_str()));
    let created = find(&samples, "http_server_request_duration_seconds_created", &[]);
    assert_eq!(created[0].value, (START / 1_000_000_000) as f64);
}

#[test]
fn exponential_histograms_become_a_few_explicit_buckets_with_the_same_count() {
    let store = store(MetricSettings { histograms: Histograms::Exponential, ..MetricSettings::default() });
    let mut recorder = store.recorder();
    for number in 0..500_u64 {
        record(&mut recorder, &served(1, "/", 200, number * number * 10_000));
    }
    recorder.hand_over();
    let samples = read(&text(&store, TextFormat::Prometheus));
    let buckets = find(&samples, "http_server_request_duration_seconds_bucket", &[]);
    assert!((5..30).contains(&buckets.len()), "{}", buckets.len());
    assert!(buckets.is_sorted_by(|left, right| left.value <= right.value));
    let last = buckets.last().expect("buckets");
    assert_eq!((last.labels["le"].as_str(), last.value), ("+Inf", 500.0));
}

#[test]
fn the_format_is_the_one_that_is_asked_for() {
    assert_eq!(
        TextFormat::accepted("application/openmetrics-text;version=1.0.0,*/*;q=0.1"),
        TextFormat::OpenMetrics
    );
    assert_eq!(TextFormat::accepted("text/plain"), TextFormat::Prometheus);
    assert!(TextFormat::Prometheus.content_type().contains("0.0.4"));
}

#[test]
fn names_of_two_attributes_that_become_the_same_share_a_label() {
    let mut labels = Labels(Vec::new());
    labels.push("a.b", "1");
    labels.push("a_b", "2");
    labels.push("7.x", "3");
    let mut out = String::new();
    labels.append(None, &mut out);
    assert_eq!(out, "{a_b=\"1;2\",_7_x=\"3\"}");
}
