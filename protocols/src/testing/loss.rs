//! Conversations of which calls are lost: how they are told to a [`Conversation`].

use proptest::prelude::*;

use super::{MILLISECOND, Recorder, Wire};
use crate::{CloseReason, Conversation, Direction, Gap, GapCause, Segment, Settings, Timestamp};

/// A call by which one end moved bytes, in the order in which it is reported.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) direction: Direction,
    pub(crate) at: u64,
    pub(crate) offset: u64,
    pub(crate) opposite: u64,
    pub(crate) bytes: Vec<u8>,
    pub(crate) lost: bool,
}

/// Feeds the events as the flow does: what was lost is known when the next of the same stream comes, or at the end.
pub(crate) fn observe<'e>(
    events: impl IntoIterator<Item = &'e Event>,
    keyed: bool,
    settings: &Settings,
) -> Recorder {
    let mut conversation = Conversation::new(true);
    let mut recorder = Recorder::default();
    let mut missing: [Option<Gap>; 2] = [None, None];
    let mut now = 0;
    for event in events {
        let missing = &mut missing[usize::from(event.direction == Direction::ToClient)];
        if event.lost {
            let gap = missing.get_or_insert(Gap {
                direction: event.direction,
                at: Timestamp::from_nanos(event.at),
                offset: event.offset,
                bytes: 0,
                cause: GapCause::Lost { calls: 0 },
            });
            gap.bytes += event.bytes.len() as u64;
            if let GapCause::Lost { calls } = &mut gap.cause {
                *calls += 1;
            }
            continue;
        }
        if let Some(gap) = missing.take() {
            conversation.gap(&gap, &mut recorder);
        }
        now = now.max(event.at);
        conversation.tick(Timestamp::from_nanos(now), &mut recorder);
        let segment = Segment {
            direction: event.direction,
            at: Timestamp::from_nanos(event.at),
            offset: event.offset,
            opposite_offset: keyed.then_some(event.opposite),
            bytes: &event.bytes,
        };
        conversation.segment(&segment, settings, &mut recorder);
    }
    for gap in missing.iter().flatten() {
        conversation.gap(gap, &mut recorder);
    }
    conversation.close(CloseReason::Closed, Timestamp::from_nanos(now), &mut recorder);
    recorder
}

/// A call by which one end of a pipelined conversation moved bytes.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) direction: Direction,
    pub(crate) bytes: String,
    pub(crate) opposite: u64,
    pub(crate) pause: bool,
}

/// How a client sends the commands of one batch.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) sizes: Vec<usize>,
    pub(crate) one_call_each: bool,
    pub(crate) replies_one_call_each: bool,
    pub(crate) pause: bool,
}

pub(crate) fn batches() -> impl Strategy<Value = Vec<Batch>> {
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

/// The calls of a client that waits for the answers of a batch before it sends the next, after a `first` exchange, and
/// how many commands they carry. A command and its reply are written from its serial number.
pub(crate) fn calls(
    first: Option<[&str; 2]>,
    batches: &[Batch],
    command: impl Fn(usize) -> String,
    reply: impl Fn(usize) -> String,
) -> (Vec<Call>, usize) {
    let (mut calls, mut serial, mut asked, mut answered) = (Vec::new(), 0, 0_u64, 0_u64);
    let mut ask = |direction, bytes: String, pause| {
        let (own, opposite) = match direction {
            Direction::ToServer => (&mut asked, answered),
            Direction::ToClient => (&mut answered, asked),
        };
        *own += bytes.len() as u64;
        calls.push(Call { direction, bytes, opposite, pause });
    };
    if let Some([command, reply]) = first {
        ask(Direction::ToServer, command.to_owned(), false);
        ask(Direction::ToClient, reply.to_owned(), false);
    }
    for batch in batches {
        let serials = serial..serial + batch.sizes.len();
        serial = serials.end;
        let group = |parts: Vec<String>, each: bool| if each { parts } else { vec![parts.concat()] };
        let commands = group(serials.clone().map(&command).collect(), batch.one_call_each);
        for (index, bytes) in commands.into_iter().enumerate() {
            ask(Direction::ToServer, bytes, batch.pause && index == 0);
        }
        for bytes in group(serials.map(&reply).collect(), batch.replies_one_call_each) {
            ask(Direction::ToClient, bytes, false);
        }
    }
    (calls, serial)
}

/// Plays the calls, those at `lost` not seen, beginning with the call `from`.
pub(crate) fn play(calls: &[Call], lost: &[usize], from: usize, start: bool) -> Recorder {
    play_on(if start { Wire::new() } else { Wire::joined() }, calls, lost, from)
}

/// Plays the calls from `from` on to a conversation that was joined there, with the directions swapped. What is reported
/// must be so of the right end.
pub(crate) fn play_swapped(calls: &[Call], from: usize) -> Recorder {
    let mut wire = Wire::joined();
    wire.swapped = true;
    let recorder = play_on(wire, calls, &[], from);
    assert_eq!(recorder.unturned, 0, "reported of the wrong end: {:?}", recorder.seen);
    recorder
}

fn play_on(mut wire: Wire, calls: &[Call], lost: &[usize], from: usize) -> Recorder {
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

/// Two halves of the call `from`, cut at a place within it.
pub(crate) fn cut(calls: &mut Vec<Call>, from: usize, place: prop::sample::Index) {
    let call = &mut calls[from];
    let after = call.bytes.split_off(place.index(call.bytes.len()));
    let rest = Call { bytes: after, pause: false, ..call.clone() };
    calls.insert(from + 1, rest);
}

/// The properties of a protocol whose clients pipeline: whatever is lost, wherever the observation begins, and whichever
/// end is believed to ask, no answer is taken for another's.
///
/// `calls` makes the calls of batches and says how many exchanges they carry, beside `first` that only say what is
/// spoken; `check` says that every pair is a true one, and how many there are.
macro_rules! pipelining_properties {
    ($calls:path, $check:path, $first:expr) => {
        proptest! {
            #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

            #[test]
            fn nothing_lost_every_command_has_its_answer(batches in loss::batches()) {
                let (calls, total) = $calls(&batches);
                let recorder = loss::play(&calls, &[], 0, true);
                prop_assert_eq!($check(&recorder, total)?, total);
                prop_assert_eq!(recorder.seen.len(), total + $first);
                prop_assert_eq!(recorder.unobserved, 0);
            }

            #[test]
            fn whatever_call_is_lost_no_answer_is_taken_for_another_s(
                batches in loss::batches(),
                lost in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
            ) {
                let (calls, total) = $calls(&batches);
                let lost: Vec<usize> = lost.iter().map(|index| index.index(calls.len())).collect();
                $check(&loss::play(&calls, &lost, 0, true), total)?;
            }

            #[test]
            fn one_call_is_lost_and_every_exchange_is_reported_once(
                batches in loss::batches(),
                lost in any::<prop::sample::Index>(),
            ) {
                let (calls, total) = $calls(&batches);
                // What says first what the connection speaks is not lost: a command, or an exchange.
                let kept = if $first > 0 { 2 * $first } else { 1 };
                prop_assume!(calls.len() > kept);
                let recorder = loss::play(&calls, &[kept + lost.index(calls.len() - kept)], 0, true);
                let reported = recorder.seen.len() as u64 + recorder.unobserved;
                prop_assert_eq!(reported, (total + $first) as u64, "{:?}", lines(&recorder));
            }

            #[test]
            fn wherever_the_observation_begins_only_true_pairs_are_reported(
                batches in loss::batches(),
                from in any::<prop::sample::Index>(),
                lost in prop::collection::vec(any::<prop::sample::Index>(), 0..2),
            ) {
                let (calls, total) = $calls(&batches);
                let lost: Vec<usize> = lost.iter().map(|index| index.index(calls.len())).collect();
                $check(&loss::play(&calls, &lost, from.index(calls.len()), false), total)?;
            }

            #[test]
            fn an_observation_that_begins_at_any_byte_reports_only_true_pairs(
                batches in loss::batches(),
                from in any::<prop::sample::Index>(),
                place in any::<prop::sample::Index>(),
            ) {
                let (mut calls, total) = $calls(&batches);
                let from = from.index(calls.len());
                loss::cut(&mut calls, from, place);
                $check(&loss::play(&calls, &[], from + 1, false), total)?;
            }

            #[test]
            fn with_its_ends_mistaken_for_each_other_a_conversation_gives_the_same_pairs_or_none(
                batches in loss::batches(),
                from in any::<prop::sample::Index>(),
            ) {
                let (calls, total) = $calls(&batches);
                let from = from.index(calls.len());
                let known = $check(&loss::play(&calls, &[], from, false), total)?;
                let swapped = loss::play_swapped(&calls, from);
                let pairs = $check(&swapped, total)?;
                prop_assert!(pairs <= known);
                prop_assert!(known < 4 || pairs > 0, "none of {known}: {:?}", lines(&swapped));
            }
        }
    };
}

pub(crate) use pipelining_properties;
