//! The connections of one worker by their identity, the least recently used first to go.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use plainsight_protocols::Timestamp;

use super::index_list::IndexList;
use crate::capture::ConnectionId;

/// How exactly the order of last use is kept. A connection moves to the back of the queue once in this time at most,
/// so that traffic does not pay for it with every chunk.
const USE_RESOLUTION: Duration = Duration::from_secs(1);

/// Hashes a connection's identity. Identities are numbers that this program gave out, so nobody can choose them to
/// collide; one multiplication spreads them over all bits.
#[derive(Default)]
struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(self.0 ^ u64::from(byte));
        }
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        // 2^64 divided by the golden ratio; the map takes its bucket from the low bits and its tag from the high ones.
        let product = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ (product >> 32);
    }
}

/// A map of connections whose places are small numbers that do not change while a connection is in it.
#[derive(Debug)]
pub(super) struct Table<T> {
    places: HashMap<ConnectionId, u32, BuildHasherDefault<IdentityHasher>>,
    slots: Vec<Option<Slot<T>>>,
    free: Vec<u32>,
    /// Least recently used first.
    uses: IndexList,
}

#[derive(Debug)]
struct Slot<T> {
    id: ConnectionId,
    value: T,
    /// When it was last used.
    used: Timestamp,
    /// When it last moved to the back of the queue.
    queued: Timestamp,
}

impl<T> Table<T> {
    pub(super) fn new() -> Self {
        Self { places: HashMap::default(), slots: Vec::new(), free: Vec::new(), uses: IndexList::default() }
    }

    /// What a connection costs here, in bytes; a map at its emptiest has less than half of its places taken.
    pub(super) const fn bytes_per_place() -> usize {
        let in_map = size_of::<(ConnectionId, u32)>() + 1;
        size_of::<Option<Slot<T>>>() + size_of::<u32>() + IndexList::BYTES_PER_PLACE + in_map * 7 / 3
    }

    /// Places that were made, taken or free.
    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.slots.len()
    }

    /// How many connections there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Where a connection is.
    #[inline]
    pub(super) fn find(&self, id: ConnectionId) -> Option<u32> {
        self.places.get(&id).copied()
    }

    /// Enters a connection that is not in the table.
    pub(super) fn insert(&mut self, id: ConnectionId, value: T, now: Timestamp) -> u32 {
        let slot = Some(Slot { id, value, used: now, queued: now });
        let index = if let Some(index) = self.free.pop() {
            self.slots[index as usize] = slot;
            index
        } else {
            self.slots.push(slot);
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        };
        self.places.insert(id, index);
        self.uses.move_to_back(index);
        index
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        self.slots.get_mut(index as usize)?.as_mut().map(|slot| &mut slot.value)
    }

    /// Whose place it is.
    pub(super) fn id(&self, index: u32) -> Option<ConnectionId> {
        self.slots.get(index as usize)?.as_ref().map(|slot| slot.id)
    }

    /// Takes a connection out.
    pub(super) fn remove(&mut self, index: u32) -> Option<(ConnectionId, T)> {
        let Slot { id, value, .. } = self.slots.get_mut(index as usize)?.take()?;
        self.places.remove(&id);
        self.uses.remove(index);
        self.free.push(index);
        Some((id, value))
    }

    /// Notes that a connection is in use.
    #[inline]
    pub(super) fn touch(&mut self, index: u32, now: Timestamp) {
        if let Some(slot) = self.slots.get_mut(index as usize).and_then(Option::as_mut) {
            slot.used = now;
            if now.since(slot.queued) >= USE_RESOLUTION {
                slot.queued = now;
                self.uses.move_to_back(index);
            }
        }
    }

    /// When a connection was last used.
    pub(super) fn used(&self, index: u32) -> Option<Timestamp> {
        self.slots.get(index as usize)?.as_ref().map(|slot| slot.used)
    }

    /// The connection that was not used for longest, within [`USE_RESOLUTION`].
    pub(super) fn least_recently_used(&self) -> Option<u32> {
        self.uses.front()
    }

    /// A connection that was not used for `timeout`, looking at no more than `budget` of the least recently used.
    pub(super) fn next_idle(&mut self, now: Timestamp, timeout: Duration, budget: &mut usize) -> Option<u32> {
        while *budget > 0 {
            *budget -= 1;
            let index = self.uses.front()?;
            let slot = self.slots.get_mut(index as usize)?.as_mut()?;
            if slot.queued > now {
                // The clock was set back: counting begins again.
                slot.used = slot.used.min(now);
            } else if now.since(slot.queued) < timeout {
                return None;
            } else if now.since(slot.used) >= timeout {
                return Some(index);
            }
            slot.queued = now;
            self.uses.move_to_back(index);
        }
        None
    }
}
