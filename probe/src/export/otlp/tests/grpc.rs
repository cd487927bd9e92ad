//! OTLP over gRPC: what goes out, and what each answer means.

use std::io::Read;

use h2::Reason;
use prost::Message;

use super::{
    super::answer::{AnyMessage, ExportResponse, PartialSuccess, ProtoDuration, RetryInfo, RpcStatus},
    receiver_grpc::{GrpcReceiver, Reply},
    *,
};

const OK: Reply = Reply::Message(Vec::new());

/// Base64 without padding, as gRPC writes it.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(char::from(DIGITS[(number >> (18 - 6 * place)) as usize & 63]));
        }
    }
    text
}

fn retry_details(milliseconds: i32) -> String {
    let delay = ProtoDuration { seconds: 0, nanos: milliseconds * 1_000_000 };
    let value = RetryInfo { retry_delay: Some(delay) }.encode_to_vec();
    let detail = AnyMessage { type_url: "type.googleapis.com/google.rpc.RetryInfo".into(), value };
    base64(&RpcStatus { code: 8, message: "full".into(), details: vec![detail] }.encode_to_vec())
}

/// Sends one batch and waits for its end.
fn send_one(destination: Destination) -> DestinationStats {
    let exporter = start([destination]);
    assert_eq!(exporter.submit(traces("x")), Acceptance::Queued);
    wait_for(&exporter, "an end", |stats| {
        let kind = stats.kind(SignalKind::Traces);
        kind.sent.items + kind.rejected_items + kind.dropped.total() == 10
    })
}

#[test]
fn a_batch_arrives_as_it_is_with_what_the_protocol_wants_around_it() {
    let receiver = GrpcReceiver::start(|_, _| OK);
    let mut destination = receiver.destination();
    destination.headers = Headers(vec![("X-Tenant".into(), "seven".into())]);
    let exporter = start([destination]);
    let payload: Vec<u8> = (0..=255).cycle().take(3_000_000).collect();
    for kind in SignalKind::ALL {
        assert_eq!(exporter.submit(batch(kind, payload.clone(), 3)), Acceptance::Queued);
    }
    let stats = wait_for(&exporter, "delivery", |stats| stats.sum(|kind| kind.sent.items) == 9);
    let mut received = receiver.received();
    received.sort_by(|one, other| one.path.cmp(&other.path));
    let paths = [
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    ];
    for (request, path) in received.iter().zip(paths) {
        assert_eq!(request.path, path);
        assert!(request.message == payload && !request.is_packed, "{path}: the payload was changed");
        assert_eq!(request.headers["content-type"], "application/grpc");
        assert_eq!(request.headers["x-tenant"], "seven");
        assert_eq!(request.headers["te"], "trailers");
        assert!(request.headers.contains_key("grpc-timeout"));
        assert!(
            request.headers["user-agent"].starts_with("OTel-OTLP-Exporter-Rust/"),
            "{:?}",
            request.headers
        );
    }
    assert_eq!(received.len(), 3);
    assert_all_counted(&stats, 9);
}

#[test]
fn the_codes_of_the_specification_are_tried_again_and_no_others() {
    let later = [1, 4, 10, 11, 14, 15];
    for code in 1..=16 {
        let receiver = GrpcReceiver::start(move |_, number| match number {
            0 => Reply::Status(code, "said", None),
            _ => OK,
        });
        let stats = send_one(receiver.destination());
        let kind = stats.kind(SignalKind::Traces);
        let expected = if later.contains(&code) { (10, 1, 0, 2) } else { (0, 0, 10, 1) };
        let seen =
            (kind.sent.items, kind.retries, kind.dropped.by(DropReason::Refused), receiver.received().len());
        assert_eq!(seen, expected, "(sent, retries, refused, requests) after code {code}: {stats:#?}");
        assert!(error_of(&stats).contains("said"), "code {code}: {}", error_of(&stats));
    }
}

#[test]
fn an_exhausted_receiver_is_tried_again_when_it_says_when() {
    let receiver = GrpcReceiver::start(|_, number| match number {
        0 => Reply::Status(8, "full", Some(retry_details(300))),
        _ => OK,
    });
    let begun = Instant::now();
    let stats = send_one(receiver.destination());
    assert_eq!(stats.kind(SignalKind::Traces).sent.items, 10, "{stats:#?}");
    assert!(begun.elapsed() >= Duration::from_millis(300), "it was asked again after {:?}", begun.elapsed());
}

#[test]
fn a_partial_success_is_counted_and_never_sent_again() {
    let partial = PartialSuccess { rejected: 3, error_message: "no".into() };
    let message = ExportResponse { partial_success: Some(partial) }.encode_to_vec();
    let receiver = GrpcReceiver::start(move |_, _| Reply::Message(message.clone()));
    let stats = send_one(receiver.destination());
    let kind = stats.kind(SignalKind::Traces);
    assert_eq!((kind.sent.items, kind.rejected_items, receiver.received().len()), (7, 3, 1));
    assert_eq!(stats.last_warning.map(|warning| warning.sentence).as_deref(), Some("no"));
}

#[test]
fn broken_connections_and_proxies_failures_are_tried_again() {
    let failures = [
        Reply::Disconnect,
        Reply::Reset(Reason::REFUSED_STREAM),
        Reply::Reset(Reason::CANCEL),
        Reply::Reset(Reason::INTERNAL_ERROR),
        Reply::Reset(Reason::ENHANCE_YOUR_CALM),
        Reply::NoTrailers,
        Reply::Http(502),
        Reply::Http(503),
        Reply::Http(504),
        Reply::Http(429),
    ];
    for failure in failures {
        let said = format!("{failure:?}");
        let receiver = GrpcReceiver::start(move |_, number| if number == 0 { failure.clone() } else { OK });
        let stats = send_one(receiver.destination());
        assert_eq!(stats.kind(SignalKind::Traces).sent.items, 10, "after {said}: {stats:#?}");
        assert!(stats.kind(SignalKind::Traces).retries >= 1, "after {said}");
    }
}

#[test]
fn a_connection_that_went_silent_is_given_up_for_a_new_one() {
    let receiver = GrpcReceiver::start(|_, number| if number == 0 { Reply::Silence } else { OK });
    let mut destination = receiver.destination();
    destination.timeout = Duration::from_millis(200);
    let stats = send_one(destination);
    assert_eq!(stats.kind(SignalKind::Traces).sent.items, 10, "{stats:#?}");
    assert!(error_of(&stats).contains("did not answer in time"), "{}", error_of(&stats));
}

#[test]
fn nobody_there_is_said_with_what_to_do() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let endpoint = listener.local_addr().expect("a bound socket").to_string();
    drop(listener);
    let exporter = start([quick(Target::Grpc { endpoint: endpoint.clone(), insecure: true })]);
    assert_eq!(exporter.submit(traces("x")), Acceptance::Queued);
    let stats = wait_for(&exporter, "failures", |stats| stats.kind(SignalKind::Traces).retries > 3);
    let error = error_of(&stats);
    assert!(error.contains(&endpoint) && error.contains("Start the receiver"), "{error}");
}

#[test]
fn packed_payloads_are_whole_when_unpacked() {
    for compression in [Compression::Gzip, Compression::Zstd] {
        let receiver = GrpcReceiver::start(|_, _| OK);
        let mut destination = receiver.destination();
        destination.compression = compression;
        let exporter = start([destination]);
        assert_eq!(exporter.submit(batch(SignalKind::Logs, vec![b'x'; 1_000_000], 1)), Acceptance::Queued);
        wait_for(&exporter, "delivery", |stats| stats.kind(SignalKind::Logs).sent.batches == 1);
        let request = receiver.received().remove(0);
        assert_eq!(Some(request.headers["grpc-encoding"].as_str()), compression.name());
        let mut body = Vec::new();
        match compression {
            Compression::Zstd => body = zstd::decode_all(request.message.as_slice()).expect("zstd"),
            _ => {
                let mut decoder = flate2::read::GzDecoder::new(request.message.as_slice());
                decoder.read_to_end(&mut body).expect("gzip");
            }
        }
        assert!(body == vec![b'x'; 1_000_000] && request.is_packed, "{compression:?} changed the payload");
    }
}
