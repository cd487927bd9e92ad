//! Where a stream starts, and where it goes on when its sequence numbers say nothing.

use super::{Arrival, Gap, GapCause, Outlet, Phase, Step, Stream, incoming};

impl Stream {
    /// The offset of a sequence number. One that is implausible starts the stream anew, far ahead.
    pub(super) fn locate<O: Outlet>(&mut self, sequence: u32, step: &mut Step<'_, O>) -> u64 {
        if self.phase != Phase::Arrival
            && let Some(offset) = self.offsets.locate(sequence)
        {
            return offset;
        }
        self.release_all(step);
        let offset = self.offsets.leap(sequence);
        step.shared.counters.resynchronised += 1;
        match self.phase {
            Phase::Running | Phase::Arrival => {
                let bytes = offset.saturating_sub(self.next).max(Gap::UNKNOWN_BYTES);
                self.declare_unknown(self.next, bytes, step);
                if self.phase == Phase::Arrival {
                    step.out.numbered(self.flow, Some(offset));
                }
                self.start(offset);
            }
            Phase::Unknown | Phase::Hinted | Phase::Placed => self.phase = Phase::Unknown,
            Phase::Gathering | Phase::Ended => {}
        }
        offset
    }

    /// Decides where the stream starts, if it has not started, now that a chunk lies at `offset`.
    pub(super) fn begin<O: Outlet>(&mut self, offset: u64, chunk: &Arrival<'_>, step: &mut Step<'_, O>) {
        match self.phase {
            Phase::Gathering | Phase::Running | Phase::Arrival | Phase::Ended => {}
            Phase::Placed => self.phase = Phase::Running,
            Phase::Unknown | Phase::Hinted if chunk.length == 0 => {
                self.start(offset);
                self.phase = Phase::Placed;
            }
            Phase::Unknown | Phase::Hinted if step.shared.packets() => {
                let known = self.phase == Phase::Hinted && self.from_start && offset >= self.next;
                self.phase = if known { Phase::Running } else { Phase::Gathering };
            }
            Phase::Hinted if offset > self.next => self.phase = Phase::Running,
            // A position told by the opposite direction can be past the start: that of a call that was reported first.
            Phase::Unknown | Phase::Hinted => {
                self.lose_beginning(offset, step);
                self.start(offset);
            }
        }
    }

    /// Calls are known to be lost before the first that is seen of a stream, which lies at `offset`.
    fn lose_beginning<O: Outlet>(&mut self, offset: u64, step: &mut Step<'_, O>) {
        if self.from_start && self.lost_calls > 0 {
            self.declare_unknown(offset - Gap::UNKNOWN_BYTES, Gap::UNKNOWN_BYTES, step);
        }
    }

    /// The same when the first that is seen of a stream is its end.
    pub(super) fn begin_at_end<O: Outlet>(&mut self, offset: u64, step: &mut Step<'_, O>) {
        match self.phase {
            Phase::Hinted if offset > self.next && (self.from_start || !step.shared.packets()) => {
                self.phase = Phase::Running;
            }
            Phase::Unknown | Phase::Hinted => {
                self.lose_beginning(offset, step);
                self.start(offset);
            }
            Phase::Placed => self.phase = Phase::Running,
            Phase::Gathering | Phase::Running | Phase::Arrival | Phase::Ended => {}
        }
    }

    /// A chunk of a socket without sequence numbers.
    pub(super) fn append<O: Outlet>(&mut self, chunk: &Arrival<'_>, step: &mut Step<'_, O>) {
        self.release_all(step);
        if !matches!(self.phase, Phase::Arrival | Phase::Ended) {
            step.out.numbered(self.flow, None);
        }
        let first = match self.phase {
            Phase::Ended => {
                step.shared.counters.past_end_bytes += u64::from(chunk.length);
                return;
            }
            Phase::Running | Phase::Arrival => false,
            Phase::Unknown | Phase::Hinted | Phase::Placed | Phase::Gathering => {
                self.start_arrival();
                true
            }
        };
        self.phase = Phase::Arrival;
        if chunk.lost_calls > 0 && (!first || self.from_start) {
            self.lose_unknown(step);
        }
        let end = self.next + u64::from(chunk.length);
        self.deliver(&incoming(chunk, self.next, end), step);
    }

    pub(super) fn start(&mut self, offset: u64) {
        self.next = offset;
        self.offsets.reach(offset);
        self.phase = Phase::Running;
    }

    pub(super) fn start_arrival(&mut self) {
        self.next = self.offsets.start_arrival();
        self.phase = Phase::Arrival;
    }

    /// Declares a loss of unknown length where the stream stands.
    pub(super) fn lose_unknown<O: Outlet>(&mut self, step: &mut Step<'_, O>) {
        self.declare_unknown(self.next, Gap::UNKNOWN_BYTES, step);
        self.next = self.offsets.skip_unknown(self.next);
    }

    fn declare_unknown<O: Outlet>(&mut self, offset: u64, bytes: u64, step: &mut Step<'_, O>) {
        step.shared.counters.gaps += 1;
        let calls = self.take_lost_calls();
        step.out.gap(self.flow, step.now, offset, bytes, GapCause::Lost { calls });
    }
}
