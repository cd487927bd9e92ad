//! The batches of one kind that wait for one destination.

use std::collections::{HashSet, VecDeque};

use super::Entry;
use crate::export::otlp::{Amount, KindStats, Stream};

/// How far past batches of busy streams is looked for one that may go: a stream further back than this waits a little
/// longer, and looking stays cheap.
const LOOK_AHEAD: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Lane {
    /// What may be dropped or moved to disk, oldest first.
    pub(super) waiting: VecDeque<Entry>,
    /// What its sender has still.
    pub(super) tracked: VecDeque<Entry>,
    /// Of both, as [`Entry::cost`] has it.
    pub(super) cost: usize,
    /// Ordered streams with a request in flight.
    busy: HashSet<u64>,
    /// Whose turn it is when both queues have something.
    tracked_next: bool,
    pub(super) stats: KindStats,
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
        let entry = order.into_iter().find_map(|tracked| {
            let queue = if tracked { &mut self.tracked } else { &mut self.waiting };
            take_free(queue, &self.busy)
        })?;
        self.left(&entry);
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
}

fn take_free(queue: &mut VecDeque<Entry>, busy: &HashSet<u64>) -> Option<Entry> {
    let free = |entry: &Entry| match entry.stream {
        Stream::Unordered => true,
        Stream::Ordered(stream) => !busy.contains(&stream),
    };
    let place = queue.iter().take(LOOK_AHEAD).position(free)?;
    queue.remove(place)
}
