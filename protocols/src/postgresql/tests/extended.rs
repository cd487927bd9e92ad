//! The extended protocol.

use super::*;
use crate::Outcome;

#[test]
fn an_execute_is_one_exchange_with_what_led_to_it() {
    let mut wire = session();
    let asked = [
        parse("", "SELECT a FROM orders WHERE id = $1"),
        bind("", ""),
        describe(b'P', ""),
        execute("", 0),
        sync(),
    ];
    let answered = [empty(b'1'), empty(b'2'), rows(2)];
    wire.ask(&asked).answer(&answered);
    let recorder = wire.closed();
    let [seen] = recorder.seen.as_slice() else { panic!("{:?}", recorder.seen) };
    assert_eq!((seen.summary.as_str(), seen.outcome), ("SELECT orders 2 rows", Outcome::Complete));
    assert_eq!(seen.attribute("db.query.text"), Some("SELECT a FROM orders WHERE id = $1"));
    assert_eq!(seen.attribute("db.response.returned_rows"), Some("2"));
    assert_eq!(seen.request_bytes, asked.concat().len() as u64);
    assert_eq!(seen.response_bytes, answered.concat().len() as u64);
    assert!(!format!("{seen:?}").contains("s3cret"), "parameters are not shown");
}

#[test]
fn a_prepared_statement_is_shown_by_its_text() {
    let mut wire = session();
    wire.ask(&[parse("s1", "SELECT a FROM orders"), describe(b'S', "s1"), sync()]);
    wire.answer(&[empty(b'1'), message(b't', &[&[0, 0]]), columns(&["a"]), ready()]);
    for _ in 0..2 {
        wire.ask(&[bind("", "s1"), execute("", 0), sync()]);
        wire.answer(&[empty(b'2'), row(&["1"]), complete("SELECT 1"), ready()]);
    }
    wire.ask(&[close(b'S', "s1"), sync()]).answer(&[empty(b'3'), ready()]);
    wire.ask(&[bind("", "s1"), execute("", 0), sync()]).answer(&[error("26000"), ready()]);
    let recorder = wire.closed();
    assert_eq!(
        lines(&recorder),
        [
            "PREPARE SELECT orders",
            "SELECT orders 1 row",
            "SELECT orders 1 row",
            "CLOSE",
            "EXECUTE (statement s1 was prepared unseen) ERROR 26000"
        ]
    );
    assert_eq!(recorder.seen[0].attribute("db.operation.name"), Some("PREPARE"));
    assert_eq!(recorder.seen[0].attribute("db.query.summary"), Some("PREPARE SELECT orders"));
}

#[test]
fn a_statement_prepared_unseen_says_so_and_is_named_by_what_the_server_did() {
    let mut wire = Wire::joined();
    let asked = [bind("", "S_1"), execute("", 0), sync()];
    wire.ask(&asked).answer(&[empty(b'2'), complete("UPDATE 3"), ready()]);
    let recorder = wire.closed();
    let [seen] = recorder.seen.as_slice() else { panic!("{:?}", recorder.seen) };
    assert_eq!(seen.summary, "UPDATE (statement S_1 was prepared unseen) 3 rows affected");
    assert_eq!(seen.name, "UPDATE");
    assert_eq!(seen.attribute("db.query.text"), None);
    assert_eq!(seen.attribute("db.namespace"), None);
    assert_eq!(seen.attribute("plainsight.postgresql.statement"), Some("unknown"));
    assert_eq!(seen.attribute("plainsight.postgresql.statement_name"), Some("S_1"));
}

#[test]
fn a_pipeline_is_one_exchange_for_each_execute() {
    let mut wire = session();
    let begins = wire.offsets;
    wire.ask(&[
        parse("a", "INSERT INTO one VALUES ($1)"),
        bind("", "a"),
        execute("", 0),
        bind("", "a"),
        execute("", 0),
        parse("", "SELECT b FROM two"),
        bind("", ""),
        execute("", 0),
        sync(),
    ]);
    let insert = [empty(b'2'), complete("INSERT 0 1")].concat();
    wire.answer(&[empty(b'1'), insert.clone(), insert]);
    assert_eq!(lines(&wire.recorder).len(), 2, "told as they are answered");
    wire.answer(&[empty(b'1'), empty(b'2'), row(&["1"]), complete("SELECT 1"), ready()]);
    let recorder = wire.closed();
    assert_eq!(
        lines(&recorder),
        ["INSERT one 1 row affected", "INSERT one 1 row affected", "SELECT two 1 row"]
    );
    let [asked, answered] = begins;
    let inserts = [bind("", "a"), execute("", 0)].concat().len() as u64;
    let parsed = parse("a", "INSERT INTO one VALUES ($1)").len() as u64;
    let answers = [empty(b'2'), complete("INSERT 0 1")].concat().len() as u64;
    let offsets: Vec<_> = recorder.seen.iter().map(|seen| seen.offsets).collect();
    let at = |request, response| [Some(asked + request), Some(answered + response)];
    let second = at(parsed + inserts, 5 + answers);
    assert_eq!(offsets, [at(0, 0), second, at(parsed + 2 * inserts, 5 + 2 * answers)]);
}

#[test]
fn what_follows_an_error_in_a_pipeline_was_skipped() {
    let mut wire = session();
    let step = |text| [parse("", text), bind("", ""), execute("", 0)].concat();
    wire.ask(&[step("SELECT a FROM one"), step("SELECT b FROM two"), step("SELECT c FROM three"), sync()]);
    wire.ask(&[step("SELECT d FROM four"), sync()]);
    let one = [empty(b'1'), empty(b'2'), complete("SELECT 0")].concat();
    wire.answer(&[one.clone(), empty(b'1'), error("42703"), ready(), one, ready()]);
    let recorder = wire.closed();
    assert_eq!(
        lines(&recorder),
        ["SELECT one 0 rows", "SELECT two ERROR 42703", "SELECT three skipped", "SELECT four 0 rows"]
    );
    assert_eq!(recorder.seen[2].error(), None);
    assert_eq!(recorder.seen[2].attribute("plainsight.postgresql.skipped"), Some("true"));
    assert_eq!(recorder.seen[1].attribute("plainsight.postgresql.skipped"), None);
}

#[test]
fn a_statement_that_was_refused_has_no_text_to_be_resolved_to() {
    let mut wire = session();
    wire.ask(&[parse("s", "SELEC a FROM one"), sync()]).answer(&[error("42601"), ready()]);
    wire.ask(&[bind("", "s"), execute("", 0), sync()]).answer(&[error("26000"), ready()]);
    let lines = lines(&wire.closed());
    assert!(lines[0].starts_with("PREPARE") && lines[0].ends_with("ERROR 42601"), "{lines:?}");
    assert_eq!(lines[1], "EXECUTE (statement s was prepared unseen) ERROR 26000");
}

#[test]
fn a_prepare_ended_by_flush_is_told_at_once() {
    let mut wire = session();
    wire.ask(&[parse("s", "SELECT a FROM one"), describe(b'S', "s"), flush()]);
    wire.answer(&[empty(b'1'), message(b't', &[&[0, 0]]), columns(&["a"])]);
    assert_eq!(lines(&wire.recorder), ["PREPARE SELECT one"]);
    wire.ask(&[bind("", "s"), execute("", 0), sync()]);
    wire.answer(&[empty(b'2'), row(&["1"]), complete("SELECT 1"), ready()]);
    assert_eq!(lines(&wire.closed()), ["PREPARE SELECT one", "SELECT one 1 row"]);
}

#[test]
fn a_portal_that_is_read_in_parts_is_an_exchange_for_each() {
    let mut wire = session();
    wire.ask(&[parse("", "SELECT a FROM one"), bind("c", ""), execute("c", 2), sync()]);
    wire.answer(&[empty(b'1'), empty(b'2'), row(&["1"]), row(&["2"]), empty(b's'), ready()]);
    wire.ask(&[execute("c", 2), sync()]).answer(&[row(&["3"]), complete("SELECT 1"), ready()]);
    let recorder = wire.closed();
    assert_eq!(lines(&recorder), ["SELECT one 2 rows, more to come", "SELECT one 1 row"]);
    assert_eq!(recorder.seen[0].attribute("plainsight.postgresql.suspended"), Some("true"));
    assert_eq!(recorder.seen[1].attribute("db.query.text"), Some("SELECT a FROM one"));
}

#[test]
fn a_failed_commit_is_the_error_of_the_last_step() {
    let mut wire = session();
    wire.ask(&[parse("", "INSERT INTO one VALUES (1)"), bind("", ""), execute("", 0), sync()]);
    wire.answer(&[empty(b'1'), empty(b'2'), complete("INSERT 0 1"), error("23503"), ready()]);
    wire.ask(&[sync()]).answer(&[error("40001"), ready()]);
    assert_eq!(lines(&wire.closed()), ["INSERT one ERROR 23503", "SYNC ERROR 40001"]);
}

#[test]
fn a_sync_alone_is_no_exchange() {
    let mut wire = session();
    wire.ask(&[sync()]).answer(&[ready()]);
    wire.ask(&[query("SELECT 1")]).answer(&[rows(1)]);
    assert_eq!(lines(&wire.closed()), ["SELECT 1 row"]);
}

#[test]
fn a_prepare_before_another_statement_is_its_own_exchange() {
    let mut wire = session();
    wire.ask(&[
        parse("s", "SELECT a FROM one"),
        parse("", "SELECT b FROM two"),
        bind("", ""),
        execute("", 0),
        sync(),
    ]);
    wire.answer(&[empty(b'1'), empty(b'1'), empty(b'2'), complete("SELECT 0"), ready()]);
    assert_eq!(lines(&wire.closed()), ["PREPARE SELECT one", "SELECT two 0 rows"]);
}

#[test]
fn a_simple_query_ends_the_unnamed_statement() {
    let mut wire = session();
    wire.ask(&[parse("", "SELECT a FROM one"), sync()]).answer(&[empty(b'1'), ready()]);
    wire.ask(&[query("SELECT b FROM two")]).answer(&[rows(1)]);
    wire.ask(&[bind("", ""), execute("", 0), sync()]).answer(&[error("26000"), ready()]);
    let recorder = wire.closed();
    assert_eq!(recorder.seen[2].attribute("db.query.text"), None);
}

#[test]
fn an_empty_statement_is_an_exchange() {
    let mut wire = session();
    wire.ask(&[parse("", ""), bind("", ""), execute("", 0), sync()]);
    wire.answer(&[empty(b'1'), empty(b'2'), empty(b'I'), ready()]);
    let recorder = wire.closed();
    assert_eq!((recorder.seen.len(), recorder.seen[0].outcome), (1, Outcome::Complete));
}

#[test]
fn replies_that_fit_no_step_pair_with_none() {
    let mut wire = session();
    wire.ask(&[parse("", "SELECT a FROM one"), bind("", ""), execute("", 0), sync()]);
    wire.answer(&[empty(b'1'), empty(b'1'), empty(b'2'), complete("SELECT 0"), ready()]);
    let recorder = wire.closed();
    assert!(recorder.seen.iter().all(|seen| seen.outcome == Outcome::Partial), "{:?}", lines(&recorder));
}
