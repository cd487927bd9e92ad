//! What the daemon hangs into each worker: everything that is made of an exchange is made here, at once, from what the
//! parser holds.

use std::time::Duration;

use plainsight_protocols::Timestamp;

use super::controls::Controls;
use crate::{
    capture::{Closed, ConnectionId, Failed, Opened},
    export::Outbox,
    flow::{ConnectionFacts, Observed, Observer},
    identity::Noticing,
    signal::{
        Record, RecordBuilder,
        access_log::AccessLogRecorder,
        metrics::{MetricRecorder, SpanRef},
        traces::{SpanContext, SpanRecorder},
    },
};

/// How often measurements are handed over: what is read of metrics is as old as this at most.
const HAND_OVER: Duration = Duration::from_secs(1);

/// Makes the telemetry of one worker's exchanges.
pub(super) struct DaemonObserver {
    pub(super) noticing: Noticing,
    pub(super) metrics: Option<MetricRecorder>,
    pub(super) spans: SpanRecorder,
    pub(super) makes_spans: bool,
    pub(super) access_log: AccessLogRecorder,
    pub(super) file: Option<(RecordBuilder, Outbox<Record>)>,
    pub(super) controls: Controls,
    /// Of the choices that hold.
    pub(super) version: u64,
    pub(super) handed_over: Timestamp,
}

impl DaemonObserver {
    fn take_up_choices(&mut self) {
        let Some(choices) = self.controls.newer_than(&mut self.version) else { return };
        self.makes_spans = choices.traces.is_some();
        if let Some(traces) = choices.traces {
            self.spans.set_settings(traces);
        }
        self.access_log.set_log(choices.access_log);
    }
}

impl Observer for DaemonObserver {
    fn exchange(&mut self, observed: &Observed<'_>) {
        self.noticing.observe(observed);
        self.noticing.notice(observed);
        let span: Option<SpanContext> = if self.makes_spans { self.spans.record(observed) } else { None };
        if let Some(metrics) = &mut self.metrics {
            let exemplar = span.as_ref().map(|span| SpanRef {
                trace_id: span.trace_id,
                span_id: span.span_id,
                unix_nanos: self.spans.ended_at(observed.exchange).as_unix_nanos(),
            });
            metrics.record(observed, exemplar);
        }
        self.access_log.record(observed, span.as_ref());
        if let Some((builder, outbox)) = &mut self.file {
            let mut record = builder.build(observed);
            if let Some(span) = &span {
                record.trace_id = span.trace_id;
                record.span_id = span.span_id;
            }
            outbox.push(record);
        }
    }

    fn unobserved(&mut self, _: u64) {}

    fn opened(&mut self, opened: &Opened) {
        self.spans.opened(opened);
    }

    fn tick(&mut self, now: Timestamp) {
        self.take_up_choices();
        self.spans.tick(now);
        self.access_log.tick(now);
        if now.since(self.handed_over) >= HAND_OVER {
            self.handed_over = now;
            if let Some(metrics) = &mut self.metrics {
                metrics.hand_over();
            }
        }
    }

    fn connection_failed(&mut self, failed: &Failed) {
        if let Some(metrics) = &mut self.metrics {
            metrics.connection_failed(failed);
        }
    }

    fn connection_opened(&mut self, connection: &ConnectionFacts) {
        if let Some(metrics) = &mut self.metrics {
            metrics.connection_opened(connection);
        }
    }

    fn connection_moved(&mut self, connection: &ConnectionFacts, received: u64, sent: u64) {
        if let Some(metrics) = &mut self.metrics {
            metrics.connection_moved(connection, received, sent);
        }
    }

    fn connection_closed(&mut self, connection: &ConnectionFacts, closed: Option<&Closed>) {
        if let Some(metrics) = &mut self.metrics {
            metrics.connection_closed(connection, closed);
        }
    }

    fn ignore(&mut self, _: ConnectionId) {}

    fn forgotten(&mut self, _: ConnectionId) {}
}

impl Drop for DaemonObserver {
    /// The worker has ended: what it still holds must not be lost.
    fn drop(&mut self) {
        if let Some(metrics) = &mut self.metrics {
            metrics.hand_over();
        }
        self.spans.flush();
        self.access_log.flush();
    }
}
