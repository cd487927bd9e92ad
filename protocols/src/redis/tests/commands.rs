//! What is shown of commands: names, never values.

use super::*;

/// The text shown of a command.
fn text(command: &str) -> String {
    let mut wire = Wire::new();
    wire.request(&c("PING")).response("+PONG\r\n").request(command).response("+OK\r\n");
    let seen = wire.close(CloseReason::Closed).seen;
    assert_eq!(seen.len(), 2, "{command:?}");
    seen[1].attribute("db.query.text").unwrap_or_default().to_owned()
}

#[test]
fn keys_and_fields_are_shown_and_values_are_not() {
    for (command, shown) in [
        ("SET user:17 secret EX 60", "SET user:17 ? ? ?"),
        ("set user:17 secret", "set user:17 ?"),
        ("GET user:17", "GET user:17"),
        ("HMSET myhash field1 Hello field2 World", "HMSET myhash field1 ? field2 ?"),
        ("MSET a 1 b 2", "MSET a ? b ?"),
        ("MGET a b c", "MGET a b c"),
        ("HGET h f", "HGET h f"),
        ("LPUSH list secret secret", "LPUSH list ? ?"),
        ("BLPOP one two 30", "BLPOP one two ?"),
        ("ZADD board 17 secret", "ZADD board ? ?"),
        ("ZUNIONSTORE to 2 a b WEIGHTS 1 2", "ZUNIONSTORE to 2 a b ? ? ?"),
        ("LMPOP 2 a b LEFT", "LMPOP 2 a b ?"),
        ("EVAL secret 2 k1 k2 secret", "EVAL ? 2 k1 k2 ?"),
        ("EVALSHA c0ffee 1 k secret", "EVALSHA c0ffee 1 k ?"),
        ("FCALL move 1 k secret", "FCALL move 1 k ?"),
        ("XADD race * rider Castilla", "XADD race ? ? ?"),
        ("XREAD COUNT 2 STREAMS a b 0 0", "XREAD ? ? STREAMS a b ? ?"),
        ("XREADGROUP GROUP g me BLOCK 0 STREAMS a >", "XREADGROUP ? ? ? BLOCK ? STREAMS a ?"),
        ("XGROUP CREATE race g $", "XGROUP CREATE race ? ?"),
        ("OBJECT ENCODING k", "OBJECT ENCODING k"),
        ("PUBLISH news secret", "PUBLISH news ?"),
        ("JSON.SET doc $ {}", "JSON.SET doc ? ?"),
        ("DELIFEQ lock secret", "DELIFEQ lock ?"),
        ("NOSUCH secret secret", "NOSUCH ? ?"),
        ("ECHO secret", "ECHO ?"),
        ("SELECT 3", "SELECT 3"),
        ("SELECT secret", "SELECT ?"),
    ] {
        assert_eq!(text(&c(command)), shown, "{command}");
        assert_eq!(text(&format!("{command}\r\n")), shown, "{command}, inline");
    }
}

/// Commands and forms that Redis does not have, by valkey.io/commands.
#[test]
fn what_valkey_has_beside_redis_is_known() {
    for (command, shown) in [
        ("COMMANDLOG GET 10 large-reply", "COMMANDLOG GET ? ?"),
        ("SCRIPT SHOW c0ffee", "SCRIPT SHOW ?"),
        ("CLUSTER SLOT-STATS SLOTSRANGE 0 10", "CLUSTER SLOT-STATS ? ? ?"),
        ("SET lock secret IFEQ secret", "SET lock ? ? ?"),
        ("DELIFEQ lock secret", "DELIFEQ lock ?"),
        ("HSETEX h EX 60 FIELDS 1 f secret", "HSETEX h ? ? ? ? ? ?"),
        ("HGETEX h PERSIST FIELDS 1 f", "HGETEX h ? ? ? ?"),
        ("CLIENT CAPA redirect", "CLIENT CAPA ?"),
    ] {
        assert_eq!(text(&c(command)), shown, "{command}");
    }
}

#[test]
fn credentials_and_settings_are_never_shown() {
    for (command, shown) in [
        ("AUTH hunter2", "AUTH ?"),
        ("AUTH admin hunter2", "AUTH ? ?"),
        ("HELLO 3 AUTH admin hunter2 SETNAME me", "HELLO ? ? ? ? ? ?"),
        ("ACL SETUSER admin on >hunter2", "ACL SETUSER ? ? ?"),
        ("ACL hunter2", "ACL ?"),
        ("CONFIG SET requirepass hunter2", "CONFIG SET ? ?"),
        ("config get requirepass", "config get ?"),
        ("CONFIG hunter2", "CONFIG ?"),
        ("MIGRATE host 6379 key 0 1000 AUTH hunter2", "MIGRATE ? ? ? ? ? ? ?"),
        ("MIGRATE host 6379  0 1000 AUTH2 me hunter2 KEYS a", "MIGRATE ? ? ? ? ? ? ? ? ? ?"),
        ("SENTINEL SET mymaster auth-pass hunter2", "SENTINEL SET ? ? ?"),
        ("CLIENT SETNAME me", "CLIENT SETNAME ?"),
        ("REPLCONF listening-port 6380", "REPLCONF listening-port ?"),
        ("MODULE LOADEX path CONFIG key hunter2", "MODULE LOADEX ? ? ? ?"),
        ("FAILOVER TO host 6379 FORCE", "FAILOVER ? ? ? ?"),
    ] {
        assert_eq!(text(&c(command)), shown, "{command}");
    }
}

#[test]
fn no_secret_is_in_anything_that_leaves() {
    let mut wire = Wire::new();
    wire.request(&c("AUTH admin hunter2")).response("-WRONGPASS invalid hunter2\r\n");
    wire.request(&c("SET k hunter2")).response("-ERR near 'hunter2'\r\n");
    wire.request(&c("GET k")).response(&bulk("hunter2"));
    wire.request("CONFIG SET requirepass \"hunter2\"\r\n").response("+hunter2\r\n");
    wire.request("SET k 'hunter2\r\n").response("-ERR Protocol error: unbalanced hunter2\r\n");
    let recorder = wire.close(CloseReason::Closed);
    assert_eq!(recorder.seen.len(), 5);
    assert!(!format!("{recorder:?}").contains("hunter2"), "{recorder:#?}");
}

#[test]
fn text_of_commands_is_bounded_and_holds_no_control_characters() {
    let keys: Vec<String> = (0..1000).map(|index| format!("key:{index}")).collect();
    let words: Vec<&str> = std::iter::once("MGET").chain(keys.iter().map(String::as_str)).collect();
    let shown = text(&command(&words));
    assert!(shown.starts_with("MGET key:0 key:1 ") && shown.ends_with(" ..."), "{shown}");
    assert!(shown.len() <= 512);
    let long = "k".repeat(500);
    assert_eq!(text(&command(&["GET", &long])), format!("GET {}...", "k".repeat(128)));
    assert_eq!(text(&command(&["GET", "a\r\n\x1b[2J"])), "GET a\u{fffd}\u{fffd}\u{fffd}[2J");
    assert_eq!(text(&command(&["KEYS", ""])), "KEYS \"\"");
}

#[test]
fn inline_commands_may_be_quoted_and_end_with_a_bare_newline() {
    assert_eq!(text("SET \"my key\" 'a b'\n"), "SET my key ?");
    assert_eq!(text("  GET   k  \r\n"), "GET k");
    assert_eq!(text("SET k \"a \\\" b\" c\r\n"), "SET k ? ?");
}

#[test]
fn empty_lines_and_empty_arrays_are_no_commands() {
    let mut wire = Wire::new();
    wire.request("PING\r\n").response("+PONG\r\n");
    wire.request("\r\n*0\r\n*-1\r\n\r\nPING\r\n").response("+PONG\r\n");
    assert_eq!(lines(&wire.close(CloseReason::Closed)), ["PING ok: complete"; 2]);
}

#[test]
fn a_command_of_no_known_form_is_answered_by_an_error() {
    let mut wire = Wire::new();
    wire.request(&c("GET k")).response("$-1\r\n");
    wire.request("*2\r\n$3\r\nGET\r\n:1\r\n").response("-ERR Protocol error: expected '$', got ':'\r\n");
    let seen = wire.close(CloseReason::Closed).seen;
    assert_eq!(seen.iter().map(line).collect::<Vec<_>>(), ["GET k miss: complete", "GET ERR: partial"]);
}
