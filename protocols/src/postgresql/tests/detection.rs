//! What is taken for this protocol, and what is not.

use proptest::prelude::*;

use super::*;
use crate::{Detection, Protocol, State, postgresql::ENTRY};

fn asked(bytes: &[u8]) -> Detection {
    (ENTRY.detect)(Direction::ToServer, bytes)
}

fn answered(bytes: &[u8]) -> Detection {
    (ENTRY.detect)(Direction::ToClient, bytes)
}

const PARSING: State = State::Parsing(Protocol::Postgresql);

#[test]
fn the_first_message_of_a_connection_proves_it() {
    let cancel = opening(&[4, 0xd2, 0x16, 0x2e, 0, 0, 0, 77, 1, 2, 3, 4]);
    for first in [startup(&[("user", "ann"), ("database", "shop")]), ssl_request(), cancel] {
        assert_eq!(asked(&first), Detection::Found(Direction::ToServer));
        assert_eq!(
            answered(&first),
            Detection::Found(Direction::ToServer),
            "the caller had it the wrong way round"
        );
        for end in 0..first.len() {
            let detection = asked(&first[..end]);
            let possible = matches!(detection, Detection::NeedMore | Detection::Found(Direction::ToServer));
            assert!(possible || end == 0, "{detection:?} of the first {end}");
        }
    }
}

#[test]
fn whole_messages_prove_it_in_the_midst_of_a_connection() {
    let run = [bind("", "s"), execute("", 0), sync()].concat();
    for request in [query("SELECT 1"), run, [parse("s", "SELECT 1"), describe(b'S', "s"), sync()].concat()] {
        assert_eq!(asked(&request), Detection::Found(Direction::ToServer));
        assert_eq!(answered(&request), Detection::Found(Direction::ToServer));
    }
    for response in [rows(2), [error("42P01"), ready()].concat(), [complete("BEGIN"), ready()].concat()] {
        assert_eq!(answered(&response), Detection::Found(Direction::ToClient));
    }
}

#[test]
fn what_could_be_something_else_needs_its_answer() {
    assert_eq!(asked(&query("vacuum full")), Detection::Likely(Direction::ToServer));
    assert_eq!(asked(&query("SELECT 1")[..9]), Detection::Likely(Direction::ToServer));
    assert_eq!(answered(&rows(2)[..40]), Detection::Likely(Direction::ToClient));
    let mut wire = Wire::joined();
    wire.ask(&[query("vacuum full")]);
    assert_eq!(wire.conversation.state(), State::Detecting);
    wire.answer(&[complete("VACUUM"), ready()]);
    assert_eq!(lines(&wire.recorder).len(), 1);
}

#[test]
fn a_connection_joined_in_its_midst_is_read_from_its_next_request_on() {
    let mut wire = Wire::joined();
    wire.answer(&[rows(9)[70..].to_vec()]);
    for _ in 0..2 {
        wire.ask(&[query("SELECT a FROM one")]).answer(&[rows(3)]);
    }
    assert_eq!(wire.conversation.state(), PARSING);
    let recorder = wire.closed();
    let lines = lines(&recorder);
    assert_eq!(lines[lines.len() - 2..], ["SELECT one 3 rows", "SELECT one 3 rows"]);
    assert_eq!(recorder.seen[0].attribute("db.namespace"), None);
}

#[test]
fn a_session_that_begins_late_in_the_capture_is_a_session_all_the_same() {
    let mut wire = Wire::joined();
    wire.ask(&[startup(&[("user", "ann")])]).answer(&[welcome()]);
    wire.ask(&[query("SELECT 1")]).answer(&[rows(1)]);
    let recorder = wire.closed();
    assert_eq!(lines(&recorder), ["CONNECT ann", "SELECT 1 row"]);
    assert_eq!(recorder.seen[1].attribute("db.namespace"), Some("ann"));
}

#[test]
fn other_protocols_are_left_alone() {
    let others: [&[u8]; 16] = [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"QUIT\r\n",
        b"PING\r\n",
        b"EHLO mail.example\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03random",
        // Kafka: Metadata of version 0, ApiVersions of version 3.
        b"\x00\x00\x00\x15\x00\x03\x00\x00\x00\x00\x00\x01\x00\x03abc\x00\x00\x00\x00\x00\x00",
        b"\x00\x00\x00\x19\x00\x12\x00\x03\x00\x00\x00\x01\x00\x04kcat\x00\x05kcat\x061.7.0\x00",
        // MySQL: a greeting, a query.
        b"\x4a\x00\x00\x00\x0a8.0.36\x00\x0b\x00\x00\x00abcdefgh\x00\xff\xff",
        b"\x09\x00\x00\x00\x03SELECT 1",
        b"*1\r\n$4\r\nPING\r\n",
        b"+PONG\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
        // DNS over TCP.
        b"\x00\x1d\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01",
        b"B\x00\x00\x00\x0c\x01\x02\x03\x04\x05\x06\x07\x08",
    ];
    for other in others {
        assert_eq!(asked(other), Detection::No, "{other:?}");
        assert_eq!(answered(other), Detection::No, "{other:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn random_bytes_are_not_taken_for_it(bytes in prop::collection::vec(any::<u8>(), 12..200)) {
        for detection in [asked(&bytes), answered(&bytes)] {
            prop_assert!(!matches!(detection, Detection::Found(_)), "{detection:?}");
        }
    }

    #[test]
    fn text_is_not_taken_for_it(text in "[ -~\r\n]{5,200}") {
        prop_assert_eq!(asked(text.as_bytes()), Detection::No);
        prop_assert_eq!(answered(text.as_bytes()), Detection::No);
    }

    #[test]
    fn random_connections_report_nothing(
        chunks in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..300)), 1..12),
        from_start in any::<bool>(),
    ) {
        let mut wire = Wire::with(crate::Settings::default(), from_start);
        for (to_server, bytes) in chunks {
            let direction = if to_server { Direction::ToServer } else { Direction::ToClient };
            wire.bytes(direction, &bytes);
        }
        prop_assert!(wire.closed().seen.iter().all(|seen| seen.protocol != Protocol::Postgresql));
    }
}
