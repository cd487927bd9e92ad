//! What every protocol's tests need: a connection to feed, and what it reports, owned.

pub(crate) mod loss;
pub(crate) mod splits;

use std::{collections::BTreeMap, net::SocketAddr};

use crate::{
    CloseReason, Conversation, Direction, Endpoints, Exchange, Gap, GapCause, Limit, MetricAttribute,
    MetricAttributes, MetricValue, Outcome, Protocol, Segment, Settings, Side, Sink, Timestamp, TraceParent,
    Value,
};

/// What was reported of an exchange, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) protocol: Protocol,
    pub(crate) started: u64,
    /// Offsets of the first bytes of the request and of the response.
    pub(crate) offsets: [Option<u64>; 2],
    pub(crate) ended: Option<u64>,
    pub(crate) outcome: Outcome,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
    pub(crate) missing_bytes: u64,
    pub(crate) name: String,
    pub(crate) summary: String,
    pub(crate) errors: [Option<String>; 2],
    pub(crate) server: BTreeMap<String, String>,
    pub(crate) client: BTreeMap<String, String>,
    pub(crate) trace_parent: Option<TraceParent>,
    pub(crate) trace_state: Option<String>,
    pub(crate) trace_links: Vec<TraceParent>,
}

impl Seen {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.server.get(name).map(String::as_str)
    }

    pub(crate) fn path(&self) -> Option<&str> {
        self.attribute("url.path")
    }

    pub(crate) fn status(&self) -> Option<&str> {
        self.attribute("http.response.status_code")
    }

    /// The error as the server's side reports it.
    pub(crate) fn error(&self) -> Option<&str> {
        self.errors[0].as_deref()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) seen: Vec<Seen>,
    pub(crate) unobserved: u64,
    pub(crate) limits: Vec<Limit>,
    /// Exchanges reported while the directions were what the conversation was told.
    pub(crate) unturned: u64,
    reversed: bool,
}

pub(crate) fn endpoints() -> Endpoints {
    Endpoints {
        client: SocketAddr::from(([10, 0, 0, 7], 41822)),
        server: SocketAddr::from(([10, 0, 0, 9], 8080)),
    }
}

/// What metrics are told of an exchange is what spans are told: every test of a protocol checks it.
fn assert_metrics_agree(exchange: &Exchange<'_>, side: Side, attributes: &BTreeMap<String, String>) {
    let all = MetricAttribute::ALL.into_iter().fold(MetricAttributes::NONE, MetricAttributes::with);
    let mut told = BTreeMap::new();
    exchange.details.metric_attributes(side, &endpoints(), all, &mut |attribute, value| {
        let text = match value {
            MetricValue::Text(text) => text.to_owned(),
            MetricValue::Integer(number) => number.to_string(),
            MetricValue::Address(address) => address.to_string(),
        };
        assert!(told.insert(attribute.name().to_owned(), text).is_none(), "{attribute:?} told twice");
    });
    let is_told = |name: &str| MetricAttribute::from_name(name).is_some();
    let mut expected: BTreeMap<_, _> = attributes
        .iter()
        .filter(|(name, _)| is_told(name))
        .map(|(name, text)| (name.clone(), text.clone()))
        .collect();
    if let Some(error) = exchange.details.error_type(side) {
        expected.insert("error.type".to_owned(), error.into_owned());
    }
    assert_eq!(told, expected, "{:?} as the {side:?} tells it", exchange.protocol);
    for attribute in MetricAttribute::ALL {
        let mut alone = None;
        exchange.details.metric_attributes(
            side,
            &endpoints(),
            MetricAttributes::NONE.with(attribute),
            &mut |told, _| {
                assert_eq!((told, alone.replace(told)), (attribute, None), "only what is wanted, once");
            },
        );
        assert_eq!(alone.is_some(), expected.contains_key(attribute.name()), "{attribute:?} wanted alone");
    }
    let measures = exchange.details.measures();
    for (name, measured) in [
        ("http.request.body.size", measures.request_body_bytes),
        ("http.response.body.size", measures.response_body_bytes),
        ("db.response.returned_rows", measures.returned_rows),
    ] {
        assert_eq!(measured.map(|measured| measured.to_string()).as_ref(), attributes.get(name), "{name}");
    }
}

impl Sink for Recorder {
    fn exchange(&mut self, exchange: &Exchange<'_>) {
        let attributes = |side| {
            let mut found = BTreeMap::new();
            exchange.details.attributes(side, &endpoints(), &mut |name, value| {
                let text = match value {
                    Value::Text(text) => text.into_owned(),
                    Value::Integer(number) => number.to_string(),
                    Value::Texts(texts) => texts.join("|"),
                };
                assert!(found.insert(name.to_owned(), text).is_none(), "{name} reported twice");
            });
            assert_metrics_agree(exchange, side, &found);
            found
        };
        let error = |side| exchange.details.error_type(side).map(std::borrow::Cow::into_owned);
        let mut seen = Seen {
            protocol: exchange.protocol,
            started: exchange.started.as_nanos(),
            offsets: [exchange.request_offset, exchange.response_offset],
            ended: exchange.ended.map(Timestamp::as_nanos),
            outcome: exchange.outcome,
            request_bytes: exchange.request_bytes,
            response_bytes: exchange.response_bytes,
            missing_bytes: exchange.missing_bytes,
            name: String::new(),
            summary: String::new(),
            errors: [error(Side::Server), error(Side::Client)],
            server: attributes(Side::Server),
            client: attributes(Side::Client),
            trace_parent: exchange.details.trace_parent(),
            trace_state: exchange.details.trace_state().map(ToOwned::to_owned),
            trace_links: exchange.details.trace_links().to_vec(),
        };
        exchange.details.name(&mut seen.name).expect("strings take all");
        exchange.details.summary(&mut seen.summary).expect("strings take all");
        self.seen.push(seen);
        self.unturned += u64::from(!self.reversed);
    }

    fn reversed(&mut self, reversed: bool) {
        self.reversed = reversed;
    }

    fn unobserved(&mut self, count: u64) {
        self.unobserved += count;
    }

    fn limited(&mut self, limit: Limit) {
        self.limits.push(limit);
    }
}

/// A connection that is told what its streams carry, and keeps the offsets and a clock that ticks a microsecond a call.
pub(crate) struct Wire {
    pub(crate) conversation: Conversation,
    pub(crate) settings: Settings,
    pub(crate) recorder: Recorder,
    pub(crate) now: u64,
    pub(crate) offsets: [u64; 2],
    pub(crate) keyed: bool,
    /// Whether the conversation is told the opposite of each direction.
    pub(crate) swapped: bool,
}

pub(crate) const MICROSECOND: u64 = 1_000;
pub(crate) const MILLISECOND: u64 = 1_000_000;

impl Wire {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default(), true)
    }

    /// A connection that was open before the observation began.
    pub(crate) fn joined() -> Self {
        let mut wire = Self::with(Settings::default(), false);
        wire.offsets = [5_000, 90_000];
        wire
    }

    pub(crate) fn with(settings: Settings, from_start: bool) -> Self {
        Self {
            conversation: Conversation::new(from_start),
            settings,
            recorder: Recorder::default(),
            now: 1_000_000_000,
            offsets: [0, 0],
            keyed: true,
            swapped: false,
        }
    }

    const fn told(&self, direction: Direction) -> Direction {
        if self.swapped { direction.opposite() } else { direction }
    }

    pub(crate) fn bytes(&mut self, direction: Direction, bytes: &[u8]) -> &mut Self {
        self.now += MICROSECOND;
        let (own, other) = match direction {
            Direction::ToServer => (0, 1),
            Direction::ToClient => (1, 0),
        };
        let segment = Segment {
            direction: self.told(direction),
            at: Timestamp::from_nanos(self.now),
            offset: self.offsets[own],
            opposite_offset: self.keyed.then_some(self.offsets[other]),
            bytes,
        };
        self.offsets[own] += bytes.len() as u64;
        self.conversation.segment(&segment, &self.settings, &mut self.recorder);
        assert!(self.conversation.held_bytes() <= crate::HELD_BYTES_LIMIT);
        self
    }

    pub(crate) fn request(&mut self, text: &str) -> &mut Self {
        self.bytes(Direction::ToServer, text.as_bytes())
    }

    pub(crate) fn response(&mut self, text: &str) -> &mut Self {
        self.bytes(Direction::ToClient, text.as_bytes())
    }

    pub(crate) fn gap(&mut self, direction: Direction, bytes: u64, cause: GapCause) -> &mut Self {
        self.now += MICROSECOND;
        let own = usize::from(direction == Direction::ToClient);
        let direction = self.told(direction);
        let gap =
            Gap { direction, at: Timestamp::from_nanos(self.now), offset: self.offsets[own], bytes, cause };
        self.offsets[own] += bytes;
        self.conversation.gap(&gap, &mut self.recorder);
        self
    }

    pub(crate) fn lost(&mut self, direction: Direction, bytes: u64, calls: u64) -> &mut Self {
        self.gap(direction, bytes, GapCause::Lost { calls })
    }

    pub(crate) fn not_copied(&mut self, direction: Direction, bytes: u64) -> &mut Self {
        self.gap(direction, bytes, GapCause::NotCopied)
    }

    pub(crate) fn pass(&mut self, nanos: u64) -> &mut Self {
        self.now += nanos;
        self.conversation.tick(Timestamp::from_nanos(self.now), &mut self.recorder);
        self
    }

    pub(crate) fn end(&mut self, direction: Direction) -> &mut Self {
        let direction = self.told(direction);
        self.conversation.end_of_stream(direction, Timestamp::from_nanos(self.now), &mut self.recorder);
        self
    }

    pub(crate) fn close(&mut self, reason: CloseReason) -> Recorder {
        self.conversation.close(reason, Timestamp::from_nanos(self.now), &mut self.recorder);
        std::mem::take(&mut self.recorder)
    }

    /// The exchanges reported until now, as `summary outcome`.
    pub(crate) fn summaries(&self) -> Vec<String> {
        self.recorder.seen.iter().map(|seen| seen.summary.clone()).collect()
    }
}
