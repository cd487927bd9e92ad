//! The batches of one kind that wait for one destination.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use super::Entry;
use crate::export::otlp::{Amount, DropReason, KindStats, Stream};

/// How far past batches of busy streams is looked for one that may go: a stream further back than this waits a little
/// longer, and looking stays cheap.
const LOOK_AHEAD: usize = 256;

/// Oldest first: `loaded`, then what else is on disk, then what is on its way there, then `waiting`.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Read from disk, to be sent next.
    loaded: VecDeque<Entry>,
    /// What may be dropped or moved to disk.
    pub(super) waiting: VecDeque<Entry>,
    /// What its sender has still. Has no order with the others: it is of other streams.
    tracked: VecDeque<Entry>,
    /// On the way to disk, and counted as queued until it is there.
    spilling: Amount,
    /// Of all that is queued, as [`Entry::cost`] has it.
    pub(super) cost: usize,
    /// Ordered streams with a request in flight.
    busy: HashSet<u64>,
    /// Whose turn it is when both queues have something.
    tracked_next: bool,
    /// Since when every attempt has failed.
    pub(super) failing_since: Option<Instant>,
    pub(super) stats: KindStats,
}

/// What is left at the end.
#[derive(Debug, Default)]
pub(in crate::export) struct Rest {
    pub(in crate::export) loaded: Vec<Entry>,
    pub(in crate::export) waiting: Vec<Entry>,
    pub(in crate::export) tracked: Vec<Entry>,
}

impl Lane {
    pub(super) fn push(&mut self, entry: Entry) {
        self.cost += entry.cost();
        self.stats.queued.add(entry.amount());
        if entry.tracker.is_some() { &mut self.tracked } else { &mut self.waiting }.push_back(entry);
    }

    /// Takes out the oldest that may be dropped.
    pub(super) fn evict(&mut self) -> Option<Entry> {
        let entry = self.waiting.pop_front()?;
        self.left(&entry);
        Some(entry)
    }

    fn left(&mut self, entry: &Entry) {
        self.cost -= entry.cost();
        self.stats.queued.subtract(entry.amount());
    }

    /// Takes out the next to be sent, if fewer than `limit` are in flight.
    pub(super) fn next(&mut self, limit: usize) -> Option<Entry> {
        if self.stats.in_flight.batches >= limit as u64 {
            return None;
        }
        let order = if self.tracked_next { [true, false] } else { [false, true] };
        let entry = order.into_iter().find_map(|tracked| match tracked {
            true => take_free(&mut self.tracked, &self.busy),
            false if !self.loaded.is_empty() => take_free(&mut self.loaded, &self.busy),
            // Older batches come first, and they have yet to be read.
            false if self.stats.on_disk.batches > 0 || self.spilling.batches > 0 => None,
            false => take_free(&mut self.waiting, &self.busy),
        })?;
        if entry.place.is_some() {
            self.stats.on_disk.subtract(entry.amount());
        } else {
            self.left(&entry);
        }
        self.tracked_next = entry.tracker.is_none();
        self.stats.in_flight.add(entry.amount());
        if let Stream::Ordered(stream) = entry.stream {
            self.busy.insert(stream);
        }
        Some(entry)
    }

    /// What was in flight is no longer.
    pub(super) fn landed(&mut self, stream: Stream, amount: Amount) {
        self.stats.in_flight.subtract(amount);
        if let Stream::Ordered(stream) = stream {
            self.busy.remove(&stream);
        }
    }

    pub(super) fn fails_for(&self) -> Duration {
        self.failing_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Whether more is on disk than has been read, and how many batches should be read now.
    pub(super) fn wants(&self, limit: usize) -> usize {
        let unread = self.stats.on_disk.batches > self.loaded.len() as u64;
        if unread && self.loaded.len() * 2 <= limit { limit - self.loaded.len() } else { 0 }
    }

    pub(super) fn loaded(&mut self, entries: Vec<Entry>) {
        self.loaded.extend(entries);
    }

    /// Takes out the oldest to be moved to disk, up to so many bytes but at least one.
    pub(super) fn take_for_disk(&mut self, bytes: usize) -> Vec<Entry> {
        let mut taken: Vec<Entry> = Vec::new();
        let mut size = 0;
        while let Some(entry) = self.waiting.front() {
            size += entry.batch.payload.len();
            if !taken.is_empty() && size > bytes {
                break;
            }
            self.spilling.add(entry.amount());
            taken.extend(self.waiting.pop_front());
        }
        taken
    }

    /// What was taken is on disk.
    pub(super) fn spilled(&mut self, amount: Amount, cost: usize) {
        self.spilling.subtract(amount);
        self.cost -= cost;
        self.stats.queued.subtract(amount);
        self.stats.on_disk.add(amount);
        self.stats.spilled.add(amount);
    }

    /// What was taken could not be written, and is first in memory again.
    pub(super) fn not_spilled(&mut self, entries: Vec<Entry>) {
        for entry in entries.into_iter().rev() {
            self.spilling.subtract(entry.amount());
            self.waiting.push_front(entry);
        }
    }

    /// The disk queue is lost, with what had not been read and what was on its way.
    pub(super) fn forget_disk(&mut self, on_the_way: Amount, cost: usize) {
        let mut kept = Amount::default();
        self.loaded.iter().for_each(|entry| kept.add(entry.amount()));
        let mut lost = self.stats.on_disk;
        lost.subtract(kept);
        self.stats.on_disk = kept;
        self.spilling.subtract(on_the_way);
        self.stats.queued.subtract(on_the_way);
        self.cost -= cost;
        self.stats.dropped.add(DropReason::Damaged, lost.items + on_the_way.items);
    }

    /// Takes out everything. What came from disk stays counted as being there.
    pub(super) fn drain(&mut self) -> Rest {
        let rest = Rest {
            loaded: std::mem::take(&mut self.loaded).into(),
            waiting: std::mem::take(&mut self.waiting).into(),
            tracked: std::mem::take(&mut self.tracked).into(),
        };
        self.cost = 0;
        self.stats.queued = Amount::default();
        rest
    }
}

fn take_free(queue: &mut VecDeque<Entry>, busy: &HashSet<u64>) -> Option<Entry> {
    let free = |entry: &Entry| match entry.stream {
        Stream::Unordered => true,
        Stream::Ordered(stream) => !busy.contains(&stream),
    };
    let place = queue.iter().take(LOOK_AHEAD).position(free)?;
    queue.remove(place)
}
