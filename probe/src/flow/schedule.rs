//! Which connections need a look when time has passed.
//!
//! A parser may wait for something that never comes: the request of an answer that was seen first (10 ms), an answer
//! at all (seconds). Looking at every connection every 2 ms would cost more than the traffic. So a connection that had
//! an event lately, or that holds anything, is looked at [every few milliseconds](SOON); any other
//! [once a second](LATER). Each is in one of two queues, and as everything enters a queue with the same delay, the
//! front is always the next one due: a tick costs what is due and nothing else.

use std::time::Duration;

use plainsight_protocols::Timestamp;

use super::index_list::IndexList;

/// How often a connection is looked at on which something may be waiting. With the wait of
/// [`Limits::LIVE`](super::stream::Limits::LIVE) a hole is given up after 8 ms at most, within the 10 ms for which
/// parsers keep an answer without its request.
const SOON: Duration = Duration::from_millis(4);

/// How often any other connection is looked at: parsers measure in seconds how long a request may stay unanswered.
const LATER: Duration = Duration::from_secs(1);

/// The two queues of connections, by table index.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    soon: IndexList,
    later: IndexList,
    due: Vec<Timestamp>,
}

impl Schedule {
    /// What a connection costs here, in bytes.
    pub(super) const BYTES_PER_PLACE: usize = 2 * IndexList::BYTES_PER_PLACE + size_of::<Timestamp>();

    /// Something happened on the connection: it is looked at soon, or sooner if that is planned already.
    #[inline]
    pub(super) fn wake(&mut self, index: u32, now: Timestamp) {
        if !self.soon.contains(index) {
            self.plan(index, now, true);
        }
    }

    /// Plans the next look at a connection: soon if something may be waiting on it.
    pub(super) fn plan(&mut self, index: u32, now: Timestamp, soon: bool) {
        let (enter, leave, delay) = if soon {
            (&mut self.soon, &mut self.later, SOON)
        } else {
            (&mut self.later, &mut self.soon, LATER)
        };
        leave.remove(index);
        enter.move_to_back(index);
        let position = index as usize;
        if position >= self.due.len() {
            self.due.resize(position + 1, Timestamp::default());
        }
        self.due[position] = after(now, delay);
    }

    /// A connection that is due. It must be planned again, or removed.
    pub(super) fn next_due(&self, now: Timestamp) -> Option<u32> {
        let due = |list: &IndexList, delay| {
            // A time further ahead than the delay means that the clock was set back.
            list.front().filter(|&index| {
                let due = self.due[index as usize];
                due <= now || due.since(now) > delay
            })
        };
        due(&self.soon, SOON).or_else(|| due(&self.later, LATER))
    }

    /// Never looks at the connection again.
    pub(super) fn remove(&mut self, index: u32) {
        self.soon.remove(index);
        self.later.remove(index);
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
    fn a_woken_connection_is_due_after_four_milliseconds_and_not_before() {
        let mut schedule = Schedule::default();
        schedule.wake(3, milliseconds(100));
        schedule.wake(3, milliseconds(102));
        assert_eq!(schedule.next_due(milliseconds(103)), None);
        assert_eq!(schedule.next_due(milliseconds(104)), Some(3));
    }

    #[test]
    fn a_quiet_connection_is_due_once_a_second_and_an_event_brings_that_forward() {
        let mut schedule = Schedule::default();
        schedule.plan(1, milliseconds(0), false);
        assert_eq!(schedule.next_due(milliseconds(999)), None);
        assert_eq!(schedule.next_due(milliseconds(1000)), Some(1));
        schedule.wake(1, milliseconds(10));
        assert_eq!(schedule.next_due(milliseconds(14)), Some(1));
    }

    #[test]
    fn a_clock_set_back_does_not_put_off_a_look() {
        let mut schedule = Schedule::default();
        schedule.wake(1, milliseconds(1_000_000));
        assert_eq!(schedule.next_due(milliseconds(5)), Some(1));
    }

    #[test]
    fn a_removed_connection_is_never_due() {
        let mut schedule = Schedule::default();
        schedule.wake(1, milliseconds(0));
        schedule.plan(2, milliseconds(0), false);
        schedule.remove(1);
        schedule.remove(2);
        assert_eq!(schedule.next_due(milliseconds(60_000)), None);
    }
}
