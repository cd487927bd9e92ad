//! The lanes of one destination and the limits that they share.

use super::{Entry, lane::Lane};
use crate::export::{
    SignalKind,
    otlp::{Amount, DropReason, KindStats, QueueSettings, Stream},
};

#[derive(Debug)]
pub(in crate::export) struct Queue {
    bytes_limit: usize,
    items_limit: u64,
    in_flight_limit: usize,
    lanes: [Lane; 3],
    closed: bool,
}

/// What became of a batch that was to be queued.
#[derive(Debug)]
pub(in crate::export) enum Pushed {
    /// It waits; these went for it, already counted.
    Queued(Vec<Entry>),
    /// It cannot be queued for this reason, and is counted as dropped unless it is tracked.
    Not(Entry, DropReason),
}

impl Queue {
    pub(in crate::export) fn new(settings: &QueueSettings, in_flight_limit: usize) -> Self {
        Self {
            bytes_limit: settings.memory_bytes,
            items_limit: settings.memory_items,
            in_flight_limit: in_flight_limit.max(1),
            lanes: Default::default(),
            closed: false,
        }
    }

    fn lane(&mut self, kind: SignalKind) -> &mut Lane {
        &mut self.lanes[kind as usize]
    }

    pub(in crate::export) fn push(&mut self, entry: Entry) -> Pushed {
        let mut evicted = Vec::new();
        let kind = entry.batch.kind;
        let refusal = if self.closed {
            Some(DropReason::Stopped)
        } else if entry.cost() > self.bytes_limit || u64::from(entry.batch.items) > self.items_limit {
            Some(DropReason::TooLarge)
        } else {
            self.make_room(&entry, &mut evicted)
        };
        for evicted in &evicted {
            self.count_dropped(evicted, DropReason::MemoryFull);
        }
        if let Some(reason) = refusal {
            if entry.tracker.is_none() {
                self.count_dropped(&entry, reason);
            }
            return Pushed::Not(entry, reason);
        }
        self.lane(kind).push(entry);
        Pushed::Queued(evicted)
    }

    /// Drops what has to go for a newcomer; says if it still has no place.
    fn make_room(&mut self, newcomer: &Entry, evicted: &mut Vec<Entry>) -> Option<DropReason> {
        let own = newcomer.batch.kind as usize;
        while self.is_over(newcomer.cost(), newcomer.batch.items.into()) {
            let takes =
                |place: usize, lane: &Lane| lane.cost + if place == own { newcomer.cost() } else { 0 };
            let fullest = self
                .lanes
                .iter()
                .enumerate()
                .filter(|(_, lane)| !lane.waiting.is_empty())
                .max_by_key(|&(place, lane)| takes(place, lane))
                .map(|(place, lane)| (place, takes(place, lane)));
            let Some((place, taken)) = fullest else { return Some(DropReason::MemoryFull) };
            // A sender that can wait does not push out those who take less than it does.
            let own_share = takes(own, &self.lanes[own]);
            if newcomer.tracker.is_some() && place != own && taken < own_share {
                return Some(DropReason::MemoryFull);
            }
            evicted.extend(self.lanes[place].evict());
        }
        None
    }

    fn is_over(&self, cost: usize, items: u64) -> bool {
        let bytes: usize = self.lanes.iter().map(|lane| lane.cost).sum();
        let queued: u64 = self.lanes.iter().map(|lane| lane.stats.queued.items).sum();
        bytes + cost > self.bytes_limit || queued + items > self.items_limit
    }

    /// Takes out the next to be sent.
    pub(in crate::export) fn next(&mut self) -> Option<Entry> {
        let limit = self.in_flight_limit;
        self.lanes.iter_mut().find_map(|lane| lane.next(limit))
    }

    /// What [`Self::next`] gave is no longer in flight; the caller counts what became of it.
    pub(in crate::export) fn landed(&mut self, kind: SignalKind, stream: Stream, amount: Amount) {
        self.lane(kind).landed(stream, amount);
    }

    pub(in crate::export) fn count_dropped(&mut self, entry: &Entry, reason: DropReason) {
        self.lane(entry.batch.kind).stats.dropped.add(reason, entry.batch.items.into());
    }

    pub(in crate::export) fn stats_mut(&mut self, kind: SignalKind) -> &mut KindStats {
        &mut self.lane(kind).stats
    }

    pub(in crate::export) fn stats(&self) -> [KindStats; 3] {
        [0, 1, 2].map(|place: usize| self.lanes[place].stats)
    }

    /// Nothing is taken any more.
    pub(in crate::export) fn close(&mut self) {
        self.closed = true;
    }

    /// Whether nothing waits and nothing is in flight.
    pub(in crate::export) fn is_idle(&self) -> bool {
        self.lanes.iter().all(|lane| lane.stats.queued.batches == 0 && lane.stats.in_flight.batches == 0)
    }

    /// Takes out everything that waits.
    pub(in crate::export) fn drain(&mut self) -> Vec<Entry> {
        let mut rest = Vec::new();
        for lane in &mut self.lanes {
            rest.extend(std::mem::take(&mut lane.waiting));
            rest.extend(std::mem::take(&mut lane.tracked));
            lane.cost = 0;
            lane.stats.queued = Default::default();
        }
        rest
    }
}
