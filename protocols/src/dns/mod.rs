//! The domain name system: RFC 1034 and 1035, with EDNS (RFC 6891), over UDP and TCP (RFC 7766), on any port.
//!
//! Over TCP it is a protocol like any other: [`ENTRY`]. Over UDP there is no connection; [`Datagrams`] follows a socket.
//! Both hand messages to the same matcher, which pairs an answer with its question by the address that was asked, the
//! message's id, and the question itself, which answers repeat. Multicast DNS and LLMNR speak the same format and are
//! told apart; the NetBIOS name service, which borrowed it, is left alone.
//!
//! Messages are read by a reader of our own, not by a library. `simple-dns` 0.13, the best of those that were tried, makes
//! 11 allocations and takes 780 ns to read a question and its answer, where reading, matching and reporting them here
//! takes 280 ns and none. It also refuses all of a message for one record that it does not like, that is of a class it does
//! not know, or that the capture cut, so that an answer would count as none; and it takes a message with bytes behind it
//! for whole, so that it cannot tell this protocol from others. Of what such libraries can do, an observer needs the
//! head, names, and a few addresses.
//!
//! Texts of TXT records and other data are never shown: tokens live there.

mod codes;
mod datagrams;
mod exchange;
mod frame;
mod kind;
mod matcher;
mod message;
mod name;
mod questions;
mod recent;
mod stream;
#[cfg(test)]
mod tests;
mod waiting;

pub use datagrams::{Datagrams, SOCKET_BYTES_LIMIT, WAITING_QUESTIONS, is_message};
pub use matcher::ANSWER_TIMEOUT;

use crate::{Protocol, registry::Entry};

/// How it is recognised and parsed on a connection.
pub const ENTRY: Entry = Entry {
    protocol: Protocol::Dns,
    detect: frame::detect,
    agree: crate::registry::always_agree,
    start: |_, from_start| Box::new(stream::DnsParser::new(from_start)),
};

/// Bytes that the parser of one connection holds at most.
pub const HELD_BYTES_LIMIT: usize = stream::HELD_BYTES_LIMIT;
