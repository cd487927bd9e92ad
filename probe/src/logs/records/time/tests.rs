//! Tests of time stamps.

use super::*;

/// 2026-01-02T03:04:05Z.
const NOW: u64 = 1_767_323_045_000_000_000;

fn clockwork(zone: &str, formats: &[&str]) -> Clockwork {
    let formats = formats.iter().map(|&format| TimeFormat::Pattern(format.to_owned())).collect();
    let settings = TimeSettings { zone: zone.to_owned(), formats, ..TimeSettings::default() };
    Clockwork::new(&settings).expect("settings that can be used")
}

#[test]
fn times_in_their_usual_forms_are_understood() {
    let clockwork = clockwork("UTC", &[]);
    for text in [
        "2026-01-02T03:04:05Z",
        "2026-01-02t03:04:05z",
        "2026-01-02T03:04:05.000000000+00:00",
        "2026-01-02 03:04:05",
        "2026-01-02 03:04:05,000",
        "2026-01-02 05:04:05 +0200",
        "2026-01-01T22:04:05-05",
        "2026/01/02 03:04:05",
        "[2026-01-02 03:04:05.000]",
        "02/Jan/2026:04:04:05 +0100",
        "[02/Jan/2026:03:04:05 +0000]",
        "Jan  2 03:04:05",
        "Jan 02 03:04:05",
        "Fri Jan 02 03:04:05.000000 2026",
        "1767323045",
        "1767323045000",
        "1767323045000000",
        "1767323045000000000",
        "1767323045.000",
    ] {
        assert_eq!(clockwork.whole(text, NOW), Some(NOW), "{text}");
    }
    assert_eq!(clockwork.whole("2026-01-02T03:04:05.6789012345Z", NOW), Some(NOW + 678_901_234));
    assert_eq!(clockwork.whole("1767323045.5", NOW), Some(NOW + 500_000_000));
    assert_eq!(clockwork.number(1_767_323_045.25), Some(NOW + 250_000_000));
    assert_eq!(clockwork.beginning("2026-01-02 03:04:05 ERROR x", NOW), Some((NOW, 19)));
}

#[test]
fn what_is_no_time_gives_none() {
    let clockwork = clockwork("UTC", &[]);
    for text in [
        "",
        "yesterday",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-02T24:00:00Z",
        "2026-01-02T03:04:05Zx",
        "2026-01-02",
        "1969-12-31T23:59:59Z",
        "12",
        "99999999",
        "17673230450000000000000",
        "Foo  2 03:04:05",
        "[2026-01-02 03:04:05",
        "Jan  2 03:04",
        "2026-01-02T03:04:05+99:00",
    ] {
        assert_eq!(clockwork.whole(text, NOW), None, "{text}");
    }
    assert_eq!((clockwork.number(12.5), clockwork.number(f64::NAN)), (None, None));
    assert_eq!(rfc3339(b"2026-01-02T03:04:05"), None, "the container runtime always names its zone");
}

#[test]
fn a_stamp_without_a_year_is_of_the_latest_one_that_is_not_in_the_future() {
    let clockwork = clockwork("UTC", &[]);
    let year = |text: &str, now: &str| {
        let now = rfc3339(now.as_bytes()).expect("a time");
        let time = clockwork.whole(text, now)?;
        Some(stamp::civil_from_days(i64::try_from(time / DAY).ok()?).0)
    };
    assert_eq!(year("Dec 31 23:59:59", "2026-01-01T00:00:01Z"), Some(2025));
    assert_eq!(year("Jan  1 00:00:01", "2025-12-31T23:59:59Z"), Some(2026), "a clock that is ahead a little");
    assert_eq!(year("Mar  1 00:00:00", "2026-06-01T00:00:00Z"), Some(2026));
    assert_eq!(year("Feb 29 00:00:00", "2025-06-01T00:00:00Z"), Some(2024));
    assert_eq!(year("Feb 29 00:00:00", "2027-06-01T00:00:00Z"), None, "no year near has that day");
}

#[test]
fn the_zone_of_stamps_without_one_is_that_of_the_settings() {
    assert_eq!(clockwork("+02:00", &[]).whole("2026-01-02 05:04:05", NOW), Some(NOW));
    assert_eq!(clockwork("America/New_York", &[]).whole("2026-01-01 22:04:05", NOW), Some(NOW));
    assert_eq!(clockwork("America/New_York", &[]).whole("2026-01-02T03:04:05Z", NOW), Some(NOW));
    // In summer an hour less lies between.
    assert_eq!(
        clockwork("Europe/Berlin", &[]).whole("2026-07-02 05:04:05", NOW),
        rfc3339(b"2026-07-02T03:04:05Z")
    );
}

#[test]
fn patterns_of_strftime_are_understood() {
    let clockwork = clockwork("UTC", &["%d.%m.%Y %H:%M:%S", "%Y%m%dT%H%M%S%z"]);
    assert_eq!(clockwork.whole("02.01.2026 03:04:05", NOW), Some(NOW));
    assert_eq!(clockwork.whole("20260102T050405+0200", NOW), Some(NOW));
    assert_eq!(clockwork.whole("2026-01-02T03:04:05Z", NOW), None, "only the given ones count");
}

proptest::proptest! {
    #[test]
    fn any_time_is_read_as_another_library_wrote_it(nanos in 0_u64..4_102_444_800_000_000_000) {
        let time = jiff::Timestamp::from_nanosecond(i128::from(nanos)).expect("a time");
        proptest::prop_assert_eq!(rfc3339(time.to_string().as_bytes()), Some(nanos));
        let day = time.to_zoned(TimeZone::UTC).date();
        let (year, month, date) = stamp::civil_from_days(i64::try_from(nanos / DAY).expect("days"));
        proptest::prop_assert_eq!((i32::from(day.year()), i64::from(day.month()), i64::from(day.day())), (year, i64::from(month), i64::from(date)));
    }

    #[test]
    fn any_text_is_read_without_panic(text in ".{0,60}", zone in proptest::sample::select(vec!["UTC", "Europe/Berlin"])) {
        let _ = clockwork(zone, &[]).beginning(&text, NOW);
        let _ = clockwork(zone, &["%Y %b %d %f"]).whole(&text, NOW);
    }
}
