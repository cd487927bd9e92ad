//! Every emitted metric and attribute against the published registry: semantic conventions 1.44.
//!
//! The table was written from the registry's documents (http-metrics, rpc-metrics, database-metrics, messaging-metrics,
//! dns-metrics), not from the code.

use std::collections::BTreeSet;

use plainsight_protocols::{Protocol, Side, Value as Said};

use super::*;
use crate::signal::metrics::table::{Kind, METRICS};

struct Published {
    name: &'static str,
    kind: &'static str,
    unit: &'static str,
    bounds: &'static [f64],
    required: &'static [&'static str],
    other: &'static [&'static str],
}

const SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

const HTTP_SERVER_OTHER: &[&str] = &[
    "error.type",
    "http.response.status_code",
    "http.route",
    "network.protocol.name",
    "network.protocol.version",
    "server.address",
    "server.port",
    "user_agent.synthetic.type",
];
const HTTP_CLIENT_OTHER: &[&str] = &[
    "error.type",
    "http.response.status_code",
    "network.protocol.name",
    "network.protocol.version",
    "url.scheme",
    "url.template",
];
const HTTP_SERVER_REQUIRED: &[&str] = &["http.request.method", "url.scheme"];
const HTTP_CLIENT_REQUIRED: &[&str] = &["http.request.method", "server.address", "server.port"];
const RPC_OTHER: &[&str] =
    &["error.type", "rpc.method", "rpc.response.status_code", "server.address", "server.port"];
const DB_OTHER: &[&str] = &[
    "db.collection.name",
    "db.namespace",
    "db.operation.name",
    "db.response.status_code",
    "error.type",
    "server.port",
    "db.query.summary",
    "db.stored_procedure.name",
    "network.peer.address",
    "network.peer.port",
    "server.address",
    "db.query.text",
];
const MESSAGING_REQUIRED: &[&str] = &["messaging.operation.name", "messaging.system"];
const MESSAGING_OTHER: &[&str] = &[
    "error.type",
    "messaging.consumer.group.name",
    "messaging.destination.name",
    "messaging.destination.subscription.name",
    "messaging.destination.template",
    "messaging.operation.type",
    "server.address",
    "messaging.destination.partition.id",
    "server.port",
];
const SENT_OTHER: &[&str] = &[
    "error.type",
    "messaging.destination.name",
    "messaging.destination.template",
    "server.address",
    "messaging.destination.partition.id",
    "server.port",
];

const fn http(
    name: &'static str,
    unit: &'static str,
    bounds: &'static [f64],
    required: &'static [&'static str],
    other: &'static [&'static str],
) -> Published {
    Published { name, kind: "histogram", unit, bounds, required, other }
}

/// A sum of otel-metrics or process-metrics.
const fn sum(
    name: &'static str,
    kind: &'static str,
    unit: &'static str,
    other: &'static [&'static str],
) -> Published {
    Published { name, kind, unit, bounds: &[], required: &[], other }
}

const EXPORTED: &[&str] =
    &["error.type", "otel.component.name", "otel.component.type", "server.address", "server.port"];
const INFLIGHT: &[&str] = &["otel.component.name", "otel.component.type", "server.address", "server.port"];

/// What the registry says. No bounds where it advises none.
const REGISTRY: &[Published] = &[
    http("http.server.request.duration", "s", SECONDS, HTTP_SERVER_REQUIRED, HTTP_SERVER_OTHER),
    http("http.server.request.body.size", "By", &[], HTTP_SERVER_REQUIRED, HTTP_SERVER_OTHER),
    http("http.server.response.body.size", "By", &[], HTTP_SERVER_REQUIRED, HTTP_SERVER_OTHER),
    http("http.client.request.duration", "s", SECONDS, HTTP_CLIENT_REQUIRED, HTTP_CLIENT_OTHER),
    http("http.client.request.body.size", "By", &[], HTTP_CLIENT_REQUIRED, HTTP_CLIENT_OTHER),
    http("http.client.response.body.size", "By", &[], HTTP_CLIENT_REQUIRED, HTTP_CLIENT_OTHER),
    http("rpc.server.call.duration", "s", SECONDS, &["rpc.system.name"], RPC_OTHER),
    http("rpc.client.call.duration", "s", SECONDS, &["rpc.system.name"], RPC_OTHER),
    http(
        "db.client.operation.duration",
        "s",
        &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0],
        &["db.system.name"],
        DB_OTHER,
    ),
    http(
        "db.client.response.returned_rows",
        "{row}",
        &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0],
        &["db.system.name"],
        DB_OTHER,
    ),
    http("messaging.client.operation.duration", "s", SECONDS, MESSAGING_REQUIRED, MESSAGING_OTHER),
    Published {
        name: "messaging.client.sent.messages",
        kind: "counter",
        unit: "{message}",
        bounds: &[],
        required: MESSAGING_REQUIRED,
        other: SENT_OTHER,
    },
    Published {
        name: "messaging.client.consumed.messages",
        kind: "counter",
        unit: "{message}",
        bounds: &[],
        required: MESSAGING_REQUIRED,
        other: MESSAGING_OTHER,
    },
    http("dns.lookup.duration", "s", SECONDS, &["dns.question.name"], &["error.type"]),
    sum("otel.sdk.exporter.span.exported", "counter", "{span}", EXPORTED),
    sum("otel.sdk.exporter.span.inflight", "updowncounter", "{span}", INFLIGHT),
    sum("otel.sdk.exporter.log.exported", "counter", "{log_record}", EXPORTED),
    sum("otel.sdk.exporter.log.inflight", "updowncounter", "{log_record}", INFLIGHT),
    sum("otel.sdk.exporter.metric_data_point.exported", "counter", "{data_point}", EXPORTED),
    sum("otel.sdk.exporter.metric_data_point.inflight", "updowncounter", "{data_point}", INFLIGHT),
    sum("process.cpu.time", "counter", "s", &["cpu.mode"]),
    sum("process.memory.usage", "updowncounter", "By", &[]),
];

/// Attributes that are numbers; all others that metrics carry are text.
const NUMBERS: &[&str] = &["http.response.status_code", "server.port", "network.peer.port"];

/// Where this differs from the registry, and why.
const DIFFERENCES: &[(&str, &str)] = &[
    // Names of every kind would be series: the registry's own change to opt-in is under way (semantic-conventions#3900).
    ("dns.lookup.duration", "dns.question.name"),
];

fn published(name: &str) -> Option<&'static Published> {
    REGISTRY.iter().find(|published| published.name == name)
}

/// Whether names are ours, or those of Tempo's service graph, which no convention has.
fn is_ours(name: &str) -> bool {
    name.starts_with("plainsight.") || name.starts_with("traces_service_graph_")
}

#[test]
fn names_units_types_buckets_and_attributes_are_those_of_the_registry() {
    for metric in METRICS {
        let Some(published) = published(metric.name) else {
            assert!(is_ours(metric.name), "{} is in no table", metric.name);
            continue;
        };
        let (kind, bounds) = match metric.kind {
            Kind::Histogram(bounds) => ("histogram", bounds),
            Kind::Counter => ("counter", &[][..]),
            Kind::UpDownCounter => ("updowncounter", &[][..]),
        };
        assert_eq!((kind, metric.unit), (published.kind, published.unit), "{}", metric.name);
        assert!(published.bounds.is_empty() || published.bounds == bounds, "{}", metric.name);
        for required in published.required {
            let differs = DIFFERENCES.contains(&(metric.name, *required));
            assert!(metric.attributes.contains(required) != differs, "{} {required}", metric.name);
        }
        for attribute in metric.attributes {
            let known = published.required.contains(attribute) || published.other.contains(attribute);
            assert!(known || attribute.starts_with("plainsight."), "{} {attribute}", metric.name);
        }
    }
    for published in REGISTRY {
        assert!(METRICS.iter().any(|metric| metric.name == published.name), "{} is made", published.name);
    }
}

#[test]
fn by_default_no_metric_carries_what_varies_without_bound() {
    for metric in METRICS {
        for attribute in metric.attributes {
            let varies = [
                "client.",
                "network.peer.",
                "process.",
                "url.path",
                "url.full",
                "url.query",
                "db.query.text",
            ]
            .iter()
            .any(|part| attribute.starts_with(part));
            assert!(!varies && *attribute != "dns.question.name", "{} {attribute}", metric.name);
        }
    }
}

/// An exchange with everything that a protocol can tell.
fn full(protocol: Protocol, side: Side) -> Example {
    let text = |text: &'static str| Said::Text(text.into());
    let attributes = vec![
        ("http.request.method", text("GET")),
        ("url.scheme", text("http")),
        ("url.path", text("/users/17")),
        ("plainsight.http.route", text("/users/{id}")),
        ("http.response.status_code", Said::Integer(503)),
        ("network.protocol.version", text("1.1")),
        ("server.address", text("shop.example")),
        ("server.port", Said::Integer(8080)),
        ("client.address", text("10.0.0.7")),
        ("network.peer.address", text("10.0.0.7")),
        ("network.peer.port", Said::Integer(41822)),
        ("rpc.system.name", text("grpc")),
        ("rpc.method", text("shop.Cart/Add")),
        ("rpc.response.status_code", text("UNAVAILABLE")),
        ("db.system.name", text("postgresql")),
        ("db.namespace", text("shop")),
        ("db.operation.name", text("PREPARE")),
        ("db.collection.name", text("orders")),
        ("db.query.summary", text("SELECT orders")),
        ("db.query.text", text("SELECT * FROM orders")),
        ("db.response.status_code", text("57014")),
        ("messaging.system", text("kafka")),
        ("messaging.operation.name", text("send")),
        ("messaging.operation.type", text("send")),
        ("messaging.destination.name", text("orders")),
        ("messaging.destination.partition.id", text("3")),
        ("messaging.consumer.group.name", text("billing")),
        ("dns.question.name", text("shop.example")),
    ];
    let details = ExampleDetails { attributes, error_type: Some("503"), ..ExampleDetails::default() };
    Example { protocol, side, details, ..Example::default() }
}

#[test]
fn what_is_emitted_has_required_attributes_the_right_types_and_nothing_else() {
    let changes = METRICS.iter().map(|metric| MetricChange {
        name: metric.name.to_owned(),
        enabled: Some(true),
        ..MetricChange::default()
    });
    let store = store(MetricSettings { changes: changes.collect(), ..MetricSettings::default() });
    let mut recorder = store.recorder();
    for protocol in Protocol::ALL {
        for side in [Side::Client, Side::Server] {
            record(&mut recorder, &full(protocol, side));
        }
    }
    recorder.hand_over();
    let points = received(&store.finish(at(1)));
    let emitted: BTreeSet<_> = points.iter().map(|point| point.metric.as_str()).collect();
    assert!(emitted.len() >= 14, "{emitted:?}");
    for point in &points {
        let metric = METRICS.iter().find(|metric| metric.name == point.metric).expect("in the table");
        assert_eq!(point.unit, metric.unit, "{}", point.metric);
        for name in point.attributes.keys() {
            assert!(metric.attributes.contains(&name.as_str()), "{} {name}", point.metric);
            assert_eq!(
                point.integers.contains(name),
                NUMBERS.contains(&name.as_str()),
                "{} {name}",
                point.metric
            );
        }
        assert!(
            point.attributes.values().all(|value| !value.is_empty()),
            "absent rather than empty: {point:?}"
        );
        let Some(published) = published(&point.metric) else { continue };
        assert_eq!(point.kind, published.kind);
        for required in published.required {
            let differs = DIFFERENCES.contains(&(metric.name, *required));
            assert!(point.attribute(required).is_some() != differs, "{} {required}", point.metric);
        }
    }
}
