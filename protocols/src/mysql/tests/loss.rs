//! Whatever is lost of a conversation, and wherever it is joined: no answer is taken for another's.

use proptest::prelude::*;

use super::*;

/// A command that names its number, and an answer that does.
fn turn(number: usize) -> (Vec<u8>, Vec<u8>) {
    let answer = match number % 4 {
        0 => failure(1, u16::try_from(2_000 + number).expect("tests are short"), "HY000"),
        1 => ok(1, u8::try_from(number + 1).expect("tests are short")),
        2 => result(number + 1, false),
        _ => {
            return (
                prepare(&format!("SELECT a FROM t{number}")),
                prepared(u32::try_from(number).unwrap_or(0), 2, 1, false),
            );
        }
    };
    (query(&format!("SELECT a FROM t{number}")), answer)
}

/// What the answer of a number tells, if it was seen.
fn answer_told(number: usize) -> String {
    match number % 4 {
        0 => format!("SELECT t{number} ERR {}", 2_000 + number),
        1 => format!("SELECT t{number} {} affected", number + 1),
        2 if number == 0 => format!("SELECT t{number} 1 row"),
        2 => format!("SELECT t{number} {} rows", number + 1),
        _ => format!("PREPARE SELECT t{number}"),
    }
}

/// Checks that a record holds nothing that was not so. Gives the number that it has.
fn check(seen: &Seen) -> Option<usize> {
    let summary = seen.attribute("db.query.summary")?;
    let number = summary.rsplit('t').next()?.parse().ok()?;
    let expected = answer_told(number);
    let complete = seen.outcome == Outcome::Complete;
    // An answer that was not seen whole says less, but nothing else.
    let bare = expected.split(" ERR").next().unwrap_or_default();
    let bare = if number % 4 == 3 {
        bare
    } else {
        &bare[..bare.find(&format!("t{number}")).unwrap_or(0) + format!("t{number}").len()]
    };
    assert!(
        seen.summary == expected
            || !complete && (seen.summary == bare || seen.summary == format!("{bare} ?")),
        "{seen:?} is not {expected}"
    );
    Some(number)
}

#[derive(Debug, Clone, Copy)]
struct Fate {
    request_lost: bool,
    answer_lost: bool,
    /// Where the answer is cut into two calls, the second of which alone may be lost.
    cut: Option<usize>,
    tail_lost: bool,
    pause: bool,
}

fn fates(loss: f64) -> impl Strategy<Value = Vec<Fate>> {
    let fate = (
        prop::bool::weighted(loss),
        prop::bool::weighted(loss),
        prop::option::of(1..200_usize),
        prop::bool::weighted(loss),
        prop::bool::weighted(0.1),
    );
    let fate = fate.prop_map(|(request_lost, answer_lost, cut, tail_lost, pause)| Fate {
        request_lost,
        answer_lost,
        cut,
        tail_lost,
        pause,
    });
    prop::collection::vec(fate, 1..24)
}

/// Sends or loses bytes, a call at a time; what was lost is known when the next of the same stream comes.
fn call(wire: &mut Wire, missing: &mut [(u64, u64); 2], direction: Direction, bytes: &[u8], lost: bool) {
    let own = usize::from(direction == Direction::ToClient);
    if lost {
        missing[own].0 += bytes.len() as u64;
        missing[own].1 += 1;
        // The stream has moved on, if unseen.
        wire.offsets[own] += bytes.len() as u64;
        return;
    }
    let (length, calls) = std::mem::take(&mut missing[own]);
    if calls > 0 {
        wire.offsets[own] -= length;
        wire.lost(direction, length, calls);
    }
    wire.bytes(direction, bytes);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_answer_is_taken_for_anothers_whatever_is_lost(fates in fates(0.2), keyed in any::<bool>()) {
        let mut wire = logged_in(0);
        wire.keyed = keyed;
        let mut missing = [(0, 0); 2];
        for (number, fate) in fates.iter().enumerate() {
            if fate.pause {
                wire.pass(20_000_000);
            }
            let (request, answer) = turn(number);
            call(&mut wire, &mut missing, Direction::ToServer, &request, fate.request_lost);
            let cut = fate.cut.filter(|&cut| cut < answer.len()).unwrap_or(answer.len());
            let (head, tail) = answer.split_at(cut);
            call(&mut wire, &mut missing, Direction::ToClient, head, fate.answer_lost);
            if !tail.is_empty() {
                call(&mut wire, &mut missing, Direction::ToClient, tail, fate.answer_lost || fate.tail_lost);
            }
        }
        for direction in [Direction::ToServer, Direction::ToClient] {
            let own = usize::from(direction == Direction::ToClient);
            let (length, calls) = missing[own];
            if calls > 0 {
                wire.offsets[own] -= length;
                wire.lost(direction, length, calls);
            }
        }
        let recorder = wire.close(CloseReason::Closed);
        let mut numbers: Vec<_> = recorder.seen.iter().filter_map(check).collect();
        numbers.sort_unstable();
        let named = numbers.len();
        numbers.dedup();
        prop_assert_eq!(named, numbers.len(), "reported twice");
        for (number, fate) in fates.iter().enumerate() {
            prop_assert_eq!(!fate.request_lost, numbers.contains(&number), "{} is missing", number);
        }
        let whole = fates.iter().all(|fate| !(fate.request_lost || fate.answer_lost || fate.tail_lost && fate.cut.is_some()));
        if whole {
            prop_assert!(recorder.seen.iter().all(|seen| seen.outcome == Outcome::Complete));
            prop_assert_eq!(recorder.unobserved, 0);
        }
        if keyed && fates.iter().all(|fate| fate.cut.is_none()) {
            let accounted = recorder.seen.len() as u64 + recorder.unobserved;
            let both = fates.iter().any(|fate| fate.request_lost) && fates.iter().any(|fate| fate.answer_lost);
            // An answer to a lost command can pass for the rest of a lost answer.
            prop_assert!(accounted == fates.len() as u64 || both && accounted < fates.len() as u64);
        }
    }

    #[test]
    fn a_connection_joined_anywhere_yields_only_true_records(
        turns in 2..16_usize,
        start in any::<prop::sample::Index>(),
        split in 1..300_usize,
        keyed in any::<bool>(),
    ) {
        let mut wire = Wire::joined();
        wire.keyed = keyed;
        let mut calls = Vec::new();
        let mut total = 0;
        for number in 0..turns {
            let (request, answer) = turn(number);
            for (direction, bytes) in [(Direction::ToServer, request), (Direction::ToClient, answer)] {
                for part in bytes.chunks(split) {
                    total += part.len();
                    calls.push((direction, part.to_vec()));
                }
            }
        }
        let mut skipped = start.index(total);
        for (direction, bytes) in calls {
            if skipped >= bytes.len() {
                skipped -= bytes.len();
                wire.offsets[usize::from(direction == Direction::ToClient)] += bytes.len() as u64;
                continue;
            }
            wire.offsets[usize::from(direction == Direction::ToClient)] += skipped as u64;
            wire.bytes(direction, &bytes[std::mem::take(&mut skipped)..]);
        }
        for seen in &wire.close(CloseReason::Evicted).seen {
            check(seen);
        }
    }

    #[test]
    fn commands_sent_without_waiting_are_never_paired_wrongly_after_a_loss(
        sizes in prop::collection::vec((1..4_usize, prop::collection::vec((any::<bool>(), 0..8_u8), 4)), 2..10),
        keyed in any::<bool>(),
    ) {
        let mut wire = logged_in(0);
        wire.keyed = keyed;
        // That the client does not wait is seen before anything is lost.
        wire.asks(&[query("SELECT a FROM t0"), query("SELECT a FROM t1")].concat()).answers(&turn(0).1).answers(&turn(1).1);
        let mut missing = [(0, 0); 2];
        let mut number = 2;
        for (size, fates) in &sizes {
            for (direction, own) in [(Direction::ToServer, 0), (Direction::ToClient, 1)] {
                for (part, fate) in fates.iter().enumerate().take(*size) {
                    let (request, answer) = turn(number + part);
                    let lost = fate.1 == 0 && fate.0 == (own == 0);
                    call(&mut wire, &mut missing, direction, if own == 0 { &request } else { &answer }, lost);
                }
            }
            number += size;
        }
        for seen in &wire.close(CloseReason::Evicted).seen {
            check(seen);
        }
    }
}

#[test]
fn lost_exchanges_are_counted_where_nothing_of_them_was_seen() {
    let mut wire = logged_in(0);
    wire.asks(&turn(1).0).answers(&turn(1).1);
    wire.lost(Direction::ToServer, 60, 3).lost(Direction::ToClient, 33, 3);
    wire.asks(&turn(2).0).answers(&turn(2).1);
    assert_eq!(told(&wire.recorder.seen), [answer_told(1), answer_told(2)]);
    assert_eq!(wire.recorder.unobserved, 3);
}

#[test]
fn an_answer_to_a_lost_command_is_reported_by_itself() {
    let mut wire = logged_in(0);
    wire.asks(&turn(1).0).answers(&turn(1).1);
    wire.lost(Direction::ToServer, 20, 1).answers(&failure(1, 1205, "HY000"));
    wire.asks(&turn(2).0).answers(&turn(2).1);
    assert_eq!(
        told(&wire.recorder.seen),
        [answer_told(1), "? ERR 1205 (partial)".to_owned(), answer_told(2)]
    );
    assert_eq!(wire.recorder.unobserved, 0);
}

#[test]
fn a_lost_answer_leaves_its_command_and_the_next_pair_is_whole() {
    for keyed in [true, false] {
        let mut wire = logged_in(0);
        wire.keyed = keyed;
        wire.asks(&turn(1).0).lost(Direction::ToClient, 11, 1);
        wire.asks(&turn(2).0).answers(&turn(2).1);
        assert_eq!(told(&wire.recorder.seen), ["SELECT t1 (partial)".to_owned(), answer_told(2)]);
        assert_eq!(wire.recorder.seen[0].ended, None);
        assert_eq!(wire.recorder.unobserved, 0);
    }
}
