//! TLS: the beginning of the handshake, which is all of it that an observer can read (RFC 8446, RFC 5246, RFC 6066 for
//! server names, RFC 7301 for ALPN, RFC 8701 for the reserved values that mean nothing).
//!
//! A connection is one exchange: the ClientHello, answered by a ServerHello or an alert. Records are cut in `frame` and
//! put together there, hellos are read in `message`, `parser` pairs the two and then gives the connection up, because
//! what follows is encrypted. Protocols that switch to TLS within a connection notice that themselves, and hand it over
//! with [`within`].

use crate::{
    Detection, Direction, Protocol, Settings,
    registry::{Entry, Parser},
};

mod exchange;
mod frame;
mod message;
mod names;
mod parser;
#[cfg(test)]
mod tests;

/// TLS in the registry.
pub(crate) const ENTRY: Entry =
    Entry { protocol: Protocol::Tls, detect, agree: crate::registry::always_agree, start };

/// Bytes that one connection's parser holds at most: of either stream a record under way and the records before it that
/// belong to the same message, and what is kept of both hellos.
pub(crate) const HELD_BYTES_LIMIT: usize = 2 * (frame::RECORD_HEADER + frame::CLIENT_HELLO)
    + 2 * (frame::RECORD_HEADER + frame::SERVER_HELLO)
    + 2 * message::TEXT_LIMIT;

fn detect(_direction: Direction, bytes: &[u8]) -> Detection {
    frame::detect(bytes)
}

/// The parser of what is left of a connection on which both ends have agreed in another protocol to go on in TLS.
pub(crate) fn within(protocol: Protocol) -> Box<dyn Parser> {
    Box::new(parser::TlsParser::within(protocol))
}

fn start(_settings: &Settings, from_start: bool) -> Box<dyn Parser> {
    Box::new(parser::TlsParser::new(from_start))
}
