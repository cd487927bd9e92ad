//! The list of protocols. Adding one is a folder beside `http` and a line in [`PROTOCOLS`].

use crate::stream::CloseReason;
use crate::{Detection, Direction, Gap, Protocol, Segment, Settings, Sink, Timestamp};
use crate::{dns, http, http2, kafka, memcached, mongodb, mysql, postgresql, redis, tls};

/// Every protocol, in the order in which detection asks them.
pub static PROTOCOLS: &[Entry] = &[
    http::ENTRY,
    http2::ENTRY,
    tls::ENTRY,
    redis::ENTRY,
    memcached::ENTRY,
    mongodb::ENTRY,
    postgresql::ENTRY,
    mysql::ENTRY,
    dns::ENTRY,
    kafka::ENTRY,
];

/// How a protocol is recognised and how its parser is made.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The protocol.
    pub protocol: Protocol,
    /// Looks at bytes that may start a message. The direction is what the caller believes; an answer of
    /// [`Detection::Found`] says which direction the bytes prove.
    pub detect: fn(Direction, &[u8]) -> Detection,
    /// Whether bytes that look like requests and bytes that look like responses, of which neither proves anything, can
    /// belong to each other: where requests are words that others use, too, it takes more than that both look right.
    /// The direction is that of what came last: a response that came before a request may have answered another. Either
    /// is empty where the bytes were too long to be held.
    pub agree: fn(last: Direction, requests: &[u8], responses: &[u8]) -> bool,
    /// A parser for a connection on which nothing was parsed yet. The flag says that the connection is seen from its
    /// first byte on; without it, the first response may belong to a request that was never seen.
    pub start: fn(&Settings, from_start: bool) -> Box<dyn Parser>,
}

/// What protocols say of [`Entry::agree`] whose messages are told from others by themselves.
pub(crate) const fn always_agree(_: Direction, _: &[u8], _: &[u8]) -> bool {
    true
}

/// Parses both streams of one connection in one protocol.
///
/// Implementations never panic on any input, hold no more than their documented bound, and take time linear in the
/// bytes given.
pub trait Parser: Send {
    /// The next bytes of a stream.
    fn segment(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) -> Continue;

    /// The next bytes of a stream were not seen.
    fn gap(&mut self, gap: &Gap, sink: &mut dyn Sink) -> Continue;

    /// Time has passed; give up what has waited too long.
    fn tick(&mut self, now: Timestamp, sink: &mut dyn Sink);

    /// One stream has ended in order; the other may go on.
    fn end_of_stream(&mut self, direction: Direction, at: Timestamp, sink: &mut dyn Sink);

    /// The connection is over; report what is left.
    fn close(&mut self, reason: CloseReason, at: Timestamp, sink: &mut dyn Sink);

    /// Bytes held for unfinished messages, both streams together.
    fn held_bytes(&self) -> usize;

    /// The parser that takes over, asked for once after [`Continue::Becomes`].
    fn successor(&mut self) -> Option<Box<dyn Parser>> {
        None
    }
}

/// What a parser says of the rest of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continue {
    /// Go on.
    Parsing,
    /// These bytes are not this protocol: the detection was wrong, or sync was lost for good.
    NotThisProtocol,
    /// From here on the connection speaks something else (Upgrade, CONNECT), of which nothing will be parsed.
    Finished,
    /// From here on the connection speaks another protocol, which [`Parser::successor`] parses. So many bytes at the end
    /// of the segment are its first.
    Becomes {
        /// What it speaks.
        protocol: Protocol,
        /// Bytes of the segment that were not read.
        unread: usize,
    },
}
