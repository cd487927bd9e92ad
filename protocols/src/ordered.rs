//! Requests and responses of a protocol that answers in order, each queued once it is whole, paired by the matcher in
//! [`crate::fifo`], and reported.

use std::time::Duration;

use crate::{
    CloseReason, Details, Direction, Exchange, Outcome, Protocol, Sink, Timestamp,
    fifo::{Fifo, RequestPlace, ResponsePlace, Settled},
};

/// Silence after which waiting requests are given up as timed out, unless the protocol knows better.
pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(120);

/// Where a message stood in its stream, when it was seen, and how much of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span {
    /// Offset of its first byte.
    pub(crate) offset: u64,
    /// How far the opposite stream had come when its first byte was moved.
    pub(crate) opposite_offset: Option<u64>,
    /// Its length in bytes, those that were lost included.
    pub(crate) bytes: u64,
    /// Bytes that were lost to observation.
    pub(crate) missing_bytes: u64,
    /// When its first byte was seen.
    pub(crate) started: Timestamp,
    /// When its last byte was seen, `None` if that was lost.
    pub(crate) ended: Option<Timestamp>,
}

/// One side of an exchange: where it stood, and what it said.
#[derive(Debug, Clone)]
pub(crate) struct Message<T> {
    /// Where and when.
    pub(crate) span: Span,
    /// What the protocol keeps of it.
    pub(crate) content: T,
}

/// Says what a pair, or half of one, means.
pub(crate) trait Describe<Q, S> {
    /// The protocol of the exchange.
    fn protocol(&self) -> Protocol;

    /// Calls `report` with what the exchange means. Not called at all, the exchange is not reported.
    fn describe(
        &self,
        request: Option<&Message<Q>>,
        response: Option<&Message<S>>,
        outcome: Outcome,
        report: &mut dyn FnMut(&dyn Details),
    );
}

/// The requests and responses of one connection.
#[derive(Debug)]
pub(crate) struct Ordered<Q, S> {
    fifo: Fifo<Message<Q>, Message<S>>,
    active_at: Timestamp,
}

impl<Q, S> Ordered<Q, S> {
    /// `in_step` where the connection is seen from its first byte on.
    pub(crate) fn new(in_step: bool) -> Self {
        Self { fifo: Fifo::new(in_step), active_at: Timestamp::default() }
    }

    /// Queues a request that was seen to its end, or as far as it was seen. `weight` is what its content holds in bytes.
    pub(crate) fn request(&mut self, message: Message<Q>, weight: usize) {
        let span = message.span;
        self.active_at = self.active_at.max(span.ended.unwrap_or(span.started));
        let place = RequestPlace {
            start: span.offset,
            end: Some(span.offset.saturating_add(span.bytes)),
            opposite: span.opposite_offset,
            at: span.started,
        };
        self.fifo.push_request(place, message, weight, true);
    }

    /// Queues a response that was seen to its end, or as far as it was seen.
    pub(crate) fn response(&mut self, message: Message<S>) {
        let span = message.span;
        self.active_at = self.active_at.max(span.ended.unwrap_or(span.started));
        let place = ResponsePlace { start: span.offset, opposite: span.opposite_offset, at: span.started };
        self.fifo.push_response(place, message);
    }

    /// So many messages of a stream are believed lost; zero if the number is not known.
    pub(crate) fn lose(&mut self, direction: Direction, messages: u64) {
        match direction {
            Direction::ToServer => self.fifo.lose_requests(messages),
            Direction::ToClient => self.fifo.lose_responses(messages),
        }
    }

    /// Bytes that waiting requests hold; what responses hold is bounded by their number and the protocol.
    pub(crate) fn held_bytes(&self) -> usize {
        self.fifo.held_bytes()
    }

    /// Reports what can be decided now.
    pub(crate) fn settle(&mut self, now: Timestamp, describe: &impl Describe<Q, S>, sink: &mut dyn Sink) {
        while let Some(settled) = self.fifo.next(now) {
            if let Some(limit) = self.fifo.take_limit() {
                sink.limited(limit);
            }
            report(settled, CloseReason::Evicted, describe, sink);
        }
        self.report_unobserved(sink);
    }

    /// Time has passed: reports what was held for a late event, and what has waited in silence for `timeout`.
    pub(crate) fn tick(
        &mut self,
        now: Timestamp,
        timeout: Duration,
        describe: &impl Describe<Q, S>,
        sink: &mut dyn Sink,
    ) {
        if self.fifo.is_holding() {
            self.settle(now, describe, sink);
        }
        if self.fifo.is_waiting() && now.since(self.active_at) >= timeout {
            while let Some(request) = self.fifo.give_up() {
                report(Settled::Unanswered(request), CloseReason::Timeout, describe, sink);
            }
            self.report_unobserved(sink);
        }
    }

    /// The connection is over: reports what is left.
    pub(crate) fn finish(
        &mut self,
        reason: CloseReason,
        describe: &impl Describe<Q, S>,
        sink: &mut dyn Sink,
    ) {
        while let Some(settled) = self.fifo.finish() {
            if let Some(limit) = self.fifo.take_limit() {
                sink.limited(limit);
            }
            report(settled, reason, describe, sink);
        }
        self.report_unobserved(sink);
    }

    fn report_unobserved(&mut self, sink: &mut dyn Sink) {
        let unobserved = self.fifo.take_unobserved();
        if unobserved > 0 {
            sink.unobserved(unobserved);
        }
    }
}

fn report<Q, S>(
    settled: Settled<Message<Q>, Message<S>>,
    reason: CloseReason,
    describe: &impl Describe<Q, S>,
    sink: &mut dyn Sink,
) {
    match settled {
        Settled::Pair(request, response) => {
            let whole = |span: &Span| span.ended.is_some() && span.missing_bytes == 0;
            let complete = whole(&request.span) && whole(&response.span);
            let outcome = if complete { Outcome::Complete } else { Outcome::Partial };
            exchange(Some(&request), Some(&response), outcome, describe, sink);
        }
        Settled::Request(request) => exchange(Some(&request), None, Outcome::Partial, describe, sink),
        Settled::Unanswered(request) => {
            let outcome = Outcome::NoResponse(reason);
            exchange(Some(&request), None, outcome, describe, sink);
        }
        Settled::Response(response) => exchange(None, Some(&response), Outcome::Partial, describe, sink),
        // The other half was reported before, and with it the exchange.
        Settled::RequestAgain(_) | Settled::ResponseAgain(_) => {}
    }
}

/// Reports an exchange whose halves are known.
pub(crate) fn exchange<Q, S>(
    request: Option<&Message<Q>>,
    response: Option<&Message<S>>,
    outcome: Outcome,
    describe: &impl Describe<Q, S>,
    sink: &mut dyn Sink,
) {
    let asked = request.map(|request| request.span);
    let answered = response.map(|response| response.span);
    let sum = |part: fn(&Span) -> u64| {
        asked.as_ref().map_or(0, part).saturating_add(answered.as_ref().map_or(0, part))
    };
    describe.describe(request, response, outcome, &mut |details| {
        sink.exchange(&Exchange {
            protocol: describe.protocol(),
            started: asked.or(answered).map(|span| span.started).unwrap_or_default(),
            request_offset: asked.map(|span| span.offset),
            response_offset: answered.map(|span| span.offset),
            ended: answered.and_then(|span| span.ended),
            outcome,
            request_bytes: asked.map_or(0, |span| span.bytes),
            response_bytes: answered.map_or(0, |span| span.bytes),
            missing_bytes: sum(|span| span.missing_bytes),
            details,
        });
    });
}
