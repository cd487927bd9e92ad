//! Where answers end, and what they say.

use super::*;

#[test]
fn rows_are_counted_under_the_old_rules_and_the_new() {
    for (capabilities, new) in [(0, false), (DEPRECATE_EOF, true)] {
        for rows in [0, 1, 3, 700] {
            let mut wire = logged_in(capabilities);
            wire.asks(&query("SELECT name FROM orders")).answers(&result(rows, new));
            wire.asks(&command(14, b"")).answers(&ok(1, 0));
            let what = if rows == 1 { "row" } else { "rows" };
            assert_eq!(wire.summaries(), [format!("SELECT orders {rows} {what}"), "PING".to_owned()]);
            let rows = rows.to_string();
            let seen = &wire.recorder.seen[0];
            assert_eq!(seen.attribute("db.response.returned_rows"), Some(rows.as_str()));
            assert_eq!(seen.outcome, Outcome::Complete);
        }
    }
}

#[test]
fn which_rules_hold_is_inferred_where_the_login_was_not_seen() {
    for new in [false, true] {
        for rows in [0, 2] {
            let mut wire = Wire::joined();
            wire.asks(&query("SELECT name FROM orders")).answers(&result(rows, new));
            wire.asks(&prepare("SELECT 1 FROM t")).answers(&prepared(1, 1, 0, new));
            wire.asks(&execute(1)).answers(&result(rows, new));
            let rows = format!("{rows} rows");
            assert_eq!(
                wire.summaries(),
                [format!("SELECT orders {rows}"), "PREPARE SELECT t".to_owned(), format!("SELECT t {rows}")]
            );
        }
    }
}

#[test]
fn a_prepared_statement_answered_before_the_rules_are_known_ends_with_the_next_command() {
    for new in [false, true] {
        let mut wire = Wire::joined();
        wire.asks(&prepare("DELETE FROM t WHERE a = ?")).answers(&prepared(1, 0, 1, new));
        wire.asks(&execute(1)).answers(&ok(1, 4)).asks(&query("SELECT b FROM u")).answers(&result(2, new));
        assert_eq!(wire.summaries(), ["PREPARE DELETE t", "DELETE t 4 affected", "SELECT u 2 rows"], "{new}");
        assert!(wire.recorder.seen.iter().all(|seen| seen.outcome == Outcome::Complete));
    }
}

#[test]
fn several_statements_in_one_command_are_one_exchange() {
    for new in [false, true] {
        let mut wire = logged_in(if new { DEPRECATE_EOF } else { 0 });
        let (first, next) = result_from(1, 2, new, MORE_RESULTS);
        let (second, next) = result_from(next, 3, new, MORE_RESULTS);
        wire.asks(&query("SELECT a FROM t; SELECT b FROM u; UPDATE v SET c = 1"));
        wire.answers(&[first, second, ok(next, 5)].concat());
        wire.asks(&query("SELECT 1; SELECT nope FROM t"));
        let (first, next) = result_from(1, 1, new, MORE_RESULTS);
        wire.answers(&first).answers(&failure(next, 1054, "42S22"));
        let [all, failed] = &wire.recorder.seen[..] else { panic!("{:?}", wire.recorder.seen) };
        assert_eq!(all.attribute("db.response.returned_rows"), Some("5"));
        assert_eq!(all.attribute("plainsight.db.affected_rows"), Some("5"));
        assert_eq!((failed.error(), failed.outcome), (Some("1054"), Outcome::Complete));
    }
}

#[test]
fn an_error_tells_its_code_and_state_and_never_its_message() {
    let mut wire = logged_in(0);
    wire.asks(&query("INSERT INTO t VALUES ('a secret')")).answers(&failure(1, 1062, "23000"));
    let [seen] = &wire.recorder.seen[..] else { panic!("{:?}", wire.recorder.seen) };
    assert_eq!((seen.summary.as_str(), seen.error()), ("INSERT t ERR 1062", Some("1062")));
    assert_eq!(seen.attribute("db.response.status_code"), Some("1062"));
    assert_eq!(seen.attribute("plainsight.db.sqlstate"), Some("23000"));
    assert!(!format!("{seen:?}").contains("secret"));
}

#[test]
fn an_error_may_come_after_rows() {
    let mut wire = logged_in(0);
    let (rows, next) = result_from(1, 2, false, 2);
    let rows = &rows[..rows.len() - 9];
    wire.asks(&query("SELECT a FROM t")).answers(rows).answers(&failure(next - 1, 1317, "70100"));
    assert_eq!(wire.summaries(), ["SELECT t ERR 1317"]);
}

#[test]
fn a_file_is_part_of_the_request_that_loads_it() {
    let mut wire = logged_in(0);
    let load = query("LOAD DATA LOCAL INFILE '/secret/path' INTO TABLE t");
    wire.asks(&load).answers(&packet(1, b"\xfb/secret/path"));
    // More packets than there are sequence numbers, some of which look like commands.
    let mut bytes = load.len();
    for part in 0..600_u32 {
        let data = packet(u8::try_from((part + 2) % 256).expect("below 256"), b"\x03SELECT a, b FROM c\n");
        bytes += data.len();
        wire.asks(&data);
    }
    wire.asks(&packet(90, b"")).answers(&ok(91, 200));
    wire.asks(&command(14, b"")).answers(&ok(1, 0));
    assert_eq!(wire.summaries(), ["LOAD DATA t 200 affected", "PING"]);
    assert_eq!(wire.recorder.seen[0].request_bytes, bytes as u64 + 4);
    assert!(!format!("{:?}", wire.recorder.seen).contains("secret"));
}

#[test]
fn a_file_that_cannot_be_read_is_still_answered() {
    let mut wire = logged_in(0);
    wire.asks(&query("LOAD DATA LOCAL INFILE 'x' INTO TABLE t")).answers(&packet(1, b"\xfbx"));
    wire.asks(&packet(2, b"")).answers(&failure(3, 2, "HY000"));
    assert_eq!(wire.summaries(), ["LOAD DATA t ERR 2"]);
}

#[test]
fn a_file_that_is_not_copied_whole_does_not_look_like_commands() {
    let mut wire = logged_in(0);
    wire.asks(&query("LOAD DATA LOCAL INFILE 'x' INTO TABLE t")).answers(&packet(1, b"\xfbx"));
    wire.asks(&packet(2, &[b'x'; 3000])).not_copied(Direction::ToServer, 50_000);
    wire.asks(&query("DROP TABLE t")).not_copied(Direction::ToServer, 400).answers(&ok(17, 9));
    wire.asks(&query("SELECT a FROM t")).answers(&result(1, false));
    assert_eq!(told(&wire.recorder.seen), ["LOAD DATA t 9 affected", "SELECT t 1 row"]);
}

#[test]
fn progress_reports_are_no_answers() {
    let mut wire = logged_in(0);
    wire.asks(&query("ALTER TABLE t ADD INDEX (a)"));
    for sequence in 1..4 {
        wire.answers(&packet(sequence, b"\xff\xff\xff\x01\x01\x02\x10\x27\x00\x0ecopy to tmp..."));
    }
    wire.answers(&ok(4, 0));
    assert_eq!(told(&wire.recorder.seen), ["ALTER TABLE t"]);
}

#[test]
fn a_row_longer_than_a_packet_is_one_row() {
    let mut wire = logged_in(0);
    let (head, next) = result_from(1, 0, false, 2);
    wire.asks(&query("SELECT blob FROM t")).answers(&head[..head.len() - 9]);
    let long = vec![0xfe; 0xff_ffff];
    wire.answers(&packet(next - 1, &long)).answers(&packet(next, b"the rest"));
    wire.answers(&packet(next + 1, b"\x01x")).answers(&eof(next + 2, 2));
    assert_eq!(wire.summaries(), ["SELECT t 2 rows"]);
}

#[test]
fn a_statement_longer_than_a_packet_is_one_statement() {
    let mut wire = logged_in(0);
    let mut text = b"\x03INSERT INTO t VALUES ('".to_vec();
    text.resize(0xff_ffff, b'x');
    wire.asks(&packet(0, &text)).asks(&packet(1, b"')")).answers(&ok(2, 1));
    wire.asks(&command(14, b"")).answers(&ok(1, 0));
    assert_eq!(wire.summaries(), ["INSERT t 1 affected", "PING"]);
    assert_eq!(wire.recorder.seen[0].request_bytes, 0xff_ffff + 4 + 6);
}

#[test]
fn definitions_of_columns_may_be_left_out() {
    for (count, name) in [(vec![2, 0], "MariaDB's flag follows"), (vec![0, 2], "MySQL's flag precedes")] {
        let mut wire = logged_in(DEPRECATE_EOF);
        wire.asks(&query("SELECT a FROM t")).answers(&packet(1, &count));
        wire.answers(&packet(2, b"\x01a\x01b")).answers(&ok_end(3, 2));
        assert_eq!(told(&wire.recorder.seen), ["SELECT t 1 row"], "{name}");
    }
}

#[test]
fn the_current_database_follows_what_succeeded() {
    let mut wire = logged_in(0);
    let mut namespace = |request: &[u8], answer: &[u8]| {
        wire.asks(request).answers(answer).asks(&command(14, b"")).answers(&ok(1, 0));
        wire.recorder.seen.last().and_then(|seen| seen.attribute("db.namespace")).unwrap_or("-").to_owned()
    };
    assert_eq!(namespace(&query("SELECT 1"), &result(1, false)), "shop");
    assert_eq!(namespace(&command(2, b"stock"), &ok(1, 0)), "stock");
    assert_eq!(namespace(&command(2, b"nowhere"), &failure(1, 1049, "42000")), "stock");
    assert_eq!(namespace(&query("/* why */ use `a``b` ;"), &ok(1, 0)), "a`b");
    assert_eq!(namespace(&query("USE nowhere"), &failure(1, 1049, "42000")), "a`b");
    assert_eq!(namespace(&query("USE shop; SELECT 1"), &ok(1, 0)), "shop");
    assert_eq!(namespace(&query("DROP DATABASE IF EXISTS other"), &ok(1, 0)), "shop");
    assert_eq!(namespace(&query("DROP DATABASE `shop`"), &ok(1, 0)), "-");
    let tracked = packet(1, b"\0\0\0\x02\x40\0\0\0\x09\x01\x07\x06orders");
    assert_eq!(namespace(&query("CALL somewhere()"), &tracked), "orders");
    let both = [ok_with(1, 0, MORE_RESULTS), ok(2, 0)].concat();
    assert_eq!(
        namespace(&query("SET @a = 1; USE other"), &both),
        "-",
        "which of the two succeeded is not told"
    );
}

#[test]
fn an_answer_that_its_sender_cuts_off_is_an_error() {
    for (reason, error) in
        [(CloseReason::Closed, "response_truncated"), (CloseReason::Reset, "connection_reset")]
    {
        let mut wire = logged_in(0);
        let answer = result(5, false);
        let recorder =
            wire.asks(&query("SELECT a FROM t")).answers(&answer[..answer.len() - 20]).close(reason);
        let [seen] = &recorder.seen[..] else { panic!("{:?}", recorder.seen) };
        assert_eq!((seen.error(), seen.outcome), (Some(error), Outcome::Complete));
    }
    let mut wire = logged_in(0);
    let recorder = wire.asks(&query("SELECT a FROM t")).close(CloseReason::Closed);
    assert_eq!(told(&recorder.seen), ["SELECT t connection_closed (no response)"]);
}

#[test]
fn a_server_may_say_by_itself_why_it_ends_a_connection() {
    let mut wire = logged_in(0);
    wire.answers(&failure(0, 4031, "HY000"));
    let recorder = wire.close(CloseReason::Closed);
    let [seen] = &recorder.seen[..] else { panic!("{:?}", recorder.seen) };
    assert_eq!((seen.error(), seen.outcome, seen.request_bytes), (Some("4031"), Outcome::Complete, 0));
}
