//! What waits for its turn, and what happens when the turn comes or is given up.

use super::{GapCause, Incoming, Outlet, Phase, Step, Stream};
use crate::flow::held::Content;

impl Stream {
    /// Keeps a chunk until its turn, which may have come.
    pub(super) fn hold<O: Outlet>(&mut self, part: &Incoming<'_>, trusted: bool, step: &mut Step<'_, O>) {
        let running = self.phase == Phase::Running;
        let shared = &mut *step.shared;
        shared.counters.reordered_chunks += u64::from(running && part.offset > self.next);
        let packets = shared.packets();
        let held = self.held.get_or_insert_default();
        let before = held.cost();
        if packets {
            shared.counters.duplicate_bytes += held.insert_new(part);
        } else {
            shared.counters.conflicting_chunks += held.insert_exclusive(part, trusted);
        }
        shared.held_bytes = shared.held_bytes - before + held.cost();
        if running {
            self.drain(step);
        }
    }

    /// Gives up holes until what is held is within the limits.
    pub(super) fn shrink<O: Outlet>(&mut self, step: &mut Step<'_, O>) {
        let limits = step.shared.limits;
        while let Some(held) = &self.held
            && held.count() > 0
            && (held.cost() > limits.stream_bytes
                || held.count() > limits.stream_chunks
                || step.shared.held_bytes > limits.total_bytes)
        {
            step.shared.counters.held_overflow += 1;
            self.release(step);
        }
    }

    /// Gives up holes that were waited for long enough.
    pub(super) fn expire<O: Outlet>(&mut self, step: &mut Step<'_, O>) {
        while let Some(since) = self.held.as_ref().and_then(|held| held.since())
            && step.now.since(since) >= step.shared.limits.wait
        {
            self.release(step);
        }
    }

    /// Gives up all holes.
    pub(super) fn release_all<O: Outlet>(&mut self, step: &mut Step<'_, O>) {
        while self.held.is_some() {
            self.release(step);
        }
    }

    /// Declares the first hole lost and passes on what comes after it, up to the next hole.
    pub(super) fn release<O: Outlet>(&mut self, step: &mut Step<'_, O>) {
        let Some(held) = &self.held else { return };
        let conflict = held.first_conflict();
        let first = held.waits_at().unwrap_or(self.next);
        if self.phase == Phase::Gathering {
            self.start(first);
        }
        // The hole before a conflict belongs to it: together they are what the calls in conflict moved.
        let (until, calls) = conflict.unwrap_or((first, 0));
        self.lose_until(until, calls, step);
        self.drain(step);
    }

    /// Passes on the held pieces whose turn it is, and the end behind them.
    fn drain<O: Outlet>(&mut self, step: &mut Step<'_, O>) {
        let Some(mut held) = self.held.take() else { return };
        let before = held.cost();
        while let Some((offset, piece)) = held.pop_at(self.next) {
            let end = offset + piece.length;
            match piece.content {
                Content::Bytes(bytes) => {
                    let (at, opposite_offset) = (piece.at, piece.opposite_offset);
                    self.deliver(&Incoming { at, offset, end, opposite_offset, bytes: &bytes }, step);
                }
                Content::Conflict { calls } => self.lose_until(end, calls, step),
            }
        }
        step.shared.held_bytes = step.shared.held_bytes - before + held.cost();
        if held.count() == 0 && held.end.take_if(|(end, _)| *end <= self.next).is_some() {
            self.pass_end(step);
        }
        if !held.is_done() {
            self.held = Some(held);
        }
    }

    /// Passes on the end of the stream.
    pub(super) fn pass_end<O: Outlet>(&mut self, step: &mut Step<'_, O>) {
        if self.phase != Phase::Ended {
            self.phase = Phase::Ended;
            step.out.end(self.flow, step.now);
        }
    }

    /// Passes on a chunk that continues the stream.
    #[inline]
    pub(super) fn deliver<O: Outlet>(&mut self, chunk: &Incoming<'_>, step: &mut Step<'_, O>) {
        let copied_end = chunk.offset + chunk.bytes.len() as u64;
        self.next = chunk.end;
        self.offsets.reach(chunk.end);
        if !chunk.bytes.is_empty() {
            step.out.bytes(self.flow, chunk.at, chunk.offset, chunk.opposite_offset, chunk.bytes);
        }
        if copied_end < chunk.end {
            let bytes = chunk.end - copied_end;
            step.shared.counters.not_copied_bytes += bytes;
            step.out.gap(self.flow, chunk.at, copied_end, bytes, GapCause::NotCopied);
        }
    }

    /// Declares everything before `to` lost: `calls` known calls, beside those whose records were lost.
    pub(super) fn lose_until<O: Outlet>(&mut self, to: u64, calls: u64, step: &mut Step<'_, O>) {
        if to <= self.next {
            return;
        }
        let (offset, bytes) = (self.next, to - self.next);
        let calls = calls + self.take_lost_calls();
        step.shared.counters.gaps += 1;
        step.shared.counters.lost_bytes += bytes;
        self.next = to;
        self.offsets.reach(to);
        step.out.gap(self.flow, step.now, offset, bytes, GapCause::Lost { calls });
    }

    /// The calls known to be lost, from now on accounted for.
    pub(super) fn take_lost_calls(&mut self) -> u64 {
        u64::from(std::mem::take(&mut self.lost_calls))
    }
}
