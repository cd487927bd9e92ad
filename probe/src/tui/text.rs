//! Numbers and texts as people read them, in few columns.

use std::{borrow::Cow, time::Duration};

use jiff::tz::TimeZone;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::{
    export::{is_plain, visible},
    signal::WallTime,
};

/// The time of day with milliseconds, twelve columns wide.
pub(super) fn time_of_day(at: WallTime, zone: &TimeZone) -> String {
    let time = zone.to_datetime(at.to_timestamp());
    format!("{:02}:{:02}:{:02}.{:03}", time.hour(), time.minute(), time.second(), time.millisecond())
}

/// A duration in three digits with its unit, at most six columns wide below a day.
pub(super) fn duration(time: Duration) -> String {
    let nanos = time.as_nanos();
    match nanos {
        0..1_000 => format!("{nanos}ns"),
        1_000..999_500 => format!("{}µs", three_digits(nanos, 1_000)),
        999_500..999_500_000 => format!("{}ms", three_digits(nanos, 1_000_000)),
        999_500_000..100_000_000_000 => format!("{}s", three_digits(nanos, 1_000_000_000)),
        _ => {
            let seconds = time.as_secs();
            if seconds < 3600 {
                format!("{}m{:02}s", seconds / 60, seconds % 60)
            } else {
                format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60)
            }
        }
    }
}

/// A number of bytes in three digits with its decimal unit, at most six columns wide.
pub(super) fn bytes(count: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    scaled(count, &UNITS)
}

/// A count in three digits with its decimal unit, at most five columns wide.
pub(super) fn count(count: u64) -> String {
    const UNITS: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];
    scaled(count, &UNITS)
}

fn scaled(count: u64, units: &[&str]) -> String {
    let mut unit = 1_u64;
    for name in units {
        let is_first = unit == 1;
        if is_first && count < 1000 {
            return format!("{count}{name}");
        }
        // Half of the last digit below a thousand would round up to four digits.
        if !is_first && u128::from(count) * 2 < u128::from(unit) * 1999 {
            return format!("{}{name}", three_digits(count.into(), unit.into()));
        }
        unit = unit.saturating_mul(1000);
    }
    format!("{}{}", count / 1_000_000_000_000_000_000, units.last().unwrap_or(&""))
}

/// A rate a second, at most five columns wide.
pub(super) fn rate(per_second: f64) -> String {
    match per_second {
        0.0 => "0".to_owned(),
        ..0.1 => "<0.1".to_owned(),
        ..99.95 => format!("{per_second:.1}"),
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive number, and a rate past 64 bits cannot be"
        )]
        _ => count(per_second.round() as u64),
    }
}

/// `value / unit` in three digits: `1.23`, `12.3`, `123`.
fn three_digits(value: u128, unit: u128) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are asked for")]
    let ratio = value as f64 / unit as f64;
    match ratio {
        ..9.995 => format!("{ratio:.2}"),
        ..99.95 => format!("{ratio:.1}"),
        _ => format!("{ratio:.0}"),
    }
}

/// A large number with its thousands apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Columns that a text takes on a terminal once it is made [visible].
pub(super) fn width(text: &str) -> usize {
    if is_plain(text) { text.len() } else { visible(text).width() }
}

/// The text made [visible] and cut to so many columns, with an ellipsis where something is missing.
pub(super) fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if is_plain(text) && text.len() <= columns {
        return Cow::Borrowed(text);
    }
    let text = visible(text);
    if text.width() <= columns {
        return text;
    }
    let mut used = 0;
    let mut end = 0;
    for (place, character) in text.char_indices() {
        let wide = character.width().unwrap_or(0);
        if used + wide + 1 > columns {
            break;
        }
        used += wide;
        end = place + character.len_utf8();
    }
    let ellipsis = if columns > 0 { "…" } else { "" };
    Cow::Owned(format!("{}{ellipsis}", &text[..end]))
}

/// Appends the text, cut or filled up with blanks to exactly so many columns.
pub(super) fn pad(line: &mut String, text: &str, columns: usize, is_right: bool) {
    let text = cut(text, columns);
    let blanks = columns.saturating_sub(width(&text));
    if is_right {
        line.extend(std::iter::repeat_n(' ', blanks));
    }
    line.push_str(&text);
    if !is_right {
        line.extend(std::iter::repeat_n(' ', blanks));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_read_in_three_digits() {
        let cases = [
            (0, "0ns"),
            (999, "999ns"),
            (1_000, "1.00µs"),
            (12_345, "12.3µs"),
            (999_499, "999µs"),
            (999_500, "1.00ms"),
            (812_345, "812µs"),
            (9_994_999, "9.99ms"),
            (9_996_000, "10.0ms"),
            (1_234_000_000, "1.23s"),
            (99_960_000_000, "100s"),
            (100_000_000_000, "1m40s"),
            (3_661_000_000_000, "1h01m"),
        ];
        for (nanos, text) in cases {
            assert_eq!(duration(Duration::from_nanos(nanos)), text);
        }
    }

    #[test]
    fn sizes_and_counts_read_in_three_digits() {
        let cases = [
            (0, "0B"),
            (999, "999B"),
            (1_000, "1.00kB"),
            (1_804, "1.80kB"),
            (999_499, "999kB"),
            (999_500, "1.00MB"),
            (52_428_800, "52.4MB"),
            (u64::MAX, "18.4EB"),
        ];
        for (number, text) in cases {
            assert_eq!(bytes(number), text);
        }
        assert_eq!((count(7), count(12_345)), ("7".to_owned(), "12.3k".to_owned()));
        assert_eq!(
            (rate(0.0), rate(0.04), rate(12.34), rate(15_000.0)),
            ("0".into(), "<0.1".into(), "12.3".into(), "15.0k".into())
        );
        assert_eq!(
            (grouped(1), grouped(1_234), grouped(1_234_567)),
            ("1".into(), "1,234".into(), "1,234,567".into())
        );
    }

    #[test]
    fn the_time_of_day_is_that_of_the_zone() {
        let at = WallTime::from_unix_nanos(1_767_323_045_678_901_234);
        assert_eq!(time_of_day(at, &TimeZone::UTC), "03:04:05.678");
        let east = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(time_of_day(at, &east), "05:04:05.678");
    }

    #[test]
    fn wide_characters_count_as_the_two_columns_they_take() {
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("abc", 0), "");
        let mut line = String::new();
        pad(&mut line, "日本", 5, true);
        assert_eq!(line, " 日本");
    }

    proptest! {
        #[test]
        fn any_text_pads_to_exactly_its_columns(text in any::<String>(), columns in 0_usize..40) {
            let mut line = String::new();
            pad(&mut line, &text, columns, false);
            prop_assert!(line.width() <= columns);
            prop_assert!(!line.contains(char::is_control));
        }
    }
}
