//! The parser of one connection: both streams cut into messages, and what is said of loss.

use super::{
    detect,
    frame::{BackendLayout, FrontendLayout},
    session::{Session, index},
};
use crate::{
    CloseReason, Direction, Gap, GapCause, Limit, Protocol, Segment, Sink, Timestamp,
    framed::{Event, Framer},
    registry::{Continue, Parser},
    tls,
};

/// Segments of a stream whose framing is lost in which the start of a message is looked for in vain before the
/// connection is given up. A result or a copy of some gigabytes may pass meanwhile.
const RESYNC_ATTEMPTS: u32 = 1 << 20;

/// Times that a stream may turn out not to be made of messages.
const INVALID_MESSAGES: u32 = 3;

/// Parses both streams of one connection.
pub(super) struct PostgresqlParser {
    frontend: Framer<FrontendLayout>,
    backend: Framer<BackendLayout>,
    session: Session,
    /// Whether nothing was seen yet.
    untouched: bool,
    server_ended: bool,
    misses: u32,
    invalid: u32,
}

impl PostgresqlParser {
    pub(super) fn new(from_start: bool) -> Self {
        let (frontend, backend) = if from_start {
            (FrontendLayout::Opening, BackendLayout::Verdict)
        } else {
            (FrontendLayout::Messages, BackendLayout::Messages)
        };
        Self {
            frontend: Framer::new(frontend, from_start),
            backend: Framer::new(backend, from_start),
            session: Session::new(from_start),
            untouched: true,
            server_ended: false,
            misses: 0,
            invalid: 0,
        }
    }

    fn requests(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) {
        let Self { frontend, session, invalid, .. } = self;
        frontend.segment(segment, |layout, event| {
            match event {
                Event::Frame(frame) => session.request(layout, &frame, sink),
                Event::Lost { calls } => session.lose_requests(calls, 0, GapCause::NotCopied),
                Event::Invalid => {
                    *invalid += 1;
                    session.lose_requests(0, 0, GapCause::NotCopied);
                }
            }
            !session.finished
        });
        self.misses = if self.frontend.is_lost() { self.misses.saturating_add(1) } else { 0 };
    }

    /// Gives how many bytes at the end were not read.
    fn responses(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) -> usize {
        let mut rest = *segment;
        if self.backend.is_lost() {
            let start =
                if detect::resumes_responses(rest.bytes) { Some(0) } else { detect::tail(rest.bytes) };
            let Some(start) = start else {
                self.misses = self.misses.saturating_add(1);
                return 0;
            };
            rest.bytes = rest.bytes.get(start..).unwrap_or_default();
            rest.offset = rest.offset.saturating_add(start as u64);
        }
        self.misses = 0;
        let Self { backend, session, invalid, .. } = self;
        while let Some(first) = rest.bytes.first() {
            let layout = backend.layout_mut();
            if *layout == BackendLayout::Verdict && matches!(first, b'R' | b'E' | b'v') {
                *layout = BackendLayout::Messages;
            }
            let taken = backend.segment(&rest, |layout, event| {
                match event {
                    Event::Frame(frame) => session.response(*layout, &frame, sink),
                    Event::Lost { calls } => {
                        session.lose_responses(calls, 0, GapCause::NotCopied, segment.at);
                    }
                    Event::Invalid => {
                        *invalid += 1;
                        session.lose_responses(0, 0, GapCause::NotCopied, segment.at);
                    }
                }
                // After a verdict anything may follow.
                *layout == BackendLayout::Messages && !session.finished
            });
            rest.bytes = rest.bytes.get(taken..).unwrap_or_default();
            rest.offset = rest.offset.saturating_add(taken as u64);
            if taken == 0 || session.finished {
                break;
            }
        }
        self.session.deal(sink);
        rest.bytes.len()
    }

    fn verdict(&mut self, at: Timestamp, sink: &mut dyn Sink) -> Continue {
        if self.session.finished {
            self.session.finish(CloseReason::Evicted, at, sink);
            return Continue::Finished;
        }
        if self.misses > RESYNC_ATTEMPTS {
            sink.limited(Limit::ResyncAttempts);
            return Continue::NotThisProtocol;
        }
        if self.invalid > INVALID_MESSAGES {
            return Continue::NotThisProtocol;
        }
        Continue::Parsing
    }

    fn moved(&mut self, direction: Direction, position: u64, at: Timestamp) {
        let stream = index(direction);
        if let Some(known) = self.session.positions.get_mut(stream) {
            *known = position;
        }
        if let Some(known) = self.session.moved_at.get_mut(stream) {
            *known = at.max(*known);
        }
    }
}

impl Parser for PostgresqlParser {
    fn segment(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) -> Continue {
        if self.session.fifo.is_holding() {
            self.session.settle(segment.at, sink);
        }
        if self.untouched && self.frontend.is_lost() && detect::is_opening(segment.bytes) {
            // Seen from its first byte on after all.
            *self = Self::new(true);
        }
        self.untouched = false;
        self.moved(segment.direction, segment.offset.saturating_add(segment.bytes.len() as u64), segment.at);
        match segment.direction {
            Direction::ToServer => self.requests(segment, sink),
            Direction::ToClient => {
                let unread = self.responses(segment, sink);
                if self.session.encrypted {
                    self.session.finish(CloseReason::Evicted, segment.at, sink);
                    return Continue::Becomes { protocol: Protocol::Tls, unread };
                }
            }
        }
        if self.session.names.take_forgot() {
            sink.limited(Limit::PreparedStatements);
        }
        self.verdict(segment.at, sink)
    }

    fn gap(&mut self, gap: &Gap, sink: &mut dyn Sink) -> Continue {
        if gap.bytes == 0 && gap.cause == GapCause::NotCopied {
            return Continue::Parsing;
        }
        self.untouched = false;
        let unmeasured = gap.bytes >= Gap::UNKNOWN_BYTES;
        let end = gap.offset.saturating_add(gap.bytes);
        self.moved(gap.direction, end, gap.at);
        let Self { frontend, backend, session, .. } = self;
        if unmeasured {
            session.unmeasured = true;
        }
        // Bytes that belong to no message which has begun.
        let mut beyond = if unmeasured { 0 } else { gap.bytes };
        match gap.direction {
            Direction::ToServer => {
                frontend.gap(gap, |layout, event| {
                    match event {
                        Event::Frame(frame) => {
                            beyond =
                                beyond.min(end.saturating_sub(frame.offset.saturating_add(frame.length)));
                            session.request(layout, &frame, sink);
                        }
                        Event::Lost { calls } => {
                            *layout = FrontendLayout::Messages;
                            session.lose_requests(calls, beyond, gap.cause);
                        }
                        Event::Invalid => {}
                    }
                    true
                });
            }
            Direction::ToClient => {
                backend.gap(gap, |layout, event| {
                    match event {
                        Event::Frame(frame) => {
                            beyond =
                                beyond.min(end.saturating_sub(frame.offset.saturating_add(frame.length)));
                            session.response(*layout, &frame, sink);
                        }
                        Event::Lost { calls } => {
                            *layout = BackendLayout::Messages;
                            session.lose_responses(calls, beyond, gap.cause, gap.at);
                        }
                        Event::Invalid => {}
                    }
                    true
                });
            }
        }
        self.verdict(gap.at, sink)
    }

    fn tick(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        self.session.tick(now, sink);
    }

    fn end_of_stream(&mut self, direction: Direction, at: Timestamp, sink: &mut dyn Sink) {
        if direction == Direction::ToClient {
            self.server_ended = true;
            self.session.end_answer(CloseReason::Closed, at, sink);
        }
    }

    fn close(&mut self, reason: CloseReason, at: Timestamp, sink: &mut dyn Sink) {
        // A server that said its last word before the observation ended will answer nothing more.
        let reason =
            if self.server_ended && reason != CloseReason::Reset { CloseReason::Closed } else { reason };
        self.session.finish(reason, at, sink);
    }

    fn held_bytes(&self) -> usize {
        self.frontend.held_bytes() + self.backend.held_bytes() + self.session.held_bytes()
    }

    fn successor(&mut self) -> Option<Box<dyn Parser>> {
        self.session.encrypted.then(|| tls::within(Protocol::Postgresql))
    }
}
