//! From exchanges to spans, on the worker that saw them.

use std::{
    fmt::Write,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use plainsight_protocols::{Exchange, Outcome, Protocol, Side, Timestamp};

use super::{
    CountersCell, Decision, ObservedClients, RateLimiters, ServerSpans, SpanContext, SpanData, TraceCounters,
    TraceSettings, Unsampled,
    context::{Origin, Place},
    encode_span,
    limiter::KnownAllowances,
    sampler::Sampler,
};
use crate::{
    capture::{Opened, Role},
    flow::Observed,
    signal::{
        Clock, IdGenerator, WallTime,
        otlp::{Item, TextWriter},
        outcome_name, outcome_reason,
        record::{duration, endpoints},
        spool::Writer,
    },
};

/// What the recorders of all workers share.
#[derive(Debug, Default)]
pub struct TraceTables {
    clients: ObservedClients,
    limiters: RateLimiters,
    counters: Mutex<Vec<Arc<CountersCell>>>,
}

impl TraceTables {
    /// With `service`, which tells the service of a process if it is known, and must not block: the rate of spans is then
    /// limited by service.
    #[must_use]
    pub fn by_service(service: impl Fn(u32) -> Option<Box<str>> + Send + Sync + 'static) -> Self {
        Self { limiters: RateLimiters::by_service(service), ..Self::default() }
    }

    /// What became of exchanges so far, all workers together.
    #[must_use]
    pub fn counters(&self) -> TraceCounters {
        let mut sum = TraceCounters::default();
        for cell in self.counters.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            cell.add_to(&mut sum);
        }
        sum
    }

    fn cell(&self) -> Arc<CountersCell> {
        let cell = Arc::<CountersCell>::default();
        self.counters.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&cell));
        cell
    }
}

/// Writes the spans of one worker.
#[derive(Debug)]
pub struct SpanRecorder {
    settings: TraceSettings,
    sampler: Sampler,
    clock: Clock,
    ids: IdGenerator,
    tables: Arc<TraceTables>,
    allowances: KnownAllowances,
    counters: Arc<CountersCell>,
    writer: Writer,
    /// The latest time that an exchange told.
    now: Timestamp,
}

impl SpanRecorder {
    /// A recorder that writes to that end of a spool.
    #[must_use]
    pub fn new(
        settings: TraceSettings,
        clock: Clock,
        ids: IdGenerator,
        tables: Arc<TraceTables>,
        writer: Writer,
    ) -> Self {
        let sampler = Sampler::new(&settings);
        let counters = tables.cell();
        let (allowances, now) = (KnownAllowances::default(), Timestamp::default());
        Self { settings, sampler, clock, ids, tables, allowances, counters, writer, now }
    }

    /// Goes on with other settings.
    pub fn set_settings(&mut self, settings: TraceSettings) {
        self.sampler = Sampler::new(&settings);
        self.settings = settings;
    }

    /// A connection has begun. If a process on this host dialled, then the server's end, if it is on this host too, can name the
    /// client's span from the first exchange on.
    pub fn opened(&mut self, opened: &Opened) {
        self.now = self.now.max(opened.at);
        if opened.role != Role::Server {
            self.tables.clients.note(opened.local, self.now);
        }
    }

    /// Hands over what has waited long enough.
    pub fn tick(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        self.writer.tick(self.now);
    }

    /// Hands over everything.
    pub fn flush(&mut self) {
        self.writer.flush();
    }

    /// When an exchange ended, or began if its end was not seen.
    pub fn ended_at(&mut self, exchange: &Exchange<'_>) -> WallTime {
        self.clock.wall_time(exchange.ended.unwrap_or(exchange.started))
    }

    /// Writes the span of an exchange, if it is sampled; then its context is what log records and exemplars may refer to.
    pub fn record(&mut self, observed: &Observed<'_>) -> Option<SpanContext> {
        let exchange = observed.exchange;
        self.now = self.now.max(exchange.ended.unwrap_or(exchange.started));
        if observed.side == Side::Client {
            self.tables.clients.note(observed.local, self.now);
        }
        let origin = Origin::new(exchange.details.trace_parent(), place(observed), &mut self.ids);
        let error_type = exchange.details.error_type(observed.side);
        let duration = duration(exchange);
        let decision = self.decide(observed, &origin, error_type.is_some(), duration);
        self.counters.count(decision);
        if let Decision::Not(_) = decision {
            return None;
        }
        let (span_id, parent_span_id) = {
            let (tables, settings, now) = (&self.tables, &self.settings, self.now);
            let is_reported = || settings.link_remote_peers || tables.clients.knows(observed.remote, now);
            origin.span(observed.side, &mut self.ids, is_reported)
        };
        // Bits above the lowest are passed on as they came; what is exported is sampled.
        let flags = origin.parent.map_or(0, |parent| parent.flags) | 1;
        let context = SpanContext { trace_id: origin.trace_id, span_id, flags };
        let start = self.clock.wall_time(exchange.started);
        let span = SpanData {
            context,
            parent_span_id,
            is_parent_remote: origin.parent.is_some() || observed.side == Side::Server,
            trace_state: exchange
                .details
                .trace_state()
                .filter(|_| origin.parent.is_some())
                .unwrap_or_default(),
            side: observed.side,
            start,
            end: start.after(duration.unwrap_or_default()),
            is_error: error_type.is_some(),
            links: exchange.details.trace_links(),
            limits: self.settings.limits,
        };
        self.writer.item(&observed.process, self.now, start, |out| {
            let name = |writer: &mut TextWriter<'_>| {
                exchange.details.name(&mut *writer)?;
                if writer.is_empty() { writer.write_str(exchange.protocol.name()) } else { Ok(()) }
            };
            encode_span(out, &span, name, |item| attributes(item, observed, error_type.as_deref()));
        });
        Some(context)
    }

    fn decide(
        &mut self,
        observed: &Observed<'_>,
        origin: &Origin,
        is_error: bool,
        duration: Option<Duration>,
    ) -> Decision {
        if observed.side == Side::Server && only_client_has_span(observed.exchange.protocol) {
            let is_left_out = match self.settings.server_spans {
                ServerSpans::Always => false,
                ServerSpans::Never => true,
                ServerSpans::UnlessClientObserved => self.tables.clients.knows(observed.remote, self.now),
            };
            if is_left_out {
                return Decision::Not(Unsampled::ServerSide);
            }
        }
        let decision = self.sampler.decide(origin.parent.as_ref(), &origin.trace_id, || is_error, duration);
        if let (Some(limit), false) = (self.settings.spans_per_second, matches!(decision, Decision::Not(_)))
            && !self.allowances.take(&self.tables.limiters, observed.process.pid, self.now, limit)
        {
            return Decision::Not(Unsampled::RateLimit);
        }
        decision
    }
}

/// Everything that the span, or the log record, of an exchange says of it.
pub(in crate::signal) fn attributes(item: &mut Item<'_>, observed: &Observed<'_>, error_type: Option<&str>) {
    let exchange = observed.exchange;
    exchange.details.attributes(observed.side, &endpoints(observed), &mut |name, value| {
        item.attribute(name, &value);
    });
    if let Some(error_type) = error_type {
        item.text("error.type", error_type);
    }
    if observed.process.pid != 0 {
        item.integer("process.pid", i64::from(observed.process.pid));
    }
    if exchange.outcome != Outcome::Complete || exchange.missing_bytes > 0 {
        incomplete(item, exchange);
    }
}

#[cold]
fn incomplete(item: &mut Item<'_>, exchange: &Exchange<'_>) {
    if exchange.outcome != Outcome::Complete {
        item.text("plainsight.outcome", outcome_name(exchange.outcome));
    }
    if let Some(reason) = outcome_reason(exchange.outcome) {
        item.text("plainsight.outcome.reason", reason);
    }
    if exchange.missing_bytes > 0 {
        let missing = i64::try_from(exchange.missing_bytes).unwrap_or(i64::MAX);
        item.integer("plainsight.missing_bytes", missing);
    }
}

/// Where the exchange is in its connection, if that is known of both messages.
fn place(observed: &Observed<'_>) -> Option<Place> {
    let exchange = observed.exchange;
    Some(Place {
        request_sequence: observed.request_sequence?,
        response_sequence: observed.response_sequence?,
        request_bytes: exchange.request_bytes,
        response_bytes: exchange.response_bytes,
    })
}

/// Whether the conventions describe a span of the asking side only.
const fn only_client_has_span(protocol: Protocol) -> bool {
    match protocol {
        Protocol::Redis
        | Protocol::Mysql
        | Protocol::Postgresql
        | Protocol::Mongodb
        | Protocol::Memcached
        | Protocol::Kafka
        | Protocol::Dns => true,
        // HTTP and RPC have both; a handshake of TLS has none at all, and is as good on either side.
        _ => false,
    }
}
