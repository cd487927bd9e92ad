//! Both streams of a connection: what one direction's chunks tell of the other.

use plainsight_protocols::Timestamp;

use super::limits::Reassembly;
use super::stream::{Arrival, Outlet, Stream};
use crate::capture::{Chunk, EndOfStream, Flow};

/// The two streams of one connection.
#[derive(Debug)]
pub struct Streams {
    received: Stream,
    sent: Stream,
}

impl Streams {
    /// Streams of which nothing was seen; `from_start` if their connection was seen from the start.
    #[must_use]
    pub fn new(from_start: bool) -> Self {
        Self { received: Stream::new(Flow::Received, from_start), sent: Stream::new(Flow::Sent, from_start) }
    }

    /// Whether anything waits for its turn.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        self.received.is_holding() || self.sent.is_holding()
    }

    /// A chunk of either stream.
    #[inline]
    pub fn chunk(&mut self, chunk: &Chunk<'_>, shared: &mut Reassembly, out: &mut impl Outlet) {
        let (own, other) = self.pair(chunk.flow);
        let opposite_offset = chunk.opposite_sequence.and_then(|sequence| other.opposite_position(sequence));
        if other.is_holding()
            && shared.packets()
            && let Some(offset) = opposite_offset
        {
            other.acknowledged(offset, chunk.at, shared, out);
        }
        let Chunk { at, sequence, length, bytes, lost_calls, .. } = *chunk;
        own.chunk(&Arrival { at, sequence, opposite_offset, length, bytes, lost_calls }, shared, out);
    }

    /// One stream announces its end.
    pub fn end(&mut self, end: &EndOfStream, shared: &mut Reassembly, out: &mut impl Outlet) {
        self.pair(end.flow).0.end(end, shared, out);
    }

    /// Time has passed: gives up holes that were waited for long enough.
    pub fn tick(&mut self, now: Timestamp, shared: &mut Reassembly, out: &mut impl Outlet) {
        self.received.tick(now, shared, out);
        self.sent.tick(now, shared, out);
    }

    /// The connection is over: passes on what is left, that of `first` first. `lost_calls` are the calls lost after
    /// the last chunk of each stream: received, sent.
    pub fn finish(
        &mut self,
        first: Flow,
        lost_calls: [u32; 2],
        now: Timestamp,
        shared: &mut Reassembly,
        out: &mut impl Outlet,
    ) {
        let [received, sent] = lost_calls;
        let (first_lost, second_lost) = match first {
            Flow::Received => (received, sent),
            Flow::Sent => (sent, received),
        };
        let (first, second) = self.pair(first);
        first.finish(first_lost, now, shared, out);
        second.finish(second_lost, now, shared, out);
    }

    /// Throws away what is held, so that the streams can be dropped.
    pub fn discard(&mut self, shared: &mut Reassembly) {
        self.received.discard(shared);
        self.sent.discard(shared);
    }

    #[inline]
    fn pair(&mut self, flow: Flow) -> (&mut Stream, &mut Stream) {
        match flow {
            Flow::Received => (&mut self.received, &mut self.sent),
            Flow::Sent => (&mut self.sent, &mut self.received),
        }
    }
}
