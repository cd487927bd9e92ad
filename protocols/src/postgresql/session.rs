//! What is known of one connection, and the pairing of its groups.

use std::time::Duration;

use super::{
    answer::{Answer, ReplyKind},
    exchange::PostgresqlExchange,
    group::{End, RequestGroup},
    names::Names,
    responses::ResponseGroup,
    step::{Step, StepKind, outcome},
};
use crate::{
    CloseReason, Direction, Exchange, Limit, Outcome, Protocol, Sink, Timestamp,
    fifo::{Fifo, Settled},
    sanitise::field_text,
};

/// Silence after which waiting requests are given up as timed out. Reports, index builds and waits for locks take many
/// minutes, and an idle connection costs nothing.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3600);

/// Longest name of a user, database or schema that is kept; servers cut them to 63 bytes.
const IDENTITY_BYTES: usize = 128;

/// Who speaks to which database.
#[derive(Debug, Default)]
pub(super) struct Identity {
    pub(super) user: Option<Box<str>>,
    pub(super) database: Option<Box<str>>,
    /// The first schema of the search path, where the server tells of it (since version 18).
    pub(super) schema: Option<Box<str>>,
    pub(super) minor_version: Option<u16>,
    pub(super) authentication: Option<&'static str>,
    pub(super) process_id: Option<u32>,
}

/// A name as it may be shown.
pub(super) fn shown(name: &[u8]) -> Option<Box<str>> {
    let name = name.get(..IDENTITY_BYTES).unwrap_or(name);
    (!name.is_empty()).then(|| field_text(name).into())
}

/// Everything about one connection save where its messages end.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) fifo: Fifo<RequestGroup, ResponseGroup>,
    /// The groups that have begun and not ended.
    pub(super) asked: Option<RequestGroup>,
    pub(super) answered: Option<ResponseGroup>,
    pub(super) names: Names,
    pub(super) identity: Identity,
    /// The messages that come are data of a copy that an ended group asked for.
    pub(super) copying: bool,
    /// Where each stream stands, and when it came there.
    pub(super) positions: [u64; 2],
    pub(super) moved_at: [Timestamp; 2],
    /// Whether it is not known where the server's next message begins.
    pub(super) responses_lost: bool,
    /// Bytes were lost and nothing tells how many: positions give no sizes.
    pub(super) unmeasured: bool,
    /// The rest of the connection is not for this parser.
    pub(super) finished: bool,
    /// What follows is TLS.
    pub(super) encrypted: bool,
}

pub(super) const fn index(direction: Direction) -> usize {
    match direction {
        Direction::ToServer => 0,
        Direction::ToClient => 1,
    }
}

impl Session {
    pub(super) fn new(from_start: bool) -> Self {
        Self {
            fifo: Fifo::recovering(from_start),
            asked: None,
            answered: None,
            names: Names::default(),
            identity: Identity::default(),
            copying: false,
            positions: [0; 2],
            moved_at: [Timestamp::default(); 2],
            responses_lost: !from_start,
            unmeasured: false,
            finished: false,
            encrypted: false,
        }
    }

    /// Whether a single group waits for its answer and nothing is known to be lost, so that whatever the server sends
    /// belongs to that group.
    pub(super) fn is_sole(&self) -> bool {
        self.fifo.is_certain() && self.fifo.waiting() + usize::from(self.asked.is_some()) == 1
    }

    /// Deals the replies that have come to the group that they are certain to belong to, although more will come.
    pub(super) fn deal(&mut self, sink: &mut dyn Sink) {
        let Some(answered) = self.answered.as_mut().filter(|answered| !answered.torn) else { return };
        if answered.replies.is_empty() {
            return;
        }
        let waiting = self.fifo.is_waiting();
        let group = if waiting {
            self.fifo.certain_request()
        } else {
            self.asked.as_mut().filter(|_| self.fifo.is_certain())
        };
        let Some(group) = group.filter(|group| !group.torn) else { return };
        // What was written before the first byte of the request was read answers something else.
        if answered.place.opposite.is_some_and(|read| read <= group.place.start)
            || answered.place.at < group.place.at
        {
            return;
        }
        let mut reporter =
            Reporter { identity: &self.identity, names: &mut self.names, unasked: false, sink };
        while let Some(reply) = answered.replies.pop() {
            group.take(&reply, &mut |step, answer, outcome| reporter.report(step, answer, outcome));
        }
    }

    /// Queues a group that has ended.
    pub(super) fn push_asked(&mut self, sink: &mut dyn Sink) {
        let Some(mut group) = self.asked.take() else { return };
        group.close();
        if group.is_full {
            sink.limited(Limit::WaitingRequests);
        }
        let (place, weight, idle) = (group.place, group.weight(), group.began_idle);
        let (torn, calls) = (group.torn, group.lost_calls);
        self.fifo.push_request(place, group, weight, idle);
        if torn {
            self.fifo.lose_requests(calls.saturating_sub(1));
        }
    }

    /// Queues the replies to a group, which have ended.
    pub(super) fn push_answered(&mut self, end: End, now: Timestamp, sink: &mut dyn Sink) {
        let Some(mut group) = self.answered.take() else { return };
        group.end = end;
        let answers = |asked: &RequestGroup| asked.torn && asked.place.at <= group.place.at;
        if !self.fifo.is_waiting() && self.asked.as_ref().is_some_and(answers) {
            // Its end was not seen, but answered.
            self.push_asked(sink);
        }
        let in_doubt = group.torn && (!self.is_sole() || matches!(end, End::Unknown));
        if in_doubt {
            group.doubt();
        } else if group.copies_in && !self.unmeasured && self.asked.is_none() && self.fifo.waiting() == 1 {
            self.count_copy();
        }
        let calls = group.lost_calls;
        self.fifo.push_response(group.place, group);
        if in_doubt {
            self.fifo.lose_responses(calls.saturating_sub(1));
        }
        self.settle(now, sink);
    }

    /// What the client has sent since its request is data that it copied in, whether it was read or not.
    fn count_copy(&mut self) {
        let (position, at) = (self.positions[0], self.moved_at[0]);
        if let Some((place, group)) = self.fifo.newest_request()
            && group.steps() == 1
            && let Some(step) = group.last()
        {
            step.bytes = step.bytes.max(position.saturating_sub(place.start));
            step.ended = step.ended.map(|ended| ended.max(at));
        }
    }

    /// Reports what can be decided now.
    pub(super) fn settle(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        self.fifo.set_answering(self.answered.is_some());
        while let Some(settled) = self.fifo.next(now) {
            self.settled(settled, CloseReason::Evicted, sink);
        }
        self.report_unobserved(sink);
    }

    fn report_unobserved(&mut self, sink: &mut dyn Sink) {
        let unobserved = self.fifo.take_unobserved();
        if unobserved > 0 {
            sink.unobserved(unobserved);
        }
    }

    fn settled(
        &mut self,
        settled: Settled<RequestGroup, ResponseGroup>,
        reason: CloseReason,
        sink: &mut dyn Sink,
    ) {
        if let Some(limit) = self.fifo.take_limit() {
            sink.limited(limit);
        }
        let mut reporter =
            Reporter { identity: &self.identity, names: &mut self.names, unasked: false, sink };
        let (mut group, mut response, alone) = match settled {
            Settled::Pair(request, response) => (request, response, false),
            Settled::Response(response) => {
                reporter.unasked = true;
                (response.unasked(), response, true)
            }
            Settled::Request(mut request) => return reporter.give_up(&mut request, Outcome::Partial),
            Settled::Unanswered(mut request) => {
                return reporter.give_up(&mut request, Outcome::NoResponse(reason));
            }
            // The other half was reported before, and with it the exchange.
            Settled::RequestAgain(_) | Settled::ResponseAgain(_) => return,
        };
        let mut report = |step: Option<&Step>, answer: Option<&Answer>, outcome: Outcome| {
            if alone {
                reporter.report(step.filter(|step| step.kind == StepKind::Startup), answer, Outcome::Partial);
            } else {
                reporter.report(step, answer, outcome);
            }
        };
        while let Some(reply) = response.replies.pop() {
            group.take(&reply, &mut report);
        }
        group.finish(&response.end, &mut report);
        if group.unheld > 0 {
            sink.unobserved(group.unheld);
        }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        if self.fifo.is_holding() {
            self.settle(now, sink);
        }
        let [asked, answered] = self.moved_at;
        if self.fifo.is_waiting() && now.since(asked.max(answered)) >= RESPONSE_TIMEOUT {
            self.answered = None;
            while let Some(mut group) = self.fifo.give_up() {
                let mut reporter =
                    Reporter { identity: &self.identity, names: &mut self.names, unasked: false, sink };
                reporter.give_up(&mut group, Outcome::NoResponse(CloseReason::Timeout));
            }
            self.report_unobserved(sink);
        }
    }

    /// The connection is over: reports what is left.
    pub(super) fn finish(&mut self, reason: CloseReason, at: Timestamp, sink: &mut dyn Sink) {
        self.push_asked(sink);
        self.end_answer(reason, at, sink);
        self.fifo.set_answering(false);
        while let Some(settled) = self.fifo.finish() {
            self.settled(settled, reason, sink);
        }
        self.report_unobserved(sink);
        if self.names.take_forgot() {
            sink.limited(Limit::PreparedStatements);
        }
    }

    /// The server says nothing more: what was being answered will not be.
    pub(super) fn end_answer(&mut self, reason: CloseReason, at: Timestamp, sink: &mut dyn Sink) {
        let [_, position] = self.positions;
        if let Some(answered) = &mut self.answered {
            let end = if answered.torn { End::Unknown } else { End::Broken(reason) };
            answered.cut(position, at);
            self.push_answered(end, at, sink);
        }
    }

    /// Reports a request that no answer follows, as it is meant.
    pub(super) fn report_alone(&mut self, step: &Step, sink: &mut dyn Sink) {
        let answer = Answer::none_expected(step.ended);
        let outcome = outcome(step, &answer);
        Reporter { identity: &self.identity, names: &mut self.names, unasked: false, sink }.report(
            Some(step),
            Some(&answer),
            outcome,
        );
    }

    pub(super) fn held_bytes(&self) -> usize {
        let held = self.fifo.held_responses().chain(&self.answered).map(ResponseGroup::held_bytes);
        self.fifo.held_bytes()
            + self.asked.as_ref().map_or(0, RequestGroup::weight)
            + held.sum::<usize>()
            + self.names.held_bytes()
    }
}

/// Turns steps and answers into exchanges.
struct Reporter<'a> {
    identity: &'a Identity,
    names: &'a mut Names,
    /// What is reported as asked for was not seen.
    unasked: bool,
    sink: &'a mut dyn Sink,
}

impl Reporter<'_> {
    fn report(&mut self, step: Option<&Step>, answer: Option<&Answer>, outcome: Outcome) {
        if let Some(Step { sql: Some(sql), parses: 1.., .. }) = step
            && answer.is_some_and(|answer| answer.skipped || answer.error.is_some())
        {
            self.names.refused(sql);
        }
        let details = PostgresqlExchange { step, answer, outcome, identity: self.identity };
        let (asked, answered) = (step.map(|step| step.began), answer.and_then(|answer| answer.began));
        self.sink.exchange(&Exchange {
            protocol: Protocol::Postgresql,
            started: asked.or(answered).unwrap_or_default().at,
            request_offset: asked.filter(|_| !self.unasked).map(|began| began.offset),
            response_offset: answered.map(|began| began.offset),
            ended: answer.and_then(|answer| answer.ended),
            outcome,
            request_bytes: step.map_or(0, |step| step.bytes),
            response_bytes: answer.map_or(0, |answer| answer.bytes),
            missing_bytes: step
                .map_or(0, |step| step.missing)
                .saturating_add(answer.map_or(0, |answer| answer.missing)),
            details: &details,
        });
    }

    fn give_up(&mut self, group: &mut RequestGroup, outcome: Outcome) {
        group.give_up(outcome, &mut |step, answer, outcome| self.report(step, answer, outcome));
        if group.unheld > 0 {
            self.sink.unobserved(group.unheld);
        }
    }
}

/// Whether a reply is one that a simple query has no use for.
pub(super) const fn is_extended(kind: ReplyKind) -> bool {
    matches!(kind, ReplyKind::Parsed | ReplyKind::Bound | ReplyKind::Closed)
}
