//! Bounds, and that they are reached.

use super::*;
use crate::mysql::HELD_BYTES_LIMIT;

#[test]
fn commands_that_are_never_answered_are_given_up_at_a_bound() {
    let mut wire = logged_in(0);
    let mut most = 0;
    for number in 0..2_000 {
        wire.asks(&query(&format!("SELECT a{number} FROM t WHERE b = '{}'", "x".repeat(5_000))));
        most = most.max(wire.conversation.held_bytes());
        assert!(most <= HELD_BYTES_LIMIT);
    }
    assert!(wire.recorder.limits.contains(&Limit::WaitingRequests));
    assert!(most > HELD_BYTES_LIMIT / 3, "{most} of {HELD_BYTES_LIMIT}");
    let recorder = wire.close(CloseReason::Closed);
    assert_eq!(recorder.seen.len(), 2_000);
}

#[test]
fn prepared_statements_are_kept_up_to_a_bound_in_bytes() {
    let mut wire = logged_in(DEPRECATE_EOF);
    let mut most = 0;
    for id in 0..400_u32 {
        wire.asks(&prepare(&format!("SELECT {} FROM t", "a".repeat(4_000))))
            .answers(&prepared(id, 0, 0, true));
        most = most.max(wire.conversation.held_bytes());
        assert!(most <= HELD_BYTES_LIMIT);
    }
    assert!(wire.recorder.limits.contains(&Limit::PreparedStatements));
    assert!(most > 200_000, "{most}");
}

#[test]
fn answers_to_nothing_are_held_up_to_a_bound() {
    let mut wire = logged_in(0);
    wire.keyed = false;
    for _ in 0..100 {
        wire.answers(&ok(1, 1));
    }
    assert!(wire.recorder.limits.contains(&Limit::HeldResponses));
    assert!(wire.conversation.held_bytes() <= HELD_BYTES_LIMIT);
}

#[test]
fn a_length_that_lies_reserves_nothing() {
    let mut wire = logged_in(0);
    wire.asks(&[0xff, 0xff, 0xff, 0, 3, b'S']);
    for _ in 0..5_000 {
        wire.asks(&[b'x'; 1_000]);
    }
    assert!(wire.conversation.held_bytes() < 10_000, "{}", wire.conversation.held_bytes());
}

#[test]
fn a_connection_that_speaks_nonsense_is_given_up() {
    let mut wire = logged_in(0);
    for _ in 0..4_000 {
        wire.asks(b"nonsense").answers(b"what?");
    }
    assert_ne!(wire.conversation.state(), State::Parsing(crate::Protocol::Mysql));
}
