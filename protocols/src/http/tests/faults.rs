//! Gaps, breaks and noise: what was seen is reported, what was not is not made up.

use super::*;
use crate::{CloseReason, Outcome, State};

#[test]
fn a_lost_part_of_a_body_makes_the_exchange_partial_and_nothing_else() {
    let mut wire = Wire::new();
    wire.request(&get("/big")).response("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n0123456789");
    wire.lost(Direction::ToClient, 900, 3).response(&"x".repeat(90));
    wire.request(&get("/next")).response(&ok("y"));
    let [big, next] = &wire.recorder.seen[..] else { panic!("{:?}", wire.recorder.seen) };
    assert_eq!((big.outcome, big.missing_bytes, big.status()), (Outcome::Partial, 900, Some("200")));
    assert_eq!(big.attribute("http.response.body.size"), Some("1000"));
    assert_eq!((next.outcome, next.missing_bytes), (Outcome::Complete, 0));
    assert_eq!(wire.close(CloseReason::Closed).unobserved, 0);
}

#[test]
fn a_head_whose_end_is_not_copied_still_tells_what_was_asked() {
    let mut wire = Wire::new();
    wire.request("GET /cookies HTTP/1.1\r\nHost: a\r\nCookie: aaaa").not_copied(Direction::ToServer, 9_000);
    wire.response(&ok("x"));
    wire.request(&get("/next")).response(&ok("y"));
    let [cut, next] = &wire.recorder.seen[..] else { panic!("{:?}", wire.recorder.seen) };
    assert_eq!(
        (cut.summary.as_str(), cut.outcome, cut.missing_bytes),
        ("GET /cookies 200", Outcome::Partial, 0)
    );
    assert_eq!(cut.attribute("server.address"), Some("a"));
    assert_eq!(cut.attribute("http.request.body.size"), None, "where the body begins is not known");
    assert_eq!((next.summary.as_str(), next.outcome), ("GET /next 200", Outcome::Complete));
}

#[test]
fn chunk_framing_that_is_not_copied_makes_the_exchange_partial_until_the_next_message() {
    let mut wire = Wire::new();
    wire.request(&get("/c")).response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nabc");
    wire.not_copied(Direction::ToClient, 200_000).response("more of it");
    wire.request(&get("/next")).response(&ok("y"));
    let [cut, next] = &wire.recorder.seen[..] else { panic!("{:?}", wire.recorder.seen) };
    assert_eq!((cut.summary.as_str(), cut.outcome, cut.missing_bytes), ("GET /c 200", Outcome::Partial, 0));
    assert_eq!(cut.attribute("http.response.body.size"), None);
    assert_eq!((next.summary.as_str(), next.outcome), ("GET /next 200", Outcome::Complete));
}

#[test]
fn lost_heads_leave_halves_that_are_never_joined() {
    let mut wire = Wire::new();
    wire.request(&get("/1")).response(&ok("1"));
    wire.lost(Direction::ToServer, 50, 1).response(&ok("2"));
    wire.request(&get("/3")).lost(Direction::ToClient, 40, 1);
    wire.request(&get("/4")).response(&ok("4"));
    let recorder = wire.close(CloseReason::Closed);
    let seen: Vec<_> = recorder.seen.iter().map(|seen| (seen.summary.as_str(), seen.outcome)).collect();
    assert_eq!(
        seen,
        [
            ("GET /1 200", Outcome::Complete),
            ("? 200", Outcome::Partial),
            ("GET /3 ?", Outcome::Partial),
            ("GET /4 200", Outcome::Complete),
        ]
    );
    assert_eq!(recorder.unobserved, 0);
}

#[test]
fn exchanges_lost_on_both_sides_are_counted() {
    let mut wire = Wire::new();
    wire.request(&get("/1")).response(&ok("1"));
    wire.lost(Direction::ToServer, 150, 3).lost(Direction::ToClient, 120, 3);
    wire.request(&get("/5")).response(&ok("5"));
    assert_eq!(wire.summaries(), ["GET /1 200", "GET /5 200"]);
    assert_eq!(wire.recorder.unobserved, 3);
}

#[test]
fn a_response_cut_off_by_its_sender_is_complete_and_an_error() {
    for (reason, error) in
        [(CloseReason::Closed, "response_truncated"), (CloseReason::Reset, "connection_reset")]
    {
        for framing in ["Content-Length: 1000", "Transfer-Encoding: chunked"] {
            let mut wire = Wire::new();
            wire.request(&get("/")).response(&format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n80\r\n"));
            let recorder = wire.close(reason);
            let [seen] = &recorder.seen[..] else { panic!("{:?}", recorder.seen) };
            assert_eq!((seen.outcome, seen.error()), (Outcome::Complete, Some(error)), "{framing}");
            assert_eq!(seen.summary, format!("GET / 200 {error}"));
        }
    }
    let mut wire = Wire::new();
    wire.request(&get("/")).response("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    let recorder = wire.close(CloseReason::Evicted);
    assert_eq!((recorder.seen[0].outcome, recorder.seen[0].error()), (Outcome::Partial, None));
}

#[test]
fn a_request_that_breaks_off_in_its_head_is_reported_as_far_as_it_came() {
    let mut wire = Wire::new();
    let recorder = wire.request("GET /slow HTTP/1.1\r\nHost: a\r\nX-Slow: l").close(CloseReason::Closed);
    let [seen] = &recorder.seen[..] else { panic!("{:?}", recorder.seen) };
    assert_eq!(seen.summary, "GET /slow connection_closed");
    assert_eq!(seen.outcome, Outcome::NoResponse(CloseReason::Closed));
}

#[test]
fn a_head_without_end_is_cut_off_and_counted() {
    let mut wire = Wire::new();
    wire.request("GET /long HTTP/1.1\r\n");
    for _ in 0..100 {
        wire.request(&format!("X-Long: {}\r\n", "a".repeat(1_000)));
    }
    wire.request("\r\n").response("HTTP/1.1 431 No\r\nContent-Length: 0\r\n\r\n");
    wire.request(&get("/next")).response(&ok("y"));
    assert_eq!(wire.recorder.limits, [Limit::HeadBytes]);
    assert_eq!(wire.summaries(), ["GET /long 431", "GET /next 200"]);
    assert_eq!(wire.recorder.seen[0].outcome, Outcome::Partial);
}

#[test]
fn a_connection_that_never_finds_its_way_back_is_given_up() {
    let mut wire = Wire::new();
    wire.request(&get("/")).response(&ok("x"));
    for _ in 0..10_000 {
        wire.request("noise\n");
    }
    assert_eq!(wire.conversation.state(), State::Ignored);
    assert!(wire.recorder.limits.contains(&Limit::ResyncAttempts));
}

#[test]
fn a_document_without_head_is_an_answer_only_to_who_asks_for_it() {
    let document = "<html>\n  The document\n</html>\n";
    let mut wire = Wire::new();
    wire.request("GET /old.html\r\n").response(document).end(Direction::ToClient);
    let [seen] = &wire.recorder.seen[..] else { panic!("{:?}", wire.recorder.seen) };
    assert_eq!((seen.summary.as_str(), seen.outcome), ("GET /old.html", Outcome::Complete));
    assert_eq!((seen.status(), seen.error()), (None, None));
    assert_eq!(seen.attribute("network.protocol.version"), Some("0.9"));

    let mut wire = Wire::new();
    wire.request(&get("/new.html")).response(document).end(Direction::ToClient);
    let [seen] = &wire.recorder.seen[..] else { panic!("{:?}", wire.recorder.seen) };
    assert_eq!((seen.status(), seen.error()), (None, Some("invalid_response")));
}

#[test]
fn a_body_that_should_not_be_there_does_not_hide_the_next_response() {
    let mut wire = Wire::new();
    wire.request("HEAD / HTTP/1.1\r\n\r\n").response("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody");
    wire.request(&get("/next")).response(&ok("y"));
    assert_eq!(wire.summaries(), ["HEAD / 200", "GET /next 200"]);
}
