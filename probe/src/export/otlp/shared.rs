//! What both sides of a destination know: who submits, and the task that sends.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use tokio::sync::Notify;

use super::{
    Destination, DestinationStats, DropReason, Receiver, Stream, Tracker, Trouble, transport::Transport,
};
use crate::export::{
    Batch, SignalKind,
    queue::{Entry, Pushed, Queue},
};

/// One destination.
pub(super) struct Shared {
    pub(super) name: String,
    pub(super) signals: Vec<SignalKind>,
    pub(super) target: String,
    receiver: Receiver,
    memory_capacity_bytes: u64,
    disk_capacity_bytes: Option<u64>,
    queue: Mutex<Queue>,
    troubles: Mutex<Troubles>,
    pub(super) wake: Notify,
}

#[derive(Default)]
struct Troubles {
    error: Option<Trouble>,
    warning: Option<Trouble>,
    disk: Option<DiskTrouble>,
}

struct DiskTrouble {
    sentence: String,
    /// Whether it is over when the disk takes something again.
    is_passing: bool,
}

impl Shared {
    pub(super) fn new(destination: &Destination, transport: &Transport, queue: Queue) -> Self {
        let disk = destination.queue.disk.as_ref();
        Self {
            name: destination.name.clone(),
            signals: destination.signals.clone(),
            target: transport.shown().to_owned(),
            receiver: transport.receiver().clone(),
            memory_capacity_bytes: destination.queue.memory_bytes as u64,
            disk_capacity_bytes: disk.map(|disk| disk.bytes),
            queue: Mutex::new(queue),
            troubles: Mutex::default(),
            wake: Notify::new(),
        }
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        // Counts are changed together with what they count: whoever panicked left both as they were.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn troubles(&self) -> MutexGuard<'_, Troubles> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn submit(
        &self,
        batch: Batch,
        stream: Stream,
        tracker: Option<Arc<Tracker>>,
    ) -> Result<(), DropReason> {
        let pushed = self.queue().push(Entry { batch, stream, tracker, place: None });
        // Outside the lock: freeing many payloads takes time.
        match pushed {
            Pushed::Queued(evicted) => {
                drop(evicted);
                self.wake.notify_one();
                Ok(())
            }
            Pushed::Not(entry, reason) => {
                drop(entry);
                Err(reason)
            }
        }
    }

    /// A tracked batch that other destinations have, and this one has no room for.
    pub(super) fn count_dropped(&self, kind: SignalKind, items: u32, reason: DropReason) {
        self.queue().stats_mut(kind).dropped.add(reason, items.into());
    }

    pub(super) fn close(&self) {
        self.queue().close();
        self.wake.notify_one();
    }

    pub(super) fn stats(&self) -> DestinationStats {
        let kinds = self.queue().stats();
        let troubles = self.troubles();
        DestinationStats {
            name: self.name.clone(),
            target: self.target.clone(),
            receiver: self.receiver.clone(),
            memory_capacity_bytes: self.memory_capacity_bytes,
            disk_capacity_bytes: self.disk_capacity_bytes,
            kinds,
            last_error: troubles.error.clone(),
            last_warning: troubles.warning.clone(),
            disk_error: troubles.disk.as_ref().map(|trouble| trouble.sentence.clone()),
        }
    }

    /// Something went wrong that is of no attempt to send.
    pub(super) fn troubled(&self, sentence: String) {
        self.troubles().error = Some(Trouble { sentence, at: SystemTime::now(), over: false });
    }

    /// A receiver that refuses a batch is there all the same.
    pub(super) fn refused(&self, kind: SignalKind, sentence: String) {
        self.troubled(sentence);
        self.queue().attempted(kind, true);
    }

    pub(super) fn failed(&self, kind: SignalKind, sentence: String) {
        self.troubled(sentence);
        self.queue().attempted(kind, false);
        self.wake.notify_one();
    }

    pub(super) fn succeeded(&self, kind: SignalKind, message: Option<String>) {
        self.queue().attempted(kind, true);
        let mut troubles = self.troubles();
        if let Some(error) = &mut troubles.error {
            error.over = true;
        }
        if let Some(sentence) = message {
            troubles.warning = Some(Trouble { sentence, at: SystemTime::now(), over: false });
        }
    }

    pub(super) fn disk_failed(&self, sentence: String, is_passing: bool) {
        self.troubles().disk = Some(DiskTrouble { sentence, is_passing });
    }

    pub(super) fn disk_works(&self) {
        let mut troubles = self.troubles();
        troubles.disk = troubles.disk.take().filter(|trouble| !trouble.is_passing);
    }
}
