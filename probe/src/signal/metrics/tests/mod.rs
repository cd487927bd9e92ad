//! Metrics as a backend gets them: every request is decoded by the published messages.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    metrics::v1::{AggregationTemporality, Exemplar, metric::Data, number_data_point},
};
use prost::Message as _;

use super::*;
use crate::{
    export::Batch,
    identity::{Resource, ResourceValue},
    signal::{Example, ExampleDetails, WallTime},
};

mod connections;
mod conventions;
mod exchanges;
mod fences;
mod graph;
mod own;
mod temporality;

pub(crate) const SECOND: u64 = 1_000_000_000;
/// When the tests begin.
pub(crate) const START: u64 = 1_700_000_000 * SECOND;

pub(crate) const HTTP: &str = "http.server.request.duration";

/// A point as a backend sees it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Received {
    pub(crate) service: String,
    pub(crate) metric: String,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) integers: Vec<String>,
    pub(crate) unit: String,
    pub(crate) kind: &'static str,
    pub(crate) is_delta: bool,
    pub(crate) start: u64,
    pub(crate) time: u64,
    pub(crate) count: u64,
    pub(crate) sum: f64,
    pub(crate) buckets: Vec<u64>,
    pub(crate) bounds: Vec<f64>,
    pub(crate) exemplars: Vec<Exemplar>,
}

impl Received {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    pub(crate) fn is_overflow(&self) -> bool {
        self.attribute("otel.metric.overflow").is_some()
    }
}

pub(crate) fn at(seconds: u64) -> WallTime {
    WallTime::from_unix_nanos(START + seconds * SECOND)
}

pub(crate) fn resource(name: &str) -> Arc<Resource> {
    let text = |text: &str| ResourceValue::Text(text.into());
    let attributes = vec![
        ("service.instance.id".into(), text(&format!("{name}-1"))),
        ("service.name".into(), text(name)),
        ("service.namespace".into(), text("shop")),
    ];
    Arc::new(Resource { service_name: name.into(), service_namespace: Some("shop".into()), attributes })
}

/// A store in which process 17 is the service `service-17`, and nobody knows any address.
pub(crate) fn store(settings: MetricSettings) -> Arc<MetricStore> {
    store_with(settings, |pid| Some(resource(&format!("service-{pid}"))), |_| None)
}

pub(crate) fn store_with(
    settings: MetricSettings,
    resource: impl Fn(u32) -> Option<Arc<Resource>> + Send + Sync + 'static,
    peer: impl Fn(IpAddr) -> Option<Peer> + Send + Sync + 'static,
) -> Arc<MetricStore> {
    let plan = MetricPlan::new(settings).expect("settings without faults");
    MetricStore::new(plan, self::resource("plainsight"), Names::new(resource, peer), at(0))
}

/// An HTTP exchange that process `pid` served.
pub(crate) fn served(pid: u32, route: &str, status: i64, nanos: u64) -> Example {
    let attributes = vec![
        ("http.request.method", plainsight_protocols::Value::Text("GET".into())),
        ("url.scheme", plainsight_protocols::Value::Text("http".into())),
        ("plainsight.http.route", plainsight_protocols::Value::Text(route.to_owned().into())),
        ("http.response.status_code", plainsight_protocols::Value::Integer(status)),
    ];
    let error_type = (status >= 500).then_some("500");
    Example {
        pid,
        duration: Some(nanos),
        details: ExampleDetails { attributes, error_type, ..ExampleDetails::default() },
        ..Example::default()
    }
}

pub(crate) fn record(recorder: &mut MetricRecorder, example: &Example) {
    example.observe(|observed| recorder.record(observed, None));
}

fn texts(attributes: &[KeyValue]) -> (BTreeMap<String, String>, Vec<String>) {
    let mut integers = Vec::new();
    let mut text = |attribute: &KeyValue| {
        let value = attribute.value.clone().and_then(|value| value.value).expect("a value");
        let text = match value {
            Value::StringValue(text) => text,
            Value::BoolValue(truth) => truth.to_string(),
            Value::IntValue(number) => {
                integers.push(attribute.key.clone());
                number.to_string()
            }
            other => panic!("{other:?}"),
        };
        (attribute.key.clone(), text)
    };
    let texts: BTreeMap<_, _> = attributes.iter().map(&mut text).collect();
    assert_eq!(texts.len(), attributes.len(), "each attribute once: {attributes:?}");
    (texts, integers)
}

/// All points of requests, with what must be true of every request checked.
pub(crate) fn received(batches: &[Batch]) -> Vec<Received> {
    let mut all = Vec::new();
    for batch in batches {
        assert!(batch.payload.len() < 4 << 20, "{} bytes", batch.payload.len());
        let before = all.len();
        let request = ExportMetricsServiceRequest::decode(batch.payload.clone()).expect("a request");
        for resource in request.resource_metrics {
            assert_eq!(resource.schema_url, crate::signal::otlp::SCHEMA_URL);
            let (attributes, _) = texts(&resource.resource.expect("a resource").attributes);
            let service = attributes["service.name"].clone();
            for scope in resource.scope_metrics {
                assert_eq!(scope.scope.expect("a scope").name, "plainsight");
                assert!(!scope.metrics.is_empty(), "no empty envelopes");
                scope.metrics.into_iter().for_each(|metric| points(&service, metric, &mut all));
            }
        }
        assert_eq!(all.len() - before, batch.items as usize, "items are points");
    }
    all
}

fn points(service: &str, metric: opentelemetry_proto::tonic::metrics::v1::Metric, all: &mut Vec<Received>) {
    let is_delta = |temporality| match AggregationTemporality::try_from(temporality) {
        Ok(AggregationTemporality::Delta) => true,
        Ok(AggregationTemporality::Cumulative) => false,
        other => panic!("{other:?}"),
    };
    let base = |attributes: &[KeyValue], start, time| {
        let (attributes, integers) = texts(attributes);
        assert!(start <= time, "{start} {time}");
        Received {
            service: service.to_owned(),
            metric: metric.name.clone(),
            attributes,
            integers,
            unit: metric.unit.clone(),
            kind: "",
            is_delta: false,
            start,
            time,
            count: 0,
            sum: 0.0,
            buckets: Vec::new(),
            bounds: Vec::new(),
            exemplars: Vec::new(),
        }
    };
    match metric.data.clone().expect("data") {
        Data::Sum(sum) => {
            let kind = if sum.is_monotonic { "counter" } else { "updowncounter" };
            let is_delta = is_delta(sum.aggregation_temporality);
            for point in sum.data_points {
                let value = match point.value.expect("a value") {
                    number_data_point::Value::AsInt(number) => number as f64,
                    number_data_point::Value::AsDouble(number) => number,
                };
                let base = base(&point.attributes, point.start_time_unix_nano, point.time_unix_nano);
                all.push(Received { kind, is_delta, sum: value, ..base });
            }
        }
        Data::Histogram(histogram) => {
            let is_delta = is_delta(histogram.aggregation_temporality);
            for point in histogram.data_points {
                assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
                assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
                let base = base(&point.attributes, point.start_time_unix_nano, point.time_unix_nano);
                let (sum, min, max) = (point.sum(), point.min(), point.max());
                assert!(point.count > 0 && min <= max && min * point.count as f64 <= sum * 1.000_001);
                all.push(Received {
                    kind: "histogram",
                    is_delta,
                    count: point.count,
                    sum,
                    buckets: point.bucket_counts,
                    bounds: point.explicit_bounds,
                    exemplars: point.exemplars,
                    ..base
                });
            }
        }
        Data::ExponentialHistogram(histogram) => {
            let is_delta = is_delta(histogram.aggregation_temporality);
            for point in histogram.data_points {
                let positive = point.positive.clone().expect("buckets");
                assert_eq!(positive.bucket_counts.iter().sum::<u64>() + point.zero_count, point.count);
                assert!(positive.bucket_counts.len() <= 160 && point.scale <= 20);
                let base = base(&point.attributes, point.start_time_unix_nano, point.time_unix_nano);
                all.push(Received {
                    kind: "exponential",
                    is_delta,
                    count: point.count,
                    sum: point.sum(),
                    buckets: positive.bucket_counts,
                    exemplars: point.exemplars,
                    ..base
                });
            }
        }
        other => panic!("{other:?}"),
    }
}

/// The points of one metric.
pub(crate) fn of<'a>(points: &'a [Received], metric: &str) -> Vec<&'a Received> {
    points.iter().filter(|point| point.metric == metric).collect()
}
