//! How many spans a process may bring a second.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use hashbrown::HashMap;
use plainsight_protocols::Timestamp;

/// Processes whose rate is followed. Past them, all are forgotten and begin with a full second's worth again.
const PROCESSES: usize = 16 * 1024;

/// When a process will have made up for all that it brought, in nanoseconds of the workers' clock: a token bucket kept as one number (the generic cell rate
/// algorithm, ITU-T I.371), so that several workers can share it without a lock.
#[derive(Debug, Default)]
pub(super) struct Allowance(AtomicU64);

impl Allowance {
    /// Takes one span out, if there is one.
    pub(super) fn take(&self, now: Timestamp, per_second: u32) -> bool {
        const SECOND: u64 = 1_000_000_000;
        if per_second == 0 {
            return false;
        }
        let now = now.as_nanos();
        let cost = (SECOND / u64::from(per_second)).max(1);
        let take = |paid_until: u64| {
            let next = paid_until.max(now).saturating_add(cost);
            (next - now <= SECOND.max(cost)).then_some(next)
        };
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

/// The allowances of all processes. Workers ask for one when they see a process for the first time, and keep it.
#[derive(Debug, Default)]
pub struct RateLimiters(Mutex<HashMap<u32, Arc<Allowance>>>);

impl RateLimiters {
    pub(super) fn of(&self, pid: u32) -> Arc<Allowance> {
        let mut processes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if processes.len() >= PROCESSES && !processes.contains_key(&pid) {
            processes.clear();
        }
        Arc::clone(processes.entry(pid).or_default())
    }

    /// Processes that are followed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One worker's memory of the allowances it asked for.
#[derive(Debug, Default)]
pub(super) struct KnownAllowances {
    known: HashMap<u32, Arc<Allowance>>,
    last: Option<(u32, Arc<Allowance>)>,
}

impl KnownAllowances {
    pub(super) fn take(&mut self, all: &RateLimiters, pid: u32, now: Timestamp, per_second: u32) -> bool {
        if self.last.as_ref().is_none_or(|(last, _)| *last != pid) {
            if self.known.len() >= PROCESSES {
                self.known.clear();
            }
            let allowance = self.known.entry(pid).or_insert_with(|| all.of(pid));
            self.last = Some((pid, Arc::clone(allowance)));
        }
        self.last.as_ref().is_some_and(|(_, allowance)| allowance.take(now, per_second))
    }
}
