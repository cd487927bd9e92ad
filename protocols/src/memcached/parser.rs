//! The parser of one connection: both streams cut into messages, which `matching` pairs.

use std::{collections::VecDeque, time::Duration};

use super::{
    command::Verb,
    frame::{Answers, recognise},
    message::{Request, Response},
    request::{self, Commands, is_command},
};
use crate::{
    CloseReason, Direction, Gap, Limit, Outcome, Segment, Sink, Timestamp,
    fifo::{Fifo, Limits, Settled},
    piped::{Bearings, Hole, Step, Taken},
    placed::Here,
    registry::{Continue, Parser},
    texts::Texts,
};

/// Bytes that the masked texts of waiting commands may take.
pub(super) const WAITING_BYTES: usize = 256 * 1024;

/// Commands that may wait.
pub(super) const WAITING_REQUESTS: usize = 4096;

/// Answers that may wait for a command seen late: as many as one call may bring.
const HELD_RESPONSES: usize = 1024;

/// Bytes that a waiting command takes beside its text.
pub(super) const REQUEST_BYTES: usize = Fifo::<Request, Response>::REQUEST_BYTES;

/// Silence after which waiting commands are given up.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(120);

/// Parses both streams of one connection.
pub(super) struct MemcachedParser {
    pub(super) commands: Commands,
    pub(super) answers: Answers,
    pub(super) texts: Texts,
    pub(super) fifo: Fifo<Request, Response>,
    /// Commands that asked for quiet, in order.
    pub(super) quiet: VecDeque<Request>,
    bearings: Bearings,
    active_at: Timestamp,
    server_ended: bool,
    pub(super) finished: bool,
}

impl MemcachedParser {
    pub(super) fn new(from_start: bool) -> Self {
        let limits = Limits { requests: WAITING_REQUESTS, bytes: WAITING_BYTES, responses: HELD_RESPONSES };
        Self {
            commands: Commands::new(from_start),
            answers: Answers::new(from_start),
            texts: Texts::default(),
            fifo: Fifo::pipelining(from_start, limits),
            quiet: VecDeque::new(),
            bearings: Bearings::default(),
            active_at: Timestamp::default(),
            server_ended: false,
            finished: false,
        }
    }

    fn read_commands(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) {
        if self.commands.is_lost() {
            let line = memchr::memchr(b'\n', segment.bytes).map(|end| &segment.bytes[..end]);
            if !self.bearings.looked(Direction::ToServer, line.is_some_and(is_command)) {
                return;
            }
            self.commands.resume();
        }
        self.bearings.asked(segment);
        let mut here = Here { offset: segment.offset, at: segment.at, opposite: segment.opposite_offset };
        let mut rest = segment.bytes;
        while !rest.is_empty() && !self.finished {
            let (taken, done) = match self.commands.read(rest, here, &mut self.texts) {
                Step::Taken(taken) => (taken, false),
                Step::Done(taken) => (taken, true),
                Step::Invalid => {
                    self.cut_command(sink);
                    self.commands.lose();
                    self.fifo.lose_requests(0);
                    return;
                }
            };
            rest = rest.get(taken..).unwrap_or_default();
            here.offset = here.offset.saturating_add(taken as u64);
            if done && let Some((request, place)) = self.commands.take() {
                self.asked(request, place, sink);
            }
        }
    }

    fn cut_command(&mut self, sink: &mut dyn Sink) -> bool {
        let cut = self.commands.take_cut();
        let understood = cut.is_some();
        if let Some((request, place)) = cut {
            self.asked(request, place, sink);
        }
        understood
    }

    fn read_answers(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) {
        if self.answers.is_lost() {
            let line = memchr::memchr(b'\n', segment.bytes).map(|end| &segment.bytes[..end]);
            let begins = self.bearings.is_answer_due(segment) && line.and_then(recognise).is_some();
            if !self.bearings.looked(Direction::ToClient, begins) {
                return;
            }
            self.answers.resume();
        }
        self.bearings.answered();
        let mut here = Here { offset: segment.offset, at: segment.at, opposite: segment.opposite_offset };
        let mut rest = segment.bytes;
        while !rest.is_empty() && !self.finished {
            let (taken, done) = match self.answers.read(rest, here) {
                Step::Taken(taken) => (taken, false),
                Step::Done(taken) => (taken, true),
                Step::Invalid => {
                    self.answers.lose();
                    self.fifo.lose_responses(0);
                    return;
                }
            };
            rest = rest.get(taken..).unwrap_or_default();
            here.offset = here.offset.saturating_add(taken as u64);
            if done {
                let (response, place) = self.answers.take();
                self.answered(response, place, None, sink);
            }
        }
    }

    /// Bytes of a stream were not seen, after what was cut by them.
    fn lose(&mut self, direction: Direction, messages: u64, lost: bool, sink: &mut dyn Sink) {
        self.end_quiet(self.quiet.len(), Outcome::Partial, sink);
        match direction {
            Direction::ToServer => {
                self.commands.lose();
                if lost { self.fifo.lose_requests(messages) } else { self.fifo.skip_requests(messages) }
            }
            Direction::ToClient => {
                self.answers.lose();
                self.fifo.lose_responses(messages);
            }
        }
    }

    fn verdict(&mut self, sink: &mut dyn Sink) -> Continue {
        if self.finished {
            self.finish(CloseReason::Evicted, sink);
            return Continue::Finished;
        }
        if self.bearings.are_lost() {
            sink.limited(Limit::ResyncAttempts);
            return Continue::NotThisProtocol;
        }
        Continue::Parsing
    }

    /// Reports what is left.
    fn finish(&mut self, reason: CloseReason, sink: &mut dyn Sink) {
        while let Some(settled) = self.fifo.finish() {
            self.settled(settled, reason, None, sink);
        }
        self.report_unobserved(sink);
        self.end_quiet(self.quiet.len(), Outcome::NoResponse(reason), sink);
    }

    /// The server says no more: what it was saying is all there is.
    fn end_of_answers(&mut self, reason: CloseReason, at: Timestamp, sink: &mut dyn Sink) {
        let Some((mut response, here)) = self.answers.take_cut() else { return };
        let ended = matches!(reason, CloseReason::Closed | CloseReason::Reset);
        response.size.ended = ended.then_some(at);
        self.answered(response, here, Some(reason).filter(|_| ended), sink);
    }

    /// Whether the answer under way has a value for every key that was asked for, so that it has no more. Large values
    /// are copied in part, and the few bytes that end the answer are in the part that is not.
    fn has_every_value(&mut self) -> bool {
        let items = self.answers.items();
        let quiet = !self.quiet.is_empty();
        let request = self.fifo.certain_request().filter(|_| !quiet);
        request.is_some_and(|asked| {
            // The keys of a longer line were not all counted.
            let counted = asked.size.bytes <= request::LINE_KEEP as u64;
            counted
                && matches!(asked.verb, Verb::Get | Verb::GetAndTouch)
                && asked.keys > 0
                && asked.keys == items
        })
    }

    /// What a gap does to the message under way: `None` if the stream goes on as before, and else whether that message was
    /// understood.
    fn pass_over(&mut self, gap: &Gap, lost: bool, sink: &mut dyn Sink) -> Option<bool> {
        let only_end = self.has_every_value();
        let understood = match gap.direction {
            Direction::ToServer => match self.commands.gap(gap.bytes, lost, gap.at) {
                Hole::Inside => return None,
                Hole::End => {
                    if let Some((request, here)) = self.commands.take() {
                        self.asked(request, here, sink);
                    }
                    return None;
                }
                Hole::Beyond => self.cut_command(sink),
                Hole::Between => false,
            },
            Direction::ToClient => match self.answers.gap(gap.bytes, lost, only_end, gap.at) {
                Hole::Inside => return None,
                Hole::End => {
                    let (response, here) = self.answers.take();
                    self.answered(response, here, None, sink);
                    return None;
                }
                Hole::Beyond => {
                    let cut = self.answers.take_cut();
                    if let Some((response, here)) = cut {
                        self.answered(response, here, None, sink);
                    }
                    true
                }
                Hole::Between => false,
            },
        };
        Some(understood)
    }
}

impl Parser for MemcachedParser {
    fn segment(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) -> Continue {
        if self.fifo.is_holding() {
            self.settle(segment.at, sink);
        }
        self.active_at = self.active_at.max(segment.at);
        match segment.direction {
            Direction::ToServer => self.read_commands(segment, sink),
            Direction::ToClient => self.read_answers(segment, sink),
        }
        self.verdict(sink)
    }

    fn gap(&mut self, gap: &Gap, sink: &mut dyn Sink) -> Continue {
        let Some(taken) = Taken::by(gap) else { return Continue::Parsing };
        let lost = taken.lost;
        let was_lost = match gap.direction {
            Direction::ToServer => self.commands.is_lost(),
            Direction::ToClient => self.answers.is_lost(),
        };
        if let Some(understood) = self.pass_over(gap, lost, sink) {
            self.lose(gap.direction, taken.messages(was_lost, understood), lost, sink);
        }
        self.verdict(sink)
    }

    fn tick(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        if self.fifo.is_holding() {
            self.settle(now, sink);
        }
        if now.since(self.active_at) < RESPONSE_TIMEOUT {
            return;
        }
        while let Some(request) = self.fifo.give_up() {
            self.settled(Settled::Unanswered(request), CloseReason::Timeout, None, sink);
        }
        self.report_unobserved(sink);
        self.end_quiet(self.quiet.len(), Outcome::NoResponse(CloseReason::Timeout), sink);
    }

    fn end_of_stream(&mut self, direction: Direction, at: Timestamp, sink: &mut dyn Sink) {
        match direction {
            Direction::ToServer => {
                self.cut_command(sink);
            }
            Direction::ToClient => {
                self.server_ended = true;
                self.end_of_answers(CloseReason::Closed, at, sink);
            }
        }
    }

    fn close(&mut self, reason: CloseReason, at: Timestamp, sink: &mut dyn Sink) {
        // A server that said its last word before the observation ended will answer nothing more.
        let reason =
            if self.server_ended && reason != CloseReason::Reset { CloseReason::Closed } else { reason };
        self.cut_command(sink);
        self.end_of_answers(reason, at, sink);
        self.finish(reason, sink);
    }

    fn held_bytes(&self) -> usize {
        self.commands.held_bytes()
            + self.answers.held_bytes()
            + self.texts.held_bytes()
            + (self.fifo.waiting() + self.quiet.len()) * REQUEST_BYTES
    }
}
