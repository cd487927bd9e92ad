//! Messages that were not seen: never a wrong pair, and everything accounted for.

use proptest::prelude::*;

use super::{
    connections::{ask, reply},
    *,
};
use crate::{
    Direction, Outcome,
    testing::{MILLISECOND, Wire},
};

/// The n-th question asks for the n-th name, and is answered with the n-th address.
fn numbered(number: u16) -> (Vec<u8>, Vec<u8>) {
    let asked = query(number.wrapping_mul(40_503), &format!("n{number}.example"), A);
    let answered = answer(&asked, 0, &[address(number as u8)]);
    (asked, answered)
}

/// Whether what was reported is true of such exchanges.
fn is_true(seen: &Seen) -> bool {
    let number = seen.summary.split(['n', '.']).nth(1).and_then(|number| number.parse::<u16>().ok());
    let Some(number) = number else { return false };
    let (asked, answered) =
        (format!("A n{number}.example"), format!("A n{number}.example 192.0.2.{}", number as u8));
    match seen.outcome {
        Outcome::Complete => seen.summary == answered,
        Outcome::Partial if seen.request_bytes == 0 => seen.summary == answered,
        _ => seen.summary.starts_with(&asked) && !seen.summary.contains("192"),
    }
}

#[test]
fn an_answer_lost_on_a_connection_is_no_missing_response() {
    let mut wire = Wire::new();
    let ((first, answered), (second, _)) = (numbered(1), numbered(2));
    ask(&mut wire, &first);
    reply(&mut wire, &answered);
    ask(&mut wire, &second);
    wire.lost(Direction::ToClient, 60, 1);
    let (third, answered) = numbered(3);
    ask(&mut wire, &third);
    reply(&mut wire, &answered);
    wire.pass(6 * SECOND);
    let outcomes: Vec<_> =
        wire.recorder.seen.iter().map(|seen| (seen.outcome, seen.summary.as_str())).collect();
    let expected = [
        (Outcome::Complete, "A n1.example 192.0.2.1"),
        (Outcome::Complete, "A n3.example 192.0.2.3"),
        (Outcome::Partial, "A n2.example ?"),
    ];
    assert_eq!(outcomes, expected);
    assert_eq!(wire.close(CloseReason::Closed).unobserved, 0);
}

#[test]
fn what_was_lost_of_both_streams_is_counted() {
    let mut wire = Wire::new();
    let (asked, answered) = numbered(1);
    ask(&mut wire, &asked);
    reply(&mut wire, &answered);
    wire.lost(Direction::ToServer, 90, 3).lost(Direction::ToClient, 180, 3);
    let (asked, answered) = numbered(2);
    ask(&mut wire, &asked);
    reply(&mut wire, &answered);
    let told = wire.close(CloseReason::Closed);
    assert_eq!((told.seen.len(), told.unobserved), (2, 3));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_connection_joined_anywhere_gives_only_true_records(skip in 0..12_usize, inside in any::<prop::sample::Index>(), in_flight in 1..4_u16) {
        let mut wire = Wire::joined();
        let mut messages = Vec::new();
        for number in 0..(6 + in_flight) {
            if number < 6 {
                messages.push((Direction::ToServer, prefixed(&numbered(number).0)));
            }
            if number >= in_flight {
                messages.push((Direction::ToClient, prefixed(&numbered(number - in_flight).1)));
            }
        }
        let messages = &messages[skip..];
        for (index, (direction, bytes)) in messages.iter().enumerate() {
            let from = if index == 0 { inside.index(bytes.len()) } else { 0 };
            wire.bytes(*direction, &bytes[from..]);
        }
        wire.pass(MILLISECOND * 120);
        let told = wire.close(CloseReason::Closed);
        for seen in &told.seen {
            prop_assert!(is_true(seen), "{seen:?}");
        }
        prop_assert!(told.seen.len() <= 6);
    }

    #[test]
    fn any_message_may_be_lost_of_a_connection(lost in prop::collection::vec(any::<bool>(), 16), in_flight in 1..4_u16) {
        let mut wire = Wire::new();
        let mut lost = lost.into_iter();
        // The first exchange tells the protocol.
        ask(&mut wire, &numbered(100).0);
        reply(&mut wire, &numbered(100).1);
        let mut step = |wire: &mut Wire, direction, message: &[u8]| {
            let bytes = prefixed(message);
            if lost.next() == Some(true) {
                wire.lost(direction, bytes.len() as u64, 1);
            } else {
                wire.bytes(direction, &bytes);
            }
        };
        for number in 0..(8 + in_flight) {
            if number < 8 {
                step(&mut wire, Direction::ToServer, &numbered(number).0);
            }
            if number >= in_flight {
                step(&mut wire, Direction::ToClient, &numbered(number - in_flight).1);
            }
        }
        wire.pass(120 * MILLISECOND).pass(6 * SECOND);
        let told = wire.close(CloseReason::Closed);
        for seen in &told.seen {
            prop_assert!(is_true(seen), "{seen:?}");
        }
        prop_assert_eq!(told.seen.len() as u64 + told.unobserved, 9, "{:?}", told);
    }

    #[test]
    fn any_datagram_may_be_lost(lost in prop::collection::vec(any::<bool>(), 24), sent in any::<bool>(), in_flight in 1..4_u16) {
        let mut socket = Socket::at("10.0.0.7:4000");
        let mut lost = lost.into_iter();
        let mut gone = std::collections::BTreeSet::new();
        for number in 0..(12 + in_flight) {
            if number < 12 {
                if lost.next() == Some(true) { gone.insert((number, 'q')); } else { socket.datagram(sent, "10.0.0.9:5000", &numbered(number).0); }
            }
            if number >= in_flight {
                let number = number - in_flight;
                if lost.next() == Some(true) { gone.insert((number, 'a')); } else { socket.datagram(!sent, "10.0.0.9:5000", &numbered(number).1); }
            }
        }
        socket.pass(120 * MILLISECOND);
        socket.pass(6 * SECOND);
        // A client cannot tell an answer whose question was lost from one that nobody asked for.
        let expected = (0..12).filter(|&number| {
            let (asked, answered) = (!gone.contains(&(number, 'q')), !gone.contains(&(number, 'a')));
            asked || (answered && !sent)
        });
        prop_assert_eq!(socket.seen().len(), expected.count());
        for seen in socket.seen() {
            prop_assert!(is_true(seen), "{seen:?}");
        }
    }

    #[test]
    fn a_socket_observed_from_any_datagram_on_gives_only_true_records(skip in 0..24_usize, sent in any::<bool>(), in_flight in 1..4_u16) {
        let mut socket = Socket::since("10.0.0.7:4000", 100 * SECOND);
        let mut datagrams = Vec::new();
        for number in 0..(12 + in_flight) {
            if number < 12 {
                datagrams.push((number, sent, numbered(number).0));
            }
            if number >= in_flight {
                datagrams.push((number - in_flight, !sent, numbered(number - in_flight).1));
            }
        }
        for (_, sent, bytes) in &datagrams[skip..] {
            socket.datagram(*sent, "10.0.0.9:5000", bytes);
        }
        socket.pass(120 * MILLISECOND);
        let numbers: std::collections::BTreeSet<_> = datagrams[skip..].iter().map(|(number, ..)| number).collect();
        prop_assert_eq!(socket.seen().len(), numbers.len(), "each exchange once, as much as was seen of it");
        for seen in socket.seen() {
            prop_assert!(is_true(seen), "{seen:?}");
        }
    }
}
