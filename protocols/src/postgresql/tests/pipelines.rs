//! Clients that send requests before the ones ahead are answered, and what a loss does to them.

use proptest::prelude::*;

use super::{
    loss::{Style, assert_true, conversation, styles},
    *,
};
use crate::{GapCause, Outcome};

const ASK: Direction = Direction::ToServer;
const ANSWER: Direction = Direction::ToClient;

/// The same conversation with so many requests sent at a time, in one call or one call each.
fn pipelined(styles: &[Style], at_once: usize, one_call: bool) -> Vec<(Direction, Vec<u8>)> {
    let (talk, _) = conversation(styles);
    let (opening, talk) = talk.split_at(2);
    let mut calls = opening.to_vec();
    for batch in talk.chunks(2 * at_once) {
        for side in [ASK, ANSWER] {
            let all = batch.iter().filter(|(direction, _)| *direction == side).cloned();
            if one_call {
                calls.push((side, all.flat_map(|(_, bytes)| bytes).collect()));
            } else {
                calls.extend(all);
            }
        }
    }
    calls
}

/// Of the calls that are dropped, some bytes are copied if the rest is not missing but only was not copied.
fn told(calls: &[(Direction, Vec<u8>)], drops: &[(usize, GapCause)], pause: u64) -> Recorder {
    let mut wire = Wire::new();
    let mut last = ANSWER;
    for (number, (direction, bytes)) in calls.iter().enumerate() {
        if (last, *direction) == (ANSWER, ASK) {
            wire.pass(pause);
        }
        last = *direction;
        match drops.iter().find(|(dropped, _)| *dropped == number) {
            Some((_, GapCause::NotCopied)) => {
                let copied = bytes.len() / 2;
                wire.bytes(*direction, &bytes[..copied]).not_copied(*direction, (bytes.len() - copied) as u64)
            }
            Some((_, cause)) => wire.gap(*direction, bytes.len() as u64, *cause),
            None => wire.bytes(*direction, bytes),
        };
    }
    wire.closed()
}

#[test]
fn after_a_gap_whole_runs_of_requests_that_were_answered_in_whole_are_pairs_again() {
    let styles = [Style::Simple, Style::Extended, Style::Failing].repeat(8);
    for (one_call, cause) in
        [(true, GapCause::NotCopied), (false, GapCause::NotCopied), (false, GapCause::Lost { calls: 1 })]
    {
        let calls = pipelined(&styles, 3, one_call);
        for dropped in 2..calls.len() - if one_call { 4 } else { 12 } {
            let recorder = told(&calls, &[(dropped, cause)], 0);
            assert_true(&recorder);
            let complete = recorder.seen.iter().filter(|seen| seen.outcome == Outcome::Complete).count();
            // The run itself, and the next if it is not known whether the run had more.
            assert!(
                complete + 2 * 3 >= styles.len(),
                "{dropped} {one_call} {cause:?}: {complete} {:#?}",
                lines(&recorder)
            );
        }
    }
}

#[test]
fn a_client_that_never_waits_is_paired_again_once_it_has_rested() {
    let mut wire = session();
    let (ask, reply) = (|number: usize| query(&format!("SELECT a FROM t{number}")), rows);
    wire.ask(&[ask(1)]);
    for number in 1..10 {
        wire.ask(&[ask(number + 1)]).answer(&[reply(number)]);
    }
    wire.lost(ASK, ask(11).len() as u64, 1).answer(&[reply(10)]).answer(&[reply(11)]);
    for number in 12..15 {
        wire.ask(&[ask(number)]).answer(&[reply(number)]);
    }
    wire.pass(2_000_000_000);
    for number in 15..20 {
        wire.ask(&[ask(number), ask(number + 100)]).answer(&[reply(number), reply(number + 100)]);
    }
    let recorder = wire.closed();
    assert_true(&recorder);
    let rested = recorder.seen.iter().filter(|seen| {
        let table = seen.attribute("db.query.text").and_then(|text| text.split_once(" FROM t"));
        let number = table.and_then(|(_, number)| number.parse::<usize>().ok());
        number.is_some_and(|number| number >= 15) && seen.outcome == Outcome::Complete
    });
    assert_eq!(rested.count(), 10, "{:?}", lines(&recorder));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_of_a_pipeline_is_dropped_no_pair_is_wrong(
        styles in styles(),
        at_once in 1usize..4,
        one_call in any::<bool>(),
        drops in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..4),
        pause in prop_oneof![Just(0), Just(200_000_000_u64), Just(2_000_000_000)],
    ) {
        let calls = pipelined(&styles, at_once, one_call);
        let cause = |lost| if lost { GapCause::Lost { calls: 1 } } else { GapCause::NotCopied };
        let drops: Vec<_> = drops.iter().map(|(drop, lost)| (drop.index(calls.len()), cause(*lost))).collect();
        let recorder = told(&calls, &drops, pause);
        assert_true(&recorder);
        if drops.is_empty() {
            prop_assert!(recorder.seen.iter().all(|seen| seen.outcome == Outcome::Complete));
        }
    }
}
