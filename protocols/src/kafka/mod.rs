//! Kafka's binary protocol (<https://kafka.apache.org/protocol>), every kind of request up to Kafka 4.1 by name, versions
//! that 4.2 added, and those that 4.0 removed.
//!
//! Messages say their length in four bytes; `frame` cuts them and reads their headers. What a kind and version of a
//! message holds is data: `apis` lists the kinds, `requests` and `responses` describe them, `schema` reads a message by
//! its description into a record of `message`. `link` pairs requests and responses by their correlation id, with the
//! books of `waiting` for what was lost; `exchange` says what a pair means in OpenTelemetry's terms.
//!
//! * **No answer.** A producer that asks for no acknowledgement (`acks=0`) gets no response. Its exchange is complete with
//!   the last byte of the request, and ends then: nothing more belongs to it.
//! * **Large messages.** Of a message its first bytes are kept and read. What stands behind them is absent from the
//!   exchange: further topics, and errors of partitions behind the first records of a fetch.
//! * **Topic ids.** Newer versions name topics by id alone. See `topics`.
//! * **Fetch sessions.** Consumers name what they fetch once. See `session`.
//! * **Authentication.** `SaslHandshake` version 0 is followed by tokens that are no messages of Kafka's; they are passed
//!   over. The tokens in `SaslAuthenticate` are not read either. Nothing of them is ever held.

use crate::{
    Detection, Direction, Protocol, Settings,
    registry::{Entry, Parser},
};

mod apis;
mod detect;
mod errors;
mod exchange;
mod frame;
mod link;
mod message;
mod parser;
mod records;
mod requests;
mod responses;
mod schema;
mod session;
#[cfg(test)]
mod tests;
mod topics;
mod waiting;

pub use topics::TopicNames;

/// Kafka in the registry.
pub const ENTRY: Entry = Entry { protocol: Protocol::Kafka, detect, agree: detect::agree, start };

/// Bytes that one connection's parser holds at most: two unfinished messages, waiting requests, and responses held for
/// late ones. The table of topics is shared by all connections and has a bound of its own.
pub const HELD_BYTES_LIMIT: usize = parser::HELD_BYTES_LIMIT;

/// Kafka options. Cheap to clone: every connection has its own.
#[derive(Debug, Clone, Default)]
pub struct KafkaSettings {
    /// The names of topics by id, learned by any connection for all of them.
    pub topic_names: TopicNames,
}

fn detect(direction: Direction, bytes: &[u8]) -> Detection {
    detect::detect(direction, bytes)
}

fn start(settings: &Settings, from_start: bool) -> Box<dyn Parser> {
    Box::new(parser::KafkaParser::new(&settings.kafka, from_start))
}
