//! What holds for any stream, however it arrives.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const LENGTH: usize = 6000;

/// Borders that cut a stream into chunks of 1 to a few hundred bytes: pairs of start and end.
fn cuts() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::btree_set(1..LENGTH, 0..60).prop_map(|borders: BTreeSet<usize>| {
        let borders: Vec<_> = std::iter::once(0).chain(borders).chain([LENGTH]).collect();
        borders.windows(2).map(|pair| (pair[0], pair[1])).collect()
    })
}

/// Any stretches of the stream, overlapping as they like.
fn stretches() -> impl Strategy<Value = Vec<(usize, usize)>> {
    prop::collection::vec((0..LENGTH - 1, 1..800usize), 0..60).prop_map(|stretches| {
        stretches.into_iter().map(|(start, length)| (start, (start + length).min(LENGTH))).collect()
    })
}

/// The cuts, in order, with those that are lost marked.
fn cuts_with_losses() -> impl Strategy<Value = Vec<((usize, usize), bool)>> {
    cuts().prop_flat_map(|cuts| {
        let count = cuts.len();
        (Just(cuts), prop::collection::vec(any::<bool>(), count))
            .prop_map(|(cuts, losses)| cuts.into_iter().zip(losses).collect())
    })
}

/// What must come out if exactly the marked cuts are lost. `count_calls` if their number is known.
fn expected(bench: &Bench, cuts: &[((usize, usize), bool)], count_calls: bool) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for &((start, end), is_lost) in cuts {
        match (items.last_mut(), is_lost) {
            (Some(Item::Bytes(_, bytes)), false) => bytes.extend(&bench.content[start..end]),
            (Some(Item::Gap(_, bytes, GapCause::Lost { calls })), true) => {
                *bytes += (end - start) as u64;
                *calls += u64::from(count_calls);
            }
            (_, false) => items.push(bench.bytes(start, end)),
            (_, true) => items.push(lost(start as u64, (end - start) as u64, u64::from(count_calls))),
        }
    }
    items
}

proptest! {
    #[test]
    fn any_order_any_repetition_and_any_overlap_of_packets_give_the_stream(
        first in any::<u32>(),
        (chunks, known_start, from_start) in (cuts(), stretches()).prop_flat_map(|(cuts, stretches)| {
            let all = [cuts, stretches].concat();
            (Just(all).prop_shuffle(), any::<bool>(), any::<bool>())
        }),
    ) {
        let mut bench = Bench::new(Source::Packets, from_start, first, LENGTH);
        if known_start {
            bench.begin();
        }
        for (start, end) in chunks {
            bench.chunk(start, end);
        }
        bench.end(LENGTH);
        bench.finish();
        prop_assert_eq!(bench.ranges(), [bench.bytes(0, LENGTH), Item::End]);
        prop_assert_eq!(bench.shared.counters.lost_bytes, 0);
    }

    #[test]
    fn calls_reported_in_any_order_within_the_wait_give_the_stream(
        first in any::<u32>(),
        chunks in cuts().prop_flat_map(|cuts| Just(cuts).prop_shuffle()),
    ) {
        let mut bench = Bench::new(Source::Calls, true, first, LENGTH);
        bench.begin();
        for (start, end) in chunks {
            bench.chunk(start, end);
        }
        prop_assert!(!bench.stream.is_holding());
        prop_assert_eq!(bench.ranges(), [bench.bytes(0, LENGTH)]);
    }

    #[test]
    fn any_lost_packets_leave_gaps_of_exactly_their_place_and_length(
        first in any::<u32>(),
        (cuts, order) in cuts_with_losses().prop_flat_map(|cuts| (Just(cuts.clone()), Just(cuts).prop_shuffle())),
    ) {
        let mut bench = Bench::new(Source::Packets, true, first, LENGTH);
        bench.begin();
        for ((start, end), is_lost) in order {
            if !is_lost {
                bench.chunk(start, end);
            }
        }
        bench.end(LENGTH);
        bench.finish();
        let mut items = expected(&bench, &cuts, false);
        items.push(Item::End);
        prop_assert_eq!(bench.ranges(), items);
    }

    #[test]
    fn any_lost_calls_are_declared_at_once_with_place_length_and_number(
        first in any::<u32>(),
        cuts in cuts_with_losses(),
    ) {
        let mut bench = Bench::new(Source::Calls, true, first, LENGTH);
        bench.begin();
        let mut lost_calls = 0;
        for &((start, end), is_lost) in &cuts {
            if is_lost {
                lost_calls += 1;
            } else {
                bench.chunk_after_loss(start, end, std::mem::take(&mut lost_calls));
                prop_assert!(!bench.stream.is_holding());
            }
        }
        let seen = cuts.iter().rposition(|(_, is_lost)| !is_lost).map_or(0, |last| last + 1);
        prop_assert_eq!(bench.ranges(), expected(&bench, &cuts[..seen], true));
    }

    #[test]
    fn a_limit_on_copied_bytes_leaves_gaps_of_exactly_the_rest(
        first in any::<u32>(),
        limit in 0..200usize,
        cuts in cuts(),
    ) {
        let mut bench = Bench::new(Source::Calls, true, first, LENGTH);
        bench.begin();
        for &(start, end) in &cuts {
            bench.arrive(start, end - start, limit.min(end - start), 0);
        }
        let not_copied: usize = cuts.iter().map(|(start, end)| (end - start).saturating_sub(limit)).sum();
        prop_assert_eq!(bench.shared.counters.not_copied_bytes, not_copied as u64);
        let seen: usize = bench.ranges().iter().map(|item| match item {
            Item::Bytes(_, bytes) => bytes.len(),
            Item::Gap(_, bytes, cause) => {
                assert_eq!(*cause, GapCause::NotCopied);
                *bytes as usize
            }
            Item::End => 0,
        }).sum();
        prop_assert_eq!(seen, LENGTH);
    }

    #[test]
    fn writers_that_report_a_later_place_than_theirs_never_put_wrong_bytes_into_the_stream(
        first in any::<u32>(),
        cuts in cuts(),
        races in prop::collection::vec((1..4usize, any::<bool>()), 60),
    ) {
        let mut bench = Bench::new(Source::Calls, true, first, LENGTH);
        bench.begin();
        let mut cuts = &cuts[..];
        let mut races = races.into_iter().cycle();
        while let (false, Some((together, turned))) = (cuts.is_empty(), races.next()) {
            let (group, rest) = cuts.split_at(together.min(cuts.len()));
            cuts = rest;
            let end = group.last().map_or(0, |&(_, end)| end);
            let mut claims: Vec<_> = group.iter().map(|&(from, to)| (end - (to - from), from, to - from)).collect();
            if turned {
                claims.reverse();
            }
            for (claimed, start, length) in claims {
                bench.arrive_as(claimed, start, length, length, 0);
            }
            bench.wait();
        }
        // `ranges` compares every byte with the one that belongs there.
        let items = bench.ranges();
        let covered: u64 = items.iter().map(|item| match item {
            Item::Bytes(_, bytes) => bytes.len() as u64,
            Item::Gap(_, bytes, _) => *bytes,
            Item::End => 0,
        }).sum();
        prop_assert_eq!(covered, LENGTH as u64);
    }
}
