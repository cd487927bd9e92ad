//! From the timestamps of a source to wall time.

use std::{fmt, time::Duration};

use plainsight_protocols::Timestamp;
use rustix::time::{ClockId, Timespec, clock_gettime};
use serde::{Serialize, Serializer};

/// How long the relation of the two clocks is trusted. The wall clock is slewed by at most 500 parts per million
/// (adjtimex), so within a second it is off by 0.5 ms at worst; a step or a suspend is noticed within a second.
const ANCHOR_LIFETIME_NANOS: u64 = 1_000_000_000;

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct WallTime(u64);

impl WallTime {
    /// A moment from nanoseconds since 1970.
    #[must_use]
    pub const fn from_unix_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since 1970.
    #[must_use]
    pub const fn as_unix_nanos(self) -> u64 {
        self.0
    }

    /// The present moment.
    #[must_use]
    pub fn now() -> Self {
        Self(nanos(clock_gettime(ClockId::Realtime)))
    }

    /// The moment as the standard library knows it.
    #[must_use]
    pub fn to_system_time(self) -> std::time::SystemTime {
        std::time::UNIX_EPOCH + Duration::from_nanos(self.0)
    }

    /// The moment that much later.
    #[must_use]
    pub const fn after(self, duration: Duration) -> Self {
        // Past the year 2554 nothing is later.
        Self(
            self.0
                .saturating_add(duration.as_secs().saturating_mul(1_000_000_000))
                .saturating_add(duration.subsec_nanos() as u64),
        )
    }

    /// The moment as the calendar library knows it.
    #[must_use]
    pub fn to_timestamp(self) -> jiff::Timestamp {
        // 64 bits of nanoseconds end in 2554, well within the years that jiff knows.
        jiff::Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or_default()
    }
}

impl WallTime {
    /// RFC 3339 in UTC with nanoseconds, as ASCII.
    #[must_use]
    pub fn rfc_3339(self) -> [u8; 30] {
        let time = jiff::tz::Offset::UTC.to_datetime(self.to_timestamp());
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        let parts = [
            (0..4, time.year().unsigned_abs().into()),
            (5..7, time.month().unsigned_abs().into()),
            (8..10, time.day().unsigned_abs().into()),
            (11..13, time.hour().unsigned_abs().into()),
            (14..16, time.minute().unsigned_abs().into()),
            (17..19, time.second().unsigned_abs().into()),
            (20..29, time.subsec_nanosecond().unsigned_abs()),
        ];
        for (place, mut number) in parts {
            for digit in text[place].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        text
    }
}

impl fmt::Display for WallTime {
    /// RFC 3339 in UTC with nanoseconds, always thirty characters.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(str::from_utf8(&self.rfc_3339()).unwrap_or_default())
    }
}

impl Serialize for WallTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Turns timestamps into wall time.
#[derive(Debug, Clone)]
pub enum Clock {
    /// Timestamps count from the boot of this host (`CLOCK_BOOTTIME`), as those of live capture do.
    BootTime(Anchor),
    /// Timestamps are wall time already, as those of capture files are.
    WallTime,
}

impl Clock {
    /// A clock for live capture.
    #[must_use]
    pub fn boot_time() -> Self {
        Self::BootTime(Anchor::now())
    }

    /// The wall time of a timestamp. The two clocks are compared anew every second, for the wall clock may be stepped
    /// and suspend stops neither.
    #[must_use]
    pub fn wall_time(&mut self, at: Timestamp) -> WallTime {
        match self {
            Self::WallTime => WallTime(at.as_nanos()),
            Self::BootTime(anchor) => {
                if at.as_nanos() >= anchor.expires {
                    *anchor = Anchor::now();
                }
                anchor.wall_time(at)
            }
        }
    }
}

/// The relation of boot time and wall time at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Anchor {
    boot_to_wall: i128,
    expires: u64,
}

impl Anchor {
    fn now() -> Self {
        // The wall clock is read between two readings of the other, so that a preemption shifts it by half at most.
        let before = nanos(clock_gettime(ClockId::Boottime));
        let wall = nanos(clock_gettime(ClockId::Realtime));
        let after = nanos(clock_gettime(ClockId::Boottime));
        Self::new(before.midpoint(after), wall)
    }

    fn new(boot: u64, wall: u64) -> Self {
        Self {
            boot_to_wall: i128::from(wall) - i128::from(boot),
            expires: boot.saturating_add(ANCHOR_LIFETIME_NANOS),
        }
    }

    fn wall_time(self, at: Timestamp) -> WallTime {
        let nanos = i128::from(at.as_nanos()) + self.boot_to_wall;
        WallTime(u64::try_from(nanos.max(0)).unwrap_or(u64::MAX))
    }
}

fn nanos(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn moments_print_as_rfc_3339_with_nanoseconds() {
        let cases = [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_399_999_999_999, "2000-02-28T23:59:59.999999999Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z"),
            (1_767_323_045_678_901_234, "2026-01-02T03:04:05.678901234Z"),
            (4_107_542_400_000_000_001, "2100-03-01T00:00:00.000000001Z"),
            (u64::MAX, "2554-07-21T23:34:33.709551615Z"),
        ];
        for (nanos, expected) in cases {
            assert_eq!(WallTime::from_unix_nanos(nanos).to_string(), expected);
        }
    }

    #[test]
    fn boot_time_of_now_is_wall_time_of_now() {
        let mut clock = Clock::boot_time();
        let boot = Timestamp::from_nanos(nanos(clock_gettime(ClockId::Boottime)));
        let system = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        let difference = i128::from(clock.wall_time(boot).as_unix_nanos()) - system.as_nanos().cast_signed();
        assert!(difference.abs() < 100_000_000, "off by {difference} ns");
    }

    #[test]
    fn a_step_of_the_wall_clock_is_followed_when_the_anchor_expires() {
        let now = nanos(clock_gettime(ClockId::Boottime));
        let stale = now.saturating_sub(2 * ANCHOR_LIFETIME_NANOS);
        let mut clock = Clock::BootTime(Anchor::new(stale, 42));
        let seen = clock.wall_time(Timestamp::from_nanos(now));
        assert!(
            seen > WallTime::from_unix_nanos(1_577_836_800_000_000_000),
            "still on the old anchor: {seen}"
        );
    }

    #[test]
    fn within_the_life_of_an_anchor_distances_are_kept_to_the_nanosecond() {
        let mut clock = Clock::BootTime(Anchor::new(1_000_000, 5_000_000_000));
        let first = clock.wall_time(Timestamp::from_nanos(1_000_000));
        let second = clock.wall_time(Timestamp::from_nanos(1_000_007));
        assert_eq!((first.0, second.0), (5_000_000_000, 5_000_000_007));
    }

    #[test]
    fn a_capture_file_has_wall_time_already() {
        assert_eq!(Clock::WallTime.wall_time(Timestamp::from_nanos(77)), WallTime(77));
    }
}
