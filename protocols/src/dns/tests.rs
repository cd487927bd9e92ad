//! What the tests of the domain name system share: messages, and a socket that is told of datagrams.

#![expect(clippy::unwrap_used, reason = "a test fails where it is wrong")]

mod attributes;
mod connections;
mod detection;
mod groups;
mod loss;
mod sockets;
mod splits;

use std::net::SocketAddr;

use super::Datagrams;
use crate::{
    CloseReason, Datagram, DatagramEnds, DatagramSink, Exchange, Limit, Side, Sink, Timestamp,
    testing::{MICROSECOND, Recorder, Seen},
};

pub(super) const A: u16 = 1;
pub(super) const AAAA: u16 = 28;
pub(super) const CNAME: u16 = 5;
pub(super) const PTR: u16 = 12;
pub(super) const SECOND: u64 = 1_000_000_000;

/// A name on the wire.
pub(super) fn wire(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

pub(super) fn head(id: u16, flags: u16, counts: [u16; 4]) -> Vec<u8> {
    [id, flags].into_iter().chain(counts).flat_map(u16::to_be_bytes).collect()
}

pub(super) fn question(name: &str, kind: u16, class: u16) -> Vec<u8> {
    [wire(name), kind.to_be_bytes().to_vec(), class.to_be_bytes().to_vec()].concat()
}

/// A query for one name, recursion desired.
pub(super) fn query(id: u16, name: &str, kind: u16) -> Vec<u8> {
    [head(id, 0x0100, [1, 0, 0, 0]), question(name, kind, 1)].concat()
}

/// An OPT record: 1,232 bytes, and DNSSEC records wanted.
pub(super) fn opt(code: u8) -> Vec<u8> {
    [&[0, 0, 41, 0x04, 0xd0, code, 0, 0x80, 0, 0, 0][..]].concat()
}

/// A record whose owner is the first question's name, or is given.
pub(super) fn record(owner: Option<&str>, kind: u16, data: &[u8]) -> Vec<u8> {
    let owner = owner.map_or_else(|| vec![0xc0, 12], wire);
    let fixed = [kind.to_be_bytes(), 1_u16.to_be_bytes()].concat();
    let length = (data.len() as u16).to_be_bytes();
    [&owner[..], &fixed, &300_u32.to_be_bytes(), &length, data].concat()
}

/// The answer to a query with one question.
pub(super) fn answer(query: &[u8], code: u16, answers: &[Vec<u8>]) -> Vec<u8> {
    let id = u16::from_be_bytes([query[0], query[1]]);
    let head = head(id, 0x8180 | code, [1, answers.len() as u16, 0, 0]);
    let question_end = 12 + query[12..].iter().position(|&byte| byte == 0).unwrap() + 5;
    [&head[..], &query[12..question_end], &answers.concat()].concat()
}

pub(super) fn address(number: u8) -> Vec<u8> {
    record(None, A, &[192, 0, 2, number])
}

/// A message as it goes over a connection.
pub(super) fn prefixed(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u16).to_be_bytes()[..], message].concat()
}

/// Keeps what it was told, with the ends and the tag.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) recorder: Recorder,
    pub(super) ends: Vec<(DatagramEnds, u32)>,
}

impl DatagramSink<u32> for Told {
    fn exchange(&mut self, exchange: &Exchange<'_>, ends: &DatagramEnds, tag: &u32) {
        self.recorder.exchange(exchange);
        self.ends.push((*ends, *tag));
    }

    fn limited(&mut self, limit: Limit) {
        self.recorder.limited(limit);
    }
}

/// A socket that is told of datagrams, and a clock that ticks a microsecond for each.
pub(super) struct Socket {
    pub(super) datagrams: Datagrams<u32>,
    pub(super) told: Told,
    pub(super) now: u64,
    pub(super) local: SocketAddr,
}

pub(super) fn socket_address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

impl Socket {
    /// A socket that the observation has known for long.
    pub(super) fn at(local: &str) -> Self {
        Self::since(local, 0)
    }

    /// A socket whose observation began at that time; it is 100 s now.
    pub(super) fn since(local: &str, observed: u64) -> Self {
        Self {
            datagrams: Datagrams::new(Timestamp::from_nanos(observed), false),
            told: Told::default(),
            now: 100 * SECOND,
            local: socket_address(local),
        }
    }

    /// Packets of a capture.
    pub(super) fn on_the_wire(local: &str) -> Self {
        let datagrams = Datagrams::new(Timestamp::from_nanos(0), true);
        Self { datagrams, ..Self::at(local) }
    }

    pub(super) fn datagram(&mut self, sent: bool, remote: &str, bytes: &[u8]) -> bool {
        self.cut(sent, remote, bytes, bytes.len())
    }

    /// A datagram of which only so many bytes were copied.
    pub(super) fn cut(&mut self, sent: bool, remote: &str, bytes: &[u8], copied: usize) -> bool {
        self.now += MICROSECOND;
        let remote = socket_address(remote);
        let datagram = Datagram {
            sent,
            at: Timestamp::from_nanos(self.now),
            local: self.local,
            remote,
            length: bytes.len() as u32,
            bytes: &bytes[..copied],
            tag: 7,
        };
        let taken = self.datagrams.datagram(&datagram, &mut self.told);
        assert!(self.datagrams.held_bytes() <= super::SOCKET_BYTES_LIMIT);
        taken
    }

    pub(super) fn send(&mut self, remote: &str, bytes: &[u8]) -> bool {
        self.datagram(true, remote, bytes)
    }

    pub(super) fn receive(&mut self, remote: &str, bytes: &[u8]) -> bool {
        self.datagram(false, remote, bytes)
    }

    pub(super) fn pass(&mut self, nanos: u64) {
        self.now += nanos;
        self.datagrams.tick(Timestamp::from_nanos(self.now), &mut self.told);
    }

    pub(super) fn seen(&self) -> &[Seen] {
        &self.told.recorder.seen
    }

    /// Side, summary and outcome of each exchange.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |(seen, (ends, _)): (&Seen, &(DatagramEnds, u32))| {
            let side = if ends.side == Side::Client { "client" } else { "server" };
            format!("{side} {} {:?}", seen.summary, seen.outcome)
        };
        self.seen().iter().zip(&self.told.ends).map(line).collect()
    }
}
