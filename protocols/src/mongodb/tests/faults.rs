//! Loss, splits, and hostile bytes.

use proptest::prelude::*;

use super::*;

/// A conversation: `find` on collections `c0`, `c1`, and on, each answered with as many documents as its number.
fn conversation(exchanges: usize) -> Vec<(Direction, Vec<u8>)> {
    (0..exchanges)
        .flat_map(|index| {
            let id = i32::try_from(index).expect("few") * 2 + 1;
            let batch = vec![int("0", 1); index];
            let reply =
                answer(id + 1, id, &[nested("cursor", &[array("firstBatch", &batch)]), double("ok", 1.0)]);
            [(Direction::ToServer, find(id, &format!("c{index}"))), (Direction::ToClient, reply)]
        })
        .collect()
}

fn check(seen: &Seen) -> Result<(), TestCaseError> {
    let asked = seen.attribute("db.collection.name").map(|name| name[1..].to_owned());
    let answered = seen.attribute("db.response.returned_rows").map(str::to_owned);
    if let (Some(asked), Some(answered)) = (&asked, &answered) {
        prop_assert_eq!(asked, answered, "a wrong pair");
    }
    prop_assert_eq!(
        seen.outcome == Outcome::Complete,
        asked.is_some() && answered.is_some() && seen.missing_bytes == 0
    );
    prop_assert_eq!(seen.error(), None);
    Ok(())
}

#[test]
fn long_messages_are_skipped_and_what_was_not_copied_is_not_missing() {
    let long = element(5, "payload", &[&100_000_i32.to_le_bytes()[..], &[0], &[7; 100_000]].concat());
    let request = command(1, &[text("insert", "blobs"), text("$db", "shop"), long]);
    for (cause, outcome) in
        [(GapCause::NotCopied, Outcome::Complete), (GapCause::Lost { calls: 1 }, Outcome::Partial)]
    {
        let mut wire = Wire::new();
        wire.bytes(Direction::ToServer, &request[..4096]);
        wire.gap(Direction::ToServer, (request.len() - 4096) as u64, cause)
            .bytes(Direction::ToClient, &ok(2, 1));
        let seen = &wire.recorder.seen[0];
        assert_eq!((&*seen.name, seen.outcome), ("insert blobs", outcome));
        assert_eq!(seen.request_bytes, request.len() as u64);
    }
}

#[test]
fn a_request_that_was_lost_leaves_half_an_exchange_and_the_next_is_whole() {
    let mut wire = Wire::new();
    wire.bytes(Direction::ToServer, &find(1, "a")).bytes(Direction::ToClient, &ok(2, 1));
    let lost = find(3, "b").len() as u64;
    wire.lost(Direction::ToServer, lost, 1).bytes(Direction::ToClient, &ok(4, 3)).pass(50 * MILLISECOND);
    wire.bytes(Direction::ToServer, &find(5, "c")).bytes(Direction::ToClient, &ok(6, 5));
    assert_eq!(wire.summaries(), ["find a", "?", "find c"]);
    assert_eq!(wire.close(CloseReason::Closed).unobserved, 0);
}

#[test]
fn an_answer_that_was_lost_is_no_missing_answer() {
    let mut wire = Wire::new();
    wire.bytes(Direction::ToServer, &find(1, "a"));
    wire.lost(Direction::ToClient, ok(2, 1).len() as u64, 1);
    wire.bytes(Direction::ToServer, &find(3, "b")).bytes(Direction::ToClient, &ok(4, 3));
    assert_eq!(wire.summaries(), ["find a ?", "find b"]);
    assert_eq!(wire.recorder.seen[0].outcome, Outcome::Partial);

    wire.bytes(Direction::ToServer, &find(5, "c")).lost(Direction::ToClient, 38, 1);
    let recorder = wire.close(CloseReason::Closed);
    assert_eq!((recorder.seen[2].outcome, recorder.unobserved), (Outcome::Partial, 0));
}

#[test]
fn an_exchange_that_was_lost_whole_is_counted() {
    let mut wire = Wire::new();
    wire.bytes(Direction::ToServer, &find(1, "a")).bytes(Direction::ToClient, &ok(2, 1));
    wire.lost(Direction::ToServer, 80, 1).lost(Direction::ToClient, 38, 1);
    wire.bytes(Direction::ToServer, &find(5, "c")).bytes(Direction::ToClient, &ok(6, 5));
    assert_eq!((wire.summaries().len(), wire.recorder.unobserved), (2, 1));
}

#[test]
fn no_more_is_held_than_the_bound_which_is_told() {
    let name = "n".repeat(255);
    let mut wire = Wire::new();
    let mut most = 0;
    for id in 1..200 {
        let long = element(5, "payload", &[&6_000_i32.to_le_bytes()[..], &[0], &[7; 6_000]].concat());
        let database = "d".repeat(80);
        let command_name = "c".repeat(80);
        let request =
            command(id, &[text("find", &name), text(&command_name, ""), text("$db", &database), long]);
        for part in request.chunks(1000) {
            wire.bytes(Direction::ToServer, part);
            most = most.max(wire.conversation.held_bytes());
            assert!(most <= crate::mongodb::HELD_BYTES_LIMIT, "{most}");
        }
    }
    assert!(most > crate::mongodb::HELD_BYTES_LIMIT / 2, "{most}");
    assert!(wire.recorder.limits.iter().all(|limit| *limit == Limit::WaitingRequests));
    assert_eq!(wire.recorder.limits.len(), 199 - 64);

    let mut wire = Wire::new();
    wire.bytes(Direction::ToServer, &find(1, "a"));
    for id in 100..130 {
        wire.bytes(Direction::ToClient, &ok(id + 100, id));
    }
    assert!(wire.recorder.limits.contains(&Limit::HeldResponses));
}

fn feed(wire: &mut Wire, writes: &[(Direction, Vec<u8>)]) -> Recorder {
    for (direction, bytes) in writes {
        wire.bytes(*direction, bytes);
    }
    wire.close(CloseReason::Closed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_split_gives_the_same_exchanges(
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let writes = conversation(5);
        let whole = feed(&mut Wire::new(), &writes);
        let mut split = Vec::new();
        for (direction, bytes) in writes {
            let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
            places.extend([0, bytes.len()]);
            places.sort_unstable();
            split.extend(places.windows(2).map(|pair| (direction, bytes[pair[0]..pair[1]].to_vec())));
        }
        let split = feed(&mut Wire::new(), &split);
        prop_assert_eq!(whole.seen.len(), 5);
        for (whole, split) in whole.seen.iter().zip(&split.seen) {
            prop_assert_eq!((&whole.summary, &whole.server), (&split.summary, &split.server));
            prop_assert_eq!(whole.request_bytes + whole.response_bytes, split.request_bytes + split.response_bytes);
            check(split)?;
        }
        prop_assert_eq!(split.seen.len(), 5);
    }

    #[test]
    fn joined_anywhere_only_true_exchanges_are_reported(
        first in 0..8_usize, skipped in any::<prop::sample::Index>(),
    ) {
        let mut writes = conversation(6).split_off(first);
        let start = skipped.index(writes[0].1.len());
        writes[0].1.drain(..start);
        let recorder = feed(&mut Wire::joined(), &writes);
        prop_assert!(recorder.seen.len() >= (writes.len() - 1) / 2, "{:?}", recorder);
        for seen in &recorder.seen {
            check(seen)?;
        }
    }

    #[test]
    fn whatever_is_lost_no_pair_is_wrong_and_every_exchange_is_reported_or_counted(
        lost in prop::collection::btree_set(0..16_usize, 0..6),
    ) {
        let mut wire = Wire::new();
        for (index, (direction, bytes)) in conversation(8).iter().enumerate() {
            if lost.contains(&index) {
                wire.lost(*direction, bytes.len() as u64, 1);
            } else {
                wire.bytes(*direction, bytes);
            }
            wire.pass(50 * MILLISECOND);
        }
        let recorder = wire.close(CloseReason::Closed);
        for seen in &recorder.seen {
            check(seen)?;
        }
        if !lost.contains(&0) && !lost.contains(&1) {
            prop_assert_eq!(recorder.seen.len() as u64 + recorder.unobserved, 8, "{:?}", recorder);
        }
    }

    #[test]
    fn no_bytes_break_it(
        chunks in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..60)), 0..20),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        gap in 0..40_usize,
    ) {
        let mut wire = Wire::new();
        let mut request = find(1, "orders");
        for (place, byte) in damage {
            let place = place.index(request.len());
            request[place] = byte;
        }
        wire.bytes(Direction::ToServer, &request);
        for (index, (to_server, bytes)) in chunks.iter().enumerate() {
            let direction = if *to_server { Direction::ToServer } else { Direction::ToClient };
            if index == gap {
                wire.lost(direction, 20, 1);
            }
            wire.bytes(direction, bytes).pass(MILLISECOND);
        }
        wire.close(CloseReason::Reset);
    }
}
