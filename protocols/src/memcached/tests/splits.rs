//! However bytes are cut, they mean the same; whatever they are, nothing breaks, grows or slows down.

use proptest::prelude::*;

use super::*;
use crate::testing::splits;

/// Exchanges that between them show every form of command and answer.
const EXCHANGES: [(&str, &str); 8] = [
    ("get key\r\n", "VALUE key 0 7\r\nEND\r\nxy\r\nEND\r\n"),
    ("set key 0 0 9\r\nget a\r\nbc\r\n", "STORED\r\n"),
    ("gets a b c\n", "VALUE a 0 1 5\r\nx\r\nVALUE c 0 0 6\r\n\r\nEND\r\n"),
    ("incr a 17\r\n", "18\r\n"),
    ("mg key v k Oabc\r\n", "VA 4 kkey Oabc\r\nHD\r\n\r\n"),
    ("ms key 2 T0\r\nhi\r\n", "HD\r\n"),
    ("stats\r\n", "STAT a b\r\nSTAT c d\r\nEND\r\n"),
    ("touch key 1\r\n", "SERVER_ERROR oops\r\n"),
];

/// The records of exchanges with each stream cut at the given places, times left out.
fn records(order: &[usize], cuts: &[Vec<prop::sample::Index>], pipelined: bool) -> Vec<Seen> {
    let mut wire = Wire::new();
    // What is known of the protocol must not depend on where its first bytes are cut.
    wire.request("set first 0 0 1\r\nx\r\n").response("STORED\r\n");
    let mut rounds: Vec<_> =
        order.iter().map(|&index| (EXCHANGES[index].0.to_owned(), EXCHANGES[index].1.to_owned())).collect();
    if pipelined {
        rounds = splits::pipelined(rounds);
    }
    splits::tell(&mut wire, &rounds, cuts);
    splits::untimed(&mut wire)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_the_bytes_gives_the_same_records(
        order in prop::collection::vec(0..8_usize, 1..8),
        cuts in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..12), 1..16),
        pipelined in any::<bool>(),
    ) {
        let whole = records(&order, &[], pipelined);
        prop_assert_eq!(whole.len(), order.len() + 1);
        prop_assert_eq!(records(&order, &cuts, pipelined), whole);
    }

    #[test]
    fn random_bytes_neither_panic_nor_grow(
        noise in splits::noise(),
    ) {
        let mut wire = Wire::new();
        wire.request("set first 0 0 1\r\nx\r\n").response("STORED\r\n");
        splits::tell_noise(&mut wire, &noise);
        wire.pass(500_000 * MILLISECOND).close(CloseReason::Reset);
    }

    #[test]
    fn random_pieces_of_the_protocol_neither_panic_nor_grow(
        parts in prop::collection::vec((any::<bool>(), 0..18_usize, 0..20_u8), 0..200),
        joined in any::<bool>(),
    ) {
        const PIECES: [&str; 18] = [
            "get k\r\n", "set k 0 0 1\r\n", "x\r\n", "set k 0 0 1 noreply\r\n", "mg k q v\r\n", "mg k q v k\r\n", "mn\r\n",
            "MN\r\n", "VA 1 kk\r\n", "VALUE k 0 1\r\n", "END\r\n", "STORED\r\n", "HD\r\n", "EN\r\n", "quit\r\n",
            "ms k 99999999999\r\n", "ERROR\r\n", "STAT a b\r\n",
        ];
        let mut wire = if joined { Wire::joined() } else { Wire::new() };
        wire.request("set first 0 0 1\r\nx\r\n").response("STORED\r\n");
        for (to_server, piece, gap) in parts {
            let direction = if to_server { Direction::ToServer } else { Direction::ToClient };
            wire.bytes(direction, PIECES[piece].as_bytes());
            if gap == 0 {
                wire.lost(direction, 5, 1);
            }
        }
        wire.pass(500_000 * MILLISECOND).close(CloseReason::Closed);
    }
}

#[test]
fn the_bound_on_held_bytes_is_nearly_reached_and_never_passed() {
    let mut wire = Wire::new();
    wire.request("set first 0 0 1\r\nx\r\n").response("STORED\r\n");
    let command = format!("get {0} {0}\r\nmg {0} q v\r\n", "k".repeat(240));
    let mut most = 0;
    for round in 0..4000 {
        wire.request(&command);
        most = most.max(wire.conversation.held_bytes());
        assert!(wire.conversation.held_bytes() <= super::super::HELD_BYTES_LIMIT);
        if round % 500 == 0 {
            wire.lost(Direction::ToServer, 5, 1);
        }
    }
    assert!(most > super::super::HELD_BYTES_LIMIT / 8, "{most} bytes were held");
}
