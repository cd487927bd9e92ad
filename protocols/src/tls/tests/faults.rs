//! Loss, splits, and hostile bytes.

use proptest::prelude::*;

use super::*;

#[test]
fn a_request_that_was_lost_leaves_half_an_exchange() {
    let mut wire = Wire::new();
    wire.lost(Direction::ToServer, 517, 1).bytes(Direction::ToClient, &answered()).pass(50 * MILLISECOND);
    assert_eq!(wire.summaries(), ["TLS ? TLSv1.3"]);
    assert_eq!(wire.recorder.seen[0].outcome, Outcome::Partial);
}

#[test]
fn an_answer_that_was_lost_leaves_the_other_half() {
    let mut wire = Wire::new();
    wire.bytes(Direction::ToServer, &asked()).lost(Direction::ToClient, 127, 1);
    wire.bytes(Direction::ToClient, b"\x17\x03\x03\x00\x20????");
    assert_eq!(wire.summaries(), ["TLS shop.example h2 ?"]);
    assert_eq!(
        (wire.recorder.seen[0].outcome, wire.conversation.state()),
        (Outcome::Partial, State::Ignored)
    );
}

#[test]
fn bytes_missing_within_a_hello_leave_what_stood_before() {
    let request = asked();
    let cut = request.len() - 8;
    for (lost, outcome) in [(true, Outcome::Partial), (false, Outcome::Complete)] {
        let mut wire = Wire::new();
        wire.bytes(Direction::ToServer, &request[..cut]);
        let cause = if lost { GapCause::Lost { calls: 1 } } else { GapCause::NotCopied };
        wire.gap(Direction::ToServer, 8, cause).bytes(Direction::ToClient, &answered());
        assert_eq!(wire.summaries(), ["TLS shop.example TLSv1.3"]);
        let seen = &wire.recorder.seen[0];
        assert_eq!((seen.outcome, seen.missing_bytes), (outcome, if lost { 8 } else { 0 }));
        assert_eq!(seen.request_bytes, request.len() as u64);
    }
}

#[test]
fn certificates_that_were_not_copied_take_nothing_from_the_hello() {
    let answer = record(22, &[server_hello(0xc02f, &[]), message(11, &[0; 6000])].concat());
    let mut wire = Wire::new();
    wire.bytes(Direction::ToServer, &asked()).bytes(Direction::ToClient, &answer[..4096]);
    wire.not_copied(Direction::ToClient, (answer.len() - 4096 + 500) as u64);
    assert_eq!(wire.summaries(), ["TLS shop.example h2 TLSv1.2"]);
    assert_eq!(wire.recorder.seen[0].outcome, Outcome::Complete);
}

#[test]
fn no_more_of_a_hello_is_held_than_the_bound() {
    let mut body = vec![3, 3];
    body.extend([7; 90_000]);
    let hello = message(1, &body);
    let mut wire = Wire::new();
    let mut most = 0;
    for part in hello.chunks(16_000) {
        for bytes in record(22, part).chunks(1000) {
            wire.bytes(Direction::ToServer, bytes);
            most = most.max(wire.conversation.held_bytes());
            assert!(most <= crate::tls::HELD_BYTES_LIMIT);
        }
    }
    assert!(most > 20_000, "{most}");
    assert_eq!(wire.recorder.limits, [Limit::HeadBytes]);
    wire.bytes(Direction::ToClient, &answered());
    assert_eq!(wire.recorder.seen.len(), 1);
}

fn feed(wire: &mut Wire, writes: &[(Direction, Vec<u8>)]) -> Recorder {
    for (direction, bytes) in writes {
        wire.bytes(*direction, bytes);
    }
    wire.close(CloseReason::Closed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_split_gives_the_same_exchange(
        capture in prop::sample::select(vec![TLS_1_2, TLS_1_3, RETRY, ALERT]),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let whole = feed(&mut Wire::new(), &writes(capture));
        let mut split = Vec::new();
        for (direction, bytes) in writes(capture) {
            let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
            places.extend([0, bytes.len()]);
            places.sort_unstable();
            split.extend(places.windows(2).map(|pair| (direction, bytes[pair[0]..pair[1]].to_vec())));
        }
        let split = feed(&mut Wire::new(), &split);
        prop_assert_eq!(&whole.seen[0].summary, &split.seen[0].summary);
        prop_assert_eq!(whole.seen[0].request_bytes, split.seen[0].request_bytes);
        prop_assert_eq!(whole.seen[0].response_bytes, split.seen[0].response_bytes);
        prop_assert_eq!((whole.seen.len(), split.seen.len()), (1, 1));
    }

    #[test]
    fn joining_anywhere_and_dropping_anything_reports_only_what_is_true(
        capture in prop::sample::select(vec![TLS_1_2, TLS_1_3, RETRY, ALERT]),
        first in 0..3_usize,
        skipped in any::<prop::sample::Index>(),
        dropped in prop::option::of(0..4_usize),
        joined in any::<bool>(),
    ) {
        let whole = feed(&mut Wire::new(), &writes(capture));
        let mut wire = if joined { Wire::joined() } else { Wire::new() };
        for (index, (direction, bytes)) in writes(capture).into_iter().enumerate() {
            if dropped == Some(index) || index < first {
                wire.lost(direction, bytes.len() as u64, 1);
            } else if joined && index == first {
                wire.bytes(direction, &bytes[skipped.index(bytes.len())..]);
            } else {
                wire.bytes(direction, &bytes);
            }
        }
        wire.pass(50 * MILLISECOND);
        let part = wire.close(CloseReason::Closed);
        prop_assert!(part.seen.len() <= 1, "{:?}", part);
        for seen in &part.seen {
            for (name, value) in &seen.server {
                let same = whole.seen[0].server.get(name) == Some(value);
                // Without the first hello nothing says that there was one.
                let known = matches!(&**name, "server.address" | "plainsight.tls.features");
                prop_assert!(same || known, "{} {}", name, value);
            }
            prop_assert!(seen.error().is_none() || seen.outcome != Outcome::Partial || capture == ALERT, "{:?}", seen);
        }
    }

    #[test]
    fn no_bytes_break_it(
        chunks in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..60)), 0..30),
        start in any::<bool>(),
        gap in 0..40_usize,
    ) {
        let mut wire = if start { Wire::new() } else { Wire::joined() };
        wire.bytes(Direction::ToServer, &asked()[..60]);
        for (index, (to_server, bytes)) in chunks.iter().enumerate() {
            let direction = if *to_server { Direction::ToServer } else { Direction::ToClient };
            if index == gap {
                wire.lost(direction, 20, 1);
            }
            wire.bytes(direction, bytes);
        }
        let recorder = wire.close(CloseReason::Reset);
        prop_assert!(recorder.seen.iter().filter(|seen| seen.protocol == Protocol::Tls).count() <= 1);
    }
}
