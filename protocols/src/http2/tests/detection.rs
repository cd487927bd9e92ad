//! What is taken for HTTP/2, when, and what is not.

use proptest::prelude::*;

use super::*;

#[test]
fn the_preface_is_found_from_any_split() {
    let mut wire = Wire::new();
    for byte in [&PREFACE[..], &settings(), &get(1, "/a")].concat() {
        wire.asks(&[byte]);
    }
    assert_eq!(wire.conversation.state(), State::Parsing(Protocol::Http2));
    for byte in [settings(), ok(1, "x")].concat() {
        wire.answers(&[byte]);
    }
    assert_eq!(wire.summaries(), ["GET /a 200"]);
}

#[test]
fn a_server_that_speaks_first_waits_for_the_preface() {
    let mut wire = Wire::new();
    wire.answers(&settings());
    assert_eq!(wire.conversation.state(), State::Detecting);
    wire.asks(&[&PREFACE[..], &settings(), &get(1, "/a")].concat()).answers(&ok(1, "x"));
    assert_eq!(wire.summaries(), ["GET /a 200"]);
}

#[test]
fn swapped_directions_are_put_right() {
    let mut wire = Wire::new();
    wire.answers(&[&PREFACE[..], &settings(), &get(1, "/a")].concat());
    assert!(wire.conversation.reversed());
    wire.asks(&[settings(), ok(1, "x")].concat());
    assert_eq!(wire.summaries(), ["GET /a 200"]);
    let mut wire = Wire::joined();
    wire.answers(&get(7, "/b")).asks(&ok(7, "x"));
    assert_eq!(wire.summaries(), ["GET /b 200"]);
}

#[test]
fn a_joined_connection_is_found_by_its_next_request() {
    let mut wire = Wire::joined();
    wire.answers(&[0x55; 700]).answers(b"the rest of some body");
    wire.asks(&get(9, "/a")).answers(&ok(9, &"x".repeat(5_000)));
    assert_eq!(wire.summaries(), ["GET /a 200"]);
    assert_eq!(wire.recorder.seen[0].outcome, Outcome::Complete);
    assert_eq!(wire.close(CloseReason::Closed).unobserved, 0);
}

#[test]
fn frames_alone_do_not_tell_which_end_asks() {
    for swapped in [false, true] {
        let mut wire = Wire::joined();
        wire.swapped = swapped;
        // A stream that was open before goes on for long, both ways.
        for _ in 0..2 * crate::DETECTION_ATTEMPTS {
            wire.asks(&[frame(kind::WINDOW_UPDATE, 0, 0, &[0, 0, 64, 0]), data(5, 0, b"ask")].concat());
            let answer = [data(5, 0, b"abc"), data(5, 0, &[b'd'; 1000])].concat();
            wire.answers(&answer[..300]).answers(&answer[300..]);
        }
        assert_eq!(wire.conversation.state(), State::Detecting);
        wire.asks(&get(7, "/next")).answers(&ok(7, "x")).pass(20 * MILLISECOND);
        assert_eq!(wire.summaries(), ["GET /next 200"], "of the one before, nothing is known");
        assert_eq!(wire.conversation.reversed(), swapped);
    }
}

#[test]
fn an_answer_to_a_request_before_the_observation_stays_alone() {
    let mut wire = Wire::joined();
    wire.asks(&get(9, "/a")).answers(&ok(5, "old"));
    wire.answers(&ok(9, "x")).pass(20 * MILLISECOND);
    assert_eq!(wire.summaries(), ["GET /a 200", "? 200"]);
}

#[test]
fn other_protocols_are_not_taken_for_it() {
    for (name, first) in [
        ("TLS", &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..]),
        ("SSH", b"SSH-2.0-OpenSSH_10.2\r\n"),
        ("Redis", b"*1\r\n$4\r\nPING\r\n"),
        ("HTTP/1", b"PRINT /x HTTP/9.9\r\n\r\n"),
        ("another PRI", b"PRI * HTTP/3.0\r\n\r\n"),
        ("PostgreSQL", b"\x00\x00\x00\x08\x04\xd2\x16\x2f"),
        ("PostgreSQL", b"\x00\x00\x00\x29\x00\x03\x00\x00user\0postgres\0database\0shop\0\0"),
        ("Kafka", b"\x00\x00\x00\x09\x00\x12\x00\x03\x00\x00\x00\x01\xff"),
        ("Kafka", b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x01"),
        ("MySQL", b"\x4a\x00\x00\x00\x0a8.0.36\0\x08\0\0\0"),
        ("MySQL", b"\x01\x00\x00\x00\x0e\x01\x00\x00\x00\x01"),
        ("MongoDB", b"\x3a\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xdd\x07\x00\x00"),
        (
            "DNS",
            b"\x00\x1d\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01",
        ),
        ("SMB", b"\x00\x00\x00\x45\xffSMBr\x00\x00\x00\x00"),
        ("AMQP", b"AMQP\x00\x00\x09\x01"),
        ("X11", b"l\x00\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
        ("zeros", &[0; 400]),
    ] {
        for mut wire in [Wire::new(), Wire::joined()] {
            wire.asks(first).answers(first);
            let state = wire.conversation.state();
            assert_ne!(state, State::Parsing(Protocol::Http2), "{name}");
        }
    }
}

/// Byte after byte of a protocol whose numbers are small and wide, which makes headers of frames likely.
fn sparse() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![6 => Just(0_u8), 3 => 0..10_u8, 1 => any::<u8>()], 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_not_taken_for_it(
        chunks in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..300)), 0..12),
        from_start in any::<bool>(),
    ) {
        let mut wire = if from_start { Wire::new() } else { Wire::joined() };
        for (to_server, chunk) in chunks {
            wire.bytes(if to_server { Direction::ToServer } else { Direction::ToClient }, &chunk);
        }
        prop_assert_ne!(wire.conversation.state(), State::Parsing(Protocol::Http2));
    }

    #[test]
    fn small_numbers_yield_no_exchange(chunks in prop::collection::vec((any::<bool>(), sparse()), 0..12)) {
        let mut wire = Wire::joined();
        for (to_server, chunk) in chunks {
            wire.bytes(if to_server { Direction::ToServer } else { Direction::ToClient }, &chunk);
        }
        let seen = wire.close(CloseReason::Closed).seen;
        prop_assert!(seen.iter().all(|seen| seen.protocol != Protocol::Http2), "{:?}", seen);
    }
}

/// A connection joined in the middle, both of whose ends say the same kind of thing for ever: how often until it is left
/// alone.
fn turns_until_left_alone(payload: usize) -> u32 {
    let mut wire = Wire::joined();
    let [asked, answered] = [b'a', b'b'].map(|byte| data(5, 0, &vec![byte; payload]));
    let mut turns = 0_u32;
    while wire.conversation.state() == State::Detecting {
        wire.asks(&asked).answers(&answered);
        assert!(wire.conversation.held_bytes() <= crate::HELD_BYTES_LIMIT);
        turns += 1;
        assert!(turns <= 64 * crate::DETECTION_ATTEMPTS, "its bytes are copied for ever");
    }
    assert_eq!(wire.conversation.state(), State::Ignored);
    assert_eq!(wire.recorder.limits, [Limit::DetectionAttempts]);
    assert!(wire.recorder.seen.is_empty());
    turns
}

#[test]
fn a_connection_that_never_tells_which_end_asks_is_left_alone_in_the_end() {
    // As much as is copied of one call, and so little that hundreds are held before there are too many.
    for payload in [4087, 1] {
        let turns = turns_until_left_alone(payload);
        assert!(turns > crate::DETECTION_ATTEMPTS, "{turns}: a request may be long in coming");
    }
}
