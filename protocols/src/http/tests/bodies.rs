//! Where messages end.

use super::*;
use crate::{Outcome, State};

fn one(request: &str, response: &str) -> Seen {
    let mut wire = Wire::new();
    let recorder = wire.request(request).response(response).close(CloseReason::Closed);
    assert_eq!(recorder.seen.len(), 1, "{:?}", recorder.seen);
    recorder.seen.into_iter().next().expect("just counted")
}

#[test]
fn a_request_and_its_response_make_one_complete_exchange() {
    let mut wire = Wire::new();
    wire.request(&get("/users/17")).response(&ok("hello"));
    let [seen] = &wire.recorder.seen[..] else { panic!("{:?}", wire.recorder.seen) };
    assert_eq!(seen.outcome, Outcome::Complete);
    assert_eq!(seen.summary, "GET /users/17 200");
    assert_eq!(seen.name, "GET /users/{id}");
    assert_eq!((seen.request_bytes, seen.response_bytes), (get("/users/17").len() as u64, 43));
    assert_eq!(seen.attribute("http.response.body.size"), Some("5"));
    assert_eq!(seen.attribute("http.request.body.size"), Some("0"));
    assert_eq!(seen.ended, Some(seen.started + MICROSECOND));
    assert_eq!(seen.missing_bytes, 0);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut wire = Wire::new();
    wire.request(&["/1", "/2", "/3"].map(get).concat());
    wire.response(&format!("{}{}", ok("a"), ok("bb"))).response(&ok("ccc"));
    assert_eq!(wire.summaries(), ["GET /1 200", "GET /2 200", "GET /3 200"]);
    let sizes: Vec<_> =
        wire.recorder.seen.iter().map(|seen| seen.attribute("http.response.body.size")).collect();
    assert_eq!(sizes, [Some("1"), Some("2"), Some("3")]);
}

#[test]
fn chunks_with_extensions_and_trailers_count_as_their_data() {
    let seen = one(
        "POST /up HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n00;x\r\nTrailer: yes\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, Chunked\r\n\r\nA\r\n0123456789\r\n3\nabc\n0\r\n\r\n",
    );
    assert_eq!(seen.outcome, Outcome::Complete);
    assert_eq!(seen.attribute("http.request.body.size"), Some("5"));
    assert_eq!(seen.attribute("http.response.body.size"), Some("13"));
}

#[test]
fn a_response_without_length_lasts_until_the_stream_ends() {
    let mut wire = Wire::new();
    wire.request(&get("/")).response("HTTP/1.0 200 OK\r\n\r\nsome").response("thing");
    assert!(wire.recorder.seen.is_empty(), "its end was not seen yet");
    wire.end(Direction::ToClient);
    let [seen] = &wire.recorder.seen[..] else { panic!("{:?}", wire.recorder.seen) };
    assert_eq!(seen.attribute("http.response.body.size"), Some("9"));
    assert_eq!((seen.outcome, seen.error()), (Outcome::Complete, None));
}

#[test]
fn responses_that_have_no_body_are_over_with_their_head() {
    for (method, status) in [("HEAD", 200), ("GET", 204), ("GET", 304)] {
        let mut wire = Wire::new();
        wire.request(&format!("{method} /a HTTP/1.1\r\n\r\n"));
        wire.response(&format!("HTTP/1.1 {status} X\r\nContent-Length: 500\r\n\r\n"));
        wire.request(&get("/b")).response(&ok("b"));
        assert_eq!(wire.summaries(), [format!("{method} /a {status}"), "GET /b 200".to_owned()]);
    }
}

#[test]
fn interim_responses_belong_to_the_final_one() {
    let mut wire = Wire::new();
    let head = "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
    let interim = "HTTP/1.1 100 Continue\r\n\r\n";
    wire.request("\r\n").request(&format!("\r\n{head}")).response(interim).request("body");
    wire.response("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n").response(&ok("x"));
    let [seen] = &wire.recorder.seen[..] else { panic!("{:?}", wire.recorder.seen) };
    assert_eq!((seen.summary.as_str(), seen.outcome), ("POST / 200", Outcome::Complete));
    assert_eq!(seen.response_bytes, 25 + 40 + 39, "interim responses count");
    assert_eq!(seen.attribute("http.request.body.size"), Some("4"));
    assert_eq!(seen.offsets, [Some(4), Some(0)], "empty lines before a request are no part of it");
}

#[test]
fn a_body_that_was_expected_but_refused_does_not_swallow_the_next_request() {
    let mut wire = Wire::new();
    wire.request("PUT /big HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9999\r\n\r\n");
    wire.response("HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n");
    wire.request(&get("/next")).response(&ok(""));
    assert_eq!(wire.summaries(), ["PUT /big 417", "GET /next 200"]);
}

#[test]
fn after_an_upgrade_or_a_tunnel_nothing_more_is_parsed() {
    let mut wire = Wire::new();
    wire.request("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    wire.response(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x05HTTP/1.1 200 OK\r\n\r\n",
    );
    assert_eq!(wire.summaries(), ["GET /ws 101"]);
    assert_eq!(wire.conversation.state(), State::Ignored);

    let mut wire = Wire::new();
    wire.request("CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n");
    wire.response("HTTP/1.1 200 Connection Established\r\n\r\n");
    assert_eq!(wire.summaries(), ["CONNECT shop.example:443 200"]);
    assert_eq!(wire.conversation.state(), State::Ignored);

    let mut wire = Wire::new();
    wire.request("CONNECT shop.example:443 HTTP/1.1\r\n\r\n")
        .response("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
    wire.request(&get("/")).response(&ok(""));
    assert_eq!(wire.summaries(), ["CONNECT shop.example:443 403", "GET / 200"]);
}

#[test]
fn lengths_that_repeat_or_have_leading_zeros_are_lengths() {
    for length in ["5, 5", "00000000000000000000000000005", "5\r\ncontent-length:5"] {
        let mut wire = Wire::new();
        wire.request(&format!("POST /a HTTP/1.1\r\nContent-Length: {length}\r\n\r\nGET /{}", get("/b")));
        assert_eq!(wire.close(CloseReason::Closed).seen.len(), 2, "{length}");
    }
}

#[test]
fn lengths_that_cannot_be_meant_do_not_hide_the_next_request() {
    for length in ["18446744073709551615", "99999999999999999999999", "-1", "5, 6", "ten"] {
        let mut wire = Wire::new();
        wire.request(&format!("POST /a HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{}", get("/b")));
        let paths: Vec<_> = wire
            .close(CloseReason::Closed)
            .seen
            .iter()
            .filter_map(|seen| seen.path().map(str::to_owned))
            .collect();
        assert_eq!(paths, ["/a", "/b"], "{length}");
    }
}

#[test]
fn chunks_win_over_a_length_and_over_codings_around_them() {
    for fields in [
        "Transfer-Encoding: chunked\r\nContent-Length: 50",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding : chunked",
    ] {
        let mut wire = Wire::new();
        wire.request(&format!("POST / HTTP/1.1\r\n{fields}\r\n\r\n0\r\n\r\n{}", get("/smuggled")));
        let paths: Vec<_> = wire
            .close(CloseReason::Closed)
            .seen
            .iter()
            .filter_map(|seen| seen.path().map(str::to_owned))
            .collect();
        assert_eq!(paths, ["/", "/smuggled"], "{fields}");
    }
}

#[test]
fn bodies_that_are_not_copied_are_passed_over_without_loss() {
    let mut wire = Wire::new();
    wire.request(&get("/file")).response("HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\nbegin");
    wire.not_copied(Direction::ToClient, 50_000_000 - 5);
    wire.request(&get("/next")).response(&ok("x"));
    let [file, _] = &wire.recorder.seen[..] else { panic!("{:?}", wire.recorder.seen) };
    assert_eq!((file.outcome, file.missing_bytes), (Outcome::Complete, 0));
    assert_eq!(file.attribute("http.response.body.size"), Some("50000000"));
    assert_eq!(file.ended, Some(file.started + 2 * MICROSECOND));
}

#[test]
fn a_chunk_that_is_not_copied_to_its_end_leaves_the_next_in_place() {
    let mut wire = Wire::new();
    wire.request(&get("/")).response("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nabc");
    wire.not_copied(Direction::ToClient, 97 + 2).response("2\r\n");
    wire.not_copied(Direction::ToClient, 0).response("de");
    wire.response("\r\n64\r\nx").not_copied(Direction::ToClient, 99 + 2 + 5);
    let [seen] = &wire.recorder.seen[..] else { panic!("{:?}", wire.recorder.seen) };
    assert_eq!((seen.outcome, seen.attribute("http.response.body.size")), (Outcome::Complete, Some("202")));
}
