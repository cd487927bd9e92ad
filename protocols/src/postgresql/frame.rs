//! Where one message ends: a type, a length that counts itself, and a body; save for the first messages of a
//! connection, which have no type, and the one byte that answers a request for encryption.

use std::ops::RangeInclusive;

use super::{detect, message, shape};
use crate::framed::Layout;

/// Bytes of a statement's text that are kept.
pub(super) const TEXT_BYTES: usize = 4096;
/// Bytes of a message that are kept: a statement with its name, which is cut to 63 bytes by servers.
pub(super) const KEPT_BYTES: usize = TEXT_BYTES + 256;
/// Type and length.
pub(super) const HEADER_BYTES: usize = 5;
/// Longest message at the beginning of a connection (`MAX_STARTUP_PACKET_LENGTH`).
const LONGEST_OPENING: u32 = 10_000;
/// Longest request to cancel: two numbers, a code, and a key of 256 bytes since version 3.2.
const LONGEST_CANCEL: u32 = 12 + 256;

/// The layout of what the client sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FrontendLayout {
    /// Nothing was agreed on yet.
    Opening,
    /// Messages with a type.
    Messages,
}

impl Layout for FrontendLayout {
    fn header_bytes(&self) -> usize {
        match self {
            Self::Opening => 8,
            Self::Messages => HEADER_BYTES,
        }
    }

    fn length(&self, header: &[u8]) -> Option<u64> {
        match self {
            Self::Opening => opening_length(header).map(u64::from),
            Self::Messages => typed_length(header, shape::frontend_lengths),
        }
    }

    fn keep_bytes(&self) -> usize {
        KEPT_BYTES
    }

    fn resumes(&self, bytes: &[u8]) -> bool {
        detect::resumes_requests(bytes)
    }
}

/// The layout of what the server sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BackendLayout {
    /// One byte that answers a request for encryption.
    Verdict,
    /// Messages with a type.
    Messages,
}

impl Layout for BackendLayout {
    fn header_bytes(&self) -> usize {
        match self {
            Self::Verdict => 1,
            Self::Messages => HEADER_BYTES,
        }
    }

    fn length(&self, header: &[u8]) -> Option<u64> {
        match self {
            Self::Verdict => matches!(header, [b'S' | b'N' | b'G']).then_some(1),
            Self::Messages => typed_length(header, shape::backend_lengths),
        }
    }

    fn keep_bytes(&self) -> usize {
        KEPT_BYTES
    }

    fn resumes(&self, bytes: &[u8]) -> bool {
        detect::resumes_responses(bytes)
    }
}

fn typed_length(header: &[u8], lengths: fn(u8) -> RangeInclusive<u32>) -> Option<u64> {
    let &[kind, first, second, third, fourth] = header else { return None };
    let length = u32::from_be_bytes([first, second, third, fourth]);
    lengths(kind).contains(&length).then(|| 1 + u64::from(length))
}

/// The length of an opening message, from its length and its code or version.
pub(super) fn opening_length(header: &[u8]) -> Option<u32> {
    let (length, code) = header.split_first_chunk::<4>()?;
    let length = u32::from_be_bytes(*length);
    let code = u32::from_be_bytes(*code.first_chunk()?);
    let range = match code {
        message::SSL_REQUEST | message::GSSENC_REQUEST => 8..=8,
        message::CANCEL_REQUEST => 16..=LONGEST_CANCEL,
        version if version >> 16 == u32::from(message::MAJOR_VERSION) => 9..=LONGEST_OPENING,
        _ => return None,
    };
    range.contains(&length).then_some(length)
}
