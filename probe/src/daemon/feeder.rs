//! The thread between the workers and the exporter: names whose telemetry it is, makes requests, and hands them on.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{Component, State, lane::Lane};
use crate::{
    export::{Progress, otlp::Exporter},
    identity::Identities,
    signal::{WallTime, metrics::MetricStore, spool::SpoolCounters},
};

/// Pause between two looks at what has come.
const PAUSE: Duration = Duration::from_millis(100);

/// How often measurements of the workers are added to the series.
const ABSORB: Duration = Duration::from_secs(1);

/// What passed through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct FeederCounts {
    pub(super) spans: SpoolCounters,
    pub(super) logs: SpoolCounters,
    /// Buffers that went on before it was known whose they were.
    pub(super) hurried: u64,
}

/// What the thread works with.
pub(super) struct Feeder {
    pub(super) identities: Identities,
    pub(super) exporter: Arc<Exporter>,
    pub(super) spans: Lane,
    pub(super) logs: Lane,
    pub(super) metrics: Option<Arc<MetricStore>>,
    pub(super) interval: Duration,
    pub(super) health: Component,
    pub(super) counts: Arc<Mutex<FeederCounts>>,
}

impl Feeder {
    /// Runs until all workers have gone and everything they left is with the exporter.
    pub(super) fn start(self) -> io::Result<JoinHandle<()>> {
        thread::Builder::new().name("signals".into()).spawn(move || self.run())
    }

    fn run(mut self) {
        self.health.set(State::Well);
        let (mut absorbed, mut collected) = (Instant::now(), Instant::now());
        loop {
            let finished = self.pass_on();
            if let Some(metrics) = &self.metrics {
                if finished {
                    self.submit(metrics.finish(WallTime::now()));
                } else if collected.elapsed() >= self.interval {
                    // From one moment to the next that is planned, so that intervals do not drift.
                    collected += self.interval;
                    self.submit(metrics.collect(WallTime::now()));
                } else if absorbed.elapsed() >= ABSORB {
                    absorbed = Instant::now();
                    metrics.absorb(WallTime::now());
                }
            }
            if finished {
                return;
            }
            self.health.beat();
            thread::sleep(PAUSE);
        }
    }

    /// Hands on what has come. True if nothing more can come.
    fn pass_on(&mut self) -> bool {
        let (spans, spans_progress) = self.spans.take(&self.identities);
        self.submit(spans);
        let (logs, logs_progress) = self.logs.take(&self.identities);
        self.submit(logs);
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner) = FeederCounts {
            spans: self.spans.counters(),
            logs: self.logs.counters(),
            hurried: self.spans.hurried() + self.logs.hurried(),
        };
        spans_progress == Progress::Finished && logs_progress == Progress::Finished
    }

    fn submit(&self, batches: Vec<crate::export::Batch>) {
        for batch in batches {
            // What became of it is counted by the destination.
            let _ = self.exporter.submit(batch);
        }
    }
}
