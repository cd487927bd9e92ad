//! Nothing grows without bound, whatever is sent.

use proptest::prelude::*;

use super::*;
use crate::{GapCause, Limit, Outcome, postgresql::HELD_BYTES_LIMIT};

impl Wire {
    fn assert_bounded(&self) {
        let held = self.conversation.held_bytes();
        assert!(held <= HELD_BYTES_LIMIT, "{held} bytes held");
    }
}

#[test]
fn a_pipeline_without_end_is_held_in_part_and_the_rest_counted() {
    let mut wire = session();
    let mut asked = 0;
    for index in 0..3000 {
        wire.ask(&[parse("", &format!("SELECT a FROM t{index}")), bind("", ""), execute("", 0)]);
        wire.assert_bounded();
        asked += 1;
    }
    wire.ask(&[sync()]);
    for _ in 0..asked {
        wire.answer(&[empty(b'1'), empty(b'2'), complete("SELECT 0")]);
    }
    wire.answer(&[ready()]);
    wire.ask(&[query("SELECT a FROM one")]).answer(&[rows(1)]);
    let recorder = wire.closed();
    assert!(recorder.limits.contains(&Limit::WaitingRequests));
    assert_eq!(recorder.seen.len() as u64 - 1 + recorder.unobserved, asked);
    assert!(recorder.seen.iter().all(|seen| seen.outcome == Outcome::Complete));
    assert_eq!(lines(&recorder).last().map(String::as_str), Some("SELECT one 1 row"));
}

#[test]
fn a_pipeline_that_is_answered_as_it_goes_needs_no_end() {
    let mut wire = session();
    for index in 0..3000 {
        wire.ask(&[parse("", &format!("SELECT a FROM t{index}")), bind("", ""), execute("", 0), flush()]);
        wire.answer(&[empty(b'1'), empty(b'2'), complete("SELECT 0")]);
        wire.assert_bounded();
    }
    let recorder = wire.closed();
    assert_eq!((recorder.seen.len(), recorder.unobserved, recorder.limits.len()), (3000, 0, 0));
}

#[test]
fn statements_and_portals_are_forgotten_for_new_ones() {
    let mut wire = session();
    let long = "x".repeat(2000);
    for index in 0..600 {
        wire.ask(&[
            parse(&format!("s{index}"), &format!("SELECT {long} FROM t{index}")),
            bind(&format!("p{index}"), &format!("s{index}")),
            execute(&format!("p{index}"), 0),
            sync(),
        ]);
        wire.answer(&[empty(b'1'), empty(b'2'), complete("SELECT 0"), ready()]);
        wire.assert_bounded();
    }
    assert!(wire.conversation.held_bytes() > 100_000, "{} is not much", wire.conversation.held_bytes());
    wire.ask(&[bind("", "s599"), execute("", 0), sync()]).answer(&[
        empty(b'2'),
        complete("SELECT 0"),
        ready(),
    ]);
    wire.ask(&[bind("", "s1"), execute("", 0), sync()]).answer(&[empty(b'2'), complete("SELECT 0"), ready()]);
    let recorder = wire.closed();
    let lines = lines(&recorder);
    assert!(lines[600].contains("t599"), "{}", lines[600]);
    assert!(lines[601].contains("s1 was prepared unseen"), "{}", lines[601]);
    assert!(recorder.limits.contains(&Limit::PreparedStatements));
}

#[test]
fn waiting_queries_are_bounded() {
    let mut wire = session();
    let text = format!("SELECT a FROM {}", "t".repeat(5000));
    for _ in 0..600 {
        wire.ask(&[query(&text)]);
        wire.assert_bounded();
    }
    assert!(wire.recorder.limits.contains(&Limit::WaitingRequests));
    let recorder = wire.closed();
    assert_eq!(recorder.seen.len(), 600);
}

#[test]
fn answers_without_requests_are_bounded() {
    let mut wire = Wire::joined();
    wire.ask(&[query("SELECT 1")]).lost(Direction::ToServer, 100, 1);
    for _ in 0..100 {
        wire.answer(&[complete("BEGIN").repeat(500), ready()]);
        wire.assert_bounded();
    }
}

#[test]
fn a_query_of_a_thousand_statements_keeps_some_of_their_tags() {
    let mut wire = session();
    wire.ask(&[query(&"INSERT INTO a VALUES (1);".repeat(1000))]);
    wire.answer(&[complete("INSERT 0 1").repeat(1000), ready()]);
    let recorder = wire.closed();
    let seen = &recorder.seen[0];
    assert_eq!(seen.attribute("plainsight.db.response.affected_rows"), Some("1000"));
    assert_eq!(
        seen.attribute("plainsight.postgresql.command_tags").map(|tags| tags.split('|').count()),
        Some(16)
    );
}

#[derive(Debug, Clone)]
enum Event {
    Bytes(bool, Vec<u8>),
    Gap(bool, u64, bool),
    End(bool),
    Pass,
}

fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let texts = prop::sample::select(vec!["", "a", "SELECT 1", "s1", "INSERT 0 1", "I", "T"]);
    let kinds = prop::sample::select(b"QPBDECSHFXdcfp1233ntTZCEINASVGHWsRKv".to_vec());
    prop_oneof![
        (kinds.clone(), texts).prop_map(|(kind, text)| message(kind, &[&zero_ended(text)])),
        kinds.clone().prop_map(|kind| message(kind, &[])),
        (kinds, prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(kind, body)| message(kind, &[&body])),
        Just(ready()),
        Just(sync()),
        Just(query("SELECT a FROM b")),
        Just(error("42P01")),
        Just([parse("s", "SELECT 1"), bind("p", "s"), execute("p", 0)].concat()),
        Just(rows(2)),
        prop::collection::vec(any::<u8>(), 0..30),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => (any::<bool>(), any_message()).prop_map(|(to_server, bytes)| Event::Bytes(to_server, bytes)),
        1 => (any::<bool>(), 0_u64..2000, any::<bool>()).prop_map(|(to, bytes, lost)| Event::Gap(to, bytes, lost)),
        1 => any::<bool>().prop_map(|to| Event::Gap(to, crate::Gap::UNKNOWN_BYTES, true)),
        1 => any::<bool>().prop_map(Event::End),
        1 => Just(Event::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn nothing_that_is_sent_breaks_it(events in prop::collection::vec(any_event(), 0..60), begun in any::<bool>()) {
        let mut wire = if begun { session() } else { Wire::joined() };
        for event in events {
            let direction = |to_server| if to_server { Direction::ToServer } else { Direction::ToClient };
            match event {
                Event::Bytes(to_server, bytes) => wire.bytes(direction(to_server), &bytes),
                Event::Gap(to_server, bytes, lost) => {
                    let cause = if lost { GapCause::Lost { calls: 1 } } else { GapCause::NotCopied };
                    wire.gap(direction(to_server), bytes, cause)
                }
                Event::End(to_server) => wire.end(direction(to_server)),
                Event::Pass => wire.pass(4_000_000_000_000),
            };
            wire.assert_bounded();
        }
        let recorder = wire.closed();
        for seen in &recorder.seen {
            let shown = format!("{seen:?}");
            prop_assert!(!shown.contains("s3cret"));
            prop_assert!(!seen.summary.chars().any(char::is_control));
            if seen.outcome == Outcome::Complete {
                prop_assert!(seen.ended.is_some(), "a complete exchange has an end: {}", shown);
                prop_assert_eq!(seen.missing_bytes, 0, "nothing is missing of it: {}", shown);
            }
        }
    }
}
