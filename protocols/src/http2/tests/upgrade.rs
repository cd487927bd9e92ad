//! From HTTP/1 to HTTP/2 (RFC 7540 section 3.2).

use super::*;

const REQUEST: &str = "GET /a?b=c HTTP/1.1\r\nHost: shop.example\r\nConnection: Upgrade, HTTP2-Settings\r\n\
                       Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
const AGREED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

#[test]
fn the_request_that_asked_for_it_is_answered_on_stream_one() {
    for together in [false, true] {
        let mut wire = Wire::new();
        wire.request(REQUEST);
        let started = wire.now;
        let first = [settings(), ok(1, "hello")].concat();
        if together {
            wire.answers(&[AGREED.as_bytes(), &first].concat());
        } else {
            wire.response(AGREED).answers(&first[..7]).answers(&first[7..]);
        }
        assert_eq!(wire.conversation.state(), State::Parsing(Protocol::Http2));
        let ended = wire.now;
        wire.asks(&[&PREFACE[..], &settings(), &get(3, "/next")].concat()).answers(&ok(3, "x"));
        assert_eq!(wire.summaries(), ["GET /a 200", "GET /next 200"]);
        let seen = &wire.recorder.seen[0];
        assert_eq!((seen.protocol, seen.outcome), (Protocol::Http2, Outcome::Complete));
        assert_eq!((seen.started, seen.ended), (started, Some(ended)));
        assert_eq!(seen.attribute("network.protocol.version"), Some("2"));
        assert_eq!(seen.attribute("url.scheme"), Some("http"));
        assert_eq!(seen.attribute("server.address"), Some("shop.example"));
        assert_eq!(seen.request_bytes, REQUEST.len() as u64);
        let answered = (AGREED.len() + settings().len()) as u64;
        assert_eq!(seen.offsets, [Some(0), Some(answered)]);
    }
}

#[test]
fn a_server_that_does_not_agree_goes_on_as_before() {
    let mut wire = Wire::new();
    wire.request(REQUEST).response("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    assert_eq!(wire.conversation.state(), State::Parsing(Protocol::Http));
    assert_eq!(wire.summaries(), ["GET /a 200"]);
}

#[test]
fn nothing_else_that_is_agreed_on_is_parsed() {
    let mut wire = Wire::new();
    wire.request(&REQUEST.replace("Upgrade: h2c", "Upgrade: websocket")).response(AGREED);
    assert_eq!(wire.conversation.state(), State::Ignored);
    assert_eq!(wire.summaries(), ["GET /a 101"]);
}

#[test]
fn an_agreement_seen_before_the_request_is_one_all_the_same() {
    let mut wire = Wire::new();
    wire.keyed = false;
    wire.response(AGREED).request(REQUEST);
    assert_eq!(wire.conversation.state(), State::Parsing(Protocol::Http2));
    wire.answers(&settings()).answers(&ok(1, "x"));
    assert_eq!(wire.summaries(), ["GET /a 200"]);
}

#[test]
fn without_an_answer_the_request_is_reported_as_such() {
    let mut wire = Wire::new();
    wire.request(REQUEST).response(AGREED);
    let recorder = wire.close(CloseReason::Closed);
    assert_eq!(recorder.seen[0].summary, "GET /a connection_closed");
}

#[test]
fn a_server_that_speaks_nothing_else_and_greets_as_it_does_has_not_answered() {
    let goaway = frame(kind::GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 1]);
    for request in [REQUEST, "GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n"] {
        for (order, split) in [(0, 100), (1, 100), (2, 100), (1, 3), (2, 1), (2, 9)] {
            let mut wire = Wire::new();
            match order {
                // nghttpd does not wait to be spoken to.
                0 => wire.answers(&settings()).request(request),
                1 => {
                    // It had read nothing when it wrote.
                    let asked = wire.offsets[0];
                    wire.request(request);
                    let after = std::mem::replace(&mut wire.offsets[0], asked);
                    for piece in settings().chunks(split) {
                        wire.answers(piece);
                    }
                    wire.offsets[0] = after;
                    &mut wire
                }
                _ => {
                    wire.request(request);
                    for piece in [settings(), goaway.clone()].concat().chunks(split) {
                        wire.answers(piece);
                    }
                    &mut wire
                }
            };
            let recorder = wire.end(Direction::ToClient).close(CloseReason::Closed);
            let [seen] = recorder.seen.as_slice() else { panic!("{order} {split}: {recorder:?}") };
            assert_eq!(seen.summary, "GET /a connection_closed", "{order} {split}");
            assert_eq!(seen.outcome, Outcome::NoResponse(CloseReason::Closed));
            assert_eq!(seen.attribute("network.protocol.version"), Some("1.1"));
        }
    }
}
