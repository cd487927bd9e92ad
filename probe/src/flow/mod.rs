//! The connection table: streams put in order, gaps found, bytes handed to the protocol parsers, all of it bounded.
//!
//! A [`Worker`] owns the connections of one thread. It takes the events of [`capture`](crate::capture) or
//! [`replay`](crate::replay) and tells an [`Observer`] what they amount to. Inside, [`stream`] puts one direction in
//! order and [`streams`] relates the two directions of a connection; the rest is bookkeeping: who is known
//! (`table`), who needs a look when (`schedule`), and what was counted ([`Counters`]). UDP has no streams: `sockets` has
//! a parser for each socket.

use std::net::SocketAddr;

use plainsight_protocols::{Exchange, Protocol, Side, Timestamp};

use crate::capture::{Closed, ConnectionId, Failed, Opened, Process, Role};

mod connection;
mod counters;
mod held;
mod index_list;
mod life;
mod limits;
mod offsets;
mod schedule;
mod sockets;
pub mod stream;
pub mod streams;
mod table;
#[cfg(test)]
mod tests;
mod worker;

pub use counters::{
    ConnectionCounters, Counters, ExchangeCounters, LimitCounters, SocketCounters, StreamCounters,
};
pub use worker::{Worker, WorkerSettings};

/// An exchange with the connection, or the UDP socket, that it was seen on.
#[derive(Clone, Copy)]
pub struct Observed<'a> {
    /// What was exchanged.
    pub exchange: &'a Exchange<'a>,
    /// The connection.
    pub connection: ConnectionId,
    /// Address of the observed end.
    pub local: SocketAddr,
    /// Address of the other end.
    pub remote: SocketAddr,
    /// Which end was observed.
    pub side: Side,
    /// The process that read or wrote last on the connection; over UDP, the one that sent or received the request.
    pub process: Process,
    /// TCP sequence number of the request's first byte, in the stream of the client. Both ends of a connection name an
    /// exchange by the same two numbers, whatever each of them saw of what came before. `None` where the request was
    /// not seen, and where there are no sequence numbers: over UDP, and where the kernel speaks TLS.
    pub request_sequence: Option<u32>,
    /// The same of the response's first byte, in the stream of the server.
    pub response_sequence: Option<u32>,
}

/// A TCP connection as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionFacts {
    /// The connection.
    pub connection: ConnectionId,
    /// Address of the observed end.
    pub local: SocketAddr,
    /// Address of the other end.
    pub remote: SocketAddr,
    /// The part that the observed end plays, as it was known when the connection was opened: it does not change.
    pub role: Role,
    /// The process that moved the first bytes, zero if none was seen to: it does not change either.
    pub pid: u32,
    /// What is spoken on it, as far as is known by now.
    pub protocol: Option<Protocol>,
    /// Whether its beginning was seen.
    pub from_start: bool,
    /// How long the handshake took, where the observed end dialled.
    pub handshake_ns: Option<u64>,
}

/// Receives what the connections of one worker carried.
pub trait Observer {
    /// One exchange.
    fn exchange(&mut self, observed: &Observed<'_>);

    /// `count` exchanges took place of which nothing was seen that could be reported: their bytes were lost.
    fn unobserved(&mut self, count: u64);

    /// A TCP connection was announced: it has begun, or was joined in the middle.
    fn opened(&mut self, opened: &Opened) {
        let _ = opened;
    }

    /// Time has come that far; said some hundred times a second, whether something happens or not.
    fn tick(&mut self, now: Timestamp) {
        let _ = now;
    }

    /// Nothing more will be parsed on this connection, so its bytes need not be copied any longer. Said once.
    fn ignore(&mut self, connection: ConnectionId);

    /// The connection speaks a protocol that can be followed by the beginnings of what calls move on it, and calls move
    /// more. Said once.
    fn copy_beginnings(&mut self, connection: ConnectionId) {
        let _ = connection;
    }

    /// A TCP connection was dialled and did not come to be.
    fn connection_failed(&mut self, failed: &Failed) {
        let _ = failed;
    }

    /// A TCP connection carried its first bytes; one that ends without any is told of just before its end. Said once, before
    /// anything else is said of it.
    fn connection_opened(&mut self, connection: &ConnectionFacts) {
        let _ = connection;
    }

    /// So many bytes were received and sent on it since this was last said. What is still missing is told at its end.
    fn connection_moved(&mut self, connection: &ConnectionFacts, received: u64, sent: u64) {
        let _ = (connection, received, sent);
    }

    /// It ended, or, without an end that was seen, is no longer followed. Said once, after all else.
    fn connection_closed(&mut self, connection: &ConnectionFacts, closed: Option<&Closed>) {
        let _ = (connection, closed);
    }

    /// The connection was dropped from the table though it goes on, because the table was full or it had been idle. A
    /// source that can should announce it again, as joined in the middle, before its next chunk; without that its
    /// later chunks are only counted.
    fn forgotten(&mut self, connection: ConnectionId);
}
