//! What the daemon knows of itself, as metrics.

use std::sync::{
    Arc, Mutex, PoisonError, Weak,
    atomic::{AtomicU64, Ordering},
};

use super::{
    Step,
    feeder::FeederCounts,
    usage::{busy_times, memory},
};
use crate::{
    capture::ProgramTime,
    export::{
        SignalKind,
        otlp::{Amount, DestinationStats, DropReason, Exporter},
    },
    identity::{Counts, Identities},
    pipeline::StatusReader,
    signal::{
        Status,
        metrics::{MetricStore, OwnReading},
        traces::{TraceCounters, TraceTables},
    },
};

/// Whoever is told each value.
type Tell<'a> = &'a mut dyn FnMut(OwnReading<'_>);

/// Where the numbers are kept.
pub(super) struct Sources {
    pub(super) status: StatusReader,
    /// Whoever stops the exporter must be the only one who holds it.
    pub(super) exporter: Weak<Exporter>,
    pub(super) feeder: Arc<Mutex<FeederCounts>>,
    pub(super) traces: Arc<TraceTables>,
    pub(super) identities: Identities,
    pub(super) step: Arc<AtomicU64>,
}

impl Sources {
    /// From now on, the store asks for them.
    pub(super) fn show_in(self, store: &MetricStore) {
        store.read_also(move |tell| self.read(tell));
    }

    fn read(&self, tell: Tell<'_>) {
        capture(&self.status.status(), tell);
        programs(&self.status.programs(), tell);
        traces(&self.traces.counters(), tell);
        feeder(&self.feeder.lock().unwrap_or_else(PoisonError::into_inner).clone(), tell);
        identities(&self.identities.counts(), tell);
        let stats = self.exporter.upgrade().map(|exporter| exporter.stats());
        stats.iter().flatten().for_each(|destination| exporter(destination, tell));
        process(tell);
        plain("plainsight.limits.step", self.step.load(Ordering::Relaxed), tell);
    }
}

/// The number that the metric has for a step.
pub(super) const fn step_number(step: Step) -> u64 {
    match step {
        Step::Normal => 0,
        Step::Sample => 1,
        Step::Count => 2,
    }
}

fn plain(metric: &'static str, value: u64, tell: Tell<'_>) {
    tell(OwnReading { metric, attributes: &[], value });
}

fn by_reason(metric: &'static str, reason: &str, value: u64, tell: Tell<'_>) {
    tell(OwnReading { metric, attributes: &[("plainsight.reason", reason)], value });
}

fn capture(status: &Status, tell: Tell<'_>) {
    plain("plainsight.capture.events", status.events, tell);
    plain("plainsight.capture.exchanges", status.exchanges, tell);
    plain("plainsight.capture.unobserved_exchanges", status.unobserved, tell);
    plain("plainsight.capture.connections", status.connections, tell);
    for loss in &status.losses {
        by_reason("plainsight.capture.lost_events", loss.reason, loss.events, tell);
    }
    for note in &status.left_out {
        by_reason("plainsight.capture.left_out", note.reason, note.events, tell);
    }
}

fn programs(times: &[ProgramTime], tell: Tell<'_>) {
    for ProgramTime { program, runs, time } in times {
        let attributes: &[_] = &[("plainsight.ebpf.program.name", program.as_str())];
        let value = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        tell(OwnReading { metric: "plainsight.ebpf.program.run_time", attributes, value });
        tell(OwnReading { metric: "plainsight.ebpf.program.runs", attributes, value: *runs });
    }
}

fn traces(counters: &TraceCounters, tell: Tell<'_>) {
    for (reason, value) in [("head", counters.head), ("error", counters.error), ("slow", counters.slow)] {
        by_reason("plainsight.trace.spans", reason, value, tell);
    }
    for (reason, value) in counters.unsampled() {
        by_reason("plainsight.trace.unsampled_exchanges", reason, value, tell);
    }
}

fn feeder(counts: &FeederCounts, tell: Tell<'_>) {
    for (signal, spool) in [("traces", counts.spans), ("logs", counts.logs)] {
        let attributes: &[_] = &[("plainsight.signal", signal)];
        tell(OwnReading { metric: "plainsight.spool.items", attributes, value: spool.handed_over });
        tell(OwnReading { metric: "plainsight.spool.dropped_items", attributes, value: spool.dropped });
        tell(OwnReading { metric: "plainsight.spool.size", attributes, value: spool.waiting_bytes });
    }
    plain("plainsight.spool.hurried_buffers", counts.hurried, tell);
}

fn identities(counts: &Counts, tell: Tell<'_>) {
    plain("plainsight.identity.processes", counts.known, tell);
    for (reason, value) in [
        ("processes_evicted", counts.evicted),
        ("processes_unnoticed", counts.unnoticed),
        ("lookups_unanswered", counts.unanswered),
        ("programs_unread", counts.programs_unread),
        ("environments_malformed", counts.malformed_environments),
        ("resources_unshared", counts.resources_unshared),
        ("names_evicted", counts.names_evicted),
    ] {
        by_reason("plainsight.identity.dropped", reason, value, tell);
    }
}

fn exporter(stats: &DestinationStats, tell: Tell<'_>) {
    let name = ("otel.component.name", stats.name.as_str());
    let queues = [("memory", Some(stats.memory_capacity_bytes)), ("disk", stats.disk_capacity_bytes)];
    for (queue, capacity) in queues {
        let attributes: &[_] = &[name, ("plainsight.queue", queue)];
        if let Some(value) = capacity {
            tell(OwnReading { metric: "plainsight.export.queue.capacity", attributes, value });
        }
    }
    let port = stats.receiver.port.map(|port| port.to_string()).unwrap_or_default();
    let address = stats.receiver.address.as_deref().unwrap_or_default();
    for kind in SignalKind::ALL {
        let (signal, exported, inflight) = match kind {
            SignalKind::Traces => {
                ("traces", "otel.sdk.exporter.span.exported", "otel.sdk.exporter.span.inflight")
            }
            SignalKind::Logs => ("logs", "otel.sdk.exporter.log.exported", "otel.sdk.exporter.log.inflight"),
            SignalKind::Metrics => (
                "metrics",
                "otel.sdk.exporter.metric_data_point.exported",
                "otel.sdk.exporter.metric_data_point.inflight",
            ),
        };
        let counts = stats.kind(kind);
        let component = stats.receiver.component_type(kind);
        // What is empty is left out.
        let place = [
            ("otel.component.type", component.as_str()),
            ("server.address", address),
            ("server.port", &port),
        ];
        let [component, address, port] = place;
        let whole: &[_] = &[name, component, address, port];
        tell(OwnReading { metric: exported, attributes: whole, value: counts.sent.items });
        let reasons = DropReason::ALL.into_iter().map(|reason| (reason.name(), counts.dropped.by(reason)));
        for (reason, value) in reasons.chain([("rejected", counts.rejected_items)]) {
            if value > 0 {
                tell(OwnReading {
                    metric: exported,
                    attributes: &[name, component, address, port, ("error.type", reason)],
                    value,
                });
            }
        }
        tell(OwnReading { metric: inflight, attributes: whole, value: counts.in_flight.items });
        let signal = ("plainsight.signal", signal);
        let value = counts.retries;
        tell(OwnReading { metric: "plainsight.export.retries", attributes: &[name, signal], value });
        for (queue, Amount { items, bytes, .. }) in [("memory", counts.queued), ("disk", counts.on_disk)] {
            let attributes: &[_] = &[name, signal, ("plainsight.queue", queue)];
            tell(OwnReading { metric: "plainsight.export.queue.items", attributes, value: items });
            tell(OwnReading { metric: "plainsight.export.queue.size", attributes, value: bytes });
        }
    }
}

/// Where `/proc` does not tell, nothing is told.
fn process(tell: Tell<'_>) {
    if let Ok((user, system)) = busy_times() {
        for (mode, time) in [("user", user), ("system", system)] {
            let value = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            tell(OwnReading { metric: "process.cpu.time", attributes: &[("cpu.mode", mode)], value });
        }
    }
    if let Ok(bytes) = memory() {
        plain("process.memory.usage", bytes, tell);
    }
}

#[cfg(test)]
#[path = "own_tests.rs"]
mod tests;
