//! What waits to be sent to one destination: bounded, in order, first in memory, then on disk.
//!
//! - Each kind of telemetry waits in a lane of its own. The lanes share one limit of bytes and one of items. When memory is
//!   full, the oldest batches of the lane that takes most of it go: to disk, or else they are dropped and counted. The
//!   oldest go because what is happening now is worth more; of the fullest lane, so that a flood of spans does not push
//!   out the few metrics.
//! - Batches that somebody [tracks](super::otlp::Exporter::submit_and_track) are neither dropped nor written to disk:
//!   their sender has them still. When there is no room, it is told so and keeps them.
//! - Within a lane what is on disk is older than what is in memory, and is sent before it.

mod disk;
mod lane;
mod memory;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use disk::DiskError;
pub(super) use disk::{DiskQueue, Left, Place};
pub(super) use lane::Rest;
pub(super) use memory::{Pushed, Queue};

use super::{
    Batch,
    otlp::{Amount, Stream, Tracker},
};

/// A batch in a queue.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) batch: Batch,
    pub(super) stream: Stream,
    /// Set if its sender wants to know what becomes of it.
    pub(super) tracker: Option<Arc<Tracker>>,
    /// Where it is on disk, if it came from there.
    pub(super) place: Option<Place>,
}

impl Entry {
    pub(super) fn amount(&self) -> Amount {
        Amount { batches: 1, items: self.batch.items.into(), bytes: self.batch.payload.len() as u64 }
    }

    /// What it takes of the memory limit: with a share for the queue's own structures, so that very many very small
    /// batches are bounded as well.
    pub(super) fn cost(&self) -> usize {
        self.batch.payload.len().saturating_add(OVERHEAD)
    }
}

/// More than an entry and its share of a queue's spare capacity take.
const OVERHEAD: usize = 256;
