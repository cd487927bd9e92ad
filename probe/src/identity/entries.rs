//! What is known of each process id: bounded, and read by many threads.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use dashmap::DashMap;

use super::{Identity, facts::Facts};

/// Most processes remembered; about 400 bytes each.
pub(super) const CAPACITY: usize = 8192;

/// When more than the capacity are known, so many are left: making room looks at each of them.
const AFTER_ROOM: usize = CAPACITY / 4 * 3;

/// How far apart two clocks may be read. A program's first request comes within milliseconds of its start, while what it was
/// before seldom makes a last one so shortly before.
const SLACK: Duration = Duration::from_millis(5);

/// What is known of a process id.
#[derive(Debug)]
pub(super) struct Entry {
    /// Who the process is.
    pub(super) identity: Arc<Identity>,
    /// What that was made of.
    pub(super) facts: Arc<Facts>,
    /// Whether nothing more will come of waiting.
    pub(super) settled: bool,
    /// What was known of containers and pods when the identity was made.
    pub(super) generation: u64,
    /// When this program was first seen.
    pub(super) since: Instant,
    /// When `/proc` was read; `None` if what is known is inherited from the process that forked this one, or was told by the
    /// kernel.
    pub(super) asked: Option<Instant>,
    /// When the process was found to have ended.
    pub(super) ended: Option<Instant>,
    /// Whether anybody has asked for it.
    pub(super) wanted: AtomicBool,
    /// Who had the id before: an earlier process, or this one before it started another program.
    pub(super) before: Option<Before>,
}

/// An identity that ended, and when.
#[derive(Debug, Clone)]
pub(super) struct Before {
    pub(super) identity: Arc<Identity>,
    pub(super) until: SystemTime,
}

impl Entry {
    /// Whether `/proc` need not be asked.
    pub(super) fn is_fresh(&self, now: Instant, lifetime: Duration) -> bool {
        self.asked.is_some_and(|asked| now.duration_since(asked) < lifetime)
    }

    /// Who had the id at that time.
    pub(super) fn at(&self, time: SystemTime) -> &Arc<Identity> {
        match &self.before {
            Some(before) if time + SLACK < before.until => &before.identity,
            _ => &self.identity,
        }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) map: DashMap<u32, Entry>,
    evicted: AtomicU64,
}

impl Entries {
    pub(super) fn insert(&self, pid: u32, entry: Entry, remembered: Duration) {
        if self.map.len() >= CAPACITY && !self.map.contains_key(&pid) {
            self.make_room(remembered);
        }
        self.map.insert(pid, entry);
    }

    /// Processes forgotten before their time because there were too many.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// Forgets the dead whose time has come; then, as long as that does not suffice, the dead that nobody asked for, others
    /// that nobody asked for, all the dead, and half of the rest.
    fn make_room(&self, remembered: Duration) {
        let now = Instant::now();
        let is_due = |entry: &Entry| entry.ended.is_some_and(|ended| now.duration_since(ended) >= remembered);
        self.map.retain(|_, entry| !is_due(entry));
        let before = self.map.len();
        let wanted = |entry: &Entry| entry.wanted.load(Ordering::Relaxed);
        let mut odd = false;
        let mut steps: [&mut dyn FnMut(&Entry) -> bool; 4] = [
            &mut |entry| entry.ended.is_none() || wanted(entry),
            &mut |entry| wanted(entry),
            &mut |entry| entry.ended.is_none(),
            &mut |_| {
                odd = !odd;
                odd
            },
        ];
        for step in &mut steps {
            if self.map.len() <= AFTER_ROOM {
                break;
            }
            self.map.retain(|_, entry| step(entry));
        }
        let forgotten = before.saturating_sub(self.map.len());
        self.evicted.fetch_add(u64::try_from(forgotten).unwrap_or(0), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(ended: bool, wanted: bool) -> Entry {
        Entry {
            identity: Arc::default(),
            facts: Arc::default(),
            settled: true,
            generation: 0,
            since: Instant::now(),
            asked: Some(Instant::now()),
            ended: ended.then(Instant::now),
            wanted: AtomicBool::new(wanted),
            before: None,
        }
    }

    fn full(ended: impl Fn(u32) -> bool, wanted: impl Fn(u32) -> bool) -> Entries {
        let entries = Entries::default();
        for pid in 0..=u32::try_from(CAPACITY).expect("a small number") {
            entries.insert(pid, entry(ended(pid), wanted(pid)), Duration::from_secs(30));
        }
        entries
    }

    #[test]
    fn a_storm_of_short_lived_processes_costs_only_those_that_nobody_asked_for() {
        let entries = full(|pid| pid % 2 == 0, |pid| pid % 8 == 0);
        assert!(entries.map.len() <= AFTER_ROOM + 1);
        assert!(
            (0..CAPACITY).step_by(8).all(|pid| entries.map.contains_key(&u32::try_from(pid).expect("small")))
        );
        assert!(entries.evicted() > 0);
    }

    #[test]
    fn the_bound_holds_also_when_everybody_is_alive_and_wanted() {
        let entries = full(|_| false, |_| true);
        assert!(entries.map.len() <= AFTER_ROOM + 1 && entries.evicted() > 0);
    }

    #[test]
    fn the_dead_whose_time_has_come_make_room_and_are_no_loss() {
        let entries = Entries::default();
        for pid in 0..=u32::try_from(CAPACITY).expect("a small number") {
            entries.insert(pid, entry(true, true), Duration::ZERO);
        }
        assert_eq!((entries.map.len(), entries.evicted()), (1, 0));
    }

    #[test]
    fn an_exchange_belongs_to_whoever_had_the_id_when_it_was_made() {
        let until = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let old = Arc::new(Identity { exe: Some("/bin/old".into()), ..Identity::default() });
        let known =
            Entry { before: Some(Before { identity: Arc::clone(&old), until }), ..entry(false, true) };
        assert_eq!(known.at(until - Duration::from_secs(1)), &old);
        assert_eq!(known.at(until), &Arc::<Identity>::default());
    }
}
