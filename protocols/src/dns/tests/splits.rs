//! However bytes are cut, they mean the same; whatever they are, nothing breaks or grows.

use proptest::prelude::*;

use super::*;
use crate::testing::splits;
use crate::{Direction, Outcome, testing::Wire};

/// Questions with their answers that between them show what messages can hold.
pub(super) fn exchanges() -> Vec<(Vec<u8>, Vec<u8>)> {
    let simple = query(1, "example.org", A);
    let mut edns = query(2, "www.example.org", AAAA);
    edns[11] = 1;
    edns.extend(opt(0));
    let mut large = query(3, "large.example", A);
    large[11] = 1;
    large.extend(opt(0));
    let root = query(4, "", 2);
    let alias = record(None, CNAME, &wire("web.example.net"));
    vec![
        (simple.clone(), answer(&simple, 0, &[address(1)])),
        (edns.clone(), answer(&edns, 0, &[alias, record(Some("web.example.net"), AAAA, &[0x20; 16])])),
        (large.clone(), answer(&large, 0, &(0..200).map(address).collect::<Vec<_>>())),
        (root.clone(), answer(&root, 2, &[])),
    ]
}

/// The records of a connection whose streams are cut at the given places.
fn records(order: &[usize], cuts: &[usize]) -> Vec<Seen> {
    let exchanges = exchanges();
    let mut wire = Wire::new();
    let mut cuts = cuts.iter().cycle();
    for &index in order {
        let (asked, answered) = &exchanges[index];
        for (direction, message) in [(Direction::ToServer, asked), (Direction::ToClient, answered)] {
            let bytes = prefixed(message);
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let length = cuts.next().map_or(rest.len(), |&cut| cut.min(rest.len()));
                wire.bytes(direction, &rest[..length]);
                rest = &rest[length..];
            }
        }
    }
    splits::untimed(&mut wire)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_the_bytes_gives_the_same_records(
        order in prop::collection::vec(0..4_usize, 1..6),
        cuts in prop::collection::vec(1..60_usize, 1..16),
    ) {
        let whole = records(&order, &[]);
        prop_assert_eq!(whole.len(), order.len());
        prop_assert!(whole.iter().all(|seen| seen.outcome == Outcome::Complete));
        prop_assert_eq!(records(&order, &cuts), whole);
    }

    #[test]
    fn random_bytes_and_damaged_messages_break_nothing(
        from_start in any::<bool>(),
        chunks in prop::collection::vec((any::<bool>(), 0..4_usize, any::<bool>(), prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)), 1..40),
    ) {
        let mut stream = if from_start { Wire::new() } else { Wire::joined() };
        let mut socket = Socket::since("10.0.0.7:53", 99 * SECOND);
        let exchanges = exchanges();
        for (sent, index, response, damage) in chunks {
            let (asked, answered) = &exchanges[index];
            let mut message = if response { answered.clone() } else { asked.clone() };
            let before = message.clone();
            for (place, byte) in damage {
                let place = place.index(message.len());
                message[place] = byte;
            }
            socket.datagram(sent, "10.0.0.9:53", &message);
            socket.datagram(!sent, "10.0.0.9:53", &before);
            let direction = if sent { Direction::ToServer } else { Direction::ToClient };
            stream.bytes(direction, &prefixed(&message));
            stream.pass(SECOND);
        }
        stream.close(CloseReason::Closed);
        socket.pass(20 * SECOND);
        prop_assert_eq!(socket.datagrams.held_bytes(), 0);
    }
}
