//! The exchanges under way: paired or known to stay alone, and reported as soon as both messages have ended.

use std::{cell::OnceCell, collections::VecDeque};

use super::{
    HttpSettings,
    exchange::HttpExchange,
    record::{Request, Response},
};
use crate::{CloseReason, Exchange, Outcome, Protocol, Sink};

/// Exchanges under way at a time: one whose response is not whole, one whose request is not, and one alone of each.
pub(super) const UNDER_WAY: usize = 4;

/// Records kept for use again. One of each is enough without pipelining.
const SPARE: usize = 2;

/// Why an exchange has no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It has one, or loss took it.
    Unknown,
    /// There was none when the connection ended.
    Ended(CloseReason),
}

#[derive(Debug)]
struct Open {
    request: Option<Box<Request>>,
    response: Option<Box<Response>>,
    fate: Fate,
}

impl Open {
    fn is_finished(&self) -> bool {
        self.request.as_ref().is_none_or(|request| request.done)
            && self.response.as_ref().is_none_or(|response| response.done)
    }

    fn outcome(&self) -> Outcome {
        let cut = self.request.as_ref().is_some_and(|request| request.size.cut)
            || self.response.as_ref().is_some_and(|response| response.size.cut);
        let answered =
            self.response.as_ref().is_some_and(|response| response.status.is_some() || response.foreign);
        match (&self.request, self.fate) {
            (Some(_), _) if answered && !cut => Outcome::Complete,
            (Some(_), Fate::Ended(reason)) if !cut => Outcome::NoResponse(reason),
            _ => Outcome::Partial,
        }
    }
}

/// Exchanges under way, and the records to be used again.
#[derive(Debug, Default)]
#[expect(clippy::vec_box, reason = "records are large and change hands: what is kept is the allocation")]
pub(super) struct Ledger {
    open: VecDeque<Open>,
    requests: Vec<Box<Request>>,
    responses: Vec<Box<Response>>,
}

impl Ledger {
    /// A record to be filled.
    pub(super) fn request(&mut self) -> Box<Request> {
        let mut record = self.requests.pop().unwrap_or_else(|| Box::new(Request::empty()));
        record.reset();
        record
    }

    /// A record to be filled.
    pub(super) fn response(&mut self) -> Box<Response> {
        let mut record = self.responses.pop().unwrap_or_else(|| Box::new(Response::empty()));
        record.reset();
        record
    }

    /// Takes a record back that is not reported.
    pub(super) fn drop_request(&mut self, record: Box<Request>) {
        if self.requests.len() < SPARE {
            self.requests.push(record);
        }
    }

    /// Takes a record back that is not reported.
    pub(super) fn drop_response(&mut self, record: Box<Response>) {
        if self.responses.len() < SPARE {
            self.responses.push(record);
        }
    }

    /// Opens an exchange.
    pub(super) fn open(
        &mut self,
        request: Option<Box<Request>>,
        response: Option<Box<Response>>,
        fate: Fate,
    ) {
        self.open.push_back(Open { request, response, fate });
    }

    /// Whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Bytes held by the exchanges under way.
    pub(super) fn held_bytes(&self) -> usize {
        let requests = self.open.iter().filter_map(|open| open.request.as_ref());
        let responses = self.open.iter().filter_map(|open| open.response.as_ref());
        requests.map(|request| request.held()).sum::<usize>()
            + responses.map(|response| response.held()).sum::<usize>()
    }

    /// The request with this serial number, if its exchange is under way.
    pub(super) fn find_request(&mut self, serial: u64) -> Option<&mut Request> {
        let mut requests = self.open.iter_mut().rev().filter_map(|open| open.request.as_deref_mut());
        requests.find(|request| request.serial == serial)
    }

    /// The response with this serial number, if its exchange is under way.
    pub(super) fn find_response(&mut self, serial: u64) -> Option<&mut Response> {
        let mut responses = self.open.iter_mut().rev().filter_map(|open| open.response.as_deref_mut());
        responses.find(|response| response.serial == serial)
    }

    /// The request that the response with this serial number answers.
    pub(super) fn request_of(&self, serial: u64) -> Option<&Request> {
        let answered = self
            .open
            .iter()
            .rev()
            .find(|open| open.response.as_ref().is_some_and(|response| response.serial == serial))?;
        answered.request.as_deref()
    }

    /// Reports what has ended.
    pub(super) fn report_finished(&mut self, settings: &HttpSettings, sink: &mut dyn Sink) {
        let mut index = 0;
        while let Some(open) = self.open.get(index) {
            if open.is_finished() {
                if let Some(open) = self.open.remove(index) {
                    self.report(open, settings, sink);
                }
            } else {
                index += 1;
            }
        }
    }

    /// Reports everything, ended or not: nothing more will be seen.
    pub(super) fn report_all(&mut self, reason: CloseReason, settings: &HttpSettings, sink: &mut dyn Sink) {
        while let Some(mut open) = self.open.pop_front() {
            let answered = open.response.as_ref().is_some_and(|response| response.status.is_some());
            if open.response.is_some() && !answered {
                open.fate = Fate::Ended(reason);
            }
            self.report(open, settings, sink);
        }
    }

    fn report(&mut self, open: Open, settings: &HttpSettings, sink: &mut dyn Sink) {
        let outcome = open.outcome();
        let (request, response) = (open.request.as_deref(), open.response.as_deref());
        let details = HttpExchange {
            request,
            response,
            outcome,
            settings,
            interrupted: None,
            url: OnceCell::new(),
            route: OnceCell::new(),
            peer: OnceCell::new(),
        };
        let or_none = |bytes: Option<u64>| bytes.unwrap_or(0);
        let asked = request.and_then(|request| request.began);
        let answered = response.and_then(|response| response.began);
        sink.exchange(&Exchange {
            protocol: Protocol::Http,
            started: asked.or(answered).unwrap_or_default().at,
            request_offset: asked.map(|began| began.offset),
            response_offset: answered.map(|began| began.offset),
            ended: response.and_then(|response| response.size.ended),
            outcome,
            request_bytes: or_none(request.map(|request| request.size.bytes)),
            response_bytes: or_none(response.map(|response| response.size.bytes)),
            missing_bytes: or_none(request.map(|request| request.size.missing))
                .saturating_add(or_none(response.map(|response| response.size.missing))),
            details: &details,
        });
        if let Some(request) = open.request {
            self.drop_request(request);
        }
        if let Some(response) = open.response {
            self.drop_response(response);
        }
    }
}
