//! Tests of log records, read back by `opentelemetry-proto`.

use std::sync::Arc;

use opentelemetry_proto::tonic::{
    collector::logs::v1::ExportLogsServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value},
    logs::v1::{LogRecord, SeverityNumber},
};
use plainsight_protocols::{Protocol, Side, Value};
use prost::Message;

use super::*;
use crate::{
    export::SignalKind,
    identity::Resource,
    signal::{
        Clock, Example, ExampleDetails, IdGenerator,
        otlp::{Assembler, BatchLimits, Limits},
        spool::{Spool, SpoolLimits},
        traces::{SpanContext, SpanRecorder, TraceSettings},
    },
};

fn log(
    kind: AccessLog,
    exchanges: &[(&Example, Option<SpanContext>)],
) -> (Vec<LogRecord>, AccessLogCounters) {
    let spool = Spool::new(16 << 20);
    let writer = spool.writer(SpoolLimits::default());
    let mut recorder = AccessLogRecorder::new(kind, Limits::default(), Clock::WallTime, writer);
    for (example, span) in exchanges {
        example.observe(|observed| recorder.record(observed, span.as_ref()));
    }
    recorder.flush();
    let mut buffers = Vec::new();
    spool.take(&mut buffers);
    let resource = Arc::new(Resource::default());
    let batches = Assembler::new(SignalKind::Logs, BatchLimits::default())
        .assemble(&buffers, |_| Arc::clone(&resource));
    let records = batches
        .iter()
        .flat_map(|batch| {
            ExportLogsServiceRequest::decode(&batch.payload[..]).expect("a request").resource_logs
        })
        .flat_map(|resource| resource.scope_logs)
        .flat_map(|scope| scope.log_records)
        .collect();
    (records, recorder.counters())
}

fn value(value: any_value::Value) -> Option<AnyValue> {
    Some(AnyValue { value: Some(value) })
}

fn text(key: &str, text: &str) -> KeyValue {
    let value = value(any_value::Value::StringValue(text.to_owned()));
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn number(key: &str, number: i64) -> KeyValue {
    let value = value(any_value::Value::IntValue(number));
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

#[test]
fn a_record_is_field_for_field_what_another_library_would_write() {
    let span = SpanContext { trace_id: [1; 16], span_id: [2; 8], flags: 1 };
    let example = Example { details: ExampleDetails::http("GET", "/users/17", 503), ..Example::default() };
    let (records, counters) = log(AccessLog::Errors, &[(&example, Some(span))]);
    let expected = LogRecord {
        time_unix_nano: 1_767_323_045_678_901_234,
        observed_time_unix_nano: 1_767_323_045_679_713_579,
        severity_number: SeverityNumber::Error.into(),
        severity_text: "ERROR".to_owned(),
        body: value(any_value::Value::StringValue("GET /users/17 503".to_owned())),
        attributes: vec![
            text("plainsight.protocol", "http"),
            text("plainsight.side", "server"),
            number("plainsight.duration_ns", 812_345),
            number("plainsight.request_bytes", 312),
            number("plainsight.response_bytes", 1804),
            text("http.request.method", "GET"),
            text("url.path", "/users/17"),
            number("http.response.status_code", 503),
            text("error.type", "500"),
            number("process.pid", 4242),
        ],
        dropped_attributes_count: 0,
        flags: 1,
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        event_name: "plainsight.exchange".to_owned(),
    };
    assert_eq!(records, [expected]);
    assert_eq!(counters, AccessLogCounters { records: 1, left_out: 0 });
}

#[test]
fn the_settings_say_what_is_logged_and_the_rest_is_counted() {
    let fine = Example::default();
    let failed = Example::without_response();
    let exchanges = [(&fine, None), (&failed, None), (&fine, None)];
    let severities = |kind| {
        let (records, counters) = log(kind, &exchanges);
        let texts: Vec<_> = records.into_iter().map(|record| record.severity_text).collect();
        (texts.join(" "), counters.records, counters.left_out)
    };
    assert_eq!(severities(AccessLog::Off), (String::new(), 0, 0));
    assert_eq!(severities(AccessLog::Errors), ("ERROR".to_owned(), 1, 2));
    assert_eq!(severities(AccessLog::All), ("INFO ERROR INFO".to_owned(), 3, 0));
}

#[test]
fn a_record_names_no_span_that_was_thrown_away() {
    let spool = Spool::new(1 << 20);
    let settings = TraceSettings { ratio: 0.0, keep_errors: false, ..TraceSettings::default() };
    let writer = spool.writer(SpoolLimits::default());
    let ids = IdGenerator::from_system();
    let mut spans = SpanRecorder::new(settings, Clock::WallTime, ids, Arc::default(), writer);
    let example = Example::default();
    let span = example.observe(|observed| spans.record(observed));
    let (records, _) = log(AccessLog::All, &[(&example, span)]);
    assert!(records[0].trace_id.is_empty() && records[0].span_id.is_empty() && records[0].flags == 0);
}

#[test]
fn how_long_it_took_is_absent_where_that_is_not_known() {
    let (records, _) = log(AccessLog::All, &[(&Example::without_response(), None)]);
    let names: Vec<_> = records[0].attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    assert!(!names.contains(&"plainsight.duration_ns"), "{names:?}");
    assert!(
        names.contains(&"plainsight.outcome") && names.contains(&"plainsight.outcome.reason"),
        "{names:?}"
    );
}

#[test]
fn a_line_and_attributes_without_end_are_cut() {
    let details = ExampleDetails {
        summary: "é".repeat(100_000),
        attributes: vec![("plainsight.long", Value::Text("x".repeat(100_000).into())); 200],
        ..ExampleDetails::default()
    };
    let example = Example { details, side: Side::Client, protocol: Protocol::Redis, ..Example::default() };
    let (records, _) = log(AccessLog::All, &[(&example, None)]);
    assert_eq!(records[0].body, value(any_value::Value::StringValue("é".repeat(4096))));
    assert_eq!((records[0].attributes.len(), records[0].dropped_attributes_count), (128, 78));
}

#[test]
fn the_configurations_words_are_understood() {
    for (word, expected) in [
        ("off", AccessLog::Off),
        ("errors", AccessLog::Errors),
        ("on", AccessLog::Errors),
        ("all", AccessLog::All),
    ] {
        assert_eq!(word.parse(), Ok(expected));
    }
    assert_eq!(
        "some".parse::<AccessLog>().map_err(|error| error.to_string()),
        Err("`some` is not one of off, errors, all".to_owned())
    );
}
