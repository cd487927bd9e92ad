//! Data that is copied in bulk.

use super::*;
use crate::Outcome;

fn copy_in() -> Vec<u8> {
    message(b'G', &[&[0, 0, 1, 0, 0]])
}

fn copy_out() -> Vec<u8> {
    message(b'H', &[&[0, 0, 1, 0, 0]])
}

fn data(bytes: usize) -> Vec<u8> {
    message(b'd', &[&vec![b'x'; bytes]])
}

#[test]
fn data_copied_in_belongs_to_its_query() {
    let mut wire = session();
    let asked = query("COPY orders FROM STDIN");
    wire.ask(&[&asked]).answer(&[copy_in()]);
    wire.ask(&[data(3000), data(3000)]).ask(&[message(b'c', &[])]);
    wire.answer(&[complete("COPY 12"), ready()]);
    wire.ask(&[query("SELECT 1")]).answer(&[rows(1)]);
    let recorder = wire.closed();
    let seen = &recorder.seen[0];
    assert_eq!(seen.outcome, Outcome::Complete);
    assert_eq!(seen.request_bytes, (asked.len() + 2 * 3005 + 5) as u64);
    assert_eq!(seen.attribute("plainsight.db.response.affected_rows"), Some("12"));
    assert_eq!(seen.attribute("db.response.returned_rows"), None);
    assert_eq!(recorder.seen.len(), 2);
}

#[test]
fn data_that_was_not_copied_to_us_is_counted_all_the_same() {
    let mut wire = session();
    let asked = query("COPY orders FROM STDIN");
    wire.ask(&[&asked]).answer(&[copy_in()]);
    for _ in 0..3 {
        wire.ask(&[data(400), data(400), data(400)[..90].to_vec()]).not_copied(Direction::ToServer, 8000);
    }
    wire.ask(&[message(b'c', &[])]).answer(&[complete("COPY 12"), ready()]);
    wire.ask(&[query("SELECT 1")]).answer(&[rows(1)]);
    wire.ask(&[query("SELECT 2")]).answer(&[rows(2)]);
    let recorder = wire.closed();
    assert_eq!(lines(&recorder)[1..], ["SELECT 1 row", "SELECT 2 rows"]);
    let seen = &recorder.seen[0];
    assert_eq!(seen.outcome, Outcome::Complete);
    assert_eq!(seen.request_bytes, (asked.len() + 3 * (900 + 8000) + 5) as u64);
}

#[test]
fn data_copied_out_is_returned_rows() {
    let mut wire = session();
    wire.ask(&[query("COPY orders TO STDOUT")]);
    wire.answer(&[copy_out(), data(500), data(500), empty(b'c'), complete("COPY 2"), ready()]);
    let recorder = wire.closed();
    assert_eq!(recorder.seen[0].attribute("db.response.returned_rows"), Some("2"));
    assert_eq!(recorder.seen[0].outcome, Outcome::Complete);
}

#[test]
fn a_copy_that_fails_midway_leaves_the_rest_of_its_data_unanswered() {
    let mut wire = session();
    wire.ask(&[query("COPY orders FROM STDIN")]).answer(&[copy_in()]);
    wire.ask(&[data(300)]).answer(&[error("22P02"), ready()]);
    wire.ask(&[data(300), message(b'c', &[])]);
    wire.ask(&[query("SELECT 1")]).answer(&[rows(1)]);
    let lines = lines(&wire.closed());
    assert!(lines[0].ends_with("ERROR 22P02"), "{lines:?}");
    assert_eq!(lines[1..], ["SELECT 1 row"]);
}

#[test]
fn a_copy_given_up_by_the_client_is_an_error() {
    let mut wire = session();
    wire.ask(&[query("COPY orders FROM STDIN")]).answer(&[copy_in()]);
    wire.ask(&[data(300), message(b'f', &[b"no more\0"])]).answer(&[error("57014"), ready()]);
    assert!(lines(&wire.closed())[0].ends_with("ERROR 57014"));
}

#[test]
fn a_sync_that_is_passed_over_during_a_copy_ends_no_group() {
    let mut wire = session();
    wire.ask(&[parse("", "COPY orders FROM STDIN"), bind("", ""), execute("", 0), sync()]);
    wire.answer(&[empty(b'1'), empty(b'2'), copy_in()]);
    wire.ask(&[data(100)]).ask(&[message(b'c', &[]), sync()]).answer(&[complete("COPY 1"), ready()]);
    wire.ask(&[query("SELECT 1")]).answer(&[rows(1)]);
    let recorder = wire.closed();
    assert_eq!(lines(&recorder)[1..], ["SELECT 1 row"]);
    assert_eq!(recorder.seen[0].outcome, Outcome::Complete);
    assert_eq!(recorder.seen[0].attribute("plainsight.db.response.affected_rows"), Some("1"));
}
