//! Commands other than statements.

use super::*;

#[test]
fn every_command_that_is_answered_is_an_exchange_by_its_name() {
    let mut wire = logged_in(0);
    wire.asks(&command(14, b"")).answers(&ok(1, 0));
    wire.asks(&command(9, b"")).answers(&packet(1, b"Uptime: 17  Threads: 1"));
    wire.asks(&command(0x1f, b"")).answers(&ok(1, 0));
    wire.asks(&command(0x1b, &[0, 0])).answers(&eof(1, 2));
    wire.asks(&command(13, b"")).answers(&eof(1, 2));
    wire.asks(&command(12, &[1, 0, 0, 0])).answers(&failure(1, 1094, "HY000"));
    wire.asks(&command(4, b"orders\0"))
        .answers(&[definition(1, "a"), definition(2, "b"), eof(3, 2)].concat());
    wire.asks(&command(10, b"")).answers(&result(2, false));
    wire.asks(&command(2, b"stock")).answers(&ok(1, 0));
    assert_eq!(
        wire.summaries(),
        [
            "PING",
            "STATISTICS",
            "RESET_CONNECTION",
            "SET_OPTION",
            "DEBUG",
            "PROCESS_KILL ERR 1094",
            "FIELD_LIST",
            "PROCESS_INFO 2 rows",
            "INIT_DB stock"
        ]
    );
    assert!(wire.recorder.seen.iter().all(|seen| seen.outcome == Outcome::Complete));
    let seen = &wire.recorder.seen[0];
    assert_eq!((seen.name.as_str(), seen.attribute("db.operation.name")), ("PING shop", Some("PING")));
}

#[test]
fn commands_without_an_answer_are_no_exchanges_and_may_share_a_segment_with_the_next() {
    let mut wire = logged_in(0);
    wire.asks(&prepare("SELECT a FROM t")).answers(&prepared(3, 1, 0, false));
    let long_data = command(0x18, b"\x03\0\0\0\0\0some long data");
    let close = command(0x19, &3_u32.to_le_bytes());
    wire.asks(&[long_data, close, query("SELECT b FROM u")].concat()).answers(&result(1, false));
    wire.asks(&execute(3)).answers(&failure(1, 1243, "HY000"));
    let recorder = wire.asks(&command(1, b"")).close(CloseReason::Closed);
    assert_eq!(
        told(&recorder.seen),
        ["PREPARE SELECT t", "SELECT u 1 row", "EXECUTE (unknown statement) ERR 1243"]
    );
}

#[test]
fn replication_ends_the_parsing() {
    let dump = command(0x12, b"\x04\0\0\0\0\0\x07\0\0\0binlog.1");
    let mut wire = logged_in(0);
    wire.asks(&command(0x15, b"\x07\0\0\0some more")).answers(&ok(1, 0));
    wire.asks(&dump).answers(&packet(1, b"\0an event"));
    assert_eq!(wire.conversation.state(), State::Ignored);
    assert_eq!(told(&wire.recorder.seen), ["REGISTER_SLAVE", "BINLOG_DUMP (partial)"]);
    let mut wire = logged_in(0);
    wire.asks(&dump).answers(&failure(1, 1236, "HY000"));
    assert_eq!(told(&wire.recorder.seen), ["BINLOG_DUMP ERR 1236"]);
}

#[test]
fn attributes_of_a_query_are_told_from_its_text() {
    let text = b"SELECT a FROM t WHERE b = 17";
    let none = [b"\0\x01".as_slice(), text].concat();
    let two = [b"\x02\x01\x02\x01\xfe\0\x0btraceparent\x06\0\x04none\x03abc".as_slice(), text].concat();
    for payload in [&none, &two] {
        for mut wire in [logged_in(QUERY_ATTRIBUTES), Wire::joined()] {
            wire.asks(&command(3, payload)).answers(&result(1, false));
            let [seen] = &wire.recorder.seen[..] else { panic!("{:?}", wire.recorder.seen) };
            assert_eq!(seen.attribute("db.query.text"), Some("SELECT a FROM t WHERE b = ?"));
        }
    }
}

#[test]
fn a_client_that_sends_without_waiting_is_answered_in_order() {
    let mut wire = logged_in(0);
    for table in 1..=3 {
        wire.asks(&query(&format!("SELECT a FROM t{table}")));
    }
    wire.answers(&[result(1, false), failure(1, 1146, "42S02"), result(3, false)].concat());
    assert_eq!(wire.summaries(), ["SELECT t1 1 row", "SELECT t2 ERR 1146", "SELECT t3 3 rows"]);
}

#[test]
fn an_answer_reported_before_its_command_waits_for_it() {
    let request = query("SELECT a FROM t");
    let mut wire = logged_in(0);
    wire.offsets[0] += request.len() as u64;
    wire.answers(&result(2, false));
    wire.offsets[0] -= request.len() as u64;
    wire.asks(&request).asks(&command(14, b"")).answers(&ok(1, 0));
    assert_eq!(told(&wire.recorder.seen), ["SELECT t 2 rows", "PING"]);
    let mut wire = logged_in(0);
    wire.keyed = false;
    let answer = result(2, false);
    wire.answers(&answer[..20]).answers(&answer[20..]).asks(&request);
    wire.asks(&command(14, b"")).answers(&ok(1, 0));
    assert_eq!(told(&wire.recorder.seen), ["SELECT t 2 rows", "PING"]);
}

#[test]
fn a_command_that_is_slow_to_be_answered_is_waited_for() {
    let mut wire = logged_in(0);
    wire.asks(&query("ALTER TABLE t ADD a INT")).pass(1_800_000_000_000).answers(&ok(1, 0));
    assert_eq!(told(&wire.recorder.seen), ["ALTER TABLE t"]);
    wire.asks(&query("SELECT a FROM t")).pass(3_700_000_000_000);
    assert_eq!(told(&wire.recorder.seen)[1..], ["SELECT t timeout (no response)"]);
    wire.answers(&result(1, false)).asks(&query("SELECT b FROM u")).answers(&result(2, false));
    assert_eq!(told(&wire.recorder.seen)[2..], ["SELECT u 2 rows"]);
}
