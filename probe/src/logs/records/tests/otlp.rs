//! Records as requests and as JSON.

use opentelemetry_proto::tonic::{
    collector::logs::v1::ExportLogsServiceRequest,
    common::v1::{AnyValue, KeyValue, any_value},
    logs::v1::LogRecord as Written,
};
use prost::Message;

use super::*;
use crate::{
    export::SignalKind,
    identity::{Resource, ResourceValue},
    signal::otlp::SCHEMA_URL,
};

fn source(name: &str, identity: Option<&[u8]>) -> Source {
    let resource = Resource {
        service_name: "shop".into(),
        service_namespace: None,
        attributes: vec![("service.name".into(), ResourceValue::Text("shop".into()))],
    };
    Source::new(&resource, &[("log.file.name", name)], identity)
}

/// Encodes everything into one request.
struct Encoding<'a>(&'a mut Encoder, &'a Source);

impl Sink for Encoding<'_> {
    fn record(&mut self, record: &LogRecord<'_>) {
        self.0.append(self.1, record);
    }
}

fn feed(encoder: &mut Encoder, source: &Source, settings: &Settings, bytes: &[u8]) {
    let mut maker = maker(settings);
    let mut sink = Encoding(encoder, source);
    maker.feed(bytes, 0, NOW, &mut sink);
    maker.finish(NOW, &mut sink);
}

fn read(encoder: &mut Encoder) -> ExportLogsServiceRequest {
    let batch = encoder.take().expect("records");
    assert_eq!(batch.kind, SignalKind::Logs);
    let request = ExportLogsServiceRequest::decode(&batch.payload[..]).expect("a request");
    let items: usize = request.resource_logs.iter().map(|logs| logs.scope_logs[0].log_records.len()).sum();
    assert_eq!(items, batch.items as usize);
    request
}

fn attribute(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn text(text: &str) -> any_value::Value {
    any_value::Value::StringValue(text.to_owned())
}

#[test]
fn a_record_is_field_for_field_what_another_library_would_write() {
    let settings = Settings { container: Container::Cri, ..parsing(Parse::Json) };
    let line = concat!(
        r#"2026-01-02T03:04:05.25Z stderr F {"level":"warn","msg":"slow","n":-7,"f":0.5,"ok":true,"user":{"id":"u1"},"#,
        r#""trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331","trace_flags":"01"}"#,
        "\n"
    );
    let mut encoder = Encoder::new(EncoderLimits::default());
    feed(&mut encoder, &source("app.log", None), &settings, line.as_bytes());
    let request = read(&mut encoder);
    let expected = Written {
        time_unix_nano: NOW + 250_000_000,
        observed_time_unix_nano: NOW,
        severity_number: 13,
        severity_text: "warn".to_owned(),
        body: Some(AnyValue { value: Some(text("slow")) }),
        attributes: vec![
            attribute("log.file.name", text("app.log")),
            attribute("log.iostream", text("stderr")),
            attribute("n", any_value::Value::IntValue(-7)),
            attribute("f", any_value::Value::DoubleValue(0.5)),
            attribute("ok", any_value::Value::BoolValue(true)),
            attribute("user.id", text("u1")),
        ],
        dropped_attributes_count: 0,
        flags: 1,
        trace_id: 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes().to_vec(),
        span_id: 0xb7ad_6b71_6920_3331_u64.to_be_bytes().to_vec(),
        event_name: String::new(),
    };
    let logs = &request.resource_logs[0];
    assert_eq!(logs.scope_logs[0].log_records, [expected]);
    assert_eq!(logs.schema_url, SCHEMA_URL);
    assert_eq!(logs.scope_logs[0].scope.as_ref().map(|scope| scope.name.as_str()), Some("plainsight"));
    let resource = logs.resource.as_ref().expect("a resource");
    assert_eq!(resource.attributes, [attribute("service.name", text("shop"))]);
    assert!(encoder.take().is_none());
}

#[test]
fn records_of_several_files_share_a_request_and_bodies_of_any_length_are_read_back() {
    let (first, second) = (source("a.log", None), source("b.log", None));
    let mut encoder = Encoder::new(EncoderLimits::default());
    let lengths = [1, 100, 127, 128, 300, 16_000, 16_384, 70_000, 1 << 20];
    let lines: Vec<_> = lengths.iter().map(|&length| "x".repeat(length)).collect();
    feed(&mut encoder, &first, &Settings::default(), lines.join("\n").as_bytes());
    feed(&mut encoder, &second, &Settings::default(), b"of b\n");
    feed(&mut encoder, &first, &Settings::default(), b"of a again\n");
    let request = read(&mut encoder);
    let bodies: Vec<Vec<_>> = request
        .resource_logs
        .iter()
        .map(|logs| {
            let records = &logs.scope_logs[0].log_records;
            records.iter().filter_map(|record| record.body.clone()?.value).collect()
        })
        .collect();
    let expected: Vec<_> = lines.iter().map(|line| text(line)).collect();
    assert_eq!(bodies, [expected, vec![text("of b")], vec![text("of a again")]]);
}

/// OpenTelemetry Collector #43982: records are lost where a batch has a hidden bound.
#[test]
fn a_request_stays_within_its_bounds_and_a_larger_record_goes_alone() {
    struct Requests(Encoder, Source, Vec<usize>, Vec<u32>);
    impl Sink for Requests {
        fn record(&mut self, record: &LogRecord<'_>) {
            if !self.0.has_room(&self.1, record) {
                self.end();
            }
            self.0.append(&self.1, record);
        }
    }
    impl Requests {
        fn end(&mut self) {
            let batch = self.0.take().expect("records");
            self.2.push(batch.payload.len());
            self.3.push(batch.items);
        }
    }
    let limits = EncoderLimits { records: 10, bytes: 20_000 };
    let mut requests = Requests(Encoder::new(limits), source("a.log", None), Vec::new(), Vec::new());
    let mut maker = maker(&Settings::default());
    let text = "short\n".repeat(25) + &"x".repeat(50_000) + "\n" + &"y".repeat(9_000) + "\nend\n";
    maker.feed(text.as_bytes(), 0, NOW, &mut requests);
    requests.end();
    assert_eq!(requests.3, [10, 10, 5, 1, 2]);
    assert!(
        requests.2.iter().enumerate().all(|(index, &bytes)| index == 3 || bytes <= 20_000),
        "{:?}",
        requests.2
    );
}

#[test]
fn a_record_that_is_read_again_has_the_same_uid_and_no_other_has() {
    let uids = |identity: &[u8], bytes: &[u8]| -> Vec<String> {
        let mut encoder = Encoder::new(EncoderLimits::default());
        feed(&mut encoder, &source("a.log", Some(identity)), &Settings::default(), bytes);
        let request = read(&mut encoder);
        let records = &request.resource_logs[0].scope_logs[0].log_records;
        let uid = |record: &Written| {
            format!("{:?}", record.attributes.iter().find(|pair| pair.key == "log.record.uid"))
        };
        records.iter().map(uid).collect()
    };
    let first = uids(b"file 1", b"same\nsame\n");
    assert_eq!(first, uids(b"file 1", b"same\nsame\n"));
    assert!(first[0] != first[1] && first[0].contains("log.record.uid"), "{first:?}");
    assert_ne!(first, uids(b"file 2", b"same\nsame\n"));
}

#[test]
fn what_was_cut_or_not_finished_is_marked_in_both_forms() {
    struct Lines(Source, Vec<u8>);
    impl Sink for Lines {
        fn record(&mut self, record: &LogRecord<'_>) {
            append_json(&mut self.1, &self.0, record);
        }
    }
    let settings = Settings { line_bytes: 16, record_bytes: 16, ..parsing(Parse::KeyValue) };
    let bytes = b"level=error n=1 and more\nmsg=\"a\\\"\x1b\"";
    let mut encoder = Encoder::new(EncoderLimits::default());
    feed(&mut encoder, &source("a.log", None), &settings, bytes);
    let request = read(&mut encoder);
    let names: Vec<Vec<_>> = request.resource_logs[0].scope_logs[0]
        .log_records
        .iter()
        .map(|record| record.attributes.iter().map(|pair| pair.key.as_str()).collect())
        .collect();
    assert_eq!(
        names,
        [
            vec!["log.file.name", "plainsight.log.is_cut", "n"],
            vec!["log.file.name", "plainsight.log.is_unfinished"]
        ]
    );
    let mut lines = Lines(source("a.log", None), Vec::new());
    let mut maker = maker(&settings);
    maker.feed(bytes, 0, NOW, &mut lines);
    maker.finish(NOW, &mut lines);
    let expected = concat!(
        r#"{"observed":"2026-01-02T03:04:05Z","severity_number":17,"severity":"error","body":"level=error n=1 ","#,
        r#""attributes":{"log.file.name":"a.log","n":"1"},"begin":0,"end":25,"is_cut":true}"#,
        "\n",
        r#"{"observed":"2026-01-02T03:04:05Z","body":"a\"\u001b","attributes":{"log.file.name":"a.log"},"#,
        r#""begin":25,"end":35,"is_unfinished":true}"#,
        "\n"
    );
    assert_eq!(String::from_utf8_lossy(&lines.1), expected);
}
