//! What is kept of a command and of an answer until they are reported.

use super::table::Kind;
use crate::placed::Size;

/// A command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) size: Size,
    /// Where its text starts, how long that is, and how much of it is the command's name.
    pub(super) text: u64,
    pub(super) length: u16,
    pub(super) name: u8,
    pub(super) kind: Kind,
    pub(super) number: Option<u32>,
    pub(super) procedure: (u16, u16),
}

/// A short text, kept where it stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Word {
    bytes: [u8; Self::LIMIT],
    length: u8,
}

impl Word {
    /// Longer ones are cut: no prefix of an error that servers know has more letters.
    pub(super) const LIMIT: usize = 23;

    pub(super) fn get(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// Adds what fits.
    #[inline]
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let from = usize::from(self.length);
        let count = bytes.len().min(Self::LIMIT - from);
        self.bytes[from..from + count].copy_from_slice(&bytes[..count]);
        self.length += u8::try_from(count).unwrap_or_default();
    }
}

impl From<&[u8]> for Word {
    #[inline]
    fn from(bytes: &[u8]) -> Self {
        let mut word = Self::default();
        word.push(bytes);
        word
    }
}

/// An answer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reply {
    /// The type's marker.
    pub(super) marker: u8,
    pub(super) is_null: bool,
    /// Bytes of a bulk string, elements of an aggregate (keys and values of a map each), where announced.
    pub(super) count: Option<u64>,
    /// A simple string, an error's first word, or the first element of an aggregate.
    pub(super) word: Word,
    /// Elements that are errors, and the first word of the first of them.
    pub(super) errors: u32,
    pub(super) error: Word,
    /// The third element, where that is an integer that may be a count of subscriptions.
    pub(super) third: Option<i32>,
    /// It confirms subscriptions.
    pub(super) confirms: bool,
}

impl Reply {
    /// Whether it is an error.
    pub(super) fn is_error(&self) -> bool {
        matches!(self.marker, b'-' | b'!')
    }

    /// Whether it says that the command was queued for `EXEC`.
    pub(super) fn is_queued(&self) -> bool {
        self.marker == b'+' && self.word.get() == b"QUEUED"
    }

    /// Whether it is an aggregate that may have elements.
    pub(super) fn is_aggregate(&self) -> bool {
        matches!(self.marker, b'*' | b'~' | b'%' | b'>')
    }
}

/// An answer, and how much of it was seen.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Response {
    pub(super) size: Size,
    pub(super) reply: Reply,
}

/// Values of up to so many bytes are moved in registers. There are two moves for every answer.
const _: () = assert!(size_of::<Response>() <= 128);
