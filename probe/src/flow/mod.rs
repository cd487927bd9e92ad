//! The connection table: streams put in order, gaps found, bytes handed to the protocol parsers, all of it bounded.

use std::net::SocketAddr;

use plainsight_protocols::{Exchange, Side};

use crate::capture::{ConnectionId, Process};

/// An exchange with the connection it was seen on.
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
    /// The process that read or wrote last on the connection.
    pub process: Process,
}

/// Receives what the connections of one worker carried.
pub trait Observer {
    /// One exchange.
    fn exchange(&mut self, observed: &Observed<'_>);
}
