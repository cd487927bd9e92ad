//! Lines, their ends, their bounds and their time-outs.

use super::*;

const SECOND: u64 = 1_000_000_000;

fn short() -> Settings {
    Settings { line_bytes: 16, record_bytes: 64, ..Settings::default() }
}

#[test]
fn each_line_is_a_record_with_its_place_in_the_file() {
    let (keeper, counts) = all(&Settings::default(), b"one\r\ntwo\n\nlast");
    assert_eq!(keeper.bodies(), ["one", "two", "last"]);
    let places: Vec<_> =
        keeper.0.iter().map(|record| (record.begin, record.end, record.is_unfinished)).collect();
    assert_eq!(places, [(0, 5, false), (5, 9, false), (10, 14, true)]);
    assert_eq!((counts.lines, counts.records, counts.empty, counts.unfinished), (4, 3, 1, 1));
}

#[test]
fn a_long_line_is_cut_at_the_bound_and_marked_and_the_next_one_is_whole() {
    let (keeper, counts) = all(&short(), b"0123456789abcdefXYZ\r\nexactly sixteen!\r\nnext\n");
    assert_eq!(keeper.bodies(), ["0123456789abcdef", "exactly sixteen!", "next"]);
    let cut: Vec<_> = keeper.0.iter().map(|record| record.is_cut).collect();
    assert_eq!(cut, [true, false, false]);
    assert_eq!((counts.cut, counts.cut_bytes), (1, 3));
}

/// Fluent Bit #10435: one long line silences the file; beats #49259: a progress bar takes all memory.
#[test]
fn a_line_that_never_ends_costs_no_memory_and_silences_nothing() {
    for filler in [&b"x"[..], b"\r10%", b"\0y"] {
        let mut maker = maker(&Settings::default());
        let mut keeper = Keeper::default();
        let chunk = filler.repeat(1 << 18);
        let mut offset = 0;
        for _ in 0..40 {
            maker.feed(&chunk, offset, NOW, &mut keeper);
            offset += chunk.len() as u64;
            // Twice for a buffer that doubles, once for the first bytes of the file.
            assert!(maker.memory_bytes() <= 3 << 20, "{} bytes are held", maker.memory_bytes());
        }
        assert!(keeper.0.is_empty());
        maker.feed(b"\nafter\n", offset, NOW, &mut keeper);
        assert_eq!(keeper.0.len(), 2);
        assert!(keeper.0[0].is_cut && keeper.0[0].body.len() <= 1 << 20);
        assert_eq!(keeper.0[1].body, "after");
        assert_eq!(maker.safe_offset(), offset + 7);
        maker.expire(NOW, &mut keeper);
        assert!(maker.memory_bytes() < 100_000, "{} bytes are kept", maker.memory_bytes());
    }
}

#[test]
fn the_rest_of_a_long_line_whose_record_was_given_out_is_skipped_and_counted() {
    let mut maker = maker(&short());
    let mut keeper = Keeper::default();
    maker.feed(b"0123456789abcdefghij", 0, NOW, &mut keeper);
    maker.expire(NOW + 6 * SECOND, &mut keeper);
    assert_eq!(keeper.bodies(), ["0123456789abcdef"]);
    maker.feed(b"the rest\nnext\n", 20, NOW + 7 * SECOND, &mut keeper);
    assert_eq!(keeper.bodies(), ["0123456789abcdef", "next"]);
    assert_eq!(maker.counts().cut_bytes, 4 + 8);
    assert_eq!(maker.safe_offset(), 34);
}

/// Vector #15700, and files that are truncated under a writer who goes on at its old place.
#[test]
fn a_hole_of_zeros_before_a_line_is_left_out_and_counted() {
    let mut bytes = vec![0; 5_000_000];
    bytes.extend_from_slice(b"after the hole\nplain\n");
    let (keeper, counts) = all(&Settings::default(), &bytes);
    assert_eq!(keeper.bodies(), ["after the hole", "plain"]);
    assert_eq!(keeper.0[0].begin, 5_000_000);
    assert_eq!((counts.zero_bytes, counts.cut), (5_000_000, 0));
}

/// OpenTelemetry Collector: a flush after half a second gives out halves of lines.
#[test]
fn a_line_without_an_end_waits_for_it_and_is_marked_when_it_does_not_come() {
    let mut maker = maker(&Settings::default());
    let mut keeper = Keeper::default();
    maker.feed(b"half", 0, NOW, &mut keeper);
    maker.expire(NOW + 4 * SECOND, &mut keeper);
    maker.feed(b" of", 4, NOW + 4 * SECOND, &mut keeper);
    maker.expire(NOW + 8 * SECOND, &mut keeper);
    assert!(keeper.0.is_empty(), "{keeper:?}");
    assert_eq!(maker.safe_offset(), 0);
    maker.expire(NOW + 9 * SECOND, &mut keeper);
    assert_eq!(keeper.bodies(), ["half of"]);
    assert!(keeper.0[0].is_unfinished);
    assert_eq!((maker.safe_offset(), maker.counts().unfinished), (7, 1));
}

#[test]
fn bytes_that_do_not_follow_the_last_ones_begin_anew() {
    let mut maker = maker(&Settings::default());
    let mut keeper = Keeper::default();
    maker.feed(b"one\ntw", 0, NOW, &mut keeper);
    maker.feed(b"three\n", 100, NOW, &mut keeper);
    assert_eq!(keeper.bodies(), ["one", "tw", "three"]);
    assert_eq!((keeper.0[2].begin, maker.safe_offset()), (100, 106));
    maker.reset(0);
    maker.feed(b"again\n", 0, NOW, &mut keeper);
    assert_eq!((keeper.bodies()[3], maker.safe_offset()), ("again", 6));
}

#[test]
fn settings_that_cannot_be_used_say_which_and_why() {
    let broken = |settings: &Settings| Maker::new(settings).expect_err("broken settings").to_string();
    let pattern = Settings {
        multiline: Some(Multiline {
            rule: MultilineRule::Start("(".to_owned()),
            timeout: std::time::Duration::from_secs(1),
        }),
        ..Settings::default()
    };
    assert!(broken(&pattern).starts_with("multiline.start: `(` is no pattern: "), "{}", broken(&pattern));
    let bound = Settings { line_bytes: 1, ..Settings::default() };
    assert_eq!(broken(&bound), "line_bytes: 1 is not between 16 and 67108864");
    let encoding = Settings { encoding: Encoding::Named("iso-2022-jp".to_owned()), ..Settings::default() };
    assert_eq!(broken(&encoding), "encoding: `iso-2022-jp` is none that log files can be read in");
    assert!(broken(&parsing(Parse::Regex("a(b)".to_owned()))).contains("has no named group"));
    let zone = TimeSettings { zone: "Nowhere/Land".to_owned(), ..TimeSettings::default() };
    assert!(broken(&Settings { time: zone, ..Settings::default() }).contains("no time zone of this host"));
    let format = TimeSettings {
        formats: vec![TimeFormat::Pattern("%Y-%Ö".to_owned())],
        zone: "UTC".to_owned(),
        ..TimeSettings::default()
    };
    assert_eq!(broken(&Settings { time: format, ..Settings::default() }), "time: `%Y-%Ö` is no time format");
}
