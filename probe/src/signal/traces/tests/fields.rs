//! What stands in a span's fields.

use std::{net::SocketAddr, time::Duration};

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    resource::v1::Resource as OtlpResource,
    trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::SpanKind, status::StatusCode},
};
use plainsight_protocols::{CloseReason, Outcome, Protocol, Side, TraceParent, Value};

use super::{Rig, attribute, span, span_with};
use crate::signal::{
    Example, ExampleDetails,
    otlp::{Limits, SCHEMA_URL},
    traces::{ServerSpans, TraceSettings},
};

fn text(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

fn number(key: &str, value: i64) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::IntValue(value)) };
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

#[test]
fn a_whole_request_is_field_for_field_what_another_library_would_write() {
    let parent = TraceParent { trace_id: [0xab; 16], parent_span_id: [0xcd; 8], flags: 3 };
    let example = Example {
        details: ExampleDetails {
            name: "GET /users/{id}",
            trace_parent: Some(parent),
            trace_state: Some("vendor=1,other=two"),
            ..ExampleDetails::default()
        },
        ..Example::default()
    };
    let mut rig = Rig::new(TraceSettings::default());
    let context = rig.record(&example).expect("kept");
    let expected = ResourceSpans {
        resource: Some(OtlpResource {
            attributes: vec![number("process.pid", 4242), text("service.name", "service-4242")],
            ..OtlpResource::default()
        }),
        scope_spans: vec![ScopeSpans {
            scope: Some(InstrumentationScope {
                name: "plainsight".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                ..InstrumentationScope::default()
            }),
            spans: vec![Span {
                trace_id: vec![0xab; 16],
                span_id: context.span_id.to_vec(),
                trace_state: "vendor=1,other=two".to_owned(),
                parent_span_id: vec![0xcd; 8],
                flags: 0x303,
                name: "GET /users/{id}".to_owned(),
                kind: SpanKind::Server.into(),
                start_time_unix_nano: 1_767_323_045_678_901_234,
                end_time_unix_nano: 1_767_323_045_679_713_579,
                attributes: vec![
                    text("http.request.method", "GET"),
                    text("url.path", "/users/17"),
                    number("http.response.status_code", 200),
                    number("process.pid", 4242),
                ],
                ..Span::default()
            }],
            schema_url: SCHEMA_URL.to_owned(),
        }],
        schema_url: SCHEMA_URL.to_owned(),
    };
    let requests = rig.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].resource_spans, [expected]);
}

#[test]
fn the_side_decides_the_kind() {
    let kind = |side, protocol| {
        let settings = TraceSettings { server_spans: ServerSpans::Always, ..TraceSettings::default() };
        span_with(settings, &Example { side, protocol, ..Example::default() }).kind
    };
    for protocol in Protocol::ALL {
        assert_eq!(kind(Side::Client, protocol), i32::from(SpanKind::Client), "{protocol:?}");
        assert_eq!(kind(Side::Server, protocol), i32::from(SpanKind::Server), "{protocol:?}");
    }
}

#[test]
fn a_failed_exchange_has_the_status_error_and_no_description() {
    let failed = span(&Example { details: ExampleDetails::http("GET", "/", 503), ..Example::default() });
    let status = Status { message: String::new(), code: StatusCode::Error.into() };
    assert_eq!(failed.status, Some(status));
    assert_eq!(attribute(&failed.attributes, "error.type").as_deref(), Some("500"));
    let fine = span(&Example::default());
    assert_eq!(fine.status, None);
    assert_eq!(attribute(&fine.attributes, "error.type"), None);
}

#[test]
fn an_exchange_without_an_answer_has_no_invented_end() {
    let span = span(&Example::without_response());
    assert_eq!(span.end_time_unix_nano, span.start_time_unix_nano);
    let of = |name| attribute(&span.attributes, name);
    assert_eq!(of("plainsight.outcome").as_deref(), Some("no_response"));
    assert_eq!(of("plainsight.outcome.reason").as_deref(), Some("reset"));
    assert_eq!(of("error.type").as_deref(), Some("connection_reset"));
}

#[test]
fn an_exchange_whose_beginning_was_lost_has_no_invented_duration() {
    let lost = Example { outcome: Outcome::Partial, request_bytes: 0, ..Example::default() };
    let lost = span(&lost);
    assert_eq!(lost.end_time_unix_nano, lost.start_time_unix_nano);
    assert_eq!(attribute(&lost.attributes, "plainsight.outcome").as_deref(), Some("partial"));
    assert_eq!(attribute(&lost.attributes, "plainsight.outcome.reason"), None);
    let timed = span(&Example { outcome: Outcome::Partial, ..Example::default() });
    assert_eq!(timed.end_time_unix_nano - timed.start_time_unix_nano, 812_345);
    let given_up = Outcome::NoResponse(CloseReason::Evicted);
    let given_up = span(&Example { outcome: given_up, duration: None, ..Example::default() });
    assert_eq!(attribute(&given_up.attributes, "plainsight.outcome.reason").as_deref(), Some("evicted"));
    assert_eq!(given_up.status, None);
}

#[test]
fn an_exchange_whose_name_was_not_seen_is_called_after_its_protocol() {
    let details = ExampleDetails { name: "", ..ExampleDetails::default() };
    assert_eq!(span(&Example { details, protocol: Protocol::Http2, ..Example::default() }).name, "http2");
}

#[test]
fn an_unknown_process_has_no_pid() {
    assert_eq!(attribute(&span(&Example { pid: 0, ..Example::default() }).attributes, "process.pid"), None);
}

#[test]
fn links_name_the_spans_that_created_the_messages() {
    let link = |byte: u8| TraceParent { trace_id: [byte; 16], parent_span_id: [byte; 8], flags: byte & 3 };
    let details = ExampleDetails { trace_links: (1..=130).map(link).collect(), ..ExampleDetails::default() };
    let span = span(&Example { details, side: Side::Client, ..Example::default() });
    assert_eq!((span.links.len(), span.dropped_links_count), (128, 2));
    for (link, byte) in span.links.iter().zip(1..) {
        assert_eq!((&link.trace_id[..], &link.span_id[..]), (&[byte; 16][..], &[byte; 8][..]));
        assert_eq!(link.flags, 0x300 | u32::from(byte & 3));
    }
}

#[test]
fn what_exceeds_the_limits_of_a_span_is_cut_and_counted() {
    let attributes = (0..10)
        .map(|number| {
            let name: &'static str = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"][number];
            (name, Value::Text("0123456789".repeat(number).into()))
        })
        .collect();
    let details = ExampleDetails { attributes, ..ExampleDetails::default() };
    let limits = Limits { attributes: 5, value_bytes: 15, links: 1 };
    let settings = TraceSettings { limits, ..TraceSettings::default() };
    let span = span_with(settings, &Example { details, ..Example::default() });
    // The first is empty and says nothing; of the others and the pid, five fit.
    let names: Vec<_> = span.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    assert_eq!((names.as_slice(), span.dropped_attributes_count), (&["b", "c", "d", "e", "f"][..], 5));
    assert_eq!(attribute(&span.attributes, "f").map(|value| value.len()), Some(15));
}

#[test]
fn the_answering_side_of_a_database_reports_where_the_asking_one_does_not() {
    let example = Example {
        protocol: Protocol::Redis,
        details: ExampleDetails::with(&[("db.system.name", "redis")]),
        ..Example::default()
    };
    let count = |server_spans, client_seen: bool| {
        let mut rig = Rig::new(TraceSettings { server_spans, ..TraceSettings::default() });
        if client_seen {
            rig.record(&Example { side: Side::Client, ..example.clone() });
        }
        rig.record(&example);
        let counters = rig.tables.counters();
        assert_eq!(counters.spans() + counters.unsampled_server_side, 1 + u64::from(client_seen));
        rig.spans().iter().filter(|span| span.kind == i32::from(SpanKind::Server)).count()
    };
    assert_eq!(count(ServerSpans::UnlessClientObserved, false), 1);
    assert_eq!(count(ServerSpans::UnlessClientObserved, true), 0);
    assert_eq!(count(ServerSpans::Always, true), 1);
    assert_eq!(count(ServerSpans::Never, false), 0);
    // HTTP has conventions for both sides.
    let mut rig = Rig::new(TraceSettings { server_spans: ServerSpans::Never, ..TraceSettings::default() });
    assert!(rig.record(&Example::default()).is_some());
}

#[test]
fn an_observed_client_is_forgotten_in_time_and_told_from_others() {
    use plainsight_protocols::Timestamp;
    let clients = crate::signal::traces::ObservedClients::default();
    let at = |seconds: u64| Timestamp::from_nanos(Duration::from_secs(seconds).as_nanos() as u64);
    let address = |port| SocketAddr::from(([10, 0, 0, 7], port));
    assert!(!clients.knows(address(1), at(0)));
    clients.note(address(1), at(0));
    assert!(clients.knows(address(1), at(0)) && clients.knows(address(1), at(600)));
    assert!(!clients.knows(address(1), at(602)), "an address is used again by others");
    assert!(
        !clients.knows(address(2), at(0)) && !clients.knows("[::a00:7]:1".parse().expect("valid"), at(0))
    );
    clients.note(address(1), at(601));
    assert!(clients.knows(address(1), at(1200)));
    assert!(
        clients.knows("[::ffff:10.0.0.7]:1".parse().expect("valid"), at(1200)),
        "the same in IPv6's words"
    );
    for port in 1..=60_000 {
        clients.note(address(port), at(2000));
    }
    let known = (1..=60_000).filter(|&port| clients.knows(address(port), at(2000))).count();
    assert!((14_000..=16_384).contains(&known), "{known} of a table of 16,384");
}
