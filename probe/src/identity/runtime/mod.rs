//! Containers, asked of whichever runtimes run here.
//!
//! containerd and CRI-O speak the Container Runtime Interface, Docker and Podman an HTTP interface of their own. Which of
//! them there are is known by their sockets, which are looked for whenever there is a question, so a runtime that starts
//! later or starts again is found. Each container is asked for once; what is not known is asked again after a while.

mod asking;
mod client;
mod cri;
mod cri_files;
mod cri_messages;
mod docker;
mod docker_files;
mod files;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use dashmap::DashMap;
use tokio::sync::mpsc;

use super::{Container, IdentitySettings, Pod};

pub(super) use asking::Asker;
pub use client::{Runtime, Silent};
pub(crate) use files::overlay_layers;
pub use files::{ContainerPhase, Inspected, ListedContainer};

/// Most containers remembered; a kubelet runs 250 pods at most by default.
const CAPACITY: usize = 4096;

/// Most containers that wait to be asked for.
const QUEUE: usize = 1024;

/// How long a container that no runtime knows is not asked for again.
const UNKNOWN_FOR: Duration = Duration::from_secs(5);

/// The same where a runtime gave no answer.
const SILENT_FOR: Duration = Duration::from_secs(2);

/// What a runtime's socket speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimeKind {
    /// The Container Runtime Interface, version 1.
    Cri,
    /// Docker's HTTP interface, which Podman offers too.
    Docker,
}

/// A socket that a runtime may listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeSocket {
    /// What it speaks.
    pub kind: RuntimeKind,
    /// Its path on the host.
    pub path: PathBuf,
}

impl RuntimeSocket {
    /// Where runtimes listen unless they are told otherwise.
    #[must_use]
    pub fn usual() -> Vec<Self> {
        let socket = |kind, path: &str| Self { kind, path: path.into() };
        vec![
            socket(RuntimeKind::Cri, "/run/containerd/containerd.sock"),
            socket(RuntimeKind::Cri, "/run/k3s/containerd/containerd.sock"),
            socket(RuntimeKind::Cri, "/run/crio/crio.sock"),
            // Before Docker's: where Podman poses as Docker, both paths lead to it.
            socket(RuntimeKind::Docker, "/run/podman/podman.sock"),
            socket(RuntimeKind::Docker, "/var/run/docker.sock"),
        ]
    }

    /// The socket at a path whose name tells what it speaks: Docker's interface if it holds the name of Docker or Podman.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let name = path.to_string_lossy();
        let is_docker = name.contains("docker") || name.contains("podman");
        Self { kind: if is_docker { RuntimeKind::Docker } else { RuntimeKind::Cri }, path: path.to_owned() }
    }

    /// The socket below the place where the host's file system is mounted. `/var/run` is a link to `/run` everywhere, whose
    /// absolute target would lead back out of that place.
    fn below(&self, host_root: &Path) -> PathBuf {
        let path =
            self.path.strip_prefix("/var/run").map_or(self.path.clone(), |rest| Path::new("/run").join(rest));
        host_root.join(path.strip_prefix("/").unwrap_or(&path))
    }
}

/// What was asked of runtimes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RuntimeCounts {
    /// Containers known now.
    pub known: u64,
    /// Containers that a runtime described.
    pub described: u64,
    /// Containers that no runtime knew.
    pub unknown: u64,
    /// Questions that a runtime did not answer, or not in time.
    pub failed: u64,
    /// Questions that were not asked because too many waited.
    pub unasked: u64,
    /// Containers forgotten because there were too many.
    pub evicted: u64,
}

/// What a runtime tells of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) container: Arc<Container>,
    pub(super) pod: Option<Arc<Pod>>,
}

/// What is known of a container by now.
#[derive(Debug)]
pub(super) enum Answer {
    Described(Arc<Described>),
    /// No runtime knows it, or none is there.
    Unknown,
    /// The runtimes have been asked.
    Awaited,
}

/// The containers that were asked for.
#[derive(Debug)]
pub(super) struct Containers {
    known: DashMap<Box<str>, State>,
    asks: mpsc::Sender<Box<str>>,
    /// Whether there is anybody to ask.
    has_runtimes: bool,
    generation: AtomicU64,
    described: AtomicU64,
    unknown: AtomicU64,
    failed: AtomicU64,
    unasked: AtomicU64,
    evicted: AtomicU64,
}

#[derive(Debug)]
enum State {
    Awaited(Instant),
    Described(Arc<Described>),
    /// Not known until then.
    Unknown(Instant),
}

impl Containers {
    /// The containers, and the questions for the [`Asker`].
    pub(super) fn new(settings: &IdentitySettings) -> (Self, mpsc::Receiver<Box<str>>) {
        let (asks, asked) = mpsc::channel(QUEUE);
        let containers = Self {
            known: DashMap::new(),
            asks,
            has_runtimes: !settings.runtimes.is_empty(),
            generation: AtomicU64::new(0),
            described: AtomicU64::new(0),
            unknown: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            unasked: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
        };
        (containers, asked)
    }

    /// What is known of a container. One that has not been asked for is, and its answer changes the generation.
    pub(super) fn describe(&self, id: &str) -> Answer {
        if !self.has_runtimes {
            return Answer::Unknown;
        }
        if let Some(state) = self.known.get(id) {
            match &*state {
                State::Described(described) => return Answer::Described(Arc::clone(described)),
                State::Unknown(until) if Instant::now() < *until => return Answer::Unknown,
                State::Awaited(since) if since.elapsed() < asking::GIVEN_UP => return Answer::Awaited,
                State::Unknown(_) | State::Awaited(_) => {}
            }
        }
        match self.asks.try_send(id.into()) {
            Ok(()) => {
                self.make_room();
                self.known.insert(id.into(), State::Awaited(Instant::now()));
                Answer::Awaited
            }
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.unasked.fetch_add(1, Ordering::Relaxed);
                Answer::Awaited
            }
            // Nobody asks: the thread could not be started.
            Err(mpsc::error::TrySendError::Closed(_)) => Answer::Unknown,
        }
    }

    /// A number that changes with each answer.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(super) fn counts(&self) -> RuntimeCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RuntimeCounts {
            known: self.known.len() as u64,
            described: read(&self.described),
            unknown: read(&self.unknown),
            failed: read(&self.failed),
            unasked: read(&self.unasked),
            evicted: read(&self.evicted),
        }
    }

    /// Remembers an answer; an error is a runtime that gave none.
    fn answered(&self, id: &str, answer: Result<Option<Described>, Silent>) {
        let state = match answer {
            Ok(Some(described)) => {
                self.described.fetch_add(1, Ordering::Relaxed);
                State::Described(Arc::new(described))
            }
            Ok(None) => {
                self.unknown.fetch_add(1, Ordering::Relaxed);
                State::Unknown(Instant::now() + UNKNOWN_FOR)
            }
            Err(Silent) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                State::Unknown(Instant::now() + SILENT_FOR)
            }
        };
        self.known.insert(id.into(), state);
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Forgets those that are not known and, should that not suffice, half of the rest. A container that is still there is
    /// asked for again.
    fn make_room(&self) {
        let before = self.known.len();
        if before < CAPACITY {
            return;
        }
        self.known.retain(|_, state| !matches!(state, State::Unknown(_)));
        if self.known.len() >= CAPACITY {
            let mut odd = false;
            self.known.retain(|_, _| {
                odd = !odd;
                odd
            });
        }
        let forgotten = before.saturating_sub(self.known.len());
        self.evicted.fetch_add(u64::try_from(forgotten).unwrap_or(0), Ordering::Relaxed);
    }
}
