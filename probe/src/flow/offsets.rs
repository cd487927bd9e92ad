//! One stream's 32-bit sequence numbers as 64-bit offsets that never wrap.

use plainsight_protocols::Gap;

use crate::capture::Flow;

/// Where the offsets of a stream begin: far enough from zero that no step back can pass it.
const ANCHOR: u64 = 1 << 48;

/// Where the offsets of a stream without sequence numbers begin: apart from all others, so that none compares equal.
const ARRIVAL_ANCHOR: u64 = 1 << 52;

/// Beyond this a stream's offsets begin anew. Only leaps of [`Gap::UNKNOWN_BYTES`] lead here, 2^26 of them.
const LAST_ANCHOR: u64 = 1 << 62;

/// A sequence number further than this from where its stream stands is not explained by loss or reordering: TCP's
/// largest window is 1 GiB (RFC 7323 section 2.2).
const PLAUSIBLE_DISTANCE: u64 = 1 << 30;

/// The offsets of one stream. The low 32 bits of an offset are the TCP sequence number, so every number that is
/// translated, of the stream's own chunks or as the opposite stream's chunks report it, lands in the same space.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Offsets {
    /// The furthest offset that is known to exist, zero while there is none.
    furthest: u64,
}

impl Offsets {
    /// The offset of a sequence number near those seen so far; `None` if it is implausibly far. The first number ever
    /// seen is where the space begins.
    #[inline]
    pub(super) fn locate(&mut self, sequence: u32) -> Option<u64> {
        if self.furthest == 0 {
            self.furthest = ANCHOR | u64::from(sequence);
        }
        // The nearest of the offsets whose low 32 bits are the sequence number: the difference read as signed.
        let distance = i64::from(sequence.wrapping_sub(low(self.furthest)).cast_signed());
        (distance.unsigned_abs() <= PLAUSIBLE_DISTANCE).then(|| self.furthest.wrapping_add_signed(distance))
    }

    /// An offset past all before it, further than any message is long, for a sequence number that is implausible.
    pub(super) fn leap(&mut self, sequence: u32) -> u64 {
        let base = after_unknown(self.furthest.max(ANCHOR));
        let offset = base + u64::from(sequence.wrapping_sub(low(base)));
        self.furthest = offset;
        offset
    }

    /// The offset after a loss of unknown length at `offset`, where the stream goes on.
    pub(super) fn skip_unknown(&mut self, offset: u64) -> u64 {
        self.furthest = after_unknown(offset);
        self.furthest
    }

    /// Where the offsets of a stream in order of arrival begin.
    pub(super) fn start_arrival(&mut self) -> u64 {
        self.furthest = ARRIVAL_ANCHOR;
        ARRIVAL_ANCHOR
    }

    /// Takes note that the stream reaches `offset`.
    #[inline]
    pub(super) fn reach(&mut self, offset: u64) {
        self.furthest = self.furthest.max(offset);
    }
}

/// From which offset on the low halves of a connection's offsets are TCP sequence numbers: from the first, unless the
/// stream was put in order of arrival for a while.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Numbering {
    received: u64,
    sent: u64,
}

impl Numbering {
    /// Offsets of a stream are sequence numbers from this one on, or, without one, not any more.
    pub(super) fn set(&mut self, flow: Flow, from: Option<u64>) {
        let stream = match flow {
            Flow::Received => &mut self.received,
            Flow::Sent => &mut self.sent,
        };
        *stream = from.unwrap_or(u64::MAX);
    }

    /// The TCP sequence number of an offset, if it has one.
    #[inline]
    pub(super) fn sequence(self, flow: Flow, offset: u64) -> Option<u32> {
        let from = match flow {
            Flow::Received => self.received,
            Flow::Sent => self.sent,
        };
        (offset >= from).then_some(low(offset))
    }
}

/// Once in 2^26 times this is a step back, which keeps offsets from ever overflowing.
const fn after_unknown(offset: u64) -> u64 {
    if offset > LAST_ANCHOR { ANCHOR } else { offset + Gap::UNKNOWN_BYTES }
}

/// The TCP sequence number of an offset.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the low half is what is asked for")]
pub(super) const fn low(offset: u64) -> u32 {
    offset as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_go_on_counting_across_the_wrap() {
        let mut offsets = Offsets::default();
        let before = offsets.locate(u32::MAX - 9).expect("the first number begins the space");
        let after = offsets.locate(20).expect("a near number");
        assert_eq!(after - before, 30);
    }

    #[test]
    fn a_number_before_the_first_one_lies_before_it() {
        let mut offsets = Offsets::default();
        let first = offsets.locate(5).expect("first");
        assert_eq!(offsets.locate(u32::MAX).expect("near"), first - 6);
    }

    #[test]
    fn a_number_more_than_a_gibibyte_away_has_no_place() {
        let mut offsets = Offsets::default();
        let first = offsets.locate(0).expect("first");
        assert_eq!(offsets.locate(1 << 30), Some(first + (1 << 30)));
        assert_eq!(offsets.locate((1 << 30) + 1), None);
        assert_eq!(offsets.locate(0u32.wrapping_sub((1 << 30) + 1)), None);
    }

    #[test]
    fn a_leap_keeps_the_sequence_number_and_exceeds_any_message() {
        let mut offsets = Offsets::default();
        let first = offsets.locate(7).expect("first");
        let leaped = offsets.leap(3);
        assert_eq!(low(leaped), 3);
        assert!(leaped - first >= Gap::UNKNOWN_BYTES);
        assert_eq!(offsets.locate(4), Some(leaped + 1));
    }
}
