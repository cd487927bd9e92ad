//! Whatever is lost: no field is wrong, no response is another's, and every exchange is accounted for.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[test]
fn what_a_lost_block_taught_is_not_guessed() {
    let mut wire = begun();
    // Each inserts its path, and the next refers to it as the newest entry.
    let insert = |stream: u32, path: &str| {
        let mut head = b"\x82\x86\x44".to_vec();
        head.push(u8::try_from(path.len()).expect("short"));
        head.extend_from_slice(path.as_bytes());
        frame(kind::HEADERS, END_HEADERS | END_STREAM, stream, &head)
    };
    let refer = |stream: u32, index: u8| {
        frame(kind::HEADERS, END_HEADERS | END_STREAM, stream, &[0x82, 0x86, 0x80 | index])
    };
    wire.asks(&insert(1, "/a")).answers(&ok(1, ""));
    wire.asks(&refer(3, 62)).answers(&ok(3, ""));
    wire.lost(Direction::ToServer, insert(5, "/b").len() as u64, 1).answers(&ok(5, ""));
    wire.asks(&refer(7, 62)).answers(&ok(7, ""));
    wire.asks(&insert(9, "/c")).answers(&ok(9, ""));
    wire.asks(&refer(11, 62)).answers(&ok(11, ""));
    wire.asks(&refer(13, 63)).answers(&ok(13, ""));
    let recorder = wire.close(CloseReason::Closed);
    let lines: BTreeSet<&str> = recorder.seen.iter().map(|seen| seen.summary.as_str()).collect();
    assert_eq!(lines, BTreeSet::from(["GET /a 200", "GET ? 200", "GET /c 200", "? 200"]));
    assert_eq!((recorder.seen.len(), recorder.unobserved), (7, 0));
}

#[test]
fn a_head_that_is_not_copied_whole_gives_what_it_can() {
    let mut wire = begun();
    let head = get(1, "/cut");
    let cut = head.len() - 12;
    wire.asks(&head[..cut]).not_copied(Direction::ToServer, 12).answers(&ok(1, "x"));
    assert_eq!(wire.summaries(), ["GET /cut 200"]);
    assert_eq!(wire.recorder.seen[0].outcome, Outcome::Complete);
    assert_eq!(wire.recorder.seen[0].attribute("server.address"), None);
}

#[test]
fn an_end_that_was_lost_makes_the_exchange_partial() {
    let mut wire = begun();
    wire.asks(&get(1, "/a")).answers(&headers(1, 0, &[(":status", "200")]));
    wire.lost(Direction::ToClient, 500, 1);
    wire.asks(&get(3, "/b")).answers(&ok(3, "x"));
    assert_eq!(wire.summaries(), ["GET /b 200"]);
    assert_eq!(wire.recorder.seen[0].outcome, Outcome::Complete, "its head and all after it were seen");
    wire.pass(40_000 * MILLISECOND);
    assert_eq!((wire.recorder.seen[1].outcome, wire.recorder.seen[1].ended), (Outcome::Partial, None));
}

#[test]
fn an_end_that_was_not_copied_is_one_all_the_same() {
    let mut wire = begun();
    let last = data(1, END_STREAM, &[0; 9_000]);
    wire.asks(&get(1, "/a")).answers(&headers(1, 0, &[(":status", "200")])).answers(&last[..4_000]);
    wire.not_copied(Direction::ToClient, last.len() as u64 - 4_000 + 77);
    let seen = &wire.recorder.seen[0];
    assert_eq!((seen.outcome, seen.ended), (Outcome::Complete, Some(wire.now)));
}

#[test]
fn a_padded_head_of_which_nothing_was_seen_breaks_nothing() {
    let mut wire = begun();
    let head = frame(kind::HEADERS, END_HEADERS | END_STREAM | flag::PADDED, 1, &[0; 20]);
    wire.asks(&head[..9]).not_copied(Direction::ToServer, 20).asks(&get(3, "/next")).answers(&ok(3, "x"));
    assert_eq!(wire.summaries(), ["GET /next 200"]);
    let continued = frame(kind::CONTINUATION, END_HEADERS | flag::PADDED, 5, b"");
    wire.asks(&frame(kind::HEADERS, 0, 5, &[0; 20])[..9])
        .not_copied(Direction::ToServer, 20)
        .asks(&continued);
}

#[test]
fn what_was_not_seen_is_not_said_to_have_been_cut_off() {
    let mut wire = begun();
    wire.asks(&get(1, "/a")).answers(&headers(1, 0, &[(":status", "200")]));
    wire.answers(&data(1, 0, b"abc")[..10]).not_copied(Direction::ToClient, 40_000);
    let recorder = wire.close(CloseReason::Closed);
    assert_eq!((recorder.seen[0].outcome, recorder.seen[0].error()), (Outcome::Partial, None));
}

#[test]
fn streams_that_began_unseen_are_counted() {
    let mut wire = begun();
    wire.asks(&get(1, "/a")).answers(&ok(1, "x"));
    wire.lost(Direction::ToServer, 400, 3).lost(Direction::ToClient, 400, 3);
    wire.asks(&get(9, "/b")).answers(&ok(9, "x"));
    assert_eq!(wire.close(CloseReason::Closed).unobserved, 3);
    // A client that leaves numbers out has lost nothing.
    let mut wire = begun();
    wire.asks(&get(1, "/a")).answers(&ok(1, "x")).asks(&get(99, "/b")).answers(&ok(99, "x"));
    assert_eq!(wire.close(CloseReason::Closed).unobserved, 0);
}

/// An encoder that inserts what it sends, so that blocks depend on those before them.
#[derive(Default)]
pub(super) struct Encoder {
    table: Vec<(String, String)>,
}

impl Encoder {
    pub(super) fn block(&mut self, fields: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for &(name, value) in fields {
            let in_every_table = match (name, value) {
                (":method", "POST") => Some(0x83),
                (":scheme", "http") => Some(0x86),
                (":status", "200") => Some(0x88),
                _ => None,
            };
            if let Some(index) = in_every_table {
                bytes.push(index);
                continue;
            }
            let field = (name.to_owned(), value.to_owned());
            if let Some(place) = self.table.iter().take(60).position(|known| *known == field) {
                bytes.push(0x80 | u8::try_from(62 + place).expect("short"));
                continue;
            }
            bytes.push(0x40);
            for text in [name, value] {
                bytes.push(u8::try_from(text.len()).expect("short"));
                bytes.extend_from_slice(text.as_bytes());
            }
            self.table.insert(0, field);
            self.table.truncate(60);
        }
        bytes
    }
}

/// Exchange number n asks for `/n%7` in stream 2n+1 with a body of n%3, and is answered with a length that names it.
fn conversation(count: u32) -> Vec<(Direction, Vec<u8>)> {
    let (mut client, mut server) = (Encoder::default(), Encoder::default());
    let mut steps = vec![
        (Direction::ToServer, PREFACE.to_vec()),
        (Direction::ToServer, settings()),
        (Direction::ToClient, settings()),
    ];
    let mut answers = Vec::new();
    for number in 0..count {
        let stream = number * 2 + 1;
        let path = format!("/{number}");
        let shared = format!("agent-{}", number % 3);
        let head = client.block(&[&ask("POST", &path)[..], &[("user-agent", &shared)]].concat());
        steps.push((Direction::ToServer, frame(kind::HEADERS, END_HEADERS, stream, &head)));
        steps.push((Direction::ToServer, data(stream, END_STREAM, path.as_bytes())));
        let status = if number % 4 == 1 { "404" } else { "200" };
        let head = server.block(&[(":status", status), ("server", "s"), ("x-number", &path)]);
        answers.push((Direction::ToClient, frame(kind::HEADERS, END_HEADERS, stream, &head)));
        answers.push((Direction::ToClient, data(stream, END_STREAM, &vec![b'x'; number as usize])));
        if number % 3 == 2 {
            steps.append(&mut answers);
        }
    }
    steps.append(&mut answers);
    steps
}

/// That whatever is said is true of the exchange that it is said of.
fn check(seen: &Seen) -> Result<(), TestCaseError> {
    let number = seen.attribute("http.response.header.x-number").or(seen.path());
    let Some(number) = number.and_then(|path| path[1..].parse::<u32>().ok()) else { return Ok(()) };
    let path = format!("/{number}");
    let is = |name: &str, truth: &str| seen.attribute(name).is_none_or(|value| value == truth);
    prop_assert!(is("url.path", &path), "{seen:?}");
    prop_assert!(is("http.response.header.x-number", &path), "{seen:?}");
    prop_assert!(is("http.response.status_code", if number % 4 == 1 { "404" } else { "200" }), "{seen:?}");
    prop_assert!(is("user_agent.original", &format!("agent-{}", number % 3)), "{seen:?}");
    prop_assert!(is("http.request.method", "POST"), "{seen:?}");
    prop_assert!(is("server.address", "shop.example"), "{seen:?}");
    if seen.outcome == Outcome::Complete {
        prop_assert!(is("http.response.body.size", &number.to_string()), "{seen:?}");
        prop_assert!(is("http.request.body.size", &path.len().to_string()), "{seen:?}");
    }
    Ok(())
}

pub(super) fn with_numbers() -> Settings {
    let captured_headers = ["x-number".to_owned()].into();
    Settings {
        http: crate::http::HttpSettings { captured_headers, ..Default::default() },
        ..Settings::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_dropped_nothing_said_is_wrong_and_everything_is_accounted_for(
        count in 2..12_u32,
        drops in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..6),
    ) {
        let steps = conversation(count);
        let mut wire = Wire::with(with_numbers(), true);
        let dropped: BTreeSet<usize> = drops.iter().map(|(drop, _)| drop.index(steps.len())).collect();
        for (number, (direction, bytes)) in steps.iter().enumerate() {
            if dropped.contains(&number) {
                wire.lost(*direction, bytes.len() as u64, 1);
            } else {
                wire.bytes(*direction, bytes);
            }
        }
        let recorder = wire.close(CloseReason::Closed);
        for seen in &recorder.seen {
            check(seen)?;
            prop_assert!(seen.outcome != Outcome::Complete || seen.missing_bytes == 0);
        }
        let accounted = recorder.seen.len() as u64 + recorder.unobserved;
        prop_assert!(accounted <= u64::from(count), "{accounted} of {count}: {:#?}", recorder.seen);
        // An exchange at the very end that was lost whole leaves no trace.
        let last = steps.iter().rposition(|(direction, bytes)| {
            *direction == Direction::ToServer && bytes[3] == kind::HEADERS
        });
        if dropped.is_empty() || last.is_some_and(|last| !dropped.contains(&last)) && !dropped.contains(&0) {
            prop_assert_eq!(accounted, u64::from(count), "{:#?}", recorder);
        }
        if dropped.is_empty() {
            prop_assert!(recorder.seen.iter().all(|seen| seen.outcome == Outcome::Complete));
        }
    }

    #[test]
    fn joined_anywhere_nothing_said_is_wrong(
        count in 2..12_u32, from in any::<prop::sample::Index>(), within in any::<prop::sample::Index>(),
    ) {
        let steps = conversation(count);
        let from = from.index(steps.len());
        let mut wire = Wire::with(with_numbers(), false);
        let (direction, bytes) = &steps[from];
        wire.bytes(*direction, &bytes[within.index(bytes.len())..]);
        for (direction, bytes) in &steps[from + 1..] {
            wire.bytes(*direction, bytes);
        }
        let recorder = wire.close(CloseReason::Closed);
        for seen in &recorder.seen {
            check(seen)?;
        }
        let whole = (from..steps.len()).filter(|&step| {
            steps[step].0 == Direction::ToServer && steps[step].1[3] == kind::HEADERS
        });
        let whole = whole.skip(1).count();
        prop_assert!(recorder.seen.len() >= whole, "{} of {whole}", recorder.seen.len());
    }
}
