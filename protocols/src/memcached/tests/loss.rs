//! Whatever is lost of a conversation, and wherever its observation begins: no answer is taken for another's.

use proptest::prelude::*;

use super::*;
use crate::testing::loss::{self, Batch, Call, batches, play, play_swapped};

/// The serial number of a command is in its key, and in the length of its answer.
fn calls(batches: &[Batch]) -> (Vec<Call>, usize) {
    // The first exchange says what the connection speaks.
    let first = Some(["set first 0 0 1\r\nx\r\n", "STORED\r\n"]);
    loss::calls(
        first,
        batches,
        |serial| format!("get k{serial}\r\n"),
        |serial| value("k", &"x".repeat(serial)) + "END\r\n",
    )
}

/// Every pair is a true one. Gives how many there are.
fn check(recorder: &Recorder, total: usize) -> Result<usize, TestCaseError> {
    let mut complete = 0;
    for seen in &recorder.seen {
        if seen.name == "set" {
            continue;
        }
        if seen.outcome != Outcome::Complete {
            prop_assert!(seen.ended.is_none() || seen.attribute("db.query.text").is_none(), "{seen:?}");
            continue;
        }
        let text = seen.attribute("db.query.text").unwrap_or_default();
        let serial: usize = text.trim_start_matches("get k").parse().expect("a serial number");
        let expected = (value("k", &"x".repeat(serial)).len() + 5) as u64;
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
        prop_assert_eq!(recorder.seen.len(), total + 1);
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
        let recorder = play(&calls, &[2 + lost.index(calls.len() - 2)], 0, true);
        prop_assert_eq!(recorder.seen.len() as u64 + recorder.unobserved, total as u64 + 1, "{:?}", lines(&recorder));
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
