//! Which answer belongs to which command.
//!
//! Commands that are always answered wait in the matcher. Those that asked for quiet wait beside it: an answer that comes
//! is told to be theirs by the key or the opaque token that it repeats, or because no other command can have it. Those
//! that are left when a later command is answered were not answered, which is what they asked for. Out of step, how many
//! answers a run of commands with quiet ones among them has says nothing, so that these do not wait, and the matcher is
//! told that commands are missing where they were.

use super::{
    command::{TEXT_LIMIT, Verb},
    exchange::MemcachedExchange,
    message::{Answered, Code, Request, Response},
    parser::{MemcachedParser, WAITING_BYTES},
};
use crate::{
    CloseReason, Limit, Outcome, Protocol, Sink, Timestamp,
    fifo::{RequestPlace, ResponsePlace, Settled},
    piped,
    placed::Here,
};

/// Commands that asked for quiet and may wait to be found unanswered.
pub(super) const QUIET_REQUESTS: usize = 1024;

/// Bytes of texts, spent ones included, past which no more commands wait.
pub(super) const TEXT_BYTES: usize = WAITING_BYTES + QUIET_REQUESTS * TEXT_LIMIT;

/// Whose answer one is.
enum Claim {
    /// The command at this place among the quiet ones.
    Quiet(usize),
    /// That of one of the first so many quiet ones, it cannot be told which.
    Contested(usize),
    /// The next command in the matcher.
    Next,
    /// It cannot be told.
    Nobody,
}

impl MemcachedParser {
    /// A command was read.
    pub(super) fn asked(&mut self, request: Request, here: Here, sink: &mut dyn Sink) {
        if self.texts.held_bytes() > TEXT_BYTES {
            return self.forget(request, sink);
        }
        match request.answered {
            Answered::No => {
                let outcome = if request.size.is_whole() { Outcome::Complete } else { Outcome::Partial };
                self.describe(Some(&request), None, outcome, None, sink);
                self.texts.truncate(request.text);
            }
            Answered::Maybe if self.quiet.len() >= QUIET_REQUESTS => self.forget(request, sink),
            Answered::Maybe if !self.fifo.is_in_step() => {
                self.describe(Some(&request), None, Outcome::Partial, None, sink);
                self.texts.truncate(request.text);
                self.fifo.lose_requests(0);
            }
            Answered::Maybe => self.quiet.push_back(request),
            Answered::Yes => {
                let place = RequestPlace {
                    start: here.offset,
                    end: request.size.ended.map(|_| here.offset.saturating_add(request.size.bytes)),
                    opposite: here.opposite,
                    at: request.size.began.at,
                };
                self.fifo.push_request(place, request, usize::from(request.length), true);
                if self.fifo.is_holding() || !self.fifo.has_room() {
                    self.settle(here.at, sink);
                }
            }
        }
    }

    /// There is no room for a command to wait.
    fn forget(&mut self, request: Request, sink: &mut dyn Sink) {
        sink.limited(Limit::WaitingRequests);
        self.describe(Some(&request), None, Outcome::Partial, None, sink);
        self.texts.truncate(request.text);
        if request.answered == Answered::Yes {
            self.fifo.lose_requests(1);
        }
    }

    /// An answer was read.
    pub(super) fn answered(
        &mut self,
        response: Response,
        here: Here,
        truncated: Option<CloseReason>,
        sink: &mut dyn Sink,
    ) {
        if !self.quiet.is_empty() {
            if !self.fifo.is_in_step() {
                self.end_quiet(self.quiet.len(), Outcome::Partial, sink);
            }
            match self.claim(&response) {
                Claim::Next => {}
                Claim::Quiet(place) => {
                    // Answers come in order: those before it have none.
                    self.end_quiet(place, Outcome::Complete, sink);
                    if let Some(request) = self.quiet.pop_front() {
                        let whole = request.size.is_whole() && response.size.is_whole();
                        let is_known = whole && !request.contested;
                        let outcome = if is_known { Outcome::Complete } else { Outcome::Partial };
                        self.describe(Some(&request), Some(&response), outcome, truncated, sink);
                    }
                    self.release();
                    return;
                }
                Claim::Contested(count) => {
                    for request in self.quiet.iter_mut().take(count) {
                        request.contested = true;
                    }
                    return;
                }
                Claim::Nobody => {
                    self.end_quiet(self.quiet.len(), Outcome::Partial, sink);
                    self.fifo.lose_responses(1);
                    return;
                }
            }
        }
        let place = ResponsePlace { start: here.offset, opposite: here.opposite, at: response.size.began.at };
        self.fifo.push_response(place, response);
        let now = response.size.ended.unwrap_or(here.at);
        self.settle_with(now, CloseReason::Evicted, truncated, sink);
    }

    /// How many quiet commands came before the next one in the matcher.
    fn ahead(&self) -> usize {
        let next = self.fifo.front_request().map_or(u64::MAX, |next| next.serial);
        self.quiet.iter().take_while(|request| request.serial < next).count()
    }

    fn claim(&self, response: &Response) -> Claim {
        let ahead = self.ahead();
        let next = self.fifo.front_request();
        if ahead == 0 {
            return Claim::Next;
        }
        let mut waiting = self.quiet.iter().take(ahead);
        if !response.tokens.are_none() {
            return match (waiting.position(|request| request.tokens == response.tokens), next) {
                (Some(place), _) => Claim::Quiet(place),
                (None, Some(_)) => Claim::Next,
                (None, None) => Claim::Nobody,
            };
        }
        // These repeat nothing, whatever they were asked to.
        let is_bare =
            response.code.error().is_some() || matches!(response.code, Code::Miss | Code::NoOperation);
        let may_be = |request: &Request| {
            (is_bare || request.tokens.are_none()) && may_answer(request.verb, response.code)
        };
        let may_be_quiet = |request: &Request| may_be(request) && !is_left_out(request.verb, response.code);
        let mut candidates =
            waiting.enumerate().filter(|(_, request)| may_be_quiet(request)).map(|(place, _)| place);
        match (candidates.next(), candidates.next_back(), next.is_some_and(may_be)) {
            (None, _, true) => Claim::Next,
            (Some(place), None, false) => Claim::Quiet(place),
            (Some(_), Some(last), false) => Claim::Contested(last + 1),
            _ => Claim::Nobody,
        }
    }

    /// The first quiet commands are over without an answer, or it is not known with which.
    pub(super) fn end_quiet(&mut self, count: usize, outcome: Outcome, sink: &mut dyn Sink) {
        for _ in 0..count {
            let Some(request) = self.quiet.pop_front() else { break };
            let is_known = request.size.is_whole() && !request.contested;
            let outcome = if is_known { outcome } else { Outcome::Partial };
            self.describe(Some(&request), None, outcome, None, sink);
        }
    }

    /// Lets the matcher decide what it can.
    pub(super) fn settle(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        self.settle_with(now, CloseReason::Evicted, None, sink);
    }

    fn settle_with(
        &mut self,
        now: Timestamp,
        reason: CloseReason,
        truncated: Option<CloseReason>,
        sink: &mut dyn Sink,
    ) {
        while let Some(settled) = self.fifo.next(now) {
            if let Some(limit) = self.fifo.take_limit() {
                sink.limited(limit);
            }
            self.settled(settled, reason, truncated, sink);
        }
        self.report_unobserved(sink);
    }

    pub(super) fn report_unobserved(&mut self, sink: &mut dyn Sink) {
        let unobserved = self.fifo.take_unobserved();
        if unobserved > 0 {
            sink.unobserved(unobserved);
        }
    }

    pub(super) fn settled(
        &mut self,
        settled: Settled<Request, Response>,
        reason: CloseReason,
        truncated: Option<CloseReason>,
        sink: &mut dyn Sink,
    ) {
        match settled {
            Settled::Pair(request, response) => {
                self.end_quiet_before(&request, Outcome::Complete, sink);
                let whole = request.size.is_whole() && response.size.is_whole();
                let outcome = if whole { Outcome::Complete } else { Outcome::Partial };
                self.describe(Some(&request), Some(&response), outcome, truncated, sink);
                self.finished |= request.verb == Verb::Watch && response.code == Code::Done;
            }
            Settled::Request(request) => {
                self.end_quiet_before(&request, Outcome::Partial, sink);
                self.describe(Some(&request), None, Outcome::Partial, None, sink);
            }
            Settled::Unanswered(request) => {
                self.end_quiet_before(&request, Outcome::NoResponse(reason), sink);
                self.describe(Some(&request), None, Outcome::NoResponse(reason), None, sink);
            }
            Settled::Response(response) => {
                self.describe(None, Some(&response), Outcome::Partial, truncated, sink);
            }
            Settled::RequestAgain(request) => self.end_quiet_before(&request, Outcome::Partial, sink),
            Settled::ResponseAgain(_) => {}
        }
        self.release();
    }

    fn end_quiet_before(&mut self, request: &Request, outcome: Outcome, sink: &mut dyn Sink) {
        while self.quiet.front().is_some_and(|quiet| quiet.serial < request.serial) {
            self.end_quiet(1, outcome, sink);
        }
    }

    /// Gives the texts back that no waiting command needs.
    pub(super) fn release(&mut self) {
        let waiting = [self.fifo.front_request(), self.quiet.front()];
        let first = waiting.into_iter().flatten().map(|request| request.text).min();
        let end = first.unwrap_or_else(|| self.commands.text_under_way().unwrap_or_else(|| self.texts.end()));
        self.texts.release(end);
    }

    fn describe(
        &self,
        request: Option<&Request>,
        response: Option<&Response>,
        outcome: Outcome,
        truncated: Option<CloseReason>,
        sink: &mut dyn Sink,
    ) {
        let text =
            request.map_or(&[][..], |request| self.texts.get(request.text, usize::from(request.length)));
        let (asked, answered) =
            (request.map(|request| &request.size), response.map(|response| &response.size));
        let details = MemcachedExchange { request, response, text, outcome, truncated };
        sink.exchange(&piped::exchange(Protocol::Memcached, asked, answered, outcome, &details));
    }
}

/// Whether an answer is one that quiet leaves out.
const fn is_left_out(verb: Verb, code: Code) -> bool {
    match verb {
        Verb::MetaGet => matches!(code, Code::Miss),
        Verb::MetaSet => matches!(code, Code::Head),
        Verb::MetaDelete => matches!(code, Code::Head | Code::NotFound),
        _ => false,
    }
}

/// Whether a command can be answered so.
const fn may_answer(verb: Verb, code: Code) -> bool {
    match code {
        Code::Error | Code::ClientError | Code::ServerError | Code::Unknown => true,
        Code::Head => matches!(verb, Verb::MetaGet | Verb::MetaSet | Verb::MetaDelete | Verb::MetaArithmetic),
        Code::Value => matches!(verb, Verb::MetaGet | Verb::MetaArithmetic),
        Code::Miss => matches!(verb, Verb::MetaGet | Verb::MetaDebug),
        Code::NotFound | Code::NotStored | Code::Exists => !matches!(
            verb,
            Verb::Get | Verb::GetAndTouch | Verb::MetaGet | Verb::MetaNoOperation | Verb::MetaDebug
        ),
        Code::NoOperation => matches!(verb, Verb::MetaNoOperation),
        Code::Debug => matches!(verb, Verb::MetaDebug),
        Code::End | Code::Done | Code::Number | Code::Version | Code::Other => !matches!(
            verb,
            Verb::MetaGet
                | Verb::MetaSet
                | Verb::MetaDelete
                | Verb::MetaArithmetic
                | Verb::MetaNoOperation
                | Verb::MetaDebug
        ),
    }
}
