//! What MariaDB 10.11 and its clients said to each other, call by call, recorded through a proxy: `1>` is what the client
//! of the first connection wrote.

use std::collections::BTreeMap;

use super::*;

fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<_> = text.bytes().filter_map(|digit| char::from(digit).to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).expect("two digits")).collect()
}

/// The connections of a recording, each a list of calls.
pub(super) fn connections(recording: &str) -> Vec<Vec<(Direction, Vec<u8>)>> {
    let mut connections: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for line in recording.lines() {
        let (head, text) = line.split_once(' ').expect("a direction and bytes");
        let (number, direction) = head.split_at(head.len() - 1);
        let direction = if direction == ">" { Direction::ToServer } else { Direction::ToClient };
        connections.entry(number).or_default().push((direction, bytes(text)));
    }
    connections.into_values().collect()
}

/// What is told of a recording.
fn replay(recording: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for connection in connections(recording) {
        let mut wire = Wire::new();
        for (direction, bytes) in connection {
            wire.bytes(direction, &bytes);
        }
        let recorder = wire.close(CloseReason::Closed);
        assert_eq!(recorder.unobserved, 0);
        assert_eq!(recorder.limits, []);
        for seen in &recorder.seen {
            assert_eq!(seen.attribute("db.system.name"), Some("mariadb"));
        }
        lines.extend(told(&recorder.seen));
    }
    lines
}

pub(super) const TEXT: &str = include_str!("recorded/text.chunks");
pub(super) const MULTI: &str = include_str!("recorded/multi.chunks");
pub(super) const PREPARED: &str = include_str!("recorded/prepared.chunks");
pub(super) const MARIADB: &str = include_str!("recorded/mariadb.chunks");
const DENIED: &str = include_str!("recorded/denied.chunks");
const ZLIB: &str = include_str!("recorded/zlib.chunks");

#[test]
fn pymysql_runs_queries() {
    assert_eq!(
        replay(TEXT),
        [
            "LOGIN app@shop",
            "SET NAMES",
            "SELECT orders 2 rows",
            "UPDATE orders",
            "SELECT orders 0 rows",
            "INSERT orders ERR 1062",
            "SELECT nowhere ERR 1146",
            "INIT_DB mysql",
            "PING",
            "USE shop",
            "SELECT 1 row",
        ]
    );
}

#[test]
fn pymysql_runs_several_statements_at_once_and_loads_a_file() {
    assert_eq!(
        replay(MULTI),
        [
            "LOGIN app@shop",
            "SET NAMES",
            "SELECT SELECT orders UPDATE orders 4 rows",
            "LOAD DATA orders 20 affected",
            "DELETE orders 20 affected",
            "SELECT SELECT orders ERR 1054",
            "SELECT seq_1_to_60 60 rows",
            "SELECT 1 row",
        ]
    );
}

#[test]
fn mysqls_connector_prepares_statements() {
    assert_eq!(
        replay(PREPARED),
        [
            "LOGIN app@shop",
            "SET NAMES",
            "SET @@session.autocommit",
            "PING",
            "PREPARE SELECT orders",
            "RESET_STATEMENT SELECT orders",
            "SELECT orders 1 row",
            "RESET_STATEMENT SELECT orders",
            "SELECT orders 1 row",
            "RESET_STATEMENT SELECT orders",
            "SELECT orders 1 row",
            "PING",
            "PREPARE UPDATE orders",
            "RESET_STATEMENT UPDATE orders",
            "UPDATE orders",
            "PREPARE SELECT nowhere ERR 1146",
            "RESET_CONNECTION",
            "SET NAMES",
            "SET @@session.autocommit",
            "STATISTICS",
            "PING",
        ]
    );
}

#[test]
fn mariadbs_connector_sends_many_rows_and_fetches_from_a_cursor() {
    assert_eq!(
        replay(MARIADB),
        [
            "LOGIN app@shop",
            "SELECT orders 1 row",
            "PREPARE INSERT orders",
            "INSERT orders 30 affected",
            "DELETE orders 30 affected",
            "PREPARE SELECT orders",
            "SELECT orders 0 rows",
            "FETCH SELECT orders 3 rows",
            "CHANGE_USER app@mysql",
        ]
    );
}

#[test]
fn logins_are_denied() {
    assert_eq!(replay(DENIED), ["LOGIN nobody ERR 1045", "LOGIN app@missing ERR 1049"]);
}

#[test]
fn an_agreement_on_compression_is_told_and_nothing_is_read_after_it() {
    assert_eq!(replay(ZLIB), ["LOGIN app@shop (zlib)"]);
    let [connection] = &connections(ZLIB)[..] else { panic!("one connection was recorded") };
    let mut wire = Wire::new();
    for (direction, bytes) in connection {
        wire.bytes(*direction, bytes);
    }
    assert_eq!(wire.conversation.state(), State::Ignored, "its bytes need not be copied any longer");
    assert_eq!(wire.conversation.held_bytes(), 0);
    let recorder = wire.close(CloseReason::Closed);
    let [login] = &recorder.seen[..] else { panic!("{:?}", recorder.seen) };
    assert_eq!(login.attribute("plainsight.db.compression"), Some("zlib"));
    assert_eq!(login.outcome, Outcome::Complete);
}

#[test]
fn every_recording_reads_the_same_from_the_servers_calls_that_read_headers_apart() {
    for recording in [TEXT, MULTI, PREPARED, MARIADB] {
        for connection in connections(recording) {
            let (mut plain, mut apart) = (Wire::new(), Wire::new());
            for (direction, bytes) in connection {
                plain.bytes(direction, &bytes);
                if direction == Direction::ToServer {
                    let (header, payload) = bytes.split_at(4);
                    apart.bytes(direction, header).bytes(direction, payload);
                } else {
                    apart.bytes(direction, &bytes);
                }
            }
            assert_eq!(plain.summaries(), apart.summaries());
        }
    }
}
