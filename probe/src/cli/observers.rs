//! What the commands hang into the workers.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    capture::ConnectionId,
    export::Outbox,
    flow::{Observed, Observer},
    identity::{Identities, Noticing},
    signal::{Aggregates, Filter, Record, RecordBuilder, Status},
};

/// What one worker has seen, before any filter. Only that worker adds to it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    exchanges: AtomicU64,
    unobserved: AtomicU64,
}

/// The tallies of all workers.
#[derive(Debug, Clone, Default)]
pub(super) struct Tallies(Arc<Mutex<Vec<Arc<Tally>>>>);

impl Tallies {
    pub(super) fn tally(&self) -> Arc<Tally> {
        let tally = Arc::new(Tally::default());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&tally));
        tally
    }

    /// The status with the tallies' counts, which are ahead of what a source publishes now and then.
    pub(super) fn complete(&self, mut status: Status) -> Status {
        let tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = |count: fn(&Tally) -> &AtomicU64| {
            tallies.iter().map(|tally| count(tally).load(Ordering::Relaxed)).sum::<u64>()
        };
        status.exchanges = sum(|tally| &tally.exchanges);
        status.unobserved = sum(|tally| &tally.unobserved);
        status
    }
}

/// Makes records of what passes the filter and hands them over.
pub(super) struct WatchObserver {
    filter: Arc<Filter>,
    builder: RecordBuilder,
    outbox: Outbox<Record>,
    tally: Arc<Tally>,
    noticing: Noticing,
}

impl WatchObserver {
    pub(super) fn new(
        filter: Arc<Filter>,
        builder: RecordBuilder,
        outbox: Outbox<Record>,
        tally: Arc<Tally>,
        identities: Option<Identities>,
    ) -> Self {
        Self { filter, builder, outbox, tally, noticing: Noticing::new(identities) }
    }
}

impl Observer for WatchObserver {
    fn exchange(&mut self, observed: &Observed<'_>) {
        self.tally.exchanges.fetch_add(1, Ordering::Relaxed);
        self.noticing.observe(observed);
        if self.filter.accepts(observed) {
            self.noticing.notice(observed);
            self.outbox.push(self.builder.build(observed));
        }
    }

    fn unobserved(&mut self, count: u64) {
        self.tally.unobserved.fetch_add(count, Ordering::Relaxed);
    }

    fn ignore(&mut self, _: ConnectionId) {}

    fn forgotten(&mut self, _: ConnectionId) {}
}

/// Aggregates what passes the filter; the consumer takes the aggregates away now and then.
pub(super) struct StatObserver {
    filter: Arc<Filter>,
    aggregates: Arc<Mutex<Aggregates>>,
    tally: Arc<Tally>,
    noticing: Noticing,
}

impl StatObserver {
    pub(super) fn new(
        filter: Arc<Filter>,
        aggregates: Arc<Mutex<Aggregates>>,
        tally: Arc<Tally>,
        identities: Option<Identities>,
    ) -> Self {
        Self { filter, aggregates, tally, noticing: Noticing::new(identities) }
    }
}

impl Observer for StatObserver {
    fn exchange(&mut self, observed: &Observed<'_>) {
        self.tally.exchanges.fetch_add(1, Ordering::Relaxed);
        self.noticing.observe(observed);
        if self.filter.accepts(observed) {
            self.noticing.notice(observed);
            self.aggregates.lock().unwrap_or_else(PoisonError::into_inner).record(observed);
        }
    }

    fn unobserved(&mut self, count: u64) {
        self.tally.unobserved.fetch_add(count, Ordering::Relaxed);
    }

    fn ignore(&mut self, _: ConnectionId) {}

    fn forgotten(&mut self, _: ConnectionId) {}
}
