//! Questions and answers of one connection.

use super::*;
use crate::{
    Direction, Outcome, Protocol, State,
    testing::{MILLISECOND, Wire},
};

use Direction::{ToClient, ToServer};

pub(super) fn ask(wire: &mut Wire, message: &[u8]) {
    wire.bytes(ToServer, &prefixed(message));
}

pub(super) fn reply(wire: &mut Wire, message: &[u8]) {
    wire.bytes(ToClient, &prefixed(message));
}

#[test]
fn questions_one_after_the_other_are_answered_in_any_order() {
    let mut wire = Wire::new();
    let asked: Vec<_> = (0..4_u16).map(|id| query(id, &format!("n{id}.example"), A)).collect();
    let all: Vec<_> = asked.iter().flat_map(|message| prefixed(message)).collect();
    wire.bytes(ToServer, &all);
    assert_eq!(wire.conversation.state(), State::Parsing(Protocol::Dns));
    for index in [2, 0, 3, 1] {
        reply(&mut wire, &answer(&asked[index], 0, &[address(index as u8)]));
    }
    let expected = [2, 0, 3, 1].map(|id| format!("A n{id}.example 192.0.2.{id}"));
    assert_eq!(wire.summaries(), expected);
    let seen = &wire.recorder.seen[0];
    assert_eq!(seen.attribute("network.transport"), Some("tcp"));
    assert_eq!(seen.request_bytes, asked[2].len() as u64 + 2, "with its length");
}

#[test]
fn a_message_far_longer_than_is_kept_is_whole() {
    let mut wire = Wire::new();
    let asked = query(1, "big.example", A);
    let answers: Vec<_> = (0..4000_u16).map(|number| address(number as u8)).collect();
    let answered = answer(&asked, 0, &answers);
    assert!(answered.len() > 60_000);
    ask(&mut wire, &asked);
    for part in prefixed(&answered).chunks(1400) {
        wire.bytes(ToClient, part);
    }
    assert_eq!(wire.summaries().len(), 1);
    let seen = &wire.recorder.seen[0];
    assert_eq!((seen.outcome, seen.response_bytes), (Outcome::Complete, answered.len() as u64 + 2));
    assert_eq!(seen.attribute("plainsight.dns.answer.count"), Some("4000"));
    // The capture copies the beginning of a call only.
    ask(&mut wire, &asked);
    let sent = prefixed(&answered);
    wire.bytes(ToClient, &sent[..4096]).not_copied(ToClient, sent.len() as u64 - 4096);
    let seen = &wire.recorder.seen[1];
    assert_eq!((seen.outcome, seen.missing_bytes), (Outcome::Complete, 0));
}

#[test]
fn a_zone_in_many_messages_is_one_exchange_that_ends_with_its_last() {
    let mut wire = Wire::new();
    let asked = query(1, "example.org", 252);
    let soa = || record(None, 6, &[0; 22]);
    ask(&mut wire, &asked);
    reply(&mut wire, &answer(&asked, 0, &[soa()]));
    for number in 0..3 {
        wire.pass(4 * SECOND);
        reply(&mut wire, &answer(&asked, 0, &[address(number), address(number)]));
    }
    assert!(wire.recorder.seen.is_empty());
    reply(&mut wire, &[head(1, 0x8400, [0, 1, 0, 0]), record(Some("example.org"), 6, &[0; 22])].concat());
    let seen = &wire.recorder.seen[0];
    assert_eq!(seen.outcome, Outcome::Complete);
    assert_eq!(seen.attribute("plainsight.dns.answer.count"), Some("8"));
    assert_eq!(seen.ended.unwrap() - seen.started, 12 * SECOND + 5 * MICROSECOND);
    assert_eq!(seen.offsets, [Some(0), Some(0)]);
    // In one message, refused, or with nothing new.
    ask(&mut wire, &asked);
    reply(&mut wire, &answer(&asked, 0, &[soa(), address(1), soa()]));
    ask(&mut wire, &asked);
    reply(&mut wire, &answer(&asked, 5, &[]));
    let news = query(1, "example.org", 251);
    ask(&mut wire, &news);
    reply(&mut wire, &answer(&news, 0, &[soa()]));
    let outcomes: Vec<_> = wire.recorder.seen.iter().map(|seen| seen.outcome).collect();
    assert_eq!(outcomes, [Outcome::Complete; 4]);
}

#[test]
fn what_is_unanswered_at_the_end_or_for_too_long_has_no_response() {
    let mut wire = Wire::new();
    ask(&mut wire, &query(1, "a.example", A));
    wire.pass(6 * SECOND);
    ask(&mut wire, &query(2, "b.example", A));
    let told = wire.close(CloseReason::Reset);
    let outcomes: Vec<_> = told.seen.iter().map(|seen| (seen.outcome, seen.error())).collect();
    let expected = [
        (Outcome::NoResponse(CloseReason::Timeout), Some("timeout")),
        (Outcome::NoResponse(CloseReason::Reset), Some("connection_reset")),
    ];
    assert_eq!(outcomes, expected);
}

#[test]
fn an_answer_read_before_its_question_was_reported_waits_for_it() {
    let mut wire = Wire::new();
    let asked = query(1, "a.example", A);
    ask(&mut wire, &asked);
    reply(&mut wire, &answer(&asked, 0, &[]));
    let asked = query(2, "b.example", A);
    reply(&mut wire, &answer(&asked, 0, &[]));
    wire.pass(5 * MILLISECOND);
    ask(&mut wire, &asked);
    assert_eq!(wire.summaries(), ["A a.example 0 answers", "A b.example 0 answers"]);
    assert!(wire.recorder.seen.iter().all(|seen| seen.outcome == Outcome::Complete));
}

#[test]
fn the_bound_of_a_connection_is_reached_and_not_passed() {
    let mut wire = Wire::new();
    let label = "x".repeat(60);
    let name = [label.as_str(); 4].join(".");
    for id in 0..2000 {
        ask(&mut wire, &query(id, &name, A));
    }
    assert!(wire.conversation.held_bytes() > crate::dns::HELD_BYTES_LIMIT / 2);
    assert!(wire.recorder.limits.contains(&Limit::WaitingRequests));
    let answers: Vec<_> = (0..300).map(|number| address(number as u8)).collect();
    for id in 3000..4000 {
        reply(&mut wire, &answer(&query(id, "other.example", A), 0, &answers));
        assert!(wire.conversation.held_bytes() <= crate::dns::HELD_BYTES_LIMIT);
    }
    assert!(wire.recorder.limits.contains(&Limit::HeldResponses));
    assert_eq!(wire.close(CloseReason::Closed).seen.len(), 2000, "and none that was not asked");
}
