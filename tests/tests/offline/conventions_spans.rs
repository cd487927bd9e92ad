//! Every attribute of every span, checked against what OpenTelemetry's semantic conventions 1.44 say of the protocol: name, type, what is required, kind,
//! name and status of the span.
//!
//! The spans are those of all traffic that the test of detection has, captures of other suites and recordings of ours, each exchange
//! recorded as the client's and as the server's, encoded to OTLP and read back by `opentelemetry-proto`.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
};

use anyhow::{Result, ensure};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use plainsight::{
    capture::{ConnectionId, Process},
    export::SignalKind,
    flow::Observed,
    identity::Resource,
    signal::{
        Clock, IdGenerator,
        otlp::{Assembler, BatchLimits},
        spool::{Spool, SpoolLimits},
        traces::{ServerSpans, SpanRecorder, TraceSettings},
    },
};
use plainsight_protocols::{
    CloseReason, Conversation, Direction, Exchange, Gap, Outcome, Protocol, Segment, Settings, Side, Sink,
    Timestamp,
};
use plainsight_tests::{
    span_conventions::{
        Kind::{self, Number, Text, Texts},
        Need::Required,
        tables,
    },
    traffic::{self, Sent, Step},
};
use prost::Message;

/// What was known of a span before it was one.
#[derive(Debug, Clone)]
struct Origin {
    protocol: Protocol,
    side: Side,
    complete: bool,
    /// Whether all that the request said was seen.
    has_request: bool,
}

/// Records each exchange as the client's and as the server's.
struct Recording {
    recorder: SpanRecorder,
    origins: Vec<Origin>,
}

impl Sink for Recording {
    fn exchange(&mut self, exchange: &Exchange<'_>) {
        let client = SocketAddr::from(([10, 0, 0, 7], 41822));
        let server = SocketAddr::from(([10, 0, 0, 9], 8080));
        for (side, local, remote) in [(Side::Client, client, server), (Side::Server, server, client)] {
            let process = Process { pid: 4242, tid: 4242, cgroup: 1, comm: [0; 16] };
            let observed = Observed {
                exchange,
                connection: ConnectionId(1),
                local,
                remote,
                side,
                process,
                request_sequence: exchange.request_offset.map(|offset| offset as u32),
                response_sequence: exchange.response_offset.map(|offset| offset as u32),
            };
            assert!(self.recorder.record(&observed).is_some(), "all are kept");
            self.origins.push(Origin {
                protocol: exchange.protocol,
                side,
                complete: exchange.outcome == Outcome::Complete,
                has_request: exchange.request_bytes > 0,
            });
        }
    }

    fn unobserved(&mut self, _: u64) {}
}

/// The spans of a conversation, each with what was known of it.
fn spans(steps: &[Step], from_start: bool, settings: &Settings) -> Vec<(Origin, Span)> {
    let spool = Spool::new(256 << 20);
    let traces = TraceSettings { server_spans: ServerSpans::Always, ..TraceSettings::default() };
    let writer = spool.writer(SpoolLimits::default());
    let ids = IdGenerator::from_seed([1; 32]);
    let recorder = SpanRecorder::new(traces, Clock::WallTime, ids, Arc::default(), writer);
    let mut recording = Recording { recorder, origins: Vec::new() };
    let mut conversation = Conversation::new(from_start);
    let (mut now, mut offsets) = (1_000_000_000, [0_u64; 2]);
    for step in steps {
        now += 100_000;
        let (at, direction) = (Timestamp::from_nanos(now), step.direction);
        let own = usize::from(direction == Direction::ToClient);
        let offset = offsets[own];
        match &step.sent {
            Sent::Bytes(bytes) => {
                offsets[own] += bytes.len() as u64;
                let opposite_offset = Some(offsets[1 - own]);
                let segment = Segment { direction, at, offset, opposite_offset, bytes };
                conversation.segment(&segment, settings, &mut recording);
            }
            Sent::Gap(bytes, cause) => {
                offsets[own] += bytes;
                let gap = Gap { direction, at, offset, bytes: *bytes, cause: *cause };
                conversation.gap(&gap, &mut recording);
            }
        }
    }
    conversation.close(CloseReason::Closed, Timestamp::from_nanos(now), &mut recording);
    let Recording { recorder, origins } = recording;
    drop(recorder);
    let mut buffers = Vec::new();
    spool.take(&mut buffers);
    let resource = Arc::new(Resource::default());
    let batches = Assembler::new(SignalKind::Traces, BatchLimits::default())
        .assemble(&buffers, |_| Arc::clone(&resource));
    let spans = batches
        .iter()
        .flat_map(|batch| {
            ExportTraceServiceRequest::decode(&batch.payload[..]).expect("a request").resource_spans
        })
        .flat_map(|resource| resource.scope_spans)
        .flat_map(|scope| scope.spans)
        .collect::<Vec<_>>();
    assert_eq!(spans.len(), origins.len(), "each exchange is one span");
    origins.into_iter().zip(spans).collect()
}

fn kind(attribute: &KeyValue) -> Option<Kind> {
    match attribute.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) if !text.is_empty() => Some(Text),
        any_value::Value::IntValue(_) => Some(Number),
        any_value::Value::ArrayValue(array) if !array.values.is_empty() => Some(Texts),
        _ => None,
    }
}

fn text<'a>(span: &'a Span, name: &str) -> Option<&'a str> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key == name)?;
    match attribute.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text),
        _ => None,
    }
}

/// Everything that is wrong with a span.
fn check(origin: &Origin, span: &Span) -> Vec<String> {
    let mut wrong = Vec::new();
    let tables = tables(origin.protocol, origin.side);
    let mut seen = BTreeSet::new();
    for attribute in &span.attributes {
        let name = attribute.key.as_str();
        if !seen.insert(name) {
            wrong.push(format!("{name} twice"));
        }
        match tables.iter().copied().flatten().find(|row| row.0 == name) {
            None => wrong.push(format!("{name} is in no table")),
            Some((_, expected, _)) if kind(attribute) != Some(*expected) => {
                wrong.push(format!("{name} is no {expected:?}: {:?}", attribute.value));
            }
            Some(_) => {}
        }
    }
    if origin.complete && origin.has_request {
        for (name, _, need) in tables.iter().copied().flatten() {
            if *need == Required && !seen.contains(name) {
                wrong.push(format!("{name} is missing"));
            }
        }
    }
    wrong.extend(check_fields(origin, span));
    wrong.extend(check_name(origin, span));
    wrong
}

fn check_fields(origin: &Origin, span: &Span) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut expect = |holds: bool, what: &str| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };
    let kind = if origin.side == Side::Client { SpanKind::Client } else { SpanKind::Server };
    expect(span.kind == i32::from(kind), "kind");
    expect(span.trace_id.len() == 16 && span.trace_id.iter().any(|&byte| byte > 0), "trace id");
    expect(span.span_id.len() == 8 && span.span_id.iter().any(|&byte| byte > 0), "span id");
    expect(span.parent_span_id.is_empty() || span.parent_span_id.len() == 8, "parent's id");
    expect(span.start_time_unix_nano > 0, "start");
    expect(span.end_time_unix_nano >= span.start_time_unix_nano, "end");
    expect(span.flags & 0x101 == 0x101, "flags");
    expect(!span.name.chars().any(char::is_control), "control characters in the name");
    let outcome = text(span, "plainsight.outcome");
    expect(outcome.is_none() == origin.complete, "outcome");
    // The status is an error exactly where there is a type of error, and says nothing else.
    let error_type = text(span, "error.type");
    match &span.status {
        None => expect(error_type.is_none(), "an error without the status"),
        Some(status) => {
            expect(error_type.is_some(), "a status without the type of error");
            expect(status.code == i32::from(StatusCode::Error) && status.message.is_empty(), "status");
        }
    }
    let number = |name: &str| {
        let attribute = span.attributes.iter().find(|attribute| attribute.key == name)?;
        match attribute.value.as_ref()?.value.as_ref()? {
            any_value::Value::IntValue(number) => Some(*number),
            _ => None,
        }
    };
    match origin.protocol {
        Protocol::Http | Protocol::Http2 => {
            if let Some(status) = number("http.response.status_code") {
                let least = if origin.side == Side::Client { 400 } else { 500 };
                if status >= least {
                    expect(error_type == Some(status.to_string().as_str()), "error.type is not the status");
                }
            }
            let known =
                ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE", "QUERY"];
            let method = text(span, "http.request.method");
            expect(method.is_none_or(|method| method == "_OTHER" || known.contains(&method)), "method");
            let has_original = text(span, "http.request.method_original").is_some();
            expect(has_original == (method == Some("_OTHER")), "original method");
        }
        Protocol::Grpc => {
            if let Some(code) = text(span, "rpc.response.status_code") {
                const SERVERS: [&str; 6] =
                    ["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"];
                let failed = if origin.side == Side::Client { code != "OK" } else { SERVERS.contains(&code) };
                expect(error_type == failed.then_some(code), "error.type is not the status");
            }
            expect(
                text(span, "rpc.method").is_none_or(|method| !method.starts_with('/')),
                "a slash before the method",
            );
        }
        Protocol::Redis
        | Protocol::Memcached
        | Protocol::Mongodb
        | Protocol::Mysql
        | Protocol::Postgresql => {
            if let (Some(code), Some(error)) = (text(span, "db.response.status_code"), error_type) {
                expect(
                    code == error || origin.protocol == Protocol::Postgresql,
                    "error.type is not the status",
                );
            }
            expect(text(span, "db.query.summary").is_none_or(|summary| summary.len() <= 255), "long summary");
        }
        _ => {}
    }
    wrong
}

/// The rules of span names.
fn check_name(origin: &Origin, span: &Span) -> Option<String> {
    let of = |name: &str| text(span, name);
    let expected: Vec<String> = match origin.protocol {
        Protocol::Http | Protocol::Http2 => {
            let method = of("http.request.method").filter(|&method| method != "_OTHER").unwrap_or("HTTP");
            match of("plainsight.http.route") {
                Some(route) => vec![format!("{method} {route}")],
                None => vec![method.to_owned()],
            }
        }
        Protocol::Grpc => {
            vec![of("rpc.method").filter(|&method| method != "_OTHER").unwrap_or("grpc").to_owned()]
        }
        Protocol::Kafka => match (of("messaging.operation.name"), of("messaging.destination.name")) {
            (Some(operation), Some(destination)) => vec![format!("{operation} {destination}")],
            (Some(operation), None) => vec![operation.to_owned()],
            (None, _) => vec!["kafka".to_owned()],
        },
        Protocol::Dns => {
            let question = of("plainsight.dns.opcode").or_else(|| of("plainsight.dns.question.type"));
            let with = question.map(|question| format!("DNS {question}"));
            with.into_iter().chain(["DNS".to_owned()]).collect()
        }
        Protocol::Redis
        | Protocol::Memcached
        | Protocol::Mongodb
        | Protocol::Mysql
        | Protocol::Postgresql => {
            let operation = of("db.operation.name").unwrap_or_default();
            let targets = ["db.collection.name", "db.stored_procedure.name", "db.namespace"];
            let mut names: Vec<_> = of("db.query.summary").map(str::to_owned).into_iter().collect();
            names.extend(
                targets.iter().filter_map(|target| of(target)).map(|target| format!("{operation} {target}")),
            );
            names.extend([operation.to_owned(), of("db.namespace").unwrap_or_default().to_owned()]);
            names.push(of("db.system.name").unwrap_or_default().to_owned());
            names
        }
        _ => vec!["TLS handshake".to_owned()],
    };
    let fits = expected.contains(&span.name) && !span.name.is_empty();
    (!fits).then(|| format!("the name {:?} is none of {expected:?}", span.name))
}

#[test]
fn every_span_of_every_protocol_is_as_the_conventions_say() -> Result<()> {
    let mut wrong: BTreeMap<(Protocol, String), (u32, String)> = BTreeMap::new();
    let mut counted: BTreeMap<Protocol, u32> = BTreeMap::new();
    for traffic in traffic::all()? {
        for (origin, span) in spans(&traffic.steps, traffic.from_start, &Settings::default()) {
            *counted.entry(origin.protocol).or_default() += 1;
            for complaint in check(&origin, &span) {
                let example = || format!("{} {} {:?} {span:?}", traffic.kind, traffic.name, origin.side);
                wrong.entry((origin.protocol, complaint)).or_insert_with(|| (0, example())).0 += 1;
            }
        }
    }
    let lines: Vec<_> = wrong
        .iter()
        .map(|((protocol, what), (count, example))| {
            format!("{protocol:?}: {what} ({count}), as in {example}")
        })
        .collect();
    ensure!(lines.is_empty(), "{} complaints:\n{}", lines.len(), lines.join("\n"));
    for protocol in Protocol::ALL {
        let count = counted.get(&protocol).copied().unwrap_or(0);
        ensure!(count >= 6, "only {count} spans of {protocol:?}");
    }
    Ok(())
}

#[test]
fn the_check_notices_what_is_wrong() {
    let steps = [
        traffic::client("GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n"),
        traffic::server("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"),
    ];
    let complaints = |spoil: &dyn Fn(&mut Span)| {
        let (origin, mut span) = spans(&steps, true, &Settings::default()).swap_remove(1);
        spoil(&mut span);
        check(&origin, &span).len()
    };
    let without =
        |name: &'static str| move |span: &mut Span| span.attributes.retain(|attribute| attribute.key != name);
    assert_eq!(complaints(&|_| {}), 0);
    assert!(complaints(&without("process.pid")) > 0);
    assert!(complaints(&without("http.request.method")) > 0);
    assert!(complaints(&without("error.type")) > 0);
    assert!(complaints(&|span| span.kind = 1) > 0);
    assert!(complaints(&|span| span.status = None) > 0);
    assert!(complaints(&|span| span.name = "GET /b".to_owned()) > 0);
    assert!(complaints(&|span| span.end_time_unix_nano = 1) > 0);
    assert!(complaints(&|span| span.flags = 0) > 0);
    assert!(complaints(&|span| span.attributes[0].value = None) > 0);
    assert!(complaints(&|span| span.attributes[0].key = "http.method".to_owned()) > 0);
    assert!(complaints(&|span| span.attributes.push(span.attributes[0].clone())) > 0);
}

/// A message of PostgreSQL with its type and length before it.
fn postgresql(kind: &[u8], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("short").to_be_bytes();
    [kind, &length, body].concat()
}

#[test]
fn no_secret_is_in_any_span() {
    let http = Settings {
        http: plainsight_protocols::http::HttpSettings {
            captured_headers: ["authorization", "cookie", "x-api-key"].map(String::from).into(),
            ..Default::default()
        },
        ..Settings::default()
    };
    let request = "GET http://user:hunter2@shop.example/a?token=hunter2&sig=hunter2&X-Amz-Signature=hunter2&password=hunter2 HTTP/1.1\r\n\
                   Host: shop.example\r\nAuthorization: Bearer hunter2\r\nCookie: session=hunter2\r\nX-Api-Key: hunter2\r\n\r\n";
    let response = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nSet-Cookie: id=hunter2\r\n\r\nhunter2";
    let conversations = [
        (Protocol::Http, vec![traffic::client(request), traffic::server(response)]),
        (
            Protocol::Redis,
            vec![
                traffic::client("*2\r\n$4\r\nAUTH\r\n$7\r\nhunter2\r\n"),
                traffic::server("+OK\r\n"),
                traffic::client("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$7\r\nhunter2\r\n"),
                traffic::server("+OK\r\n"),
                traffic::client("*4\r\n$6\r\nCONFIG\r\n$3\r\nSET\r\n$11\r\nrequirepass\r\n$7\r\nhunter2\r\n"),
                traffic::server("-ERR no hunter2\r\n"),
            ],
        ),
        (
            Protocol::Memcached,
            vec![traffic::client("set k 0 0 7\r\nhunter2\r\n"), traffic::server("STORED\r\n")],
        ),
        (
            Protocol::Postgresql,
            vec![
                traffic::client(postgresql(b"", b"\0\x03\0\0user\0ann\0database\0shop\0\0")),
                traffic::server(postgresql(b"R", &[0, 0, 0, 3])),
                traffic::client(postgresql(b"p", b"hunter2\0")),
                traffic::server([postgresql(b"R", &[0; 4]), postgresql(b"Z", b"I")].concat()),
                traffic::client(postgresql(b"Q", b"ALTER USER ann PASSWORD 'hunter2'\0")),
                traffic::server(
                    [postgresql(b"E", b"SERROR\0C42601\0Mnear hunter2\0\0"), postgresql(b"Z", b"I")].concat(),
                ),
            ],
        ),
    ];
    for (protocol, steps) in conversations {
        let settings = if protocol == Protocol::Http { http.clone() } else { Settings::default() };
        let spans = spans(&steps, true, &settings);
        assert!(spans.len() >= 2, "{protocol:?}: {spans:#?}");
        for (origin, span) in spans {
            assert_eq!(origin.protocol, protocol);
            assert!(!format!("{span:?}").contains("hunter2"), "{span:#?}");
        }
    }
}
