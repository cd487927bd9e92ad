//! Which connections need a look when time has passed.
//!
//! A stream may wait for a chunk (4 ms), a parser for the request of an answer that was seen first (10 ms) or for an
//! answer (seconds), and none of them may ever come. Looking at every connection every 2 ms would cost more than the
//! traffic. So each is looked at at the [`Pace`] of what may be waiting on it, and there is a queue for each pace: as
//! everything enters a queue with the same delay, the front is always the next one due, and a tick costs what is due
//! and nothing else.

use std::time::Duration;

use plainsight_protocols::Timestamp;

use super::index_list::IndexList;

/// How urgently a connection must be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Pace {
    /// A chunk waits for its turn. With the wait of [`Limits::LIVE`](super::stream::Limits::LIVE) a hole is given up
    /// after 8 ms at most, within the 10 ms for which parsers keep an answer without its request.
    Holding,
    /// There was an event lately, so a parser may keep such an answer. The first look after the 10 ms are over finds
    /// it; looking more often would cost and find nothing.
    Lively,
    /// Nothing but an answer may be missing, and parsers measure in seconds how long that may take.
    Quiet,
}

impl Pace {
    /// The time until the next look.
    pub(super) const fn delay(self) -> Duration {
        match self {
            Self::Holding => Duration::from_millis(4),
            Self::Lively => Duration::from_millis(12),
            Self::Quiet => Duration::from_secs(1),
        }
    }
}

/// The next look at each connection, by table index.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// In the order of [`Pace`].
    queues: [IndexList; 3],
    plans: Vec<Plan>,
}

#[derive(Debug, Clone, Copy)]
struct Plan {
    due: Timestamp,
    pace: Option<Pace>,
}

impl Schedule {
    /// What a connection costs here, in bytes.
    pub(super) const BYTES_PER_PLACE: usize = 3 * IndexList::BYTES_PER_PLACE + size_of::<Plan>();

    /// Something happened on a connection: it is looked at at this pace, unless a more urgent one is planned.
    #[inline]
    pub(super) fn wake(&mut self, index: u32, pace: Pace, now: Timestamp) {
        let planned = self.plans.get(index as usize).and_then(|plan| plan.pace);
        if planned.is_none_or(|planned| planned > pace) {
            self.plan(index, pace, now);
        }
    }

    /// Plans the next look at a connection, instead of any other.
    pub(super) fn plan(&mut self, index: u32, pace: Pace, now: Timestamp) {
        self.remove(index);
        let position = index as usize;
        if position >= self.plans.len() {
            self.plans.resize(position + 1, Plan { due: Timestamp::default(), pace: None });
        }
        self.plans[position] = Plan { due: after(now, pace.delay()), pace: Some(pace) };
        self.queues[pace as usize].move_to_back(index);
    }

    /// A connection that is due. It must be planned again, or removed.
    pub(super) fn next_due(&self, now: Timestamp) -> Option<u32> {
        [Pace::Holding, Pace::Lively, Pace::Quiet].into_iter().find_map(|pace| {
            let index = self.queues[pace as usize].front()?;
            let due = self.plans.get(index as usize)?.due;
            // A time further ahead than the delay means that the clock was set back.
            (due <= now || due.since(now) > pace.delay()).then_some(index)
        })
    }

    /// Never looks at the connection again, unless it is woken.
    pub(super) fn remove(&mut self, index: u32) {
        if let Some(pace) = self.plans.get_mut(index as usize).and_then(|plan| plan.pace.take()) {
            self.queues[pace as usize].remove(index);
        }
    }
}

fn after(now: Timestamp, delay: Duration) -> Timestamp {
    let nanos = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
    Timestamp::from_nanos(now.as_nanos().saturating_add(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milliseconds(count: u64) -> Timestamp {
        Timestamp::from_nanos(count * 1_000_000)
    }

    #[test]
    fn a_connection_is_due_after_the_delay_of_its_pace_and_not_before() {
        for (pace, delay) in [(Pace::Holding, 4), (Pace::Lively, 12), (Pace::Quiet, 1000)] {
            let mut schedule = Schedule::default();
            schedule.wake(3, pace, milliseconds(100));
            schedule.wake(3, pace, milliseconds(102));
            assert_eq!(schedule.next_due(milliseconds(99 + delay)), None);
            assert_eq!(schedule.next_due(milliseconds(100 + delay)), Some(3));
        }
    }

    #[test]
    fn an_event_brings_the_look_forward_and_never_puts_it_off() {
        let mut schedule = Schedule::default();
        schedule.plan(1, Pace::Quiet, milliseconds(0));
        schedule.wake(1, Pace::Lively, milliseconds(10));
        assert_eq!(schedule.next_due(milliseconds(22)), Some(1));
        schedule.wake(1, Pace::Holding, milliseconds(11));
        assert_eq!(schedule.next_due(milliseconds(15)), Some(1));
        schedule.wake(1, Pace::Lively, milliseconds(12));
        assert_eq!(schedule.next_due(milliseconds(15)), Some(1));
    }

    #[test]
    fn a_clock_set_back_does_not_put_off_a_look() {
        let mut schedule = Schedule::default();
        schedule.wake(1, Pace::Lively, milliseconds(1_000_000));
        assert_eq!(schedule.next_due(milliseconds(5)), Some(1));
    }

    #[test]
    fn a_removed_connection_is_never_due() {
        let mut schedule = Schedule::default();
        schedule.wake(1, Pace::Lively, milliseconds(0));
        schedule.plan(2, Pace::Quiet, milliseconds(0));
        schedule.remove(1);
        schedule.remove(2);
        assert_eq!(schedule.next_due(milliseconds(60_000)), None);
    }
}
