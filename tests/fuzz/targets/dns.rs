//! Feeds a UDP socket with whatever the input spells out, and checks what must hold of any input: no panic, no more bytes
//! held than the bound, no exchange that cannot be, no text that a terminal would obey.
//!
//! The input is a script. Its first byte holds flags (bit 0: seen on the wire; bit 1: the observation began just now;
//! bit 7: what comes is no socket for datagrams but a connection, as told in `connection.rs`). Then steps follow, each a
//! byte of operation, a byte of amount, and for datagrams the bytes:
//!
//! | operation (bits 0 and 1) | amount |
//! |---|---|
//! | 0, 1: a datagram | its length; bit 2 of the operation says sent, bits 3 and 4 choose the other end, bit 5 cuts it by one |
//! | 2: time passes | milliseconds, times 16 |
//! | 3: the socket closes, and is used on | why |

#![no_main]

#[path = "../connection.rs"]
mod connection;

use std::net::SocketAddr;

use libfuzzer_sys::fuzz_target;
use plainsight_protocols::{
    CloseReason, Datagram, DatagramEnds, DatagramSink, Exchange, Outcome, Protocol, Timestamp,
    dns::{Datagrams, SOCKET_BYTES_LIMIT},
};

struct Checker;

impl DatagramSink<u8> for Checker {
    fn exchange(&mut self, exchange: &Exchange<'_>, ends: &DatagramEnds, _: &u8) {
        connection::check_details(exchange.details, &ends.endpoints());
        if exchange.outcome == Outcome::Complete {
            assert!(
                exchange.ended.is_some_and(|ended| ended >= exchange.started),
                "a complete exchange has an end"
            );
            assert!(
                exchange.request_bytes > 0 && exchange.response_bytes > 0,
                "both of its messages were seen"
            );
        }
        assert!(exchange.request_bytes + exchange.response_bytes > 0, "something was seen of every exchange");
    }
}

fuzz_target!(|script: &[u8]| {
    if script.first().is_some_and(|flags| flags & 128 > 0) {
        connection::run(script, Some(Protocol::Dns));
    } else {
        run(script);
    }
});

fn run(script: &[u8]) {
    let Some((&flags, mut rest)) = script.split_first() else { return };
    let others: [SocketAddr; 4] = [
        ([10, 0, 0, 53], 53).into(),
        ([224, 0, 0, 251], 5353).into(),
        ([10, 0, 0, 4], 5353).into(),
        ([224, 0, 0, 252], 5355).into(),
    ];
    let start = 100_000_000_000;
    let since = if flags & 2 > 0 { start } else { 0 };
    let mut socket = Datagrams::<u8>::new(Timestamp::from_nanos(since), flags & 1 > 0);
    let mut now = start;
    while let [operation, amount, after @ ..] = rest {
        rest = after;
        now += 1_000;
        let at = Timestamp::from_nanos(now);
        match operation & 3 {
            0 | 1 => {
                let (bytes, after) = rest.split_at(usize::from(*amount).min(rest.len()));
                rest = after;
                let copied = bytes.len().saturating_sub(usize::from(operation & 32 > 0));
                let local = ([10, 0, 0, 7], if operation & 1 > 0 { 5353 } else { 40_000 }).into();
                let datagram = Datagram {
                    sent: operation & 4 > 0,
                    at,
                    local,
                    remote: others[usize::from(operation >> 3 & 3)],
                    length: bytes.len() as u32,
                    bytes: &bytes[..copied],
                    tag: 0,
                };
                socket.datagram(&datagram, &mut Checker);
            }
            2 => {
                now += u64::from(*amount) * 16_000_000;
                socket.tick(Timestamp::from_nanos(now), &mut Checker);
            }
            _ => {
                socket.close(connection::close_reason(*amount), &mut Checker);
                assert_eq!(socket.held_bytes(), 0);
            }
        }
        assert!(socket.held_bytes() <= SOCKET_BYTES_LIMIT, "{} bytes held", socket.held_bytes());
    }
    socket.close(CloseReason::Evicted, &mut Checker);
}
