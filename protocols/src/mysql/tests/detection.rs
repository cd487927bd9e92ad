//! Whose bytes these are.

use super::*;
use crate::{Detection, Protocol, mysql::ENTRY};

fn detect(direction: Direction, bytes: &[u8]) -> Detection {
    (ENTRY.detect)(direction, bytes)
}

#[test]
fn a_greeting_proves_the_protocol_and_the_direction() {
    let bytes = greeting("8.4.3");
    for direction in [Direction::ToServer, Direction::ToClient] {
        assert_eq!(detect(direction, &bytes), Detection::Found(Direction::ToClient));
    }
    for length in 1..16 {
        assert_eq!(detect(Direction::ToClient, &bytes[..length]), Detection::NeedMore, "{length}");
    }
}

#[test]
fn a_login_and_a_result_prove_it_too() {
    for direction in [Direction::ToServer, Direction::ToClient] {
        let login = login(CAPABILITIES, "app", "shop");
        assert_eq!(detect(direction, &login), Detection::Found(Direction::ToServer));
        assert_eq!(detect(direction, &result(3, true)), Detection::Found(Direction::ToClient));
    }
}

#[test]
fn commands_and_short_answers_are_likely_only() {
    for bytes in [query("SELECT 1"), execute(1), command(14, b""), command(1, b""), prepare("SELECT ?")] {
        assert_eq!(detect(Direction::ToServer, &bytes), Detection::Likely(Direction::ToServer));
        assert_eq!(detect(Direction::ToClient, &bytes), Detection::No);
    }
    for bytes in [ok(1, 0), failure(1, 1064, "42000"), eof(1, 2), prepared(1, 1, 1, true)] {
        assert_eq!(detect(Direction::ToClient, &bytes), Detection::Likely(Direction::ToClient));
        assert_eq!(detect(Direction::ToServer, &bytes), Detection::No);
    }
}

#[test]
fn a_connection_is_joined_at_its_next_command() {
    for (request, answer, summary) in [
        (query("UPDATE t SET a = 1"), ok(1, 3), "UPDATE t 3 affected"),
        (query("SELECT a FROM t"), result(2, true), "SELECT t 2 rows"),
        (query("SELECT a FROM t"), failure(1, 1146, "42S02"), "SELECT t ERR 1146"),
        (prepare("SELECT a FROM t"), prepared(1, 1, 0, true), "PREPARE SELECT t"),
    ] {
        for keyed in [true, false] {
            let mut wire = Wire::joined();
            wire.keyed = keyed;
            wire.asks(&request).answers(&answer).asks(&command(14, b"")).answers(&ok(1, 0));
            assert_eq!(wire.conversation.state(), State::Parsing(Protocol::Mysql));
            assert_eq!(told(&wire.recorder.seen), [summary, "PING"]);
        }
    }
}

#[test]
fn a_connection_is_joined_where_the_server_reads_headers_apart() {
    let mut wire = Wire::joined();
    let (update, select) = (query("UPDATE t SET a = 1"), query("SELECT a FROM u"));
    wire.asks(&update[4..])
        .answers(&ok(1, 1))
        .asks(&select[..4])
        .asks(&select[4..])
        .answers(&result(1, false));
    wire.asks(&update[..4]).asks(&update[4..]).answers(&ok(1, 3));
    assert_eq!(told(&wire.recorder.seen), ["? (partial)", "SELECT u 1 row", "UPDATE t 3 affected"]);
}

#[test]
fn directions_that_were_taken_for_each_other_are_put_right() {
    let mut wire = Wire::new();
    wire.asks(&greeting("8.4.3")).answers(&login(CAPABILITIES, "app", "shop")).asks(&ok(2, 0));
    assert!(wire.conversation.reversed());
    assert_eq!(wire.summaries(), ["LOGIN app@shop"]);
}

#[test]
fn other_protocols_are_not_taken_for_it() {
    let others: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n",
        b"220 mail.example ESMTP\r\n",
        b"EHLO a\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"+PONG\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x12\x04\0\0\0\0\0",
        b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\0\x10\0\0\0\x06\0\0\x40\0",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
        b"\0\0\0\x08\x04\xd2\x16\x2f",
        b"\0\0\0\x29\0\x03\0\0user\0app\0database\0shop\0\0",
        b"Q\0\0\0\x0dSELECT 1\0",
        b"\0\0\0\x1c\0\x12\0\x03\0\0\0\x01\0\x05abcde\0\x05a\x02bc\0",
        b"\x3a\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0",
        b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03com\0\0\x01\0\x01",
        b"get key\r\n",
        b"\x80\x01\0\x01\0\0\0\x04ping\0\0\0\0\0",
        b"AMQP\0\0\x09\x01",
        b"l\0\x0b\0\0\0\0\0\0\0\0\0",
        b"hello there, this is text\n",
        b"\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\x01\0\0\0\xff\xff\xff\xff",
    ];
    for bytes in others {
        for direction in [Direction::ToServer, Direction::ToClient] {
            let found = detect(direction, bytes);
            assert!(matches!(found, Detection::No | Detection::NeedMore), "{bytes:?}: {found:?}");
            for from_start in [true, false] {
                let mut wire = Wire::with(crate::Settings::default(), from_start);
                wire.bytes(direction, bytes).bytes(direction.opposite(), bytes).bytes(direction, bytes);
                let recorder = wire.close(CloseReason::Closed);
                assert!(recorder.seen.iter().all(|seen| seen.protocol != Protocol::Mysql), "{bytes:?}");
            }
        }
    }
}

#[test]
fn random_bytes_are_not_taken_for_it() {
    // A generator of our own: the same bytes in every run, and many of them.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..4).flat_map(|_| next()).collect();
        for direction in [Direction::ToServer, Direction::ToClient] {
            assert!(
                !matches!(detect(direction, &bytes), Detection::Found(_) | Detection::Likely(_)),
                "{bytes:?}"
            );
        }
    }
}

#[test]
fn a_refusal_is_readable() {
    let refusal = |text: &[u8]| {
        let length = [3 + text.len() as u8, 0, 0, 0];
        [&length[..], &[0xff, 0x69, 0x04], text].concat()
    };
    let found = |text: &[u8]| detect(Direction::ToClient, &refusal(text));
    assert_eq!(found(b"Host '10.0.0.7' is not allowed"), Detection::Found(Direction::ToClient));
    assert_eq!(found("Превышено".as_bytes()), Detection::Found(Direction::ToClient));
    assert_eq!(found(b"\x91\xb4\xd7X\x90\x84=\xac\xe5W\xcd"), Detection::No);
}
