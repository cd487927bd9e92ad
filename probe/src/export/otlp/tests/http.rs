//! OTLP over HTTP: what goes out, and what each answer means.

use std::{io::Read, net::TcpListener};

use ::http::StatusCode;
use prost::Message;

use super::{
    super::answer::{ExportResponse, PartialSuccess, RpcStatus},
    receiver_http::{HttpReceiver, Received, Reply},
    *,
};

#[test]
fn a_batch_arrives_as_it_is_with_what_the_protocol_wants_around_it() {
    let receiver = HttpReceiver::start(|_, _| Reply::ok());
    let mut destination = receiver.destination();
    destination.headers = Headers(vec![("Authorization".into(), "Bearer x=y".into())]);
    let exporter = start([destination]);
    let payload: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for kind in SignalKind::ALL {
        assert_eq!(exporter.submit(batch(kind, payload.clone(), 3)), Acceptance::Queued);
    }
    let stats = wait_for(&exporter, "delivery", |stats| stats.sum(|kind| kind.sent.items) == 9);
    let mut received = receiver.received();
    received.sort_by(|one, other| one.path.cmp(&other.path));
    for (request, path) in received.iter().zip(["/v1/logs", "/v1/metrics", "/v1/traces"]) {
        assert_eq!(request.path, path);
        assert!(request.body == payload, "{path}: the payload was changed");
        assert_eq!(request.headers["content-type"], "application/x-protobuf");
        assert_eq!(request.headers["authorization"], "Bearer x=y");
        assert!(request.headers["user-agent"].starts_with("OTel-OTLP-Exporter-Rust/"), "{request:?}");
        assert!(!request.headers.contains_key("content-encoding"));
    }
    assert_eq!(received.len(), 3);
    assert_eq!(stats.target, receiver.endpoint() + "/");
    assert_all_counted(&stats, 9);
}

#[test]
fn an_endpoint_of_one_kind_is_used_as_it_is() {
    let receiver = HttpReceiver::start(|_, _| Reply::ok());
    let endpoint = format!("{}/api/otlp?tenant=7", receiver.endpoint());
    let target = Target::Http { endpoint, exact: true, encoding: Encoding::Protobuf };
    let exporter = start([quick(target)]);
    assert_eq!(exporter.submit(traces("x")), Acceptance::Queued);
    wait_for(&exporter, "delivery", |stats| stats.kind(SignalKind::Traces).sent.batches == 1);
    assert_eq!(receiver.received()[0].path, "/api/otlp?tenant=7");
}

#[test]
fn only_four_statuses_are_tried_again() {
    let later = [429, 502, 503, 504];
    let taken = [200, 202, 204];
    let statuses =
        [200, 202, 204, 301, 307, 400, 401, 403, 404, 408, 413, 415, 429, 500, 501, 502, 503, 504, 507];
    for status in statuses {
        let receiver =
            HttpReceiver::start(move |_, number| Reply::status(if number == 0 { status } else { 200 }));
        let exporter = start([receiver.destination()]);
        assert_eq!(exporter.submit(traces("x")), Acceptance::Queued);
        let stats = wait_for(&exporter, "an end", |stats| {
            let kind = stats.kind(SignalKind::Traces);
            kind.sent.items + kind.dropped.total() == 10
        });
        let kind = stats.kind(SignalKind::Traces);
        let expected = if later.contains(&status) {
            (10, 1, 0, 2)
        } else if taken.contains(&status) {
            (10, 0, 0, 1)
        } else {
            (0, 0, 10, 1)
        };
        let seen =
            (kind.sent.items, kind.retries, kind.dropped.by(DropReason::Refused), receiver.received().len());
        assert_eq!(seen, expected, "(sent, retries, refused, requests) after {status}: {stats:#?}");
        if !taken.contains(&status) {
            let name = StatusCode::from_u16(status).expect("a status").to_string();
            assert!(error_of(&stats).contains(&name), "{status}: {}", error_of(&stats));
        }
    }
}

#[test]
fn the_words_of_a_failure_are_shown_harmlessly() {
    let said = RpcStatus { code: 3, message: "tenant \x1b[2Junknown".into(), details: Vec::new() };
    let receiver = HttpReceiver::start(move |_, _| Reply::Answer(400, Vec::new(), said.encode_to_vec()));
    let exporter = start([receiver.destination()]);
    assert_eq!(exporter.submit(traces("x")), Acceptance::Queued);
    let stats = wait_for(&exporter, "refusal", |stats| stats.last_error.is_some());
    assert!(
        error_of(&stats).contains("unknown") && !error_of(&stats).contains('\x1b'),
        "{}",
        error_of(&stats)
    );
}

#[test]
fn a_partial_success_is_counted_and_never_sent_again() {
    let partial = PartialSuccess { rejected: 4, error_message: "4 spans are too old".into() };
    let body = ExportResponse { partial_success: Some(partial) }.encode_to_vec();
    let receiver = HttpReceiver::start(move |_, _| {
        Reply::Answer(200, vec![("content-type", "application/x-protobuf".into())], body.clone())
    });
    let exporter = start([receiver.destination()]);
    assert_eq!(exporter.submit(traces("x")), Acceptance::Queued);
    let stats = wait_for(&exporter, "an end", |stats| stats.kind(SignalKind::Traces).sent.batches == 1);
    assert_eq!(
        (stats.kind(SignalKind::Traces).sent.items, stats.kind(SignalKind::Traces).rejected_items),
        (6, 4)
    );
    assert_eq!(stats.last_warning.map(|warning| warning.sentence).as_deref(), Some("4 spans are too old"));
    thread::sleep(Duration::from_millis(50));
    assert_eq!(receiver.received().len(), 1);
}

#[test]
fn retry_after_holds_back_the_whole_kind_but_no_other() {
    let receiver = HttpReceiver::start(|_, number| match number {
        0 => Reply::Answer(429, vec![("retry-after", "1".into())], Vec::new()),
        _ => Reply::ok(),
    });
    let exporter = start([receiver.destination()]);
    assert_eq!(exporter.submit(traces("first")), Acceptance::Queued);
    wait_for(&exporter, "a failure", |stats| stats.last_error.is_some());
    assert_eq!(exporter.submit(traces("second")), Acceptance::Queued);
    assert_eq!(exporter.submit(metrics("other")), Acceptance::Queued);
    wait_for(&exporter, "delivery", |stats| stats.sum(|kind| kind.sent.batches) == 3);
    let received = receiver.received();
    let asked = received[0].at;
    for request in &received[1..] {
        let waited = request.at - asked;
        if request.text() == "other" {
            assert!(waited < Duration::from_millis(900), "metrics waited for traces: {waited:?}");
        } else {
            assert!(waited >= Duration::from_secs(1), "{} came after {waited:?}", request.text());
        }
    }
}

#[test]
fn a_connection_that_ends_without_an_answer_is_tried_again() {
    let receiver = HttpReceiver::start(|_, number| if number < 3 { Reply::Disconnect } else { Reply::ok() });
    let exporter = start([receiver.destination()]);
    assert_eq!(exporter.submit(traces("x")), Acceptance::Queued);
    let stats = wait_for(&exporter, "delivery", |stats| stats.kind(SignalKind::Traces).sent.batches == 1);
    assert_eq!(stats.kind(SignalKind::Traces).retries, 3);
    assert!(stats.last_error.is_some_and(|error| error.over), "the trouble is over, and should say so");
}

#[test]
fn a_success_whose_answer_breaks_off_is_not_sent_twice() {
    let receiver = HttpReceiver::start(|_, _| Reply::Break(200));
    let exporter = start([receiver.destination()]);
    assert_eq!(exporter.submit(traces("x")), Acceptance::Queued);
    wait_for(&exporter, "delivery", |stats| stats.kind(SignalKind::Traces).sent.batches == 1);
    assert_eq!(receiver.received().len(), 1);
}

#[test]
fn silence_is_tried_again_after_the_timeout() {
    let receiver =
        HttpReceiver::start(
            |_, number| if number == 0 { Reply::Late(Duration::from_secs(3)) } else { Reply::ok() },
        );
    let mut destination = receiver.destination();
    destination.timeout = Duration::from_millis(200);
    let exporter = start([destination]);
    let begun = Instant::now();
    assert_eq!(exporter.submit(traces("x")), Acceptance::Queued);
    let stats = wait_for(&exporter, "delivery", |stats| stats.kind(SignalKind::Traces).sent.batches == 1);
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert!(error_of(&stats).contains("did not answer in time"), "{}", error_of(&stats));
}

#[test]
fn a_receiver_that_comes_up_later_gets_everything_in_order() {
    // The port is known, and nobody listens on it.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    drop(listener);
    let target =
        Target::Http { endpoint: format!("http://{address}"), exact: false, encoding: Encoding::Protobuf };
    let exporter = start([quick(target)]);
    let names: Vec<_> = (0..20).map(|number| format!("batch {number}")).collect();
    for name in &names {
        assert_eq!(exporter.submit(metrics(name)), Acceptance::Queued);
    }
    let stats = wait_for(&exporter, "a failure", |stats| stats.kind(SignalKind::Metrics).retries > 2);
    assert!(error_of(&stats).contains("Start the receiver"), "{}", error_of(&stats));
    let receiver =
        HttpReceiver::listen(TcpListener::bind(address).expect("the same port"), |_, _| Reply::ok());
    wait_for(&exporter, "delivery", |stats| stats.kind(SignalKind::Metrics).sent.batches == 20);
    let received: Vec<_> = receiver.received().iter().map(Received::text).collect();
    assert_eq!(received, names);
}

#[test]
fn packed_payloads_are_whole_when_unpacked() {
    for compression in [Compression::Gzip, Compression::Zstd] {
        let receiver = HttpReceiver::start(|_, _| Reply::ok());
        let mut destination = receiver.destination();
        destination.compression = compression;
        let exporter = start([destination]);
        // One is packed at once, one by the helper thread.
        for size in [100, 1_000_000] {
            assert_eq!(exporter.submit(batch(SignalKind::Logs, vec![b'x'; size], 1)), Acceptance::Queued);
        }
        wait_for(&exporter, "delivery", |stats| stats.kind(SignalKind::Logs).sent.batches == 2);
        for (request, size) in receiver.received().iter().zip([100, 1_000_000]) {
            assert_eq!(Some(request.headers["content-encoding"].as_str()), compression.name());
            let mut body = Vec::new();
            match compression {
                Compression::Zstd => body = zstd::decode_all(request.body.as_slice()).expect("zstd"),
                _ => {
                    let mut decoder = flate2::read::GzDecoder::new(request.body.as_slice());
                    decoder.read_to_end(&mut body).expect("gzip");
                }
            }
            assert!(body == vec![b'x'; size], "{compression:?} changed a payload of {size} bytes");
        }
    }
}

#[test]
fn an_endless_answer_is_not_kept() {
    let receiver = HttpReceiver::start(|_, _| Reply::Answer(200, Vec::new(), vec![0x0a; 6 << 20]));
    let exporter = start([receiver.destination()]);
    assert_eq!(exporter.submit(traces("x")), Acceptance::Queued);
    let stats = wait_for(&exporter, "delivery", |stats| stats.kind(SignalKind::Traces).sent.batches == 1);
    assert_eq!(stats.kind(SignalKind::Traces).rejected_items, 0);
}

#[test]
fn connections_are_kept_between_requests() {
    let receiver = HttpReceiver::start(|_, _| Reply::ok());
    let exporter = start([receiver.destination()]);
    for number in 0..5 {
        assert_eq!(exporter.submit(metrics("x")), Acceptance::Queued);
        wait_for(&exporter, "delivery", |stats| stats.kind(SignalKind::Metrics).sent.batches == number + 1);
    }
    let peers: std::collections::HashSet<_> =
        receiver.received().iter().map(|request| request.peer).collect();
    assert_eq!(peers.len(), 1, "each request had a connection of its own");
}
