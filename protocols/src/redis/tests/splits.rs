//! However bytes are cut, they mean the same; whatever they are, nothing breaks, grows or slows down.

use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::testing::splits;

/// Exchanges that between them show every form of command and answer.
fn exchanges() -> Vec<(String, String)> {
    [
        (c("SET key value"), "+OK\r\n"),
        (c("GET key"), "$5\r\nhello\r\n"),
        ("SET \"a b\" 'c d'\r\n".to_owned(), "-WRONGTYPE Operation\r\n"),
        (c("HGETALL h"), "%2\r\n$1\r\na\r\n:1\r\n$1\r\nb\r\n*2\r\n,1.5\r\n#t\r\n"),
        (c("MGET a b"), "*2\r\n$-1\r\n$12\r\n-ERR\r\n+OK\r\n:\r\n"),
        (c("EVALSHA abcdef 2 k1 k2 v"), "!11\r\nERR unknown\r\n"),
        (c("XREAD BLOCK 0 STREAMS a b 0 0"), "|1\r\n+ttl\r\n:9\r\n~1\r\n_\r\n"),
        (c("LRANGE l 0 -1"), ">2\r\n+invalidate\r\n*1\r\n+k\r\n$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n"),
        ("\r\nPING\n".to_owned(), "*?\r\n:1\r\n=7\r\ntxt:abc\r\n(123\r\n.\r\n"),
        (command(&["SET", "k", "*1\r\n$4\r\nPING\r\n"]), ":17\r\n"),
    ]
    .map(|(request, response)| (request, response.to_owned()))
    .to_vec()
}

/// The records of exchanges with each stream cut at the given places, times left out.
fn records(order: &[usize], cuts: &[Vec<prop::sample::Index>], pipelined: bool) -> Vec<Seen> {
    let exchanges = exchanges();
    let mut wire = Wire::new();
    // What is known of the protocol must not depend on where its first bytes are cut.
    wire.request(&c("PING")).response("+PONG\r\n");
    let mut rounds: Vec<(String, String)> = order.iter().map(|&index| exchanges[index].clone()).collect();
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
        order in prop::collection::vec(0..10_usize, 1..8),
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
        wire.request(&c("PING")).response("+PONG\r\n");
        splits::tell_noise(&mut wire, &noise);
        wire.pass(500_000 * MILLISECOND).close(CloseReason::Reset);
    }

    #[test]
    fn random_pieces_of_the_protocol_neither_panic_nor_grow(
        parts in prop::collection::vec((any::<bool>(), 0..24_usize), 0..200),
        joined in any::<bool>(),
    ) {
        const PIECES: [&str; 24] = [
            "*3\r\n", "$3\r\n", "SET", "\r\n", "$1\r\nk\r\n", "*1\r\n$4\r\nEXEC\r\n", "+OK\r\n", "-ERR x\r\n", "*2\r\n",
            ">3\r\n", "$9\r\nsubscribe\r\n", ":1\r\n", "*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n", "CLIENT REPLY OFF\r\n",
            "CLIENT REPLY SKIP\r\n", "%?\r\n", ".\r\n", "|1\r\n", "$?\r\n", ";0\r\n", "*-1\r\n", "RESET\r\n",
            "*1\r\n$11\r\nUNSUBSCRIBE\r\n", "$99999999999\r\n",
        ];
        let mut wire = if joined { Wire::joined() } else { Wire::new() };
        wire.request(&c("PING")).response("+PONG\r\n");
        for (to_server, piece) in parts {
            let direction = if to_server { Direction::ToServer } else { Direction::ToClient };
            wire.bytes(direction, PIECES[piece].as_bytes());
        }
        wire.pass(500_000 * MILLISECOND).close(CloseReason::Closed);
    }
}

#[test]
fn the_bound_on_held_bytes_is_nearly_reached_and_never_passed() {
    let mut wire = Wire::new();
    let keys = format!("MGET {}", "k".repeat(100) + &" kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk".repeat(10));
    let mut most = 0;
    for _ in 0..2000 {
        wire.request(&c(&keys).repeat(4));
        most = most.max(wire.conversation.held_bytes());
    }
    assert!(most > super::super::parser::WAITING_BYTES / 2, "{most} bytes were held");
    // Nothing is answered but the first: what is spent is held with what is not.
    wire.response(&"*0\r\n".repeat(300));
    assert!(wire.conversation.held_bytes() <= super::super::HELD_BYTES_LIMIT);
}

#[test]
fn time_is_linear_in_the_bytes_however_small_the_segments_are() {
    let begun = Instant::now();
    let mut wire = Wire::new();
    wire.request(&c("GET k"));
    let reply = format!("*20000\r\n{}", bulk("abc").repeat(20_000));
    for byte in reply.as_bytes() {
        wire.bytes(Direction::ToClient, std::slice::from_ref(byte));
    }
    assert_eq!(wire.recorder.seen.len(), 1);
    assert!(begun.elapsed().as_secs() < 5);
}
