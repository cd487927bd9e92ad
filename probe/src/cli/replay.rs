//! Capture files as a source.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use plainsight_protocols::{Settings, Timestamp};

use super::{Failure, source::Source};
use crate::{
    flow::{Observer, Worker, WorkerSettings},
    replay::{Reader, ReplayError, Summary, Tracker},
    signal::{LossReason, Status, limit_notes},
};

/// Time of the capture after which the worker looks at what has waited too long, as it does live.
const TICK: Duration = Duration::from_millis(2);

/// How long the end of the reading thread is waited for. It may be waiting for a pipe, which nothing can interrupt;
/// then it is left behind.
const PATIENCE: Duration = Duration::from_millis(500);

/// Capture files being read by a thread of their own.
pub(super) struct Replay {
    shared: Arc<Shared>,
    reading: JoinHandle<()>,
}

/// What kept files from being read, or from being read to their end.
#[derive(Debug, Clone, Default)]
pub(super) struct Failures(Arc<Mutex<Vec<String>>>);

impl Failures {
    /// The last as the failure of the command; the others are said at once.
    pub(super) fn into_result(self) -> Result<(), Failure> {
        let mut failures = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(last) = failures.pop() else { return Ok(()) };
        failures.iter().for_each(|failure| super::say(&format!("error: {failure}")));
        Err(Failure::Running(last))
    }

    fn push(&self, failure: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
    }
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    status: Mutex<Status>,
}

impl Replay {
    /// Starts to read the files one after the other.
    pub(super) fn start<O: Observer + Send + 'static>(
        files: Vec<PathBuf>,
        settings: Settings,
        failures: Failures,
        observer: O,
    ) -> Result<Self, Failure> {
        let shared = Arc::new(Shared::default());
        let worker =
            Worker::new(WorkerSettings { protocols: settings, ..WorkerSettings::replay() }, observer);
        let mut reading = Reading {
            worker,
            tracker: Tracker::default(),
            shared: Arc::clone(&shared),
            failures,
            now: Timestamp::default(),
        };
        let read = move || {
            for file in &files {
                reading.file(file);
            }
            reading.finish();
        };
        let reading = thread::Builder::new().name("replay".into()).spawn(read).map_err(|error| {
            Failure::Running(format!("cannot start a thread: {error}; raise the limit of processes"))
        })?;
        Ok(Self { shared, reading })
    }
}

impl Source for Replay {
    fn status(&self) -> Status {
        self.shared.status().clone()
    }

    fn stop(self: Box<Self>) -> Result<Status, Failure> {
        self.shared.stop.store(true, Ordering::Relaxed);
        let deadline = Instant::now() + PATIENCE;
        while !self.reading.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        if self.reading.is_finished() && self.reading.join().is_err() {
            let message = "reading the files failed; please report the message above";
            return Err(Failure::Running(message.to_owned()));
        }
        Ok(self.shared.status().clone())
    }
}

impl Shared {
    fn status(&self) -> std::sync::MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Reading<O> {
    worker: Worker<O>,
    tracker: Tracker,
    shared: Arc<Shared>,
    failures: Failures,
    /// The time of the capture up to which the worker has been told that time passes.
    now: Timestamp,
}

impl<O: Observer> Reading<O> {
    fn file(&mut self, path: &Path) {
        if self.shared.stop.load(Ordering::Relaxed) {
            return;
        }
        let mut reader = match Reader::open(path) {
            Ok(reader) => reader.continuing(std::mem::take(&mut self.tracker)),
            Err(error) => return self.note_failure(path, &error),
        };
        let ended = reader.run(|event| {
            // There is no way to stop the reader in the middle; nobody waits for what it still reads.
            if self.shared.stop.load(Ordering::Relaxed) {
                return;
            }
            self.worker.event(event);
            let at = event.at();
            if at.since(self.now) >= TICK {
                self.now = at;
                self.worker.tick(at);
            }
        });
        let summary = reader.summary();
        if let Err(error) = ended {
            self.note_failure(path, &error);
        }
        self.tracker = reader.into_tracker();
        self.note_summary(path, &summary);
    }

    fn finish(mut self) {
        self.worker.finish(self.now);
        let limits = self.worker.counters().limits;
        let mut status = self.shared.status();
        status.connections = 0;
        status.left_out = limit_notes(|limit| limits.get(limit)).collect();
    }

    fn note_failure(&self, path: &Path, error: &ReplayError) {
        let message = match error {
            // Names the file already.
            ReplayError::Open { .. } => error.to_string(),
            _ => format!("{}: {error}", path.display()),
        };
        self.failures.push(message);
    }

    fn note_summary(&self, path: &Path, summary: &Summary) {
        let mut status = self.shared.status();
        status.events += summary.packets;
        if summary.cut_packets > 0 {
            status.warnings.push(format!(
                "{}: {} of {} packets were cut when they were captured (raise the snap length: tcpdump -s 0)",
                path.display(),
                summary.cut_packets,
                summary.packets
            ));
        }
        if summary.full_evictions > 0 {
            status.losses.push(LossReason {
                reason: "connections forgotten because the table was full",
                remedy: "",
                events: summary.full_evictions,
            });
        }
    }
}
