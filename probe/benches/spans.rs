//! What a span costs: nanoseconds of one core, and spans a second.
//!
//! - `encode`: the fields and eight attributes of an HTTP server's span, at hand as texts and numbers, into a buffer that is used again.
//! - `to requests`: the same through a worker's buffers, the spool and the assembler, that is to whole OTLP requests.
//! - `from exchanges`: what [`SpanRecorder`] does with an exchange that the parser of HTTP/1 just found, with and without a `traceparent`: sampling, ids, the protocol's
//!   name and attributes, encoding. A trace that is sampled away costs only the first two.
//!
//! The fastest of many short rounds counts: it is the one that was disturbed least. Run it with
//! `cargo bench --package plainsight --bench spans`.

use std::{
    fmt::Write,
    hint::black_box,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use plainsight::{
    capture::{ConnectionId, Process},
    export::{Batch, SignalKind},
    flow::Observed,
    identity::{Resource, ResourceValue},
    signal::{
        Clock, IdGenerator, WallTime,
        otlp::{Assembler, BatchLimits, Limits},
        spool::{Buffer, Spool, SpoolLimits},
        traces::{SpanContext, SpanData, SpanRecorder, TraceSettings, encode_span},
    },
};
use plainsight_protocols::{
    Conversation, Direction, Exchange, Segment, Settings, Side, Sink, Timestamp, Value,
};
use prost::Message;

/// Spans in one round, of about a millisecond.
const ROUND: u32 = 4096;
const MEASURED: Duration = Duration::from_secs(3);

/// A span as `crates.md` has it: eight attributes.
struct Prepared {
    span: SpanData<'static>,
    name: &'static str,
    attributes: Vec<(&'static str, Value<'static>)>,
}

impl Prepared {
    fn new() -> Self {
        let text = |text: &'static str| Value::Text(text.into());
        let start = WallTime::from_unix_nanos(1_767_323_045_678_901_234);
        Self {
            span: SpanData {
                context: SpanContext { trace_id: [7; 16], span_id: [9; 8], flags: 1 },
                parent_span_id: Some([3; 8]),
                is_parent_remote: true,
                trace_state: "",
                side: Side::Server,
                start,
                end: start.after(Duration::from_micros(812)),
                is_error: false,
                links: &[],
                limits: Limits::default(),
            },
            name: "GET /users/{id}",
            attributes: vec![
                ("http.request.method", text("GET")),
                ("url.path", text("/users/17")),
                ("url.scheme", text("http")),
                ("http.response.status_code", Value::Integer(200)),
                ("server.address", text("shop.example")),
                ("server.port", Value::Integer(8080)),
                ("network.peer.address", text("10.0.0.7")),
                ("user_agent.original", text("curl/8.5.0")),
            ],
        }
    }

    #[inline]
    fn encode(&self, out: &mut Vec<u8>, number: u64) {
        let mut span = self.span;
        span.context.span_id = number.to_be_bytes();
        encode_span(
            out,
            black_box(&span),
            |name| name.write_str(self.name),
            |item| {
                for (name, value) in black_box(&self.attributes) {
                    item.attribute(name, value);
                }
            },
        );
    }
}

fn process(pid: u32) -> Process {
    Process { pid, tid: pid, cgroup: 1, comm: *b"nginx\0\0\0\0\0\0\0\0\0\0\0" }
}

fn resource() -> Arc<Resource> {
    let names =
        ["container.id", "host.name", "k8s.namespace.name", "k8s.pod.name", "process.executable.name"];
    let mut attributes: Vec<_> =
        names.iter().map(|&name| (name.into(), ResourceValue::Text("value".into()))).collect();
    attributes.push(("service.name".into(), ResourceValue::Text("shop".into())));
    Arc::new(Resource { service_name: "shop".into(), service_namespace: None, attributes })
}

/// The shortest time that a round took, per span.
fn best(mut round: impl FnMut()) -> f64 {
    let begun = Instant::now();
    let mut best = Duration::MAX;
    while begun.elapsed() < MEASURED {
        let started = Instant::now();
        round();
        best = best.min(started.elapsed());
    }
    best.as_nanos() as f64 / f64::from(ROUND)
}

fn report(what: &str, nanos: f64, bytes: f64) {
    println!("{what:<44} {nanos:>7.0} ns {:>9.2} million/s {bytes:>7.0} bytes", 1e3 / nanos);
}

fn encode(prepared: &Prepared) {
    let mut out = Vec::with_capacity(4 << 20);
    let nanos = best(|| {
        out.clear();
        for number in 0..ROUND {
            prepared.encode(&mut out, u64::from(number));
        }
        black_box(&out);
    });
    report("encode, 8 attributes", nanos, out.len() as f64 / f64::from(ROUND));
}

/// Takes what is in the spool and makes requests of it.
struct Consumer {
    spool: Spool,
    assembler: Assembler,
    resource: Arc<Resource>,
    buffers: Vec<Buffer>,
}

impl Consumer {
    fn new() -> Self {
        let assembler = Assembler::new(SignalKind::Traces, BatchLimits::default());
        Self { spool: Spool::new(64 << 20), assembler, resource: resource(), buffers: Vec::new() }
    }

    fn requests(&mut self) -> Vec<Batch> {
        self.buffers.clear();
        self.spool.take(&mut self.buffers);
        self.assembler.assemble(&self.buffers, |_| Arc::clone(&self.resource))
    }
}

fn to_requests(prepared: &Prepared) {
    let mut consumer = Consumer::new();
    let mut writer = consumer.spool.writer(SpoolLimits::default());
    let processes = [1, 1, 1, 2, 2, 1, 3, 3].map(process);
    let mut bytes = 0;
    let nanos = best(|| {
        for number in 0..ROUND {
            let process = &processes[number as usize / 4 % processes.len()];
            writer.item(process, Timestamp::from_nanos(1), prepared.span.start, |out| {
                prepared.encode(out, u64::from(number));
            });
        }
        writer.flush();
        let batches = consumer.requests();
        assert_eq!(batches.iter().map(|batch| batch.items).sum::<u32>(), ROUND);
        bytes = batches.iter().map(|batch| batch.payload.len()).sum();
    });
    report("to requests, 8 attributes", nanos, bytes as f64 / f64::from(ROUND));
    let batches = {
        writer.item(&processes[0], Timestamp::from_nanos(1), prepared.span.start, |out| {
            prepared.encode(out, 1);
        });
        writer.flush();
        consumer.requests()
    };
    let read = ExportTraceServiceRequest::decode(&batches[0].payload[..]).expect("what was just written");
    assert_eq!(read.resource_spans[0].scope_spans[0].spans[0].attributes.len(), prepared.attributes.len());
}

/// Shows each exchange to the recorder many times, as long as it is there.
struct Recording<'a> {
    side: Side,
    sequences: Option<u32>,
    recorder: SpanRecorder,
    consumer: &'a mut Consumer,
    nanos: f64,
    bytes: f64,
    attributes: usize,
}

impl Sink for Recording<'_> {
    fn exchange(&mut self, exchange: &Exchange<'_>) {
        let (client, server) = (
            SocketAddr::from((Ipv4Addr::new(10, 0, 0, 7), 41822)),
            SocketAddr::from((Ipv4Addr::new(10, 0, 0, 9), 8080)),
        );
        let (local, remote) = if self.side == Side::Server { (server, client) } else { (client, server) };
        let mut observed = Observed {
            exchange,
            connection: ConnectionId(1),
            local,
            remote,
            side: self.side,
            process: process(4242),
            request_sequence: self.sequences,
            response_sequence: self.sequences,
        };
        let mut encoded = 0;
        self.nanos = best(|| {
            for number in 0..ROUND {
                observed.request_sequence = self.sequences.map(|sequence| sequence.wrapping_add(number));
                black_box(self.recorder.record(&observed));
            }
            self.recorder.flush();
            self.consumer.buffers.clear();
            self.consumer.spool.take(&mut self.consumer.buffers);
            encoded = self.consumer.buffers.iter().map(|buffer| buffer.bytes.len()).sum();
        });
        self.bytes = encoded as f64 / f64::from(ROUND);
        self.recorder.record(&observed);
        self.recorder.flush();
        if let [batch] = &self.consumer.requests()[..] {
            let read = ExportTraceServiceRequest::decode(&batch.payload[..]).expect("what was just written");
            self.attributes = read.resource_spans[0].scope_spans[0].spans[0].attributes.len();
        }
    }

    fn unobserved(&mut self, count: u64) {
        assert_eq!(count, 0);
    }
}

fn from_exchange(what: &str, side: Side, field: &str, sequences: Option<u32>, ratio: f64) {
    let mut consumer = Consumer::new();
    let settings = TraceSettings { ratio, ..TraceSettings::default() };
    let writer = consumer.spool.writer(SpoolLimits::default());
    let ids = IdGenerator::from_system();
    let recorder = SpanRecorder::new(settings, Clock::boot_time(), ids, Arc::default(), writer);
    let mut recording = Recording {
        side,
        sequences,
        recorder,
        consumer: &mut consumer,
        nanos: 0.0,
        bytes: 0.0,
        attributes: 0,
    };
    let request =
        format!("GET /users/17 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: curl/8.5.0\r\n{field}\r\n");
    let response = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world\n";
    let mut conversation = Conversation::new(true);
    for (direction, bytes) in [(Direction::ToServer, request.as_str()), (Direction::ToClient, response)] {
        let segment = Segment {
            direction,
            at: Timestamp::from_nanos(1_000_000_000),
            offset: 0,
            opposite_offset: Some(if direction == Direction::ToServer { 0 } else { request.len() as u64 }),
            bytes: bytes.as_bytes(),
        };
        conversation.segment(&segment, &Settings::default(), &mut recording);
    }
    let what = format!("from exchanges, {what}, {} attributes", recording.attributes);
    report(&what, recording.nanos, recording.bytes);
}

fn main() {
    let prepared = Prepared::new();
    encode(&prepared);
    to_requests(&prepared);
    let parent = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
    from_exchange("server, random ids", Side::Server, "", None, 1.0);
    from_exchange("server, ids by place", Side::Server, "", Some(7), 1.0);
    from_exchange("server, traceparent", Side::Server, parent, Some(7), 1.0);
    from_exchange("client, ids by place", Side::Client, "", Some(7), 1.0);
    from_exchange("sampled away", Side::Server, "", Some(7), 0.0);
}
