//! Events that come in another order than things happened, and requests that are never answered.

use super::*;
use crate::{CloseReason, Outcome};

/// Sends a response's event before its request's, as the kernel reports them when the writer was interrupted.
fn early(wire: &mut Wire, request: &str, response: &str) {
    let asked = wire.offsets[0];
    wire.offsets[0] += request.len() as u64;
    wire.response(response);
    let answered = wire.offsets[1];
    wire.offsets = [asked, answered - response.len() as u64];
    wire.request(request);
    wire.offsets[1] = answered;
}

#[test]
fn a_response_reported_before_its_request_is_its_response() {
    let mut wire = Wire::new();
    early(&mut wire, &get("/early"), &ok("x"));
    wire.request(&get("/next")).response(&ok("y"));
    assert_eq!(wire.summaries(), ["GET /early 200", "GET /next 200"]);
    let first = &wire.recorder.seen[0];
    assert!(first.ended < Some(first.started), "the clock says so: whoever subtracts must saturate");
}

#[test]
fn the_length_of_an_early_response_is_found_once_its_method_is_known() {
    let mut wire = Wire::new();
    early(&mut wire, "HEAD /h HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
    wire.request(&get("/next")).response(&ok("y"));
    assert_eq!(wire.summaries(), ["HEAD /h 200", "GET /next 200"]);

    let mut wire = Wire::new();
    early(&mut wire, "CONNECT h:1 HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n");
    wire.request("\x16\x03\x01");
    assert_eq!(wire.summaries(), ["CONNECT h:1 200"]);
    assert_eq!(wire.conversation.state(), crate::State::Ignored);
}

#[test]
fn a_response_that_nobody_asked_for_is_reported_alone_and_takes_no_later_request() {
    let mut wire = Wire::new();
    wire.request(&get("/1")).response(&ok("a").repeat(3)).pass(0);
    wire.request(&get("/2")).response(&ok("b"));
    wire.pass(20 * MILLISECOND).request(&get("/3")).response(&ok("c"));
    assert_eq!(wire.summaries(), ["GET /1 200", "? 200", "? 200", "GET /2 200", "GET /3 200"]);
    let outcomes: Vec<_> = wire.recorder.seen.iter().map(|seen| seen.outcome == Outcome::Complete).collect();
    assert_eq!(outcomes, [true, false, false, true, true]);
    assert_eq!(wire.close(CloseReason::Closed).unobserved, 0);
}

#[test]
fn a_server_that_speaks_first_is_not_taken_to_answer_what_comes_later() {
    let mut wire = Wire::new();
    wire.response("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
    wire.request(&get("/")).response(&ok(""));
    assert_eq!(wire.summaries(), ["? 408", "GET / 200"]);
}

#[test]
fn an_answer_that_comes_before_the_body_is_whole_waits_for_it() {
    let mut wire = Wire::new();
    wire.request("POST /up HTTP/1.1\r\nContent-Length: 6\r\n\r\nab").response(&ok("")).request("cd");
    assert!(wire.recorder.seen.is_empty());
    wire.request("ef");
    assert_eq!(wire.summaries(), ["POST /up 200"]);
    assert_eq!(wire.recorder.seen[0].attribute("http.request.body.size"), Some("6"));
}

#[test]
fn a_request_without_response_says_why() {
    for (reason, error) in [
        (CloseReason::Closed, Some("connection_closed")),
        (CloseReason::Reset, Some("connection_reset")),
        (CloseReason::Timeout, Some("timeout")),
        (CloseReason::Evicted, None),
    ] {
        let mut wire = Wire::new();
        let recorder = wire.request(&get("/never")).close(reason);
        let [seen] = &recorder.seen[..] else { panic!("{:?}", recorder.seen) };
        assert_eq!((seen.outcome, seen.error()), (Outcome::NoResponse(reason), error));
        assert_eq!((seen.status(), seen.ended), (None, None));
    }
}

#[test]
fn a_server_that_ended_its_stream_has_closed_whatever_ended_the_observation() {
    let mut wire = Wire::new();
    let recorder = wire.request(&get("/")).end(Direction::ToClient).close(CloseReason::Evicted);
    assert_eq!(recorder.seen[0].outcome, Outcome::NoResponse(CloseReason::Closed));
}

#[test]
fn only_an_interim_response_is_no_response() {
    let mut wire = Wire::new();
    wire.request("PUT / HTTP/1.1\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n");
    let recorder = wire.response("HTTP/1.1 100 Continue\r\n\r\n").request("x").close(CloseReason::Reset);
    let [seen] = &recorder.seen[..] else { panic!("{:?}", recorder.seen) };
    assert_eq!((seen.outcome, seen.status()), (Outcome::NoResponse(CloseReason::Reset), None));
}

#[test]
fn silence_is_a_timeout_and_what_comes_after_it_is_not_reported_twice() {
    let mut wire = Wire::new();
    wire.request(&get("/slow")).pass(119_000 * MILLISECOND);
    assert!(wire.recorder.seen.is_empty());
    wire.pass(2_000 * MILLISECOND);
    assert_eq!(wire.summaries(), ["GET /slow timeout"]);
    wire.response(&ok("late")).pass(20 * MILLISECOND);
    wire.request(&get("/next")).response(&ok("x"));
    assert_eq!(wire.summaries(), ["GET /slow timeout", "GET /next 200"]);
}

#[test]
fn requests_beyond_the_bound_are_reported_and_counted() {
    let mut wire = Wire::new();
    for index in 0..300 {
        wire.request(&get(&format!("/{index}")));
    }
    assert_eq!(wire.recorder.seen.len(), 300 - crate::fifo::WAITING_REQUESTS);
    assert_eq!(wire.recorder.limits.len(), wire.recorder.seen.len());
    assert!(wire.recorder.seen.iter().all(|seen| seen.outcome == Outcome::Partial));
    wire.response(&ok("x").repeat(300)).pass(20 * MILLISECOND);
    assert_eq!(wire.close(CloseReason::Closed).seen.len(), 300, "no exchange is reported twice");
}

#[test]
fn a_connection_for_each_request_has_the_status_that_was_answered_whoever_closes_it_first() {
    // A peer reported 499 for nearly all calls of a client that makes a connection for each.
    for reason in [CloseReason::Closed, CloseReason::Reset] {
        for ends in [None, Some(Direction::ToServer), Some(Direction::ToClient)] {
            let mut wire = Wire::new();
            wire.request("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            if ends == Some(Direction::ToServer) {
                // A client that has nothing more to ask may say so before it is answered.
                wire.end(Direction::ToServer);
            }
            wire.response(&ok("x"));
            if ends == Some(Direction::ToClient) {
                wire.end(Direction::ToClient);
            }
            let recorder = wire.close(reason);
            let [seen] = &recorder.seen[..] else { panic!("{:?}", recorder.seen) };
            assert_eq!((seen.summary.as_str(), seen.outcome), ("GET /a 200", Outcome::Complete));
            assert_eq!(seen.errors, [None, None]);
        }
    }
}

#[test]
fn a_connection_on_which_nothing_was_asked_is_no_exchange_however_it_ends() {
    // A peer reported idle connections as failed ones.
    for reason in [CloseReason::Closed, CloseReason::Reset, CloseReason::Timeout] {
        let mut wire = Wire::new();
        assert!(wire.close(reason).seen.is_empty());
        let mut wire = Wire::new();
        wire.request(&get("/a")).response(&ok("x")).pass(600_000 * MILLISECOND);
        let recorder = wire.close(reason);
        assert_eq!(recorder.seen.len(), 1, "{:?}", recorder.seen);
        assert_eq!(recorder.seen[0].errors, [None, None]);
    }
}
