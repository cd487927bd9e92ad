//! Whatever is lost of a conversation, and wherever its observation begins: no answer is taken for another's.

use proptest::prelude::*;

use super::*;

/// A call by which one end moved bytes.
#[derive(Debug, Clone)]
struct Call {
    direction: Direction,
    bytes: String,
    opposite: u64,
    pause: bool,
}

/// How a client sends the commands of one batch.
#[derive(Debug, Clone)]
struct Batch {
    sizes: Vec<usize>,
    one_call_each: bool,
    replies_one_call_each: bool,
    pause: bool,
}

fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let batch = (
        prop::collection::vec(0..9_usize, 1..6),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.2),
    );
    let batch = batch.prop_map(|(sizes, one_call_each, replies_one_call_each, pause)| Batch {
        sizes,
        one_call_each,
        replies_one_call_each,
        pause,
    });
    prop::collection::vec(batch, 1..14)
}

/// The calls of a client that waits for the answers of a batch before it sends the next. The serial number of a command
/// is in its key, and in the length of its answer.
fn calls(batches: &[Batch]) -> (Vec<Call>, usize) {
    // The first exchange says what the connection speaks.
    let first = ["set first 0 0 1\r\nx\r\n", "STORED\r\n"];
    let (mut asked, mut answered) = (first[0].len() as u64, first[1].len() as u64);
    let mut calls = vec![
        Call { direction: Direction::ToServer, bytes: first[0].to_owned(), opposite: 0, pause: false },
        Call { direction: Direction::ToClient, bytes: first[1].to_owned(), opposite: asked, pause: false },
    ];
    let mut serial = 0;
    for batch in batches {
        let commands: Vec<String> =
            batch.sizes.iter().enumerate().map(|(index, _)| format!("get k{}\r\n", serial + index)).collect();
        let replies: Vec<String> = batch
            .sizes
            .iter()
            .enumerate()
            .map(|(index, _)| value("k", &"x".repeat(serial + index)) + "END\r\n")
            .collect();
        serial += batch.sizes.len();
        let group = |parts: Vec<String>, each: bool| if each { parts } else { vec![parts.concat()] };
        for (index, bytes) in group(commands, batch.one_call_each).into_iter().enumerate() {
            let pause = batch.pause && index == 0;
            asked += bytes.len() as u64;
            calls.push(Call { direction: Direction::ToServer, bytes, opposite: answered, pause });
        }
        for bytes in group(replies, batch.replies_one_call_each) {
            answered += bytes.len() as u64;
            calls.push(Call { direction: Direction::ToClient, bytes, opposite: asked, pause: false });
        }
    }
    (calls, serial)
}

/// Plays the calls, those at `lost` not seen, beginning with the call `from`.
fn play(calls: &[Call], lost: &[usize], from: usize, start: bool) -> Recorder {
    let mut wire = if start { Wire::new() } else { Wire::joined() };
    let base = wire.offsets;
    let mut offsets = [0_u64; 2];
    for (index, call) in calls.iter().enumerate() {
        let own = usize::from(call.direction == Direction::ToClient);
        let length = call.bytes.len() as u64;
        if call.pause {
            wire.now += 150 * MILLISECOND;
        }
        wire.offsets[own] = base[own] + offsets[own];
        wire.offsets[1 - own] = base[1 - own] + call.opposite;
        if index < from {
        } else if lost.contains(&index) {
            wire.lost(call.direction, length, 1);
        } else {
            wire.bytes(call.direction, call.bytes.as_bytes());
        }
        offsets[own] += length;
    }
    wire.close(CloseReason::Closed)
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
