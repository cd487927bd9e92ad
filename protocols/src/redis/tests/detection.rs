//! What is taken for Redis, and what is not.

use super::*;
use crate::{Protocol, State, redis::detect::detect};

use Direction::{ToClient, ToServer};

#[test]
fn commands_prove_themselves_and_their_direction() {
    for text in [c("SET k v"), c("get k"), c("CLIENT SETINFO LIB-NAME x"), c("JSON.GET doc"), c("PING")] {
        assert_eq!(detect(ToServer, text.as_bytes()), Detection::Found(ToServer), "{text:?}");
        for end in 1..text.find("\r\n$").map_or(0, |end| end + 6) {
            assert_eq!(detect(ToServer, &text.as_bytes()[..end]), Detection::NeedMore, "{:?}", &text[..end]);
        }
    }
    // An answer may list such words.
    assert_eq!(detect(ToClient, c("GET POST").as_bytes()), Detection::Likely(ToClient));
    assert_eq!(detect(ToClient, c("REPLCONF ACK 17").as_bytes()), Detection::Found(ToServer));
    assert_eq!(detect(ToServer, b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"), Detection::No);
    assert_eq!(detect(ToServer, c("MY.OWN k").as_bytes()), Detection::Likely(ToServer));
}

#[test]
fn answers_and_inline_commands_need_the_other_stream() {
    for text in [
        "+OK\r\n",
        "-ERR x\r\n",
        ":1\r\n",
        "$-1\r\n",
        "$5\r\nhel",
        "*1\r\n$1\r\na\r\n",
        "%1\r\n+a\r\n",
        "_\r\n",
    ] {
        assert_eq!(detect(ToClient, text.as_bytes()), Detection::Likely(ToClient), "{text:?}");
        assert_ne!(detect(ToServer, text.as_bytes()), Detection::Found(ToServer), "{text:?}");
    }
    for text in ["PING\r\n", "set k v\n", "GET k\r\nGET l\r\nGE"] {
        assert_eq!(detect(ToServer, text.as_bytes()), Detection::Likely(ToServer), "{text:?}");
    }
    let mut wire = Wire::new();
    wire.request("INFO\r\n").response(&bulk(&"x".repeat(5000)));
    assert_eq!(lines(&wire.close(CloseReason::Closed)), ["INFO 5000 bytes: complete"]);
}

#[test]
fn directions_that_were_the_wrong_way_round_are_turned() {
    let mut wire = Wire::joined();
    wire.response(&c("GET k")).request("$1\r\nv\r\n");
    wire.response(&c("SET k v")).request("+OK\r\n");
    let recorder = wire.close(CloseReason::Closed);
    assert!(wire.conversation.reversed());
    assert_eq!(lines(&recorder), ["GET k hit: complete", "SET k ok: complete"]);
}

#[test]
fn other_protocols_are_not_taken_for_redis() {
    let tls: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abcdefghij";
    for (client, server) in [
        (&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], &b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"[..]),
        (tls, b"\x16\x03\x03\x00\x7a\x02\x00\x00"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", b"SSH-2.0-OpenSSH_9.2\r\n"),
        (b"EHLO a\r\n", b"220 mail ESMTP\r\n"),
        (b"USER anna\r\n", b"+OK POP3 ready\r\n"),
        (b"CONNECT {\"verbose\":true}\r\nPING\r\n", b"+OK\r\nPONG\r\n"),
        (b"get key\r\n", b"VALUE key 0 5\r\nhello\r\nEND\r\n"),
        (b"set key 0 0 5\r\nhello\r\n", b"STORED\r\n"),
        (b"a001 LOGIN a b\r\n", b"* OK IMAP4rev1\r\n"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x00\x00\x06\x04\x00\x00\x00\x00\x00"),
        (b"\x00\x00\x00\x08\x04\xd2\x16\x2f", b"S"),
        (b"*** random text\r\n", b"$ ls\r\n"),
        (b"howdy world\r\n", b"+hello\r\n"),
        (b"\x00\x00\x00\x2f\x00\x12\x00\x03\x00\x00\x00\x01", b"\x00\x00\x00\x10\x00\x00\x00\x01"),
    ] {
        for joined in [false, true] {
            let mut wire = if joined { Wire::joined() } else { Wire::new() };
            for _ in 0..3 {
                wire.bytes(ToServer, client).bytes(ToClient, server);
            }
            let state = wire.conversation.state();
            assert_ne!(state, State::Parsing(Protocol::Redis), "{:?}", String::from_utf8_lossy(client));
            let seen = wire.close(CloseReason::Closed).seen;
            assert!(seen.iter().all(|seen| seen.protocol != Protocol::Redis));
        }
    }
}

#[test]
fn text_that_begins_with_a_dash_is_no_error() {
    assert_eq!(detect(ToClient, b"-free=20448 obl=0\r\n"), Detection::No);
    assert_eq!(detect(ToClient, b"- item\r\n"), Detection::No);
    assert_eq!(detect(ToClient, b"-NOAUTH Authentication required.\r\n"), Detection::Likely(ToClient));
}

#[test]
fn commands_in_lines_need_an_answer_that_can_be_theirs() {
    let told = |request: &str, response: &str| {
        let mut wire = Wire::joined();
        wire.request(request).response(response);
        wire.conversation.state() == State::Parsing(Protocol::Redis)
    };
    for (request, response) in [
        ("PING\r\n", "+PONG\r\n"),
        ("PING\r\n", "-NOAUTH Authentication required.\r\n"),
        ("ping hello\r\n", "$5\r\nhello\r\n"),
        ("QUIT\r\n", "+OK\r\n"),
        ("set k v\r\n", "+OK\r\n"),
        ("set k v get\r\n", "$1\r\nx\r\n"),
        ("TYPE k\r\n", "+string\r\n"),
        ("TIME\r\n", "*2\r\n$1\r\n1\r\n$1\r\n2\r\n"),
        ("MULTI\r\nget k\r\n", "+OK\r\n+QUEUED\r\n"),
    ] {
        assert!(told(request, response), "{request:?} {response:?}");
    }
    // POP3, NATS, a shell.
    for (request, response) in [
        ("QUIT\r\n", "+OK dewey POP3 server signing off\r\n"),
        ("AUTH PLAIN\r\n", "+ \r\n"),
        ("PING\r\n", "+OK\r\n"),
        ("PING\r\n", "-ERR 'Stale Connection'\r\n"),
        ("QUIT\r\n", ":1\r\n"),
        ("time\r\n", ":1\r\n"),
        ("exec ls\r\n", "+OK\r\n"),
        ("type ls\r\n", "+ ls is /bin/ls\r\n"),
    ] {
        assert!(!told(request, response), "{request:?} {response:?}");
    }
}

#[test]
fn an_answer_from_before_says_nothing_of_a_command_in_a_line() {
    let mut wire = Wire::joined();
    wire.response("+OK\r\n").request("PING\r\n");
    assert_eq!(wire.conversation.state(), State::Detecting);
    wire.response("+PONG\r\n");
    assert_eq!(lines(&wire.close(CloseReason::Closed)), ["PING ok: complete"]);
}
