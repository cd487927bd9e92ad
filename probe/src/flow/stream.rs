//! One stream of a connection put in order by TCP sequence number.
//!
//! Chunks that continue the stream pass straight through. What was seen before is trimmed: the first seen stays. A
//! chunk that leaves a hole waits, within [`Limits`], for what belongs into it; then the hole is declared lost, to the
//! byte. What a call moved without being copied is a gap of its own, in its place.
//!
//! # How long to wait
//!
//! [`Source::Calls`]: the calls of one stream are reported in order but for threads that share a socket, so the wait is
//! short, and known lost calls end it at once. Two threads that write one socket at the same time may both report the
//! position after the later write: two claims overlap and a hole lies before them. Which bytes belong where cannot be
//! told, so all of it is declared lost.
//!
//! [`Source::Packets`]: reordering and retransmission are normal, so the wait is long, but ends as soon as the receiver
//! acknowledges what is past the hole: nobody will send it again.
//!
//! # Where a stream starts
//!
//! From calls, the first chunk is the start, unless an earlier call of the opposite direction told a lower position
//! (then there is a hole) or calls were lost before it (then there is a gap of unknown length, if the connection was
//! seen from its start). From packets, the opposite direction's first acknowledgement is the start of a connection seen
//! from its start, and so is the sequence number of a chunk without bytes. Where neither tells, the first chunks wait
//! like behind a hole, and the lowest of them becomes the start.

use plainsight_protocols::{Gap, GapCause, Timestamp};

mod order;
mod start;
#[cfg(test)]
mod tests;

use super::held::{Held, Incoming};
pub use super::limits::{Limits, Reassembly, Source};
use super::offsets::{Offsets, low};
use crate::capture::{EndOfStream, Flow};

/// Receives a stream in order: each call continues where the one before it ended.
pub trait Outlet {
    /// Bytes that one call or packet carried, or a part of them.
    fn bytes(&mut self, flow: Flow, at: Timestamp, offset: u64, opposite_offset: Option<u64>, bytes: &[u8]);

    /// Bytes that were not seen.
    fn gap(&mut self, flow: Flow, at: Timestamp, offset: u64, bytes: u64, cause: GapCause);

    /// From this offset on the low half of an offset of the stream is its TCP sequence number, as it is from the start
    /// unless this says otherwise; `None` where from now on offsets only count bytes.
    fn numbered(&mut self, flow: Flow, from: Option<u64>) {
        let _ = (flow, from);
    }

    /// The stream has ended in order. Nothing follows.
    fn end(&mut self, flow: Flow, at: Timestamp);
}

/// A chunk as it arrives: [`crate::capture::Chunk`] without its connection, the opposite position translated.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// When the bytes moved.
    pub at: Timestamp,
    /// Sequence number of the first byte, `None` where order of arrival is all there is.
    pub sequence: Option<u32>,
    /// How far the opposite stream had come, in its offsets.
    pub opposite_offset: Option<u64>,
    /// How many bytes moved. A chunk of none tells where the stream starts.
    pub length: u32,
    /// What was copied of them, from the beginning on.
    pub bytes: &'a [u8],
    /// Calls of this stream whose records were lost since the one before.
    pub lost_calls: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing is known.
    Unknown,
    /// The opposite stream told a position, which is in `next`.
    Hinted,
    /// The start is known, and is in `next`.
    Placed,
    /// Chunks wait until the lowest can be taken for the start.
    Gathering,
    /// `next` is the next byte's offset.
    Running,
    /// The same, but offsets count bytes in order of arrival and say nothing of sequence numbers.
    Arrival,
    /// The end was passed on.
    Ended,
}

/// One direction of a connection.
#[derive(Debug)]
pub struct Stream {
    next: u64,
    offsets: Offsets,
    /// Boxed because nearly no stream ever holds anything.
    held: Option<Box<Held>>,
    /// Calls known to be lost whose gap has not been declared.
    lost_calls: u32,
    phase: Phase,
    flow: Flow,
    from_start: bool,
}

/// What a step of the reassembly works with beside the stream itself.
struct Step<'a, O> {
    /// The time of what caused the step.
    now: Timestamp,
    shared: &'a mut Reassembly,
    out: &'a mut O,
}

impl Stream {
    /// A stream of which nothing was seen; `from_start` if its connection was seen from the start.
    #[must_use]
    pub fn new(flow: Flow, from_start: bool) -> Self {
        Self {
            next: 0,
            offsets: Offsets::default(),
            held: None,
            lost_calls: 0,
            phase: Phase::Unknown,
            flow,
            from_start,
        }
    }

    /// Whether anything waits for its turn.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        self.held.is_some()
    }

    /// The next chunk in order of arrival.
    #[inline]
    pub fn chunk(&mut self, chunk: &Arrival<'_>, shared: &mut Reassembly, out: &mut impl Outlet) {
        self.lost_calls = self.lost_calls.saturating_add(chunk.lost_calls);
        let step = &mut Step { now: chunk.at, shared, out };
        if self.phase == Phase::Running && self.held.is_none() && chunk.sequence == Some(low(self.next)) {
            let end = self.next + u64::from(chunk.length);
            self.deliver(&incoming(chunk, self.next, end), step);
        } else {
            self.place(chunk, step);
        }
    }

    /// The stream ends before the sequence number that is told, or, without one, here.
    pub fn end(&mut self, end: &EndOfStream, shared: &mut Reassembly, out: &mut impl Outlet) {
        let at = end.at;
        self.lost_calls = self.lost_calls.saturating_add(end.lost_calls);
        let step = &mut Step { now: at, shared, out };
        let Some(sequence) = end.sequence else {
            self.lose_rest(step);
            return self.pass_end(step);
        };
        let offset = self.locate(sequence, step);
        if self.phase == Phase::Ended {
            return;
        }
        self.begin_at_end(offset, step);
        if self.held.is_none() && self.phase != Phase::Gathering && offset <= self.next {
            return self.pass_end(step);
        }
        self.held.get_or_insert_default().end.get_or_insert((offset, at));
        if self.loss_is_known(step) {
            self.release_all(step);
        }
    }

    /// The opposite direction reports that this stream has come to `sequence`; its offset, if it can be told.
    #[inline]
    pub fn opposite_position(&mut self, sequence: u32) -> Option<u64> {
        if self.phase == Phase::Arrival {
            return None;
        }
        let offset = self.offsets.locate(sequence)?;
        self.offsets.reach(offset);
        if self.phase == Phase::Unknown {
            self.next = offset;
            self.phase = Phase::Hinted;
        }
        Some(offset)
    }

    /// The receiver of this stream has all bytes before `offset`, so holes before it will not be filled any more.
    pub fn acknowledged(
        &mut self,
        offset: u64,
        now: Timestamp,
        shared: &mut Reassembly,
        out: &mut impl Outlet,
    ) {
        let step = &mut Step { now, shared, out };
        while self.held.as_ref().and_then(|held| held.waits_at()).is_some_and(|first| first <= offset) {
            self.release(step);
        }
    }

    /// Time has passed: gives up holes that were waited for long enough.
    pub fn tick(&mut self, now: Timestamp, shared: &mut Reassembly, out: &mut impl Outlet) {
        self.expire(&mut Step { now, shared, out });
    }

    /// The connection is over: passes on what is left. `lost_calls` is how many calls were lost after the last chunk, or
    /// after the end of the stream was told.
    pub fn finish(
        &mut self,
        lost_calls: u32,
        now: Timestamp,
        shared: &mut Reassembly,
        out: &mut impl Outlet,
    ) {
        self.lost_calls = self.lost_calls.saturating_add(lost_calls);
        let step = &mut Step { now, shared, out };
        self.lose_rest(step);
    }

    /// Passes on what is held; what known lost calls moved behind it is a gap of unknown length.
    fn lose_rest<O: Outlet>(&mut self, step: &mut Step<'_, O>) {
        self.release_all(step);
        if self.lost_calls > 0 && self.phase != Phase::Ended {
            if self.next == 0 {
                self.start_arrival();
            }
            self.lose_unknown(step);
        }
    }

    /// Throws away what is held, so that the stream can be dropped.
    pub fn discard(&mut self, shared: &mut Reassembly) {
        if let Some(held) = self.held.take() {
            shared.held_bytes -= held.cost();
        }
    }

    /// A chunk that does not simply continue the stream.
    #[cold]
    fn place<O: Outlet>(&mut self, chunk: &Arrival<'_>, step: &mut Step<'_, O>) {
        let Some(sequence) = chunk.sequence else { return self.append(chunk, step) };
        let offset = self.locate(sequence, step);
        self.begin(offset, chunk, step);
        let whole = incoming(chunk, offset, offset + u64::from(chunk.length));
        let Some((part, trusted)) = self.trim(&whole, step.shared) else { return };
        if self.phase == Phase::Running && self.held.is_none() {
            // Calls known to be lost explain the hole: no chunk will come to fill it.
            if part.offset > self.next && self.loss_is_known(step) {
                self.lose_until(part.offset, 0, step);
            }
            if part.offset == self.next && trusted {
                return self.deliver(&part, step);
            }
        }
        self.hold(&part, trusted, step);
        if self.loss_is_known(step) {
            self.release_all(step);
        }
        self.shrink(step);
        self.expire(step);
    }

    fn loss_is_known<O>(&self, step: &Step<'_, O>) -> bool {
        self.lost_calls > 0 && !step.shared.packets()
    }

    /// What of a chunk is neither old nor past the end, and whether its bytes are where they claim to be: a call that
    /// overlaps what was passed on has misread its place.
    fn trim<'a>(&self, whole: &Incoming<'a>, shared: &mut Reassembly) -> Option<(Incoming<'a>, bool)> {
        let start = if self.phase == Phase::Gathering { whole.offset } else { whole.offset.max(self.next) };
        let limit = match (self.phase, &self.held) {
            (Phase::Ended, _) => Some(self.next),
            (_, Some(held)) => held.end.map(|(end, _)| end),
            (_, None) => None,
        };
        let end = limit.map_or(whole.end, |limit| whole.end.min(limit));
        shared.counters.duplicate_bytes += start.min(whole.end) - whole.offset;
        shared.counters.past_end_bytes += whole.end - end.max(start).min(whole.end);
        let trusted = start == whole.offset || shared.packets();
        (start < end).then(|| (whole.part(start, end), trusted))
    }
}

/// A chunk as it lies between two offsets; never more bytes than it claims to have moved.
#[inline]
fn incoming<'a>(chunk: &Arrival<'a>, offset: u64, end: u64) -> Incoming<'a> {
    let length = usize::try_from(chunk.length).unwrap_or(usize::MAX);
    let bytes = &chunk.bytes[..chunk.bytes.len().min(length)];
    Incoming { at: chunk.at, offset, end, opposite_offset: chunk.opposite_offset, bytes }
}
