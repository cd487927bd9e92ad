//! One stream of a connection cut into messages: heads, bodies, and what lies between them.

use super::{
    frame::{Chunked, Length, Progress},
    head_buffer::HeadBuffer,
    line::{self, Line},
};
use crate::{Direction, Timestamp, placed::Beginning};

/// Segments looked at in vain for the start of a message, in a row, before the connection is given up.
pub(super) const RESYNC_ATTEMPTS: u32 = 1024;

/// How much of a message was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Size {
    /// On the wire, head, framing and interim responses included.
    pub(crate) bytes: u64,
    /// Of the content, without framing.
    pub(crate) body: u64,
    /// Whether `body` can be told: not where framing was among the bytes not seen.
    pub(crate) body_known: bool,
    /// Lost to observation.
    pub(crate) missing: u64,
    /// Whether loss took a part, or the end.
    pub(crate) cut: bool,
    /// The last byte, where that was seen.
    pub(crate) ended: Option<Timestamp>,
}

/// Where the bytes at hand stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Here {
    pub(super) offset: u64,
    pub(super) at: Timestamp,
    pub(super) opposite: Option<u64>,
    /// Whether they begin a segment: a likely start of a message.
    pub(super) segment_start: bool,
}

/// What the stream does with bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// So many were taken in; nothing to be done.
    Taken(usize),
    /// A head begins after so many bytes. If it cannot be read from them directly, [`Stream::hold`] takes them.
    Begins(usize),
    /// A head is whole. It is `bytes[from..to]`, or in [`Stream::take_head`] where `from` is `None`.
    Head { from: Option<usize>, to: usize },
    /// So many were taken in, and the message ends with them.
    End(usize),
    /// The message that was under way ended before these bytes.
    Boundary,
    /// No message begins here.
    NotAHead,
    /// The head is longer than is held; its beginning is in [`Stream::take_head`].
    TooLong(usize),
}

/// What a gap did to the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hole {
    /// It lies in a body whose framing goes on.
    Inside,
    /// A body ends with it.
    End,
    /// A body ends in it, and something more begins.
    Beyond,
    /// It took the framing of a body.
    Framing,
    /// It took the rest of a head; what there was of it is in [`Stream::take_head`].
    Head,
    /// It lies between messages.
    Between,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In a head, or before one. `trial` where only its first line can prove that it is one.
    Head {
        trial: bool,
    },
    /// In a body of known length. `doubtful` where the next message may begin instead.
    Exactly {
        remaining: u64,
        doubtful: bool,
    },
    Chunked {
        chunks: Chunked,
        doubtful: bool,
    },
    UntilClose {
        doubtful: bool,
    },
    /// Framing was lost: a message begins where a segment, or just `here`, begins like one.
    Lost {
        here: bool,
    },
    /// Nothing is read any more.
    Over,
}

/// One stream.
#[derive(Debug)]
pub(super) struct Stream {
    direction: Direction,
    state: State,
    head: HeadBuffer,
    /// The message under way, from its first byte to the end of it.
    pub(super) size: Size,
    pub(super) start: Here,
    /// Bytes of empty lines at `start`, which are no part of the message.
    blank: u64,
    now: Timestamp,
    last_at: Timestamp,
    pub(super) misses: u32,
}

impl Stream {
    pub(super) fn new(direction: Direction) -> Self {
        let start = Here { offset: 0, at: Timestamp::default(), opposite: None, segment_start: false };
        Self {
            direction,
            state: State::Head { trial: false },
            head: HeadBuffer::new(direction),
            size: Size::default(),
            start,
            blank: 0,
            now: Timestamp::default(),
            last_at: Timestamp::default(),
            misses: 0,
        }
    }

    /// Bytes held of an unfinished head.
    pub(super) fn held_bytes(&self) -> usize {
        self.head.len()
    }

    /// Looks at the next bytes, of which there is at least one.
    #[inline]
    pub(super) fn read(&mut self, bytes: &[u8], here: Here) -> Step {
        self.now = here.at;
        match &mut self.state {
            State::Head { .. } => self.read_head(bytes, here),
            State::Exactly { doubtful: true, .. }
            | State::Chunked { doubtful: true, .. }
            | State::UntilClose { doubtful: true }
                if here.segment_start && line::probe(self.direction, bytes) == Line::Valid =>
            {
                Step::Boundary
            }
            State::Exactly { remaining, .. } => {
                let there = bytes.len();
                let taken = usize::try_from(*remaining).map_or(there, |remaining| remaining.min(there));
                *remaining -= taken as u64;
                let ends = *remaining == 0;
                self.count(taken, taken as u64);
                if ends { Step::End(taken) } else { Step::Taken(taken) }
            }
            State::Chunked { chunks, .. } => {
                let (taken, data, progress) = chunks.read(bytes);
                self.count(taken, data);
                match progress {
                    Progress::More => Step::Taken(taken),
                    Progress::Done => Step::End(taken),
                    Progress::Broken => {
                        self.size.body_known = false;
                        self.lose_framing(true);
                        Step::Taken(taken)
                    }
                }
            }
            State::UntilClose { .. } => {
                self.count(bytes.len(), bytes.len() as u64);
                Step::Taken(bytes.len())
            }
            State::Lost { here: directly } => {
                if !here.segment_start && !*directly {
                    self.count(bytes.len(), 0);
                    return Step::Taken(bytes.len());
                }
                match line::probe(self.direction, bytes) {
                    Line::Valid | Line::NeedMore => Step::Boundary,
                    Line::Invalid | Line::Simple => {
                        *directly = false;
                        self.misses = self.misses.saturating_add(1);
                        self.count(bytes.len(), 0);
                        Step::Taken(bytes.len())
                    }
                }
            }
            State::Over => Step::Taken(bytes.len()),
        }
    }

    /// A gap of `bytes`. Gives what it did; sizes of the message under way already know of it.
    pub(super) fn gap(&mut self, bytes: u64, lost: bool, at: Timestamp) -> Hole {
        let inside = |size: &mut Size, part: u64| {
            size.bytes = size.bytes.saturating_add(part);
            if lost {
                size.missing = size.missing.saturating_add(part);
                size.cut = true;
            }
        };
        let hole = match &mut self.state {
            State::Over => return Hole::Inside,
            State::Head { trial: true } => {
                self.head.clear();
                Hole::Between
            }
            State::Head { .. } if self.head.is_empty() => Hole::Between,
            State::Head { .. } => {
                inside(&mut self.size, bytes);
                Hole::Head
            }
            State::Exactly { remaining, .. } => {
                let part = bytes.min(*remaining);
                *remaining -= part;
                inside(&mut self.size, part);
                self.size.body = self.size.body.saturating_add(part);
                match *remaining {
                    0 if part == bytes => Hole::End,
                    0 => Hole::Beyond,
                    _ => Hole::Inside,
                }
            }
            State::Chunked { chunks, .. } => {
                let rest = chunks.remaining();
                let progress = chunks.skip(bytes);
                // Chunks are data, then framing: what was passed over beyond the data of this one is framing.
                let data = bytes.min(rest);
                inside(&mut self.size, bytes);
                self.size.body = self.size.body.saturating_add(data);
                match progress {
                    Progress::More => Hole::Inside,
                    // With bytes known to be lost, a length that happens to fit proves nothing.
                    Progress::Done if !lost => Hole::End,
                    Progress::Done | Progress::Broken => Hole::Framing,
                }
            }
            State::UntilClose { .. } => {
                inside(&mut self.size, bytes);
                self.size.body = self.size.body.saturating_add(bytes);
                Hole::Inside
            }
            State::Lost { .. } => {
                inside(&mut self.size, bytes);
                Hole::Between
            }
        };
        if lost {
            self.size.ended = None;
        } else {
            self.now = at;
            self.last_at = at;
        }
        hole
    }

    /// The head at hand, to be given back to [`Stream::keep`].
    pub(super) fn take_head(&mut self) -> Vec<u8> {
        self.head.take()
    }

    /// Keeps the memory of a head for the next.
    pub(super) fn keep(&mut self, head: Vec<u8>) {
        self.head.keep(head);
    }

    /// Whether a head is held of which at least the first line is proven to be one.
    pub(super) fn has_partial_head(&self) -> bool {
        matches!(self.state, State::Head { .. }) && self.head.is_proven()
    }

    /// Whether a body is under way, the framing of which is still known or was lost.
    pub(super) fn is_in_body(&self) -> bool {
        !matches!(self.state, State::Head { .. } | State::Over)
    }

    /// Whether the body under way is delimited by the end of the stream.
    pub(super) fn is_until_close(&self) -> bool {
        matches!(self.state, State::UntilClose { .. })
    }

    /// Whether nothing is read any more.
    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Whether framing was lost.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self.state, State::Lost { .. })
    }

    /// Where and when the message under way began.
    pub(super) fn began(&self) -> Beginning {
        let Here { at, offset, .. } = self.start;
        Beginning { at, offset: offset.saturating_add(self.blank) }
    }

    /// Offset past the last byte that was counted of the message under way.
    pub(super) fn position(&self) -> u64 {
        self.began().offset.saturating_add(self.size.bytes)
    }

    /// When a byte of the message under way, or of the one before, was seen last.
    pub(super) fn last_at(&self) -> Timestamp {
        self.last_at
    }

    /// A head of `bytes` bytes was understood. Says whether the message ends with it.
    pub(super) fn begin_body(&mut self, length: Length, doubtful: bool) -> bool {
        self.misses = 0;
        self.size.body_known = true;
        self.state = match length {
            Length::None | Length::Exactly(0) => return true,
            Length::Exactly(remaining) => State::Exactly { remaining, doubtful },
            Length::Chunked => State::Chunked { chunks: Chunked::new(), doubtful },
            Length::UntilClose => State::UntilClose { doubtful },
            Length::Unknown => {
                self.size.body_known = false;
                State::Lost { here: true }
            }
            Length::Tunnel => State::Over,
        };
        false
    }

    /// Puts the stream before the next head. `trial` where that is not certain to be one.
    pub(super) fn begin_head(&mut self, trial: bool) {
        self.state = State::Head { trial };
        self.head.clear();
        self.size = Size::default();
    }

    /// The framing is lost; the message goes on until another begins.
    pub(super) fn lose_framing(&mut self, in_message: bool) {
        self.state = State::Lost { here: false };
        self.head.clear();
        if in_message {
            self.size.body_known = false;
            self.size.cut = true;
        } else {
            self.size = Size::default();
        }
    }

    /// An interim response was read: the final one follows, of which it counts as a part.
    pub(super) fn expect_final_head(&mut self) {
        self.state = State::Head { trial: false };
        self.head.clear();
    }

    /// Whether what is in the head is on trial only.
    pub(super) fn is_trial(&self) -> bool {
        self.state == State::Head { trial: true }
    }

    /// Takes everything that follows as the body of the message under way.
    pub(super) fn read_until_close(&mut self) {
        self.state = State::UntilClose { doubtful: false };
    }

    /// Reads nothing any more.
    pub(super) fn stop(&mut self) {
        self.state = State::Over;
        self.head = HeadBuffer::new(self.direction);
    }

    /// Counts bytes of the message under way.
    pub(super) fn count(&mut self, bytes: usize, data: u64) {
        self.last_at = self.now;
        self.size.bytes = self.size.bytes.saturating_add(bytes as u64);
        self.size.body = self.size.body.saturating_add(data);
    }

    fn read_head(&mut self, bytes: &[u8], here: Here) -> Step {
        if !self.head.is_empty() {
            return self.head.more(bytes, self.is_trial());
        }
        // Empty lines before a message belong to none (RFC 9112 section 2.2).
        let blank = bytes.iter().take_while(|&&byte| matches!(byte, b'\r' | b'\n')).count();
        if blank == bytes.len() {
            return Step::Taken(blank);
        }
        self.start = here;
        self.blank = blank as u64;
        Step::Begins(blank)
    }

    /// A head begins with `bytes`, and could not be read from them directly.
    pub(super) fn hold(&mut self, bytes: &[u8]) -> Step {
        let trial = self.is_trial();
        self.head.begin(bytes, trial)
    }
}
