//! Single segments of a TCP connection: order, repetition, keep-alive.

use super::{events, frames::*, replay};

/// What follows a handshake.
fn after_handshake(segments: &[Tcp]) -> Vec<String> {
    let events = events(&capture_of(&[handshake(), segments.to_vec()].concat()));
    assert_eq!(events[..3], HANDSHAKE);
    events[3..].to_vec()
}

#[test]
fn payload_is_placed_by_sequence_and_acknowledgment() {
    let events = after_handshake(&[request(1001, 5001, b"ping"), response(5001, 1005, b"pong")]);
    assert_eq!(events, ["1< 1001+4 \"ping\" (opposite 5001)", "1> 5001+4 \"pong\" (opposite 1005)"]);
}

#[test]
fn reordered_and_repeated_segments_are_passed_on_as_they_come() {
    let events = after_handshake(&[
        request(1004, 5001, b"def"),
        request(1001, 5001, b"abc"),
        request(1001, 5001, b"abcd"),
        request(1007, 5001, b"g"),
    ]);
    let expected = ["1< 1004+3 \"def\"", "1< 1001+3 \"abc\"", "1< 1001+4 \"abcd\"", "1< 1007+1 \"g\""];
    assert_eq!(events, expected.map(|event| format!("{event} (opposite 5001)")));
}

#[test]
fn a_syn_tells_where_its_stream_begins_even_if_the_other_syn_is_missing() {
    let events = events(&capture_of(&handshake()[1..]));
    let expected =
        ["1 opened 10.0.0.2:80 from 10.0.0.1:40000, server from start", "1< 1001+0 \"\"", "1> 5001+0 \"\""];
    assert_eq!(events, expected);
}

#[test]
fn data_on_a_syn_begins_after_the_syn() {
    let events = events(&capture_of(&[Tcp::new(CLIENT, SERVER, SYN, u32::MAX, 0).payload(b"early")]));
    assert_eq!(events[1..], ["1< 0+0 \"\"", "1< 0+5 \"early\""]);
}

#[test]
fn sequence_numbers_wrap() {
    let start = u32::MAX - 1;
    let events = events(&capture_of(&[
        Tcp::new(CLIENT, SERVER, SYN, start, 0),
        request(start.wrapping_add(1), 1, b"abc"),
        request(2, 1, b"d"),
        // A keep-alive probe behind the wrap.
        request(2, 1, &[0]),
    ]));
    let expected =
        ["1< 4294967295+0 \"\"", "1< 4294967295+3 \"abc\" (opposite 1)", "1< 2+1 \"d\" (opposite 1)"];
    assert_eq!(events[1..], expected);
}

#[test]
fn keep_alive_probes_are_no_payload() {
    let mut segments = handshake();
    segments.extend([
        // Before anything was sent, the probe stands on the SYN's own number.
        request(1000, 5001, &[0]),
        request(1001, 5001, b"ping"),
        request(1004, 5001, &[0]),
        request(1004, 5001, b""),
        request(1005, 5001, b"!"),
    ]);
    let replayed = replay(&capture_of(&segments));
    let expected = ["1< 1001+4 \"ping\" (opposite 5001)", "1< 1005+1 \"!\" (opposite 5001)"];
    assert_eq!(replayed.events[3..], expected);
    assert_eq!(replayed.summary.skipped.keep_alives, 3);
}

#[test]
fn a_keep_alive_probe_is_known_by_the_acknowledgment_where_no_data_was_seen() {
    let events = events(&capture_of(&[response(5001, 1001, b"x: y"), request(1000, 5005, &[0])]));
    assert_eq!(events[1..], ["1> 5001+4 \"x: y\" (opposite 1001)"]);
}

#[test]
fn single_bytes_in_order_are_no_keep_alive_probes() {
    let events = after_handshake(&[
        request(1001, 5001, b"G"),
        // The acknowledgment overtakes the byte that it is for.
        response(5001, 1003, b""),
        request(1002, 5001, b"E"),
        request(1003, 5001, b"T"),
    ]);
    assert_eq!(
        events,
        ["1< 1001+1 \"G\"", "1< 1002+1 \"E\"", "1< 1003+1 \"T\""].map(|e| format!("{e} (opposite 5001)"))
    );
}

#[test]
fn a_segment_without_acknowledgment_tells_nothing_of_the_other_stream() {
    let events = after_handshake(&[Tcp::new(CLIENT, SERVER, 0, 1001, 7).payload(b"?")]);
    assert_eq!(events, ["1< 1001+1 \"?\""]);
}
