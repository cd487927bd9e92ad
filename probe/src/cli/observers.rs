//! What the commands hang into the workers.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use plainsight_protocols::Timestamp;

use crate::{
    capture::ConnectionId,
    export::Outbox,
    flow::{Observed, Observer},
    identity::Identities,
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

/// Processes remembered as noticed: those that take turns on a busy host are few.
const NOTICED: usize = 64;

/// How long they are remembered; what is asked for longer is not as fresh.
const NOTICED_FOR: Duration = Duration::from_secs(1);

/// Has each new process looked up while it is still there.
struct Noticing {
    identities: Option<Identities>,
    /// Processes that were noticed lately, at the places of their low bits.
    noticed: [u32; NOTICED],
    /// When the first of them was, by the exchanges.
    since: Timestamp,
}

impl Noticing {
    fn new(identities: Option<Identities>) -> Self {
        Self { identities, noticed: [0; NOTICED], since: Timestamp::default() }
    }

    fn notice(&mut self, observed: &Observed<'_>) {
        let Some(identities) = &self.identities else { return };
        let (pid, at) = (observed.process.pid, observed.exchange.started);
        if at.since(self.since) >= NOTICED_FOR {
            self.since = at;
            self.noticed = [0; NOTICED];
        }
        let place = &mut self.noticed[pid as usize % NOTICED];
        if *place != pid {
            *place = pid;
            identities.notice(pid);
        }
    }

    /// Learns from every exchange, also of those that the filter holds back.
    fn observe(&self, observed: &Observed<'_>) {
        if let Some(identities) = &self.identities {
            identities.observe(observed);
        }
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
