//! The client/server protocol of MySQL and MariaDB, versions 4.1 to today.
//!
//! Described in MySQL's source documentation, "Client/Server Protocol", and in MariaDB's documentation, "Server Client
//! Protocol".
//!
//! Bytes become packets in `frame`; `message` and `command` read them; `reply` knows where an answer ends, `matcher`
//! whose it is; `session` and `statements` keep what one command changes for the next, and `exchange` says what a pair
//! means in OpenTelemetry's terms.
//!
//! What is reported: the login (from the client's first packet to the server's last word on it, whatever steps lie
//! between), and each command that is answered. `COM_QUIT`, `COM_STMT_CLOSE` and `COM_STMT_SEND_LONG_DATA` have no
//! answer and are no exchanges. A request for TLS ends the parsing, and so do `COM_BINLOG_DUMP`, whose answer never
//! ends, and an agreement on compression, which the login's exchange tells of.
//!
//! Literals of statements are masked, prepared ones included: there the text has placeholders, but nothing keeps a
//! secret from standing beside them.

use crate::{
    Detection, Direction, Protocol, Settings,
    registry::{Entry, Parser},
};

mod command;
mod detect;
mod exchange;
mod frame;
mod matcher;
mod message;
mod parser;
mod pending;
mod reply;
mod report;
mod session;
mod statements;
#[cfg(test)]
mod tests;

/// MySQL in the registry.
pub const ENTRY: Entry =
    Entry { protocol: Protocol::Mysql, detect, agree: crate::registry::always_agree, start };

/// Bytes that one connection's parser holds at most: two unfinished packets, waiting commands, prepared statements,
/// answers held for late commands, and two names of databases.
pub const HELD_BYTES_LIMIT: usize = frame::CLIENT_KEEP_BYTES
    + frame::SERVER_KEEP_BYTES
    + crate::fifo::WAITING_BYTES
    + 2 * 2 * command::TEXT_BYTES
    + statements::KEPT_BYTES
    + parser::LATE_BYTES
    + 2 * reply::NAME_BYTES;

fn detect(direction: Direction, bytes: &[u8]) -> Detection {
    detect::detect(direction, bytes)
}

fn start(_settings: &Settings, from_start: bool) -> Box<dyn Parser> {
    Box::new(parser::MysqlParser::new(from_start))
}
