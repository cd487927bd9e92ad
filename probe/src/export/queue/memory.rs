//! The lanes of one destination and the limits that they share.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Entry, Left,
    lane::{Lane, Rest},
};
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
    pub(in crate::export) fn drain(&mut self) -> [Rest; 3] {
        self.lanes.each_mut().map(Lane::drain)
    }

    /// An attempt to send a batch of this kind failed, or succeeded.
    pub(in crate::export) fn attempted(&mut self, kind: SignalKind, success: bool) {
        let lane = self.lane(kind);
        lane.failing_since = if success { None } else { lane.failing_since.or_else(|| Some(Instant::now())) };
    }

    pub(in crate::export) fn is_failing(&self) -> bool {
        self.lanes.iter().any(|lane| lane.failing_since.is_some())
    }

    /// The kinds that have failed for so long.
    pub(in crate::export) fn failing_for(&self, time: Duration) -> [bool; 3] {
        self.lanes.each_ref().map(|lane| lane.failing_since.is_some() && lane.fails_for() >= time)
    }

    /// Whether all that is left in memory is of kinds whose attempts fail.
    pub(in crate::export) fn is_hopeless(&self) -> bool {
        self.lanes
            .iter()
            .filter(|lane| lane.stats.queued.batches + lane.stats.in_flight.batches > 0)
            .all(|lane| lane.failing_since.is_some())
    }

    /// Takes out what should go to disk now: of kinds that have failed for `after`, everything; else of the fullest lane,
    /// when half of the memory is taken, so that there is room for what comes while the disk works.
    pub(in crate::export) fn take_for_disk(&mut self, after: Duration) -> Option<(SignalKind, Vec<Entry>)> {
        let is_half_full = self.is_over(self.bytes_limit / 2, self.items_limit / 2);
        let (place, lane) = self
            .lanes
            .iter_mut()
            .enumerate()
            .filter(|(_, lane)| !lane.waiting.is_empty())
            .filter(|(_, lane)| is_half_full || (lane.failing_since.is_some() && lane.fails_for() >= after))
            .max_by_key(|(_, lane)| lane.cost)?;
        Some((SignalKind::ALL[place], lane.take_for_disk(SPILL_BYTES.min(self.bytes_limit / 4))))
    }

    pub(in crate::export) fn spilled(&mut self, kind: SignalKind, amount: Amount, cost: usize) {
        self.lane(kind).spilled(amount, cost);
    }

    pub(in crate::export) fn not_spilled(&mut self, kind: SignalKind, entries: Vec<Entry>) {
        self.lane(kind).not_spilled(entries);
    }

    pub(in crate::export) fn forget_disk(&mut self, on_the_way: &[(SignalKind, Amount, usize)]) {
        for kind in SignalKind::ALL {
            let (mut amount, mut cost) = (Amount::default(), 0);
            for (_, one, its_cost) in on_the_way.iter().filter(|(of, ..)| *of == kind) {
                amount.add(*one);
                cost += its_cost;
            }
            self.lane(kind).forget_disk(amount, cost);
        }
    }

    /// How many batches of each kind should be read from disk now.
    pub(in crate::export) fn wants(&self) -> [usize; 3] {
        self.lanes.each_ref().map(|lane| lane.wants(self.in_flight_limit))
    }

    pub(in crate::export) fn loaded(&mut self, kind: SignalKind, entries: Vec<Entry>) {
        self.lane(kind).loaded(entries);
    }

    /// What is on disk is no longer, for this reason.
    pub(in crate::export) fn lost_on_disk(&mut self, kind: SignalKind, amount: Amount, reason: DropReason) {
        let stats = self.stats_mut(kind);
        stats.on_disk.subtract(amount);
        stats.dropped.add(reason, amount.items);
    }

    /// What an earlier process left.
    pub(in crate::export) fn found(&mut self, left: &Left) {
        for kind in SignalKind::ALL {
            let stats = self.stats_mut(kind);
            stats.on_disk = left.waiting[kind as usize];
            stats.dropped.add(DropReason::Damaged, left.lost[kind as usize].items);
        }
    }
}

/// Written to disk at once: enough that forcing it to the disk is a small part of the time.
const SPILL_BYTES: usize = 8 << 20;
