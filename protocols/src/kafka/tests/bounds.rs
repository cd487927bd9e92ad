//! No input makes the parser hold more than it says, take more time than it should, or panic.

use proptest::prelude::*;

use super::{recorded::RECORDED, *};
use crate::kafka::HELD_BYTES_LIMIT;

#[test]
fn too_many_requests_give_the_oldest_up_and_its_answer_is_not_reported_again() {
    let mut wire = Wire::new();
    for id in 0..1100 {
        wire.bytes(ASK, &heartbeat(id, "g"));
    }
    let given_up = wire.recorder.seen.len();
    assert_eq!(given_up, 1100 - 1024);
    assert!(wire.recorder.seen.iter().all(|seen| seen.outcome == Outcome::Partial));
    assert_eq!(wire.recorder.limits, vec![Limit::WaitingRequests; given_up]);
    for id in 0..1100 {
        wire.bytes(ANSWER, &beat(id, 0));
    }
    let recorder = wire.close(CloseReason::Closed);
    assert_eq!((recorder.seen.len(), recorder.unobserved), (1100, 0));
    assert_eq!(recorder.seen.iter().filter(|seen| seen.outcome == Outcome::Complete).count(), 1024);
}

#[test]
fn long_texts_reach_the_bound_and_do_not_pass_it() {
    let mut wire = Wire::new();
    let group = "g".repeat(3000);
    let topics: Vec<u8> = (0..9).flat_map(|index| text(&format!("{index}").repeat(249))).collect();
    let mut most = 0;
    wire.bytes(ASK, &heartbeat(9999, "g")).bytes(ANSWER, &beat(9999, 0));
    for id in 10_000..11_000 {
        // OffsetFetch version 0 with a long group id, then Metadata with many long names.
        let body = if id % 2 == 0 {
            [text(&group), vec![0; 4]].concat()
        } else {
            [&[0, 0, 0, 9][..], &topics].concat()
        };
        wire.bytes(ASK, &ask(if id % 2 == 0 { 9 } else { 3 }, 0, id, &body));
        most = most.max(wire.conversation.held_bytes());
        assert!(wire.conversation.held_bytes() <= HELD_BYTES_LIMIT);
    }
    assert!(most > 250 * 1024, "{most} bytes were held");
    assert!(wire.recorder.limits.contains(&Limit::WaitingRequests));
}

#[test]
fn responses_without_requests_are_held_for_a_moment_and_bounded() {
    let mut wire = Wire::new();
    wire.bytes(ASK, &heartbeat(1, "g")).bytes(ANSWER, &beat(1, 0));
    for id in 100..200 {
        wire.bytes(ANSWER, &answer(id, &[0; 8000]));
        assert!(wire.conversation.held_bytes() <= HELD_BYTES_LIMIT);
    }
    assert!(wire.recorder.limits.contains(&Limit::HeldResponses));
    assert_eq!(wire.pass(20 * MILLISECOND).close(CloseReason::Closed).seen.len(), 101);
}

#[test]
fn a_claimed_length_is_not_allocated() {
    let mut wire = Wire::new();
    wire.bytes(ASK, &heartbeat(1, "g")).bytes(ANSWER, &beat(1, 0));
    let mut request = heartbeat(2, "g");
    request[..4].copy_from_slice(&0x3000_0000_u32.to_be_bytes());
    wire.bytes(ASK, &request);
    for _ in 0..100 {
        wire.bytes(ASK, &[0; 4096]);
        assert!(wire.conversation.held_bytes() < 5000);
    }
}

#[test]
fn a_large_metadata_response_in_pieces_teaches_its_topics_and_leaves_nothing_behind() {
    let mut wire = Wire::new();
    wire.bytes(ASK, vector("Metadata", 12).0);
    // Version 12: no throttling, brokers, cluster; then 800 topics without partitions.
    let mut body = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
    let count = 801_u32;
    body.extend_from_slice(&[(count & 0x7f) as u8 | 0x80, (count >> 7) as u8]);
    for index in 0..800_u128 {
        body.extend_from_slice(&[0, 0, 11]);
        body.extend(format!("topic-{index:04}").bytes());
        body.extend_from_slice(&(index + 1).to_be_bytes());
        body.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0]);
    }
    body.push(0);
    let response = answer(1012, &body);
    for piece in response.chunks(1448) {
        wire.bytes(ANSWER, piece);
    }
    assert_eq!(wire.summaries(), ["Metadata orders"]);
    assert_eq!(wire.conversation.held_bytes(), 0);
    // A request that names the last of them by its id.
    let mut produce = vector("Produce", 13).0.to_vec();
    let id = [0x6b, 0xa7, 0xb8, 0x10];
    let at = produce.windows(4).position(|window| window == id).expect("the id of the vector");
    produce[at..at + 16].copy_from_slice(&800_u128.to_be_bytes());
    wire.bytes(ASK, &produce).bytes(ANSWER, vector("Produce", 13).1);
    assert_eq!(wire.recorder.seen[1].attribute("messaging.destination.name"), Some("topic-0799"));
}

#[test]
fn a_connection_whose_messages_cannot_be_found_again_is_given_up() {
    let mut wire = Wire::new();
    wire.bytes(ASK, &heartbeat(1, "g")).bytes(ANSWER, &beat(1, 0)).lost(ANSWER, 1000, 1);
    for _ in 0..1100 {
        wire.bytes(ANSWER, b"what is this");
    }
    assert!(wire.recorder.limits.contains(&Limit::ResyncAttempts));
    assert_ne!(wire.conversation.state(), State::Parsing(Protocol::Kafka));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_break_it(
        steps in prop::collection::vec((0..10, any::<bool>(), any::<prop::sample::Index>(), 0_u64..5_000), 1..80),
        noise in prop::collection::vec(any::<u8>(), 1..64),
        from_start in any::<bool>(),
        keyed in any::<bool>(),
    ) {
        let pieces: Vec<_> = RECORDED.iter().flat_map(|connection| &connection.segments).collect();
        let mut wire = Wire::with(Settings::default(), from_start);
        wire.keyed = keyed;
        for (kind, to_server, index, amount) in steps {
            let direction = if to_server { ASK } else { ANSWER };
            let (own, piece) = index.get(&pieces);
            match kind {
                0..4 => { wire.bytes(*own, piece); }
                4..6 => {
                    let mut piece = piece.clone();
                    let at = amount as usize % piece.len();
                    piece[at] ^= noise[0] | 1;
                    wire.bytes(*own, &piece[..=at.max(9).min(piece.len() - 1)]);
                }
                6 => { wire.bytes(direction, &noise); }
                7 => { wire.lost(direction, amount, amount % 5); }
                8 => { wire.not_copied(direction, amount); }
                _ => { wire.pass(amount * MILLISECOND); }
            }
        }
        for seen in wire.close(CloseReason::Reset).seen {
            let text = format!("{}{}{:?}", seen.name, seen.summary, seen.server.values().collect::<Vec<_>>());
            prop_assert!(!text.chars().any(char::is_control), "{}", text);
        }
    }
}
