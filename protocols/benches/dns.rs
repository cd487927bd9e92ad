//! Lookups a second on one core, from memory: reading, matching, and what a reader of the records asks for. Traffic is what
//! a resolver says to a client that asks for an address by EDNS.
//!
//! `cargo bench -p plainsight-protocols --bench dns [-- PART-OF-A-CASE'S-NAME]`

#[expect(dead_code, reason = "a part of what benches share is for others")]
mod harness;

use std::net::{IpAddr, SocketAddr};

use harness::{ASKS, Ask, CONNECTIONS as SOCKETS, Line, Reader, Round, measure};
use plainsight_protocols::{
    Datagram, DatagramEnds, DatagramSink, Direction, Exchange, Timestamp, dns::Datagrams,
};

const QUERY: &[u8] = b"\x12\x34\x01\x20\0\x01\0\0\0\0\0\x01\x03www\x07example\x03org\0\0\x01\0\x01\
    \0\0\x29\x04\xd0\0\0\0\0\0\0";
const RESPONSE: &[u8] = b"\x12\x34\x81\x80\0\x01\0\x03\0\0\0\x01\x03www\x07example\x03org\0\0\x01\0\x01\
    \xc0\x0c\0\x05\0\x01\0\0\x01\x2c\0\x06\x03web\xc0\x10\
    \xc0\x31\0\x01\0\x01\0\0\x01\x2c\0\x04\xc0\0\x02\x01\xc0\x31\0\x01\0\x01\0\0\x01\x2c\0\x04\xc0\0\x02\x02\
    \0\0\x29\x04\xd0\0\0\0\0\0\0";

impl DatagramSink<[u64; 5]> for Reader {
    fn exchange(&mut self, exchange: &Exchange<'_>, ends: &DatagramEnds, _: &[u64; 5]) {
        assert!(exchange.ended.is_some(), "only pairs");
        self.read(exchange, ends.side, &ends.endpoints());
    }
}

/// Calls `lookup` with the time, the number of a socket and a fresh id.
fn lookups(
    name: &str,
    ask: Ask,
    bytes: usize,
    in_flight: usize,
    mut lookup: impl FnMut(&mut Reader, u64, usize, u16),
) {
    let size = Round { exchanges: SOCKETS, bytes: bytes * SOCKETS, waiting: SOCKETS * in_flight };
    let (mut now, mut id) = (1_000_000_000, 0_u16);
    measure(name, size, &mut Reader::new(ask, 53), |reader| {
        id = id.wrapping_add(40_503);
        for socket in 0..SOCKETS {
            now += 2_000;
            lookup(reader, now, socket, id);
        }
    });
}

/// Questions that wait on each socket in the cases with many.
const IN_FLIGHT: usize = 256;

fn with_id(message: &[u8], id: u16, buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.extend_from_slice(&id.to_be_bytes());
    buffer.extend_from_slice(&message[2..]);
}

fn udp(name: &str, ask: Ask, serves: bool, in_flight: usize) {
    let mut sockets: Vec<_> =
        (0..SOCKETS).map(|_| Datagrams::<[u64; 5]>::new(Timestamp::default(), false)).collect();
    let mut asked = vec![std::collections::VecDeque::new(); SOCKETS];
    let mut buffer = Vec::new();
    lookups(name, ask, QUERY.len() + RESPONSE.len(), in_flight, |reader, now, socket, id| {
        let client =
            SocketAddr::new(IpAddr::from([10, 0, (id >> 8) as u8, socket as u8]), 1024 + (id & 0xff));
        let server = SocketAddr::new(IpAddr::from([10, 0, 0, 53]), 53);
        let local = SocketAddr::new(IpAddr::from([10, 0, 0, 7]), 53);
        let mut tell = |sent, remote, bytes: &[u8], at| {
            let at = Timestamp::from_nanos(at);
            let datagram =
                Datagram { sent, at, local, remote, length: bytes.len() as u32, bytes, tag: [7; 5] };
            sockets[socket].datagram(&datagram, reader);
        };
        let remote = if serves { client } else { server };
        with_id(QUERY, id, &mut buffer);
        tell(!serves, remote, &buffer, now);
        asked[socket].push_back((id, remote));
        if asked[socket].len() > in_flight
            && let Some((id, remote)) = asked[socket].pop_front()
        {
            with_id(RESPONSE, id, &mut buffer);
            tell(serves, remote, &buffer, now + 1_000);
        }
    });
}

fn tcp(name: &str, ask: Ask, answer: &[u8]) {
    let prefixed = |message: &[u8]| [&(message.len() as u16).to_be_bytes()[..], message].concat();
    let mut lines: Vec<_> = (0..SOCKETS).map(|_| Line::new()).collect();
    let (mut query, mut response) = (prefixed(QUERY), prefixed(answer));
    lookups(name, ask, query.len() + response.len(), 0, |reader, _, socket, id| {
        for (direction, bytes) in [(Direction::ToServer, &mut query), (Direction::ToClient, &mut response)] {
            bytes[2..4].copy_from_slice(&id.to_be_bytes());
            lines[socket].carry(direction, bytes, reader);
        }
    });
}

/// An answer as long as they come.
fn long_answer() -> Vec<u8> {
    let mut answer = RESPONSE[..RESPONSE.len() - 11].to_vec();
    let record = b"\xc0\x0c\0\x10\0\x01\0\0\0\0\x0f\xf4";
    for _ in 0..15 {
        answer.extend_from_slice(record);
        answer.extend(std::iter::repeat_n(b'x', 0x0ff4));
    }
    answer[7] += 15;
    answer[11] = 0;
    answer
}

fn main() {
    for (asked, ask) in ASKS {
        udp(&format!("udp client: {asked}"), ask, false, 0);
        udp(&format!("udp client, {IN_FLIGHT} waiting: {asked}"), ask, false, IN_FLIGHT);
        udp(&format!("udp server, {IN_FLIGHT} clients waiting: {asked}"), ask, true, IN_FLIGHT);
        tcp(&format!("tcp: {asked}"), ask, RESPONSE);
    }
    tcp("tcp, 61 kB answers: parse + match", Ask::Nothing, &long_answer());
}
