//! One request with its response: the unit everything downstream counts, shows and exports.

use std::{borrow::Cow, fmt, net::SocketAddr};

use crate::{
    CloseReason, Measures, MetricAttribute, MetricAttributes, MetricValue, MetricVisit, Protocol, Timestamp,
    metric_attributes,
};

/// One request with its response, or what was seen of the two (RFC 9110 section 3.4 calls the pair an exchange).
///
/// It borrows from the parser that found it and lives as long as the call to [`crate::Sink::exchange`].
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    /// The protocol it was spoken in.
    pub protocol: Protocol,
    /// First byte of the request; of the response, where the request was not seen.
    pub started: Timestamp,
    /// Offset of the request's first byte in the stream from the client to the server, in the offsets of
    /// [`Segment::offset`](crate::Segment::offset): what both ends of a connection can name an exchange by. In HTTP/2
    /// that of the first frame of its head. `None` where the request was not seen, and over UDP.
    pub request_offset: Option<u64>,
    /// The same of the response's first byte in the stream from the server to the client.
    pub response_offset: Option<u64>,
    /// Last byte of the response, `None` if that was not seen, or if the request asked for no response.
    pub ended: Option<Timestamp>,
    /// How much of the exchange was seen.
    pub outcome: Outcome,
    /// Size of the request on the wire, heads included.
    pub request_bytes: u64,
    /// Size of the response on the wire, heads and interim responses included.
    pub response_bytes: u64,
    /// Bytes of either that were lost to observation.
    pub missing_bytes: u64,
    /// What the protocol says about it.
    pub details: &'a dyn Details,
}

/// How much of an exchange was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The request and its whole response, if it asked for one.
    Complete,
    /// The request was seen and the connection ended, or was given up, before a response.
    NoResponse(CloseReason),
    /// Loss took a part: a side is absent, or its size and end are not certain.
    Partial,
}

/// The end of a connection that an observer stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The end that sends requests.
    Client,
    /// The end that answers.
    Server,
}

/// The addresses of the two ends as the observer saw them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Endpoints {
    /// The end that sends requests.
    pub client: SocketAddr,
    /// The end that answers.
    pub server: SocketAddr,
}

/// An attribute's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// A number.
    Integer(i64),
    /// Several texts, in order, as OpenTelemetry wants for header values.
    Texts(Vec<Cow<'a, str>>),
}

/// The `traceparent` of a request (W3C Trace Context section 3.2), validated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    /// Identity of the whole trace, not all zero.
    pub trace_id: [u8; 16],
    /// Identity of the caller's span, not all zero.
    pub parent_span_id: [u8; 8],
    /// The caller's flags; bit 0 is "sampled".
    pub flags: u8,
}

/// What a protocol knows about one exchange, in OpenTelemetry's terms. Everything is computed when asked for, so an
/// exchange that a filter drops costs no formatting.
pub trait Details {
    /// Writes the low-cardinality name of the operation, OpenTelemetry's span name.
    ///
    /// # Errors
    /// Only those of `out`.
    fn name(&self, out: &mut dyn fmt::Write) -> fmt::Result;

    /// Writes one line for people: what was asked and what came back.
    ///
    /// # Errors
    /// Only those of `out`.
    fn summary(&self, out: &mut dyn fmt::Write) -> fmt::Result;

    /// OpenTelemetry's `error.type` as that side must report it, `None` if the exchange succeeded as far as was seen.
    fn error_type(&self, side: Side) -> Option<Cow<'_, str>>;

    /// Calls `visit` with each attribute that `side` must report. Text is already sanitised.
    fn attributes<'s>(&'s self, side: Side, endpoints: &Endpoints, visit: &mut dyn FnMut(&str, Value<'s>));

    /// Calls `visit` with those of the `wanted` attributes that `side` must report, `error.type` among them: the same
    /// values as [`Details::attributes`] and [`Details::error_type`] give, for a fraction of what those cost. Each is told
    /// once; the order is always the same for the same protocol.
    fn metric_attributes(
        &self,
        side: Side,
        endpoints: &Endpoints,
        wanted: MetricAttributes,
        visit: MetricVisit<'_>,
    ) {
        self.attributes(side, endpoints, &mut |name, value| {
            metric_attributes::pass(wanted, visit, name, &value);
        });
        if let Some(error) = self.error_type(side).filter(|_| wanted.contains(MetricAttribute::ErrorType)) {
            visit(MetricAttribute::ErrorType, MetricValue::Text(&error));
        }
    }

    /// What can be measured of it.
    fn measures(&self) -> Measures {
        Measures::default()
    }

    /// The trace that the request says it belongs to.
    fn trace_parent(&self) -> Option<TraceParent>;

    /// What the vendors of that trace say beside it: the `tracestate` (W3C Trace Context section 3.3), valid and of at most 512
    /// characters. Means nothing without [`Details::trace_parent`].
    fn trace_state(&self) -> Option<&str> {
        None
    }

    /// The spans that created the messages of a batch, as far as the messages name them.
    fn trace_links(&self) -> &[TraceParent] {
        &[]
    }
}
