//! How long what is not seen is waited for, and what is made of it when it does not come.

use std::time::Duration;

use super::{exchanges::Exchanges, record::Fate};
use crate::{CloseReason, Direction, Sink, Timestamp, fifo::LATE_WINDOW};

/// Streams remembered that were begun where nothing could be seen, and those of which only the answer was.
pub(super) const REMEMBERED: usize = 256;

/// The least that a request takes: the header of a frame, and a field.
const REQUEST_BYTES: u64 = 10;

/// Silence after which a request is given up as timed out; HTTP/1 waits as long. Calls of gRPC may be silent for hours.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(120);

/// How long a whole response waits for the end of its request, which is seen late or never sent.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Silence after which an exchange that loss took a part of is believed to have ended unseen.
const LOST_TIMEOUT: Duration = Duration::from_secs(30);

impl Exchanges {
    /// The client begins this stream; those that it skipped since the last one were begun unseen.
    pub(super) fn client_begins(&mut self, stream: u32, now: Timestamp, sink: &mut dyn Sink) {
        let highest = self.highest[0];
        self.highest[0] = stream.max(highest);
        if highest == 0 {
            self.lowest = stream;
        }
        let known_before = highest > 0 || !self.joined;
        let mut missing = std::mem::take(&mut self.requests_lost) / REQUEST_BYTES;
        if missing > 0 && known_before {
            let (mut skipped, mut forgotten) = (if highest == 0 { 1 } else { highest + 2 }, 0);
            while skipped < stream && missing > 0 && forgotten < REMEMBERED as u64 {
                if !self.knows(skipped) && !self.orphans.contains(&skipped) {
                    missing -= 1;
                    if self.skipped.len() < REMEMBERED {
                        // It is higher than any that was skipped before.
                        self.skipped.push(skipped);
                    } else {
                        forgotten += 1;
                    }
                }
                skipped += 2;
            }
            if forgotten > 0 {
                sink.unobserved(forgotten);
            }
            self.skipped_at = now;
            self.plan(now, LOST_TIMEOUT);
        }
        self.orphans.retain(|&orphan| orphan > stream);
    }

    /// Frames of a direction were not seen: whatever is under way in it may have gone on, or ended.
    pub(super) fn lose(&mut self, direction: Direction, bytes: u64, now: Timestamp, sink: &mut dyn Sink) {
        if direction == Direction::ToServer {
            self.requests_lost = self.requests_lost.saturating_add(bytes);
        }
        let mut index = 0;
        while let Some((_, record)) = self.open.get_mut(index) {
            if !record.is_done(direction) {
                record.size(direction).cut = true;
                record.messages(direction).lose();
                if record.is_finished() {
                    self.report(index, Fate::Ended, sink);
                    continue;
                }
            }
            index += 1;
        }
        self.plan(now, LOST_TIMEOUT);
    }

    pub(super) fn plan(&mut self, now: Timestamp, window: Duration) {
        let nanos = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
        let due = Timestamp::from_nanos(now.as_nanos().saturating_add(nanos));
        self.look_at = Some(self.look_at.map_or(due, |planned| planned.min(due)));
    }

    /// Whether something has waited long enough to be looked at.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.look_at.is_some_and(|due| due <= now)
    }

    /// Gives up what has waited too long.
    pub(super) fn look(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        self.look_at = None;
        let mut index = 0;
        while let Some((_, record)) = self.open.get(index) {
            let silent = now.since(record.active_at);
            let cut = record.request.size.cut || record.response.size.cut;
            let ended = record.ended_at().is_some() || record.response.done;
            let patience = match (ended, record.asked) {
                (true, false) => LATE_WINDOW,
                (true, true) => REQUEST_TIMEOUT,
                _ if cut => LOST_TIMEOUT,
                _ if !record.answered && !record.call.is_call => RESPONSE_TIMEOUT,
                _ => {
                    index += 1;
                    continue;
                }
            };
            if silent >= patience {
                let fate = if ended { Fate::Ended } else { Fate::Closed(CloseReason::Timeout) };
                self.report(index, fate, sink);
            } else {
                self.plan(record.active_at, patience);
                index += 1;
            }
        }
        if !self.skipped.is_empty() {
            if now.since(self.skipped_at) >= LOST_TIMEOUT {
                self.give_up_skipped(sink);
            } else {
                self.plan(self.skipped_at, LOST_TIMEOUT);
            }
        }
    }

    pub(super) fn give_up_skipped(&mut self, sink: &mut dyn Sink) {
        if !self.skipped.is_empty() {
            sink.unobserved(self.skipped.len() as u64);
            self.skipped.clear();
        }
    }
}
