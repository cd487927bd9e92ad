//! How many spans a service may bring a second.
//!
//! Whose process it is may not be known yet when it brings its first span: until then it has an allowance of its own, and a
//! service may bring so much more for a moment.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use hashbrown::HashMap;
use plainsight_protocols::Timestamp;

/// Services, and processes, whose rate is followed. Past them, all are forgotten and begin with a full second's worth again.
const FOLLOWED: usize = 16 * 1024;

/// When it is asked again whose a process is that nobody knew.
const UNKNOWN_FOR: Duration = Duration::from_secs(1);

/// When it is asked again whose a process is that somebody knew: its id may belong to another by then.
const KNOWN_FOR: Duration = Duration::from_secs(10);

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

/// Tells the service of a process, if it is known; must not block.
type FindService = dyn Fn(u32) -> Option<Box<str>> + Send + Sync;

/// Who shares an allowance.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Holder {
    Service(Box<str>),
    Process(u32),
}

/// The allowances of all services. Workers ask for one when they see a process for the first time, and keep it for a while.
#[derive(Default)]
pub struct RateLimiters {
    service: Option<Box<FindService>>,
    allowances: Mutex<HashMap<Holder, Arc<Allowance>>>,
}

impl fmt::Debug for RateLimiters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RateLimiters").finish_non_exhaustive()
    }
}

impl RateLimiters {
    /// With `service`, which tells the service of a process if it is known, and must not block. Otherwise each process has
    /// an allowance of its own.
    pub(super) fn by_service(service: impl Fn(u32) -> Option<Box<str>> + Send + Sync + 'static) -> Self {
        Self { service: Some(Box::new(service)), allowances: Mutex::default() }
    }

    /// The allowance of a process, and how long it is to be believed that this is the right one.
    fn of(&self, pid: u32) -> (Arc<Allowance>, Duration) {
        let service = self.service.as_ref().and_then(|service| service(pid));
        let lasts = if service.is_some() { KNOWN_FOR } else { UNKNOWN_FOR };
        let holder = service.map_or(Holder::Process(pid), Holder::Service);
        let mut allowances = self.allowances.lock().unwrap_or_else(PoisonError::into_inner);
        if allowances.len() >= FOLLOWED && !allowances.contains_key(&holder) {
            allowances.clear();
        }
        (Arc::clone(allowances.entry(holder).or_default()), lasts)
    }

    /// Services and processes that are followed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.allowances.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An allowance that a worker asked for.
#[derive(Debug, Clone)]
struct Known {
    allowance: Arc<Allowance>,
    asked: Timestamp,
    lasts: Duration,
}

/// One worker's memory of the allowances it asked for.
#[derive(Debug, Default)]
pub(super) struct KnownAllowances {
    known: HashMap<u32, Known>,
    last: Option<(u32, Known)>,
}

impl KnownAllowances {
    pub(super) fn take(&mut self, all: &RateLimiters, pid: u32, now: Timestamp, per_second: u32) -> bool {
        let is_current = |known: &Known| now.since(known.asked) < known.lasts;
        if !self.last.as_ref().is_some_and(|(last, known)| *last == pid && is_current(known)) {
            let known = match self.known.get(&pid).filter(|known| is_current(known)) {
                Some(known) => known.clone(),
                None => self.ask(all, pid, now),
            };
            self.last = Some((pid, known));
        }
        self.last.as_ref().is_some_and(|(_, known)| known.allowance.take(now, per_second))
    }

    #[cold]
    fn ask(&mut self, all: &RateLimiters, pid: u32, now: Timestamp) -> Known {
        if self.known.len() >= FOLLOWED {
            self.known.clear();
        }
        let (allowance, lasts) = all.of(pid);
        let known = Known { allowance, asked: now, lasts };
        self.known.insert(pid, known.clone());
        known
    }
}
