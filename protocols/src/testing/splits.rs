//! Conversations whose messages are cut into calls at any place, and noise.

use proptest::{prelude::*, sample::Index};

use super::{Seen, Wire};
use crate::{CloseReason, Direction};

/// A request and its response.
pub(crate) type Round = (String, String);

/// The same exchanges with all requests before all responses.
pub(crate) fn pipelined(rounds: impl IntoIterator<Item = Round>) -> Vec<Round> {
    let all = rounds.into_iter().fold(Round::default(), |all, one| (all.0 + &one.0, all.1 + &one.1));
    vec![all]
}

/// Tells a conversation of exchanges, each message in calls that end at the next of the given places.
pub(crate) fn tell(wire: &mut Wire, rounds: &[Round], cuts: &[Vec<Index>]) {
    let mut cuts = cuts.iter().cycle();
    for (request, response) in rounds {
        for (direction, text) in [(Direction::ToServer, request), (Direction::ToClient, response)] {
            let cuts = cuts.next().into_iter().flatten();
            let mut places: Vec<_> = cuts.map(|cut| cut.index(text.len())).collect();
            places.push(text.len());
            places.sort_unstable();
            let mut from = 0;
            for to in places {
                wire.bytes(direction, &text.as_bytes()[from..to]);
                from = to;
            }
        }
    }
}

/// What is reported of a conversation that ends here, the times left out: they differ by how messages are cut.
pub(crate) fn untimed(wire: &mut Wire) -> Vec<Seen> {
    let mut seen = wire.close(CloseReason::Closed).seen;
    for seen in &mut seen {
        assert!(seen.ended.is_some());
        (seen.started, seen.ended) = (0, None);
    }
    seen
}

/// Something that one end may do: bytes, and maybe a gap behind them.
pub(crate) type Noise = (bool, Vec<u8>, u8);

pub(crate) fn noise() -> impl Strategy<Value = Vec<Noise>> {
    prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..60), 0..4_u8), 0..60)
}

/// Tells a conversation of noise. That it holds no more than it may is asserted with every call.
pub(crate) fn tell_noise(wire: &mut Wire, noise: &[Noise]) {
    for (to_server, bytes, gap) in noise {
        let direction = if *to_server { Direction::ToServer } else { Direction::ToClient };
        wire.bytes(direction, bytes);
        match gap {
            0 => wire.lost(direction, 7, 1),
            1 => wire.not_copied(direction, 9),
            _ => wire,
        };
    }
}
