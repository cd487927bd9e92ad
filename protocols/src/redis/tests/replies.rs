//! What is understood of answers.

use super::*;

fn exchange(command: &str, reply: &str) -> Seen {
    let mut wire = Wire::new();
    wire.request(&c(command)).response(reply);
    wire.request(&c("PING")).response("+PONG\r\n");
    let seen = wire.close(CloseReason::Closed).seen;
    assert_eq!(seen.len(), 2, "{reply:?}: {:?}", seen.iter().map(line).collect::<Vec<_>>());
    assert_eq!(line(&seen[1]), "PING ok: complete", "after {reply:?}");
    assert_eq!(seen[0].response_bytes, reply.len() as u64, "{reply:?}");
    seen[0].clone()
}

#[test]
fn every_type_of_resp2_and_resp3_is_one_answer() {
    for (command, reply, summary) in [
        ("SET k v", "+OK\r\n", "SET k ok"),
        ("GET k", "$5\r\nhello\r\n", "GET k hit"),
        ("GET k", "$0\r\n\r\n", "GET k hit"),
        ("GET k", "$-1\r\n", "GET k miss"),
        ("GET k", "_\r\n", "GET k miss"),
        ("GET k", "$11\r\n-ERR\r\n$1\r\n+\r\n", "GET k hit"),
        ("INCR k", ":1000\r\n", "INCR k ok"),
        ("INCR k", ":-3\r\n", "INCR k ok"),
        ("ZSCORE z m", ",3.14\r\n", "ZSCORE z ok"),
        ("ZSCORE z m", ",-inf\r\n", "ZSCORE z ok"),
        ("SISMEMBER s m", "#t\r\n", "SISMEMBER s ok"),
        ("EVAL s 0", "(3492890328409238509324850943850943825024385\r\n", "EVAL 0 ok"),
        ("INFO", "=15\r\ntxt:Some string\r\n", "INFO 15 bytes"),
        ("LRANGE l 0 -1", "*2\r\n$1\r\na\r\n$-1\r\n", "LRANGE l 2 items"),
        ("LRANGE l 0 -1", "*0\r\n", "LRANGE l 0 items"),
        ("BLPOP l 1", "*-1\r\n", "BLPOP l nil"),
        ("HGETALL h", "%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n", "HGETALL h 2 items"),
        ("SMEMBERS s", "~1\r\n$1\r\nx\r\n", "SMEMBERS s 1 item"),
        ("GET k", "|1\r\n+ttl\r\n:3600\r\n$2\r\nhi\r\n", "GET k hit"),
        ("LRANGE l 0 -1", "*2\r\n:1\r\n|1\r\n+ttl\r\n:9\r\n:2\r\n", "LRANGE l 2 items"),
        ("GET k", "$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n", "GET k hit"),
        ("KEYS *", "*?\r\n:1\r\n*2\r\n:1\r\n:2\r\n:3\r\n.\r\n", "KEYS * 3 items"),
        ("HGETALL h", "%?\r\n+a\r\n:1\r\n.\r\n", "HGETALL h 1 item"),
        ("EXEC", "*2\r\n*0\r\n%0\r\n", "EXEC 2 items"),
    ] {
        assert_eq!(exchange(command, reply).summary, summary, "{reply:?}");
    }
}

#[test]
fn every_error_of_either_kind_is_one_by_its_first_word() {
    for prefix in [
        "ERR",
        "WRONGTYPE",
        "MOVED",
        "ASK",
        "BUSY",
        "NOSCRIPT",
        "CLUSTERDOWN",
        "READONLY",
        "NOAUTH",
        "OOM",
        "LOADING",
        "EXECABORT",
        "NOPERM",
        "MISCONF",
        "TRYAGAIN",
        "CROSSSLOT",
        "MASTERDOWN",
        "NOREPLICAS",
        "UNKILLABLE",
        "BUSYKEY",
        "BUSYGROUP",
        "NOGROUP",
        "WRONGPASS",
        "NOPROTO",
        "INPROG",
        "IOERR",
        "NOTBUSY",
        "UNBLOCKED",
        "MYOWN_1",
    ] {
        let message = format!("{prefix} some text");
        for reply in [
            format!("-{message}\r\n"),
            format!("!{}\r\n{message}\r\n", message.len()),
            format!("-{prefix}\r\n"),
        ] {
            let seen = exchange("GET k", &reply);
            assert_eq!(seen.errors, [Some(prefix.to_owned()), Some(prefix.to_owned())], "{reply:?}");
            assert_eq!(seen.attribute("db.response.status_code"), Some(prefix));
            assert_eq!(seen.outcome, Outcome::Complete);
        }
    }
}

#[test]
fn what_goes_on_in_a_new_chunk_is_no_answer_whatever_it_begins_with() {
    // A peer read the second chunk of CLIENT LIST as an error.
    let list = "id=3 addr=127.0.0.1:53099 qbuf=26 qbuf-free=20448 obl=0\nid=4 qbuf=0 qbuf-free=0\n";
    let reply = bulk(list);
    let cut = reply.find("-free").expect("it is there");
    let mut wire = Wire::new();
    wire.request(&c("CLIENT LIST")).response(&reply[..cut]).response(&reply[cut..]);
    wire.request(&c("PING")).response("+PONG\r\n");
    let recorder = wire.close(CloseReason::Closed);
    assert_eq!(
        lines(&recorder),
        [&format!("CLIENT LIST {} bytes: complete", list.len()), "PING ok: complete"]
    );
    assert_eq!(recorder.seen[0].error(), None);
}

#[test]
fn a_chunk_that_goes_on_is_no_answer_where_the_observation_begins_with_it() {
    let mut wire = Wire::joined();
    wire.request(&c("GET k"));
    wire.response("-free=20448 obl=0\n").response("-ERR not an answer\r\n");
    wire.request(&c("PING")).response("+PONG\r\n");
    wire.request(&c("PING")).response("+PONG\r\n");
    let recorder = wire.pass(2_000 * MILLISECOND).close(CloseReason::Closed);
    assert!(
        recorder.seen.iter().all(|seen| seen.error().is_none_or(|error| error == "connection_closed")),
        "{recorder:#?}"
    );
}

#[test]
fn an_answer_of_a_million_elements_is_read_with_nothing_held() {
    let mut wire = Wire::new();
    wire.request(&c("LRANGE l 0 -1")).response("*1000000\r\n");
    let chunk = bulk("element").repeat(1000);
    for _ in 0..1000 {
        wire.response(&chunk);
        assert!(wire.conversation.held_bytes() < 1000);
    }
    wire.request(&c("PING")).response("+PONG\r\n");
    assert_eq!(
        lines(&wire.close(CloseReason::Closed)),
        ["LRANGE l 1000000 items: complete", "PING ok: complete"]
    );
}

#[test]
fn a_long_string_is_skipped_by_its_length_and_a_part_not_copied_costs_nothing() {
    let mut wire = Wire::new();
    wire.request("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000000\r\nxyz");
    wire.not_copied(Direction::ToServer, 1_000_000_000 - 3).request("\r\n").response("+OK\r\n");
    wire.request(&c("GET k")).response("$1000000000\r\nxyz");
    wire.not_copied(Direction::ToClient, 1_000_000_000 - 3 + 2);
    let recorder = wire.close(CloseReason::Closed);
    assert_eq!(lines(&recorder), ["SET k ok: complete", "GET k hit: complete"]);
    assert_eq!(recorder.seen[0].request_bytes, 1_000_000_035);
    assert_eq!(recorder.seen[1].response_bytes, 1_000_000_015);
    assert_eq!(recorder.seen[1].missing_bytes, 0);
}

#[test]
fn nesting_is_followed_to_a_depth_and_no_further() {
    let mut wire = Wire::new();
    wire.request(&c("EVAL s 0")).response(&format!("{}:1\r\n", "*1\r\n".repeat(60)));
    assert_eq!(wire.summaries(), ["EVAL 0 1 item"]);
    wire.request(&c("EVAL s 0")).response(&"*1\r\n".repeat(100_000));
    assert!(wire.conversation.held_bytes() <= crate::HELD_BYTES_LIMIT);
}
