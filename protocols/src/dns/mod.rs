//! The domain name system: RFC 1034 and 1035, with EDNS (RFC 6891), over UDP and TCP (RFC 7766), on any port.
//!
//! Over TCP it is a protocol like any other: [`ENTRY`]. Over UDP there is no connection; [`Datagrams`] follows a socket.
//! Both hand messages to the same matcher, which pairs an answer with its question by the address that was asked, the
//! message's id, and the question itself, which answers repeat. Multicast DNS and LLMNR speak the same format and are
//! told apart; the NetBIOS name service, which borrowed it, is left alone.
//!
//! Messages are read by [`message`](self), not by a library. Those made for resolvers, `simple-dns` among them, build
//! an owned tree of a whole message and refuse all of it for one record that they do not like or that the capture cut;
//! an observer needs the head, one name and a few addresses, must tell what is well formed up to where, may not
//! allocate for each message, and should say what was answered also where the answer is broken.
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

pub use datagrams::{Datagrams, SOCKET_BYTES_LIMIT, WAITING_QUESTIONS, is_message};
pub use matcher::ANSWER_TIMEOUT;

use crate::{Protocol, registry::Entry};

/// How it is recognised and parsed on a connection.
pub const ENTRY: Entry = Entry {
    protocol: Protocol::Dns,
    detect: frame::detect,
    start: |_, from_start| Box::new(stream::DnsParser::new(from_start)),
};

/// Bytes that the parser of one connection holds at most.
pub const HELD_BYTES_LIMIT: usize = stream::HELD_BYTES_LIMIT;
