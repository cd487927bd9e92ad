//! What answers nothing, what is answered many times, or never.

use super::*;

#[test]
fn messages_that_were_published_answer_no_request() {
    let mut wire = Wire::new();
    wire.request(&c("SUBSCRIBE news")).response("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
    for _ in 0..3 {
        wire.response("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n");
        wire.response("*4\r\n$8\r\npmessage\r\n$1\r\n*\r\n$4\r\nnews\r\n$5\r\nhello\r\n");
    }
    wire.request(&c("PING"))
        .response("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    wire.request(&c("UNSUBSCRIBE")).response("*3\r\n$11\r\nunsubscribe\r\n$4\r\nnews\r\n:0\r\n");
    // Not subscribed any more: this is a list.
    wire.request(&c("LRANGE l 0 -1")).response("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n");
    assert_eq!(
        lines(&wire.close(CloseReason::Closed)),
        [
            "SUBSCRIBE news ok: complete",
            "PING 2 items: complete",
            "UNSUBSCRIBE ok: complete",
            "LRANGE l 3 items: complete",
        ]
    );
}

#[test]
fn pushes_of_resp3_answer_no_request() {
    let mut wire = Wire::new();
    wire.request(&c("HELLO 3")).response("%1\r\n$6\r\nserver\r\n$5\r\nredis\r\n");
    wire.request(&c("GET k")).response(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n$1\r\nv\r\n");
    wire.response(">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n");
    wire.request(&c("SUBSCRIBE news")).response(">3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
    wire.request(&c("LRANGE l 0 -1")).response(
        ">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n",
    );
    assert_eq!(
        lines(&wire.close(CloseReason::Closed)),
        [
            "HELLO 1 item: complete",
            "GET k hit: complete",
            "SUBSCRIBE news ok: complete",
            "LRANGE l 3 items: complete",
        ]
    );
}

#[test]
fn several_channels_are_one_exchange_that_ends_with_the_last_confirmation() {
    for marker in ['*', '>'] {
        let confirm = |channel: &str, count: u32| {
            format!("{marker}3\r\n$9\r\nsubscribe\r\n{}:{count}\r\n", bulk(channel))
        };
        let mut wire = Wire::new();
        let replies = [confirm("a", 1), confirm("b", 2), confirm("c", 3)];
        wire.request(&c("SUBSCRIBE a b c")).response(&replies[0]).response(&replies[1]);
        assert!(wire.recorder.seen.is_empty());
        wire.response(&replies[2]);
        let last = wire.now;
        let seen = wire.close(CloseReason::Closed).seen;
        assert_eq!(seen.iter().map(line).collect::<Vec<_>>(), ["SUBSCRIBE a b c ok: complete"]);
        assert_eq!(seen[0].ended, Some(last));
        assert_eq!(seen[0].response_bytes, replies.concat().len() as u64);
    }
}

#[test]
fn unsubscribing_from_all_ends_with_the_last_of_its_kind() {
    let confirm =
        |verb: &str, channel: &str, count: u32| format!("*3\r\n{}{}:{count}\r\n", bulk(verb), bulk(channel));
    let mut wire = Wire::new();
    wire.request(&c("SUBSCRIBE a b")).response(&confirm("subscribe", "a", 1)).response(&confirm(
        "subscribe",
        "b",
        2,
    ));
    wire.request(&c("PSUBSCRIBE x*")).response(&confirm("psubscribe", "x*", 3));
    wire.request(&c("UNSUBSCRIBE")).response(&confirm("unsubscribe", "a", 2));
    assert_eq!(wire.recorder.seen.len(), 2);
    wire.response(&confirm("unsubscribe", "b", 1));
    wire.request(&c("PUNSUBSCRIBE")).response(&confirm("punsubscribe", "x*", 0));
    wire.request(&c("UNSUBSCRIBE")).response("*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n");
    wire.request(&c("PING")).response("+PONG\r\n");
    assert_eq!(
        lines(&wire.close(CloseReason::Closed)),
        [
            "SUBSCRIBE a b ok: complete",
            "PSUBSCRIBE x* ok: complete",
            "UNSUBSCRIBE ok: complete",
            "PUNSUBSCRIBE ok: complete",
            "UNSUBSCRIBE ok: complete",
            "PING ok: complete",
        ]
    );
}

#[test]
fn a_subscription_that_is_refused_is_an_error_and_the_next_one_is_confirmed() {
    let mut wire = Wire::new();
    wire.request(&c("SUBSCRIBE a b")).response("-NOPERM no channel\r\n");
    wire.request(&c("SUBSCRIBE c")).response("*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    assert_eq!(
        lines(&wire.close(CloseReason::Closed)),
        ["SUBSCRIBE a b NOPERM: complete", "SUBSCRIBE c ok: complete"]
    );
}

#[test]
fn a_confirmation_seen_before_its_command_is_held_for_it() {
    let mut wire = Wire::new();
    wire.request(&c("PING")).response("+PONG\r\n");
    wire.keyed = false;
    wire.response(">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n").request(&c("SUBSCRIBE c"));
    assert_eq!(lines(&wire.close(CloseReason::Closed)), ["PING ok: complete", "SUBSCRIBE c ok: complete"]);
}

#[test]
fn commands_that_the_server_was_told_not_to_answer_are_complete_without_an_end() {
    let mut wire = Wire::new();
    wire.request("PING\r\nCLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY SKIP\r\nCLIENT REPLY ON\r\nPING\r\n");
    wire.response("+PONG\r\n+OK\r\n+PONG\r\n");
    wire.request(&(c("CLIENT REPLY SKIP") + &c("SET k v") + &c("GET k"))).response("$1\r\nv\r\n");
    let seen = wire.close(CloseReason::Closed).seen;
    assert!(seen.iter().all(|seen| seen.outcome == Outcome::Complete && seen.error().is_none()));
    let mut summaries: Vec<_> =
        seen.iter().map(|seen| (seen.summary.as_str(), seen.ended.is_some())).collect();
    summaries.sort_unstable();
    assert_eq!(
        summaries,
        [
            ("CLIENT REPLY OFF no reply", false),
            ("CLIENT REPLY ON ok", true),
            ("CLIENT REPLY SKIP no reply", false),
            ("CLIENT REPLY SKIP no reply", false),
            ("GET k hit", true),
            ("PING no reply", false),
            ("PING ok", true),
            ("PING ok", true),
            ("SET k no reply", false),
        ]
    );
}

#[test]
fn a_transaction_is_its_commands_as_they_were_answered() {
    let mut wire = Wire::new();
    wire.request(&(c("MULTI") + &c("SET k v") + &c("INCR k") + &c("EXEC")));
    wire.response("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n-WRONGTYPE Operation against a key\r\n");
    wire.request(&(c("MULTI") + &c("NOSUCH") + &c("EXEC")));
    wire.response("+OK\r\n-ERR unknown command\r\n-EXECABORT Transaction discarded\r\n");
    let seen = wire.close(CloseReason::Closed).seen;
    assert_eq!(
        seen.iter().map(line).collect::<Vec<_>>(),
        [
            "MULTI ok: complete",
            "SET k QUEUED: complete",
            "INCR k QUEUED: complete",
            "EXEC WRONGTYPE: complete",
            "MULTI ok: complete",
            "NOSUCH ERR: complete",
            "EXEC EXECABORT: complete",
        ]
    );
    assert_eq!(seen[3].attribute("db.operation.batch.size"), Some("2"));
    assert_eq!(seen[3].error(), Some("WRONGTYPE"));
}

#[test]
fn monitor_and_replication_end_the_parsing_with_their_answer() {
    for (command, reply, more) in [
        ("MONITOR", "+OK\r\n", "+1339518083.107412 [0 127.0.0.1:60866] \"auth\" \"hunter2\"\r\n"),
        (
            "PSYNC ? -1",
            "\n\n+FULLRESYNC 8de1787ba490483314a4d30f1c628bc5025eb761 2443808505\r\n",
            "$5\r\nREDIS",
        ),
        ("SYNC", "\n$1000000\r\n", "REDIS0011"),
    ] {
        let mut wire = Wire::new();
        wire.request(&c("PING")).response("+PONG\r\n");
        wire.request(&c(command)).response(&format!("{reply}{more}"));
        assert_eq!(wire.conversation.state(), State::Ignored, "{command}");
        wire.response(more);
        let recorder = wire.close(CloseReason::Closed);
        assert_eq!(recorder.seen.len(), 2, "{:?}", lines(&recorder));
        assert_eq!(recorder.seen[1].outcome, Outcome::Complete);
    }
    let mut wire = Wire::joined();
    wire.response(&c("SET k v")).request(&c("REPLCONF ACK 17"));
    assert_eq!(wire.conversation.state(), State::Ignored);
    assert!(wire.close(CloseReason::Closed).seen.is_empty());
}

#[test]
fn a_refused_replication_goes_on_as_a_connection() {
    let mut wire = Wire::new();
    wire.request(&c("PSYNC ? -1")).response("-NOMASTERLINK Can't SYNC\r\n");
    wire.request(&c("PING")).response("+PONG\r\n");
    assert_eq!(
        lines(&wire.close(CloseReason::Closed)),
        ["PSYNC NOMASTERLINK: complete", "PING ok: complete"]
    );
}
