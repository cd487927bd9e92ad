//! Simple queries.

use super::*;
use crate::Outcome;

#[test]
fn a_query_is_one_exchange_with_its_rows() {
    let mut wire = session();
    let asked = query("SELECT a FROM orders WHERE id = 17");
    let answered = rows(3);
    let started = wire.now + 1_000;
    wire.ask(&[&asked]).answer(&[&answered]);
    let recorder = wire.closed();
    let [seen] = recorder.seen.as_slice() else { panic!("{:?}", recorder.seen) };
    assert_eq!(seen.outcome, Outcome::Complete);
    assert_eq!(seen.summary, "SELECT orders 3 rows");
    assert_eq!(seen.name, "SELECT orders");
    assert_eq!(seen.attribute("db.system.name"), Some("postgresql"));
    assert_eq!(seen.attribute("db.namespace"), Some("shop"));
    assert_eq!(seen.attribute("db.query.text"), Some("SELECT a FROM orders WHERE id = ?"));
    assert_eq!(seen.attribute("db.query.summary"), Some("SELECT orders"));
    assert_eq!(seen.attribute("db.response.returned_rows"), Some("3"));
    assert_eq!(seen.attribute("plainsight.postgresql.command_tags"), Some("SELECT 3"));
    assert_eq!(seen.attribute("db.operation.name"), None, "not to be taken from the text");
    assert_eq!(seen.attribute("db.response.status_code"), None);
    assert_eq!(seen.error(), None);
    assert_eq!((seen.request_bytes, seen.response_bytes), (asked.len() as u64, answered.len() as u64));
    assert_eq!((seen.started, seen.ended), (started, Some(started + 1_000)));
    assert_eq!(seen.client.get("server.port").map(String::as_str), Some("8080"));
    assert_eq!(seen.client.get("server.address").map(String::as_str), Some("10.0.0.9"));
    assert_eq!(seen.attribute("client.address"), Some("10.0.0.7"));
}

#[test]
fn an_error_is_told_by_its_sqlstate_and_nothing_of_its_text() {
    let mut wire = session();
    wire.ask(&[query("SELECT 1 FROM nothing")]).answer(&[error("42P01"), ready()]);
    let recorder = wire.closed();
    assert_eq!(lines(&recorder), ["SELECT nothing ERROR 42P01"]);
    let seen = &recorder.seen[0];
    assert_eq!(seen.errors, [Some("42P01".to_owned()), Some("42P01".to_owned())]);
    assert_eq!(seen.attribute("db.response.status_code"), Some("42P01"));
    assert!(!format!("{seen:?}").contains("s3cret"));
}

#[test]
fn only_class_02_and_above_are_failures() {
    for (state, failure) in [("00000", false), ("01000", false), ("02000", true), ("XX000", true)] {
        let mut wire = session();
        wire.ask(&[query("SELECT 1")]).answer(&[error(state), ready()]);
        let recorder = wire.closed();
        assert_eq!(recorder.seen[0].error(), failure.then_some(state));
    }
}

#[test]
fn several_statements_in_one_query_are_one_exchange() {
    let mut wire = session();
    wire.ask(&[query("INSERT INTO a VALUES (1); UPDATE b SET c = 2; SELECT d FROM e")]);
    wire.answer(&[
        complete("INSERT 0 1"),
        complete("UPDATE 4"),
        columns(&["d"]),
        row(&["x"]),
        row(&["y"]),
        complete("SELECT 2"),
        ready(),
    ]);
    let recorder = wire.closed();
    let seen = &recorder.seen[0];
    assert_eq!(recorder.seen.len(), 1);
    assert_eq!(seen.attribute("plainsight.postgresql.command_tags"), Some("INSERT 0 1|UPDATE 4|SELECT 2"));
    assert_eq!(seen.attribute("db.response.returned_rows"), Some("2"));
    assert_eq!(seen.attribute("plainsight.db.response.affected_rows"), Some("5"));
}

#[test]
fn an_error_ends_a_query_of_several_statements() {
    let mut wire = session();
    wire.ask(&[query("INSERT INTO a VALUES (1); SELECT 1/0; SELECT 2")]);
    wire.answer(&[complete("INSERT 0 1"), error("22012"), ready()]);
    let recorder = wire.closed();
    assert_eq!(recorder.seen.len(), 1);
    assert_eq!(recorder.seen[0].error(), Some("22012"));
    assert_eq!(recorder.seen[0].attribute("plainsight.postgresql.command_tags"), Some("INSERT 0 1"));
}

#[test]
fn rows_that_were_made_are_not_rows_that_came_back() {
    for (text, replies, returned, affected) in [
        ("CREATE TABLE a AS SELECT 1", vec![complete("SELECT 5")], None, Some("5")),
        ("INSERT INTO a VALUES (1)", vec![complete("INSERT 0 1")], None, Some("1")),
        (
            "DELETE FROM a RETURNING b",
            vec![columns(&["b"]), row(&["1"]), complete("DELETE 1")],
            Some("1"),
            Some("1"),
        ),
        ("SELECT 1 WHERE false", vec![columns(&["b"]), complete("SELECT 0")], Some("0"), None),
        ("SHOW all", vec![columns(&["b"]), row(&["1"]), row(&["2"]), complete("SHOW")], Some("2"), None),
        ("BEGIN", vec![complete("BEGIN")], None, None),
        ("", vec![empty(b'I')], None, None),
    ] {
        let mut wire = session();
        wire.ask(&[query(text)]).answer(&[replies.concat(), ready()]);
        let recorder = wire.closed();
        assert_eq!(recorder.seen.len(), 1, "{text}");
        let seen = &recorder.seen[0];
        assert_eq!(seen.outcome, Outcome::Complete, "{text}");
        assert_eq!(seen.attribute("db.response.returned_rows"), returned, "{text}");
        assert_eq!(seen.attribute("plainsight.db.response.affected_rows"), affected, "{text}");
    }
}

#[test]
fn what_comes_at_any_time_answers_nothing() {
    let mut wire = session();
    wire.answer(&[notification(), parameter("TimeZone", "UTC"), notice()]);
    wire.ask(&[query("SELECT 1")]).answer(&[notice(), rows(1), notification()]);
    wire.ask(&[query("SELECT 2")]).answer(&[parameter("a", "b"), rows(2)]);
    let recorder = wire.closed();
    assert_eq!(lines(&recorder), ["SELECT 1 row", "SELECT 2 rows"]);
    assert_eq!(recorder.unobserved, 0);
}

#[test]
fn queries_sent_ahead_are_answered_in_order() {
    let mut wire = session();
    wire.ask(&[query("SELECT a FROM one"), query("SELECT b FROM two")]);
    wire.answer(&[rows(1)]).answer(&[error("42P01"), ready()]);
    assert_eq!(lines(&wire.closed()), ["SELECT one 1 row", "SELECT two ERROR 42P01"]);
}

#[test]
fn a_query_that_is_not_answered_says_why() {
    for (reason, error) in [
        (CloseReason::Closed, Some("connection_closed")),
        (CloseReason::Reset, Some("connection_reset")),
        (CloseReason::Evicted, None),
    ] {
        let mut wire = session();
        wire.ask(&[query("SELECT a FROM one")]);
        let recorder = wire.close(reason);
        assert_eq!(recorder.seen[0].outcome, Outcome::NoResponse(reason));
        assert_eq!(recorder.seen[0].error(), error);
        let mut wire = session();
        wire.ask(&[query("SELECT a FROM one")]).answer(&[columns(&["a"]), row(&["1"])]);
        let recorder = wire.close(reason);
        assert_eq!(recorder.seen.len(), 1);
        assert_eq!(recorder.seen[0].outcome, Outcome::NoResponse(reason), "an answer cut short");
        assert_eq!(recorder.seen[0].attribute("db.response.returned_rows"), None);
    }
}

#[test]
fn a_query_that_runs_for_many_minutes_is_waited_for() {
    let mut wire = session();
    wire.ask(&[query("SELECT a FROM one")]).pass(1_800_000_000_000).answer(&[rows(1)]);
    assert_eq!(lines(&wire.closed()), ["SELECT one 1 row"]);
    let mut wire = session();
    wire.ask(&[query("SELECT a FROM one")]).pass(3_700_000_000_000);
    assert_eq!(lines(&wire.recorder), ["SELECT one timeout [NoResponse(Timeout)]"]);
    wire.answer(&[rows(1)]);
    assert_eq!(lines(&wire.closed()).len(), 1, "a late answer is not reported again");
}

#[test]
fn a_session_that_is_ended_by_the_server_fails_what_it_was_asked_and_nothing_else() {
    let mut wire = session();
    wire.ask(&[query("SELECT a FROM one")]).answer(&[failure("FATAL", "57P01")]);
    assert_eq!(lines(&wire.closed()), ["SELECT one ERROR 57P01"]);
    let mut wire = session();
    wire.answer(&[failure("FATAL", "57P01")]);
    assert_eq!(lines(&wire.closed()), [""; 0]);
}

#[test]
fn a_function_call_is_an_exchange() {
    let mut wire = session();
    let call = message(b'F', &[&1598_u32.to_be_bytes(), &[0, 0, 0, 0, 0, 0]]);
    wire.ask(&[call]).answer(&[message(b'V', &[&0_u32.to_be_bytes()]), ready()]);
    assert_eq!(lines(&wire.closed()), ["FunctionCall"]);
}

#[test]
fn a_text_that_says_nothing_known_is_shown_and_named_by_its_database() {
    let mut wire = session();
    wire.ask(&[query("selec\n17")]).answer(&[error("42601"), ready()]);
    let recorder = wire.closed();
    assert_eq!(recorder.seen[0].name, "shop");
    assert_eq!(lines(&recorder), ["selec ? ERROR 42601"]);
}
