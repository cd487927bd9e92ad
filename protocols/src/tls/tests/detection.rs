//! What is taken for TLS, when, and what is not.

use super::*;
use crate::{Detection, tls::frame::detect};

#[test]
fn a_client_hello_is_found_on_any_port_at_its_eleventh_byte() {
    let request = asked();
    for end in 1..request.len() {
        let expected = if end < 11 { Detection::NeedMore } else { Detection::Found(Direction::ToServer) };
        assert_eq!(detect(&request[..end]), expected, "{end}");
    }
    assert_eq!(detect(&answered()), Detection::Found(Direction::ToClient));
    for capture in [TLS_1_2, TLS_1_3, RETRY, ALERT] {
        assert_eq!(detect(&writes(capture)[0].1), Detection::Found(Direction::ToServer));
    }
}

#[test]
fn nothing_else_is_taken_for_it() {
    for other in [
        &b""[..],
        b"GET / HTTP/1.1\r\n\r\n",
        b"SSH-2.0-OpenSSH_10.2\r\n",
        b"\x17\x03\x03\x00\x20\x01\x00\x00\x1c\x03\x03",
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x26\x03\x03",
        b"\x16\x03\x01\x02\x00\x01\x00\x00\x26\x03\x03",
        b"\x16\x03\x01\x02\x00\x0b\x00\x01\xfc\x03\x03",
        b"\x16\x03\x09\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x04\x03",
        b"\x16\x00\x00\x00\x03select 1",
        b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10",
    ] {
        assert_eq!(detect(other), Detection::No, "{}", other.escape_ascii());
    }
}

#[test]
fn swapped_directions_are_put_right() {
    let mut wire = Wire::new();
    wire.bytes(Direction::ToClient, &asked()).bytes(Direction::ToServer, &answered());
    assert!(wire.conversation.reversed());
    assert_eq!(wire.summaries(), ["TLS shop.example h2 TLSv1.3"]);
}

#[test]
fn a_handshake_within_a_connection_is_found_where_a_segment_begins() {
    let mut wire = Wire::joined();
    wire.response("220 2.0.0 Ready to start TLS\r\n");
    wire.bytes(Direction::ToServer, &asked()).bytes(Direction::ToClient, &answered());
    assert_eq!(wire.summaries(), ["TLS shop.example h2 TLSv1.3"]);
    assert_eq!(wire.conversation.state(), State::Ignored);
}

#[test]
fn an_answer_reported_before_its_request_is_its_answer() {
    let mut wire = Wire::new();
    wire.keyed = false;
    wire.bytes(Direction::ToClient, &answered());
    assert_eq!(wire.conversation.state(), State::Parsing(Protocol::Tls));
    wire.bytes(Direction::ToServer, &asked());
    assert_eq!(wire.summaries(), ["TLS shop.example h2 TLSv1.3"]);
    assert_eq!(wire.recorder.seen[0].outcome, Outcome::Complete);
}
