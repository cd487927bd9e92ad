//! Where records go, as a pipeline sees it.

use std::sync::mpsc::Sender;

use bytes::Bytes;

use super::waker::Waker;
use crate::export::Batch;

/// What is brought to the destinations at once, in whichever form they take.
#[derive(Debug, Clone, Default)]
pub struct Shipment {
    /// As a request of OTLP.
    pub request: Option<Batch>,
    /// As lines of JSON.
    pub lines: Option<Bytes>,
}

impl Shipment {
    /// Bytes that it takes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.request.as_ref().map_or(0, |batch| batch.payload.len())
            + self.lines.as_ref().map_or(0, Bytes::len)
    }
}

/// What became of a shipment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It arrived, perhaps without so many records that the destination will never take.
    Arrived(u64),
    /// The destination will never take it.
    Refused,
    /// It did not arrive, and shall be sent again.
    Failed,
}

/// Which form a destination takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Requests of OTLP.
    Requests,
    /// Lines of JSON.
    Lines,
}

/// A destination of one pipeline. Nothing here may wait: a destination that is slow says that it has no room.
pub trait Destination: Send {
    /// What it takes.
    fn form(&self) -> Form;

    /// Takes a shipment, and tells `done` what became of it. Shipments are given in order and must arrive in order. If there is no
    /// room, it returns false, and is given the same again later.
    fn submit(&mut self, shipment: &Shipment, done: Done) -> bool;

    /// Sees to it that what arrived stays, whatever happens to this host; called before a checkpoint says so.
    ///
    /// # Errors
    /// If that cannot be said; with the reason and the remedy.
    fn settle(&mut self) -> Result<(), String> {
        Ok(())
    }

    /// What is wrong with it now, with the remedy.
    fn trouble(&self) -> Option<String> {
        None
    }
}

/// What became of one shipment at one destination.
#[derive(Debug, Clone, Copy)]
pub(super) struct Report {
    pub(super) shipment: u64,
    pub(super) destination: usize,
    pub(super) outcome: Outcome,
}

/// Tells a pipeline what became of a shipment. It is told by one of its clones.
#[derive(Debug, Clone)]
pub struct Done {
    pub(super) sender: Sender<Report>,
    pub(super) waker: Waker,
    pub(super) shipment: u64,
    pub(super) destination: usize,
}

impl Done {
    /// Tells it.
    pub fn tell(self, outcome: Outcome) {
        let Self { sender, waker, shipment, destination } = self;
        // A pipeline that has ended does not want to know.
        let _ = sender.send(Report { shipment, destination, outcome });
        waker.wake();
    }
}
