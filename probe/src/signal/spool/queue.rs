//! The bounded list between workers and consumer.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use super::{Buffer, SpoolLimits, Writer};
use crate::export::Progress;

/// The consumer's end. Its drop makes writers drop, and count, what they still bring.
#[derive(Debug)]
pub struct Spool {
    shared: Arc<Shared>,
}

/// What became of items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpoolCounters {
    /// Items that were handed over.
    pub handed_over: u64,
    /// Items that were dropped because the spool was full, or its consumer gone.
    pub dropped: u64,
    /// Bytes that wait in the spool.
    pub waiting_bytes: u64,
}

#[derive(Debug)]
pub(super) struct Shared {
    content: Mutex<Content>,
    bytes: usize,
    handed_over: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct Content {
    buffers: Vec<Buffer>,
    bytes: usize,
    is_closed: bool,
}

impl Spool {
    /// A spool that holds at most that many bytes. A buffer counts with what it has room for.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        let content = Mutex::new(Content::default());
        let (handed_over, dropped) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { shared: Arc::new(Shared { content, bytes, handed_over, dropped }) }
    }

    /// A worker's end.
    #[must_use]
    pub fn writer(&self, limits: SpoolLimits) -> Writer {
        Writer::new(Arc::clone(&self.shared), limits)
    }

    /// Moves what is there to the end of `buffers`.
    pub fn take(&self, buffers: &mut Vec<Buffer>) -> Progress {
        // Asked first: a writer that has gone by now adds nothing behind our back.
        let progress = if Arc::strong_count(&self.shared) > 1 { Progress::Open } else { Progress::Finished };
        let taken = {
            let mut content = locked(&self.shared.content);
            content.bytes = 0;
            std::mem::take(&mut content.buffers)
        };
        buffers.extend(taken);
        progress
    }

    /// What became of items so far.
    #[must_use]
    pub fn counters(&self) -> SpoolCounters {
        SpoolCounters {
            handed_over: self.shared.handed_over.load(Ordering::Relaxed),
            dropped: self.shared.dropped.load(Ordering::Relaxed),
            waiting_bytes: locked(&self.shared.content).bytes as u64,
        }
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        let mut content = locked(&self.shared.content);
        content.is_closed = true;
        content.buffers = Vec::new();
        content.bytes = 0;
    }
}

impl Shared {
    /// Takes a buffer, or counts it as dropped.
    pub(super) fn push(&self, buffer: Buffer) {
        let size = buffer.bytes.capacity() + size_of::<Buffer>();
        let items = u64::from(buffer.items);
        let refused = {
            let mut content = locked(&self.content);
            if content.is_closed || content.bytes.saturating_add(size) > self.bytes {
                Some(buffer)
            } else {
                content.bytes += size;
                content.buffers.push(buffer);
                None
            }
        };
        // What is refused is freed here, where no one waits for it.
        let counter = if refused.is_some() { &self.dropped } else { &self.handed_over };
        counter.fetch_add(items, Ordering::Relaxed);
    }
}

/// A thread that panicked while it held the lock left a whole list behind: buffers are moved in one step.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
