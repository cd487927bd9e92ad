//! Spans or log records from the workers to the exporter, held for a moment where it is not known yet whose they are.

use std::time::{Duration, Instant};

use crate::{
    export::{Batch, Progress, SignalKind},
    identity::Identities,
    signal::{
        otlp::{Assembler, BatchLimits},
        spool::{Buffer, Spool, SpoolCounters, SpoolLimits, Writer},
    },
};

/// Bytes that may wait between the workers and the consumer.
const SPOOL_BYTES: usize = 32 << 20;

/// Bytes that may be held for their process to be known. What is beyond goes with what is known.
const HELD_BYTES: usize = 16 << 20;

/// The longest that a buffer is held.
const PATIENCE: Duration = Duration::from_secs(2);

/// One kind of signal on its way.
pub(super) struct Lane {
    spool: Spool,
    assembler: Assembler,
    limits: SpoolLimits,
    held: Vec<Held>,
    taken: Vec<Buffer>,
    hurried: u64,
}

struct Held {
    buffer: Buffer,
    since: Instant,
}

impl Lane {
    /// Items wait with the worker for half of `delay`, and here for a moment.
    pub(super) fn new(kind: SignalKind, batches: BatchLimits, delay: Duration) -> Self {
        Self {
            spool: Spool::new(SPOOL_BYTES),
            assembler: Assembler::new(kind, batches),
            limits: SpoolLimits { age: delay / 2, ..SpoolLimits::default() },
            held: Vec::new(),
            taken: Vec::new(),
            hurried: 0,
        }
    }

    /// A worker's end.
    pub(super) fn writer(&self) -> Writer {
        self.spool.writer(self.limits)
    }

    pub(super) fn counters(&self) -> SpoolCounters {
        self.spool.counters()
    }

    /// Buffers that there was no room to hold until their process was known.
    pub(super) const fn hurried(&self) -> u64 {
        self.hurried
    }

    /// Requests of what has come, save what waits for its process to be known.
    pub(super) fn take(&mut self, identities: &Identities) -> (Vec<Batch>, Progress) {
        let progress = self.spool.take(&mut self.taken);
        let now = Instant::now();
        let came = self.taken.drain(..).map(|buffer| Held { buffer, since: now });
        self.held.extend(came);
        let mut room = HELD_BYTES;
        let mut ready = Vec::new();
        let mut waiting = Vec::new();
        // From the latest to the earliest: those that have waited for longest go where there is no room.
        for held in self.held.drain(..).rev() {
            let is_known = identities.is_settled(held.buffer.source.process.pid)
                || now.duration_since(held.since) >= PATIENCE
                || progress == Progress::Finished;
            let fits = held.buffer.bytes.len() <= room;
            if is_known || !fits {
                self.hurried += u64::from(!is_known);
                ready.push(held.buffer);
            } else {
                room -= held.buffer.bytes.len();
                waiting.push(held);
            }
        }
        waiting.reverse();
        ready.reverse();
        self.held = waiting;
        let batches = self.assembler.assemble(&ready, |source| {
            let identity = identities.resolve_at(source.process.pid, source.first.to_system_time());
            std::sync::Arc::clone(&identity.resource)
        });
        (batches, progress)
    }
}
