//! What is taken for Memcached, and what is not.

use super::*;
use crate::{Protocol, State, memcached::detect::detect};

use Direction::{ToClient, ToServer};

#[test]
fn stores_and_values_prove_themselves_and_their_direction() {
    for text in ["set k 0 0 5\r\nhello\r\n", "add k 1 -1 5\r\nhel", "cas k 0 0 1 7 noreply\r\n"] {
        assert_eq!(detect(ToServer, text.as_bytes()), Detection::Found(ToServer), "{text:?}");
    }
    assert_eq!(detect(ToClient, b"VALUE k 0 5\r\nhel"), Detection::Found(ToClient));
    assert_eq!(detect(ToServer, b"set k 0 0 5\r\nhello there\r\n"), Detection::No);
    assert_eq!(detect(ToServer, b"set k 0 EX 5\r\n"), Detection::No);
}

#[test]
fn other_lines_need_the_other_stream() {
    for text in [
        "get k\r\n",
        "gets a b\r\nget c\r\n",
        "mg k v\r\n",
        "incr k 1\r\n",
        "version\r\n",
        "stats items\r\n",
        "ms k 1 q\r\nx\r\n",
    ] {
        assert_eq!(detect(ToServer, text.as_bytes()), Detection::Likely(ToServer), "{text:?}");
    }
    for text in [
        "END\r\n",
        "STORED\r\n",
        "HD t5\r\n",
        "EN\r\n",
        "17\r\n",
        "STAT pid 1\r\n",
        "SERVER_ERROR x\r\n",
        "VERSION 1\r\n",
    ] {
        assert_eq!(detect(ToClient, text.as_bytes()), Detection::Likely(ToClient), "{text:?}");
    }
    for text in ["get /index.html HTTP", "ge", "mg k", "set k 0"] {
        assert_eq!(detect(ToServer, text.as_bytes()), Detection::NeedMore, "{text:?}");
    }
}

#[test]
fn a_command_that_redis_takes_as_well_is_told_by_its_answer() {
    for (request, response, protocol) in [
        ("get k\r\n", "END\r\n", Protocol::Memcached),
        ("get k\r\n", "VALUE k 0 1\r\nx\r\nEND\r\n", Protocol::Memcached),
        ("get k\r\n", "$1\r\nx\r\n", Protocol::Redis),
        ("incr k 1\r\n", "2\r\n", Protocol::Memcached),
        ("touch k 1\r\n", ":0\r\n", Protocol::Redis),
    ] {
        for joined in [false, true] {
            let mut wire = if joined { Wire::joined() } else { Wire::new() };
            wire.request(request).response(response).request(request).response(response);
            assert_eq!(wire.conversation.state(), State::Parsing(protocol), "{request:?} {response:?}");
            assert_eq!(wire.close(CloseReason::Closed).seen.len(), 2);
        }
    }
}

#[test]
fn other_protocols_are_not_taken_for_memcached() {
    for (client, server) in [
        (&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], &b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"[..]),
        (b"SSH-2.0-OpenSSH_9.2\r\n", b"SSH-2.0-OpenSSH_9.2\r\n"),
        (b"EHLO a\r\n", b"220 mail ESMTP\r\n"),
        (b"USER anna\r\n", b"+OK POP3 ready\r\n"),
        (b"quit\r\n", b"221 bye\r\n"),
        (b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"),
        (b"delete 17\r\n", b"DELETED\r\n"),
        (b"reserve\r\n", b"RESERVED 1 5\r\nhello\r\n"),
        (b"touch 17\r\n", b"TOUCHED\r\n"),
        (b"get in the car\n", b"why should I?\n"),
        (b"\x80\x00\x00\x01\x00\x00\x00\x00", b"\x81\x00\x00\x00"),
        (b"set x to 1\r\n", b"OK then\r\n"),
    ] {
        for joined in [false, true] {
            let mut wire = if joined { Wire::joined() } else { Wire::new() };
            for _ in 0..3 {
                wire.bytes(ToServer, client).bytes(ToClient, server);
            }
            assert_ne!(
                wire.conversation.state(),
                State::Parsing(Protocol::Memcached),
                "{}",
                client.escape_ascii()
            );
            assert!(
                wire.close(CloseReason::Closed).seen.iter().all(|seen| seen.protocol != Protocol::Memcached)
            );
        }
    }
}

#[test]
fn commands_need_an_answer_that_can_be_theirs() {
    let told = |request: &str, response: &str| {
        let mut wire = Wire::joined();
        wire.request(request).response(response);
        wire.conversation.state() == State::Parsing(Protocol::Memcached)
    };
    for (request, response) in [
        ("get k\r\n", "END\r\n"),
        ("delete k\r\n", "NOT_FOUND\r\n"),
        ("delete k noreply\r\nget l\r\n", "END\r\n"),
        ("incr n 1\r\n", "17\r\n"),
        ("touch k 1\r\n", "TOUCHED\r\n"),
        ("version\r\n", "VERSION 1.6.21\r\n"),
        ("flush_all\r\n", "OK\r\n"),
        ("stats\r\n", "STAT pid 1\r\nEND\r\n"),
        ("mg k v q\r\nmn\r\n", "MN\r\n"),
    ] {
        assert!(told(request, response), "{request:?} {response:?}");
    }
    // A shell, and the queue beanstalkd.
    for (request, response) in [
        ("version\r\n", "END\r\n"),
        ("version\r\n", "1\r\n"),
        ("stats\r\n", "DELETED\r\n"),
        ("stats dog\r\n", "ERROR\r\n"),
        ("quit\r\n", "NOT_FOUND\r\n"),
        ("get file\r\n", "OK\r\n"),
        ("get file\r\n", "17\r\n"),
    ] {
        assert!(!told(request, response), "{request:?} {response:?}");
    }
}

#[test]
fn an_answer_from_before_says_nothing_of_a_command() {
    let mut wire = Wire::joined();
    wire.response("DELETED\r\n").request("get k\r\n");
    assert_eq!(wire.conversation.state(), State::Detecting);
    wire.response("END\r\n");
    assert_eq!(wire.conversation.state(), State::Parsing(Protocol::Memcached));
}
