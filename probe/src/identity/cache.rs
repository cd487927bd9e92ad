//! Identities that were looked up, shared by everyone who asks.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use dashmap::DashMap;

use super::{Identity, lookup::look_up};

/// How long an answer is believed. A process may start another program, and a process id may be used again, though
/// the kernel goes through all others first.
const LIFETIME: Duration = Duration::from_secs(10);

/// Most processes remembered; about 200 bytes each.
const CAPACITY: usize = 8192;

/// Most processes waiting to be looked up.
const QUEUE: usize = 1024;

/// Who is behind which process id. Clones share one cache.
#[derive(Debug, Clone)]
pub struct Identities {
    shared: Arc<Shared>,
    notices: SyncSender<u32>,
}

#[derive(Debug)]
struct Shared {
    proc: PathBuf,
    lifetime: Duration,
    known: DashMap<u32, Known>,
    evicted: AtomicU64,
    unnoticed: AtomicU64,
}

#[derive(Debug, Clone)]
struct Known {
    identity: Arc<Identity>,
    asked: Instant,
}

impl Default for Identities {
    fn default() -> Self {
        Self::start(PathBuf::from("/proc"), LIFETIME)
    }
}

impl Identities {
    fn start(proc: PathBuf, lifetime: Duration) -> Self {
        let shared = Arc::new(Shared {
            proc,
            lifetime,
            known: DashMap::new(),
            evicted: AtomicU64::new(0),
            unnoticed: AtomicU64::new(0),
        });
        let (notices, noticed) = sync_channel(QUEUE);
        let resolver = Arc::clone(&shared);
        let started =
            thread::Builder::new().name("identity".into()).spawn(move || resolver.answer_notices(&noticed));
        // Without the thread every notice counts as unnoticed, and consumers look processes up themselves.
        drop(started);
        Self { shared, notices }
    }

    /// Has a process looked up soon, unless it is known. Never blocks and never reads a file: this is for the data
    /// path, which sees a process before it has gone.
    pub fn notice(&self, pid: u32) {
        if pid != 0 && self.shared.fresh(pid).is_none() && self.notices.try_send(pid).is_err() {
            self.shared.unnoticed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Who a process is. Reads `/proc` if that is not known: this is for consumers.
    #[must_use]
    pub fn resolve(&self, pid: u32) -> Arc<Identity> {
        self.shared.fresh(pid).unwrap_or_else(|| self.shared.ask(pid))
    }

    /// Processes forgotten because there were too many.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.shared.evicted.load(Ordering::Relaxed)
    }

    /// Notices that were not taken because too many were waiting.
    #[must_use]
    pub fn unnoticed(&self) -> u64 {
        self.shared.unnoticed.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn answer_notices(&self, noticed: &Receiver<u32>) {
        while let Ok(pid) = noticed.recv() {
            // The same process is noticed many times before the first of them is answered.
            if self.fresh(pid).is_none() {
                self.ask(pid);
            }
        }
    }

    fn fresh(&self, pid: u32) -> Option<Arc<Identity>> {
        let known = self.known.get(&pid)?;
        (known.asked.elapsed() < self.lifetime).then(|| Arc::clone(&known.identity))
    }

    fn ask(&self, pid: u32) -> Arc<Identity> {
        let now = Instant::now();
        let answer = look_up(&self.proc, pid);
        // Of a process that has gone, what it was remains true of the exchanges it made.
        let before = if answer.started_ticks.is_none() { self.known.get(&pid) } else { None };
        let identity = before.map_or_else(|| Arc::new(answer), |known| Arc::clone(&known.identity));
        self.make_room(now);
        self.known.insert(pid, Known { identity: Arc::clone(&identity), asked: now });
        identity
    }

    /// Forgets what is out of date and, should that not suffice, half of the rest.
    fn make_room(&self, now: Instant) {
        let before = self.known.len();
        if before < CAPACITY {
            return;
        }
        self.known.retain(|_, known| now.duration_since(known.asked) < self.lifetime);
        if self.known.len() >= CAPACITY {
            let mut keep = false;
            self.known.retain(|_, _| {
                keep = !keep;
                keep
            });
        }
        let forgotten = before.saturating_sub(self.known.len());
        self.evicted.fetch_add(u64::try_from(forgotten).unwrap_or(0), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::identity::lookup::tests::make_process;

    #[test]
    fn an_answer_is_remembered_and_asked_again_when_it_is_old() {
        let proc = tempfile::tempdir().expect("a folder");
        make_process(proc.path(), 5, "/bin/old", 1, "0::/\n");
        let remembering = Identities::start(proc.path().into(), Duration::from_secs(3600));
        let forgetting = Identities::start(proc.path().into(), Duration::ZERO);
        assert_eq!(remembering.resolve(5).exe.as_deref(), Some("/bin/old"));
        assert_eq!(forgetting.resolve(5).exe.as_deref(), Some("/bin/old"));
        make_process(proc.path(), 5, "/bin/new", 2, "0::/\n");
        assert_eq!(remembering.resolve(5).exe.as_deref(), Some("/bin/old"));
        assert_eq!(forgetting.resolve(5).exe.as_deref(), Some("/bin/new"));
    }

    #[test]
    fn a_process_keeps_its_name_when_it_has_gone() {
        let proc = tempfile::tempdir().expect("a folder");
        make_process(proc.path(), 5, "/bin/short", 1, "0::/\n");
        let identities = Identities::start(proc.path().into(), Duration::ZERO);
        assert_eq!(identities.resolve(5).exe.as_deref(), Some("/bin/short"));
        fs::remove_dir_all(proc.path().join("5")).expect("a folder");
        assert_eq!(identities.resolve(5).exe.as_deref(), Some("/bin/short"));
    }

    #[test]
    fn that_there_is_no_such_process_is_remembered_too() {
        let proc = tempfile::tempdir().expect("a folder");
        let identities = Identities::start(proc.path().into(), Duration::from_secs(3600));
        assert_eq!(identities.resolve(6), Arc::default());
        make_process(proc.path(), 6, "/bin/late", 1, "0::/\n");
        assert_eq!(identities.resolve(6).exe, None);
    }

    #[test]
    fn a_process_that_was_noticed_is_known_after_it_has_gone() {
        let proc = tempfile::tempdir().expect("a folder");
        make_process(proc.path(), 7, "/bin/curl", 1, "0::/\n");
        let identities = Identities::start(proc.path().into(), Duration::from_secs(3600));
        identities.notice(7);
        let deadline = Instant::now() + Duration::from_secs(10);
        while identities.shared.fresh(7).is_none() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        fs::remove_dir_all(proc.path().join("7")).expect("a folder");
        assert_eq!(identities.resolve(7).exe.as_deref(), Some("/bin/curl"));
    }

    #[test]
    fn the_cache_stays_within_its_bound_and_counts_what_that_cost() {
        let proc = tempfile::tempdir().expect("a folder");
        let identities = Identities::start(proc.path().into(), Duration::from_secs(3600));
        for pid in 1..=u32::try_from(CAPACITY).expect("a small number") + 10 {
            let _ = identities.resolve(pid);
        }
        assert!(identities.shared.known.len() <= CAPACITY);
        assert!(identities.evicted() > 0);
    }
}
