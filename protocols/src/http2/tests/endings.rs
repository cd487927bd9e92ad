//! When an exchange ends, and how.

use super::*;

fn one(wire: &mut Wire) -> Seen {
    let recorder = wire.close(CloseReason::Closed);
    assert_eq!(recorder.seen.len(), 1, "{:#?}", recorder.seen);
    recorder.seen.into_iter().next().expect("one exchange")
}

#[test]
fn an_exchange_ends_with_its_stream_and_not_with_the_first_header() {
    let mut wire = begun();
    wire.asks(&get(1, "/slow"));
    let asked = wire.now;
    wire.answers(&headers(1, 0, &[(":status", "200")]));
    assert_eq!(wire.recorder.seen.len(), 0);
    wire.now += 500 * MILLISECOND;
    wire.answers(&data(1, 0, b"a"));
    wire.now += 500 * MILLISECOND;
    wire.answers(&data(1, END_STREAM, b"b"));
    let seen = &wire.recorder.seen[0];
    assert_eq!((seen.started, seen.ended), (asked, Some(wire.now)));
    assert_eq!(seen.attribute("http.response.body.size"), Some("2"));
}

#[test]
fn interim_responses_and_trailers_are_parts_of_the_response() {
    let mut wire = begun();
    wire.asks(&headers(1, 0, &ask("POST", "/form")));
    wire.answers(&headers(1, 0, &[(":status", "100")]));
    wire.asks(&data(1, 0, b"body")).asks(&headers(1, END_STREAM, &[("x-sum", "1")]));
    wire.answers(&headers(1, 0, &[(":status", "103")]));
    wire.answers(&headers(1, 0, &[(":status", "201")])).answers(&data(1, 0, b"made"));
    wire.answers(&headers(1, END_STREAM, &[("x-sum", "2")]));
    let seen = one(&mut wire);
    assert_eq!((seen.status(), seen.outcome), (Some("201"), Outcome::Complete));
    assert_eq!(seen.attribute("http.request.body.size"), Some("4"));
    assert_eq!(seen.attribute("http.response.body.size"), Some("4"));
}

#[test]
fn a_client_that_loses_interest_is_no_error() {
    for answered in [false, true] {
        let mut wire = begun();
        wire.asks(&get(1, "/events"));
        if answered {
            wire.answers(&headers(1, 0, &[(":status", "200")]));
        }
        wire.now += 3 * MILLISECOND;
        wire.asks(&reset(1, 8));
        let at = wire.now;
        wire.answers(&data(1, END_STREAM, b"too late"));
        let seen = one(&mut wire);
        assert_eq!(seen.errors, [None, None]);
        assert_eq!(seen.ended, Some(at));
        assert_eq!(seen.attribute("plainsight.http2.reset.by"), Some("client"));
        assert_eq!(seen.attribute("plainsight.http2.reset.code"), Some("CANCEL"));
        let expected = if answered { Outcome::Complete } else { Outcome::NoResponse(CloseReason::Reset) };
        assert_eq!(seen.outcome, expected);
    }
}

#[test]
fn a_server_that_gives_a_stream_up_names_the_error() {
    for (code, name) in [(7, "REFUSED_STREAM"), (2, "INTERNAL_ERROR"), (0xbad, "_OTHER")] {
        let mut wire = begun();
        wire.asks(&get(1, "/")).answers(&reset(1, code));
        let seen = one(&mut wire);
        assert_eq!(seen.errors, [Some(name.to_owned()), Some(name.to_owned())]);
        assert_eq!(seen.outcome, Outcome::NoResponse(CloseReason::Reset));
    }
    let mut wire = begun();
    wire.asks(&get(1, "/")).answers(&headers(1, 0, &[(":status", "200")])).answers(&reset(1, 2));
    let seen = one(&mut wire);
    assert_eq!(
        (seen.status(), seen.error(), seen.outcome),
        (Some("200"), Some("INTERNAL_ERROR"), Outcome::Complete)
    );
}

#[test]
fn a_full_answer_that_stops_the_request_is_complete() {
    let mut wire = begun();
    wire.asks(&headers(1, 0, &ask("POST", "/upload"))).asks(&data(1, 0, b"part"));
    wire.answers(&headers(1, END_STREAM, &[(":status", "413")])).answers(&reset(1, 0));
    let seen = one(&mut wire);
    assert_eq!((seen.outcome, seen.status(), seen.error()), (Outcome::Complete, Some("413"), None));
    assert_eq!(seen.attribute("http.request.body.size"), None, "it did not end");
}

#[test]
fn streams_above_the_last_that_a_server_takes_have_no_response() {
    let mut wire = begun();
    for stream in [1, 3, 5] {
        wire.asks(&get(stream, &format!("/{stream}")));
    }
    wire.answers(&frame(kind::GOAWAY, 0, 0, &[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]));
    assert_eq!(wire.recorder.seen.len(), 0, "an announcement only");
    wire.answers(&frame(kind::GOAWAY, 0, 0, &[0, 0, 0, 3, 0, 0, 0, 0, b'b', b'y', b'e']));
    assert_eq!(wire.summaries(), ["GET /5 connection_closed"]);
    assert_eq!(wire.recorder.seen[0].outcome, Outcome::NoResponse(CloseReason::Closed));
    wire.answers(&ok(1, "x")).answers(&ok(3, "y"));
    assert_eq!(wire.summaries()[1..], ["GET /1 200", "GET /3 200"]);
}

#[test]
fn what_the_connection_took_with_it_is_told() {
    for (reason, error) in
        [(CloseReason::Closed, "connection_closed"), (CloseReason::Reset, "connection_reset")]
    {
        let mut wire = begun();
        wire.asks(&get(1, "/a"));
        let recorder = wire.close(reason);
        assert_eq!(recorder.seen[0].outcome, Outcome::NoResponse(reason));
        assert_eq!(recorder.seen[0].error(), Some(error));
    }
    let mut wire = begun();
    wire.asks(&get(1, "/a")).answers(&headers(1, 0, &[(":status", "200")]));
    assert_eq!(one(&mut wire).error(), Some("response_truncated"));
    let mut wire = begun();
    wire.asks(&get(1, "/a")).answers(&headers(1, 0, &[(":status", "200")]));
    let recorder = wire.close(CloseReason::Evicted);
    assert_eq!((recorder.seen[0].outcome, recorder.seen[0].error()), (Outcome::Partial, None));
}

#[test]
fn a_request_that_nobody_answers_times_out_and_a_call_does_not() {
    let mut wire = begun();
    wire.asks(&get(1, "/hangs"));
    let call = [&ask("POST", "/pkg.Svc/Watch")[..], &[("content-type", "application/grpc")]].concat();
    wire.asks(&headers(3, 0, &call));
    wire.pass(119_000 * MILLISECOND);
    assert_eq!(wire.recorder.seen.len(), 0);
    wire.pass(2_000 * MILLISECOND);
    assert_eq!(wire.summaries(), ["GET /hangs timeout"]);
    wire.pass(20_000_000 * MILLISECOND).answers(&headers(
        3,
        END_STREAM,
        &[(":status", "200"), ("grpc-status", "0")],
    ));
    wire.asks(&data(3, END_STREAM, b""));
    assert_eq!(wire.summaries()[1], "pkg.Svc/Watch OK");
}

#[test]
fn a_hundred_streams_at_once_end_in_any_order() {
    let mut wire = begun();
    for stream in (1..200).step_by(2) {
        wire.asks(&get(stream, &format!("/{stream}")));
    }
    for stream in (1..200).rev().step_by(2) {
        wire.answers(&ok(stream, &stream.to_string()));
    }
    let seen = wire.close(CloseReason::Closed).seen;
    assert_eq!(seen.len(), 100);
    assert!(seen.iter().all(|seen| seen.outcome == Outcome::Complete && seen.status() == Some("200")));
    assert_eq!((seen[0].summary.as_str(), seen[99].summary.as_str()), ("GET /199 200", "GET /1 200"));
}

#[test]
fn an_answer_seen_before_its_question_finds_it() {
    let mut wire = begun();
    wire.answers(&ok(1, "x"));
    assert_eq!(wire.recorder.seen.len(), 0);
    wire.asks(&get(1, "/early"));
    assert_eq!(wire.summaries(), ["GET /early 200"]);
    assert_eq!(wire.recorder.seen[0].outcome, Outcome::Complete);
    wire.answers(&ok(3, "y")).pass(20 * MILLISECOND);
    assert_eq!(wire.summaries()[1], "? 200");
    assert_eq!(wire.recorder.seen[1].outcome, Outcome::Partial);
}

#[test]
fn a_promised_response_is_an_exchange_of_its_own() {
    let mut wire = begun();
    let [asked, _] = wire.offsets;
    wire.asks(&get(1, "/page"));
    let promise = [&[0, 0, 0, 2][..], &block(&ask("GET", "/style.css"))].concat();
    wire.answers(&frame(kind::PUSH_PROMISE, END_HEADERS, 1, &promise));
    let [_, answered] = wire.offsets;
    wire.answers(&ok(1, "page"));
    let [_, pushed] = wire.offsets;
    wire.answers(&ok(2, "style"));
    assert_eq!(wire.summaries(), ["GET /page 200", "GET /style.css 200"]);
    assert_eq!(wire.recorder.seen[0].offsets, [Some(asked), Some(answered)]);
    assert_eq!(wire.recorder.seen[1].offsets, [None, Some(pushed)], "nobody asked");
    assert_eq!(wire.recorder.seen[1].attribute("plainsight.http2.push"), Some("promised"));
}

#[test]
fn more_exchanges_than_are_held_cost_the_oldest() {
    let mut wire = begun();
    for stream in 0..1025 {
        wire.asks(&get(stream * 2 + 1, "/"));
    }
    assert_eq!(wire.recorder.limits, [Limit::WaitingRequests]);
    assert_eq!((wire.recorder.seen.len(), wire.recorder.seen[0].outcome), (1, Outcome::Partial));
    let mut wire = begun();
    let long = "x".repeat(2040);
    for stream in 0..600 {
        let head = [&b"\x82\x86\x04\x7f\xfa\x0e/"[..], long.as_bytes()].concat();
        wire.asks(&frame(kind::HEADERS, END_HEADERS | END_STREAM, stream * 2 + 1, &head));
    }
    assert!(wire.recorder.limits.contains(&Limit::WaitingRequests));
    assert_eq!(wire.close(CloseReason::Closed).seen.len(), 600);
}
