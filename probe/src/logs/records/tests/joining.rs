//! What belongs together: parts of lines in containers, and lines of records.

use std::time::Duration;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn container(container: Container) -> Settings {
    Settings { container, ..Settings::default() }
}

#[test]
fn parts_of_the_container_runtime_interface_are_joined_by_stream() {
    let text = "2026-01-02T03:04:05.000000001Z stdout P first \n\
                2026-01-02T03:04:05.000000002Z stderr F error\n\
                2026-01-02T03:04:05.000000003+01:00 stdout P second \n\
                2026-01-02T03:04:05.000000004Z stdout F third\n\
                2026-01-02T03:04:06Z stdout F \n\
                2026-01-02T03:04:06Z stdout F\n\
                not of a runtime\n";
    let (keeper, counts) = all(&container(Container::Cri), text.as_bytes());
    assert_eq!(keeper.bodies(), ["error", "first second third", "not of a runtime"]);
    let [error, joined, foreign] = &keeper.0[..] else { panic!("{keeper:?}") };
    assert_eq!((error.stream, error.time_ns), (Some(Stream::Stderr), Some(NOW + 2)));
    assert_eq!((joined.stream, joined.time_ns), (Some(Stream::Stdout), Some(NOW + 1)));
    assert_eq!((joined.begin, joined.is_cut), (0, false));
    assert_eq!((foreign.stream, foreign.time_ns), (None, None));
    assert_eq!((counts.unwrapped, counts.empty), (1, 2));
}

#[test]
fn a_restart_begins_before_the_first_part_that_was_not_given_out() {
    let mut maker = maker(&container(Container::Cri));
    let mut keeper = Keeper::default();
    let first = b"2026-01-02T03:04:05Z stdout F whole\n";
    let part = b"2026-01-02T03:04:05Z stdout P part\n2026-01-02T03:04:05Z stderr F other\n";
    maker.feed(first, 0, NOW, &mut keeper);
    maker.feed(part, first.len() as u64, NOW, &mut keeper);
    assert_eq!(keeper.bodies(), ["whole", "other"]);
    assert_eq!(maker.safe_offset(), first.len() as u64);
    maker.expire(NOW + 5 * SECOND, &mut keeper);
    assert_eq!(keeper.bodies(), ["whole", "other", "part"]);
    assert!(keeper.0[2].is_unfinished);
    assert_eq!(maker.safe_offset(), (first.len() + part.len()) as u64);
}

/// Characters that the runtime splits at 16 KiB are whole again.
#[test]
fn a_character_that_was_split_between_parts_is_whole() {
    let text = b"2026-01-02T03:04:05Z stdout P \xc3\n2026-01-02T03:04:05Z stdout F \xa9\n";
    let (keeper, counts) = all(&container(Container::Cri), text);
    assert_eq!((keeper.bodies(), counts.repaired), (vec!["é"], 0));
}

/// beats #49259, Fluent Bit #9097: a progress bar made of parts that never end.
#[test]
fn parts_without_end_stay_within_the_bound() {
    for line in [
        format!("2026-01-02T03:04:05Z stdout P {}\n", "\r10%".repeat(4000)),
        format!(
            "{{\"log\":\"{}\",\"stream\":\"stdout\",\"time\":\"2026-01-02T03:04:05Z\"}}\n",
            "x".repeat(16_000)
        ),
    ] {
        let mut maker = maker(&container(Container::Auto));
        let mut keeper = Keeper::default();
        let chunk = line.repeat(100);
        for turn in 0..20 {
            maker.feed(chunk.as_bytes(), turn * chunk.len() as u64, NOW, &mut keeper);
        }
        assert!(keeper.0.is_empty());
        assert!(maker.memory_bytes() <= 3 << 20, "{} bytes are held", maker.memory_bytes());
        maker.finish(NOW, &mut keeper);
        assert_eq!(keeper.0.len(), 1);
        assert_eq!((keeper.0[0].body.len(), keeper.0[0].is_cut), (1 << 20, true));
        assert_eq!(maker.counts().cut_bytes, 2000 * 16_000 - (1 << 20));
    }
}

#[test]
fn dockers_json_is_unwrapped_and_its_splits_are_joined() {
    let text = concat!(
        r#"{"log":"half ","stream":"stdout","time":"2026-01-02T03:04:05.5Z"}"#,
        "\n",
        r#"{"log":"and \"half\" \u00e9\ud83d\ude00\n","stream":"stdout","time":"2026-01-02T03:04:06Z"}"#,
        "\n",
        r#"{"log":"error\r\n","stream":"stderr","attrs":{"a":["b",{}]},"time":"2026-01-02T03:04:06Z"}"#,
        "\n{\"log\":12}\n",
    );
    for kind in [Container::Docker, Container::Auto] {
        let (keeper, counts) = all(&container(kind), text.as_bytes());
        assert_eq!(keeper.bodies(), ["half and \"half\" é😀", "error", "{\"log\":12}"]);
        assert_eq!(keeper.0[0].time_ns, Some(NOW + SECOND / 2));
        assert_eq!(keeper.0[1].stream, Some(Stream::Stderr));
        assert_eq!(counts.unwrapped, 1);
    }
}

fn lines(rule: MultilineRule) -> Settings {
    Settings { multiline: Some(Multiline { rule, timeout: Duration::from_secs(2) }), ..Settings::default() }
}

#[test]
fn lines_are_joined_by_where_records_start_or_go_on() {
    let text = b"cut off before\n2026-01-02 first\n  more\r\n\nand more\n2026-01-03 second\n";
    let start = lines(MultilineRule::Start(r"^\d{4}-".to_owned()));
    let (keeper, _) = all(&start, text);
    assert_eq!(
        keeper.bodies(),
        ["cut off before", "2026-01-02 first\n  more\n\nand more", "2026-01-03 second"]
    );
    let indented = lines(MultilineRule::Indentation);
    let (keeper, _) = all(&indented, text);
    assert_eq!(
        keeper.bodies(),
        ["cut off before", "2026-01-02 first\n  more", "and more", "2026-01-03 second"]
    );
    let continuation = lines(MultilineRule::Continuation("^and".to_owned()));
    let (keeper, _) = all(&continuation, b"a\nand b\nc\n");
    assert_eq!(keeper.bodies(), ["a\nand b", "c"]);
}

#[test]
fn a_record_waits_for_its_next_line_only_so_long() {
    let mut maker = maker(&lines(MultilineRule::Indentation));
    let mut keeper = Keeper::default();
    maker.feed(b"one\n two\n", 0, NOW, &mut keeper);
    maker.expire(NOW + SECOND, &mut keeper);
    assert_eq!((keeper.0.len(), maker.safe_offset()), (0, 0));
    maker.feed(b" three\n", 9, NOW + SECOND, &mut keeper);
    maker.expire(NOW + 2 * SECOND, &mut keeper);
    assert_eq!(keeper.0.len(), 0);
    maker.expire(NOW + 3 * SECOND, &mut keeper);
    assert_eq!((keeper.bodies(), maker.safe_offset()), (vec!["one\n two\n three"], 16));
    assert!(!keeper.0[0].is_unfinished, "all of its lines have ends");
}

#[test]
fn a_pattern_that_never_matches_loses_nothing() {
    let settings =
        Settings { line_bytes: 32, record_bytes: 64, ..lines(MultilineRule::Start("^never".to_owned())) };
    let text = "0123456789 line of a text\n".repeat(1000);
    let (keeper, counts) = all(&settings, text.as_bytes());
    assert!(keeper.0.iter().all(|record| record.body.len() <= 64));
    assert_eq!(keeper.bodies().join("\n") + "\n", text);
    assert_eq!(counts.cut, 0);
}

#[test]
fn lines_of_two_streams_are_not_mixed() {
    let mut settings = lines(MultilineRule::Indentation);
    settings.container = Container::Cri;
    let line = |stream: &str, text: &str| format!("2026-01-02T03:04:05Z {stream} F {text}\n");
    let text = [
        line("stdout", "out"),
        line("stderr", "Exception"),
        line("stdout", " more out"),
        line("stderr", " at f"),
        line("stderr", "next"),
    ];
    let (keeper, _) = all(&settings, text.concat().as_bytes());
    assert_eq!(keeper.bodies(), ["Exception\n at f", "out\n more out", "next"]);
}
