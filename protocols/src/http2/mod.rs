//! HTTP/2 (RFC 9113) with its compression of fields, HPACK (RFC 7541), and with gRPC, which is a use of it.
//!
//! `half` cuts each direction into frames, `blocks` puts header blocks together, `hpack` decodes them and `heads` keeps
//! what matters. `exchanges` holds what is under way on each stream until it has ended or, in `waiting`, was waited for
//! long enough. `record` reports it: as an exchange of HTTP in `exchange`, or as a call in [`crate::grpc`]. What a request
//! and a response mean is shared with HTTP/1.
//!
//! A connection that is joined in the middle, or of which bytes were lost, is parsed from the next frame on. The fields
//! that it refers to by numbers given out before are then absent until they are sent anew.

use crate::{
    Detection, Direction, Protocol, Settings, Timestamp,
    http::{HttpSettings, record::Request},
    registry::{Entry, Parser},
};

mod blocks;
mod bridge;
mod detect;
mod exchange;
mod exchanges;
mod frame;
mod half;
mod heads;
mod hpack;
mod loss;
mod parser;
mod payloads;
mod record;
#[cfg(test)]
mod tests;
mod waiting;

/// HTTP/2 and gRPC in the registry.
pub const ENTRY: Entry =
    Entry { protocol: Protocol::Http2, detect, agree: crate::registry::always_agree, start };

/// Bytes that one connection's parser holds at most: two unfinished header blocks, the fields that both ends of each
/// direction remember, and the exchanges under way.
pub const HELD_BYTES_LIMIT: usize =
    2 * (blocks::BLOCK_LIMIT + hpack::HELD_BYTES_LIMIT + frame::PREFACE.len()) + exchanges::OPEN_BYTES;

fn detect(direction: Direction, bytes: &[u8]) -> Detection {
    detect::detect(direction, bytes)
}

fn start(settings: &Settings, from_start: bool) -> Box<dyn Parser> {
    Box::new(parser::Http2Parser::new(settings.http.clone(), from_start))
}

/// Whether a server's first bytes are those of one that speaks HTTP/2 to everybody.
pub(crate) fn greets(bytes: &[u8]) -> bool {
    detect::greets(bytes)
}

/// The parser of a connection that an `Upgrade: h2c` turns into one of HTTP/2 (RFC 7540 section 3.2). `request` is the one
/// that asked for it, to be answered on stream 1. `server_silent` says that nothing was seen of the server's stream
/// behind the response that agreed.
pub(crate) fn upgraded(
    settings: HttpSettings,
    request: Request,
    at: Timestamp,
    server_silent: bool,
) -> Box<dyn Parser> {
    Box::new(parser::Http2Parser::upgraded(settings, request, at, server_silent))
}
