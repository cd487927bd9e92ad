//! MongoDB's wire protocol: `OP_MSG` (since 3.6), `OP_COMPRESSED`, and what came before them, of which drivers still use
//! `OP_QUERY` for their first message.
//!
//! Specification: <https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>, driver specifications
//! "OP_MSG" and "Wire Compression", and <https://bsonspec.org> for documents.
//!
//! Every message has a header with its length and number; an answer names the number that it answers. `frame` tells
//! `framed` how long messages are, `message` reads commands and errors with `bson`, `parser` and `waiting` pair them,
//! `exchange` says what they mean. Values of documents are passed over, never kept.

use crate::{
    Detection, Direction, Protocol, Settings,
    registry::{Entry, Parser},
};

mod bson;
mod exchange;
mod frame;
mod message;
mod names;
mod parser;
#[cfg(test)]
mod tests;
mod waiting;

/// MongoDB in the registry.
pub(crate) const ENTRY: Entry =
    Entry { protocol: Protocol::Mongodb, detect, agree: crate::registry::always_agree, start };

/// Bytes that one connection's parser holds at most: the messages under way, and the names of waiting commands, with
/// those of one more while it is read and of those whose room is kept for the next.
pub(crate) const HELD_BYTES_LIMIT: usize =
    2 * frame::KEEP_BYTES + (waiting::REQUESTS + waiting::SPARE + 1) * message::NAMES_LIMIT;

fn detect(_direction: Direction, bytes: &[u8]) -> Detection {
    frame::detect(bytes)
}

fn start(_settings: &Settings, from_start: bool) -> Box<dyn Parser> {
    Box::new(parser::MongodbParser::new(from_start))
}
