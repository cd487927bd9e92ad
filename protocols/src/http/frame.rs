//! Where one message ends: the end of its head, and the length of its body (RFC 9112 sections 2.2, 6 and 7).

use memchr::memchr;

/// How the body of a message is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// There is none.
    None,
    /// So many bytes follow.
    Exactly(u64),
    /// In chunks.
    Chunked,
    /// Whatever comes until the stream ends.
    UntilClose,
    /// The head says nothing that can be believed.
    Unknown,
    /// The connection speaks something else from here on.
    Tunnel,
}

/// Finds the end of a head, which is an empty line; a line may end in LF alone (RFC 9112 section 2.2).
///
/// # Errors
/// Where to go on once there are more bytes: every byte is looked at once, however the head is cut.
pub(super) fn head_end(bytes: &[u8], mut from: usize) -> Result<usize, usize> {
    while let Some(found) = bytes.get(from..).and_then(|rest| memchr(b'\n', rest)) {
        let newline = from + found;
        match bytes.get(newline + 1..) {
            Some([b'\n', ..]) => return Ok(newline + 2),
            Some([b'\r', b'\n', ..]) => return Ok(newline + 3),
            None | Some([] | [b'\r']) => return Err(newline),
            Some(_) => from = newline + 1,
        }
    }
    Err(bytes.len())
}

/// Longest line with a chunk's size and extensions, and longest trailer section.
const CHUNK_LINE: u32 = 4 * 1024;
const TRAILERS: u32 = 64 * 1024;

/// Bytes of the last chunk, `0 CRLF CRLF`, behind the line end of the chunk before it.
const LAST_CHUNK: u64 = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Size { digits: bool },
    Extension,
    Data,
    DataEnd,
    Trailer { empty: bool },
}

/// Reads a body in chunks (RFC 9112 section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunked {
    part: Part,
    /// Of the chunk's data, not yet seen.
    remaining: u64,
    /// Bytes of the current line, or of the trailers.
    line: u32,
}

/// How far a body in chunks has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// More follows.
    More,
    /// Its end was reached.
    Done,
    /// These are no chunks.
    Broken,
}

impl Chunked {
    /// At the first size line.
    pub(super) const fn new() -> Self {
        Self { part: Part::Size { digits: false }, remaining: 0, line: 0 }
    }

    /// Reads on. Gives the bytes consumed, how many of them were data, and what is to come.
    pub(super) fn read(&mut self, bytes: &[u8]) -> (usize, u64, Progress) {
        let (mut position, mut data) = (0, 0);
        while let Some(&byte) = bytes.get(position) {
            match self.part {
                Part::Data => {
                    let there = bytes.len() - position;
                    let taken =
                        usize::try_from(self.remaining).map_or(there, |remaining| remaining.min(there));
                    position += taken;
                    data += taken as u64;
                    self.remaining -= taken as u64;
                    if self.remaining == 0 {
                        self.part = Part::DataEnd;
                    }
                    continue;
                }
                Part::Extension => {
                    let rest = &bytes[position..];
                    let skipped = memchr(b'\n', rest).unwrap_or(rest.len());
                    self.line = self.line.saturating_add(u32::try_from(skipped).unwrap_or(u32::MAX));
                    position += skipped;
                    if skipped > 0 {
                        if self.line > CHUNK_LINE {
                            return (position, data, Progress::Broken);
                        }
                        continue;
                    }
                    self.start_of_data();
                }
                Part::Size { digits } => {
                    if !self.size_byte(byte, digits) {
                        return (position, data, Progress::Broken);
                    }
                }
                Part::DataEnd => match byte {
                    b'\r' => {}
                    b'\n' => *self = Self::new(),
                    _ => return (position, data, Progress::Broken),
                },
                Part::Trailer { empty } => match byte {
                    b'\n' if empty => return (position + 1, data, Progress::Done),
                    b'\n' => self.part = Part::Trailer { empty: true },
                    b'\r' => {}
                    _ => self.part = Part::Trailer { empty: false },
                },
            }
            self.line = self.line.saturating_add(1);
            if self.line > TRAILERS {
                return (position, data, Progress::Broken);
            }
            position += 1;
        }
        (position, data, Progress::More)
    }

    /// Passes over bytes that were not seen. Only data can be passed over, and its line end; a gap that is as long as
    /// the rest of the chunk with the last chunk behind it is taken for just that: servers send them in one call.
    pub(super) fn skip(&mut self, bytes: u64) -> Progress {
        let line_end = match self.part {
            Part::Data => self.remaining.saturating_add(2),
            _ => return Progress::Broken,
        };
        if bytes <= self.remaining {
            self.remaining -= bytes;
            if self.remaining == 0 {
                self.part = Part::DataEnd;
            }
            Progress::More
        } else if bytes == line_end {
            *self = Self::new();
            Progress::More
        } else if bytes == line_end.saturating_add(LAST_CHUNK) {
            Progress::Done
        } else {
            Progress::Broken
        }
    }

    /// Data of the current chunk not yet seen.
    pub(super) fn remaining(&self) -> u64 {
        if self.part == Part::Data { self.remaining } else { 0 }
    }

    fn size_byte(&mut self, byte: u8, digits: bool) -> bool {
        if let Some(digit) = char::from(byte).to_digit(16) {
            let Some(shifted) = self.remaining.checked_mul(16) else { return false };
            self.remaining = shifted + u64::from(digit);
            self.part = Part::Size { digits: true };
            return self.line <= CHUNK_LINE;
        }
        match byte {
            b'\n' if digits => self.start_of_data(),
            b';' | b' ' | b'\t' | b'\r' if digits => self.part = Part::Extension,
            _ => return false,
        }
        true
    }

    fn start_of_data(&mut self) {
        self.line = 0;
        self.part = if self.remaining == 0 { Part::Trailer { empty: true } } else { Part::Data };
    }
}
