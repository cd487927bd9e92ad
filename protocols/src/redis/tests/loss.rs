//! Whatever is lost of a conversation, and wherever its observation begins: no answer is taken for another's.

use proptest::prelude::*;

use super::*;
use crate::testing::loss::{self, Batch, Call, batches, play, play_swapped};

/// The serial number of a command is in its key, and in the length of its answer.
fn calls(batches: &[Batch]) -> (Vec<Call>, usize) {
    loss::calls(None, batches, |serial| c(&format!("GET k{serial}")), |serial| bulk(&"x".repeat(serial)))
}

/// Every pair is a true one. Gives how many there are.
fn check(recorder: &Recorder, total: usize) -> Result<usize, TestCaseError> {
    let mut complete = 0;
    for seen in &recorder.seen {
        if seen.outcome != Outcome::Complete {
            prop_assert!(seen.ended.is_none() || seen.attribute("db.query.text").is_none(), "{seen:?}");
            continue;
        }
        let text = seen.attribute("db.query.text").unwrap_or_default();
        let serial: usize = text.trim_start_matches("GET k").parse().expect("a serial number");
        let expected = bulk(&"x".repeat(serial)).len() as u64;
        prop_assert_eq!(seen.response_bytes, expected, "{} has the answer of another", text);
        complete += 1;
    }
    prop_assert!(complete <= total);
    Ok(complete)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn nothing_lost_every_command_has_its_answer(batches in batches()) {
        let (calls, total) = calls(&batches);
        let recorder = play(&calls, &[], 0, true);
        prop_assert_eq!(check(&recorder, total)?, total);
        prop_assert_eq!(recorder.seen.len(), total);
        prop_assert_eq!(recorder.unobserved, 0);
    }

    #[test]
    fn whatever_call_is_lost_no_answer_is_taken_for_another_s(
        batches in batches(),
        lost in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let (calls, total) = calls(&batches);
        let lost: Vec<usize> = lost.iter().map(|index| index.index(calls.len())).collect();
        check(&play(&calls, &lost, 0, true), total)?;
    }

    #[test]
    fn one_call_is_lost_and_every_exchange_is_reported_once(
        batches in batches(),
        lost in any::<prop::sample::Index>(),
    ) {
        let (calls, total) = calls(&batches);
        // The first command says what the connection speaks.
        prop_assume!(calls.len() > 1);
        let recorder = play(&calls, &[1 + lost.index(calls.len() - 1)], 0, true);
        prop_assert_eq!(recorder.seen.len() as u64 + recorder.unobserved, total as u64, "{:?}", lines(&recorder));
    }

    #[test]
    fn wherever_the_observation_begins_only_true_pairs_are_reported(
        batches in batches(),
        from in any::<prop::sample::Index>(),
        lost in prop::collection::vec(any::<prop::sample::Index>(), 0..2),
    ) {
        let (calls, total) = calls(&batches);
        let lost: Vec<usize> = lost.iter().map(|index| index.index(calls.len())).collect();
        check(&play(&calls, &lost, from.index(calls.len()), false), total)?;
    }

    #[test]
    fn with_its_ends_mistaken_for_each_other_a_conversation_gives_the_same_pairs_or_none(
        batches in batches(),
        from in any::<prop::sample::Index>(),
    ) {
        let (calls, total) = calls(&batches);
        let from = from.index(calls.len());
        let (given, swapped) = (play(&calls, &[], from, false), play_swapped(&calls, from));
        let pairs = check(&swapped, total)?;
        let known = check(&given, total)?;
        prop_assert!(pairs <= known);
        prop_assert!(known < 4 || pairs > 0, "none of {known}: {:?}", lines(&swapped));
    }

    #[test]
    fn an_observation_that_begins_at_any_byte_reports_only_true_pairs(
        batches in batches(),
        from in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut calls, total) = calls(&batches);
        let from = from.index(calls.len());
        let call = &mut calls[from];
        let cut = cut.index(call.bytes.len());
        let (before, after) = (call.bytes[..cut].to_owned(), call.bytes[cut..].to_owned());
        call.bytes = before;
        let rest = Call { bytes: after, pause: false, ..call.clone() };
        calls.insert(from + 1, rest);
        check(&play(&calls, &[], from + 1, false), total)?;
    }
}

#[test]
fn a_client_that_waits_is_paired_again_after_a_loss() {
    let batch =
        |pause| Batch { sizes: vec![0; 3], one_call_each: false, replies_one_call_each: false, pause };
    let plan: Vec<_> = (0..30).map(|index| batch(index == 12)).collect();
    let (calls, total) = calls(&plan);
    for lost in [8, 9] {
        let recorder = play(&calls, &[lost], 0, true);
        let complete = recorder.seen.iter().filter(|seen| seen.outcome == Outcome::Complete).count();
        assert!(complete >= total - 30, "{complete} of {total} with call {lost} lost");
    }
}

#[test]
fn a_part_that_was_not_copied_costs_the_commands_in_it_and_no_others() {
    let mut wire = Wire::new();
    let mut complete = 0;
    for round in 0..10 {
        let request: String = (0..100).map(|index| c(&format!("GET k{round}:{index}"))).collect();
        let (seen, hidden) = request.split_at(512);
        wire.request(seen).not_copied(Direction::ToServer, hidden.len() as u64);
        let reply: String = (0..100).map(|index| bulk(&"x".repeat(index))).collect();
        wire.response(&reply);
    }
    for seen in wire.close(CloseReason::Closed).seen {
        if seen.outcome == Outcome::Complete {
            let text = seen.attribute("db.query.text").unwrap_or_default();
            let index: usize =
                text.rsplit(':').next().and_then(|index| index.parse().ok()).expect("an index");
            assert_eq!(seen.response_bytes, bulk(&"x".repeat(index)).len() as u64, "{text}");
            complete += 1;
        }
    }
    assert!(complete >= 20, "{complete} of about 180 were paired");
}

#[test]
fn an_element_of_an_array_is_not_taken_for_an_answer_after_a_loss() {
    let mut wire = Wire::new();
    wire.request(&c("LRANGE l 0 -1")).response(&format!("*1000\r\n{}", bulk("element").repeat(10)));
    wire.lost(Direction::ToClient, 1300, 1);
    for _ in 0..5 {
        wire.response(&bulk("element").repeat(10));
    }
    wire.request(&c("PING")).response("+PONG\r\n");
    wire.request(&c("PING")).response("+PONG\r\n");
    let recorder = wire.close(CloseReason::Closed);
    assert!(
        recorder.seen.iter().all(|seen| seen.attribute("db.query.text").is_some()),
        "{:?}",
        lines(&recorder)
    );
    assert_eq!(recorder.seen[0].outcome, Outcome::Partial);
}
