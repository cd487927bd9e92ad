//! OTLP's form of JSON, as it goes out by HTTP and into files.

use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{AnyValue, KeyValue, any_value::Value},
    metrics::v1::{
        Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Metric, NumberDataPoint,
        ResourceMetrics, ScopeMetrics, Sum, exemplar, exponential_histogram_data_point::Buckets,
        metric::Data, number_data_point,
    },
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status},
};
use prost::Message;
use serde_json::json;

use super::{
    receiver_http::{HttpReceiver, Reply},
    *,
};

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn spans() -> Batch {
    let span = Span {
        trace_id: (0..16).collect(),
        span_id: vec![0xff; 8],
        name: "GET /".into(),
        kind: 2,
        start_time_unix_nano: u64::MAX,
        attributes: vec![
            attribute("whole", Value::IntValue(i64::MIN)),
            attribute("text", Value::StringValue("a\nb".into())),
            attribute("yes", Value::BoolValue(true)),
            attribute("bytes", Value::BytesValue(vec![0xfb, 0xff])),
        ],
        status: Some(Status { code: 2, message: String::new() }),
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }],
    };
    batch(SignalKind::Traces, request.encode_to_vec(), 1)
}

fn points() -> Batch {
    let exemplar = Exemplar {
        trace_id: vec![0xab; 16],
        span_id: vec![0xcd; 8],
        value: Some(exemplar::Value::AsInt(3)),
        ..Exemplar::default()
    };
    let sum = Sum {
        data_points: vec![NumberDataPoint {
            time_unix_nano: 7,
            value: Some(number_data_point::Value::AsInt(i64::MAX)),
            exemplars: vec![exemplar],
            ..NumberDataPoint::default()
        }],
        aggregation_temporality: 2,
        is_monotonic: true,
    };
    let histogram = ExponentialHistogram {
        data_points: vec![ExponentialHistogramDataPoint {
            count: u64::MAX,
            scale: -2,
            zero_count: 5,
            positive: Some(Buckets { offset: -3, bucket_counts: vec![1, u64::MAX] }),
            ..ExponentialHistogramDataPoint::default()
        }],
        aggregation_temporality: 1,
    };
    let metric = |data| Metric { name: "m".into(), data: Some(data), ..Metric::default() };
    let metrics = vec![metric(Data::Sum(sum)), metric(Data::ExponentialHistogram(histogram))];
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let request = ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }],
    };
    batch(SignalKind::Metrics, request.encode_to_vec(), 2)
}

fn assert_is_span(json: &serde_json::Value) {
    let span = &json["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(span["traceId"], "000102030405060708090a0b0c0d0e0f");
    assert_eq!(span["spanId"], "ffffffffffffffff");
    assert_eq!(span["kind"], 2);
    assert_eq!(span["status"]["code"], 2);
    assert_eq!(span["startTimeUnixNano"], u64::MAX.to_string());
    assert_eq!(span["attributes"][0], json!({"key": "whole", "value": {"intValue": i64::MIN.to_string()}}));
    assert_eq!(span["attributes"][1]["value"], json!({"stringValue": "a\nb"}));
    assert_eq!(span["attributes"][2]["value"], json!({"boolValue": true}));
    assert_eq!(span["attributes"][3]["value"], json!({"bytesValue": "+/8="}));
}

#[test]
fn spans_and_points_are_written_as_the_specification_wants_them() {
    let receiver = HttpReceiver::start(|_, _| {
        let body = r#"{"partialSuccess":{"rejectedSpans":"1","errorMessage":"no"}}"#;
        Reply::Answer(200, vec![("content-type", "application/json".into())], body.into())
    });
    let target = Target::Http { endpoint: receiver.endpoint(), exact: false, encoding: Encoding::Json };
    let exporter = start([quick(target)]);
    assert_eq!(exporter.submit(spans()), Acceptance::Queued);
    let stats = wait_for(&exporter, "delivery", |stats| stats.sum(|kind| kind.sent.batches) == 1);
    assert_eq!(stats.kind(SignalKind::Traces).rejected_items, 1);
    assert_eq!(exporter.submit(points()), Acceptance::Queued);
    wait_for(&exporter, "delivery", |stats| stats.sum(|kind| kind.sent.batches) == 2);
    let received = receiver.received();
    assert!(received.iter().all(|request| request.headers["content-type"] == "application/json"));
    let parsed =
        |place: usize| -> serde_json::Value { serde_json::from_slice(&received[place].body).expect("JSON") };
    assert_is_span(&parsed(0));
    let json = parsed(1);
    let metrics = &json["resourceMetrics"][0]["scopeMetrics"][0]["metrics"];
    let point = &metrics[0]["sum"]["dataPoints"][0];
    assert_eq!(point["asInt"], i64::MAX.to_string());
    assert_eq!(point["timeUnixNano"], "7");
    assert_eq!(metrics[0]["sum"]["aggregationTemporality"], 2);
    assert_eq!(metrics[0]["sum"]["isMonotonic"], true);
    assert_eq!(point["exemplars"][0]["traceId"], "ab".repeat(16));
    assert_eq!(point["exemplars"][0]["asInt"], "3");
    let point = &metrics[1]["exponentialHistogram"]["dataPoints"][0];
    assert_eq!(point["count"], u64::MAX.to_string());
    assert_eq!(point["zeroCount"], "5");
    assert_eq!((&point["scale"], &point["positive"]["offset"]), (&json!(-2), &json!(-3)));
    assert_eq!(point["positive"]["bucketCounts"], json!(["1", u64::MAX.to_string()]));
}

#[test]
fn a_batch_that_is_no_request_is_refused_and_not_sent() {
    let receiver = HttpReceiver::start(|_, _| Reply::ok());
    let target = Target::Http { endpoint: receiver.endpoint(), exact: false, encoding: Encoding::Json };
    let exporter = start([quick(target)]);
    assert_eq!(exporter.submit(traces("not protobuf")), Acceptance::Queued);
    let stats = wait_for(&exporter, "refusal", |stats| stats.sum(|kind| kind.dropped.total()) == 10);
    assert!(error_of(&stats).contains("not a request of OTLP"), "{}", error_of(&stats));
    assert!(receiver.received().is_empty());
}

#[test]
fn a_file_gets_one_request_on_each_line_and_is_appended_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("telemetry.jsonl");
    for _ in 0..2 {
        let exporter = start([quick(Target::File { path: path.clone() })]);
        assert_eq!(exporter.submit(spans()), Acceptance::Queued);
        assert_eq!(exporter.submit(spans()), Acceptance::Queued);
        let stats = exporter.shutdown(PATIENCE).remove(0);
        assert_eq!(stats.kind(SignalKind::Traces).sent.items, 2);
    }
    let text = std::fs::read_to_string(&path).expect("the file");
    assert_eq!(text.lines().count(), 4);
    for line in text.lines() {
        assert_is_span(&serde_json::from_str(line).expect("JSON on one line"));
    }
}
