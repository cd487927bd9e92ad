//! The parser of one connection: commands and answers paired in order, with what breaks that order.

use std::time::Duration;

use super::{
    command,
    detect::is_answer,
    exchange::RedisExchange,
    frame::{self, Replies},
    message::{Here, Request, Response},
    pubsub::{Notice, Subscriptions, Verb},
    request::{self, Commands},
    table::Kind,
    texts::Texts,
};
use crate::{
    CloseReason, Direction, Exchange, Gap, GapCause, Limit, Outcome, Protocol, Segment, Sink, Timestamp,
    fifo::{Fifo, Limits, RequestPlace, ResponsePlace, Settled},
    registry::{Continue, Parser},
};

/// Bytes that the masked texts of waiting commands may take.
pub(super) const WAITING_BYTES: usize = 256 * 1024;

/// Commands that may wait. Benchmarks pipeline a thousand, loaders of dumps as many as the sockets hold; those past the
/// bound are counted, and answered, unseen.
pub(super) const WAITING_REQUESTS: usize = 4096;

/// Silence after which waiting commands are given up, unless one of them may block.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(120);

/// Segments of a stream looked at in vain for the start of a message, in a row, before the connection is given up.
const RESYNC_ATTEMPTS: u32 = 1024;

/// Whether the server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answers {
    All,
    AllButNext,
    None,
}

/// Parses both streams of one connection.
pub(super) struct RedisParser {
    commands: Commands,
    replies: Replies,
    texts: Texts,
    fifo: Fifo<Request, Response>,
    subscriptions: Subscriptions,
    answers: Answers,
    in_transaction: bool,
    /// The database that commands work on, where that is certain.
    database: Option<u32>,
    /// The database selected within a transaction that has not run yet.
    selected: Option<Option<u32>>,
    /// Commands waiting that may block.
    blocking: usize,
    /// Commands that wait past the bound, behind all others.
    unseen: u64,
    /// Where the answers stood when the newest command was moved.
    asked_at: Option<u64>,
    /// The client spoke last.
    asked_last: bool,
    misses: [u32; 2],
    active_at: Timestamp,
    server_ended: bool,
    finished: bool,
}

impl RedisParser {
    pub(super) fn new(from_start: bool) -> Self {
        let limits = Limits { requests: WAITING_REQUESTS, bytes: WAITING_BYTES, responses: WAITING_REQUESTS };
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
            asked_at: None,
            asked_last: false,
            misses: [0; 2],
            active_at: Timestamp::default(),
            server_ended: false,
            finished: false,
        }
    }

    fn read_commands(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) {
        if self.commands.is_lost() {
            if !request::resumes(segment.bytes) {
                self.misses[0] += 1;
                return;
            }
            self.misses[0] = 0;
            self.commands.resume();
        }
        self.asked_at = segment.opposite_offset;
        self.asked_last = true;
        let mut here = Here { offset: segment.offset, at: segment.at, opposite: segment.opposite_offset };
        let mut rest = segment.bytes;
        while !rest.is_empty() && !self.finished {
            let (taken, done) = match self.commands.read(rest, here, &mut self.texts) {
                request::Step::Taken(taken) => (taken, false),
                request::Step::Done(taken) => (taken, true),
                request::Step::Invalid => {
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

    /// A command was read.
    #[inline]
    fn asked(&mut self, request: Request, here: Here, sink: &mut dyn Sink) {
        let usual = request.kind == Kind::Plain && self.answers == Answers::All;
        if !usual && !self.is_answered(request.kind) {
            return self.unanswered(&request, sink);
        }
        if self.unseen > 0 || self.fifo.is_in_step() && !self.fifo.has_room_for_more() {
            if self.unseen == 0 {
                sink.limited(Limit::WaitingRequests);
            }
            self.unseen += 1;
            self.database = self.database.filter(|_| !matches!(request.kind, Kind::Select | Kind::Exec));
            self.texts.truncate(request.text);
            return;
        }
        let verb = match request.kind {
            Kind::Blocking => {
                self.blocking += 1;
                None
            }
            Kind::Subscribe(topic) => Some(Verb { topic, ends: false }),
            Kind::Unsubscribe(topic) => Some(Verb { topic, ends: true }),
            _ => None,
        };
        let place = RequestPlace {
            start: here.offset,
            end: request.size.ended.map(|_| here.offset.saturating_add(request.size.bytes)),
            opposite: here.opposite,
            at: request.size.started,
        };
        self.fifo.push_request(place, request, usize::from(request.length), true);
        if let Some((response, here)) =
            verb.and_then(|verb| self.subscriptions.expect(verb, request.number.unwrap_or_default()))
        {
            self.answered(response, here, sink);
        }
        if self.fifo.is_holding() || !self.fifo.has_room() {
            self.settle(here.at, sink);
        }
    }

    /// Whether a command will be answered.
    fn is_answered(&mut self, kind: Kind) -> bool {
        match kind {
            Kind::ReplyOn if !self.in_transaction => self.answers = Answers::All,
            Kind::ReplyOff if !self.in_transaction => self.answers = Answers::None,
            Kind::ReplySkip if !self.in_transaction => {
                if self.answers != Answers::None {
                    self.answers = Answers::AllButNext;
                }
                return false;
            }
            Kind::Multi => self.in_transaction = true,
            Kind::Exec | Kind::Discard => self.in_transaction = false,
            Kind::Reset => {
                self.in_transaction = false;
                self.answers = Answers::All;
            }
            // Only a replica says so, and what it is sent are no answers.
            Kind::Acknowledge => {
                self.finished = true;
                return false;
            }
            _ => {}
        }
        match self.answers {
            Answers::All => true,
            Answers::None => false,
            Answers::AllButNext => {
                self.answers = Answers::All;
                false
            }
        }
    }

    /// A command that nobody answers: all there is of it was seen.
    fn unanswered(&mut self, request: &Request, sink: &mut dyn Sink) {
        if request.kind != Kind::Acknowledge {
            let whole = request.size.ended.is_some() && request.size.missing == 0;
            let outcome = if whole { Outcome::Complete } else { Outcome::Partial };
            let database = self.database.filter(|_| !self.fifo.is_waiting());
            self.describe(Some(request), None, outcome, database, true, None, sink);
        }
        if request.kind == Kind::Select {
            self.database = None;
        }
        self.texts.truncate(request.text);
    }

    fn read_replies(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) {
        if self.replies.is_lost() {
            if !self.is_answer_due(segment) {
                self.misses[1] += 1;
                return;
            }
            self.misses[1] = 0;
            self.replies.resume();
        }
        self.asked_last = false;
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
                frame::Step::Taken(taken) => {
                    rest = rest.get(taken..).unwrap_or_default();
                    here.offset = here.offset.saturating_add(taken as u64);
                    if self.replies.marker() == b'$' && self.is_sync_next() {
                        // What follows is a dump, which ends without a line's end.
                        let (response, place) = self.replies.take();
                        self.replied(response, place, sink);
                    }
                }
                frame::Step::Done(taken) => {
                    rest = rest.get(taken..).unwrap_or_default();
                    here.offset = here.offset.saturating_add(taken as u64);
                    let (response, place) = self.replies.take();
                    self.replied(response, place, sink);
                }
                frame::Step::Invalid => {
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

    /// Whether a segment begins an answer, on a stream of which that is not known. An array's elements look like
    /// answers, so the content is not enough: it must begin where the answers stood when the newest command was moved.
    fn is_answer_due(&self, segment: &Segment<'_>) -> bool {
        let due = match self.asked_at {
            Some(place) => place == segment.offset,
            None => self.asked_last && segment.opposite_offset.is_none(),
        };
        let line = memchr::memchr(b'\n', segment.bytes).map(|end| &segment.bytes[..=end]);
        due && line.is_some_and(is_answer)
    }

    /// An answer was read, or what looks like one.
    #[inline]
    fn replied(&mut self, response: Response, here: Here, sink: &mut dyn Sink) {
        if matches!(response.reply.marker, b'*' | b'>') {
            self.subscriptions.resp3 |= response.reply.marker == b'>';
            match self.subscriptions.notice(&response.reply, self.fifo.is_waiting()) {
                Some(Notice::Confirmation(verb)) => {
                    if !self.subscriptions.continues(verb) {
                        self.flush_confirmations(sink);
                    }
                    if let Some((response, here)) = self.subscriptions.confirmed(verb, response, here) {
                        self.answered(response, here, sink);
                    }
                    return;
                }
                Some(Notice::Message) => return,
                None if response.reply.marker == b'>' => return,
                None => {}
            }
        }
        self.flush_confirmations(sink);
        self.answered(response, here, sink);
    }

    fn flush_confirmations(&mut self, sink: &mut dyn Sink) {
        if let Some((response, here)) = self.subscriptions.flush() {
            self.answered(response, here, sink);
        }
    }

    /// An answer to a command.
    #[inline]
    fn answered(&mut self, response: Response, here: Here, sink: &mut dyn Sink) {
        if !self.fifo.is_waiting() {
            if self.unseen > 0 {
                self.unseen -= 1;
                return sink.unobserved(1);
            }
            // Had the server been silenced, it would not have said this.
            self.answers = Answers::All;
        }
        let place = ResponsePlace { start: here.offset, opposite: here.opposite, at: response.size.started };
        self.fifo.push_response(place, response);
        self.settle(response.size.ended.unwrap_or(here.at), sink);
    }

    /// Lets the matcher decide what it can.
    fn settle(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        while let Some(settled) = self.fifo.next(now) {
            if let Some(limit) = self.fifo.take_limit() {
                sink.limited(limit);
            }
            self.settled(settled, CloseReason::Evicted, None, sink);
        }
        self.report_unobserved(sink);
    }

    fn report_unobserved(&mut self, sink: &mut dyn Sink) {
        let unobserved = self.fifo.take_unobserved();
        if unobserved > 0 {
            sink.unobserved(unobserved);
        }
    }

    #[inline]
    fn settled(
        &mut self,
        settled: Settled<Request, Response>,
        reason: CloseReason,
        truncated: Option<CloseReason>,
        sink: &mut dyn Sink,
    ) {
        let database = self.selected.unwrap_or(self.database);
        match settled {
            Settled::Pair(request, response) => {
                let whole = request.size.ended.is_some()
                    && response.size.ended.is_some()
                    && request.size.missing == 0
                    && response.size.missing == 0;
                let outcome = if whole { Outcome::Complete } else { Outcome::Partial };
                self.describe(Some(&request), Some(&response), outcome, database, false, truncated, sink);
                if request.kind != Kind::Plain {
                    self.follow(&request, &response);
                }
                self.texts.release(request.text + u64::from(request.length));
            }
            Settled::Request(request) => {
                self.describe(Some(&request), None, Outcome::Partial, database, false, None, sink);
                self.unknown(&request);
            }
            Settled::Unanswered(request) => {
                let outcome = Outcome::NoResponse(reason);
                self.describe(Some(&request), None, outcome, database, false, None, sink);
                self.unknown(&request);
            }
            Settled::Response(response) => {
                self.describe(None, Some(&response), Outcome::Partial, None, false, truncated, sink);
            }
            Settled::RequestAgain(request) => self.unknown(&request),
            Settled::ResponseAgain(_) => {}
        }
    }

    /// What a command and its answer do to the connection.
    fn follow(&mut self, request: &Request, response: &Response) {
        let reply = &response.reply;
        let succeeded = !reply.is_error() && !reply.is_queued();
        match request.kind {
            Kind::Select if reply.is_queued() => self.selected = Some(request.number),
            Kind::Select if succeeded => self.database = request.number,
            Kind::Exec => {
                if let Some(selected) = self.selected.take()
                    && reply.is_aggregate()
                    && !reply.is_null
                {
                    self.database = selected.filter(|_| reply.errors == 0);
                }
            }
            Kind::Discard => self.selected = None,
            Kind::Reset if succeeded => {
                self.database = Some(0);
                self.selected = None;
                self.subscriptions.reset();
            }
            Kind::Hello => self.subscriptions.resp3 |= reply.marker == b'%',
            Kind::Monitor | Kind::Sync => self.finished |= succeeded,
            Kind::Subscribe(_) | Kind::Unsubscribe(_) if !reply.confirms => self.subscriptions.refused(),
            Kind::Blocking => self.blocking = self.blocking.saturating_sub(1),
            _ => {}
        }
    }

    /// A command is gone whose answer is not known.
    fn unknown(&mut self, request: &Request) {
        match request.kind {
            Kind::Select | Kind::Reset => self.database = None,
            Kind::Exec | Kind::Discard => {
                let selected = self.selected.take();
                self.database = self.database.filter(|_| selected.is_none());
            }
            Kind::Subscribe(_) | Kind::Unsubscribe(_) => self.subscriptions.refused(),
            Kind::Blocking => self.blocking = self.blocking.saturating_sub(1),
            _ => {}
        }
        self.texts.release(request.text + u64::from(request.length));
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one exchange, put together in one place")]
    #[inline]
    fn describe(
        &self,
        request: Option<&Request>,
        response: Option<&Response>,
        outcome: Outcome,
        database: Option<u32>,
        silent: bool,
        truncated: Option<CloseReason>,
        sink: &mut dyn Sink,
    ) {
        let text =
            request.map_or(&[][..], |request| self.texts.get(request.text, usize::from(request.length)));
        let (asked, answered) =
            (request.map(|request| &request.size), response.map(|response| &response.size));
        let started = asked.or(answered).map(|size| size.started).unwrap_or_default();
        let details = RedisExchange { request, response, text, database, outcome, silent, truncated };
        sink.exchange(&Exchange {
            protocol: Protocol::Redis,
            started,
            ended: answered.and_then(|size| size.ended),
            outcome,
            request_bytes: asked.map_or(0, |size| size.bytes),
            response_bytes: answered.map_or(0, |size| size.bytes),
            missing_bytes: asked.map_or(0, |size| size.missing) + answered.map_or(0, |size| size.missing),
            details: &details,
        });
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
        if self.misses.iter().any(|&misses| misses > RESYNC_ATTEMPTS) {
            sink.limited(Limit::ResyncAttempts);
            return Continue::NotThisProtocol;
        }
        Continue::Parsing
    }

    /// Reports what is left.
    fn finish(&mut self, reason: CloseReason, at: Timestamp, sink: &mut dyn Sink) {
        self.flush_confirmations(sink);
        self.settle(at, sink);
        while let Some(settled) = self.fifo.finish() {
            self.settled(settled, reason, None, sink);
        }
        self.report_unobserved(sink);
        if self.unseen > 0 {
            sink.unobserved(std::mem::take(&mut self.unseen));
        }
    }

    /// The server says no more: what it was saying is all there is.
    fn end_of_replies(&mut self, reason: CloseReason, at: Timestamp, sink: &mut dyn Sink) {
        let Some((mut response, here)) = self.replies.take_cut() else { return };
        if !matches!(reason, CloseReason::Closed | CloseReason::Reset) {
            return self.answered(response, here, sink);
        }
        response.size.ended = Some(at);
        self.flush_confirmations(sink);
        let place = ResponsePlace { start: here.offset, opposite: here.opposite, at: response.size.started };
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
        let (lost, calls) = match gap.cause {
            GapCause::NotCopied => (false, 1),
            GapCause::Lost { calls } => (true, calls),
        };
        if gap.bytes == 0 && (!lost || calls == 0) {
            return Continue::Parsing;
        }
        let (was_lost, messages) = match gap.direction {
            Direction::ToServer => {
                let was_lost = self.commands.is_lost();
                let understood = match self.commands.gap(gap.bytes, lost, gap.at, &mut self.texts) {
                    request::Hole::Inside => return Continue::Parsing,
                    request::Hole::End => {
                        if let Some((request, here)) = self.commands.take() {
                            self.asked(request, here, sink);
                        }
                        return self.verdict(gap.at, sink);
                    }
                    request::Hole::Beyond => self.cut_command(sink),
                    request::Hole::Between => false,
                };
                (was_lost, u64::from(!understood))
            }
            Direction::ToClient => {
                let was_lost = self.replies.is_lost();
                let understood = match self.replies.gap(gap.bytes, lost, gap.at) {
                    frame::Hole::Inside => return Continue::Parsing,
                    frame::Hole::End => {
                        let (response, here) = self.replies.take();
                        self.replied(response, here, sink);
                        return self.verdict(gap.at, sink);
                    }
                    frame::Hole::Beyond => match self.replies.take_cut() {
                        Some((response, here)) => {
                            self.replied(response, here, sink);
                            true
                        }
                        None => false,
                    },
                    frame::Hole::Between => false,
                };
                (was_lost, u64::from(!understood))
            }
        };
        // One call of those that are missing may have gone on with the message under way.
        let messages = if was_lost { calls } else { calls.saturating_sub(1) + messages };
        self.lose(gap.direction, if lost || !was_lost { messages } else { 0 }, lost);
        self.verdict(gap.at, sink)
    }

    fn tick(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        self.subscriptions.tick(now);
        if self.fifo.is_holding() {
            self.settle(now, sink);
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
        self.commands.held_bytes() + self.replies.held_bytes() + self.texts.held_bytes()
    }
}

const _: () = assert!(command::TEXT_LIMIT < WAITING_BYTES);
