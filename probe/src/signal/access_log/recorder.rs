//! One exchange as the bytes of an OTLP `LogRecord` (opentelemetry-proto 1.11, `logs/v1/logs.proto`).

use plainsight_protocols::Timestamp;

use super::AccessLog;
use crate::{
    flow::Observed,
    signal::{
        Clock,
        otlp::{
            Item, Limits, TextWriter,
            log_record::{
                ATTRIBUTES, BODY, DROPPED_ATTRIBUTES, EVENT, FLAGS, OBSERVED_TIME, SEVERITY_NUMBER,
                SEVERITY_TEXT, SPAN_ID, TIME, TRACE_ID,
            },
        },
        protobuf,
        record::duration,
        side_name,
        spool::Writer,
        traces::{SpanContext, attributes},
    },
};

/// `event_name` of every record.
pub const EVENT_NAME: &str = "plainsight.exchange";

/// Bytes of a body that are kept.
const BODY_BYTES: usize = 8 * 1024;

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccessLogCounters {
    /// Records that were written.
    pub records: u64,
    /// Exchanges that the settings leave out.
    pub left_out: u64,
}

/// Writes the log records of one worker.
#[derive(Debug)]
pub struct AccessLogRecorder {
    log: AccessLog,
    limits: Limits,
    clock: Clock,
    writer: Writer,
    counters: AccessLogCounters,
    /// The latest time that an exchange told.
    now: Timestamp,
}

impl AccessLogRecorder {
    /// A recorder that writes to that end of a spool.
    #[must_use]
    pub fn new(log: AccessLog, limits: Limits, clock: Clock, writer: Writer) -> Self {
        let (counters, now) = (AccessLogCounters::default(), Timestamp::default());
        Self { log, limits, clock, writer, counters, now }
    }

    /// Goes on with other settings.
    pub fn set_log(&mut self, log: AccessLog) {
        self.log = log;
    }

    /// What was written so far.
    #[must_use]
    pub const fn counters(&self) -> AccessLogCounters {
        self.counters
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

    /// Writes the record of an exchange, if it is wanted. `span` is that of the exchange, if it was sampled.
    pub fn record(&mut self, observed: &Observed<'_>, span: Option<&SpanContext>) {
        let exchange = observed.exchange;
        self.now = self.now.max(exchange.ended.unwrap_or(exchange.started));
        if self.log == AccessLog::Off {
            return;
        }
        let error_type = exchange.details.error_type(observed.side);
        if self.log == AccessLog::Errors && error_type.is_none() {
            self.counters.left_out += 1;
            return;
        }
        self.counters.records += 1;
        let time = self.clock.wall_time(exchange.started);
        let seen = self.clock.wall_time(self.now);
        let (limits, now) = (self.limits, self.now);
        self.writer.item(&observed.process, now, time, |out| {
            protobuf::fixed64(out, TIME, time.as_unix_nanos());
            protobuf::fixed64(out, OBSERVED_TIME, seen.as_unix_nanos());
            let (number, text) = if error_type.is_some() { (17, "ERROR") } else { (9, "INFO") };
            protobuf::integer(out, SEVERITY_NUMBER, number);
            protobuf::text(out, SEVERITY_TEXT, text);
            protobuf::text(out, EVENT, EVENT_NAME);
            protobuf::nested(out, BODY, |out| {
                protobuf::nested(out, 1, |out| {
                    // A line that is cut at its limit is better than none.
                    let _ = exchange.details.summary(&mut TextWriter::new(out, BODY_BYTES));
                });
            });
            let mut item = Item::new(out, ATTRIBUTES, limits);
            own_attributes(&mut item, observed);
            attributes(&mut item, observed, error_type.as_deref());
            let dropped = item.dropped();
            if dropped > 0 {
                protobuf::integer(out, DROPPED_ATTRIBUTES, u64::from(dropped));
            }
            if let Some(span) = span {
                protobuf::bytes(out, TRACE_ID, &span.trace_id);
                protobuf::bytes(out, SPAN_ID, &span.span_id);
                protobuf::fixed32(out, FLAGS, u32::from(span.flags));
            }
        });
    }
}

/// What a span has in fields of its own.
fn own_attributes(item: &mut Item<'_>, observed: &Observed<'_>) {
    let exchange = observed.exchange;
    item.text("plainsight.protocol", exchange.protocol.name());
    item.text("plainsight.side", side_name(observed.side));
    if let Some(duration) = duration(exchange) {
        item.integer("plainsight.duration_ns", i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX));
    }
    for (name, bytes) in [
        ("plainsight.request_bytes", exchange.request_bytes),
        ("plainsight.response_bytes", exchange.response_bytes),
    ] {
        item.integer(name, i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}
