//! The running set of destinations, on a thread of its own.

use std::{
    collections::HashSet,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use thiserror::Error;
use tokio::{runtime, sync::watch, time::Instant};

use super::{
    Acceptance, Delivery, Destination, DestinationStats, DropReason, ExportSettings, LARGEST_REQUEST, Stream,
    TlsError, Tracker,
    destination::{Deadline, GRACE, Worker},
    shared::Shared,
    spill::Spill,
    transport::Transport,
};
use crate::export::{
    Batch,
    queue::{DiskError, DiskQueue, Queue},
};

/// Why exporting cannot begin.
#[derive(Debug, Error)]
pub enum StartError {
    /// The endpoint is no good.
    #[error("destination {name}: the endpoint {endpoint:?} cannot be used: {reason}")]
    Endpoint {
        /// The destination.
        name: String,
        /// What was set.
        endpoint: String,
        /// What is wrong and how to write it.
        reason: String,
    },
    /// A header is no good. Its value is a secret and not shown.
    #[error("destination {name}: the header {header:?} cannot be sent: {reason}. Correct or remove it")]
    Header {
        /// The destination.
        name: String,
        /// The header's name.
        header: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// TLS cannot be set up.
    #[error("destination {name}: {source}")]
    Tls {
        /// The destination.
        name: String,
        /// Why.
        source: TlsError,
    },
    /// A file cannot be opened.
    #[error(
        "destination {name}: cannot write to {path}: {source}. Choose a file that this process may write"
    )]
    File {
        /// The destination.
        name: String,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The client library refuses the settings.
    #[error("destination {name}: cannot make a client: {reason}")]
    Client {
        /// The destination.
        name: String,
        /// What the library said.
        reason: String,
    },
    /// The disk queue cannot be opened.
    #[error("destination {name}: {source}")]
    Disk {
        /// The destination.
        name: String,
        /// Why.
        source: DiskError,
    },
    /// Statistics and disk queues go by name.
    #[error("two destinations are named {name:?}: give each a name of its own")]
    SameName {
        /// The name.
        name: String,
    },
    /// No thread.
    #[error("cannot start the thread that exports: {source}. Raise the limit of processes and threads")]
    Thread {
        /// What the system said.
        source: std::io::Error,
    },
}

impl StartError {
    pub(super) fn tls(destination: &Destination, source: TlsError) -> Self {
        Self::Tls { name: destination.name.clone(), source }
    }
}

/// Sends batches to all destinations. See the [module](super) for what it promises.
///
/// When it is dropped without [`Self::shutdown`], what waits is given up at once.
pub struct Exporter {
    destinations: Vec<Arc<Shared>>,
    deadline: watch::Sender<Deadline>,
    /// Nothing is ever sent: it closes when the thread has ended.
    ended: Mutex<mpsc::Receiver<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Exporter {
    /// Checks the settings and starts. Whether receivers are there is found out later: they may come and go.
    ///
    /// # Errors
    /// If some setting cannot work.
    pub fn start(settings: &ExportSettings) -> Result<Self, StartError> {
        let mut names = HashSet::new();
        if let Some(twice) = settings.destinations.iter().find(|destination| !names.insert(&destination.name))
        {
            return Err(StartError::SameName { name: twice.name.clone() });
        }
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            // For packing and for files; each destination may be stuck in one call.
            .max_blocking_threads(2 + 2 * settings.destinations.len())
            .build()
            .map_err(|source| StartError::Thread { source })?;
        let (deadline, watched) = watch::channel(None);
        let mut destinations = Vec::new();
        let mut workers = Vec::new();
        {
            let _inside = runtime.enter();
            for destination in &settings.destinations {
                let (shared, worker) = begin(destination, watched.clone())?;
                destinations.push(shared);
                workers.push(worker);
            }
        }
        let (ending, ended) = mpsc::channel();
        let run = move || {
            // Dropped when the thread ends, however it does.
            let _ending: mpsc::Sender<()> = ending;
            runtime.block_on(async {
                let mut running = tokio::task::JoinSet::new();
                for worker in workers {
                    running.spawn(worker.run());
                }
                while running.join_next().await.is_some() {}
            });
            // A call to a stuck disk is not waited for.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new()
            .name("plainsight-export".to_owned())
            .spawn(run)
            .map_err(|source| StartError::Thread { source })?;
        Ok(Self { destinations, deadline, ended: Mutex::new(ended), thread: Some(thread) })
    }

    /// Queues a batch for every destination that takes its kind, in the stream that is usual for the kind
    /// ([`Stream::usual`]). Never blocks. Where there is no room, the oldest batches are moved to disk or dropped.
    pub fn submit(&self, batch: Batch) -> Acceptance {
        let stream = Stream::usual(batch.kind);
        if let Some(refused) = check(&batch) {
            self.count_too_large(&batch);
            return refused;
        }
        let mut acceptance = Acceptance::NotWanted;
        for destination in self.wanting(&batch) {
            let result = destination.submit(batch.clone(), stream, None);
            acceptance = acceptance.or(result);
        }
        acceptance
    }

    /// Queues a batch for every destination that takes its kind and calls `done` once, when each of them has
    /// acknowledged or dropped it. `done` runs on the exporter's thread and must be quick.
    ///
    /// Such batches are never dropped to make room and never written to disk: their sender has them still. Where there
    /// is no room at any destination, the answer is [`Acceptance::Full`] and `done` is not called; where only some have
    /// none, the others get the batch and [`Delivery::dropped`] tells.
    pub fn submit_and_track(
        &self,
        batch: Batch,
        stream: Stream,
        done: impl FnOnce(Delivery) + Send + 'static,
    ) -> Acceptance {
        if let Some(refused) = check(&batch) {
            return refused;
        }
        let wanting: Vec<_> = self.wanting(&batch).collect();
        let tracker = Tracker::new(u32::try_from(wanting.len()).unwrap_or(u32::MAX), Box::new(done));
        let mut acceptance = Acceptance::NotWanted;
        let mut without = Vec::new();
        for destination in wanting {
            let result = destination.submit(batch.clone(), stream, Some(Arc::clone(&tracker)));
            if let Err(reason) = result {
                without.push((destination, reason));
            }
            acceptance = acceptance.or(result);
        }
        if acceptance != Acceptance::Queued {
            Tracker::forget(&tracker);
            return acceptance;
        }
        for (destination, reason) in without {
            destination.count_dropped(batch.kind, batch.items, reason);
            tracker.dropped(reason);
        }
        acceptance
    }

    fn wanting(&self, batch: &Batch) -> impl Iterator<Item = &Arc<Shared>> {
        let kind = batch.kind;
        self.destinations.iter().filter(move |destination| destination.signals.contains(&kind))
    }

    fn count_too_large(&self, batch: &Batch) {
        for destination in self.wanting(batch) {
            destination.count_dropped(batch.kind, batch.items, DropReason::TooLarge);
        }
    }

    /// What became of batches so far, for each destination in the order of the settings.
    #[must_use]
    pub fn stats(&self) -> Vec<DestinationStats> {
        self.destinations.iter().map(|destination| destination.stats()).collect()
    }

    /// Takes nothing more, sends what waits for as long as `within` allows, keeps the rest on disk where there is a disk
    /// queue and else counts it as dropped. Blocks until that is done.
    pub fn shutdown(mut self, within: Duration) -> Vec<DestinationStats> {
        self.stop(within);
        self.stats()
    }

    fn stop(&mut self, within: Duration) {
        let Some(thread) = self.thread.take() else { return };
        for destination in &self.destinations {
            destination.close();
        }
        self.deadline.send_replace(Some(Instant::now() + within));
        // Not for ever: a disk that does not answer shall not keep this process from ending.
        let ended = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner);
        let waited = ended.recv_timeout(within + GRACE);
        if waited == Err(mpsc::RecvTimeoutError::Disconnected) {
            // A panic of that thread was printed when it happened.
            let _ = thread.join();
        }
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.stop(Duration::ZERO);
    }
}

impl fmt::Debug for Exporter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Exporter").field("destinations", &self.stats()).finish_non_exhaustive()
    }
}

/// A destination that takes batches, and the work on them, which is yet to be run.
pub(super) fn begin(
    destination: &Destination,
    deadline: watch::Receiver<Deadline>,
) -> Result<(Arc<Shared>, Worker), StartError> {
    let transport = Transport::new(destination)?;
    let mut queue = Queue::new(&destination.queue, destination.max_in_flight);
    let disk = open_disk(destination, &mut queue)?;
    let shared = Arc::new(Shared::new(destination, &transport, queue));
    let spill = disk.map(|(disk, after, sentence)| Spill::new(Arc::clone(&shared), disk, after, sentence));
    let worker = Worker::new(Arc::clone(&shared), transport, destination.retry, deadline, spill);
    Ok((shared, worker))
}

type Disk = (DiskQueue, Duration, Option<String>);

fn open_disk(destination: &Destination, queue: &mut Queue) -> Result<Option<Disk>, StartError> {
    let Some(settings) = &destination.queue.disk else { return Ok(None) };
    let (disk, left) = DiskQueue::open(settings, &destination.name)
        .map_err(|source| StartError::Disk { name: destination.name.clone(), source })?;
    queue.found(&left);
    Ok(Some((disk, settings.after, left.sentence)))
}

/// Requests that no receiver has to take are not sent (OTLP 1.11).
fn check(batch: &Batch) -> Option<Acceptance> {
    (batch.payload.len() > LARGEST_REQUEST).then_some(Acceptance::TooLarge)
}
