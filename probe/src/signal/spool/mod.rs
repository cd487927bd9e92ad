//! Encoded items on their way from workers to the one consumer that makes requests of them.
//!
//! A worker's [`Writer`] appends items, by process, to buffers that nobody else touches: no lock and no allocation for an item. When a
//! buffer holds enough bytes or items, or has waited long enough, it goes into the [`Spool`], which the consumer empties from
//! time to time. The spool is bounded; what does not fit is dropped and counted, for capture must not wait for a backend.

mod queue;
#[cfg(test)]
mod tests;
mod writer;

use crate::{capture::Process, signal::WallTime};

pub use queue::{Spool, SpoolCounters};
pub use writer::{SpoolLimits, Writer};

/// Tag of the field that holds an item: `ScopeSpans.spans` and `ScopeLogs.log_records` have the same number, 2.
pub const ITEM_TAG: u8 = 0x12;

/// Where the items of a buffer come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// The process as it was when the last item was written; pid zero if unknown.
    pub process: Process,
    /// When the first item was begun: a process is to be looked up as it was then.
    pub first: WallTime,
}

/// Items of one process, each as a field of the message that will hold them.
#[derive(Debug, PartialEq, Eq)]
pub struct Buffer {
    /// Where they come from.
    pub source: Source,
    /// The items, encoded.
    pub bytes: Vec<u8>,
    /// How many there are.
    pub items: u32,
}
