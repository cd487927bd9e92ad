//! However bytes are cut, they mean the same; whatever they are, nothing breaks, grows or slows down.

use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::{CloseReason, testing::splits};

/// Exchanges that between them show every way a message can end.
fn exchanges() -> Vec<(String, String)> {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n11;x=y\r\n0123456789abcdefg\r\n\
                   0\r\nTrailer: 1\r\n\r\n";
    [
        (get("/plain?a=1"), ok("hello")),
        (
            "HEAD /head HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
            "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n".to_owned(),
        ),
        (
            "POST /form HTTP/1.1\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\nGET / HTTP/1"
                .to_owned(),
            format!("HTTP/1.1 100 Continue\r\n\r\n{}", ok("done")),
        ),
        (
            "PUT /chunks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwxyz\r\n0\r\n\r\n".to_owned(),
            chunked.to_owned(),
        ),
        (
            "\r\nDELETE /none HTTP/1.1\nHost: lf\n\n".to_owned(),
            "HTTP/1.1 204 No Content\nX: y\n\n".to_owned(),
        ),
        (
            "QUERY /folded HTTP/1.1\r\nX: a\r\n b\r\nHost : f\r\n\r\n".to_owned(),
            ok("HTTP/1.1 200 OK\r\n\r\n"),
        ),
    ]
    .map(|(request, response)| (request, response))
    .to_vec()
}

/// The records of exchanges `order` with each message cut at the given places, times left out.
fn records(order: &[usize], cuts: &[Vec<prop::sample::Index>]) -> Vec<Seen> {
    let exchanges = exchanges();
    let mut wire = Wire::new();
    let rounds: Vec<_> = order.iter().map(|&index| exchanges[index].clone()).collect();
    splits::tell(&mut wire, &rounds, cuts);
    splits::untimed(&mut wire)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_the_bytes_gives_the_same_records(
        order in prop::collection::vec(0..6_usize, 1..8),
        cuts in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..6), 1..16),
    ) {
        let whole = records(&order, &[]);
        prop_assert_eq!(whole.len(), order.len());
        prop_assert_eq!(records(&order, &cuts), whole);
    }

    #[test]
    fn pipelined_requests_may_be_cut_and_interleaved_with_their_answers(
        count in 1..6_usize,
        cut in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        lag in 0..200_usize,
    ) {
        let requests: String = (0..count).map(|index| get(&format!("/{index}"))).collect();
        let responses: String = (0..count).map(|index| ok(&"x".repeat(index * 7))).collect();
        let mut places: Vec<_> = cut.iter().map(|cut| cut.index(requests.len())).collect();
        places.push(requests.len());
        places.sort_unstable();
        let mut wire = Wire::new();
        let (mut asked, mut answered, mut answers) = (0, 0, 0);
        for place in places {
            wire.request(&requests[asked..place]);
            asked = place;
            // Every response begins only after its request was seen whole.
            let whole = requests[..asked].matches("\r\n\r\n").count();
            while answers < whole {
                answers += 1;
                let end = (0..answers).map(|index| ok(&"x".repeat(index * 7)).len()).sum::<usize>();
                let middle = end.saturating_sub(lag).max(answered);
                wire.response(&responses[answered..middle]).response(&responses[middle..end]);
                answered = end;
            }
        }
        let expected: Vec<_> = (0..count).map(|index| format!("GET /{index} 200")).collect();
        prop_assert_eq!(wire.summaries(), expected);
        let whole = wire.recorder.seen.iter().all(|seen| seen.outcome == Outcome::Complete);
        prop_assert!(whole);
    }

    #[test]
    fn no_input_breaks_anything_or_is_held_beyond_the_bound(
        from_start in any::<bool>(),
        steps in prop::collection::vec((0..10_u8, any::<bool>(), any::<prop::sample::Index>(), 0..5_000_u64), 0..80),
        noise in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let pieces: Vec<_> = exchanges().into_iter().flat_map(|(request, response)| [request, response]).collect();
        let mut wire = Wire::with(Settings::default(), from_start);
        for (kind, to_server, index, amount) in steps {
            let direction = if to_server { Direction::ToServer } else { Direction::ToClient };
            match kind {
                0..4 => { wire.bytes(direction, index.get(&pieces).as_bytes()); }
                4..6 => {
                    let piece = index.get(&pieces).as_bytes();
                    wire.bytes(direction, &piece[..amount as usize % piece.len()]);
                }
                6 => { wire.bytes(direction, &noise); }
                7 => { wire.lost(direction, amount, amount % 5); }
                8 => { wire.not_copied(direction, amount); }
                _ => { wire.pass(amount * MILLISECOND); }
            }
        }
        wire.close(CloseReason::Reset);
    }
}

/// The time that one-byte segments of a head of so many bytes take.
fn time_of_head(bytes: usize) -> std::time::Duration {
    let mut best = std::time::Duration::MAX;
    for _ in 0..3 {
        let mut wire = Wire::new();
        let request = format!("GET / HTTP/1.1\r\nX-Long: {}\r\n\r\n", "a".repeat(bytes));
        let begun = Instant::now();
        for byte in request.bytes() {
            wire.bytes(Direction::ToServer, &[byte]);
        }
        best = best.min(begun.elapsed());
        assert_eq!(wire.close(CloseReason::Closed).seen.len(), 1);
    }
    best
}

#[test]
fn a_head_that_comes_byte_by_byte_takes_time_in_proportion() {
    // The best of some runs: a busy machine makes others longer.
    let best = |bytes| (0..4).map(|_| time_of_head(bytes)).min().expect("a run");
    let (short, long) = (best(6_000), best(60_000));
    // Ten times the bytes: quadratic work would take a hundred times as long.
    assert!(long < short * 60, "{short:?} for a tenth of what took {long:?}");
}
