//! Where connections begin and end, and who is the server.

use super::{events, frames::*, replay};

/// What follows a handshake.
fn after_handshake(segments: &[Tcp]) -> Vec<String> {
    let events = events(&capture_of(&[handshake(), segments.to_vec()].concat()));
    assert_eq!(events[..3], HANDSHAKE);
    events[3..].to_vec()
}

fn fin(segment: Tcp) -> Tcp {
    Tcp { flags: segment.flags | FIN, ..segment }
}

fn rst(segment: Tcp) -> Tcp {
    Tcp { flags: segment.flags | RST, ..segment }
}

#[test]
fn a_connection_is_closed_when_both_ends_have_finished_and_heard_it() {
    let segments = [
        fin(request(1001, 5001, b"bye")),
        response(5001, 1005, b"well"),
        fin(response(5005, 1005, b"")),
        request(1005, 5006, b""),
    ];
    let expected = [
        "1< 1001+3 \"bye\" (opposite 5001)",
        "1< end 1004",
        "1> 5001+4 \"well\" (opposite 1005)",
        "1> end 5005",
        "1 closed",
    ];
    assert_eq!(after_handshake(&segments), expected);
    assert_eq!(after_handshake(&segments[..3]), expected[..4], "the last acknowledgment is missing");
}

#[test]
fn a_repeated_fin_ends_its_stream_once() {
    let events = after_handshake(&[fin(request(1001, 5001, b"")), fin(request(1001, 5001, b""))]);
    assert_eq!(events, ["1< end 1001"]);
}

#[test]
fn data_that_a_fin_overtook_is_still_passed_on() {
    let events = after_handshake(&[fin(request(1004, 5001, b"")), request(1001, 5001, b"abc")]);
    assert_eq!(events, ["1< end 1004", "1< 1001+3 \"abc\" (opposite 5001)"]);
}

#[test]
fn a_reset_ends_a_connection_and_its_payload_is_no_data() {
    let events = after_handshake(&[request(1001, 5001, b"abc"), rst(response(5001, 1004, b"go away"))]);
    assert_eq!(events, ["1< 1001+3 \"abc\" (opposite 5001)", "1 reset"]);
}

#[test]
fn a_reset_after_both_streams_have_ended_is_an_orderly_close() {
    let events = after_handshake(&[
        fin(request(1001, 5001, b"")),
        fin(response(5001, 1001, b"")),
        rst(request(1002, 5002, b"")),
    ]);
    assert_eq!(events, ["1< end 1001", "1> end 5001", "1 closed"]);
}

#[test]
fn what_comes_after_the_end_is_counted_and_changes_nothing() {
    let mut segments = handshake();
    segments.extend([
        rst(request(1001, 5001, b"")),
        response(5001, 1001, b"late"),
        fin(response(5005, 1001, b"")),
        rst(request(1001, 5001, b"")),
    ]);
    let replayed = replay(&capture_of(&segments));
    assert_eq!(replayed.events[3..], ["1 reset"]);
    assert_eq!(replayed.summary.skipped.after_close, 1);
}

#[test]
fn a_refused_connection_is_opened_and_reset() {
    let events = events(&capture_of(&[handshake()[0].clone(), Tcp::new(SERVER, CLIENT, RST | ACK, 0, 1001)]));
    let expected =
        ["1 opened 10.0.0.2:80 from 10.0.0.1:40000, server from start", "1< 1001+0 \"\"", "1 reset"];
    assert_eq!(events, expected);
}

#[test]
fn a_repeated_handshake_is_the_same_connection() {
    let [syn, syn_ack, ack] = <[Tcp; 3]>::try_from(handshake()).ok().unwrap();
    let order = [syn_ack.clone(), syn.clone(), syn, syn_ack, ack, request(1001, 5001, b"GET")];
    assert_eq!(events(&capture_of(&order))[3..], ["1< 1001+3 \"GET\" (opposite 5001)"]);
}

#[test]
fn a_syn_with_another_number_begins_a_new_connection_and_ends_the_old() {
    let again = Tcp::new(CLIENT, SERVER, SYN, 9000, 0);
    let events = after_handshake(&[request(1001, 5001, b"abc"), again, request(9001, 1, b"def")]);
    let expected = [
        "1< 1001+3 \"abc\" (opposite 5001)",
        "1 reset",
        "2 opened 10.0.0.2:80 from 10.0.0.1:40000, server from start",
        "2< 9001+0 \"\"",
        "2< 9001+3 \"def\" (opposite 1)",
    ];
    assert_eq!(events, expected);
}

#[test]
fn an_answer_to_a_handshake_that_was_not_seen_begins_a_new_connection() {
    let events = after_handshake(&[Tcp::new(SERVER, CLIENT, SYN | ACK, 7000, 9001)]);
    let expected = [
        "1 reset",
        "2 opened 10.0.0.2:80 from 10.0.0.1:40000, server from start",
        "2< 9001+0 \"\"",
        "2> 7001+0 \"\"",
    ];
    assert_eq!(events, expected);
}

#[test]
fn an_old_connection_whose_streams_had_ended_is_closed_in_order_by_its_successor() {
    let events = after_handshake(&[
        fin(request(1001, 5001, b"")),
        fin(response(5001, 1002, b"")),
        Tcp::new(CLIENT, SERVER, SYN, 9000, 0),
    ]);
    assert_eq!(events[2..4], ["1 closed", "2 opened 10.0.0.2:80 from 10.0.0.1:40000, server from start"]);
}

#[test]
fn ports_and_numbers_may_be_used_again_after_the_end() {
    let events = after_handshake(&[rst(request(1001, 5001, b"")), handshake()[0].clone()]);
    assert_eq!(events[1], "2 opened 10.0.0.2:80 from 10.0.0.1:40000, server from start");
}

#[test]
fn a_syn_overtaken_by_its_connection_s_data_begins_no_new_one() {
    let mut order = handshake();
    order.insert(0, request(1001, 5001, b"abc"));
    let events = events(&capture_of(&order));
    let opened = "1 opened 10.0.0.2:80 from 10.0.0.1:40000, unknown";
    assert_eq!(events, [opened, "1< 1001+3 \"abc\" (opposite 5001)", "1> 5001+0 \"\""]);
}

#[test]
fn a_connection_joined_in_the_middle_ends_when_its_ports_are_used_again() {
    let events = events(&capture_of(&[response(5001, 1001, b"old"), handshake()[0].clone()]));
    assert_eq!(events[2..4], ["1 reset", "2 opened 10.0.0.2:80 from 10.0.0.1:40000, server from start"]);
}

#[test]
fn without_a_handshake_the_better_known_port_is_taken_for_the_server() {
    for (source, destination, server) in [
        ("10.0.0.1:80", "10.0.0.2:40000", "10.0.0.1:80"),
        ("10.0.0.1:40000", "10.0.0.2:80", "10.0.0.2:80"),
        ("10.0.0.1:40000", "10.0.0.2:50051", "10.0.0.2:50051"),
        ("10.0.0.1:6379", "10.0.0.2:6000", "10.0.0.1:6379"),
        ("10.0.0.1:41000", "10.0.0.2:40000", "10.0.0.2:40000"),
        ("10.0.0.1:7", "10.0.0.2:7", "10.0.0.2:7"),
    ] {
        let segment = Tcp::new(source, destination, ACK, 1, 1).payload(b"x");
        let opened = events(&capture_of(&[segment])).remove(0);
        assert!(
            opened.starts_with(&format!("1 opened {server} from ")),
            "{source} to {destination}: {opened}"
        );
        assert!(opened.ends_with(", unknown"), "{opened}");
    }
}

#[test]
fn the_rest_of_a_connection_that_carries_nothing_more_is_not_reported() {
    let rest = [request(1, 1, b""), fin(request(1, 1, b"")), rst(response(1, 2, b""))];
    assert_eq!(events(&capture_of(&rest)), [""; 0]);
}

#[test]
fn a_socket_connected_to_itself_is_one_connection() {
    let own = "127.0.0.1:5000";
    let segment = |flags, sequence, payload| Tcp::new(own, own, flags, sequence, 0).payload(payload);
    let events = events(&capture_of(&[segment(SYN, 1, b""), segment(0, 2, b"x"), segment(FIN, 3, b"")]));
    assert_eq!(events[1..], ["1> 2+0 \"\"", "1> 2+1 \"x\"", "1> end 3"]);
}
