//! One exchange under way: a stream of HTTP/2, as far as it was seen.

use super::{
    exchange::Http2Exchange,
    frame::{self, NO_ERROR},
};
use crate::{
    CloseReason, Direction, Exchange, Outcome, Protocol, Sink, Timestamp,
    grpc::{self, Call, GrpcExchange},
    http::{
        HttpSettings,
        exchange::{HttpExchange, Interrupted},
        message::Version,
        record::{Broken, Request, Response},
        stream::Size,
    },
};

/// A stream was given up by one end (RFC 9113 section 6.4).
#[derive(Debug, Clone, Copy)]
pub(super) struct Reset {
    pub(super) by: Direction,
    /// `None` where it was not seen.
    pub(super) code: Option<u32>,
    pub(super) at: Timestamp,
}

impl Reset {
    /// Whether the client lost interest. That is nobody's error.
    const fn is_cancellation(&self) -> bool {
        matches!((self.by, self.code), (Direction::ToServer, Some(frame::CANCEL | NO_ERROR)))
    }
}

/// Why an exchange is reported that has not come to its own end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It has.
    Ended,
    /// Nothing more will be seen of it.
    Closed(CloseReason),
    /// The server will not process it (`GOAWAY`), for this reason.
    Refused(u32),
    /// It had to make room.
    Evicted,
}

/// An exchange under way.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) request: Request,
    pub(super) response: Response,
    /// Whether the head of the request was seen, and that of a final response.
    pub(super) asked: bool,
    pub(super) answered: bool,
    /// Whether the response ended with trailers.
    pub(super) has_trailers: bool,
    /// Whether the server sends the response without having been asked.
    pub(super) promised: bool,
    /// Whether what was not seen may have ended the request.
    pub(super) may_have_asked_all: bool,
    /// Lengths of the bodies, where the heads say them.
    pub(super) request_length: Option<u64>,
    pub(super) response_length: Option<u64>,
    pub(super) reset: Option<Reset>,
    pub(super) call: Call,
    /// When something was seen of it last.
    pub(super) active_at: Timestamp,
}

impl Record {
    pub(super) fn empty() -> Self {
        Self {
            request: Request::empty(),
            response: Response::empty(),
            asked: false,
            answered: false,
            has_trailers: false,
            promised: false,
            may_have_asked_all: false,
            request_length: None,
            response_length: None,
            reset: None,
            call: Call::default(),
            active_at: Timestamp::default(),
        }
    }

    /// Makes the record ready for another exchange.
    pub(super) fn reset(&mut self) {
        self.request.reset();
        self.request.version = Version::V2;
        self.response.reset();
        self.response.version = Version::V2;
        self.asked = false;
        self.answered = false;
        self.has_trailers = false;
        self.promised = false;
        self.may_have_asked_all = false;
        self.request_length = None;
        self.response_length = None;
        self.reset = None;
        self.call = Call::default();
    }

    /// Bytes held beyond the record's own size.
    pub(super) fn held(&self) -> usize {
        self.request.held() + self.response.held()
    }

    /// The size of the message in one direction.
    pub(super) fn size(&mut self, direction: Direction) -> &mut Size {
        match direction {
            Direction::ToServer => &mut self.request.size,
            Direction::ToClient => &mut self.response.size,
        }
    }

    /// Whether that message has ended.
    pub(super) fn is_done(&self, direction: Direction) -> bool {
        match direction {
            Direction::ToServer => self.request.done,
            Direction::ToClient => self.response.done,
        }
    }

    /// The message in one direction has ended; `at` is `None` where its last byte was not seen.
    pub(super) fn end(&mut self, direction: Direction, at: Option<Timestamp>) {
        self.size(direction).ended = at;
        match direction {
            Direction::ToServer => self.request.done = true,
            Direction::ToClient => self.response.done = true,
        }
    }

    /// The counter of a call's messages in one direction.
    pub(super) fn messages(&mut self, direction: Direction) -> &mut grpc::Messages {
        match direction {
            Direction::ToServer => &mut self.call.requests,
            Direction::ToClient => &mut self.call.responses,
        }
    }

    /// When the last byte of the response, or what ended it, was seen.
    pub(super) fn ended_at(&self) -> Option<Timestamp> {
        self.reset.map(|reset| reset.at).or(self.response.size.ended)
    }

    /// Whether nothing more can come that matters.
    pub(super) fn is_finished(&self) -> bool {
        let answered =
            self.response.done && (self.request.done || self.request.size.cut || self.may_have_asked_all);
        self.asked && (self.reset.is_some() || answered)
    }

    /// Whether it is known how it ended.
    fn has_status(&self) -> bool {
        self.response.status.is_some() || self.call.status.is_some()
    }

    fn outcome(&self, fate: Fate) -> Outcome {
        let cut = self.request.size.cut || self.response.size.cut;
        let answered = self.answered || self.response.done;
        match fate {
            Fate::Evicted => Outcome::Partial,
            _ if cut || !self.asked => Outcome::Partial,
            Fate::Refused(_) if !answered => Outcome::NoResponse(CloseReason::Closed),
            Fate::Closed(reason) if !answered => Outcome::NoResponse(reason),
            Fate::Closed(CloseReason::Timeout | CloseReason::Evicted) if !self.response.done => {
                Outcome::Partial
            }
            Fate::Ended if !answered && self.reset.is_some() => Outcome::NoResponse(CloseReason::Reset),
            _ if self.has_status() && self.ended_at().is_some() => Outcome::Complete,
            _ => Outcome::Partial,
        }
    }

    fn interrupted(&self, fate: Fate) -> Option<Interrupted> {
        if let Fate::Refused(code) = fate
            && code != NO_ERROR
        {
            return Some(Interrupted { reason: frame::error_name(code), is_error: true });
        }
        let reset = self.reset.as_ref()?;
        let reason = reset.code.map_or("_OTHER", frame::error_name);
        Some(Interrupted { reason, is_error: !reset.is_cancellation() })
    }

    /// Whether it is a call of gRPC. Where its content type and its status refer to fields that were sent before the
    /// observation began, its form tells: a POST, whole messages in both bodies, and trailers.
    fn is_call(&self) -> bool {
        let Call { is_call, may_be_call, requests, responses, .. } = &self.call;
        let is_post = || self.request.texts.get(self.request.method) == b"POST";
        let has_form =
            || self.has_trailers && requests.fill_the_body() && responses.fill_the_body() && is_post();
        *is_call || *may_be_call && has_form()
    }

    /// Reports the exchange.
    pub(super) fn report(&mut self, fate: Fate, settings: &HttpSettings, sink: &mut dyn Sink) {
        if let Fate::Closed(reason) = fate
            && self.answered
            && !self.response.done
            && !self.response.size.cut
        {
            self.response.broken = match reason {
                CloseReason::Closed => Some(Broken::Truncated),
                CloseReason::Reset => Some(Broken::Reset),
                CloseReason::Timeout | CloseReason::Evicted => None,
            };
            if self.response.broken.is_some() {
                self.response.size.ended = Some(self.active_at);
            }
        }
        let outcome = self.outcome(fate);
        let (request, response) = (&self.request, &self.response);
        let http = HttpExchange {
            request: self.asked.then_some(request),
            response: (self.answered || response.done).then_some(response),
            outcome,
            settings,
            interrupted: self.interrupted(fate),
            url: std::cell::OnceCell::new(),
            route: std::cell::OnceCell::new(),
            peer: std::cell::OnceCell::new(),
        };
        let given_up = self.reset.filter(Reset::is_cancellation);
        let asked = request.began.filter(|_| self.asked);
        let given_up =
            given_up.map(|reset| self.call.given_up_after(reset.at.since(asked.unwrap_or_default().at)));
        let grpc = GrpcExchange { http: http.clone(), call: &self.call, given_up };
        let http2 = Http2Exchange { http, reset: self.reset, promised: self.promised };
        let is_call = self.is_call();
        sink.exchange(&Exchange {
            protocol: if is_call { Protocol::Grpc } else { Protocol::Http2 },
            started: asked.or(response.began).unwrap_or_default().at,
            // A promise is made in the stream of the responses.
            request_offset: asked.filter(|_| !self.promised).map(|began| began.offset),
            response_offset: response.began.map(|began| began.offset),
            ended: self.ended_at(),
            outcome,
            request_bytes: request.size.bytes,
            response_bytes: response.size.bytes,
            missing_bytes: request.size.missing.saturating_add(response.size.missing),
            details: if is_call { &grpc } else { &http2 },
        });
    }
}
