//! OpenTelemetry's attributes, and what must not be in them.

use super::*;

#[test]
fn attributes_and_name_are_those_of_the_conventions() {
    let mut wire = logged_in(0);
    wire.asks(&query("SELECT name FROM orders WHERE id = 17 AND mail = 'me@example.com'"));
    wire.answers(&result(1, false));
    let [seen] = &wire.recorder.seen[..] else { panic!("{:?}", wire.recorder.seen) };
    assert_eq!(seen.name, "SELECT orders");
    let expected = [
        ("client.address", "10.0.0.7"),
        ("db.namespace", "shop"),
        ("db.query.summary", "SELECT orders"),
        ("db.query.text", "SELECT name FROM orders WHERE id = ? AND mail = ?"),
        ("db.response.returned_rows", "1"),
        ("db.system.name", "mysql"),
        ("network.peer.address", "10.0.0.7"),
        ("network.peer.port", "41822"),
        ("server.address", "10.0.0.9"),
        ("server.port", "8080"),
    ];
    let server: Vec<_> = seen.server.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(server, expected);
    assert_eq!(seen.client.get("network.peer.address").map(String::as_str), Some("10.0.0.9"));
    assert_eq!(seen.client.get("client.address"), None);
    assert_eq!(seen.errors, [None, None]);
}

#[test]
fn literals_of_long_statements_stay_masked_where_the_text_is_cut() {
    let mut wire = logged_in(0);
    let text = format!("INSERT INTO t VALUES ('{}", "secret ".repeat(5_000));
    wire.asks(&query(&text)).answers(&ok(1, 1));
    let [seen] = &wire.recorder.seen[..] else { panic!("{:?}", wire.recorder.seen) };
    assert!(!format!("{seen:?}").contains("secret"), "{seen:?}");
    assert_eq!(seen.summary, "INSERT t 1 affected");
}

#[test]
fn warnings_are_counted() {
    let mut wire = logged_in(0);
    wire.asks(&query("DROP TABLE IF EXISTS t")).answers(&packet(1, &[0, 0, 0, 2, 0, 3, 0]));
    assert_eq!(wire.recorder.seen[0].attribute("plainsight.db.warnings"), Some("3"));
}

#[test]
fn names_with_control_characters_are_made_harmless() {
    let mut wire = Wire::new();
    wire.answers(&greeting("8.4.3")).asks(&login(CAPABILITIES, "a\x1bb", "c\nd")).answers(&ok(2, 0));
    wire.asks(&query("SELECT `\x1b[2J` FROM t")).answers(&result(1, false));
    for seen in &wire.recorder.seen {
        assert!(!format!("{seen:?}").contains("\\u{1b}"), "{seen:?}");
    }
    assert_eq!(wire.recorder.seen[0].summary, "LOGIN a\u{fffd}b@c\u{fffd}d");
}

#[test]
fn a_trace_that_a_comment_names_is_followed() {
    let mut wire = logged_in(0);
    wire.asks(&query(
        "SELECT a FROM t /*app='x',traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/",
    ));
    wire.answers(&result(1, false));
    assert!(wire.recorder.seen[0].trace_parent.is_some());
}

#[test]
fn bytes_that_are_no_text_never_become_control_characters() {
    let mut wire = logged_in(0);
    let text = b"\x03UPDATE orders SET \xff\xfe\n\x01\x7f`\x1b\n`\xf0 = \n'x' \xc2\x9b, \xe2\n";
    wire.asks(&packet(0, text)).answers(&ok(1, 0));
    for text in wire.recorder.seen[0].server.values() {
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}
