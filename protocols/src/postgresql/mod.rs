//! PostgreSQL: the frontend/backend protocol, versions 3.0 and 3.2
//! (<https://www.postgresql.org/docs/current/protocol.html>).
//!
//! The frontend sends messages in groups, each ended by what the backend answers with one `ReadyForQuery`: a simple
//! query, a function call, or everything up to a `Sync`. Groups are what the matcher pairs, because their number is the
//! same on both sides whatever fails; within a pair of groups the replies are dealt out to the *steps* of the request,
//! one exchange each: a simple query, or an `Execute` with the `Parse`, `Bind` and `Describe` that led to it.
//!
//! Bytes become messages in `frame`, single messages are read in `message`, `detect` recognises them where nothing else
//! is known, `requests` and `responses` build the groups, `group` deals replies out to each `step`, `names` knows prepared statements
//! and portals, `parser` joins them, and `exchange` says what an exchange means in OpenTelemetry's terms.

use crate::{
    Protocol, Settings,
    registry::{Entry, Parser},
};

mod answer;
mod detect;
mod exchange;
mod few;
mod frame;
mod group;
mod message;
mod names;
mod parser;
mod requests;
mod responses;
mod session;
mod shape;
mod step;
#[cfg(test)]
mod tests;

/// PostgreSQL in the registry.
pub const ENTRY: Entry = Entry {
    protocol: Protocol::Postgresql,
    detect: detect::detect,
    agree: crate::registry::always_agree,
    start,
};

/// Bytes that one connection's parser holds at most: an unfinished message of each stream, the groups that wait and the
/// ones being read, replies held for late requests, and the known statements and portals.
pub const HELD_BYTES_LIMIT: usize = 2 * frame::KEPT_BYTES
    + crate::fifo::WAITING_BYTES
    + 2 * group::GROUP_BYTES
    + (crate::fifo::HELD_RESPONSES + 2) * responses::GROUP_BYTES
    + names::HELD_BYTES_LIMIT;

fn start(_settings: &Settings, from_start: bool) -> Box<dyn Parser> {
    Box::new(parser::PostgresqlParser::new(from_start))
}
