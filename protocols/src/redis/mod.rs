//! Redis and its kin (Valkey, KeyDB, Dragonfly and others that speak the same): RESP2, RESP3 and inline commands.
//!
//! Specification: <https://redis.io/docs/latest/develop/reference/protocol-spec/>; commands and their keys as Redis 8 and
//! Valkey 9 document them.
//!
//! Commands are cut out of the client's stream in `request`, and masked as their arguments pass (`command`); answers are
//! cut out of the server's stream in `frame`. `parser` reads both, `matching` pairs them through the FIFO matcher, and
//! knows what answers nothing (pushes), what is answered many times (SUBSCRIBE), never (CLIENT REPLY), or by a stream of
//! another kind (MONITOR, PSYNC).

use crate::{
    Direction, Protocol, Settings,
    registry::{Entry, Parser},
};

mod command;
mod detect;
mod exchange;
mod frame;
mod line;
mod matching;
mod message;
mod parser;
mod pubsub;
mod request;
mod table;
#[cfg(test)]
mod tests;

/// Redis in the registry.
pub(crate) const ENTRY: Entry = Entry { protocol: Protocol::Redis, detect, agree: detect::agree, start };

/// Bytes that one connection's parser holds at most: waiting commands and their masked text, of which up to half may be
/// spent, the arguments and lines under way, and the nesting of the answer under way.
pub(crate) const HELD_BYTES_LIMIT: usize = (parser::WAITING_REQUESTS + 1) * parser::REQUEST_BYTES
    + 2 * (parser::WAITING_BYTES + 2 * command::TEXT_LIMIT)
    + crate::texts::SPENT_BYTES
    + request::HELD_BYTES_LIMIT
    + frame::HELD_BYTES_LIMIT;

fn detect(direction: Direction, bytes: &[u8]) -> crate::Detection {
    detect::detect(direction, bytes)
}

fn start(_settings: &Settings, from_start: bool) -> Box<dyn Parser> {
    Box::new(parser::RedisParser::new(from_start))
}
