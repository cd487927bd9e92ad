//! gRPC.

use super::*;

const CALL: &[(&str, &str)] = &[
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/shop.v1.Orders/List"),
    (":authority", "shop.example:50051"),
    ("content-type", "application/grpc+proto"),
    ("te", "trailers"),
];

const HEAD: &[(&str, &str)] = &[(":status", "200"), ("content-type", "application/grpc")];

fn message(length: usize) -> Vec<u8> {
    [&[0][..], &u32::try_from(length).expect("short").to_be_bytes(), &vec![7; length]].concat()
}

fn trailers(stream: u32, status: &str) -> Vec<u8> {
    headers(stream, END_STREAM, &[("grpc-status", status), ("grpc-message", "secret words")])
}

#[test]
fn a_call_is_named_by_its_method_and_judged_by_its_trailers() {
    let mut wire = begun();
    wire.asks(&headers(1, 0, CALL)).asks(&data(1, END_STREAM, &message(20)));
    wire.answers(&headers(1, 0, HEAD)).answers(&data(1, 0, &message(100)));
    assert_eq!(wire.recorder.seen.len(), 0);
    wire.answers(&trailers(1, "0"));
    let seen = &wire.recorder.seen[0];
    assert_eq!((seen.protocol, seen.outcome), (Protocol::Grpc, Outcome::Complete));
    assert_eq!(
        (seen.name.as_str(), seen.summary.as_str()),
        ("shop.v1.Orders/List", "shop.v1.Orders/List OK")
    );
    let listed: Vec<String> = seen.client.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        listed,
        [
            "network.peer.address=10.0.0.9",
            "network.peer.port=8080",
            "plainsight.grpc.request.messages=1",
            "plainsight.grpc.response.messages=1",
            "rpc.method=shop.v1.Orders/List",
            "rpc.response.status_code=OK",
            "rpc.system.name=grpc",
            "server.address=shop.example",
            "server.port=50051",
        ]
    );
    assert_eq!(seen.errors, [None, None]);
    assert!(!format!("{seen:?}").contains("secret"));
}

#[test]
fn a_status_alone_comes_with_the_headers() {
    let mut wire = begun();
    wire.asks(&headers(1, 0, CALL)).asks(&data(1, END_STREAM, &message(2)));
    wire.answers(&headers(1, END_STREAM, &[HEAD, &[("grpc-status", "5")]].concat()));
    let seen = &wire.recorder.seen[0];
    assert_eq!(seen.attribute("rpc.response.status_code"), Some("NOT_FOUND"));
    assert_eq!(seen.errors, [None, Some("NOT_FOUND".to_owned())]);
    assert_eq!(seen.attribute("plainsight.grpc.response.messages"), Some("0"));
}

#[test]
fn streams_of_messages_last_until_the_trailers_however_frames_cut_them() {
    let mut wire = begun();
    wire.asks(&headers(1, 0, CALL));
    let started = wire.now;
    wire.answers(&headers(1, 0, HEAD));
    let sent: Vec<u8> = [3, 0, 70, 1].into_iter().flat_map(message).collect();
    for part in sent.chunks(4) {
        wire.now += 10 * MILLISECOND;
        wire.asks(&data(1, 0, part)).answers(&data(1, 0, part));
    }
    wire.asks(&data(1, END_STREAM, b"")).answers(&data(1, 0, &message(9)));
    wire.now += 5_000 * MILLISECOND;
    wire.answers(&trailers(1, "0"));
    let seen = &wire.recorder.seen[0];
    assert_eq!((seen.started, seen.ended), (started, Some(wire.now)));
    assert_eq!(seen.attribute("plainsight.grpc.request.messages"), Some("4"));
    assert_eq!(seen.attribute("plainsight.grpc.response.messages"), Some("5"));
}

#[test]
fn bodies_that_are_not_copied_are_counted_by_their_lengths() {
    let mut wire = begun();
    wire.asks(&headers(1, 0, CALL));
    wire.asks(&data(1, END_STREAM, &message(10_000))[..4096]).not_copied(Direction::ToServer, 5_918);
    wire.answers(&headers(1, 0, HEAD)).answers(&trailers(1, "0"));
    let seen = &wire.recorder.seen[0];
    assert_eq!((seen.outcome, seen.missing_bytes), (Outcome::Complete, 0));
    assert_eq!(seen.attribute("plainsight.grpc.request.messages"), Some("1"));
}

#[test]
fn a_cancelled_call_is_cancelled_and_the_server_is_not_to_blame() {
    let mut wire = begun();
    wire.asks(&headers(1, 0, CALL)).answers(&headers(1, 0, HEAD));
    wire.now += 700 * MILLISECOND;
    wire.asks(&reset(1, 8));
    let seen = &wire.recorder.seen[0];
    assert_eq!(seen.attribute("rpc.response.status_code"), Some("CANCELLED"));
    assert_eq!(seen.errors, [None, Some("CANCELLED".to_owned())]);
    assert_eq!((seen.outcome, seen.ended), (Outcome::Complete, Some(wire.now)));
    let mut wire = begun();
    wire.asks(&headers(1, 0, CALL)).answers(&reset(1, 11));
    let seen = &wire.recorder.seen[0];
    assert_eq!(seen.attribute("rpc.response.status_code"), None, "none was sent");
    assert_eq!(
        (seen.error(), seen.outcome),
        (Some("ENHANCE_YOUR_CALM"), Outcome::NoResponse(CloseReason::Reset))
    );
}

#[test]
fn a_client_that_gives_up_when_its_time_is_up_has_exceeded_its_deadline() {
    for (waited, status, error) in
        [(200, "CANCELLED", None), (495, "DEADLINE_EXCEEDED", Some("DEADLINE_EXCEEDED"))]
    {
        let mut wire = begun();
        wire.asks(&headers(1, 0, &[CALL, &[("grpc-timeout", "500m")]].concat()));
        wire.now += waited * MILLISECOND;
        wire.asks(&reset(1, 8));
        let seen = &wire.recorder.seen[0];
        assert_eq!(seen.attribute("rpc.response.status_code"), Some(status));
        assert_eq!(seen.error(), error);
        assert_eq!(seen.outcome, Outcome::NoResponse(CloseReason::Reset));
    }
}

#[test]
fn a_method_that_a_server_does_not_have_is_no_name() {
    let mut wire = begun();
    wire.asks(&headers(1, END_STREAM, CALL));
    wire.answers(&headers(1, END_STREAM, &[HEAD, &[("grpc-status", "12")]].concat()));
    let seen = &wire.recorder.seen[0];
    assert_eq!((seen.name.as_str(), seen.summary.as_str()), ("grpc", "shop.v1.Orders/List UNIMPLEMENTED"));
    assert_eq!(seen.attribute("rpc.method"), Some("_OTHER"));
    assert_eq!(seen.attribute("rpc.method_original"), Some("shop.v1.Orders/List"));
    assert_eq!(seen.error(), Some("UNIMPLEMENTED"));
}

#[test]
fn an_answer_from_something_else_is_told_by_its_http_status() {
    let mut wire = begun();
    wire.asks(&headers(1, END_STREAM, CALL)).answers(&headers(1, END_STREAM, &[(":status", "503")]));
    let seen = &wire.recorder.seen[0];
    assert_eq!((seen.error(), seen.attribute("rpc.response.status_code")), (Some("503"), None));
    assert_eq!(seen.attribute("http.response.status_code"), Some("503"));
}

#[test]
fn a_call_of_which_no_field_is_known_is_known_by_its_form() {
    let exchange = |asked: &[u8], answered: &[u8], trailers: &[u8]| {
        let mut wire = Wire::joined();
        wire.asks(&frame(kind::HEADERS, END_HEADERS, 7, b"\x83\x86\xbe\xbf\xc0"));
        wire.asks(&data(7, END_STREAM, asked));
        wire.answers(&[frame(kind::HEADERS, END_HEADERS, 7, b"\x88\xbe"), data(7, 0, answered)].concat());
        wire.answers(&frame(kind::HEADERS, END_HEADERS | END_STREAM, 7, trailers));
        wire.close(CloseReason::Closed).seen.remove(0)
    };
    let seen = exchange(&message(4), &[message(0), message(9)].concat(), b"\xbf\xc0");
    assert_eq!((seen.protocol, seen.outcome), (Protocol::Grpc, Outcome::Complete));
    assert_eq!(seen.attribute("rpc.response.status_code"), None);
    assert_eq!(seen.attribute("plainsight.grpc.response.messages"), Some("2"));
    let seen = exchange(b"{\"a\":1}", b"{\"b\":2}", b"\xbf\xc0");
    assert_eq!(seen.protocol, Protocol::Http2);
}

#[test]
fn a_call_joined_without_its_content_type_is_known_by_its_status() {
    let mut wire = Wire::joined();
    // The content type, the path and the authority are entries that were made before.
    wire.asks(&frame(kind::HEADERS, END_HEADERS, 7, b"\x83\x86\xbe\xbf\xc0"));
    wire.asks(&data(7, END_STREAM, &message(4)));
    wire.answers(&[frame(kind::HEADERS, END_HEADERS, 7, b"\x88\xbe"), data(7, 0, &message(4))].concat());
    wire.answers(&trailers(7, "14"));
    let seen = &wire.recorder.seen[0];
    assert_eq!((seen.protocol, seen.name.as_str()), (Protocol::Grpc, "grpc"));
    assert_eq!(seen.attribute("rpc.method"), None);
    assert_eq!(seen.attribute("rpc.response.status_code"), Some("UNAVAILABLE"));
    assert_eq!(seen.attribute("plainsight.grpc.request.messages"), Some("1"));
}
