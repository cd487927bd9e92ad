//! However the bytes are cut, and wherever the observation begins: the same, and nothing but the truth.

use proptest::prelude::*;

use super::{
    recorded::{Connection, RECORDED},
    *,
};

/// Replays a recording from a segment on, without so many of that one's first bytes, each segment at a time of its own.
fn replay(connection: &Connection, from: usize, trim: usize) -> Recorder {
    let mut wire = if from == 0 && trim == 0 { Wire::new() } else { Wire::joined() };
    wire.offsets = [0, 0];
    for (index, (direction, bytes)) in connection.segments.iter().enumerate() {
        wire.now = (1 + index as u64) * MILLISECOND;
        let skip = if index < from {
            bytes.len()
        } else if index == from {
            trim
        } else {
            0
        };
        wire.offsets[usize::from(*direction == ANSWER)] += skip as u64;
        if skip < bytes.len() {
            wire.bytes(*direction, &bytes[skip..]);
        }
    }
    wire.close(CloseReason::Closed)
}

/// Every record with both sides is one of `truth`, and says nothing that that one does not.
pub(super) fn assert_true(seen: &[Seen], truth: &[Seen], what: &str) {
    for seen in seen.iter().filter(|seen| seen.request_bytes > 0) {
        let same = truth
            .iter()
            .find(|truth| truth.started == seen.started && truth.request_bytes == seen.request_bytes);
        let same = same.unwrap_or_else(|| panic!("{what}: {seen:#?} was never asked"));
        if seen.response_bytes > 0 {
            assert_eq!((seen.ended, seen.response_bytes), (same.ended, same.response_bytes), "{what}");
            if seen.outcome == Outcome::Complete {
                assert_eq!(seen.error(), same.error(), "{what}");
            }
        }
        for (name, value) in &seen.server {
            assert_eq!(same.attribute(name), Some(value.as_str()), "{what}: {name}");
        }
    }
}

#[test]
fn joined_at_any_byte_of_any_segment_only_true_records_are_made() {
    for connection in RECORDED.iter() {
        let truth = replay(connection, 0, 0).seen;
        for (from, (_, bytes)) in connection.segments.iter().enumerate() {
            let step = (bytes.len() / 12).max(1);
            for trim in (0..bytes.len()).step_by(step).chain([1, 4, 8]).filter(|&trim| trim < bytes.len()) {
                let seen = replay(connection, from, trim).seen;
                assert_true(&seen, &truth, &format!("{} from {from} without {trim}", connection.name));
            }
        }
    }
}

#[test]
fn joined_at_a_request_everything_from_there_on_is_seen() {
    for connection in RECORDED.iter() {
        let truth = replay(connection, 0, 0).seen;
        for from in (0..connection.segments.len()).step_by(2) {
            if connection.segments[from].0 == ANSWER || connection.name.contains("without") {
                continue;
            }
            let expected =
                truth.iter().filter(|truth| truth.started >= (1 + from as u64) * MILLISECOND).count();
            let seen = replay(connection, from, 0).seen;
            let whole = seen.iter().filter(|seen| seen.request_bytes > 0).count();
            assert_eq!(whole, expected, "{} from {from}: {seen:#?}", connection.name);
        }
    }
}

#[test]
fn a_length_written_alone_hides_nothing_whenever_the_observation_begins() {
    let mut wire = Wire::joined();
    for id in 1..4 {
        for (direction, bytes) in [(ASK, heartbeat(id, "billing")), (ANSWER, beat(id, 0))] {
            wire.bytes(direction, &bytes[..4]).bytes(direction, &bytes[4..]);
        }
    }
    assert_eq!(wire.summaries(), ["Heartbeat group billing"; 3]);
    assert!(wire.recorder.seen.iter().all(|seen| seen.outcome == Outcome::Complete));

    // After a loss the start of a message is found again.
    wire.lost(ASK, 100, 2).lost(ANSWER, 30, 2);
    for (direction, bytes) in [(ASK, heartbeat(6, "billing")), (ANSWER, beat(6, 0))] {
        wire.bytes(direction, &bytes[..4]).bytes(direction, &bytes[4..]);
    }
    assert_eq!(wire.recorder.seen.len(), 4, "{:#?}", wire.recorder);
    assert_eq!((wire.recorder.seen[3].outcome, wire.recorder.unobserved), (Outcome::Complete, 2));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn any_split_gives_the_same_exchanges(
        which in any::<prop::sample::Index>(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..30),
    ) {
        let connection = which.get(&RECORDED);
        let outline = |recorder: Recorder| -> Vec<_> {
            let seen = recorder.seen.into_iter();
            seen.map(|seen| (seen.summary, seen.outcome, seen.request_bytes, seen.response_bytes, seen.server)).collect()
        };
        let mut places = vec![Vec::new(); connection.segments.len()];
        for (segment, place) in cuts {
            let segment = segment.index(connection.segments.len());
            places[segment].push(place.index(connection.segments[segment].1.len()));
        }
        let mut wire = Wire::new();
        for ((direction, bytes), mut places) in connection.segments.iter().zip(places) {
            places.extend([0, bytes.len()]);
            places.sort_unstable();
            for pair in places.windows(2).filter(|pair| pair[0] < pair[1]) {
                wire.bytes(*direction, &bytes[pair[0]..pair[1]]);
            }
        }
        prop_assert_eq!(outline(wire.close(CloseReason::Closed)), outline(replay(connection, 0, 0)));
    }
}

#[test]
fn one_byte_at_a_time_is_enough() {
    for connection in RECORDED.iter() {
        let mut wire = Wire::new();
        for (direction, bytes) in &connection.segments {
            for byte in bytes {
                wire.bytes(*direction, &[*byte]);
            }
        }
        let (seen, truth) = (wire.close(CloseReason::Closed).seen, replay(connection, 0, 0).seen);
        let summaries = |seen: Vec<Seen>| seen.into_iter().map(|seen| seen.summary).collect::<Vec<_>>();
        assert_eq!(summaries(seen), summaries(truth), "{}", connection.name);
    }
}
