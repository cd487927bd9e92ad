//! The beginning of a head whose end was not seen yet.

use memchr::memchr;

use super::{
    frame::head_end,
    line::{self, Line},
    stream::Step,
};
use crate::Direction;

/// Bytes of a head that are held. Servers refuse far shorter ones (nginx 32 KiB, Apache 8 KiB a line).
pub(super) const HEAD_LIMIT: usize = 64 * 1024;

/// Capacity above which a buffer is given back instead of kept for the next head.
const KEPT_CAPACITY: usize = 8 * 1024;

/// Holds a head while it comes in pieces. Every byte is copied once and searched once.
#[derive(Debug)]
pub(super) struct HeadBuffer {
    direction: Direction,
    bytes: Vec<u8>,
    /// Where to go on looking for the end.
    searched: usize,
    /// Whether the first line was found to be one.
    line_valid: bool,
}

impl HeadBuffer {
    pub(super) const fn new(direction: Direction) -> Self {
        Self { direction, bytes: Vec::new(), searched: 0, line_valid: false }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether there is a whole first line, and it is one.
    pub(super) fn is_proven(&self) -> bool {
        memchr(b'\n', &self.bytes).is_some() && line::probe(self.direction, &self.bytes) == Line::Valid
    }

    /// Gives the bytes away, to be given back to [`HeadBuffer::keep`].
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.searched = 0;
        self.line_valid = false;
        std::mem::take(&mut self.bytes)
    }

    /// Keeps the memory for the next head.
    pub(super) fn keep(&mut self, mut bytes: Vec<u8>) {
        if bytes.capacity() <= KEPT_CAPACITY {
            bytes.clear();
            self.bytes = bytes;
        }
    }

    /// Drops what is held.
    #[inline]
    pub(super) fn clear(&mut self) {
        if self.bytes.is_empty() {
            return;
        }
        let bytes = self.take();
        self.keep(bytes);
    }

    /// Takes the first bytes of a head. On `trial` only a line with a version proves that it is one.
    pub(super) fn begin(&mut self, bytes: &[u8], trial: bool) -> Step {
        let line = line::probe(self.direction, bytes);
        match line {
            Line::Invalid => return Step::NotAHead,
            Line::Simple if trial => return Step::NotAHead,
            // HTTP/0.9's request is its line.
            Line::Simple => return Step::Head { from: Some(0), to: line_end(bytes) },
            Line::Valid | Line::NeedMore => {}
        }
        let searched = match head_end(bytes, 0) {
            Ok(end) if end <= HEAD_LIMIT => return Step::Head { from: Some(0), to: end },
            Ok(_) => HEAD_LIMIT,
            Err(searched) => searched,
        };
        self.searched = searched;
        self.line_valid = line == Line::Valid;
        let held = bytes.len().min(HEAD_LIMIT + 1);
        self.bytes.extend_from_slice(&bytes[..held]);
        self.held_all(bytes.len())
    }

    /// Takes more bytes of the head that was begun.
    pub(super) fn more(&mut self, bytes: &[u8], trial: bool) -> Step {
        let before = self.bytes.len();
        let room = (HEAD_LIMIT + 1).saturating_sub(before).min(bytes.len());
        self.bytes.extend_from_slice(&bytes[..room]);
        if !self.line_valid {
            match line::probe(self.direction, &self.bytes) {
                Line::Invalid => return Step::NotAHead,
                Line::Simple if trial => return Step::NotAHead,
                Line::Simple => return self.whole(line_end(&self.bytes), before),
                Line::Valid => self.line_valid = true,
                Line::NeedMore => {}
            }
        }
        match head_end(&self.bytes, self.searched) {
            Ok(end) => return self.whole(end, before),
            Err(searched) => self.searched = searched,
        }
        self.held_all(bytes.len())
    }

    fn whole(&mut self, end: usize, before: usize) -> Step {
        self.bytes.truncate(end);
        Step::Head { from: None, to: end.saturating_sub(before) }
    }

    fn held_all(&self, taken: usize) -> Step {
        if self.bytes.len() > HEAD_LIMIT { Step::TooLong(taken) } else { Step::Taken(taken) }
    }
}

/// Index past the first line.
fn line_end(bytes: &[u8]) -> usize {
    memchr(b'\n', bytes).map_or(bytes.len(), |newline| newline + 1)
}
