//! From files to destinations, and back to the checkpoints.
//!
//! Each pipeline has a thread, a queue and a budget of its own: one whose destination is stuck stops reading, and no other. What was read goes
//! out in shipments, each with the extents of files that it completes; when a shipment and all before it have arrived, checkpoints move. So a
//! line arrives at least once, and more than once only after a crash.

mod collector;
mod copies;
mod destination;
mod flight;
mod follower;
mod following;
mod known;
mod lines;
mod looking;
mod origins;
mod otlp;
mod rate;
mod settings;
#[cfg(test)]
mod tests;
mod waker;
mod watermark;
mod worker;

use std::{
    io,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool, atomic::Ordering, mpsc},
    thread::JoinHandle,
    time::Instant,
};

pub use destination::{Destination, Done, Form, Outcome, Shipment};
pub use lines::LinesFile;
pub use otlp::OtlpLogs;
pub use settings::PipelineSettings;

use follower::Follower;
use thiserror::Error;
use waker::Waker;
use worker::{Shared, Worker};

use super::{
    checkpoints::{CheckpointError, Checkpoints},
    discover::PatternError,
    status::PipelineStatus,
};

/// Why a pipeline cannot begin.
#[derive(Debug, Error)]
pub enum PipelineError {
    /// Its checkpoints.
    #[error(transparent)]
    Checkpoints(#[from] CheckpointError),
    /// A pattern of containers' files.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// Its thread.
    #[error("cannot start the thread of a log pipeline: {0}; raise the limits of processes and open files")]
    Thread(#[from] io::Error),
}

/// A pipeline at work. It ends when this is dropped.
#[derive(Debug)]
pub struct Pipeline {
    shared: Arc<Shared>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

impl Pipeline {
    /// Begins where the checkpoints say.
    ///
    /// # Errors
    /// If it cannot.
    pub fn start(
        settings: PipelineSettings,
        destinations: Vec<Box<dyn Destination>>,
        checkpoints: Checkpoints,
    ) -> Result<Self, PipelineError> {
        let known = checkpoints.of_pipeline(&settings.name)?;
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            deadline: Mutex::new(None),
            status: Mutex::new(PipelineStatus { name: settings.name.clone(), ..PipelineStatus::default() }),
        });
        let waker = Waker::new()?;
        if let Some(containers) = &settings.containers {
            let waker = waker.clone();
            containers.known.on_change(move || waker.wake());
        }
        let (sender, receiver) = mpsc::channel();
        let settings = Arc::new(settings);
        let worker = Worker {
            follower: Follower::new(Arc::clone(&settings), checkpoints.key(), known)?,
            settings,
            destinations,
            checkpoints,
            shared: Arc::clone(&shared),
            waker: waker.clone(),
            sender,
            receiver,
        };
        let thread = std::thread::Builder::new().name("logs".into()).spawn(move || worker.run())?;
        Ok(Self { shared, waker, thread: Some(thread) })
    }

    /// How far it is.
    #[must_use]
    pub fn status(&self) -> PipelineStatus {
        self.shared.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether its thread is at work.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Reads nothing more, and sends what is in hand until then.
    pub fn stop(&self, deadline: Instant) {
        *self.shared.deadline.lock().unwrap_or_else(PoisonError::into_inner) = Some(deadline);
        self.shared.stop.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Waits for its end after [`Self::stop`], and gives how far it came.
    pub fn join(mut self) -> PipelineStatus {
        if let Some(thread) = self.thread.take() {
            // A panic was printed when it happened.
            let _ = thread.join();
        }
        self.status()
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.stop(Instant::now());
            let _ = thread.join();
        }
    }
}
