//! Where lines end.
//!
//! Lines that lie whole in what was read are borrowed from it. What is left at its end is held, up to the bound and the two bytes
//! that may turn out to be part of the line's end; what comes after the bound is only counted, so that a line that never ends costs no memory.

use memchr::{memchr, memchr_iter};

/// How wide characters are, as far as line ends go: no multi-byte encoding that is accepted has this byte within a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    Bytes,
    Utf16Le,
    Utf16Be,
}

impl Framing {
    const fn width(self) -> usize {
        match self {
            Self::Bytes => 1,
            Self::Utf16Le | Self::Utf16Be => 2,
        }
    }

    /// Where the first line end is, in whole characters.
    #[inline]
    fn line_end(self, bytes: &[u8]) -> Option<usize> {
        let (place, other) = match self {
            Self::Bytes => return memchr(b'\n', bytes),
            Self::Utf16Le => (0, 1),
            Self::Utf16Be => (1, 0),
        };
        memchr_iter(b'\n', bytes).find_map(|index| {
            let start = index & !1;
            (index & 1 == place && bytes.get(start + other) == Some(&0)).then_some(start)
        })
    }

    fn ends_with_return(self, bytes: &[u8]) -> bool {
        match self {
            Self::Bytes => bytes.ends_with(b"\r"),
            Self::Utf16Le => bytes.len().is_multiple_of(2) && bytes.ends_with(b"\r\0"),
            Self::Utf16Be => bytes.len().is_multiple_of(2) && bytes.ends_with(b"\0\r"),
        }
    }
}

/// A line without its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) bytes: &'a [u8],
    /// Offset of its first byte.
    pub(super) begin: u64,
    /// Offset after its line end.
    pub(super) end: u64,
    /// Bytes that were left out because it is too long.
    pub(super) skipped: u64,
    /// Whether its end was not seen.
    pub(super) is_unfinished: bool,
    /// When its first byte was read.
    pub(super) observed_ns: u64,
}

#[derive(Debug)]
pub(super) struct Lines {
    framing: Framing,
    limit: usize,
    /// What is there of a line whose end was not seen.
    held: Vec<u8>,
    /// The first half of a character.
    half: Option<u8>,
    /// Bytes of that line, what is not held included.
    total: u64,
    /// Whether the last character was a carriage return.
    has_return: bool,
    /// Whether the rest of the line belongs to a record that was cut and given out before its end was seen.
    is_skipping: bool,
    begin: u64,
    /// Offset after what was fed.
    offset: u64,
    /// When its first and its latest byte came.
    since_ns: u64,
    latest_ns: u64,
    pub(super) zero_bytes: u64,
    /// Bytes that were skipped after their record had been given out.
    pub(super) late_bytes: u64,
}

/// Memory that is kept for the next line or record.
pub(super) const KEPT_BYTES: usize = 16 << 10;

impl Lines {
    pub(super) fn new(framing: Framing, limit: usize) -> Self {
        Self {
            framing,
            limit,
            held: Vec::new(),
            half: None,
            total: 0,
            has_return: false,
            is_skipping: false,
            begin: 0,
            offset: 0,
            since_ns: 0,
            latest_ns: 0,
            zero_bytes: 0,
            late_bytes: 0,
        }
    }

    /// Forgets what is held, and goes on at that offset.
    pub(super) fn reset(&mut self, framing: Framing, offset: u64) {
        self.framing = framing;
        self.held = Vec::new();
        self.half = None;
        self.total = 0;
        self.has_return = false;
        self.is_skipping = false;
        self.begin = offset;
        self.offset = offset;
    }

    /// Gives back memory beyond so many bytes, unless a line waits for its end.
    pub(super) fn release(&mut self, bytes: usize) {
        if self.held.is_empty() {
            self.held.shrink_to(bytes);
        }
    }

    /// Bytes of memory.
    pub(super) const fn memory(&self) -> usize {
        self.held.capacity()
    }

    /// Offset after what was fed, a character's first half included.
    pub(super) fn offset(&self) -> u64 {
        self.offset + u64::from(self.half.is_some())
    }

    /// Whether no line has begun.
    pub(super) const fn is_new(&self) -> bool {
        self.total == 0 && self.half.is_none()
    }

    /// Everything before this offset was given out.
    pub(super) const fn safe_offset(&self) -> u64 {
        if self.total > 0 && !self.is_skipping { self.begin } else { self.offset }
    }

    /// Takes the next bytes, and gives out the lines that end in them.
    #[inline]
    pub(super) fn feed(&mut self, bytes: &[u8], now_ns: u64, each: &mut impl FnMut(Line<'_>)) {
        if bytes.is_empty() {
            return;
        }
        self.latest_ns = now_ns;
        if self.framing.width() == 1 {
            return self.characters(bytes, now_ns, each);
        }
        let mut rest = bytes;
        if let Some(half) = self.half.take() {
            self.characters(&[half, rest[0]], now_ns, each);
            rest = &rest[1..];
        }
        let (whole, half) = rest.split_at(rest.len() & !1);
        self.characters(whole, now_ns, each);
        self.half = half.first().copied();
    }

    /// Gives out the last line without its end, if its latest byte came that long ago.
    pub(super) fn expire(&mut self, now_ns: u64, timeout_ns: u64, each: &mut impl FnMut(Line<'_>)) {
        if self.total > 0 && now_ns.saturating_sub(self.latest_ns) >= timeout_ns {
            self.give_unfinished(each);
        }
    }

    /// Gives out the last line without its end: there will be no more.
    pub(super) fn finish(&mut self, each: &mut impl FnMut(Line<'_>)) {
        if let Some(half) = self.half.take() {
            self.hold(&[half]);
        }
        if self.total > 0 {
            self.give_unfinished(each);
        }
        self.start(self.offset);
    }

    /// Takes whole characters.
    fn characters(&mut self, bytes: &[u8], now_ns: u64, each: &mut impl FnMut(Line<'_>)) {
        let width = self.framing.width();
        let mut rest = bytes;
        loop {
            let is_new = self.total == 0 && !self.is_skipping;
            if is_new {
                self.since_ns = now_ns;
                rest = self.skip_zeros(rest);
            }
            let Some(length) = self.framing.line_end(rest) else { return self.hold(rest) };
            let end = self.offset + (length + width) as u64;
            let line = &rest[..length];
            if is_new {
                let has_return = self.framing.ends_with_return(line);
                each(self.line(line, length as u64, has_return, end, false));
            } else {
                self.hold(line);
                if self.is_skipping {
                    self.late_bytes += self.total;
                } else {
                    each(self.line(&self.held, self.total, self.has_return, end, false));
                }
            }
            self.start(end);
            rest = &rest[length + width..];
        }
    }

    /// A line of which `kept` is at hand.
    #[inline]
    fn line<'b>(
        &self,
        kept: &'b [u8],
        total: u64,
        has_return: bool,
        end: u64,
        is_unfinished: bool,
    ) -> Line<'b> {
        let width = self.framing.width();
        let content = if has_return { total - width as u64 } else { total };
        let limit = self.limit & !(width - 1);
        let length = usize::try_from(content).unwrap_or(usize::MAX).min(limit).min(kept.len());
        Line {
            bytes: &kept[..length],
            begin: self.begin,
            end,
            skipped: content - length as u64,
            is_unfinished,
            observed_ns: self.since_ns,
        }
    }

    fn give_unfinished(&mut self, each: &mut impl FnMut(Line<'_>)) {
        if self.is_skipping {
            self.late_bytes += self.total;
        } else {
            let line = self.line(&self.held, self.total, self.has_return, self.offset, true);
            self.is_skipping = line.skipped > 0;
            each(line);
        }
        let is_skipping = self.is_skipping;
        self.start(self.offset);
        self.is_skipping = is_skipping;
    }

    /// The next line begins there.
    #[inline]
    fn start(&mut self, offset: u64) {
        self.begin = offset;
        self.offset = offset;
        self.total = 0;
        self.is_skipping = false;
        self.held.clear();
        if self.held.capacity() > KEPT_BYTES {
            self.held = Vec::new();
        }
    }

    fn hold(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.offset += bytes.len() as u64;
        self.total += bytes.len() as u64;
        self.has_return = self.framing.ends_with_return(bytes);
        if !self.is_skipping {
            let room = (self.limit + self.framing.width()).saturating_sub(self.held.len());
            self.held.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    /// Leaves out zeros before a line: the hole that a writer leaves who goes on at its old place after the file was truncated. It may be as
    /// large as the file was, and would otherwise take the first line's room.
    #[inline]
    fn skip_zeros<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        if bytes.first() != Some(&0) {
            return bytes;
        }
        let zeros = bytes.iter().position(|&byte| byte != 0).unwrap_or(bytes.len());
        let zeros = zeros & !(self.framing.width() - 1);
        self.zero_bytes += zeros as u64;
        self.offset += zeros as u64;
        self.begin = self.offset;
        &bytes[zeros..]
    }
}
