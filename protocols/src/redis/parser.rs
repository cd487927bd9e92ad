//! The parser of one connection: commands and answers paired in order, with what breaks that order.

use std::time::Duration;

use super::{
    command,
    detect::is_answer,
    frame::Replies,
    message::{Request, Response},
    pubsub::Subscriptions,
    request::{self, Commands},
    table::Kind,
};
use crate::{
    CloseReason, Direction, Gap, Limit, Segment, Sink, Timestamp,
    fifo::{Fifo, Limits, ResponsePlace, Settled},
    piped::{Bearings, Hole, Step, Taken},
    placed::Here,
    registry::{Continue, Parser},
    texts::Texts,
};

/// Bytes that the masked texts of waiting commands may take.
pub(super) const WAITING_BYTES: usize = 512 * 1024;

/// Commands that may wait. Benchmarks pipeline a thousand, loaders of dumps as many as the sockets hold; those past the
/// bound are counted, and answered, unseen.
pub(super) const WAITING_REQUESTS: usize = 16 * 1024;

/// Answers that may wait for a command seen late: as many as one call may bring.
const HELD_RESPONSES: usize = 4096;

/// Bytes that a waiting command takes beside its text.
pub(super) const REQUEST_BYTES: usize = Fifo::<Request, Response>::REQUEST_BYTES;

/// Silence after which waiting commands are given up, unless one of them may block.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(120);

/// Silence after which an answer of which a part was not copied is believed to have ended: it is written without a pause.
const ANSWER_PAUSE: Duration = Duration::from_secs(1);

/// Whether the server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answers {
    All,
    AllButNext,
    None,
}

/// Parses both streams of one connection.
pub(super) struct RedisParser {
    pub(super) commands: Commands,
    pub(super) replies: Replies,
    pub(super) texts: Texts,
    pub(super) fifo: Fifo<Request, Response>,
    pub(super) subscriptions: Subscriptions,
    pub(super) answers: Answers,
    pub(super) in_transaction: bool,
    /// The database that commands work on, where that is certain.
    pub(super) database: Option<u32>,
    /// The database selected within a transaction that has not run yet.
    pub(super) selected: Option<Option<u32>>,
    /// Commands waiting that may block.
    pub(super) blocking: usize,
    /// Commands that wait past the bound, behind all others.
    pub(super) unseen: u64,
    bearings: Bearings,
    active_at: Timestamp,
    server_ended: bool,
    pub(super) finished: bool,
}

impl RedisParser {
    pub(super) fn new(from_start: bool) -> Self {
        let limits = Limits { requests: WAITING_REQUESTS, bytes: WAITING_BYTES, responses: HELD_RESPONSES };
        Self {
            commands: Commands::new(from_start),
            replies: Replies::new(from_start),
            texts: Texts::default(),
            fifo: Fifo::pipelining(from_start, limits),
            subscriptions: Subscriptions::new(from_start),
            answers: Answers::All,
            in_transaction: false,
            database: from_start.then_some(0),
            selected: None,
            blocking: 0,
            unseen: 0,
            bearings: Bearings::default(),
            active_at: Timestamp::default(),
            server_ended: false,
            finished: false,
        }
    }

    fn read_commands(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) {
        if self.commands.is_lost() {
            if !self.bearings.looked(Direction::ToServer, request::resumes(segment.bytes)) {
                return;
            }
            self.commands.resume();
        }
        if self.replies.is_unread() {
            self.end_unread(segment.opposite_offset == Some(self.replies.end_offset()), sink);
        }
        self.bearings.asked(segment);
        let mut here = Here { offset: segment.offset, at: segment.at, opposite: segment.opposite_offset };
        let mut rest = segment.bytes;
        while !rest.is_empty() && !self.finished {
            let (taken, done) = match self.commands.read(rest, here, &mut self.texts) {
                Step::Taken(taken) => (taken, false),
                Step::Done(taken) => (taken, true),
                Step::Invalid => {
                    // The server answers with an error, and goes.
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

    /// Whether the answer under way is all that anybody waits for, so that whatever comes is part of it until the client,
    /// which was seen to wait for its answers, says more. What is pushed may come at any time, and of a transaction the errors matter.
    fn is_answer_alone(&self) -> bool {
        self.fifo.waiting() == 1
            && self.unseen == 0
            && self.fifo.is_certain()
            && self.fifo.client_waits()
            && !self.subscriptions.resp3
            && self.fifo.front_request().is_some_and(|request| request.kind == Kind::Plain)
    }

    /// An answer of which a part was not copied is over. `whole` says that it ended with the last byte that came;
    /// otherwise nobody knows where. Where the next one begins has to be shown by what the client does.
    fn end_unread(&mut self, whole: bool, sink: &mut dyn Sink) {
        let Some((mut response, here)) = self.replies.take_unread() else { return };
        if !whole {
            response.size.ended = None;
        }
        self.answered(response, here, sink);
        self.replies.lose();
        self.fifo.lose_responses(0);
    }

    fn read_replies(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) {
        if self.replies.is_lost() {
            let line = memchr::memchr(b'\n', segment.bytes).map(|end| &segment.bytes[..=end]);
            let begins = self.bearings.is_answer_due(segment) && line.is_some_and(is_answer);
            if !self.bearings.looked(Direction::ToClient, begins) {
                return;
            }
            self.replies.resume();
        }
        self.bearings.answered();
        let mut here = Here { offset: segment.offset, at: segment.at, opposite: segment.opposite_offset };
        let mut rest = segment.bytes;
        while !rest.is_empty() && !self.finished {
            if rest[0] == b'\n' && !self.replies.is_within() {
                // A master that prepares a dump keeps its replica waiting with empty lines.
                rest = &rest[1..];
                here.offset = here.offset.saturating_add(1);
                continue;
            }
            match self.replies.read(rest, here) {
                Step::Taken(taken) => {
                    rest = rest.get(taken..).unwrap_or_default();
                    here.offset = here.offset.saturating_add(taken as u64);
                    if self.replies.marker() == b'$' && self.is_sync_next() {
                        // What follows is a dump, which ends without a line's end.
                        let (response, place) = self.replies.take();
                        self.replied(response, place, sink);
                    }
                }
                Step::Done(taken) => {
                    rest = rest.get(taken..).unwrap_or_default();
                    here.offset = here.offset.saturating_add(taken as u64);
                    let (response, place) = self.replies.take();
                    self.replied(response, place, sink);
                }
                Step::Invalid => {
                    self.replies.lose();
                    self.subscriptions.lose();
                    self.fifo.lose_responses(0);
                    return;
                }
            }
        }
    }

    fn is_sync_next(&self) -> bool {
        self.fifo.front_request().is_some_and(|request| request.kind == Kind::Sync)
    }

    /// Bytes of a stream were not seen, after what was cut by it.
    fn lose(&mut self, direction: Direction, messages: u64, lost: bool) {
        self.subscriptions.lose();
        match direction {
            Direction::ToServer => {
                self.commands.lose();
                // Any of them may have selected another.
                self.database = None;
                self.selected = None;
                self.in_transaction = false;
                if lost { self.fifo.lose_requests(messages) } else { self.fifo.skip_requests(messages) }
            }
            Direction::ToClient => {
                self.replies.lose();
                self.fifo.lose_responses(messages);
            }
        }
        if self.unseen > 0 {
            self.fifo.lose_requests(std::mem::take(&mut self.unseen));
        }
    }

    fn verdict(&mut self, at: Timestamp, sink: &mut dyn Sink) -> Continue {
        if self.finished {
            self.finish(CloseReason::Evicted, at, sink);
            return Continue::Finished;
        }
        if self.bearings.are_lost() {
            sink.limited(Limit::ResyncAttempts);
            return Continue::NotThisProtocol;
        }
        Continue::Parsing
    }

    /// The server says no more: what it was saying is all there is.
    fn end_of_replies(&mut self, reason: CloseReason, at: Timestamp, sink: &mut dyn Sink) {
        if self.replies.is_unread() {
            return self.end_unread(reason == CloseReason::Closed, sink);
        }
        let Some((mut response, here)) = self.replies.take_cut() else { return };
        if !matches!(reason, CloseReason::Closed | CloseReason::Reset) {
            return self.answered(response, here, sink);
        }
        response.size.ended = Some(at);
        self.flush_confirmations(sink);
        let place = ResponsePlace { start: here.offset, opposite: here.opposite, at: response.size.began.at };
        self.fifo.push_response(place, response);
        while let Some(settled) = self.fifo.next(at) {
            self.settled(settled, reason, Some(reason), sink);
        }
    }
}

impl Parser for RedisParser {
    fn segment(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) -> Continue {
        if self.fifo.is_holding() {
            self.settle(segment.at, sink);
        }
        self.active_at = self.active_at.max(segment.at);
        match segment.direction {
            Direction::ToServer => self.read_commands(segment, sink),
            Direction::ToClient => self.read_replies(segment, sink),
        }
        self.verdict(segment.at, sink)
    }

    fn gap(&mut self, gap: &Gap, sink: &mut dyn Sink) -> Continue {
        let Some(taken) = Taken::by(gap) else { return Continue::Parsing };
        let lost = taken.lost;
        let (was_lost, understood) = match gap.direction {
            Direction::ToServer => {
                self.end_unread(false, sink);
                let was_lost = self.commands.is_lost();
                let understood = match self.commands.gap(gap.bytes, lost, gap.at, &mut self.texts) {
                    Hole::Inside => return Continue::Parsing,
                    Hole::End => {
                        if let Some((request, here)) = self.commands.take() {
                            self.asked(request, here, sink);
                        }
                        return self.verdict(gap.at, sink);
                    }
                    Hole::Beyond => self.cut_command(sink),
                    Hole::Between => false,
                };
                (was_lost, understood)
            }
            Direction::ToClient => {
                let was_lost = self.replies.is_lost();
                let alone = self.is_answer_alone();
                let understood = match self.replies.gap(gap.bytes, lost, alone, gap.at) {
                    Hole::Inside => return Continue::Parsing,
                    Hole::End => {
                        let (response, here) = self.replies.take();
                        self.replied(response, here, sink);
                        return self.verdict(gap.at, sink);
                    }
                    Hole::Beyond => match self.replies.take_cut() {
                        Some((response, here)) => {
                            self.replied(response, here, sink);
                            true
                        }
                        None => false,
                    },
                    Hole::Between => false,
                };
                (was_lost, understood)
            }
        };
        self.lose(gap.direction, taken.messages(was_lost, understood), lost);
        self.verdict(gap.at, sink)
    }

    fn tick(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        self.subscriptions.tick(now);
        if self.fifo.is_holding() {
            self.settle(now, sink);
        }
        if self.replies.is_unread() && now.since(self.active_at) >= ANSWER_PAUSE {
            self.end_unread(true, sink);
        }
        let silent = now.since(self.active_at) >= RESPONSE_TIMEOUT;
        if silent && self.blocking == 0 && self.fifo.is_waiting() {
            while let Some(request) = self.fifo.give_up() {
                self.settled(Settled::Unanswered(request), CloseReason::Timeout, None, sink);
            }
            self.report_unobserved(sink);
        }
    }

    fn end_of_stream(&mut self, direction: Direction, at: Timestamp, sink: &mut dyn Sink) {
        match direction {
            Direction::ToServer => {
                self.cut_command(sink);
            }
            Direction::ToClient => {
                self.server_ended = true;
                self.end_of_replies(CloseReason::Closed, at, sink);
            }
        }
    }

    fn close(&mut self, reason: CloseReason, at: Timestamp, sink: &mut dyn Sink) {
        // A server that said its last word before the observation ended will answer nothing more.
        let reason =
            if self.server_ended && reason != CloseReason::Reset { CloseReason::Closed } else { reason };
        self.cut_command(sink);
        self.end_of_replies(reason, at, sink);
        self.finish(reason, at, sink);
    }

    fn held_bytes(&self) -> usize {
        self.commands.held_bytes()
            + self.replies.held_bytes()
            + self.texts.held_bytes()
            + self.fifo.waiting() * REQUEST_BYTES
    }
}

const _: () = assert!(command::TEXT_LIMIT < WAITING_BYTES);
