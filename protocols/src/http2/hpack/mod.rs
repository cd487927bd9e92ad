//! HPACK, the compression of HTTP/2's header fields (RFC 7541), read by somebody who may have come late.
//!
//! The encoder and the decoder of a connection share a table of fields that both extend as blocks pass. An observer
//! that saw every block since the first shares it, too. One that did not lacks entries, but never holds a wrong one:
//! an index counts from the newest entry, so what was inserted since the observer's last loss stands at its right
//! place, whatever lies behind it. An index beyond that names a field that is not known, and is reported as such.

mod decoder;
mod dynamic_table;
mod huffman;
mod static_table;
#[cfg(test)]
mod tests;

pub(crate) use decoder::{Decoder, Field};
pub(crate) use dynamic_table::HELD_BYTES_LIMIT;
