//! What is taken for HTTP/1, when, and what is not.

use super::*;
use crate::{CloseReason, DETECTION_ATTEMPTS, Protocol, State};

#[test]
fn http_is_found_from_either_stream_and_any_split() {
    let mut wire = Wire::new();
    for byte in get("/a").bytes() {
        wire.bytes(Direction::ToServer, &[byte]);
    }
    assert_eq!(wire.conversation.state(), State::Parsing(Protocol::Http));
    for byte in ok("x").bytes() {
        wire.bytes(Direction::ToClient, &[byte]);
    }
    assert_eq!(wire.summaries(), ["GET /a 200"]);
    assert_eq!(wire.recorder.seen[0].request_bytes, get("/a").len() as u64);
}

#[test]
fn other_protocols_are_ignored_at_their_first_bytes() {
    for first in [
        &b"PRI * HTTP/3.0

SM

"[..],
        b"SSH-2.0-OpenSSH_10.2\r\n",
        b"OPTIONS rtsp://host/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        b"EHLO mail.example\r\n",
        b"\x00\x00\x00\x17ping",
        b"GETTING /x HTTP/3.0\r\n",
    ] {
        let mut wire = Wire::new();
        wire.bytes(Direction::ToServer, first);
        assert_eq!(wire.conversation.state(), State::Ignored, "{}", first.escape_ascii());
    }
}

#[test]
fn a_greeting_does_not_decide_before_the_client_has_spoken() {
    let mut wire = Wire::new();
    wire.response("220 mail.example ESMTP\r\n");
    assert_eq!(wire.conversation.state(), State::Detecting);
    wire.request("EHLO there\r\n");
    assert_eq!(wire.conversation.state(), State::Ignored);
}

#[test]
fn a_request_without_version_needs_an_answer_that_fits() {
    let mut wire = Wire::new();
    wire.request("GET /key\r\n");
    assert_eq!(wire.conversation.state(), State::Detecting);
    wire.response("$3\r\nabc\r\n");
    assert_eq!(wire.conversation.state(), State::Parsing(Protocol::Redis), "an inline command of Redis");

    let mut wire = Wire::new();
    wire.request("POST /zeek.html\r\n").response("bad method\n");
    assert_eq!(wire.conversation.state(), State::Parsing(Protocol::Http));
    assert_eq!(wire.close(CloseReason::Closed).seen[0].summary, "POST /zeek.html");
}

#[test]
fn swapped_directions_are_put_right() {
    let mut wire = Wire::new();
    wire.response(&get("/a")).request(&ok("x"));
    assert!(wire.conversation.reversed());
    wire.response(&get("/b")).request(&ok("y"));
    assert_eq!(wire.summaries(), ["GET /a 200", "GET /b 200"]);

    let mut wire = Wire::joined();
    wire.request("HTTP/1.").request("1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert!(wire.conversation.reversed());
    wire.response(&get("/a")).request(&ok("x"));
    assert_eq!(wire.summaries(), ["? 200", "GET /a 200"]);
}

#[test]
fn a_connection_joined_in_a_body_is_parsed_from_the_next_message_on() {
    let mut wire = Wire::joined();
    for _ in 0..20 {
        wire.response("the rest of some body that began long ago, maybe with GET / HTTP/1.1 in it");
    }
    wire.request(&get("/a")).response(&ok("x"));
    wire.request(&get("/b")).response(&ok("y"));
    assert_eq!(wire.summaries(), ["GET /a 200", "GET /b 200"]);
    assert_eq!(wire.close(CloseReason::Closed).unobserved, 0);
}

#[test]
fn an_answer_to_a_request_before_the_observation_is_not_given_to_one_after_it() {
    let mut wire = Wire::joined();
    wire.response(&ok("old"));
    wire.request(&get("/a")).response(&ok("x"));
    assert_eq!(wire.summaries(), ["? 200", "GET /a 200"]);
}

#[test]
fn a_joined_connection_is_ignored_after_so_many_tries() {
    let mut wire = Wire::joined();
    for _ in 1..DETECTION_ATTEMPTS {
        wire.response("\x17\x03\x03\x7f\x7f");
        assert_eq!(wire.conversation.state(), State::Detecting);
    }
    wire.response("\x17\x03\x03\x7f\x7f");
    assert_eq!(wire.conversation.state(), State::Ignored);
    assert_eq!(wire.recorder.limits, [Limit::DetectionAttempts]);
}

#[test]
fn loss_at_the_very_start_does_not_hide_what_follows() {
    let mut wire = Wire::new();
    wire.lost(Direction::ToServer, 40, 1).response(&ok("a"));
    wire.request(&get("/b")).response(&ok("b"));
    assert_eq!(wire.summaries(), ["? 200", "GET /b 200"]);

    let mut wire = Wire::new();
    wire.lost(Direction::ToServer, 40, 1).lost(Direction::ToClient, 40, 1);
    wire.request(&get("/b")).response(&ok("b"));
    assert_eq!((wire.summaries(), wire.recorder.unobserved), (vec!["GET /b 200".to_owned()], 1));
}

#[test]
fn a_sentence_is_no_request_of_http_0_9() {
    let mut wire = Wire::new();
    wire.request("GET /index.html and put it there\n").response("ok\n");
    assert_ne!(wire.conversation.state(), State::Parsing(Protocol::Http));
    let mut wire = Wire::new();
    wire.request("PUT /index.html\n").response("ok\n");
    assert_ne!(wire.conversation.state(), State::Parsing(Protocol::Http));
    let mut wire = Wire::new();
    wire.request("GET /index.html\r\n").response("<html>\n");
    assert_eq!(wire.conversation.state(), State::Parsing(Protocol::Http));
}

#[test]
fn every_method_may_be_the_first_that_is_seen_and_every_status_the_first_answer() {
    // Peers find a connection by three to seven methods, and by no answer of 1xx.
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"] {
        for make in [Wire::new, Wire::joined] {
            let target = if method == "CONNECT" { "far.example:443" } else { "/a" };
            let mut wire = make();
            wire.request(&format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
            assert_eq!(wire.conversation.state(), State::Parsing(Protocol::Http), "{method}");
            wire.response("HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n");
            assert_eq!(wire.recorder.seen[0].status(), Some("405"), "{method}");
        }
    }
    for status in ["100", "103", "200", "304", "404", "500"] {
        let mut wire = Wire::joined();
        wire.response(&format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n"));
        assert_eq!(wire.conversation.state(), State::Parsing(Protocol::Http), "{status}");
    }
}
