//! Keeps the catalog of this host's containers: asks the runtimes, hears from them when something changed, and tells who uses it.

use std::{
    collections::HashMap,
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};

use super::{
    catalog::{Candidate, Catalog, Index},
    mountinfo,
    view::{Layer, Mount, View, below},
};
use crate::{
    identity::{ContainerPhase, IdentitySettings, Inspected, Runtime, Silent},
    signal::WallTime,
};

/// Containers that are known at once: a kubelet runs 250 pods at most by default.
const MOST_CONTAINERS: usize = 4096;

/// How often the runtimes are asked though nothing was heard.
const LIST: Duration = Duration::from_secs(2);

/// The same where a runtime tells nothing by itself.
const LIST_BLIND: Duration = Duration::from_millis(500);

/// Lists are at least so far apart, however much is heard.
const PAUSE: Duration = Duration::from_millis(50);

/// How long a container is known after its runtime has forgotten it: its files may not have been opened yet.
const REMEMBERED: Duration = Duration::from_secs(120);

/// Pause before a runtime that hung up is listened to again.
const HEAR_AGAIN: Duration = Duration::from_secs(1);

/// Looks for containers until it is dropped.
#[derive(Debug)]
pub struct ContainerFinder {
    known: KnownContainers,
    thread: Option<JoinHandle<()>>,
}

/// What is known of containers, for everybody who asks.
#[derive(Debug, Clone)]
pub struct KnownContainers(Arc<Shared>);

struct Shared {
    catalog: Mutex<Arc<Catalog>>,
    /// Changes with the containers.
    generation: AtomicU64,
    wakers: Mutex<Vec<Box<dyn Fn() + Send + Sync>>>,
    /// Something was heard, or somebody wants to know.
    wanted: Notify,
    ended: AtomicBool,
    settings: IdentitySettings,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").field("generation", &self.generation).finish_non_exhaustive()
    }
}

impl ContainerFinder {
    /// Begins to look.
    ///
    /// # Errors
    /// If its thread cannot be started.
    pub fn start(settings: &IdentitySettings) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            catalog: Mutex::default(),
            generation: AtomicU64::new(0),
            wakers: Mutex::default(),
            wanted: Notify::new(),
            ended: AtomicBool::new(false),
            settings: settings.clone(),
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("containers".into()).spawn(move || {
            runtime.block_on(find(of_thread));
        })?;
        Ok(Self { known: KnownContainers(shared), thread: Some(thread) })
    }

    /// What it finds.
    #[must_use]
    pub fn known(&self) -> KnownContainers {
        self.known.clone()
    }
}

impl Drop for ContainerFinder {
    fn drop(&mut self) {
        self.known.0.ended.store(true, Ordering::Release);
        self.known.0.wanted.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic was printed when it happened.
            let _ = thread.join();
        }
    }
}

impl KnownContainers {
    pub(super) fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.0.catalog.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }

    /// Calls this whenever the containers have changed.
    pub fn on_change(&self, act: impl Fn() + Send + Sync + 'static) {
        self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(act));
    }

    /// Has the runtimes asked soon.
    pub(super) fn want(&self) {
        self.0.wanted.notify_one();
    }
}

/// A container as it was asked for.
struct Known {
    candidate: Arc<Candidate>,
    runtime: usize,
    /// Since when its runtime does not list it.
    gone: Option<Instant>,
    is_listed: bool,
}

async fn find(shared: Arc<Shared>) {
    let settings = &shared.settings;
    let runtimes = settings.runtimes.iter().map(|socket| Runtime::new(socket, &settings.host_root));
    let runtimes: Arc<[Runtime]> = runtimes.collect();
    let hears = Arc::new(AtomicBool::new(false));
    for position in 0..runtimes.len() {
        tokio::spawn(hear(Arc::clone(&shared), Arc::clone(&runtimes), position, Arc::clone(&hears)));
    }
    let mut known: HashMap<Box<str>, Known> = HashMap::new();
    while !shared.ended.load(Ordering::Acquire) {
        list(&shared, &runtimes, &mut known).await;
        sleep(PAUSE).await;
        let longest = if hears.load(Ordering::Relaxed) { LIST } else { LIST_BLIND };
        // Time is up, or something was heard: the same is done.
        let _ = timeout(longest, shared.wanted.notified()).await;
    }
}

/// Listens to one runtime.
async fn hear(shared: Arc<Shared>, runtimes: Arc<[Runtime]>, position: usize, hears: Arc<AtomicBool>) {
    let Some(runtime) = runtimes.get(position) else { return };
    loop {
        if runtime.is_there() {
            hears.store(true, Ordering::Relaxed);
            if !runtime.hear(&shared.wanted).await {
                hears.store(false, Ordering::Relaxed);
                return;
            }
            shared.wanted.notify_one();
        }
        sleep(HEAR_AGAIN).await;
    }
}

/// Asks all runtimes once, and publishes what has changed.
async fn list(shared: &Shared, runtimes: &[Runtime], known: &mut HashMap<Box<str>, Known>) {
    let began = (Instant::now(), WallTime::now().as_unix_nanos());
    let (mut has_changed, mut left_out, mut silent) = (false, 0, Vec::new());
    for one in known.values_mut() {
        one.is_listed = false;
    }
    let mut there = Vec::with_capacity(runtimes.len());
    for (position, runtime) in runtimes.iter().enumerate().filter(|(_, runtime)| runtime.is_there()) {
        there.push(position);
        match list_one(shared, runtime, position, known).await {
            Ok((changed, left)) => {
                has_changed |= changed;
                left_out += left;
            }
            Err(Silent) => {
                silent.push(runtime.path().to_owned());
                // What does not answer has not forgotten.
                known.values_mut().filter(|one| one.runtime == position).for_each(|one| one.is_listed = true);
            }
        }
    }
    let before = known.len();
    known.retain(|_, one| {
        if one.is_listed {
            one.gone = None;
            return true;
        }
        one.gone.get_or_insert(began.0).elapsed() < REMEMBERED
    });
    has_changed |= known.len() != before;
    let old = Arc::clone(&shared.catalog.lock().unwrap_or_else(PoisonError::into_inner));
    has_changed |= old.listed.is_none();
    let catalog = Catalog {
        known: match has_changed {
            true => Arc::new(Index::new(known.values().map(|one| Arc::clone(&one.candidate)).collect())),
            false => Arc::clone(&old.known),
        },
        listed: if silent.is_empty() { Some(began) } else { old.listed },
        has_runtimes: !there.is_empty(),
        silent,
        left_out,
    };
    *shared.catalog.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(catalog);
    if has_changed {
        shared.generation.fetch_add(1, Ordering::Release);
        for wake in shared.wakers.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            wake();
        }
    }
}

/// Asks one runtime. Gives whether something changed, and how many containers there was no room for.
async fn list_one(
    shared: &Shared,
    runtime: &Runtime,
    position: usize,
    known: &mut HashMap<Box<str>, Known>,
) -> Result<(bool, usize), Silent> {
    let (mut has_changed, mut left_out) = (false, 0);
    for listed in runtime.list().await? {
        if let Some(one) = known.get_mut(&listed.id) {
            one.is_listed = true;
            // What has ended was told all when it ran.
            if one.candidate.phase == listed.phase {
                continue;
            }
        } else if known.len() >= MOST_CONTAINERS {
            left_out += 1;
            continue;
        }
        let Some(inspected) = runtime.inspect(&listed.id).await? else { continue };
        let before = known.get(&listed.id).map(|one| &*one.candidate);
        let candidate = Arc::new(candidate(&shared.settings, inspected, listed.phase, before));
        known.insert(listed.id, Known { candidate, runtime: position, gone: None, is_listed: true });
        has_changed = true;
    }
    Ok((has_changed, left_out))
}

/// A container with its file system as the host sees it.
fn candidate(
    settings: &IdentitySettings,
    inspected: Inspected,
    phase: ContainerPhase,
    before: Option<&Candidate>,
) -> Candidate {
    let Inspected { container, pod, log_path, pid, environment, layers, mounts } = inspected;
    let layer = |path: PathBuf| Layer { base: settings.host_root.clone(), path };
    let mut all: Vec<Mount> =
        mounts.into_iter().map(|(at, path)| Mount { at, layers: vec![layer(path)] }).collect();
    all.push(Mount { at: "/".into(), layers: layers.into_iter().map(layer).collect() });
    if let Some(pid) = pid {
        // Gone already: what the runtime said has to do.
        all.extend(mountinfo::mounts(&settings.proc, &settings.host_root, pid).unwrap_or_default());
    }
    let mut view = View::new(all);
    if let Some(before) = before {
        // What was known while it ran stays true, for folders of the host outlive processes; ids of processes are used again.
        let lasting =
            |mount: &&Mount| mount.layers.iter().all(|layer| !layer.base.starts_with(&settings.proc));
        let lasting = before.view.mounts().iter().filter(lasting);
        view = View::new(view.mounts().iter().chain(lasting).cloned());
    }
    let log_path = log_path.map(|path| below(&settings.host_root, &path));
    Candidate { container, pod, environment, phase, pid, log_path, view }
}
