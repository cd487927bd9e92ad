//! A worker's buffers.

use std::{sync::Arc, time::Duration};

use hashbrown::HashMap;
use plainsight_protocols::Timestamp;

use super::{Buffer, ITEM_TAG, Source, queue::Shared};
use crate::{
    capture::Process,
    signal::{WallTime, protobuf},
};

/// When a worker hands a buffer over, and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpoolLimits {
    /// Bytes of one process that are handed over at once; an item that is begun may exceed them.
    pub buffer_bytes: usize,
    /// Items of one process that are handed over at once.
    pub buffer_items: u32,
    /// How long an item waits at most, as far as the worker is told the time.
    pub age: Duration,
    /// Processes that one worker has buffers for; for one more, all buffers are handed over.
    pub processes: usize,
    /// Bytes that one worker holds; when it holds more, all buffers are handed over.
    pub worker_bytes: usize,
}

impl Default for SpoolLimits {
    fn default() -> Self {
        Self {
            buffer_bytes: 128 << 10,
            buffer_items: 1024,
            age: Duration::from_millis(500),
            processes: 1024,
            worker_bytes: 8 << 20,
        }
    }
}

/// Room for the first items of a process: many have no more before they are handed over.
const FIRST_BYTES: usize = 1024;

/// The buffers of one worker. Its drop hands over what it still holds.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    limits: SpoolLimits,
    slots: Vec<Slot>,
    /// Places in `slots` by pid.
    places: HashMap<u32, usize>,
    /// The place that was used last: workers see the same process again and again.
    last: usize,
    /// Bytes that all slots have room for.
    held: usize,
}

#[derive(Debug)]
struct Slot {
    process: Process,
    first: WallTime,
    /// When the first item was written, by the worker's clock.
    since: Timestamp,
    bytes: Vec<u8>,
    items: u32,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, limits: SpoolLimits) -> Self {
        Self { shared, limits, slots: Vec::new(), places: HashMap::new(), last: 0, held: 0 }
    }

    /// Appends one item of a process. `now` is the time by the worker's clock, `begun` the item's own. `write` must
    /// only append: the fields of one message.
    #[inline]
    pub fn item(
        &mut self,
        process: &Process,
        now: Timestamp,
        begun: WallTime,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let place = self.place(process);
        let slot = &mut self.slots[place];
        let room = slot.bytes.capacity();
        if slot.items == 0 {
            slot.since = now;
            slot.first = begun;
            slot.bytes.reserve(FIRST_BYTES);
        }
        slot.process = *process;
        // Two bytes of length fit all but the largest items and the very smallest.
        slot.bytes.extend_from_slice(&[ITEM_TAG, 0, 0]);
        let start = slot.bytes.len();
        write(&mut slot.bytes);
        protobuf::close_wide(&mut slot.bytes, start);
        slot.items += 1;
        self.held += slot.bytes.capacity() - room;
        if slot.bytes.len() >= self.limits.buffer_bytes || slot.items >= self.limits.buffer_items {
            self.hand_over(place);
        }
        if self.held > self.limits.worker_bytes {
            self.flush();
        }
    }

    /// Hands over what has waited long enough.
    pub fn tick(&mut self, now: Timestamp) {
        for place in 0..self.slots.len() {
            let slot = &self.slots[place];
            if slot.items > 0 && now.since(slot.since) >= self.limits.age {
                self.hand_over(place);
            }
        }
    }

    /// Hands over everything.
    pub fn flush(&mut self) {
        for place in 0..self.slots.len() {
            self.hand_over(place);
            self.slots[place].bytes = Vec::new();
        }
        self.slots.clear();
        self.places.clear();
        self.last = 0;
        self.held = 0;
    }

    #[inline]
    fn place(&mut self, process: &Process) -> usize {
        let is = |slot: &Slot| slot.process.pid == process.pid && slot.process.cgroup == process.cgroup;
        if self.slots.get(self.last).is_some_and(is) {
            return self.last;
        }
        self.last = self.other_place(process);
        self.last
    }

    fn other_place(&mut self, process: &Process) -> usize {
        if let Some(&place) = self.places.get(&process.pid) {
            if self.slots[place].process.cgroup != process.cgroup {
                // The pid was used again, or the process was moved: somebody else for those who look it up.
                self.hand_over(place);
            }
            return place;
        }
        if self.slots.len() >= self.limits.processes.max(1) {
            self.flush();
        }
        let place = self.slots.len();
        self.places.insert(process.pid, place);
        let (first, since) = (WallTime::default(), Timestamp::default());
        self.slots.push(Slot { process: *process, first, since, bytes: Vec::new(), items: 0 });
        place
    }

    fn hand_over(&mut self, place: usize) {
        let slot = &mut self.slots[place];
        if slot.items == 0 {
            return;
        }
        // A process that filled its buffer will fill the next one, too; growing step by step would copy it anew.
        let next = if slot.bytes.len() >= self.limits.buffer_bytes { slot.bytes.capacity() } else { 0 };
        let bytes = std::mem::replace(&mut slot.bytes, Vec::with_capacity(next));
        self.held = self.held - bytes.capacity() + slot.bytes.capacity();
        let items = std::mem::take(&mut slot.items);
        let source = Source { process: slot.process, first: slot.first };
        self.shared.push(Buffer { source, bytes, items });
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.flush();
    }
}
