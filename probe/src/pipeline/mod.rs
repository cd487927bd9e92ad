//! Live observation from the kernel's ring to the observers: one thread drains the ring on a short timer and deals
//! records out to workers by connection, each of which owns its connections.
//!
//! With one worker the draining thread is the worker and bytes are parsed where they lie in the ring. With more, each
//! gets copies in batches over a bounded channel. When a worker falls behind, the channel fills, then the ring, and what
//! finds no room is counted by the kernel programs: nothing vanishes without a number.

mod attention;
mod batch;
mod drain;
mod feedback;
mod shards;

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use plainsight_protocols::{Settings, Timestamp};
use thiserror::Error;

pub use attention::Attention;

use crate::{
    capture::{AttachedHook, Capture, CaptureError, CaptureOptions, Losses, ProcessEvents, ProgramTime},
    flow::{Counters, Observer},
    signal::{LossReason, Status, limit_notes},
};

/// Cores whose traffic one worker is trusted with, unless told otherwise. A worker takes half a microsecond for an
/// exchange, for which the machine takes ten or more, so that even a saturated one leaves it idle for most of the time;
/// and one alone reads records where they lie.
pub const CORES_PER_WORKER: usize = 4;

/// What to observe and with how many threads.
#[derive(Debug, Clone, Default)]
pub struct LiveOptions {
    /// What the kernel captures.
    pub capture: CaptureOptions,
    /// How many workers parse; zero for one for each [`CORES_PER_WORKER`] cores.
    pub workers: usize,
    /// What the parsers look for.
    pub protocols: Settings,
}

/// Why live observation could not begin.
#[derive(Debug, Error)]
pub enum LiveError {
    /// The kernel side could not be set up.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// A thread could not be started.
    #[error("starting a thread: {0}")]
    Thread(#[from] io::Error),
}

/// A running observation. Dropping it without [`Live::stop`] stops it too, and loses what the observers hold.
pub struct Live<O> {
    shared: Arc<Shared>,
    hooks: Vec<AttachedHook>,
    processes: Option<ProcessEvents>,
    drain: Option<JoinHandle<Vec<O>>>,
}

/// Tells how an observation goes.
pub struct StatusReader(Arc<Shared>);

impl StatusReader {
    /// As [`Live::status`].
    #[must_use]
    pub fn status(&self) -> Status {
        self.0.status()
    }

    /// What the kernel programs took of the processors, of those that the kernel counts it of.
    #[must_use]
    pub fn programs(&self) -> Vec<ProgramTime> {
        self.0.programs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What the threads tell of themselves.
struct Shared {
    stop: AtomicBool,
    records: AtomicU64,
    unreadable: AtomicU64,
    asked: attention::Asked,
    /// Verdicts on connections that the kernel did not take.
    verdicts_refused: AtomicU64,
    /// Listening ports that were not remembered.
    listeners_refused: AtomicU64,
    losses: Mutex<Losses>,
    programs: Mutex<Vec<ProgramTime>>,
    flows: Mutex<Vec<Counters>>,
}

impl<O: Observer + Send + 'static> Live<O> {
    /// Attaches the kernel programs and starts the threads. `observer` is called with the number of each worker.
    ///
    /// # Errors
    /// If the host does not allow it.
    pub fn start(options: &LiveOptions, observer: impl FnMut(usize) -> O) -> Result<Self, LiveError> {
        let mut capture = Capture::attach(&options.capture)?;
        let hooks = capture.0.hooks().to_vec();
        let processes = capture.0.take_process_events();
        let workers = match options.workers {
            0 => std::thread::available_parallelism()
                .map_or(1, |cores| (cores.get() / CORES_PER_WORKER).max(1)),
            number => number,
        };
        let shared = Arc::new(Shared::new(workers));
        let drain = drain::start(capture, workers, &options.protocols, observer, &shared)?;
        Ok(Self { shared, hooks, processes, drain: Some(drain) })
    }

    /// What is attached, and how.
    #[must_use]
    pub fn hooks(&self) -> &[AttachedHook] {
        &self.hooks
    }

    /// What the kernel tells of processes, for whoever names them; once, and only if it does.
    pub fn take_process_events(&mut self) -> Option<ProcessEvents> {
        self.processes.take()
    }

    /// How it goes.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// How it goes, for another thread to ask. It lasts longer than the observation, and then tells how it ended.
    #[must_use]
    pub fn status_reader(&self) -> StatusReader {
        StatusReader(Arc::clone(&self.shared))
    }

    /// From now on, that much is looked at.
    pub fn set_attention(&self, attention: Attention) {
        self.shared.asked.set(attention);
    }

    /// Whether the threads are at work. They end by themselves only if one of them failed.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.drain.as_ref().is_some_and(|drain| !drain.is_finished())
    }

    /// Reads what is left in the ring, detaches, reports what is still open, and gives the observers back.
    ///
    /// # Errors
    /// If a thread had failed: what it had not handed on is lost.
    pub fn stop(mut self) -> Result<(Vec<O>, Status), StopError> {
        self.shared.stop.store(true, Ordering::Release);
        let drain = self.drain.take().ok_or(StopError)?;
        let observers = drain.join().map_err(|_| StopError)?;
        Ok((observers, self.shared.status()))
    }
}

/// A thread of the observation failed.
#[derive(Debug, Error)]
#[error("a thread of the observation failed; its message stands above")]
pub struct StopError;

impl<O> Drop for Live<O> {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(drain) = self.drain.take() {
            // A failure has been printed by the thread itself, and there is nobody here to tell.
            drop(drain.join());
        }
    }
}

impl Shared {
    fn new(workers: usize) -> Self {
        Self {
            stop: AtomicBool::new(false),
            records: AtomicU64::new(0),
            unreadable: AtomicU64::new(0),
            verdicts_refused: AtomicU64::new(0),
            listeners_refused: AtomicU64::new(0),
            asked: attention::Asked::default(),
            losses: Mutex::new(Losses::default()),
            programs: Mutex::default(),
            flows: Mutex::new(vec![Counters::default(); workers]),
        }
    }

    fn status(&self) -> Status {
        let losses = *self.losses.lock().unwrap_or_else(PoisonError::into_inner);
        let mut flow = Counters::default();
        for counters in self.flows.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            flow.merge(counters);
        }
        let reason = LossReason::new;
        let ring_full = losses.ring_full_received + losses.ring_full_sent + losses.ring_full_control;
        Status {
            events: self.records.load(Ordering::Relaxed),
            connections: flow.connections.open,
            exchanges: flow.exchanges.complete + flow.exchanges.no_response + flow.exchanges.partial,
            unobserved: flow.exchanges.unobserved,
            losses: vec![
                reason("ring full", "raise --ring-bytes", ring_full),
                reason("connection table full", "filter by --port or --comm", losses.table_full),
                reason("memory of the program unreadable", "", losses.copy_faults),
                reason("call while another was recorded", "", losses.interrupted),
                reason("call of a 32-bit program", "", losses.thirty_two_bit),
                reason("too many messages in one call", "", losses.messages_skipped),
                reason("unreadable record", "", self.unreadable.load(Ordering::Relaxed)),
            ],
            left_out: [
                reason("calls whose bytes no hook shows (io_uring)", "", losses.payload_unseen),
                reason(
                    "calls left aside to keep within limits.cpu and limits.memory",
                    "raise the limits, or leave out what need not be seen",
                    self.asked.left_aside(),
                ),
                reason("starts and ends of processes", "", losses.ring_full_processes),
                reason("verdicts refused by the kernel", "", self.verdicts_refused.load(Ordering::Relaxed)),
                reason("listening ports not remembered", "", self.listeners_refused.load(Ordering::Relaxed)),
            ]
            .into_iter()
            .chain(limit_notes(|limit| flow.limits.get(limit)))
            .collect(),
            warnings: Vec::new(),
        }
    }

    fn publish(&self, worker: usize, counters: &Counters) {
        let mut flows = self.flows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = flows.get_mut(worker) {
            *slot = *counters;
        }
    }
}

/// The present moment on the clock of the kernel's records.
fn now() -> Timestamp {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Timestamp::from_nanos(seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_capture_could_not_say_or_remember_is_told_and_is_no_loss() {
        let shared = Shared::new(1);
        assert_eq!(shared.status().to_string(), "0 exchanges seen, 0 events lost");
        shared.verdicts_refused.store(3, Ordering::Relaxed);
        shared.listeners_refused.store(70, Ordering::Relaxed);
        assert_eq!(
            shared.status().to_string(),
            "0 exchanges seen, 0 events lost; left out: 3 verdicts refused by the kernel, \
             70 listening ports not remembered"
        );
    }
}
