//! Any cut of the bytes into segments gives the same exchanges.

use proptest::prelude::*;

use super::{
    recorded::{MARIADB, MULTI, PREPARED, TEXT, connections},
    *,
};

/// What must not depend on where segments begin and end: the summary, how much was seen, the sizes, the attributes.
type Essence = (String, Outcome, u64, u64, Vec<(String, String)>);

fn essence(seen: &[Seen]) -> Vec<Essence> {
    seen.iter()
        .map(|seen| {
            let attributes = seen.server.clone().into_iter().collect();
            (seen.summary.clone(), seen.outcome, seen.request_bytes, seen.response_bytes, attributes)
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_split_gives_the_same_exchanges(
        lengths in prop::collection::vec(1..90_usize, 1..40),
        keyed in any::<bool>(),
        which in 0..4_usize,
    ) {
        for connection in connections([TEXT, MULTI, PREPARED, MARIADB][which]) {
            let (mut whole, mut split) = (Wire::new(), Wire::new());
            split.keyed = keyed;
            let mut lengths = lengths.iter().cycle();
            for (direction, bytes) in connection {
                whole.bytes(direction, &bytes);
                let mut rest = &bytes[..];
                while !rest.is_empty() {
                    let length = lengths.next().map_or(1, |&length| length.min(rest.len()));
                    split.bytes(direction, &rest[..length]);
                    rest = &rest[length..];
                }
            }
            prop_assert_eq!(essence(&whole.recorder.seen), essence(&split.recorder.seen));
        }
    }

    #[test]
    fn random_bytes_neither_break_it_nor_make_it_grow(
        steps in prop::collection::vec(
            (any::<bool>(), prop::collection::vec(any::<u8>(), 0..40), 0..40_u64, 0..4_u8, 0..3_u8),
            0..40,
        ),
        greeted in any::<bool>(),
    ) {
        let mut wire = if greeted { logged_in(0) } else { Wire::joined() };
        if !greeted {
            wire.asks(&query("SELECT a FROM t")).answers(&result(1, false));
        }
        for (to_server, bytes, gap, sequence, shape) in steps {
            let direction = if to_server { Direction::ToServer } else { Direction::ToClient };
            match shape {
                0 => wire.bytes(direction, &bytes),
                1 => wire.bytes(direction, &packet(sequence, &bytes)),
                _ => wire.asks(&query("SELECT b FROM u")),
            };
            match gap {
                30..35 => { wire.lost(direction, gap, 1); }
                35..40 => { wire.not_copied(direction, gap); }
                20 => { wire.pass(2_000_000_000); }
                _ => {}
            }
        }
        wire.close(CloseReason::Evicted);
    }
}
