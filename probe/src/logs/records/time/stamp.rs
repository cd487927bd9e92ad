//! Dates and times in the forms that logs have them. Each function reads the beginning of a text, and tells how many bytes it took.

/// A date and a time of day, perhaps without year and zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::logs::records) struct Stamp {
    pub(super) year: Option<i32>,
    pub(super) month: u32,
    pub(super) day: u32,
    pub(super) hour: u32,
    pub(super) minute: u32,
    /// 60 in a leap second.
    pub(super) second: u32,
    pub(super) nanos: u32,
    /// Seconds east of Greenwich.
    pub(super) offset: Option<i32>,
}

/// A time with its zone, and nothing else (RFC 3339), in nanoseconds since 1970.
#[inline]
pub(in crate::logs::records) fn rfc3339(text: &[u8]) -> Option<u64> {
    let (stamp, used) = Stamp::date_and_time(text)?;
    if used != text.len() {
        return None;
    }
    stamp.in_zone(stamp.year?, stamp.offset?)
}

impl Stamp {
    /// `2024-01-02T03:04:05.678Z` with its usual liberties: a space for the `T`, a comma for the point, slashes, no zone.
    #[inline]
    pub(super) fn date_and_time(text: &[u8]) -> Option<(Self, usize)> {
        let head = text.first_chunk::<19>()?;
        let separator = head[4];
        let is_shaped = matches!(separator, b'-' | b'/')
            && head[7] == separator
            && matches!(head[10], b'T' | b't' | b' ' | b'_');
        if !is_shaped {
            return None;
        }
        let year = two(&head[0..2])? * 100 + two(&head[2..4])?;
        let (month, day) = (two(&head[5..7])?, two(&head[8..10])?);
        let (hour, minute, second) = time_of_day(&head[11..])?;
        let (nanos, fraction) = fraction(&text[19..]);
        let mut used = 19 + fraction;
        let mut stamp =
            Self { year: i32::try_from(year).ok(), month, day, hour, minute, second, nanos, offset: None };
        let rest = &text[used..];
        // A zone may stand apart.
        let space = usize::from(matches!(rest, [b' ', b'+' | b'-', b'0'..=b'9', ..]));
        if let Some((offset, length)) = offset(&rest[space..]) {
            stamp.offset = Some(offset);
            used += space + length;
        }
        Some((stamp, used))
    }

    /// `10/Oct/2000:13:55:36 -0700`, as nginx and Apache have it.
    pub(super) fn access_log(text: &[u8]) -> Option<(Self, usize)> {
        let head = text.first_chunk::<26>()?;
        if head[2] != b'/' || head[6] != b'/' || head[11] != b':' || head[20] != b' ' {
            return None;
        }
        let (hour, minute, second) = time_of_day(&head[12..])?;
        let (offset, 5) = offset(&head[21..])? else { return None };
        let year = two(&head[7..9])? * 100 + two(&head[9..11])?;
        let stamp = Self {
            year: i32::try_from(year).ok(),
            month: month(&head[3..6])?,
            day: two(&head[..2])?,
            hour,
            minute,
            second,
            nanos: 0,
            offset: Some(offset),
        };
        Some((stamp, 26))
    }

    /// `Jan  2 03:04:05` of RFC 3164: no year, no zone.
    pub(super) fn syslog(text: &[u8]) -> Option<(Self, usize)> {
        let head = text.first_chunk::<15>()?;
        if head[3] != b' ' || head[6] != b' ' {
            return None;
        }
        let day = if head[4] == b' ' { digit(head[5])? } else { two(&head[4..6])? };
        let (hour, minute, second) = time_of_day(&head[7..])?;
        let (nanos, fraction) = fraction(&text[15..]);
        let month = month(&head[..3])?;
        Some((Self { year: None, month, day, hour, minute, second, nanos, offset: None }, 15 + fraction))
    }

    /// `Wed Oct 11 14:32:52.123456 2000`, as Apache has it in its error log.
    pub(super) fn apache_error(text: &[u8]) -> Option<(Self, usize)> {
        if text.get(3) != Some(&b' ') || !text[..3].iter().all(u8::is_ascii_alphabetic) {
            return None;
        }
        let (stamp, used) = Self::syslog(&text[4..])?;
        let [b' ', year @ ..] = text.get(4 + used..)? else { return None };
        let year = two(year.get(..2)?)? * 100 + two(year.get(2..4)?)?;
        Some((Self { year: i32::try_from(year).ok(), ..stamp }, 4 + used + 5))
    }

    /// `0102 03:04:05.678901` of klog: no year, no zone.
    pub(in crate::logs::records) fn klog(text: &[u8]) -> Option<(Self, usize)> {
        let head = text.first_chunk::<13>()?;
        if head[4] != b' ' {
            return None;
        }
        let (hour, minute, second) = time_of_day(&head[5..])?;
        let (nanos, fraction) = fraction(&text[13..]);
        let (month, day) = (two(&head[..2])?, two(&head[2..4])?);
        Some((Self { year: None, month, day, hour, minute, second, nanos, offset: None }, 13 + fraction))
    }

    /// Nanoseconds since 1970, if there is such a day and it is not before.
    pub(super) fn in_zone(&self, year: i32, offset: i32) -> Option<u64> {
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match self.month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if is_leap => 29,
            2 => 28,
            _ => return None,
        };
        if !(1..=days).contains(&self.day) {
            return None;
        }
        let of_day = i64::from(self.hour * 3600 + self.minute * 60 + self.second);
        let seconds = days_from_civil(year, self.month, self.day) * 86_400 + of_day - i64::from(offset);
        u64::try_from(seconds).ok()?.checked_mul(1_000_000_000)?.checked_add(u64::from(self.nanos))
    }
}

/// Seconds, milliseconds, microseconds or nanoseconds since 1970, by their magnitude. Numbers that would be before 1973 are none: they count
/// something else.
pub(super) fn epoch(text: &[u8]) -> Option<(u64, usize)> {
    let digits = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = std::str::from_utf8(&text[..digits]).ok()?.parse().ok()?;
    let unit = match digits {
        9..=11 => 1_000_000_000,
        12..=14 => 1_000_000,
        15..=17 => 1_000,
        18..=20 => 1,
        _ => return None,
    };
    let time = number.checked_mul(unit)?;
    if time < 100_000_000 * 1_000_000_000 {
        return None;
    }
    let (nanos, fraction) = fraction(&text[digits..]);
    Some((time.checked_add(u64::from(nanos) * unit / 1_000_000_000)?, digits + fraction))
}

/// A zone: `Z`, `+02:00`, `+0200` or `+02`; in seconds east of Greenwich.
pub(super) fn offset(text: &[u8]) -> Option<(i32, usize)> {
    let sign = match text.first()? {
        b'Z' | b'z' => return Some((0, 1)),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = two(text.get(1..3)?)?;
    let (minutes, used) = match text.get(3..) {
        Some([b':', first, second, ..]) => (two(&[*first, *second])?, 6),
        Some([first @ b'0'..=b'9', second @ b'0'..=b'9', ..]) => (two(&[*first, *second])?, 5),
        _ => (0, 3),
    };
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    (hours < 24 && minutes < 60).then_some((sign * seconds, used))
}

/// What comes after the seconds, in nanoseconds; finer digits are left out.
#[inline]
fn fraction(text: &[u8]) -> (u32, usize) {
    let Some((b'.' | b',', digits)) = text.split_first() else { return (0, 0) };
    let mut nanos = 0;
    let mut used = 0;
    let mut unit = 100_000_000;
    for byte in digits {
        let Some(digit) = digit(*byte) else { break };
        nanos += digit * unit;
        unit /= 10;
        used += 1;
    }
    if used == 0 { (0, 0) } else { (nanos, used + 1) }
}

/// `03:04:05`.
#[inline]
fn time_of_day(text: &[u8]) -> Option<(u32, u32, u32)> {
    let text = text.first_chunk::<8>()?;
    if text[2] != b':' || text[5] != b':' {
        return None;
    }
    let (hour, minute, second) = (two(&text[..2])?, two(&text[3..5])?, two(&text[6..8])?);
    (hour < 24 && minute < 60 && second <= 60).then_some((hour, minute, second))
}

fn month(name: &[u8]) -> Option<u32> {
    const NAMES: [&[u8; 3]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let place = NAMES.iter().position(|month| *month == name)?;
    u32::try_from(place + 1).ok()
}

#[inline]
fn two(text: &[u8]) -> Option<u32> {
    let &[tens, ones] = text else { return None };
    Some(digit(tens)? * 10 + digit(ones)?)
}

#[inline]
fn digit(byte: u8) -> Option<u32> {
    byte.is_ascii_digit().then(|| u32::from(byte - b'0'))
}

/// Days since 1970 of a day of the Gregorian calendar. Years are counted from March, so that the leap day is the last.
fn days_from_civil(year: i32, month: u32, day: u32) -> i64 {
    let (year, month) =
        if month > 2 { (i64::from(year), month - 3) } else { (i64::from(year) - 1, month + 9) };
    let of_year = i64::from((153 * month + 2) / 5 + day - 1);
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468
}

/// The day of the calendar, so many days after 1970.
pub(super) fn civil_from_days(days: i64) -> (i32, u32, u32) {
    // The first guess is right or one too late.
    let mut year = i32::try_from(1970 + days / 365).unwrap_or(i32::MAX);
    while days_from_civil(year, 1, 1) > days {
        year -= 1;
    }
    let mut month = 12;
    while days_from_civil(year, month, 1) > days {
        month -= 1;
    }
    let day = days - days_from_civil(year, month, 1) + 1;
    (year, month, u32::try_from(day).unwrap_or(1))
}
