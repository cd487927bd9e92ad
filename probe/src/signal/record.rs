//! One exchange as data of its own: what a line of `watch` and a span are made of.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use plainsight_protocols::{CloseReason, Endpoints, Exchange, Outcome, Protocol, Side};

use super::{Attributes, Clock, IdGenerator, WallTime};
use crate::{
    capture::Process,
    flow::Observed,
    identity::{Identities, Identity, Peer},
};

/// An exchange that no longer borrows from the connection it was seen on.
///
/// Its form in JSON, [`crate::export::append_record`], is a contract: fields are added and never renamed.
#[derive(Debug, Clone)]
pub struct Record {
    /// First byte of the request; of the response, where the request was not seen.
    pub start: WallTime,
    /// From the first byte of the request to the last byte of the response, if both were seen.
    pub duration: Option<Duration>,
    /// The protocol.
    pub protocol: Protocol,
    /// Which end was observed.
    pub side: Side,
    /// How much of the exchange was seen.
    pub outcome: Outcome,
    /// OpenTelemetry's span name, absent if it was not seen.
    pub name: Option<Box<str>>,
    /// One line for people; empty unless the builder was asked for it.
    pub summary: Box<str>,
    /// OpenTelemetry's `error.type`.
    pub error_type: Option<Box<str>>,
    /// The two ends.
    pub endpoints: Endpoints,
    /// Attributes by OpenTelemetry's semantic conventions, sanitised.
    pub attributes: Attributes,
    /// Size of the request on the wire.
    pub request_bytes: u64,
    /// Size of the response on the wire.
    pub response_bytes: u64,
    /// Bytes of either that were lost to observation.
    pub missing_bytes: u64,
    /// The process that read or wrote, absent in a replay.
    pub process: Option<Process>,
    /// Who that process is, filled in by the consumer.
    pub identity: Option<Arc<Identity>>,
    /// Whose the other end's address is, filled in by the consumer.
    pub peer: Option<Arc<Peer>>,
    /// The trace: the caller's, else a new one.
    pub trace_id: [u8; 16],
    /// A new span.
    pub span_id: [u8; 8],
    /// The caller's span, if the request named one.
    pub parent_span_id: Option<[u8; 8]>,
}

impl Record {
    /// Whether the exchange failed. The protocol decides: silence is an error to most, and an answer to some.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        self.error_type.is_some()
    }

    /// The other end's address.
    #[must_use]
    pub fn remote(&self) -> SocketAddr {
        match self.side {
            Side::Client => self.endpoints.server,
            Side::Server => self.endpoints.client,
        }
    }

    /// Fills in who the process was at that time, and whose the other end's address is. May wait for a moment, so it is for
    /// consumers.
    pub fn identify(&mut self, identities: &Identities) {
        let start = self.start.to_system_time();
        self.identity = self.process.as_ref().map(|process| identities.resolve_at(process.pid, start));
        self.peer = identities.peer(self.remote().ip());
    }

    /// The observed end's address.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        match self.side {
            Side::Client => self.endpoints.client,
            Side::Server => self.endpoints.server,
        }
    }
}

/// Makes records of exchanges.
#[derive(Debug, Clone)]
pub struct RecordBuilder {
    clock: Clock,
    ids: IdGenerator,
    summaries: bool,
    text: String,
}

impl RecordBuilder {
    /// A builder. `summaries` asks for [`Record::summary`], which only screens need.
    #[must_use]
    pub fn new(clock: Clock, ids: IdGenerator, summaries: bool) -> Self {
        Self { clock, ids, summaries, text: String::new() }
    }

    /// The record of an exchange.
    #[must_use]
    pub fn build(&mut self, observed: &Observed<'_>) -> Record {
        let exchange = observed.exchange;
        let endpoints = endpoints(observed);
        let mut attributes = Attributes::with_usual_capacity();
        exchange
            .details
            .attributes(observed.side, &endpoints, &mut |name, value| attributes.push(name, &value));
        let name = self.text(|out| exchange.details.name(out));
        let summary =
            if self.summaries { self.text(|out| exchange.details.summary(out)) } else { Box::default() };
        let parent = exchange.details.trace_parent();
        Record {
            start: self.clock.wall_time(exchange.started),
            duration: duration(exchange),
            protocol: exchange.protocol,
            side: observed.side,
            outcome: exchange.outcome,
            name: (!name.is_empty()).then_some(name),
            summary,
            error_type: exchange.details.error_type(observed.side).map(Into::into),
            endpoints,
            attributes,
            request_bytes: exchange.request_bytes,
            response_bytes: exchange.response_bytes,
            missing_bytes: exchange.missing_bytes,
            process: (observed.process.pid != 0).then_some(observed.process),
            identity: None,
            peer: None,
            trace_id: parent.map_or_else(|| self.ids.trace_id(), |parent| parent.trace_id),
            span_id: self.ids.span_id(),
            parent_span_id: parent.map(|parent| parent.parent_span_id),
        }
    }

    /// A text of exactly its length, written into memory that is used again.
    fn text(&mut self, write: impl FnOnce(&mut dyn fmt::Write) -> fmt::Result) -> Box<str> {
        self.text.clear();
        // Writing to a string does not fail, and a half-written text is better than none.
        let _ = write(&mut self.text);
        self.text.as_str().into()
    }
}

/// Which address is the client's and which the server's.
pub(super) fn endpoints(observed: &Observed<'_>) -> Endpoints {
    match observed.side {
        Side::Client => Endpoints { client: observed.local, server: observed.remote },
        Side::Server => Endpoints { client: observed.remote, server: observed.local },
    }
}

/// From the first byte of the request to the last of the response. Where the request was not seen, an exchange is
/// known to have started with its response only, and how long it took is not known.
pub(super) fn duration(exchange: &Exchange<'_>) -> Option<Duration> {
    let is_request_seen = exchange.outcome != Outcome::Partial || exchange.request_bytes > 0;
    let ended = exchange.ended.filter(|_| is_request_seen)?;
    Some(ended.since(exchange.started))
}

/// The outcome as the record names it.
#[must_use]
pub const fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Complete => "complete",
        Outcome::NoResponse(_) => "no_response",
        Outcome::Partial => "partial",
    }
}

/// Why there was no response, as the record names it.
#[must_use]
pub const fn outcome_reason(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::NoResponse(CloseReason::Closed) => Some("closed"),
        Outcome::NoResponse(CloseReason::Reset) => Some("reset"),
        Outcome::NoResponse(CloseReason::Timeout) => Some("timeout"),
        Outcome::NoResponse(CloseReason::Evicted) => Some("evicted"),
        Outcome::Complete | Outcome::Partial => None,
    }
}

/// The side as the record names it.
#[must_use]
pub const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}
