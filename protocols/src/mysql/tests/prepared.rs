//! Prepared statements: their text is known where they are executed, or said to be unknown.

use super::*;

const LAST: u32 = u32::MAX;

#[test]
fn a_prepared_statement_is_executed_under_its_own_text() {
    for (capabilities, new) in [(0, false), (DEPRECATE_EOF, true)] {
        let mut wire = logged_in(capabilities);
        wire.asks(&prepare("SELECT a FROM t WHERE b = ? AND c = 'x'")).answers(&prepared(5, 1, 1, new));
        wire.asks(&execute(5)).answers(&result(2, new)).asks(&execute(5)).answers(&result(0, new));
        wire.asks(&command(0x1a, &5_u32.to_le_bytes())).answers(&ok(1, 0));
        assert_eq!(
            wire.summaries(),
            ["PREPARE SELECT t", "SELECT t 2 rows", "SELECT t 0 rows", "RESET_STATEMENT SELECT t"]
        );
        let [_, seen, ..] = &wire.recorder.seen[..] else { panic!("{:?}", wire.recorder.seen) };
        assert_eq!(seen.attribute("db.query.text"), Some("SELECT a FROM t WHERE b = ? AND c = ?"));
        assert_eq!(seen.attribute("db.query.summary"), Some("SELECT t"));
        assert_eq!(seen.attribute("plainsight.db.statement.id"), Some("5"));
        assert_eq!((seen.attribute("db.operation.name"), seen.name.as_str()), (None, "SELECT t"));
    }
}

#[test]
fn a_statement_that_was_not_seen_being_prepared_is_said_to_be_unknown() {
    let mut wire = Wire::joined();
    wire.asks(&execute(12)).answers(&result(2, false));
    let [seen] = &wire.recorder.seen[..] else { panic!("{:?}", wire.recorder.seen) };
    assert_eq!(seen.summary, "EXECUTE (unknown statement) 2 rows");
    assert_eq!(seen.attribute("plainsight.db.statement"), Some("unknown"));
    assert_eq!(seen.attribute("plainsight.db.statement.id"), Some("12"));
    assert_eq!(
        (seen.attribute("db.query.text"), seen.attribute("db.operation.name")),
        (None, Some("EXECUTE"))
    );
}

#[test]
fn rows_behind_a_cursor_are_fetched_apart() {
    for (capabilities, new) in [(0, false), (DEPRECATE_EOF, true)] {
        let mut wire = logged_in(capabilities);
        wire.asks(&prepare("SELECT a FROM t")).answers(&prepared(1, 1, 0, new));
        let end = if new { ok_end(3, 2 | CURSOR_EXISTS) } else { eof(3, 2 | CURSOR_EXISTS) };
        wire.asks(&execute(1)).answers(&[packet(1, &[1]), definition(2, "a"), end].concat());
        let fetch = command(0x1c, &[1, 0, 0, 0, 2, 0, 0, 0]);
        let rows = [packet(1, b"\0\0\x01a"), packet(2, b"\0\0\x01b"), eof(3, 2 | CURSOR_EXISTS)].concat();
        wire.asks(&fetch).answers(&rows).asks(&fetch).answers(&eof(1, 0x82));
        assert_eq!(
            wire.summaries(),
            ["PREPARE SELECT t", "SELECT t 0 rows", "FETCH SELECT t 2 rows", "FETCH SELECT t 0 rows"]
        );
    }
}

#[test]
fn a_statement_may_be_executed_before_the_server_has_given_it_a_number() {
    let mut wire = logged_in(DEPRECATE_EOF);
    wire.asks(&prepare("SELECT a FROM t")).asks(&execute(LAST));
    wire.answers(&prepared(9, 1, 0, true)).answers(&result(1, true));
    wire.asks(&[prepare("SELECT nope FROM u"), execute(LAST)].concat());
    wire.answers(&failure(1, 1054, "42S22")).answers(&failure(1, 1243, "HY000"));
    assert_eq!(
        wire.summaries(),
        [
            "PREPARE SELECT t",
            "SELECT t 1 row",
            "PREPARE SELECT u ERR 1054",
            "EXECUTE (unknown statement) ERR 1243"
        ]
    );
    assert_eq!(wire.recorder.seen[1].attribute("plainsight.db.statement.id"), Some("9"));
    assert_eq!(wire.recorder.seen[3].attribute("plainsight.db.statement.id"), None);
}

#[test]
fn many_rows_may_be_sent_with_one_execution() {
    let mut wire = logged_in(DEPRECATE_EOF);
    wire.asks(&prepare("INSERT INTO t VALUES (?)")).answers(&prepared(1, 0, 1, true));
    wire.asks(&command(0xfa, &[1, 0, 0, 0, 0x80, 0, 8, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8])).answers(&ok(1, 40));
    assert_eq!(wire.summaries(), ["PREPARE INSERT t", "INSERT t 40 affected"]);
}

#[test]
fn statements_are_forgotten_oldest_first_and_then_said_to_be_unknown() {
    let mut wire = logged_in(DEPRECATE_EOF);
    for id in 0..1_100_u32 {
        let text = format!("SELECT a{id} FROM t{id}");
        wire.asks(&prepare(&text)).answers(&prepared(id, 0, 0, true));
    }
    assert!(wire.recorder.limits.contains(&Limit::PreparedStatements));
    wire.recorder.seen.clear();
    wire.asks(&execute(0)).answers(&ok(1, 0)).asks(&execute(1_099)).answers(&ok(1, 0));
    assert_eq!(wire.summaries(), ["EXECUTE (unknown statement)", "SELECT t1099"]);
    for id in 0..1_100_u32 {
        wire.asks(&command(0x19, &id.to_le_bytes()));
    }
    assert!(wire.conversation.held_bytes() < 20_000, "{}", wire.conversation.held_bytes());
}
