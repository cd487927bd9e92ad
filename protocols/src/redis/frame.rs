//! The server's stream cut into answers, RESP2 and RESP3, without holding them: what is nested is counted, what is long
//! is skipped by its length.

use memchr::memchr;

use super::{
    line::{HEADER_BYTES, Header, Length, header},
    message::{Reply, Response},
};
use crate::{
    Timestamp,
    piped::{self, Hole, Step},
    placed::{Here, Size},
};

mod scalar;

use scalar::first_word;

/// Aggregates within aggregates that are followed. Redis itself nests some eight deep.
const DEPTH: usize = 64;

/// Bytes of a line that are kept: a simple string and an error are told by their first word.
const LINE_KEEP: usize = 64;

/// Bytes that the stream holds at most.
pub(super) const HELD_BYTES_LIMIT: usize = LINE_KEEP + DEPTH * size_of::<Level>();

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In a line, or before one.
    Line,
    /// So many bytes of a string, and of the line's end after it, are to come.
    Bulk { remaining: u64, streamed: bool },
    /// In the elements of an aggregate of which some were not copied. Nobody asked for anything else meanwhile, so that
    /// all that comes belongs to it.
    Unread,
    /// It is not known where an answer starts.
    Lost,
}

/// An aggregate under way.
#[derive(Debug, Clone, Copy)]
struct Level {
    /// Elements to come; `None` where they end with a mark.
    remaining: Option<u64>,
    /// Elements that have passed.
    passed: u64,
    /// An attribute: it is not an element itself, but says something of the next one.
    attribute: bool,
}

/// The server's stream.
#[derive(Debug)]
pub(super) struct Replies {
    state: State,
    levels: Vec<Level>,
    line: Vec<u8>,
    /// Bytes of the line under way, those not kept included.
    line_bytes: usize,
    /// Chunks of a string follow.
    streaming: bool,
    under_way: bool,
    reply: Reply,
    size: Size,
    start: Here,
    last_at: Timestamp,
}

impl Replies {
    pub(super) fn new(from_start: bool) -> Self {
        Self {
            state: if from_start { State::Line } else { State::Lost },
            levels: Vec::new(),
            line: Vec::new(),
            line_bytes: 0,
            streaming: false,
            under_way: false,
            reply: Reply::default(),
            size: Size::default(),
            start: Here::default(),
            last_at: Timestamp::default(),
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.line.len() + self.levels.len() * size_of::<Level>()
    }

    pub(super) fn is_lost(&self) -> bool {
        self.state == State::Lost
    }

    /// Whether an answer has begun and not ended.
    pub(super) fn is_within(&self) -> bool {
        self.under_way
    }

    /// Whether the answer under way goes on unread until the client says more.
    pub(super) fn is_unread(&self) -> bool {
        self.state == State::Unread
    }

    /// Where the bytes of the answer under way end that have come until now.
    pub(super) fn end_offset(&self) -> u64 {
        self.size.began.offset.saturating_add(self.size.bytes)
    }

    /// The answer that went on unread has ended with its last byte.
    pub(super) fn take_unread(&mut self) -> Option<(Response, Here)> {
        if !self.is_unread() {
            return None;
        }
        let taken = self.take();
        self.reset();
        Some(taken)
    }

    /// The marker of the answer under way.
    pub(super) fn marker(&self) -> u8 {
        self.reply.marker
    }

    /// Forgets the answer under way; the next is looked for where it can be told.
    pub(super) fn lose(&mut self) {
        self.reset();
        self.state = State::Lost;
    }

    /// The next byte starts an answer.
    pub(super) fn resume(&mut self) {
        self.reset();
    }

    fn reset(&mut self) {
        self.state = State::Line;
        self.levels.clear();
        self.line.clear();
        self.line_bytes = 0;
        self.streaming = false;
        self.under_way = false;
    }

    /// Reads on. `here` is where `bytes`, of which there is at least one, stand.
    #[inline]
    pub(super) fn read(&mut self, bytes: &[u8], here: Here) -> Step {
        if !self.under_way {
            self.under_way = true;
            self.size = Size::starting(here);
            self.start = here;
            self.reply = Reply::default();
        }
        self.last_at = here.at;
        match self.state {
            State::Line => self.line(bytes),
            State::Bulk { remaining, streamed } => self.bulk(bytes, remaining, streamed, 0),
            State::Unread => {
                self.size.took(bytes.len());
                Step::Taken(bytes.len())
            }
            State::Lost => Step::Taken(bytes.len()),
        }
    }

    /// The answer that has ended, and where it started.
    #[inline]
    pub(super) fn take(&mut self) -> (Response, Here) {
        self.size.ended = Some(self.last_at);
        self.under_way = false;
        (Response { size: self.size, reply: self.reply }, self.start)
    }

    /// What there is of the answer whose end was lost, if that is at least its type.
    pub(super) fn take_cut(&mut self) -> Option<(Response, Here)> {
        let known = self.under_way && self.reply.marker != 0;
        self.size.ended = None;
        self.reset();
        known.then_some((Response { size: self.size, reply: self.reply }, self.start))
    }

    fn line(&mut self, bytes: &[u8]) -> Step {
        let Some(end) = memchr(b'\n', bytes) else {
            let room = LINE_KEEP.saturating_sub(self.line.len());
            self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
            self.line_bytes += bytes.len();
            self.size.took(bytes.len());
            return if may_begin(&self.line, self.line_bytes) {
                Step::Taken(bytes.len())
            } else {
                Step::Invalid
            };
        };
        self.size.took(end + 1);
        if self.line_bytes == 0 {
            return self.element(&bytes[..=end], end + 1, bytes);
        }
        let room = LINE_KEEP.saturating_sub(self.line.len());
        self.line.extend_from_slice(&bytes[..=end][..(end + 1).min(room)]);
        let held = std::mem::take(&mut self.line);
        let step = self.element(&held, end + 1, bytes);
        self.line = held;
        self.line.clear();
        self.line_bytes = 0;
        step
    }

    /// A line is whole; `taken` bytes of `bytes` belong to it.
    #[inline]
    fn element(&mut self, line: &[u8], taken: usize, bytes: &[u8]) -> Step {
        let Some(&marker) = line.first() else { return Step::Invalid };
        if self.streaming {
            return self.chunk(marker, line, taken, bytes);
        }
        let is_first = self.levels.is_empty() && self.reply.marker == 0 && marker != b'|';
        if is_first {
            self.reply.marker = marker;
        }
        match marker {
            b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => {
                let text = line.strip_suffix(b"\r\n").unwrap_or(line);
                if !self.scalar(marker, text.get(1..).unwrap_or_default()) {
                    return Step::Invalid;
                }
                self.ended(taken)
            }
            b'$' | b'!' | b'=' => match header(line) {
                Header::Whole(Length::Known(length), _) => {
                    if is_first {
                        self.reply.count = Some(length);
                    }
                    self.bulk(bytes, length.saturating_add(2), false, taken)
                }
                Header::Whole(Length::Null, _) => self.null(is_first, taken),
                Header::Whole(Length::Streamed, _) if marker == b'$' => {
                    self.streaming = true;
                    Step::Taken(taken)
                }
                _ => Step::Invalid,
            },
            b'*' | b'~' | b'>' | b'%' | b'|' => self.aggregate(marker, line, is_first, taken),
            b'.' if line == b".\r\n" => match self.levels.pop() {
                Some(Level { remaining: None, passed, .. }) => {
                    if self.levels.is_empty() {
                        self.reply.count = Some(passed);
                    }
                    self.ended(taken)
                }
                _ => Step::Invalid,
            },
            _ => Step::Invalid,
        }
    }

    fn aggregate(&mut self, marker: u8, line: &[u8], is_first: bool, taken: usize) -> Step {
        let Header::Whole(length, _) = header(line) else { return Step::Invalid };
        let factor = if matches!(marker, b'%' | b'|') { 2 } else { 1 };
        let remaining = match length {
            Length::Null => return self.null(is_first, taken),
            Length::Known(count) => Some(count.saturating_mul(factor)),
            Length::Streamed => None,
        };
        if is_first {
            self.reply.count = remaining;
        }
        match remaining {
            Some(0) if marker == b'|' => Step::Taken(taken),
            Some(0) => self.ended(taken),
            _ if self.levels.len() >= DEPTH => Step::Invalid,
            remaining => {
                self.levels.push(Level { remaining, passed: 0, attribute: marker == b'|' });
                Step::Taken(taken)
            }
        }
    }

    fn null(&mut self, is_first: bool, taken: usize) -> Step {
        self.reply.is_null |= is_first;
        self.ended(taken)
    }

    /// The next chunk of a streamed string, or its end.
    fn chunk(&mut self, marker: u8, line: &[u8], taken: usize, bytes: &[u8]) -> Step {
        match (marker, header(line)) {
            (b';', Header::Whole(Length::Known(0), _)) => {
                self.streaming = false;
                self.ended(taken)
            }
            (b';', Header::Whole(Length::Known(length), _)) => {
                if self.levels.is_empty() {
                    self.reply.count = Some(self.reply.count.unwrap_or_default().saturating_add(length));
                }
                self.bulk(bytes, length.saturating_add(2), true, taken)
            }
            _ => Step::Invalid,
        }
    }

    /// Reads on in a string of which `remaining` bytes are to come, from `from` on.
    #[inline]
    fn bulk(&mut self, bytes: &[u8], remaining: u64, streamed: bool, from: usize) -> Step {
        let there = &bytes[from..];
        let Some((content, taken)) = piped::data(there, remaining) else { return Step::Invalid };
        let end = &there[content..taken];
        if end.len() == 2 && end != b"\r\n" {
            return Step::Invalid;
        }
        self.keep(&there[..content], streamed);
        self.size.took(taken);
        self.passed(taken as u64, remaining, streamed, from + taken)
    }

    /// Keeps of a string what tells what it is.
    #[inline]
    fn keep(&mut self, content: &[u8], streamed: bool) {
        let first = match self.levels.as_slice() {
            [] => self.reply.marker == b'!',
            [level] => level.passed == 0 && !streamed && !level.attribute,
            _ => false,
        };
        if first {
            self.reply.word.push(content);
        }
    }

    fn passed(&mut self, bytes: u64, remaining: u64, streamed: bool, taken: usize) -> Step {
        let remaining = remaining.saturating_sub(bytes);
        if remaining > 0 {
            self.state = State::Bulk { remaining, streamed };
            return Step::Taken(taken);
        }
        self.state = State::Line;
        if streamed { Step::Taken(taken) } else { self.ended(taken) }
    }

    /// A value has ended.
    #[inline]
    fn ended(&mut self, taken: usize) -> Step {
        while let Some(level) = self.levels.last_mut() {
            level.passed += 1;
            let Some(remaining) = &mut level.remaining else { return Step::Taken(taken) };
            *remaining -= 1;
            if *remaining > 0 {
                return Step::Taken(taken);
            }
            let attribute = level.attribute;
            self.levels.pop();
            if attribute {
                // What it belongs to is still to come.
                return Step::Taken(taken);
            }
        }
        if self.reply.marker == b'!' {
            self.reply.word = first_word(self.reply.word.get());
        }
        Step::Done(taken)
    }

    /// Bytes were not seen. `alone` says that the answer under way is the only one that anybody waits for.
    pub(super) fn gap(&mut self, bytes: u64, lost: bool, alone: bool, at: Timestamp) -> Hole {
        match self.state {
            State::Unread => {
                self.size.missed(bytes, lost);
                self.last_at = at;
                Hole::Inside
            }
            State::Bulk { remaining, streamed } if bytes <= remaining => {
                self.size.missed(bytes, lost);
                self.last_at = at;
                match self.passed(bytes, remaining, streamed, 0) {
                    Step::Done(_) => Hole::End,
                    _ => Hole::Inside,
                }
            }
            State::Line | State::Bulk { .. } if alone && !lost && !self.levels.is_empty() => {
                self.size.missed(bytes, lost);
                self.last_at = at;
                self.reset();
                (self.state, self.under_way) = (State::Unread, true);
                Hole::Inside
            }
            State::Bulk { remaining, .. } => {
                self.size.missed(remaining, lost);
                Hole::Beyond
            }
            State::Line if self.under_way => Hole::Beyond,
            State::Line | State::Lost => Hole::Between,
        }
    }
}

/// Whether a line that goes on can be one: numbers are short, text may be of any length.
fn may_begin(line: &[u8], length: usize) -> bool {
    match line.first() {
        None | Some(b'+' | b'-' | b'(') => true,
        Some(b':' | b',' | b'_' | b'#' | b'.') => length <= LINE_KEEP,
        Some(b'$' | b'!' | b'=' | b'*' | b'~' | b'>' | b'%' | b'|' | b';') => {
            length < HEADER_BYTES && header(line) == Header::NeedMore
        }
        Some(_) => false,
    }
}
