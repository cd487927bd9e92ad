//! What is taken for MongoDB, when, and what is not.

use super::*;
use crate::{Detection, mongodb::frame::detect};

#[test]
fn a_message_is_found_on_any_port_within_its_first_bytes() {
    for (bytes, direction) in [(find(1, "orders"), Direction::ToServer), (ok(2, 1), Direction::ToClient)] {
        for end in 1..27 {
            assert_eq!(detect(&bytes[..end]), Detection::NeedMore, "{end}");
        }
        for end in 27..=bytes.len() {
            assert_eq!(detect(&bytes[..end]), Detection::Found(direction), "{end}");
        }
    }
}

#[test]
fn nothing_else_is_taken_for_it() {
    let mut wrong_flags = find(1, "orders");
    wrong_flags[16] = 4;
    let mut wrong_document = find(1, "orders");
    wrong_document[21] = 0xff;
    let mut wrong_kind = find(1, "orders");
    wrong_kind[12] = 0xd1;
    for other in [
        &b""[..],
        b"GET / HTTP/1.1\r\n\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"SSH-2.0-OpenSSH_10.2\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x7f\x7f\x7f\x7f\x7f",
        b"\x4a\x00\x00\x00\x0a5.5.5-10.11.6-MariaDB\x00",
        b"\x0d\x00\x00\x00\x03select 1+1",
        b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
        b"\x00\x00\x00\x21\x00\x12\x00\x03\x00\x00\x00\x01\x00\x09client-id",
        b"\x40\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xdd\x07\x00\x01????????????",
        &[0; 64],
        &[1; 64],
        &[0xff; 64],
        &wrong_flags,
        &wrong_document,
        &wrong_kind,
    ] {
        assert_eq!(detect(other), Detection::No, "{}", other.escape_ascii());
    }
}

#[test]
fn swapped_directions_are_put_right() {
    let mut wire = Wire::new();
    wire.bytes(Direction::ToClient, &find(1, "orders")).bytes(Direction::ToServer, &ok(2, 1));
    assert!(wire.conversation.reversed());
    assert_eq!(wire.summaries(), ["find orders"]);
}

#[test]
fn a_connection_joined_in_a_message_is_parsed_from_the_next_one_on() {
    let mut wire = Wire::joined();
    wire.bytes(Direction::ToClient, b"the rest of a long answer").bytes(Direction::ToClient, &[0; 700]);
    wire.bytes(Direction::ToServer, &find(5, "orders")).bytes(Direction::ToClient, &ok(6, 5));
    assert_eq!(wire.summaries(), ["find orders"]);
    assert_eq!(wire.conversation.state(), State::Parsing(Protocol::Mongodb));
}

#[test]
fn an_answer_reported_before_its_request_is_its_answer() {
    let mut wire = Wire::new();
    wire.bytes(Direction::ToServer, &find(1, "a")).bytes(Direction::ToClient, &ok(2, 1));
    wire.bytes(Direction::ToClient, &ok(4, 3)).bytes(Direction::ToServer, &find(3, "b"));
    assert_eq!(wire.summaries(), ["find a", "find b"]);
    assert!(wire.recorder.seen.iter().all(|seen| seen.outcome == Outcome::Complete));
}
