//! Which answer belongs to which command, and what a pair of them does to the connection.

use super::{
    exchange::RedisExchange,
    message::{Request, Response},
    parser::{Answers, RedisParser},
    pubsub::{Notice, Verb},
    table::Kind,
};
use crate::{
    CloseReason, Limit, Outcome, Protocol, Sink, Timestamp,
    fifo::{RequestPlace, ResponsePlace, Settled},
    piped,
    placed::Here,
};

impl RedisParser {
    /// A command was read.
    #[inline]
    pub(super) fn asked(&mut self, request: Request, here: Here, sink: &mut dyn Sink) {
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
            at: request.size.began.at,
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
            let whole = request.size.is_whole();
            let outcome = if whole { Outcome::Complete } else { Outcome::Partial };
            let database = self.database.filter(|_| !self.fifo.is_waiting());
            self.describe(Some(request), None, outcome, database, true, None, sink);
        }
        if request.kind == Kind::Select {
            self.database = None;
        }
        self.texts.truncate(request.text);
    }

    /// An answer was read, or what looks like one.
    #[inline]
    pub(super) fn replied(&mut self, response: Response, here: Here, sink: &mut dyn Sink) {
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

    pub(super) fn flush_confirmations(&mut self, sink: &mut dyn Sink) {
        if let Some((response, here)) = self.subscriptions.flush() {
            self.answered(response, here, sink);
        }
    }

    /// An answer to a command.
    #[inline]
    pub(super) fn answered(&mut self, response: Response, here: Here, sink: &mut dyn Sink) {
        if !self.fifo.is_waiting() {
            if self.unseen > 0 {
                self.unseen -= 1;
                return sink.unobserved(1);
            }
            // Had the server been silenced, it would not have said this.
            self.answers = Answers::All;
        }
        let place = ResponsePlace { start: here.offset, opposite: here.opposite, at: response.size.began.at };
        self.fifo.push_response(place, response);
        self.settle(response.size.ended.unwrap_or(here.at), sink);
    }

    /// Lets the matcher decide what it can.
    pub(super) fn settle(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        while let Some(settled) = self.fifo.next(now) {
            if let Some(limit) = self.fifo.take_limit() {
                sink.limited(limit);
            }
            self.settled(settled, CloseReason::Evicted, None, sink);
        }
        self.report_unobserved(sink);
    }

    pub(super) fn report_unobserved(&mut self, sink: &mut dyn Sink) {
        let unobserved = self.fifo.take_unobserved();
        if unobserved > 0 {
            sink.unobserved(unobserved);
        }
    }

    #[inline]
    pub(super) fn settled(
        &mut self,
        settled: Settled<Request, Response>,
        reason: CloseReason,
        truncated: Option<CloseReason>,
        sink: &mut dyn Sink,
    ) {
        let database = self.selected.unwrap_or(self.database);
        match settled {
            Settled::Pair(request, response) => {
                let whole = request.size.is_whole() && response.size.is_whole();
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
        let details = RedisExchange { request, response, text, database, outcome, silent, truncated };
        sink.exchange(&piped::exchange(Protocol::Redis, asked, answered, outcome, &details));
    }

    /// Reports what is left.
    pub(super) fn finish(&mut self, reason: CloseReason, at: Timestamp, sink: &mut dyn Sink) {
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
}
