//! Commands of the first kind, and what is said of them.

use super::*;

fn exchange(command: &str, answer: &str) -> Seen {
    let mut wire = Wire::new();
    wire.request("set first 0 0 1\r\nx\r\n").response("STORED\r\n");
    wire.request(command).response(answer);
    wire.request("version\r\n").response("VERSION 1.6.18\r\n");
    let seen = wire.close(CloseReason::Closed).seen;
    assert_eq!(seen.len(), 3, "{command:?}: {:?}", seen.iter().map(line).collect::<Vec<_>>());
    assert_eq!(line(&seen[2]), "version ok: complete", "after {answer:?}");
    assert_eq!((seen[1].request_bytes, seen[1].response_bytes), (command.len() as u64, answer.len() as u64));
    seen[1].clone()
}

#[test]
fn every_command_is_one_exchange_with_its_answer() {
    for (command, answer, summary, text) in [
        ("get k\r\n", "VALUE k 0 3\r\nabc\r\nEND\r\n", "get k hit", "get k"),
        ("get k\r\n", "END\r\n", "get k miss", "get k"),
        ("gets a b\r\n", "VALUE a 0 5 77\r\nEND\r\n\r\nEND\r\n", "gets a b 1 of 2 hit", "gets a b"),
        ("gat 60 k\r\n", "VALUE k 0 0\r\n\r\nEND\r\n", "gat k hit", "gat ? k"),
        ("set k 1 60 6\r\nsecret\r\n", "STORED\r\n", "set k ok", "set k ?"),
        ("add k 1 60 6\r\nsecret\r\n", "NOT_STORED\r\n", "add k not stored", "add k ?"),
        ("cas k 1 60 6 99\r\nsecret\r\n", "EXISTS\r\n", "cas k exists", "cas k ?"),
        ("append k 0 0 2\r\n\r\n\r\n", "NOT_FOUND\r\n", "append k not found", "append k ?"),
        ("delete k\r\n", "DELETED\r\n", "delete k ok", "delete k"),
        ("delete 17\r\n", "NOT_FOUND\r\n", "delete 17 not found", "delete 17"),
        ("incr k 5\r\n", "42\r\n", "incr k ok", "incr k ?"),
        ("decr k 5\r\n", "42 \r\n", "decr k ok", "decr k ?"),
        ("touch k 60\r\n", "TOUCHED\r\n", "touch k ok", "touch k ?"),
        ("stats\r\n", "STAT pid 1\r\nSTAT uptime 2\r\nEND\r\n", "stats 2 lines", "stats"),
        ("stats items\r\n", "END\r\n", "stats items 0 lines", "stats items"),
        ("stats reset\r\n", "RESET\r\n", "stats reset ok", "stats reset"),
        (
            "lru_crawler metadump all\r\n",
            "key=a exp=-1\r\nkey=b exp=-1\r\nEND\r\n",
            "lru_crawler metadump 2 lines",
            "lru_crawler metadump ?",
        ),
        (
            "slabs reassign 1 2\r\n",
            "BUSY currently processing\r\n",
            "slabs reassign ok",
            "slabs reassign ? ?",
        ),
        ("flush_all 10\r\n", "OK\r\n", "flush_all ok", "flush_all ?"),
        ("verbosity 1\r\n", "OK\r\n", "verbosity ok", "verbosity ?"),
        ("nonsense secret\r\n", "ERROR\r\n", "nonsense ERROR", "nonsense ?"),
        ("set k 0 0 2000000\r\n", "", "", ""),
    ] {
        if answer.is_empty() {
            continue;
        }
        let seen = exchange(command, answer);
        assert_eq!(
            (seen.summary.as_str(), seen.attribute("db.query.text")),
            (summary, Some(text)),
            "{command:?}"
        );
        assert_eq!(seen.outcome, Outcome::Complete);
    }
}

#[test]
fn the_three_kinds_of_error_are_errors_and_nothing_else_is() {
    for (answer, error) in [
        ("ERROR\r\n", Some("ERROR")),
        ("CLIENT_ERROR bad command line format: hunter2\r\n", Some("CLIENT_ERROR")),
        ("SERVER_ERROR out of memory storing object\r\n", Some("SERVER_ERROR")),
        ("NOT_FOUND\r\n", None),
        ("END\r\n", None),
    ] {
        let seen = exchange("get k\r\n", answer);
        assert_eq!(seen.errors, [error.map(str::to_owned), error.map(str::to_owned)], "{answer:?}");
        assert_eq!(seen.attribute("db.response.status_code"), error);
        assert!(!format!("{seen:?}").contains("hunter2"));
    }
    let seen = exchange("get a b\r\n", "VALUE a 0 1\r\nx\r\nSERVER_ERROR out of memory\r\n");
    assert_eq!(seen.error(), Some("SERVER_ERROR"));
}

#[test]
fn an_exchange_has_the_attributes_of_the_conventions() {
    let seen = exchange("get user:17\r\n", "END\r\n");
    let attributes: Vec<_> = seen.client.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        attributes,
        [
            "db.operation.name=get",
            "db.query.text=get user:17",
            "db.system.name=memcached",
            "network.peer.address=10.0.0.9",
            "network.peer.port=8080",
            "server.address=10.0.0.9",
            "server.port=8080",
        ]
    );
    assert_eq!((seen.name.as_str(), seen.attribute("network.peer.address")), ("get", Some("10.0.0.7")));
}

#[test]
fn values_are_never_shown_and_text_is_bounded() {
    let keys: Vec<String> = (0..500).map(|index| format!("key:{index}")).collect();
    let seen = exchange(&format!("get {}\r\n", keys.join(" ")), "END\r\n");
    let text = seen.attribute("db.query.text").unwrap_or_default();
    assert!(text.starts_with("get key:0 key:1") && text.ends_with(" ...") && text.len() <= 512, "{text}");
    let mut wire = Wire::new();
    wire.request("set k 0 0 7\r\nhunter2\r\n").response("STORED\r\n");
    wire.request("get k\r\n").response(&format!("{}END\r\n", value("k", "hunter2")));
    wire.request("ms k 7\r\nhunter2\r\n").response("HD\r\n");
    wire.request("mg k v Ohunter2\r\n").response("VA 7 Ohunter2\r\nhunter2\r\n");
    wire.request("get a\x1b[2J\r\n").response("END\r\n");
    let recorder = wire.close(CloseReason::Closed);
    assert_eq!(recorder.seen.len(), 5);
    assert!(!format!("{recorder:?}").contains("hunter2"), "{recorder:#?}");
    assert_eq!(recorder.seen[4].attribute("db.query.text"), Some("get a\u{fffd}[2J"));
}

#[test]
fn commands_that_want_no_reply_are_complete_without_an_end() {
    let mut wire = Wire::new();
    wire.request("set a 0 0 1 noreply\r\nx\r\nincr a 1 noreply\r\ndelete a noreply\r\nget a\r\n")
        .response("END\r\n");
    wire.request("quit\r\n");
    let seen = wire.close(CloseReason::Closed).seen;
    assert_eq!(
        seen.iter().map(line).collect::<Vec<_>>(),
        [
            "set a no reply: complete",
            "incr a no reply: complete",
            "delete a no reply: complete",
            "get a miss: complete",
            "quit no reply: complete",
        ]
    );
    assert!(seen[0].ended.is_none() && seen[3].ended.is_some());
}

#[test]
fn pipelined_commands_get_each_its_own_answer() {
    let mut wire = Wire::new();
    wire.request("version\r\n").response("VERSION 1.6.18\r\n");
    wire.recorder.seen.clear();
    for round in 0..5 {
        let request: String = (0..500).map(|index| format!("get k{round}:{index}\r\n")).collect();
        let response: String =
            (0..500).map(|index| value("k", &"x".repeat(index % 40)) + "END\r\n").collect();
        for chunk in request.as_bytes().chunks(1000) {
            wire.bytes(Direction::ToServer, chunk);
        }
        for chunk in response.as_bytes().chunks(1460) {
            wire.bytes(Direction::ToClient, chunk);
        }
    }
    let seen = wire.close(CloseReason::Closed).seen;
    assert_eq!(seen.len(), 2500);
    for (position, seen) in seen.iter().enumerate() {
        let index = position % 500;
        assert_eq!(
            seen.attribute("db.query.text"),
            Some(format!("get k{}:{index}", position / 500).as_str())
        );
        assert_eq!(seen.response_bytes, (value("k", &"x".repeat(index % 40)).len() + 5) as u64);
    }
}

#[test]
fn a_first_command_of_any_length_tells_what_the_connection_speaks() {
    for (count, complete) in [(100, 3), (3000, 2)] {
        let keys: Vec<String> = (0..count).map(|index| format!("key:{index}")).collect();
        let mut wire = Wire::new();
        for _ in 0..3 {
            wire.request(&format!("get {}\r\n", keys.join(" "))).response("END\r\n");
        }
        let seen = wire.pass(2000 * MILLISECOND).close(CloseReason::Closed).seen;
        let complete_ones = seen.iter().filter(|seen| seen.outcome == Outcome::Complete).count();
        assert_eq!(complete_ones, complete, "{count} keys");
    }
}

#[test]
fn a_long_value_is_skipped_by_its_length() {
    let mut wire = Wire::new();
    wire.request("set k 0 0 1000000000\r\nxyz").not_copied(Direction::ToServer, 999_999_997).request("\r\n");
    wire.response("STORED\r\n").request("get k\r\n").response("VALUE k 0 1000000000\r\nx");
    wire.not_copied(Direction::ToClient, 999_999_999).response("\r\nEND\r\n");
    let recorder = wire.close(CloseReason::Closed);
    assert_eq!(lines(&recorder), ["set k ok: complete", "get k hit: complete"]);
    assert_eq!(recorder.seen[1].missing_bytes, 0);
}

#[test]
fn a_watcher_s_log_ends_the_parsing() {
    let mut wire = Wire::new();
    wire.request("version\r\n").response("VERSION 1.6.18\r\n");
    wire.request("watch fetchers\r\n").response("OK\r\nts=1.2 gid=1 type=item_get key=secret\r\n");
    assert_eq!(wire.conversation.state(), State::Ignored);
    assert_eq!(lines(&wire.close(CloseReason::Closed)), ["version ok: complete", "watch ok: complete"]);
}

#[test]
fn the_end_of_a_connection_leaves_commands_without_an_answer() {
    let mut wire = Wire::new();
    wire.request("get a\r\nget b\r\nget c\r\n").response("END\r\nVALUE b 0 10\r\nab");
    assert_eq!(
        lines(&wire.close(CloseReason::Closed)),
        [
            "get a miss: complete",
            "get b response_truncated: complete",
            "get c connection_closed: no response",
        ]
    );
}

#[test]
fn large_values_copied_in_part_leave_the_answer_whole_when_nothing_but_its_end_can_follow() {
    let large = |keys: &str, rest: u64| {
        let mut wire = Wire::new();
        wire.request("get a\r\n").response("END\r\n");
        wire.recorder.seen.clear();
        wire.request(&format!("get {keys}\r\n"));
        wire.response("VALUE k 0 9000\r\nxyz").not_copied(Direction::ToClient, rest);
        wire.request("get next\r\n").response("END\r\n");
        lines(&wire.close(CloseReason::Closed))
    };
    // Two bytes end the value's line, five the answer.
    assert_eq!(large("k", 8997 + 7), ["get k hit: complete", "get next miss: complete"]);
    assert_eq!(large("k l", 8997 + 7)[0], "get k l ?: partial", "the beginning of another value, maybe");
    assert_eq!(large("k", 8997 + 12)[0], "get k ?: partial", "the beginning of another answer, maybe");
}
