//! Identities that were looked up, shared by everyone who asks.

use std::{
    fmt,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{SyncSender, sync_channel},
    },
    time::{Duration, Instant, SystemTime},
};

use tokio::sync::mpsc;

use super::{
    Identity, IdentitySettings, Peer, PodSource, Resource,
    entries::{Before, Entries, Entry},
    facts::Facts,
    host::Host,
    interned::Interned,
    lookup::{Found, Lookup as ProcLookup},
    metadata::Metadata,
    peers::Peers,
    runtime::{Containers, RuntimeCounts},
    service::Known,
    thread,
    users::Users,
};
use crate::capture::ProcessEvents;

/// Most requests to the thread that may wait: a process that is noticed while it is full is noticed again later.
const QUEUE: usize = 1024;

/// How long a consumer waits at most for a process to be looked up. It takes some 50 µs; more only where hundreds wait or
/// the process holds a lock of its own `/proc` files.
const PATIENCE: Duration = Duration::from_millis(100);

/// Clock ticks of `/proc` in a second: `USER_HZ`, which is 100 on all architectures that are supported.
pub(super) const NANOS_PER_TICK: u64 = 10_000_000;

/// Who is behind which process id. Clones share one cache, and one thread that ends with the last of them.
#[derive(Clone)]
pub struct Identities {
    pub(super) shared: Arc<Shared>,
    requests: mpsc::Sender<Request>,
}

/// What the thread is asked.
pub(super) enum Request {
    /// A process was seen.
    Notice(u32),
    /// Somebody waits for a process to be looked up.
    Ask(u32, SyncSender<()>),
    /// The kernel tells of processes.
    Follow(ProcessEvents),
}

/// A process's service, as far as it is known by now.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// The resource.
    pub resource: Arc<Resource>,
    /// Whether it is final: false while a process has not been looked up, or the names of its container and pod are still
    /// awaited. It becomes true within [`IdentitySettings::settles_within`] of the process having been noticed.
    pub settled: bool,
}

/// What was done, and what bounds cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Processes known now.
    pub known: u64,
    /// Processes forgotten because there were too many.
    pub evicted: u64,
    /// Notices that were not taken because too many were waiting.
    pub unnoticed: u64,
    /// Times that a consumer was told what was known before, because looking the process up took too long.
    pub unanswered: u64,
    /// Starts of programs that the kernel told of.
    pub programs_started: u64,
    /// Of these, those whose `/proc` was not read at once because there were too many.
    pub programs_unread: u64,
    /// Environments whose `OTEL_RESOURCE_ATTRIBUTES` were malformed, and are not taken.
    pub malformed_environments: u64,
    /// Resources beyond those that can be shared.
    pub resources_unshared: u64,
    /// Names seen resolved that were forgotten because there were too many.
    pub names_evicted: u64,
    /// What was asked of container runtimes.
    pub runtimes: RuntimeCounts,
}

pub(super) struct Shared {
    pub(super) settings: IdentitySettings,
    host: Host,
    lookup: ProcLookup,
    pub(super) metadata: Metadata,
    interned: Interned,
    pub(super) entries: Entries,
    pub(super) peers: Peers,
    unknown: Arc<Resource>,
    pub(super) programs_started: AtomicU64,
    pub(super) programs_unread: AtomicU64,
    unnoticed: AtomicU64,
    unanswered: AtomicU64,
}

/// What is known of a process.
struct View {
    identity: Arc<Identity>,
    settled: bool,
    fresh: bool,
}

impl fmt::Debug for Identities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Identities").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

impl Default for Identities {
    fn default() -> Self {
        Self::new(IdentitySettings::default())
    }
}

impl Identities {
    /// A cache with a thread that looks processes up. Where no thread can be had, consumers look them up themselves, and
    /// containers stay without names.
    #[must_use]
    pub fn new(settings: IdentitySettings) -> Self {
        let (containers, asks) = Containers::new(&settings);
        let shared = Arc::new(Shared::new(settings, containers));
        let (requests, requested) = mpsc::channel(QUEUE);
        thread::start(Arc::clone(&shared), requested, asks);
        Self { shared, requests }
    }

    /// Has a process looked up soon, unless it is known. Never blocks and never reads a file: this is for the data
    /// path, which sees a process before it has gone.
    pub fn notice(&self, pid: u32) {
        if pid != 0 && !self.shared.view(pid).is_some_and(|view| view.fresh) {
            self.request(pid);
        }
    }

    fn request(&self, pid: u32) {
        if self.requests.try_send(Request::Notice(pid)).is_err() {
            self.shared.unnoticed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Who a process is now, or was last. Waits for a moment if that is not known: this is for consumers.
    #[must_use]
    pub fn resolve(&self, pid: u32) -> Arc<Identity> {
        self.view(pid).identity
    }

    /// Who had a process id at a time: the process that has it now may have started later, or have started another program
    /// since. Waits like [`Identities::resolve`].
    #[must_use]
    pub fn resolve_at(&self, pid: u32, time: SystemTime) -> Arc<Identity> {
        let identity = self.view(pid).identity;
        self.shared.entries.map.get(&pid).map_or(identity, |entry| Arc::clone(entry.at(time)))
    }

    /// The service that a process belongs to, as far as it is known. Never blocks; a process that is not known is noticed.
    #[must_use]
    pub fn resource(&self, pid: u32) -> Lookup {
        if pid == 0 {
            return Lookup { resource: Arc::clone(&self.shared.unknown), settled: true };
        }
        let view = self.shared.view(pid);
        if !view.as_ref().is_some_and(|view| view.fresh) {
            self.request(pid);
        }
        match view {
            Some(View { identity, settled, .. }) => {
                Lookup { resource: Arc::clone(&identity.resource), settled }
            }
            None => Lookup { resource: Arc::clone(&self.shared.unknown), settled: false },
        }
    }

    /// Whether waiting would tell no more of a process. Never blocks.
    #[must_use]
    pub fn is_settled(&self, pid: u32) -> bool {
        pid == 0 || self.shared.view(pid).is_some_and(|view| view.settled)
    }

    /// Whether a process is known, and the names of its container or pod are still awaited. Never blocks.
    #[must_use]
    pub fn is_awaited(&self, pid: u32) -> bool {
        pid != 0 && self.shared.view(pid).is_some_and(|view| !view.settled)
    }

    /// A number that changes when containers or pods became known: what was not settled may be by then.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.shared.metadata.generation()
    }

    /// What the other end's address belongs to; `None` if it is only an address. Never blocks.
    #[must_use]
    pub fn peer(&self, address: IpAddr) -> Option<Arc<Peer>> {
        let address = address.to_canonical();
        let pods = self.shared.metadata.pods();
        pods.and_then(|pods| pods.peer(address)).or_else(|| self.shared.peers.find(address))
    }

    /// Remembers that a name was resolved to an address, for as long as the answer says. Never blocks for long.
    pub fn saw_resolved(&self, name: &str, address: IpAddr, lifetime: Duration) {
        self.shared.peers.saw_resolved(name, address.to_canonical(), lifetime);
    }

    /// Has somebody asked for pods from now on, before the container runtime.
    pub fn use_pods(&self, source: Arc<dyn PodSource>) {
        self.shared.metadata.use_pods(source);
    }

    /// Reads what the kernel tells of processes from now on.
    pub fn follow(&self, events: ProcessEvents) {
        // Only a thread that is not there takes nothing; then processes are known as far as they are asked for in time.
        let _ = self.requests.try_send(Request::Follow(events));
    }

    /// What was done, and what bounds cost.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }

    /// Processes forgotten because there were too many.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.shared.entries.evicted()
    }

    /// Notices that were not taken because too many were waiting.
    #[must_use]
    pub fn unnoticed(&self) -> u64 {
        self.shared.unnoticed.load(Ordering::Relaxed)
    }

    fn view(&self, pid: u32) -> View {
        let unknown = || View { identity: self.shared.nobody(), settled: true, fresh: true };
        if pid == 0 {
            return unknown();
        }
        if let Some(view) = self.shared.view(pid).filter(|view| view.fresh) {
            return view;
        }
        if !self.ask(pid) {
            self.shared.unanswered.fetch_add(1, Ordering::Relaxed);
        }
        self.shared.view(pid).unwrap_or_else(unknown)
    }

    /// Has a process looked up and waits for it, within bounds. Gives whether it was.
    fn ask(&self, pid: u32) -> bool {
        let deadline = Instant::now() + PATIENCE;
        let (done, waited_for) = sync_channel(1);
        let mut request = Request::Ask(pid, done);
        loop {
            match self.requests.try_send(request) {
                Ok(()) => break,
                Err(mpsc::error::TrySendError::Closed(_)) => {
                    self.shared.look_up(pid, None);
                    return true;
                }
                Err(mpsc::error::TrySendError::Full(back)) => request = back,
            }
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        waited_for.recv_timeout(left).is_ok()
    }
}

impl Shared {
    pub(super) fn new(settings: IdentitySettings, containers: Containers) -> Self {
        let host = Host::new(&settings.host_root, &settings.proc);
        let lookup = ProcLookup {
            users: Users::below(&settings.host_root),
            command_lines: settings.command_lines,
            malformed: AtomicU64::new(0),
        };
        let facts = Facts::default();
        let nobody =
            Known { settings: &settings, host: &host, pid: 0, facts: &facts, container: None, pod: None };
        let unknown = Arc::new(nobody.resource());
        Self {
            host,
            lookup,
            metadata: Metadata::new(containers),
            interned: Interned::default(),
            entries: Entries::default(),
            peers: Peers::default(),
            unknown,
            settings,
            programs_started: AtomicU64::new(0),
            programs_unread: AtomicU64::new(0),
            unnoticed: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
        }
    }

    fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            known: self.entries.map.len() as u64,
            evicted: self.entries.evicted(),
            unnoticed: read(&self.unnoticed),
            unanswered: read(&self.unanswered),
            programs_started: read(&self.programs_started),
            programs_unread: read(&self.programs_unread),
            malformed_environments: read(&self.lookup.malformed),
            resources_unshared: self.interned.unshared(),
            names_evicted: self.peers.evicted(),
            runtimes: self.metadata.containers.counts(),
        }
    }

    /// The identity of a process that nobody knows.
    fn nobody(&self) -> Arc<Identity> {
        Arc::new(Identity { resource: Arc::clone(&self.unknown), ..Identity::default() })
    }

    /// Whether a process need not be looked up.
    pub(super) fn is_fresh(&self, pid: u32) -> bool {
        self.view(pid).is_some_and(|view| view.fresh)
    }

    /// What is known of a process, with the names of its container that have come in since.
    fn view(&self, pid: u32) -> Option<View> {
        let mut entry = self.entries.map.get(&pid)?;
        if !entry.settled && entry.generation != self.metadata.generation() {
            drop(entry);
            if let Some(mut entry) = self.entries.map.get_mut(&pid) {
                self.complete(pid, &mut entry);
            }
            entry = self.entries.map.get(&pid)?;
        }
        entry.wanted.store(true, Ordering::Relaxed);
        let now = Instant::now();
        Some(View {
            identity: Arc::clone(&entry.identity),
            settled: entry.settled || now.duration_since(entry.since) >= self.settings.settles_within,
            fresh: entry.is_fresh(now, self.settings.lifetime),
        })
    }

    /// Makes the identity anew from what is known of containers and pods by now.
    fn complete(&self, pid: u32, entry: &mut Entry) {
        let generation = self.metadata.generation();
        let (identity, settled) = self.identify(pid, &entry.identity, &entry.facts);
        if *entry.identity != identity {
            entry.identity = Arc::new(identity);
        }
        entry.settled = settled;
        entry.generation = generation;
    }

    /// An identity by the facts of its program and what is known of its surroundings, with parent and start of `process`.
    fn identify(&self, pid: u32, process: &Identity, facts: &Facts) -> (Identity, bool) {
        let surroundings = self.metadata.surroundings(&facts.place);
        let known = Known {
            settings: &self.settings,
            host: &self.host,
            pid,
            facts,
            container: surroundings.container.as_deref(),
            pod: surroundings.pod.as_deref(),
        };
        let resource = self.interned.share(known.resource());
        let identity = Identity {
            parent: process.parent,
            exe: facts.exe.clone(),
            command: facts.command.clone(),
            user: facts.user.clone(),
            started_ticks: process.started_ticks,
            started: process.started,
            container: surroundings.container,
            pod: surroundings.pod,
            resource,
        };
        (identity, surroundings.settled)
    }

    /// An entry for a program that was just met.
    pub(super) fn entry(
        &self,
        pid: u32,
        process: &Identity,
        facts: Arc<Facts>,
        asked: Option<Instant>,
    ) -> Entry {
        let generation = self.metadata.generation();
        let (identity, settled) = self.identify(pid, process, &facts);
        Entry {
            identity: Arc::new(identity),
            facts,
            settled,
            generation,
            since: Instant::now(),
            asked,
            ended: None,
            wanted: false.into(),
            before: None,
        }
    }

    pub(super) fn insert(&self, pid: u32, entry: Entry) {
        self.entries.insert(pid, entry, self.settings.remembered);
    }

    /// Reads `/proc` of a process, and remembers it. `started` is when it started its program, if that is known. Gives
    /// whether the process was there.
    pub(super) fn look_up(&self, pid: u32, program_started: Option<SystemTime>) -> bool {
        let now = Instant::now();
        match self.lookup.look_up(&self.settings.proc, pid) {
            Some(found) => {
                self.remember(pid, found, now, program_started);
                true
            }
            None => {
                self.remember_gone(pid, now);
                false
            }
        }
    }

    fn remember(&self, pid: u32, mut found: Found, now: Instant, program_started: Option<SystemTime>) {
        let started = self.started(found.started_ticks);
        let mut before = None;
        if let Some(mut known) = self.entries.map.get_mut(&pid) {
            let is_same = known.identity.started_ticks == Some(found.started_ticks);
            if is_same && !found.is_whole {
                found.facts.complete(&known.facts);
            }
            if is_same && *known.facts == found.facts {
                known.asked = Some(now);
                self.complete(pid, &mut known);
                return;
            }
            // Of an id that nobody had there is nothing to tell.
            let until = if is_same { program_started } else { Some(started) };
            if known.identity.started_ticks.is_some() {
                before = until.map(|until| Before { identity: Arc::clone(&known.identity), until });
            }
        }
        let process = Identity {
            parent: found.parent,
            started_ticks: Some(found.started_ticks),
            started: Some(started),
            ..Identity::default()
        };
        let entry = self.entry(pid, &process, Arc::new(found.facts), Some(now));
        self.insert(pid, Entry { before, ..entry });
    }

    /// Of a process that has gone, what it was remains true of the exchanges it made.
    fn remember_gone(&self, pid: u32, now: Instant) {
        if let Some(mut known) = self.entries.map.get_mut(&pid) {
            known.asked = Some(now);
            known.ended.get_or_insert(now);
            return;
        }
        let entry = Entry {
            identity: self.nobody(),
            facts: Arc::default(),
            settled: true,
            generation: 0,
            since: now,
            asked: Some(now),
            ended: Some(now),
            wanted: false.into(),
            before: None,
        };
        self.insert(pid, entry);
    }

    /// Wall time of so many ticks after boot. The two clocks are compared anew each time, for the wall clock may be set.
    pub(super) fn started(&self, ticks: u64) -> SystemTime {
        wall_time(ticks.saturating_mul(NANOS_PER_TICK))
    }
}

/// Wall time of a moment on the clock that counts from boot.
pub(super) fn wall_time(boot_nanos: u64) -> SystemTime {
    let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let now =
        u64::try_from(boot.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(boot.tv_nsec).unwrap_or(0);
    let age = Duration::from_nanos(now.saturating_sub(boot_nanos));
    SystemTime::now().checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
