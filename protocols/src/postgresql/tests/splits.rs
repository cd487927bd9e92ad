//! However the bytes are cut, the exchanges are the same.

use proptest::prelude::*;

use super::*;
use crate::testing::Seen;

/// A whole session, as what each side says in turn.
pub(super) fn talk() -> Vec<(Direction, Vec<u8>)> {
    let (asks, answers) = (Direction::ToServer, Direction::ToClient);
    let insert = [empty(b'2'), complete("INSERT 0 1")].concat();
    vec![
        (asks, startup(&[("user", "ann"), ("database", "shop")])),
        (answers, message(b'R', &[&[0, 0, 0, 5], b"salt"])),
        (asks, message(b'p', &[b"md5s3cret\0"])),
        (answers, welcome()),
        (asks, query("SELECT a FROM one")),
        (answers, rows(3)),
        (asks, query("SELECT a FROM two")),
        (answers, [error("42P01"), ready()].concat()),
        (asks, [parse("s", "SELECT a FROM three"), describe(b'S', "s"), flush()].concat()),
        (answers, [empty(b'1'), message(b't', &[&[0, 0]]), columns(&["a"])].concat()),
        (asks, [bind("", "s"), execute("", 0), sync()].concat()),
        (answers, [empty(b'2'), row(&["1"]), complete("SELECT 1"), ready()].concat()),
        (answers, notification()),
        (
            asks,
            [
                parse("", "INSERT INTO four VALUES ($1)"),
                bind("", ""),
                execute("", 0),
                bind("", ""),
                execute("", 0),
                sync(),
                query("SELECT a FROM five"),
            ]
            .concat(),
        ),
        (answers, [empty(b'1'), insert.clone(), insert, ready(), notice(), rows(1)].concat()),
        (
            asks,
            [
                parse("", "SELECT a FROM six"),
                bind("", ""),
                execute("", 0),
                bind("", "s"),
                execute("", 0),
                sync(),
            ]
            .concat(),
        ),
        (answers, [empty(b'1'), error("22P02"), ready()].concat()),
        (asks, query("COPY seven FROM STDIN")),
        (answers, message(b'G', &[&[0, 0, 1, 0, 0]])),
        (asks, [message(b'd', &[b"1\n"]), message(b'c', &[])].concat()),
        (answers, [complete("COPY 1"), ready()].concat()),
        (asks, message(b'X', &[])),
    ]
}

pub(super) const SUMMARIES: [&str; 11] = [
    "CONNECT shop",
    "SELECT one 3 rows",
    "SELECT two ERROR 42P01",
    "PREPARE SELECT three",
    "SELECT three 1 row",
    "INSERT four 1 row affected",
    "INSERT four 1 row affected",
    "SELECT five 1 row",
    "SELECT six ERROR 22P02",
    "SELECT three skipped",
    "COPY seven 1 row affected",
];

fn timeless(recorder: Recorder) -> Vec<Seen> {
    recorder.seen.into_iter().map(|seen| Seen { started: 0, ended: seen.ended.map(|_| 0), ..seen }).collect()
}

fn whole() -> Vec<Seen> {
    let mut wire = Wire::new();
    for (direction, bytes) in talk() {
        wire.bytes(direction, &bytes);
    }
    timeless(wire.closed())
}

#[test]
fn the_talk_is_understood() {
    let seen = whole();
    let summaries: Vec<_> = seen.iter().map(|seen| seen.summary.as_str()).collect();
    assert_eq!(summaries, SUMMARIES);
    assert!(seen.iter().all(|seen| seen.outcome == crate::Outcome::Complete));
}

#[test]
fn byte_by_byte_is_the_same() {
    let mut wire = Wire::new();
    for (direction, bytes) in talk() {
        for byte in bytes {
            wire.bytes(direction, &[byte]);
        }
    }
    assert_eq!(timeless(wire.closed()), whole());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_split_gives_the_same_exchanges(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..40),
    ) {
        let talk = talk();
        let mut places: Vec<Vec<usize>> = talk.iter().map(|(_, bytes)| vec![0, bytes.len()]).collect();
        for (part, place) in cuts {
            let part = part.index(talk.len());
            places[part].push(place.index(talk[part].1.len()));
        }
        let mut wire = Wire::new();
        for ((direction, bytes), mut places) in talk.iter().zip(places) {
            places.sort_unstable();
            for pair in places.windows(2) {
                wire.bytes(*direction, &bytes[pair[0]..pair[1]]);
            }
        }
        prop_assert_eq!(timeless(wire.closed()), whole());
    }
}
