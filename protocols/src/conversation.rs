//! One connection from the first byte seen to the last: detection, then parsing.

use crate::{
    CloseReason, Direction, Gap, Limit, Protocol, Segment, Settings, Sink, Timestamp,
    detecting::{Decision, Detecting},
    pending::LIKELY_BYTES,
    registry::{Continue, Entry, Parser},
};
use crate::{dns, http, http2, kafka, memcached, mongodb, mysql, postgresql, redis, tls};

/// Bytes that one [`Conversation`] holds at most, whatever it is fed.
pub const HELD_BYTES_LIMIT: usize = 2 * LIKELY_BYTES
    + largest(&[
        dns::HELD_BYTES_LIMIT,
        http::HELD_BYTES_LIMIT,
        http2::HELD_BYTES_LIMIT,
        kafka::HELD_BYTES_LIMIT,
        memcached::HELD_BYTES_LIMIT,
        mongodb::HELD_BYTES_LIMIT,
        mysql::HELD_BYTES_LIMIT,
        postgresql::HELD_BYTES_LIMIT,
        redis::HELD_BYTES_LIMIT,
        tls::HELD_BYTES_LIMIT,
    ]);

const fn largest(limits: &[usize]) -> usize {
    let (mut largest, mut index) = (0, 0);
    while index < limits.len() {
        if limits[index] > largest {
            largest = limits[index];
        }
        index += 1;
    }
    largest
}

/// Times that a connection may lose its protocol and be detected again.
const REVISIONS: u8 = 2;

/// What is known of a connection's protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not known yet.
    Detecting,
    /// Being parsed.
    Parsing(Protocol),
    /// None that is known here, or no longer: its bytes need not be captured.
    Ignored,
}

enum Phase {
    Detecting(Box<Detecting>),
    Parsing(Protocol, Box<dyn Parser>),
    Ignored,
}

/// Both streams of one connection.
///
/// The caller says which direction it believes each segment to have. Where the content proves it wrong,
/// [`Conversation::reversed`] tells so and the directions are swapped from then on, for everything before and after.
pub struct Conversation {
    /// Whether the caller's directions may be the wrong way round: who dialled was not seen.
    doubtful: bool,
    reversed: bool,
    revisions: u8,
    phase: Phase,
}

impl Conversation {
    /// A connection of which nothing was seen yet.
    ///
    /// `from_start` says that the first segment of each stream will be the first byte of that stream; without it the
    /// connection was joined in the middle, and any segment may be the first that starts a message.
    #[must_use]
    pub fn new(from_start: bool) -> Self {
        let doubtful = !from_start;
        let phase = Phase::Detecting(Box::new(Detecting::new(from_start, doubtful)));
        Self { doubtful, reversed: false, revisions: 0, phase }
    }

    /// The next bytes of a stream.
    #[inline]
    pub fn segment(&mut self, segment: &Segment<'_>, settings: &Settings, sink: &mut dyn Sink) {
        if segment.bytes.is_empty() {
            return;
        }
        match &mut self.phase {
            Phase::Parsing(_, parser) => {
                let direction = if self.reversed { segment.direction.opposite() } else { segment.direction };
                let verdict = parser.segment(&Segment { direction, ..*segment }, sink);
                if matches!(verdict, Continue::Becomes { .. }) {
                    self.hand_over(verdict, &Segment { direction, ..*segment }, sink);
                } else {
                    self.obey(verdict, segment.at, sink);
                }
            }
            Phase::Detecting(_) => self.detect(segment, settings, sink),
            Phase::Ignored => {}
        }
    }

    /// The next bytes of a stream were not seen.
    pub fn gap(&mut self, gap: &Gap, sink: &mut dyn Sink) {
        let direction = self.turned(gap.direction);
        match &mut self.phase {
            Phase::Parsing(_, parser) => {
                let verdict = parser.gap(&Gap { direction, ..*gap }, sink);
                self.obey(verdict, gap.at, sink);
            }
            Phase::Detecting(detecting) => detecting.gap(gap, direction),
            Phase::Ignored => {}
        }
    }

    /// Time has passed; give up what has waited too long.
    pub fn tick(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        if let Phase::Parsing(_, parser) = &mut self.phase {
            parser.tick(now, sink);
        }
    }

    /// One stream has ended in order; the other may go on.
    pub fn end_of_stream(&mut self, direction: Direction, at: Timestamp, sink: &mut dyn Sink) {
        let direction = self.turned(direction);
        if let Phase::Parsing(_, parser) = &mut self.phase {
            parser.end_of_stream(direction, at, sink);
        }
    }

    /// The connection is over; report what is left.
    pub fn close(&mut self, reason: CloseReason, at: Timestamp, sink: &mut dyn Sink) {
        if let Phase::Parsing(_, parser) = &mut self.phase {
            parser.close(reason, at, sink);
        }
        self.phase = Phase::Ignored;
    }

    /// What is known of the protocol.
    #[must_use]
    pub fn state(&self) -> State {
        match &self.phase {
            Phase::Detecting(_) => State::Detecting,
            Phase::Parsing(protocol, _) => State::Parsing(*protocol),
            Phase::Ignored => State::Ignored,
        }
    }

    /// Whether the content proved the caller's directions to be the wrong way round.
    #[must_use]
    pub fn reversed(&self) -> bool {
        self.reversed
    }

    /// Bytes held, all buffers together. Never more than [`HELD_BYTES_LIMIT`].
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        match &self.phase {
            Phase::Detecting(detecting) => detecting.held_bytes(),
            Phase::Parsing(_, parser) => parser.held_bytes(),
            Phase::Ignored => 0,
        }
    }

    const fn turned(&self, direction: Direction) -> Direction {
        if self.reversed { direction.opposite() } else { direction }
    }

    fn detect(&mut self, segment: &Segment<'_>, settings: &Settings, sink: &mut dyn Sink) {
        let direction = self.turned(segment.direction);
        let Phase::Detecting(detecting) = &mut self.phase else { return };
        match detecting.segment(segment, direction) {
            Decision::Open => {}
            Decision::Speaks { entry, reversed } => {
                if reversed {
                    detecting.reverse();
                    self.reversed = !self.reversed;
                    sink.reversed(self.reversed);
                }
                self.parse(entry, segment, settings, sink);
            }
            Decision::Nothing { exhausted } => {
                if exhausted {
                    sink.limited(Limit::DetectionAttempts);
                }
                self.phase = Phase::Ignored;
            }
        }
    }

    fn parse(&mut self, entry: &Entry, segment: &Segment<'_>, settings: &Settings, sink: &mut dyn Sink) {
        let phase = std::mem::replace(&mut self.phase, Phase::Ignored);
        let Phase::Detecting(detecting) = phase else { return };
        let from_start = self.revisions == 0 && detecting.is_from_start();
        // Bytes from the middle of a connection are mistaken more easily, so there the parser has to agree.
        if from_start && !settings.wanted.may_follow(entry.protocol) {
            return;
        }
        let mut parser = (entry.start)(settings, from_start);
        let mut verdict = detecting.replay(&mut *parser, sink);
        if verdict == Continue::Parsing {
            let segment = Segment { direction: self.turned(segment.direction), ..*segment };
            verdict = parser.segment(&segment, sink);
            if matches!(verdict, Continue::Becomes { .. }) {
                self.phase = Phase::Parsing(entry.protocol, parser);
                return self.hand_over(verdict, &segment, sink);
            }
        }
        self.phase = Phase::Parsing(entry.protocol, parser);
        self.obey(verdict, segment.at, sink);
    }

    /// Lets the parser of what the connection has become take over, with the rest of the segment.
    #[cold]
    fn hand_over(&mut self, verdict: Continue, segment: &Segment<'_>, sink: &mut dyn Sink) {
        let successor = match &mut self.phase {
            Phase::Parsing(_, parser) => parser.successor(),
            Phase::Detecting(_) | Phase::Ignored => None,
        };
        let (Continue::Becomes { protocol, unread }, Some(mut successor)) = (verdict, successor) else {
            self.phase = Phase::Ignored;
            return;
        };
        let read = segment.bytes.len().saturating_sub(unread);
        let bytes = &segment.bytes[read..];
        let mut verdict = Continue::Parsing;
        if !bytes.is_empty() {
            let offset = segment.offset.saturating_add(read as u64);
            verdict = successor.segment(&Segment { offset, bytes, ..*segment }, sink);
        }
        self.phase = Phase::Parsing(protocol, successor);
        self.obey(verdict, segment.at, sink);
    }

    #[inline]
    fn obey(&mut self, verdict: Continue, at: Timestamp, sink: &mut dyn Sink) {
        match verdict {
            Continue::Parsing => {}
            // What took over within bytes that were held for detection has lost its first ones.
            Continue::Finished | Continue::Becomes { .. } => self.phase = Phase::Ignored,
            Continue::NotThisProtocol => {
                if let Phase::Parsing(_, parser) = &mut self.phase {
                    parser.close(CloseReason::Evicted, at, sink);
                }
                self.phase = if self.revisions < REVISIONS {
                    self.revisions += 1;
                    Phase::Detecting(Box::new(Detecting::new(false, self.doubtful)))
                } else {
                    Phase::Ignored
                };
            }
        }
    }
}
