//! When something happened, from how it is written. What cannot be understood is no time: none is made up.

mod stamp;
#[cfg(test)]
mod tests;

use jiff::{civil, fmt::strtime::BrokenDownTime, tz::TimeZone};

use super::settings::{SettingsError, TimeFormat, TimeSettings};
pub(super) use stamp::Stamp;
pub(super) use stamp::rfc3339;

/// Nanoseconds of a second and of a day.
const SECOND: i128 = 1_000_000_000;
const DAY: u64 = 86_400 * 1_000_000_000;

/// Reads time stamps.
#[derive(Debug)]
pub(super) struct Clockwork {
    formats: Vec<TimeFormat>,
    zone: Zone,
}

/// The zone of stamps that name none.
#[derive(Debug)]
enum Zone {
    /// Seconds east of Greenwich.
    Offset(i32),
    Named(TimeZone),
}

impl Clockwork {
    pub(super) fn new(settings: &TimeSettings) -> Result<Self, SettingsError> {
        for format in &settings.formats {
            if let TimeFormat::Pattern(pattern) = format {
                // A wrong directive is only found where parsing arrives, so that the format is tried on what it writes itself.
                let now = jiff::Zoned::new(jiff::Timestamp::UNIX_EPOCH, TimeZone::UTC);
                let is_fine = jiff::fmt::strtime::format(pattern, &now)
                    .is_ok_and(|text| BrokenDownTime::parse_prefix(pattern, &text).is_ok());
                if !is_fine {
                    return Err(SettingsError::TimeFormat(pattern.clone()));
                }
            }
        }
        let formats =
            if settings.formats.is_empty() { vec![TimeFormat::Auto] } else { settings.formats.clone() };
        Ok(Self { formats, zone: Zone::new(&settings.zone)? })
    }

    /// The time that is the whole text.
    pub(super) fn whole(&self, text: &str, observed_ns: u64) -> Option<u64> {
        let text = text.trim_ascii();
        let (time, used) = self.beginning(text, observed_ns)?;
        (used == text.len()).then_some(time)
    }

    /// The time that the text begins with, perhaps in brackets, and how many bytes it takes.
    pub(super) fn beginning(&self, text: &str, observed_ns: u64) -> Option<(u64, usize)> {
        let is_bracketed = text.starts_with('[');
        let inner = if is_bracketed { &text[1..] } else { text };
        let (time, used) = self.formats.iter().find_map(|format| match format {
            TimeFormat::Auto => self.auto(inner, observed_ns),
            TimeFormat::Pattern(pattern) => self.pattern(pattern, inner),
        })?;
        if !is_bracketed {
            return Some((time, used));
        }
        inner[used..].starts_with(']').then_some((time, used + 2))
    }

    /// Seconds since 1970 as a number of another kind than text.
    pub(super) fn number(&self, number: f64) -> Option<u64> {
        // A double keeps less than a microsecond of today's seconds; more digits would be made up.
        (1e8..1e11).contains(&number).then(|| (number * 1e6).round() as u64 * 1_000)
    }

    fn auto(&self, text: &str, observed_ns: u64) -> Option<(u64, usize)> {
        let bytes = text.as_bytes();
        let stamp = Stamp::date_and_time(bytes)
            .or_else(|| Stamp::access_log(bytes))
            .or_else(|| Stamp::syslog(bytes))
            .or_else(|| Stamp::apache_error(bytes));
        match stamp {
            Some((stamp, used)) => Some((self.resolve(&stamp, observed_ns)?, used)),
            None => stamp::epoch(bytes),
        }
    }

    fn pattern(&self, pattern: &str, text: &str) -> Option<(u64, usize)> {
        let (parsed, used) = BrokenDownTime::parse_prefix(pattern, text).ok()?;
        let time = match parsed.to_timestamp() {
            Ok(time) => time.as_nanosecond(),
            Err(_) => self.zone.at(parsed.to_datetime().ok()?)?,
        };
        Some((u64::try_from(time).ok()?, used))
    }

    /// When that was. A stamp without a year is of the latest year with which it is not in the future, a day of grace allowed: so RFC 3164 is read everywhere.
    pub(super) fn resolve(&self, stamp: &Stamp, observed_ns: u64) -> Option<u64> {
        if let Some(year) = stamp.year {
            return self.in_year(stamp, year);
        }
        let (year, ..) = stamp::civil_from_days(i64::try_from(observed_ns / DAY).ok()?);
        [year + 1, year, year - 1]
            .into_iter()
            .filter_map(|year| self.in_year(stamp, year))
            .find(|&time| time <= observed_ns.saturating_add(DAY))
    }

    fn in_year(&self, stamp: &Stamp, year: i32) -> Option<u64> {
        let offset = match (stamp.offset, &self.zone) {
            (Some(offset), _) | (None, &Zone::Offset(offset)) => offset,
            (None, zone @ Zone::Named(_)) => {
                let small = |number: u32| i8::try_from(number).ok();
                let time = civil::DateTime::new(
                    i16::try_from(year).ok()?,
                    small(stamp.month)?,
                    small(stamp.day)?,
                    small(stamp.hour)?,
                    small(stamp.minute)?,
                    small(stamp.second.min(59))?,
                    i32::try_from(stamp.nanos).ok()?,
                );
                return u64::try_from(zone.at(time.ok()?)?).ok();
            }
        };
        stamp.in_zone(year, offset)
    }
}

impl Zone {
    fn new(name: &str) -> Result<Self, SettingsError> {
        let unknown = || SettingsError::Zone(name.to_owned());
        if name.is_empty() {
            return Ok(Self::of(TimeZone::system()));
        }
        if name.eq_ignore_ascii_case("utc") || name == "Z" {
            return Ok(Self::Offset(0));
        }
        if name.starts_with(['+', '-']) {
            let (offset, used) = stamp::offset(name.as_bytes()).ok_or_else(unknown)?;
            return if used == name.len() { Ok(Self::Offset(offset)) } else { Err(unknown()) };
        }
        TimeZone::get(name).map(Self::of).map_err(|_| unknown())
    }

    fn of(zone: TimeZone) -> Self {
        match zone.to_fixed_offset() {
            Ok(offset) => Self::Offset(offset.seconds()),
            Err(_) => Self::Named(zone),
        }
    }

    /// Nanoseconds since 1970.
    fn at(&self, time: civil::DateTime) -> Option<i128> {
        match self {
            Self::Offset(offset) => {
                let utc = TimeZone::UTC.to_timestamp(time).ok()?;
                Some(utc.as_nanosecond() - i128::from(*offset) * SECOND)
            }
            Self::Named(zone) => Some(zone.to_timestamp(time).ok()?.as_nanosecond()),
        }
    }
}
