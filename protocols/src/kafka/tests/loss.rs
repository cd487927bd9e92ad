//! Whatever is lost of a conversation: no response is taken for another's, and every exchange is accounted for once.

use proptest::prelude::*;

use super::{recorded::RECORDED, splits::assert_true, *};
use crate::{
    kafka::errors,
    testing::loss::{self, Event},
};

/// What happens to one exchange of a generated conversation.
#[derive(Debug, Clone, Copy)]
struct Turn {
    request_lost: bool,
    response_lost: bool,
    /// The response's event comes before the request's.
    answered_early: bool,
    /// So many requests after this one are sent before its response.
    ahead: usize,
    pause: bool,
}

fn turns(loss: f64, early: f64, ahead: usize) -> impl Strategy<Value = Vec<Turn>> {
    let turn = (
        prop::bool::weighted(loss),
        prop::bool::weighted(loss),
        prop::bool::weighted(early),
        0..=ahead,
        prop::bool::weighted(0.3),
    );
    let turn = turn.prop_map(|(request_lost, response_lost, answered_early, ahead, pause)| Turn {
        request_lost,
        response_lost,
        answered_early,
        ahead,
        pause,
    });
    prop::collection::vec(turn, 1..30)
}

/// One call a message. The group and the error of each exchange tell which it is.
fn conversation(turns: &[Turn], id: impl Fn(usize) -> i32) -> Vec<Event> {
    let (mut events, mut early) = (Vec::new(), Vec::new());
    let (mut now, mut asked, mut answered) = (1_000_000_000, 0, 0);
    let (mut sent, mut done) = (0, 0);
    while done < turns.len() {
        let until = (done + 1 + turns[done].ahead).min(turns.len()).max(sent);
        while sent < until {
            now += if turns[sent].pause { 20 * MILLISECOND } else { 5 * MICROSECOND };
            let bytes = heartbeat(id(sent), &format!("group-{}", sent + 1));
            let (offset, lost) = (asked, turns[sent].request_lost);
            asked += bytes.len() as u64;
            events.push(Event { direction: ASK, at: now, offset, opposite: answered, bytes, lost });
            early.push(false);
            sent += 1;
        }
        now += MICROSECOND;
        let bytes = beat(id(done), i16::try_from(done + 1).expect("few"));
        let (offset, lost) = (answered, turns[done].response_lost);
        answered += bytes.len() as u64;
        // The broker has read all that was sent before it answers.
        early.push(turns[done].answered_early && sent == done + 1);
        events.push(Event { direction: ANSWER, at: now, offset, opposite: asked, bytes, lost });
        done += 1;
    }
    for index in 1..events.len() {
        if early[index] && events[index - 1].direction == ASK {
            events.swap(index - 1, index);
        }
    }
    events
}

fn observe(events: &[Event], keyed: bool) -> Recorder {
    loss::observe(events, keyed, &Settings::default())
}

fn assert_no_wrong_pair(recorder: &Recorder) {
    for seen in &recorder.seen {
        if let (Some(group), Some(error)) = (seen.attribute("messaging.consumer.group.name"), seen.error()) {
            let number: i16 = group.trim_start_matches("group-").parse().expect("a number");
            let expected = errors::name(number);
            let closed = error == "connection_closed";
            assert!(closed || Some(error) == expected, "{group} was told {error}");
        }
    }
}

fn accounted(recorder: &Recorder) -> u64 {
    recorder.seen.len() as u64 + recorder.unobserved
}

/// A conversation of which no request was seen cannot be recognised, nor can what came before the first.
fn recognisable(turns: &[Turn]) -> bool {
    !turns[0].request_lost
}

fn counted(index: usize) -> i32 {
    i32::try_from(index).expect("few") + 7
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_exchange_is_accounted_for_whatever_is_lost(turns in turns(0.3, 0.0, 0), keyed in any::<bool>()) {
        prop_assume!(recognisable(&turns));
        let recorder = observe(&conversation(&turns, counted), keyed);
        assert_no_wrong_pair(&recorder);
        prop_assert_eq!(accounted(&recorder), turns.len() as u64, "{:#?}", recorder);
    }

    #[test]
    fn pipelined_exchanges_are_accounted_for_as_well(turns in turns(0.3, 0.0, 5), keyed in any::<bool>()) {
        prop_assume!(recognisable(&turns));
        let recorder = observe(&conversation(&turns, counted), keyed);
        assert_no_wrong_pair(&recorder);
        prop_assert_eq!(accounted(&recorder), turns.len() as u64, "{:#?}", recorder);
    }

    #[test]
    fn without_loss_every_exchange_is_complete_however_late_its_events(turns in turns(0.0, 0.4, 5), keyed in any::<bool>()) {
        prop_assume!(!turns[0].answered_early);
        let recorder = observe(&conversation(&turns, counted), keyed);
        assert_no_wrong_pair(&recorder);
        prop_assert_eq!(recorder.seen.len(), turns.len());
        prop_assert!(recorder.seen.iter().all(|seen| seen.outcome == Outcome::Complete), "{:#?}", recorder);
    }

    #[test]
    fn late_events_and_loss_make_no_wrong_pair(turns in turns(0.3, 0.4, 5), keyed in any::<bool>()) {
        prop_assume!(recognisable(&turns));
        assert_no_wrong_pair(&observe(&conversation(&turns, counted), keyed));
    }

    #[test]
    fn an_id_that_tells_nothing_makes_no_wrong_pair(turns in turns(0.3, 0.0, 0), keyed in any::<bool>()) {
        prop_assume!(recognisable(&turns));
        assert_no_wrong_pair(&observe(&conversation(&turns, |_| counted(0)), keyed));
    }

    #[test]
    fn nor_do_they_where_requests_do_not_wait(turns in turns(0.3, 0.0, 5), ids in 1_usize..4, keyed in any::<bool>()) {
        let mut turns = turns;
        // That a client uses ids again, and does not wait, must have been seen before it can be taken into account.
        for _ in 0..=ids {
            let first = Turn { request_lost: false, response_lost: false, answered_early: false, ahead: 1, pause: false };
            turns.insert(0, first);
        }
        assert_no_wrong_pair(&observe(&conversation(&turns, |index| counted(index % ids)), keyed));
    }

    #[test]
    fn ids_that_tell_nothing_are_enough_where_nothing_is_lost(turns in turns(0.0, 0.0, 5), ids in 1_usize..4) {
        let recorder = observe(&conversation(&turns, |index| counted(index % ids)), true);
        assert_no_wrong_pair(&recorder);
        let complete = recorder.seen.iter().filter(|seen| seen.outcome == Outcome::Complete).count();
        prop_assert_eq!(complete, turns.len(), "{:#?}", recorder);
    }

    #[test]
    fn of_a_recording_without_any_of_its_segments_only_true_records_are_made(
        which in any::<prop::sample::Index>(),
        lost in prop::collection::vec(prop::bool::weighted(0.25), 40),
        copied in any::<bool>(),
    ) {
        let connection = which.get(&RECORDED);
        let run = |lost: &dyn Fn(usize) -> bool| {
            let mut wire = Wire::new();
            for (index, (direction, bytes)) in connection.segments.iter().enumerate() {
                wire.now = (1 + index as u64) * MILLISECOND;
                if !lost(index) {
                    wire.bytes(*direction, bytes);
                } else if copied {
                    wire.lost(*direction, bytes.len() as u64, 1);
                } else {
                    wire.not_copied(*direction, bytes.len() as u64);
                }
            }
            wire.close(CloseReason::Closed)
        };
        let truth = run(&|_| false).seen;
        let seen = run(&|index| lost.get(index).copied().unwrap_or(false)).seen;
        assert_true(&seen, &truth, connection.name);
    }
}

#[test]
fn a_body_that_was_not_copied_leaves_the_exchange_complete() {
    let mut wire = Wire::new();
    wire.bytes(ASK, &heartbeat(1, "g")).bytes(ANSWER, &beat(1, 0));
    let request = produce(2, 1, "orders", &batch(5, &[7; 60_000]));
    wire.bytes(ASK, &request[..4096]).not_copied(ASK, request.len() as u64 - 4096);
    wire.bytes(ANSWER, &produced(2, "orders", 0, 100));
    wire.bytes(ASK, &heartbeat(3, "g")).bytes(ANSWER, &beat(3, 0));
    assert_eq!(wire.summaries()[1], "Produce orders[3] 5 records");
    let seen = &wire.recorder.seen[1];
    assert_eq!((seen.outcome, seen.request_bytes), (Outcome::Complete, request.len() as u64));
    assert_eq!(wire.recorder.seen.len(), 3);
}

#[test]
fn a_body_that_was_lost_makes_it_partial() {
    let mut wire = Wire::new();
    wire.bytes(ASK, &heartbeat(1, "g")).bytes(ANSWER, &beat(1, 0));
    let request = produce(2, 1, "orders", &batch(5, &[7; 60_000]));
    wire.bytes(ASK, &request[..4096]).lost(ASK, request.len() as u64 - 4096, 3);
    wire.bytes(ANSWER, &produced(2, "orders", 0, 100));
    let seen = &wire.recorder.seen[1];
    assert_eq!((seen.outcome, seen.missing_bytes), (Outcome::Partial, request.len() as u64 - 4096));
}

#[test]
fn what_waits_at_the_end_was_not_answered_and_says_why() {
    for (reason, error) in [
        (CloseReason::Closed, Some("connection_closed")),
        (CloseReason::Reset, Some("connection_reset")),
        (CloseReason::Timeout, Some("timeout")),
        (CloseReason::Evicted, None),
    ] {
        let mut wire = Wire::new();
        wire.bytes(ASK, &heartbeat(1, "g"));
        let seen = &wire.close(reason).seen[0];
        assert_eq!((seen.outcome, seen.error()), (Outcome::NoResponse(reason), error));
    }
}

#[test]
fn a_request_that_nobody_answers_is_given_up_and_a_late_answer_not_reported_again() {
    let mut wire = Wire::new();
    wire.bytes(ASK, &heartbeat(1, "g"));
    wire.pass(599_000 * MILLISECOND);
    assert!(wire.recorder.seen.is_empty(), "a member may wait for minutes to join");
    wire.pass(2_000 * MILLISECOND);
    assert_eq!(wire.recorder.seen[0].outcome, Outcome::NoResponse(CloseReason::Timeout));
    wire.bytes(ANSWER, &beat(1, 0)).pass(1_000 * MILLISECOND);
    assert_eq!(wire.recorder.seen.len(), 1);
}

#[test]
fn a_response_under_way_at_the_end_makes_a_partial_exchange() {
    let mut wire = Wire::new();
    wire.bytes(ASK, &produce(1, 1, "orders", &batch(1, &[0; 8])));
    let response = produced(1, "orders", 0, 5);
    wire.bytes(ANSWER, &response[..20]);
    let seen = &wire.close(CloseReason::Reset).seen[0];
    assert_eq!((seen.outcome, seen.ended), (Outcome::Partial, None));
    assert_eq!(seen.response_bytes, response.len() as u64);
}
