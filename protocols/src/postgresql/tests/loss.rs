//! What is missing leads to no wrong pair.

use proptest::prelude::*;

use super::*;
use crate::{GapCause, Outcome};

/// Bytes of a call that the capture copies.
const COPIED: usize = 4096;
/// Bytes that a server writes at once.
const WRITTEN: usize = 8192;

impl Wire {
    /// What a server writes and the capture copies of it.
    fn write(&mut self, bytes: &[u8]) -> &mut Self {
        for piece in bytes.chunks(WRITTEN) {
            let copied = piece.len().min(COPIED);
            self.bytes(Direction::ToClient, &piece[..copied]);
            if piece.len() > copied {
                self.not_copied(Direction::ToClient, (piece.len() - copied) as u64);
            }
        }
        self
    }
}

#[test]
fn a_long_result_is_whole_if_its_end_was_copied() {
    for count in [300, 700, 1_500, 5_000] {
        let mut wire = session();
        let answered = rows(count);
        wire.ask(&[query("SELECT a FROM one")]).write(&answered);
        wire.ask(&[query("SELECT b FROM two")]).answer(&[rows(1)]);
        wire.ask(&[query("SELECT c FROM three")]).answer(&[rows(1)]);
        let recorder = wire.closed();
        let lines = lines(&recorder);
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert_eq!(lines[1..], ["SELECT two 1 row", "SELECT three 1 row"]);
        assert_eq!(recorder.seen[0].response_bytes, answered.len() as u64);
        assert!(recorder.seen[0].ended.is_some());
        if answered.len() % WRITTEN <= COPIED {
            assert_eq!(lines[0], format!("SELECT one {count} rows"));
        } else {
            assert_eq!(lines[0], "SELECT one ? [Partial]", "nobody knows how it ended");
        }
    }
}

#[test]
fn an_error_at_the_end_of_a_long_result_is_found() {
    let mut wire = session();
    let mut answered = rows(1_250);
    answered.truncate(answered.len() - complete("SELECT 1250").len() - ready().len());
    answered.extend([error("57014"), ready()].concat());
    wire.ask(&[query("SELECT a FROM one")]).write(&answered);
    let recorder = wire.closed();
    assert!(answered.len() % WRITTEN < COPIED, "the test's own numbers: {}", answered.len());
    assert_eq!(lines(&recorder), ["SELECT one ERROR 57014"]);
}

#[test]
fn a_long_statement_is_known_by_its_beginning() {
    let mut wire = session();
    let asked = query(&format!("SELECT a FROM one WHERE b IN ({})", "1, ".repeat(4_000)));
    wire.bytes(Direction::ToServer, &asked[..COPIED])
        .not_copied(Direction::ToServer, (asked.len() - COPIED) as u64);
    wire.answer(&[rows(1)]);
    let recorder = wire.closed();
    assert_eq!(lines(&recorder), ["SELECT one 1 row"]);
    assert_eq!(recorder.seen[0].request_bytes, asked.len() as u64);
}

#[test]
fn a_long_statement_of_the_extended_protocol_is_known_by_its_beginning() {
    let mut wire = session();
    let text = format!("SELECT a FROM one WHERE b IN ({})", "1, ".repeat(1_500));
    let asked = [parse("", &text), bind("", ""), execute("", 0), sync()].concat();
    wire.bytes(Direction::ToServer, &asked[..COPIED])
        .not_copied(Direction::ToServer, (asked.len() - COPIED) as u64);
    wire.answer(&[empty(b'1'), empty(b'2'), rows(1)]);
    wire.ask(&[query("SELECT b FROM two")]).answer(&[rows(1)]);
    let lines = lines(&wire.closed());
    assert!(lines[0].starts_with("PREPARE SELECT one") || lines[0].starts_with("SELECT one"), "{lines:?}");
    assert!(lines[0].ends_with("[Partial]"), "{lines:?}");
    assert_eq!(lines[1..], ["SELECT two 1 row"]);
}

#[test]
fn a_large_parameter_is_passed_over() {
    let mut wire = session();
    let value = vec![b'x'; 100_000];
    let length = u32::try_from(value.len()).expect("short").to_be_bytes();
    let bound = message(b'B', &[b"\0\0", &[0, 0, 0, 1], &length, &value, &[0, 0]]);
    wire.ask(&[parse("", "INSERT INTO one VALUES ($1)"), bound[..3000].to_vec()]);
    wire.not_copied(Direction::ToServer, (bound.len() - 3000) as u64);
    wire.ask(&[execute("", 0), sync()]);
    wire.answer(&[empty(b'1'), empty(b'2'), complete("INSERT 0 1"), ready()]);
    assert_eq!(lines(&wire.closed()), ["INSERT one 1 row affected"]);
}

#[test]
fn a_lost_answer_leaves_its_request_alone() {
    let mut wire = session();
    let answered = rows(3);
    wire.ask(&[query("SELECT a FROM one")]).lost(Direction::ToClient, answered.len() as u64, 1);
    wire.ask(&[query("SELECT b FROM two")]).answer(&[rows(1)]);
    wire.ask(&[query("SELECT c FROM three")]).answer(&[rows(2)]);
    assert_eq!(lines(&wire.closed()), ["SELECT one ? [Partial]", "SELECT two 1 row", "SELECT three 2 rows"]);
}

#[test]
fn a_lost_request_leaves_its_answer_alone() {
    let mut wire = session();
    wire.lost(Direction::ToServer, query("SELECT a FROM one").len() as u64, 1).answer(&[rows(3)]);
    wire.ask(&[query("SELECT b FROM two")]).answer(&[rows(1)]);
    let recorder = wire.closed();
    assert_eq!(lines(&recorder), ["SELECT 3 rows [Partial]", "SELECT two 1 row"]);
}

#[test]
fn after_a_lost_request_no_name_is_trusted() {
    let mut wire = session();
    wire.ask(&[parse("s", "SELECT a FROM one"), sync()]).answer(&[empty(b'1'), ready()]);
    wire.lost(Direction::ToServer, 70, 1).lost(Direction::ToClient, 11, 1);
    wire.ask(&[bind("", "s"), execute("", 0), sync()]).answer(&[empty(b'2'), complete("SELECT 0"), ready()]);
    let lines = lines(&wire.closed());
    assert_eq!(lines.last().map(String::as_str), Some("SELECT (statement s was prepared unseen) 0 rows"));
}

#[test]
fn bytes_lost_within_an_answer_are_counted() {
    let mut wire = session();
    let answered = rows(3);
    wire.ask(&[query("SELECT a FROM one")]).bytes(Direction::ToClient, &answered[..30]);
    wire.lost(Direction::ToClient, 40, 1).bytes(Direction::ToClient, &answered[70..]);
    let recorder = wire.closed();
    let seen = &recorder.seen[0];
    assert_eq!((seen.outcome, seen.missing_bytes), (Outcome::Partial, 40));
    assert_eq!(seen.response_bytes, answered.len() as u64);
}

/// Statements that each name their own table, so that a wrong pair shows: table `tN` has N rows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Style {
    Simple,
    Extended,
    Prepared,
    Failing,
    Pipelined,
}

pub(super) fn conversation(styles: &[Style]) -> (Vec<(Direction, Vec<u8>)>, usize) {
    let mut talk = vec![(Direction::ToServer, startup(&[("user", "ann")])), (Direction::ToClient, welcome())];
    let mut made = 1;
    for (index, style) in styles.iter().enumerate() {
        let number = index + 1;
        let text = format!("SELECT a FROM t{number}");
        let run = [bind("", ""), execute("", 0)].concat();
        let data: Vec<u8> = (0..number).flat_map(|_| row(&["x"])).collect();
        let done = [data, complete(&format!("SELECT {number}"))].concat();
        let (asked, answered) = match style {
            Style::Simple => (query(&text), rows(number)),
            Style::Extended => {
                ([parse("", &text), run, sync()].concat(), [empty(b'1'), empty(b'2'), done, ready()].concat())
            }
            Style::Failing => {
                ([parse("", &text), run, sync()].concat(), [error(&format!("{number:05}")), ready()].concat())
            }
            Style::Prepared => {
                talk.push((Direction::ToServer, [parse("s", &text), sync()].concat()));
                talk.push((Direction::ToClient, [empty(b'1'), ready()].concat()));
                made += 1;
                ([bind("", "s"), execute("", 0), sync()].concat(), [empty(b'2'), done, ready()].concat())
            }
            Style::Pipelined => {
                made += 1;
                (
                    [parse("", &text), run.clone(), run, sync()].concat(),
                    [empty(b'1'), empty(b'2'), done.clone(), empty(b'2'), done, ready()].concat(),
                )
            }
        };
        talk.push((Direction::ToServer, asked));
        talk.push((Direction::ToClient, answered));
        made += 1;
    }
    (talk, made)
}

/// Fails if a record says what did not happen.
pub(super) fn assert_true(recorder: &Recorder) {
    for seen in &recorder.seen {
        let Some(table) = seen.attribute("db.query.text").and_then(|text| text.split_once(" FROM t")) else {
            continue;
        };
        if let Some(rows) = seen.attribute("db.response.returned_rows") {
            // The text may be cut.
            let cut = seen.outcome == Outcome::Partial && rows.starts_with(table.1);
            assert!(cut || rows == table.1, "{rows} rows of t{}: {:?}", table.1, lines(recorder));
        }
        if let Some(state) = seen.error().filter(|error| error.starts_with('0')) {
            assert_eq!(state, format!("{:0>5}", table.1), "{:?}", lines(recorder));
        }
    }
}

pub(super) fn styles() -> impl Strategy<Value = Vec<Style>> {
    use Style::{Extended, Failing, Pipelined, Prepared, Simple};
    prop::collection::vec(prop::sample::select(vec![Simple, Extended, Prepared, Failing, Pipelined]), 2..12)
}

fn feed(
    wire: &mut Wire,
    talk: &[(Direction, Vec<u8>)],
    split: usize,
    dropped: impl Fn(usize) -> Option<GapCause>,
) {
    let mut chunk = 0;
    for (direction, bytes) in talk {
        for piece in bytes.chunks(split) {
            match dropped(chunk) {
                Some(cause) => wire.gap(*direction, piece.len() as u64, cause),
                None => wire.bytes(*direction, piece),
            };
            chunk += 1;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn whatever_is_dropped_no_pair_is_wrong(
        styles in styles(),
        split in prop::sample::select(vec![23_usize, 64, 1000]),
        drops in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..5),
        keyed in any::<bool>(),
    ) {
        let (talk, made) = conversation(&styles);
        let chunks: usize = talk.iter().map(|(_, bytes)| bytes.chunks(split).len()).sum();
        let drops: Vec<_> = drops.iter().map(|(index, lost)| (index.index(chunks), *lost)).collect();
        let mut wire = Wire::new();
        wire.keyed = keyed;
        feed(&mut wire, &talk, split, |chunk| {
            let (_, lost) = drops.iter().find(|(dropped, _)| *dropped == chunk)?;
            Some(if *lost { GapCause::Lost { calls: 1 } } else { GapCause::NotCopied })
        });
        let recorder = wire.closed();
        assert_true(&recorder);
        prop_assert!(recorder.seen.len() <= 2 * made, "{:?}", lines(&recorder));
    }

    #[test]
    fn one_whole_message_dropped_is_accounted_for(
        styles in styles(),
        drop in any::<prop::sample::Index>(),
    ) {
        let (talk, made) = conversation(&styles);
        let drop = drop.index(talk.len() - 2) + 2;
        let mut wire = Wire::new();
        feed(&mut wire, &talk, usize::MAX, |chunk| (chunk == drop).then_some(GapCause::Lost { calls: 1 }));
        let recorder = wire.closed();
        assert_true(&recorder);
        let accounted = recorder.seen.len() as u64 + recorder.unobserved;
        prop_assert!(accounted + 1 >= made as u64, "{accounted} of {made}: {:?}", lines(&recorder));
        prop_assert!(accounted <= made as u64 + 1, "{accounted} of {made}: {:?}", lines(&recorder));
    }

    #[test]
    fn wherever_a_connection_is_joined_its_records_are_true(
        styles in styles(),
        split in prop::sample::select(vec![37_usize, 1000]),
        skipped in any::<prop::sample::Index>(),
        keyed in any::<bool>(),
    ) {
        let (talk, _) = conversation(&styles);
        let chunks: Vec<_> = talk
            .iter()
            .flat_map(|(direction, bytes)| bytes.chunks(split).map(|piece| (*direction, piece)))
            .collect();
        let mut wire = Wire::joined();
        wire.keyed = keyed;
        for (direction, piece) in &chunks[skipped.index(chunks.len())..] {
            wire.bytes(*direction, piece);
        }
        assert_true(&wire.closed());
    }

    #[test]
    fn joined_at_any_byte_the_records_are_true(styles in styles(), skipped in any::<prop::sample::Index>()) {
        let (talk, _) = conversation(&styles);
        let total: usize = talk.iter().map(|(_, bytes)| bytes.len()).sum();
        let mut skip = skipped.index(total);
        let mut wire = Wire::joined();
        for (direction, bytes) in &talk {
            let here = skip.min(bytes.len());
            skip -= here;
            wire.bytes(*direction, &bytes[here..]);
        }
        assert_true(&wire.closed());
    }
}

#[test]
fn no_pieces_that_are_lost_make_a_wrong_pair() {
    use Style::{Extended, Failing, Pipelined, Prepared, Simple};
    for (styles, every) in
        [(&[Simple, Prepared, Failing, Simple][..], 5), (&[Pipelined, Extended, Simple, Simple], 1_000)]
    {
        let (talk, _) = conversation(styles);
        let chunks: usize = talk.iter().map(|(_, bytes)| bytes.chunks(23).len()).sum();
        for first in 0..chunks {
            for third in first..chunks {
                // Not every one between the two, to keep the test short.
                for second in (first..=third).step_by(every) {
                    let mut wire = Wire::new();
                    wire.keyed = (first + second + third) % 2 == 0;
                    let dropped =
                        |chunk| [first, second, third].contains(&chunk).then_some(GapCause::NotCopied);
                    feed(&mut wire, &talk, 23, dropped);
                    assert_true(&wire.closed());
                }
            }
        }
    }
}
