//! What became of one batch, told to who asked.

use std::sync::{Arc, Mutex, PoisonError};

use super::DropReason;

/// What every destination made of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delivery {
    /// Destinations that took it.
    pub acknowledged: u32,
    /// Items that they took the rest without, the sum of all destinations.
    pub rejected_items: u64,
    /// Destinations that did not get it.
    pub dropped: u32,
    /// Why the last of those did not.
    pub reason: Option<DropReason>,
}

impl Delivery {
    /// Whether every destination took it, though perhaps without some items that it will never take.
    #[must_use]
    pub const fn is_acknowledged(&self) -> bool {
        self.dropped == 0 && self.acknowledged > 0
    }
}

type Callback = Box<dyn FnOnce(Delivery) + Send>;

/// Shared by the batch's places in all queues. The callback runs exactly once: when the last of them has gone.
pub(in crate::export) struct Tracker {
    expected: u32,
    delivery: Mutex<Delivery>,
    done: Mutex<Option<Callback>>,
}

impl Tracker {
    pub(super) fn new(expected: u32, done: Callback) -> Arc<Self> {
        Arc::new(Self { expected, delivery: Mutex::new(Delivery::default()), done: Mutex::new(Some(done)) })
    }

    pub(super) fn acknowledged(&self, rejected_items: u64) {
        let mut delivery = self.delivery.lock().unwrap_or_else(PoisonError::into_inner);
        delivery.acknowledged += 1;
        delivery.rejected_items += rejected_items;
    }

    pub(in crate::export) fn dropped(&self, reason: DropReason) {
        let mut delivery = self.delivery.lock().unwrap_or_else(PoisonError::into_inner);
        delivery.dropped += 1;
        delivery.reason = Some(reason);
    }

    /// For a batch that no destination took: the caller has it still, and is told by the return value.
    pub(super) fn forget(tracker: &Self) {
        *tracker.done.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        let mut delivery = *self.delivery.get_mut().unwrap_or_else(PoisonError::into_inner);
        // A place that vanished without a word was not delivered.
        let silent = self.expected.saturating_sub(delivery.acknowledged + delivery.dropped);
        if silent > 0 {
            delivery.dropped += silent;
            delivery.reason.get_or_insert(DropReason::Stopped);
        }
        if let Some(done) = self.done.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            done(delivery);
        }
    }
}

impl std::fmt::Debug for Tracker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tracker").field("delivery", &self.delivery).finish_non_exhaustive()
    }
}
