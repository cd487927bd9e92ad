//! Memcached's text protocol, with its meta commands. The binary protocol, which its authors have given up, is not read.
//!
//! Specification: `doc/protocol.txt` of <https://github.com/memcached/memcached>.
//!
//! `command` reads one line of the client's, `request` cuts its stream into lines and data, `frame` does the same with
//! the server's, `parser` reads both, and `matching` pairs them: in order through the FIFO matcher, and for commands that
//! asked for quiet, of which only some are answered, by the key or the opaque token that the answer repeats.

use crate::{
    Direction, Protocol, Settings,
    registry::{Entry, Parser},
};

mod command;
mod detect;
mod exchange;
mod frame;
mod matching;
mod message;
mod parser;
mod request;
#[cfg(test)]
mod tests;

/// Memcached in the registry.
pub(crate) const ENTRY: Entry = Entry { protocol: Protocol::Memcached, detect, agree: detect::agree, start };

/// Bytes that one connection's parser holds at most: waiting commands and their masked text, and the lines under
/// way.
pub(crate) const HELD_BYTES_LIMIT: usize = (parser::WAITING_REQUESTS + matching::QUIET_REQUESTS + 2)
    * parser::REQUEST_BYTES
    + matching::TEXT_BYTES
    + 2 * command::TEXT_LIMIT
    + request::LINE_KEEP
    + frame::LINE_KEEP;

fn detect(direction: Direction, bytes: &[u8]) -> crate::Detection {
    detect::detect(direction, bytes)
}

fn start(_settings: &Settings, from_start: bool) -> Box<dyn Parser> {
    Box::new(parser::MemcachedParser::new(from_start))
}
