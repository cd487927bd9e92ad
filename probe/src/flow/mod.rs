//! The connection table: streams put in order, gaps found, bytes handed to the protocol parsers, all of it bounded.
//!
//! A [`Worker`] owns the connections of one thread. It takes the events of [`capture`](crate::capture) or
//! [`replay`](crate::replay) and tells an [`Observer`] what they amount to. Inside, [`stream`] puts one direction in
//! order and [`streams`] relates the two directions of a connection; the rest is bookkeeping: who is known
//! (`table`), who needs a look when (`schedule`), and what was counted ([`Counters`]). UDP has no streams: `sockets` has
//! a parser for each socket.

use std::net::SocketAddr;

use plainsight_protocols::{Exchange, Side};

use crate::capture::{ConnectionId, Process};

mod connection;
mod counters;
mod held;
mod index_list;
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

/// Receives what the connections of one worker carried.
pub trait Observer {
    /// One exchange.
    fn exchange(&mut self, observed: &Observed<'_>);

    /// `count` exchanges took place of which nothing was seen that could be reported: their bytes were lost.
    fn unobserved(&mut self, count: u64);

    /// Nothing more will be parsed on this connection, so its bytes need not be copied any longer. Said once.
    fn ignore(&mut self, connection: ConnectionId);

    /// The connection speaks a protocol that can be followed by the beginnings of what calls move on it, and calls move
    /// more. Said once.
    fn copy_beginnings(&mut self, connection: ConnectionId) {
        let _ = connection;
    }

    /// The connection was dropped from the table though it goes on, because the table was full or it had been idle. A
    /// source that can should announce it again, as joined in the middle, before its next chunk; without that its
    /// later chunks are only counted.
    fn forgotten(&mut self, connection: ConnectionId);
}
