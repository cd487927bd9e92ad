//! What a pcapng file says about the interface that a packet was captured on.

use plainsight_protocols::Timestamp;

use super::link::LinkType;

const NANOS_PER_SECOND: u128 = 1_000_000_000;
/// A nanosecond is ten to the minus ninth.
const NANO_EXPONENT: u32 = 9;

/// An interface of a section.
pub(super) struct Interface {
    /// How its packets are framed, `None` if that is not known here.
    pub(super) link_type: Option<LinkType>,
    /// Length at which packets were cut, zero for no limit.
    pub(super) snap_length: u32,
    /// How to read its timestamps.
    pub(super) clock: Clock,
}

impl Interface {
    pub(super) fn new(link_number: u16, snap_length: u32, clock: Clock) -> Self {
        Self { link_type: LinkType::from_number(link_number), snap_length, clock }
    }
}

/// The options `if_tsresol` and `if_tsoffset` of an interface (section 4.2 of the draft).
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    unit: Unit,
    offset_seconds: i64,
}

/// How long one unit of a timestamp lasts.
#[derive(Debug, Clone, Copy)]
enum Unit {
    /// Ten to the minus this many seconds.
    PowerOfTen(u32),
    /// Two to the minus this many seconds.
    PowerOfTwo(u32),
}

impl Default for Clock {
    fn default() -> Self {
        Self { unit: Unit::PowerOfTen(6), offset_seconds: 0 }
    }
}

impl Clock {
    pub(super) fn set_resolution(&mut self, option: u8) {
        let exponent = u32::from(option & 0x7f);
        self.unit = if option & 0x80 == 0 { Unit::PowerOfTen(exponent) } else { Unit::PowerOfTwo(exponent) };
    }

    pub(super) const fn set_offset(&mut self, seconds: i64) {
        self.offset_seconds = seconds;
    }

    /// The moment that `units` stand for; the nearest that 64 bits of nanoseconds since 1970 can say.
    pub(super) fn timestamp(self, units: u64) -> Timestamp {
        let units = u128::from(units);
        let nanos = match self.unit {
            Unit::PowerOfTen(exponent) if exponent <= NANO_EXPONENT => {
                units * 10_u128.pow(NANO_EXPONENT - exponent)
            }
            // More than 38 digits behind the nanosecond: no 64-bit number of such units lasts one.
            Unit::PowerOfTen(exponent) => {
                10_u128.checked_pow(exponent - NANO_EXPONENT).map_or(0, |unit| units / unit)
            }
            Unit::PowerOfTwo(exponent) => (units * NANOS_PER_SECOND) >> exponent,
        };
        // Both terms have less than 100 bits.
        let nanos = nanos as i128 + i128::from(self.offset_seconds) * NANOS_PER_SECOND as i128;
        Timestamp::from_nanos(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
    }
}
