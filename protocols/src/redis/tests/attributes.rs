//! What is said of an exchange in OpenTelemetry's terms.

use super::*;

fn exchange(wire: &mut Wire, command: &str, reply: &str) -> Seen {
    wire.request(&c(command)).response(reply);
    wire.recorder.seen.last().cloned().expect("an exchange")
}

#[test]
fn an_exchange_has_the_attributes_of_the_conventions() {
    let seen = exchange(&mut Wire::new(), "hset user:17 name secret", ":1\r\n");
    let attributes: Vec<_> = seen.client.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        attributes,
        [
            "db.namespace=0",
            "db.operation.name=hset",
            "db.query.text=hset user:17 name ?",
            "db.system.name=redis",
            "network.peer.address=10.0.0.9",
            "network.peer.port=8080",
            "server.address=10.0.0.9",
            "server.port=8080",
        ]
    );
    assert_eq!(seen.attribute("network.peer.address"), Some("10.0.0.7"));
    assert_eq!((seen.name.as_str(), seen.errors), ("hset", [None, None]));
}

#[test]
fn scripts_and_functions_are_stored_procedures() {
    let seen = exchange(&mut Wire::new(), "FCALL my_move 2 a b secret", "$-1\r\n");
    assert_eq!(seen.attribute("db.stored_procedure.name"), Some("my_move"));
    assert_eq!(seen.name, "FCALL my_move");
    let seen = exchange(&mut Wire::new(), "EVALSHA 6b1bf486 0", "-NOSCRIPT No matching script\r\n");
    assert_eq!(seen.attribute("db.stored_procedure.name"), Some("6b1bf486"));
    assert_eq!(seen.error(), Some("NOSCRIPT"));
    let seen = exchange(&mut Wire::new(), "EVAL secret 0", "$-1\r\n");
    assert_eq!(seen.attribute("db.stored_procedure.name"), None);
}

#[test]
fn the_database_is_known_from_the_start_and_after_a_select_that_succeeded() {
    let mut wire = Wire::new();
    let database = |seen: Seen| seen.attribute("db.namespace").map(str::to_owned);
    assert_eq!(database(exchange(&mut wire, "GET k", "$-1\r\n")).as_deref(), Some("0"));
    assert_eq!(
        database(exchange(&mut wire, "SELECT 99", "-ERR DB index is out of range\r\n")).as_deref(),
        Some("0")
    );
    assert_eq!(database(exchange(&mut wire, "GET k", "$-1\r\n")).as_deref(), Some("0"));
    exchange(&mut wire, "SELECT 3", "+OK\r\n");
    assert_eq!(database(exchange(&mut wire, "GET k", "$-1\r\n")).as_deref(), Some("3"));
    wire.request(&(c("SELECT 4") + &c("GET k"))).response("+OK\r\n$-1\r\n");
    assert_eq!(wire.recorder.seen.last().and_then(|seen| seen.attribute("db.namespace")), Some("4"));
    wire.request(&(c("MULTI") + &c("SELECT 5") + &c("EXEC"))).response("+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n");
    assert_eq!(database(exchange(&mut wire, "GET k", "$-1\r\n")).as_deref(), Some("5"));
    exchange(&mut wire, "RESET", "+RESET\r\n");
    assert_eq!(database(exchange(&mut wire, "GET k", "$-1\r\n")).as_deref(), Some("0"));
    wire.lost(Direction::ToServer, 20, 1);
    wire.pass(200 * MILLISECOND).request(&c("GET k")).response("$-1\r\n");
    wire.request(&c("GET k")).response("$-1\r\n");
    assert_eq!(
        wire.close(CloseReason::Closed).seen.last().and_then(|seen| seen.attribute("db.namespace")),
        None
    );
}

#[test]
fn a_connection_joined_in_the_middle_has_no_database_until_it_is_selected() {
    let mut wire = Wire::joined();
    for (command, reply) in
        [("GET a", "$-1\r\n"), ("SELECT 7", "+OK\r\n"), ("GET b", "$-1\r\n"), ("GET c", "$-1\r\n")]
    {
        wire.request(&c(command)).response(reply);
    }
    let seen = wire.close(CloseReason::Closed).seen;
    let databases: Vec<_> = seen.iter().map(|seen| seen.attribute("db.namespace")).collect();
    assert_eq!(databases, [None, None, Some("7"), Some("7")]);
}
