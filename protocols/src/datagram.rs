//! Datagrams of one socket: what a parser of a protocol over UDP is fed, and whom it tells.
//!
//! A server's socket talks to thousands of addresses, and one socket may be client and server at once, so datagrams are
//! not dealt out to a [`Conversation`](crate::Conversation) for each pair of addresses: one parser follows the socket,
//! and each exchange comes with ends of its own.

use std::net::SocketAddr;

use crate::{Endpoints, Exchange, Limit, Side, Timestamp};

/// One datagram that a socket sent or received.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a, T> {
    /// Whether the observed socket sent it.
    pub sent: bool,
    /// When.
    pub at: Timestamp,
    /// Address of the socket, as far as it is known: a socket that is not connected may have no address of its own.
    pub local: SocketAddr,
    /// The other end. Port zero where the program did not ask who had sent it.
    pub remote: SocketAddr,
    /// Its full length.
    pub length: u32,
    /// What was copied of it, from its beginning on.
    pub bytes: &'a [u8],
    /// Whatever the caller wants back with the exchange that this datagram begins: who sent it.
    pub tag: T,
}

/// The two ends of an exchange in datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatagramEnds {
    /// The observed socket.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
    /// Which of the two asked.
    pub side: Side,
}

impl DatagramEnds {
    /// The ends by the parts that they play.
    #[must_use]
    pub const fn endpoints(&self) -> Endpoints {
        match self.side {
            Side::Client => Endpoints { client: self.local, server: self.remote },
            Side::Server => Endpoints { client: self.remote, server: self.local },
        }
    }
}

/// Receives what the datagrams of a socket amount to.
pub trait DatagramSink<T> {
    /// One request with its response, or what was seen of them. The tag is that of the request, or of the response
    /// where no request was seen.
    fn exchange(&mut self, exchange: &Exchange<'_>, ends: &DatagramEnds, tag: &T);

    /// A bound was reached and something was given up for it. Made for counters; the default ignores it.
    fn limited(&mut self, limit: Limit) {
        let _ = limit;
    }
}
