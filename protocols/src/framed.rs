//! Cuts a stream into messages that say their length in a header of fixed size, as most binary protocols do.
//!
//! A message is delivered once its last byte has passed, with as much of its beginning as the layout wants to keep; the
//! rest is counted and skipped without being read, so a large body costs nothing. Bytes are borrowed from the segment
//! where a message lies within one, and copied where it does not.
//!
//! After a gap that ends inside of a message the framing is still known. After any other gap it is not: the framer is
//! then *lost*, and looks for a header at the start of each segment, because programs write whole messages.

use crate::{Gap, GapCause, Segment, Timestamp, placed::Beginning};

/// How the messages of a stream are laid out. A value, so that a protocol may change it between messages.
pub(crate) trait Layout {
    /// Bytes of a header: what [`Layout::length`] needs to see. Not zero.
    fn header_bytes(&self) -> usize;

    /// Length of the whole message, header included; `None` if these bytes begin none. Less than the header's own
    /// length means `None`, too.
    fn length(&self, header: &[u8]) -> Option<u64>;

    /// Bytes of a message that are kept, header included. At least the header's length.
    fn keep_bytes(&self) -> usize;

    /// Whether `bytes`, the start of a segment, look like the start of a message, on a stream whose framing is not
    /// known. Asked with at least a header's bytes. Stricter than [`Layout::length`], because anything may stand here.
    fn resumes(&self, bytes: &[u8]) -> bool;
}

/// One message, or what was seen of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    /// Its first bytes, header included: all of it, or as much as is kept, or as much as was seen before a gap.
    pub(crate) bytes: &'a [u8],
    /// Its whole length, header included.
    pub(crate) length: u64,
    /// Offset of its first byte in the stream.
    pub(crate) offset: u64,
    /// How far the opposite stream had come when its first byte was moved.
    pub(crate) opposite_offset: Option<u64>,
    /// When its first byte was seen.
    pub(crate) started: Timestamp,
    /// When its last byte was seen, `None` if that was lost.
    pub(crate) ended: Option<Timestamp>,
    /// How many of its bytes were lost to observation.
    pub(crate) missing_bytes: u64,
    /// Whether nothing is known of what stood between this message and the one before.
    pub(crate) after_gap: bool,
}

impl Frame<'_> {
    /// Its first byte.
    pub(crate) const fn beginning(&self) -> Beginning {
        Beginning { at: self.started, offset: self.offset }
    }
}

/// What a framer found.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event<'a> {
    /// A message.
    Frame(Frame<'a>),
    /// Bytes that belong to no message that can be told: the framing was lost, by a gap or by what was sent. Said once
    /// for each loss. `calls` is the number of lost calls that the gap named, zero if unknown or none.
    Lost {
        /// Lost calls, zero if unknown.
        calls: u64,
    },
    /// Bytes that should begin a message and do not, on a stream without loss: it is not this protocol, or no longer.
    Invalid,
}

/// Cuts one stream.
#[derive(Debug)]
pub(crate) struct Framer<L> {
    layout: L,
    state: State,
    held: Vec<u8>,
    current: Current,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The bytes held are the beginning of a header, or nothing.
    Header,
    /// So many bytes of the message under way are still to come.
    Body(u64),
    /// Not known where a message begins.
    Lost,
}

/// The message under way.
#[derive(Debug, Clone, Copy, Default)]
struct Current {
    length: u64,
    offset: u64,
    opposite_offset: Option<u64>,
    started: Timestamp,
    missing_bytes: u64,
    /// No more of its bytes can be kept, for one before them was not seen.
    torn: bool,
    after_gap: bool,
}

impl<L: Layout> Framer<L> {
    /// A framer; `from_start` where the first byte it will see begins a message.
    pub(crate) fn new(layout: L, from_start: bool) -> Self {
        Self {
            layout,
            state: if from_start { State::Header } else { State::Lost },
            held: Vec::new(),
            current: Current { after_gap: !from_start, ..Current::default() },
        }
    }

    /// The layout of the next message.
    pub(crate) fn layout_mut(&mut self) -> &mut L {
        &mut self.layout
    }

    /// Bytes held.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held.len()
    }

    /// Whether it is not known where a message begins.
    pub(crate) fn is_lost(&self) -> bool {
        self.state == State::Lost
    }

    /// Whether a message has begun and not ended.
    pub(crate) fn is_within(&self) -> bool {
        matches!(self.state, State::Body(_)) || !self.held.is_empty()
    }

    /// Offset of the first byte of the message under way, or of what was [`Event::Invalid`].
    pub(crate) fn began_at(&self) -> u64 {
        self.current.offset
    }

    /// Forgets the message under way: the next is looked for at the start of a segment.
    pub(crate) fn lose(&mut self) {
        self.state = State::Lost;
        self.held.clear();
        self.current.after_gap = true;
    }

    /// The next byte of the stream begins a message, as its owner has found out by means of its own.
    pub(crate) fn resume(&mut self) {
        if self.is_lost() {
            self.state = State::Header;
        }
    }

    /// Takes the next bytes of the stream and calls `found` with what they complete. The layout may be changed from
    /// within, which is then true of the next message; `false` stops and leaves the rest of the segment unread.
    ///
    /// Gives how many bytes were taken.
    pub(crate) fn segment(
        &mut self,
        segment: &Segment<'_>,
        mut found: impl FnMut(&mut L, Event<'_>) -> bool,
    ) -> usize {
        let bytes = segment.bytes;
        let mut taken = 0;
        if self.state == State::Lost {
            let headed = bytes.len() >= self.layout.header_bytes() && self.layout.resumes(bytes);
            if !headed {
                return bytes.len();
            }
            self.state = State::Header;
        }
        while taken < bytes.len() {
            let rest = &bytes[taken..];
            if let State::Body(remaining) = self.state {
                let here = usize::try_from(remaining).unwrap_or(usize::MAX).min(rest.len());
                self.keep(&rest[..here]);
                taken += here;
                if !self.passed(here as u64, segment.at, &mut found) {
                    return taken;
                }
                continue;
            }
            if self.held.is_empty() {
                self.begin(segment, taken);
                if let Some(length) = self.header(rest) {
                    let whole = usize::try_from(length).ok().filter(|&length| length <= rest.len());
                    if let Some(whole) = whole {
                        // The common case: nothing is copied.
                        taken += whole;
                        self.current.length = length;
                        let keep = whole.min(self.layout.keep_bytes());
                        let frame = frame(&self.current, &rest[..keep], Some(segment.at));
                        self.current.after_gap = false;
                        if !found(&mut self.layout, Event::Frame(frame)) {
                            return taken;
                        }
                        continue;
                    }
                    self.current.length = length;
                    self.state = State::Body(length);
                    continue;
                }
            }
            let missing = self.layout.header_bytes().saturating_sub(self.held.len());
            if rest.len() < missing {
                self.held.extend_from_slice(rest);
                return bytes.len();
            }
            self.held.extend_from_slice(&rest[..missing]);
            taken += missing;
            let Some(length) = self.header(&self.held) else {
                self.lose();
                found(&mut self.layout, Event::Invalid);
                return bytes.len();
            };
            self.current.length = length;
            let remaining = length - self.held.len() as u64;
            self.state = State::Body(remaining);
            if remaining == 0 && !self.passed(0, segment.at, &mut found) {
                return taken;
            }
        }
        taken
    }

    /// Bytes were not seen. Gives whether the framing is still known.
    pub(crate) fn gap(&mut self, gap: &Gap, mut found: impl FnMut(&mut L, Event<'_>) -> bool) -> bool {
        let lost = matches!(gap.cause, GapCause::Lost { .. });
        if let State::Body(remaining) = self.state {
            let within = gap.bytes.min(remaining);
            self.current.torn = true;
            self.current.missing_bytes += if lost { within } else { 0 };
            if gap.bytes <= remaining {
                // A gap's end is noticed later than it was moved, but nothing else is known of its time.
                self.passed(gap.bytes, gap.at, &mut found);
                return true;
            }
            let frame = frame(&self.current, &self.held, None);
            found(&mut self.layout, Event::Frame(frame));
        }
        let calls = if let GapCause::Lost { calls } = gap.cause { calls } else { 0 };
        self.lose();
        found(&mut self.layout, Event::Lost { calls });
        false
    }

    fn begin(&mut self, segment: &Segment<'_>, taken: usize) {
        self.current = Current {
            length: 0,
            offset: segment.offset.saturating_add(taken as u64),
            opposite_offset: segment.opposite_offset,
            started: segment.at,
            missing_bytes: 0,
            torn: false,
            after_gap: self.current.after_gap,
        };
    }

    /// The length that a header says, if all of it is there and can be believed.
    fn header(&self, bytes: &[u8]) -> Option<u64> {
        let header = bytes.get(..self.layout.header_bytes())?;
        self.layout.length(header).filter(|&length| length >= header.len() as u64)
    }

    fn keep(&mut self, bytes: &[u8]) {
        if !self.current.torn {
            let room = self.layout.keep_bytes().saturating_sub(self.held.len());
            self.held.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    /// So many more bytes of the message under way have passed.
    fn passed(
        &mut self,
        bytes: u64,
        at: Timestamp,
        found: &mut impl FnMut(&mut L, Event<'_>) -> bool,
    ) -> bool {
        let State::Body(remaining) = self.state else { return true };
        let remaining = remaining.saturating_sub(bytes);
        if remaining > 0 {
            self.state = State::Body(remaining);
            return true;
        }
        self.state = State::Header;
        let frame = frame(&self.current, &self.held, Some(at));
        let goes_on = found(&mut self.layout, Event::Frame(frame));
        self.held.clear();
        // A layout may keep much of one message in many: that room is not held on to.
        let keep = self.layout.keep_bytes();
        if self.held.capacity() > keep.saturating_mul(2) {
            self.held.shrink_to(keep);
        }
        self.current.after_gap = false;
        goes_on
    }
}

fn frame<'a>(current: &Current, bytes: &'a [u8], ended: Option<Timestamp>) -> Frame<'a> {
    Frame {
        bytes,
        length: current.length,
        offset: current.offset,
        opposite_offset: current.opposite_offset,
        started: current.started,
        ended,
        missing_bytes: current.missing_bytes,
        after_gap: current.after_gap,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Direction;

    /// A marker, then the length of what follows.
    struct Plain;

    impl Layout for Plain {
        fn header_bytes(&self) -> usize {
            2
        }

        fn length(&self, header: &[u8]) -> Option<u64> {
            (header[0] == b'#').then(|| u64::from(header[1]) + 2)
        }

        fn keep_bytes(&self) -> usize {
            6
        }

        fn resumes(&self, bytes: &[u8]) -> bool {
            bytes[0] == b'#'
        }
    }

    #[derive(Default)]
    struct Stream {
        framer: Option<Framer<Plain>>,
        offset: u64,
        now: u64,
        seen: Vec<String>,
    }

    impl Stream {
        fn new() -> Self {
            Self { framer: Some(Framer::new(Plain, true)), ..Self::default() }
        }

        fn note(seen: &mut Vec<String>, event: Event<'_>) -> bool {
            seen.push(match event {
                Event::Frame(frame) => format!(
                    "{} {}+{}{}{}",
                    String::from_utf8_lossy(&frame.bytes[2..]),
                    frame.offset,
                    frame.length,
                    if frame.missing_bytes > 0 { format!("-{}", frame.missing_bytes) } else { String::new() },
                    if frame.after_gap { " after a gap" } else { "" },
                ),
                Event::Lost { calls } => format!("lost {calls}"),
                Event::Invalid => "invalid".to_owned(),
            });
            true
        }

        fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
            self.now += 1;
            let segment = Segment {
                direction: Direction::ToServer,
                at: Timestamp::from_nanos(self.now),
                offset: self.offset,
                opposite_offset: None,
                bytes,
            };
            self.offset += bytes.len() as u64;
            let seen = &mut self.seen;
            if let Some(framer) = &mut self.framer {
                framer.segment(&segment, |_, event| Self::note(seen, event));
                assert!(framer.held_bytes() <= 6);
            }
            self
        }

        fn lost(&mut self, bytes: u64) -> &mut Self {
            let gap = Gap {
                direction: Direction::ToServer,
                at: Timestamp::from_nanos(self.now),
                offset: self.offset,
                bytes,
                cause: GapCause::Lost { calls: 1 },
            };
            self.offset += bytes;
            let seen = &mut self.seen;
            if let Some(framer) = &mut self.framer {
                framer.gap(&gap, |_, event| Self::note(seen, event));
            }
            self
        }
    }

    #[test]
    fn what_is_longer_than_is_kept_is_counted_and_skipped() {
        let mut stream = Stream::new();
        stream.bytes(b"#\x08abcdefgh#\x00#\x01x");
        assert_eq!(stream.seen, ["abcd 0+10", " 10+2", "x 12+3"]);
    }

    #[test]
    fn a_gap_within_a_message_leaves_the_framing_known() {
        let mut stream = Stream::new();
        stream.bytes(b"#\x08ab").lost(4).bytes(b"gh#\x01x");
        assert_eq!(stream.seen, ["ab 0+10-4", "x 10+3"]);
    }

    #[test]
    fn after_a_gap_past_a_message_one_is_looked_for_at_the_start_of_segments() {
        let mut stream = Stream::new();
        stream.bytes(b"#\x08ab").lost(20).bytes(b"zz#\x01x").bytes(b"#\x01y#\x01z");
        assert_eq!(stream.seen, ["ab 0+10-6", "lost 1", "y 29+3 after a gap", "z 32+3"]);
    }

    #[test]
    fn whoever_knows_better_says_where_a_message_begins() {
        let mut stream = Stream::new();
        stream.bytes(b"#\x08ab").lost(20);
        if let Some(framer) = &mut stream.framer {
            framer.resume();
        }
        stream.bytes(b"#").bytes(b"\x01x");
        assert_eq!(stream.seen, ["ab 0+10-6", "lost 1", "x 24+3 after a gap"]);
    }

    #[test]
    fn what_begins_no_message_ends_the_parsing_until_a_segment_begins_one() {
        let mut stream = Stream::new();
        stream.bytes(b"#\x01x??").bytes(b"#\x01y");
        assert_eq!(stream.seen, ["x 0+3", "invalid", "y 5+3 after a gap"]);
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_messages(
            lengths in prop::collection::vec(0_u8..12, 1..10),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let mut bytes = Vec::new();
            for length in lengths {
                bytes.extend([b'#', length]);
                bytes.extend((0..length).map(|index| b'a' + index));
            }
            let mut whole = Stream::new();
            whole.bytes(&bytes);
            let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
            places.extend([0, bytes.len()]);
            places.sort_unstable();
            let mut split = Stream::new();
            for pair in places.windows(2) {
                split.bytes(&bytes[pair[0]..pair[1]]);
            }
            prop_assert_eq!(whole.seen, split.seen);
        }

        #[test]
        fn no_bytes_and_no_gaps_break_it(
            steps in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..20), 0_u64..30), 0..20),
        ) {
            let mut stream = Stream::new();
            for (bytes, gap) in steps {
                stream.bytes(&bytes);
                if gap > 20 {
                    stream.lost(gap);
                }
            }
        }
    }
}
