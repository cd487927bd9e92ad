//! Pairs requests with their answers.

use super::{
    exchange::MongodbExchange,
    frame::Messages,
    message::{Reply, Request},
    waiting::{Table, Waiting, join},
};
use crate::{
    CloseReason, Details, Direction, Gap, Limit, Outcome, Protocol, Segment, Sink, Timestamp,
    fifo::LATE_WINDOW,
    framed::{Event, Frame, Framer},
    ordered::{Describe, Message, RESPONSE_TIMEOUT, Span, exchange},
    registry::{Continue, Parser},
};

struct Describer;

impl Describe<Request, Reply> for Describer {
    fn protocol(&self) -> Protocol {
        Protocol::Mongodb
    }

    fn describe(
        &self,
        request: Option<&Message<Request>>,
        response: Option<&Message<Reply>>,
        outcome: Outcome,
        report: &mut dyn FnMut(&dyn Details),
    ) {
        report(&MongodbExchange {
            request: request.map(|message| &message.content),
            response: response.map(|message| &message.content),
            outcome,
        });
    }
}

/// What was lost, and how much of it is accounted for.
#[derive(Debug, Default)]
struct Losses {
    requests: u64,
    replies: u64,
}

/// Parses one connection.
pub(super) struct MongodbParser {
    client: Framer<Messages>,
    server: Framer<Messages>,
    matcher: Matcher,
}

/// Pairs what the framers cut.
#[derive(Default)]
struct Matcher {
    table: Table,
    losses: Losses,
    active_at: Timestamp,
    /// The number of an answer that could not be read: perhaps another follows, which names it.
    unread: Option<u32>,
}

fn span(frame: &Frame<'_>) -> Span {
    Span {
        offset: frame.offset,
        opposite_offset: frame.opposite_offset,
        bytes: frame.length,
        missing_bytes: frame.missing_bytes,
        started: frame.started,
        ended: frame.ended,
    }
}

fn outcome(request: &Span, reply: &Span) -> Outcome {
    let whole = |span: &Span| span.ended.is_some() && span.missing_bytes == 0;
    if whole(request) && whole(reply) { Outcome::Complete } else { Outcome::Partial }
}

impl Matcher {
    fn request(&mut self, frame: &Frame<'_>, sink: &mut dyn Sink) {
        let mut content = self.table.room();
        if content.read(frame.bytes).is_none() {
            return;
        }
        let span = span(frame);
        self.active_at = self.active_at.max(span.ended.unwrap_or(span.started));
        let request = Message { span, content };
        if request.content.unanswered {
            self.report_unanswered(&request, sink);
            self.table.done(request.content);
            return;
        }
        if let Some(reply) = self.table.take_held(request.content.id) {
            self.pair(Waiting::answered(request, None), reply, sink);
            return;
        }
        if self.table.is_full() {
            sink.limited(Limit::WaitingRequests);
            if let Some(oldest) = self.table.pop() {
                self.give_up(oldest, sink);
            }
        }
        self.table.push(request);
    }

    /// Nobody waits for an answer: it is complete with its last byte.
    fn report_unanswered(&self, request: &Message<Request>, sink: &mut dyn Sink) {
        let whole = request.span.ended.is_some() && request.span.missing_bytes == 0;
        let outcome = if whole { Outcome::Complete } else { Outcome::Partial };
        Describer.describe(Some(request), None, outcome, &mut |details| {
            sink.exchange(&crate::Exchange {
                protocol: Protocol::Mongodb,
                started: request.span.started,
                request_offset: Some(request.span.offset),
                response_offset: None,
                ended: request.span.ended,
                outcome,
                request_bytes: request.span.bytes,
                response_bytes: 0,
                missing_bytes: request.span.missing_bytes,
                details,
            });
        });
    }

    fn reply(&mut self, frame: &Frame<'_>, sink: &mut dyn Sink) {
        let Some(content) = Reply::read(frame.bytes) else { return };
        let span = span(frame);
        self.active_at = self.active_at.max(span.ended.unwrap_or(span.started));
        let (response_to, compressed, id) = (content.response_to, content.compressor.is_some(), content.id);
        let continues = self.unread.take() == Some(response_to);
        if compressed {
            self.unread = Some(id);
        }
        let reply = Message { span, content };
        let Some(position) = self.table.position(response_to) else {
            if !continues && !self.table.was_given_up(response_to) {
                let late = self.table.hold(reply);
                if let Some(late) = late {
                    sink.limited(Limit::HeldResponses);
                    self.report_orphan(&late, sink);
                }
            }
            return;
        };
        for _ in 0..position {
            if let Some(passed_over) = self.table.pop() {
                self.give_up(passed_over, sink);
            }
        }
        if reply.content.more {
            self.table.answer_first(reply);
        } else if let Some(waiting) = self.table.pop() {
            self.pair(waiting, reply, sink);
        }
    }

    fn pair(&mut self, waiting: Waiting, reply: Message<Reply>, sink: &mut dyn Sink) {
        let reply = match waiting.reply {
            Some(earlier) => join(earlier, reply),
            None => reply,
        };
        let outcome = outcome(&waiting.request.span, &reply.span);
        exchange(Some(&waiting.request), Some(&reply), outcome, &Describer, sink);
        self.table.done(waiting.request.content);
        self.balance(sink);
    }

    /// The answer to a request, or the end of it, was lost.
    fn give_up(&mut self, waiting: Waiting, sink: &mut dyn Sink) {
        self.losses.replies = self.losses.replies.saturating_sub(1);
        exchange(Some(&waiting.request), waiting.reply.as_ref(), Outcome::Partial, &Describer, sink);
        self.table.done(waiting.request.content);
    }

    /// The request of an answer was lost.
    fn report_orphan(&mut self, reply: &Message<Reply>, sink: &mut dyn Sink) {
        self.losses.requests = self.losses.requests.saturating_sub(1);
        exchange(None, Some(reply), Outcome::Partial, &Describer, sink);
    }

    /// Requests and answers that were both lost were exchanges, once nothing waits for any.
    fn balance(&mut self, sink: &mut dyn Sink) {
        if self.table.is_empty() {
            let Losses { requests, replies } = std::mem::take(&mut self.losses);
            let unobserved = requests.min(replies);
            if unobserved > 0 {
                sink.unobserved(unobserved);
            }
        }
    }

    fn lose(&mut self, direction: Direction, calls: u64) {
        let lost = match direction {
            Direction::ToServer => &mut self.losses.requests,
            Direction::ToClient => &mut self.losses.replies,
        };
        *lost = lost.saturating_add(calls);
        if direction == Direction::ToClient {
            self.table.doubt();
        }
    }

    fn tick(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        while let Some(reply) = self.table.take_older(|seen| now.since(seen) > LATE_WINDOW) {
            self.report_orphan(&reply, sink);
        }
        if now.since(self.active_at) >= RESPONSE_TIMEOUT {
            while let Some(waiting) = self.table.pop() {
                self.table.give_up(waiting.request.content.id);
                self.end(waiting, CloseReason::Timeout, sink);
            }
            self.balance(sink);
        }
    }

    /// Nothing more will be seen of an exchange.
    fn end(&mut self, waiting: Waiting, reason: CloseReason, sink: &mut dyn Sink) {
        if waiting.reply.is_some() || waiting.request.content.answer_lost {
            return self.give_up(waiting, sink);
        }
        exchange(Some(&waiting.request), None, Outcome::NoResponse(reason), &Describer, sink);
        self.table.done(waiting.request.content);
    }

    fn close(&mut self, reason: CloseReason, sink: &mut dyn Sink) {
        while let Some(reply) = self.table.take_older(|_| true) {
            self.report_orphan(&reply, sink);
        }
        while let Some(waiting) = self.table.pop() {
            self.end(waiting, reason, sink);
        }
        self.balance(sink);
    }
}

impl MongodbParser {
    pub(super) fn new(from_start: bool) -> Self {
        let framer = |direction| Framer::new(Messages { direction }, from_start);
        Self {
            client: framer(Direction::ToServer),
            server: framer(Direction::ToClient),
            matcher: Matcher::default(),
        }
    }
}

/// Hands what a framer found to the matcher.
fn take(matcher: &mut Matcher, direction: Direction, event: Event<'_>, sink: &mut dyn Sink) -> Continue {
    match (event, direction) {
        (Event::Frame(frame), Direction::ToServer) => matcher.request(&frame, sink),
        (Event::Frame(frame), Direction::ToClient) => matcher.reply(&frame, sink),
        (Event::Lost { calls }, _) => matcher.lose(direction, calls),
        (Event::Invalid, _) => return Continue::NotThisProtocol,
    }
    Continue::Parsing
}

impl Parser for MongodbParser {
    fn segment(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) -> Continue {
        let Self { client, server, matcher } = self;
        let framer = if segment.direction == Direction::ToServer { client } else { server };
        let mut verdict = Continue::Parsing;
        framer.segment(segment, |_, event| {
            verdict = take(matcher, segment.direction, event, sink);
            verdict == Continue::Parsing
        });
        verdict
    }

    fn gap(&mut self, gap: &Gap, sink: &mut dyn Sink) -> Continue {
        let Self { client, server, matcher } = self;
        let framer = if gap.direction == Direction::ToServer { client } else { server };
        let mut verdict = Continue::Parsing;
        framer.gap(gap, |_, event| {
            verdict = take(matcher, gap.direction, event, sink);
            verdict == Continue::Parsing
        });
        verdict
    }

    fn tick(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        self.matcher.tick(now, sink);
    }

    fn end_of_stream(&mut self, _direction: Direction, _at: Timestamp, _sink: &mut dyn Sink) {}

    fn close(&mut self, reason: CloseReason, _at: Timestamp, sink: &mut dyn Sink) {
        if self.server.is_within() {
            self.matcher.table.doubt();
        }
        self.matcher.close(reason, sink);
    }

    fn held_bytes(&self) -> usize {
        self.client.held_bytes() + self.server.held_bytes() + self.matcher.table.held_bytes()
    }
}
