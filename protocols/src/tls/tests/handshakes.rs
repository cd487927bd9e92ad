//! What is said of handshakes.

use super::*;

/// What is reported of an exchange with this request and answer.
fn exchange(request: &[u8], answer: &[u8]) -> Seen {
    let mut wire = Wire::new();
    wire.bytes(Direction::ToServer, request).bytes(Direction::ToClient, answer);
    assert_eq!(wire.conversation.state(), State::Ignored, "the rest is left alone");
    wire.recorder.seen.remove(0)
}

#[test]
fn the_name_the_protocols_and_the_version_are_shown() {
    let seen = replayed(TLS_1_3);
    assert_eq!((&*seen.name, &*seen.summary), ("TLS handshake", "TLS shop.example h2,http/1.1 TLSv1.3"));
    assert_eq!((seen.protocol, seen.outcome, seen.error()), (Protocol::Tls, Outcome::Complete, None));
    assert_eq!((seen.request_bytes, seen.response_bytes), (517, 127));
    let attributes: Vec<_> = seen.server.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        attributes,
        [
            "network.peer.address=10.0.0.7",
            "network.peer.port=41822",
            "plainsight.tls.client.protocols=h2|http/1.1",
            "server.address=shop.example",
            "server.port=8080",
            "tls.cipher=TLS_AES_256_GCM_SHA384",
            "tls.protocol.name=tls",
            "tls.protocol.version=1.3",
        ]
    );
    assert_eq!(seen.client.get("network.peer.address").map(String::as_str), Some("10.0.0.9"));
    assert_eq!(seen.client.get("server.address").map(String::as_str), Some("shop.example"));
}

#[test]
fn the_protocol_chosen_is_shown_where_it_is_not_encrypted() {
    let seen = replayed(TLS_1_2);
    assert_eq!(seen.summary, "TLS shop.example http/1.1 TLSv1.2");
    assert_eq!(seen.attribute("tls.next_protocol"), Some("http/1.1"));
    assert_eq!(seen.attribute("tls.cipher"), Some("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"));
}

#[test]
fn a_client_that_is_sent_back_is_answered_by_the_second_hello() {
    let seen = replayed(RETRY);
    assert_eq!(seen.summary, "TLS shop.example h2,http/1.1 TLSv1.3");
    assert_eq!(seen.attribute("plainsight.tls.features"), Some("hello_retry_request"));
    assert_eq!(seen.outcome, Outcome::Complete);
    assert!(seen.ended.expect("seen") - seen.started >= 3_000, "{seen:?}");
    assert_eq!(seen.offsets, [Some(0); 2], "those of the first hellos");
}

#[test]
fn a_fatal_alert_is_an_error_by_its_name() {
    let seen = replayed(ALERT);
    assert_eq!(seen.summary, "TLS shop.example h2,http/1.1 protocol_version");
    assert_eq!((seen.error(), seen.outcome), (Some("protocol_version"), Outcome::Complete));
    assert_eq!(seen.errors[1].as_deref(), Some("protocol_version"));
    assert_eq!(seen.attribute("tls.protocol.version"), None);

    let unknown = exchange(&asked(), &record(21, &[2, 99]));
    assert_eq!(unknown.error(), Some("_OTHER"));
}

#[test]
fn a_warning_before_the_hello_is_none() {
    let answer = [record(21, &[1, 112]), answered()].concat();
    let seen = exchange(&asked(), &answer);
    assert_eq!((&*seen.summary, seen.error()), ("TLS shop.example h2 TLSv1.3", None));
    assert_eq!(exchange(&asked(), &record(21, &[1, 0])).error(), Some("close_notify"));
}

#[test]
fn values_that_mean_nothing_and_hellos_within_hellos_are_told() {
    let hello = client_hello(&[
        extension(0x2a2a, &[]),
        protocols(&[b"\x5a\x5a", b"h2", b"http/1.1"]),
        extension(0xfe0d, &[0, 0, 1, 0, 1]),
        server_name(b"public.example"),
        extension(0xfafa, &[0]),
    ]);
    let seen = exchange(&record(22, &hello), &answered());
    assert_eq!(seen.summary, "TLS public.example h2,http/1.1 TLSv1.3");
    assert_eq!(seen.attribute("plainsight.tls.features"), Some("encrypted_client_hello"));
}

#[test]
fn without_a_name_the_socket_is_the_server() {
    let seen = exchange(&record(22, &client_hello(&[])), &record(22, &server_hello(0x1399, &[])));
    assert_eq!(seen.summary, "TLS - TLSv1.2");
    assert_eq!(seen.attribute("server.address"), Some("10.0.0.9"));
    assert_eq!(seen.attribute("tls.cipher"), None);
    assert_eq!(seen.attribute("plainsight.tls.cipher_suite"), Some("5017"));
}

#[test]
fn a_hello_may_be_cut_into_records_and_segments_at_will() {
    let hello = client_hello(&[server_name(b"shop.example"), protocols(&[b"h2"])]);
    let request: Vec<u8> = hello.chunks(30).flat_map(|part| record(22, part)).collect();
    let answer: Vec<u8> =
        server_hello(0x1301, &[extension(43, &[3, 4])]).chunks(3).flat_map(|part| record(22, part)).collect();
    let seen = exchange(&request, &answer);
    assert_eq!(seen.summary, "TLS shop.example h2 TLSv1.3");
    assert_eq!((seen.request_bytes, seen.response_bytes), (request.len() as u64, answer.len() as u64));

    let mut wire = Wire::new();
    for (direction, bytes) in [(Direction::ToServer, request), (Direction::ToClient, answer)] {
        for byte in bytes {
            wire.bytes(direction, &[byte]);
        }
    }
    assert_eq!(wire.summaries(), ["TLS shop.example h2 TLSv1.3"]);
}

#[test]
fn names_never_carry_commands_for_a_terminal() {
    let hello = client_hello(&[server_name(b"a\x1b[2J\xff"), protocols(&[b"h\x07"])]);
    let seen = exchange(&record(22, &hello), &answered());
    assert_eq!(seen.summary, "TLS a\u{fffd}[2J\u{fffd} h\u{fffd} TLSv1.3");
}

#[test]
fn a_hello_that_lies_about_its_lengths_gives_what_is_true() {
    let mut hello = client_hello(&[server_name(b"shop.example"), protocols(&[b"h2"])]);
    let last = hello.len() - 4;
    hello[last] = 0xff;
    let seen = exchange(&record(22, &hello), &answered());
    assert_eq!(seen.attribute("server.address"), Some("shop.example"));
    let seen = exchange(&record(22, &message(1, &[3; 40])), &answered());
    assert_eq!(seen.summary, "TLS - TLSv1.3");
}

#[test]
fn what_is_not_answered_says_why() {
    for (reason, error) in [
        (CloseReason::Closed, Some("connection_closed")),
        (CloseReason::Reset, Some("connection_reset")),
        (CloseReason::Evicted, None),
    ] {
        let mut wire = Wire::new();
        wire.bytes(Direction::ToServer, &asked());
        let recorder = wire.close(reason);
        assert_eq!(recorder.seen[0].outcome, Outcome::NoResponse(reason));
        assert_eq!(recorder.seen[0].error(), error);
    }
    let mut wire = Wire::new();
    wire.bytes(Direction::ToServer, &asked()).pass(130_000 * MILLISECOND);
    assert_eq!(wire.summaries(), ["TLS shop.example h2 timeout"]);
    assert_eq!(wire.bytes(Direction::ToClient, &answered()).summaries().len(), 1);
}

#[test]
fn a_server_that_speaks_no_tls_is_an_error() {
    let seen = exchange(&asked(), b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    assert_eq!(
        (&*seen.summary, seen.error()),
        ("TLS shop.example h2 invalid_response", Some("invalid_response"))
    );
    assert_eq!(seen.response_bytes, 47);
}
