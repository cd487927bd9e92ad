//! Characters in other encodings, and bytes that are in none.

use super::*;

fn encoded(encoding: Encoding) -> Settings {
    Settings { encoding, ..Settings::default() }
}

fn utf16(text: &str, is_little: bool) -> Vec<u8> {
    text.encode_utf16()
        .flat_map(|unit| if is_little { unit.to_le_bytes() } else { unit.to_be_bytes() })
        .collect()
}

/// LoongCollector puts the head of a file through a C string, so that UTF-16 ends at its first zero.
#[test]
fn utf_16_is_read_in_both_orders_with_a_mark_or_without() {
    // U+0A0A and U+0D0A contain the byte of a line end.
    let text = "größe 😀\r\n\u{a0a}\u{d0a}\u{a00}\nletzte";
    for (is_little, encoding) in [(true, Encoding::Utf16Le), (false, Encoding::Utf16Be)] {
        let plain = utf16(text, is_little);
        let (keeper, counts) = all(&encoded(encoding), &plain);
        assert_eq!(keeper.bodies(), ["größe 😀", "\u{a0a}\u{d0a}\u{a00}", "letzte"]);
        assert_eq!((keeper.0[2].end, counts.repaired), (plain.len() as u64, 0));
        let marked = utf16(&format!("\u{feff}{text}"), is_little);
        let (keeper, _) = all(&Settings::default(), &marked);
        assert_eq!(keeper.bodies(), ["größe 😀", "\u{a0a}\u{d0a}\u{a00}", "letzte"]);
        assert_eq!(keeper.0[0].begin, 2);
        // After a restart within the file, its first bytes tell the same.
        let mut maker = maker(&Settings::default());
        maker.reset(keeper.0[1].begin);
        maker.look_at_head(&marked[..4]);
        let mut again = Keeper::default();
        let start = usize::try_from(keeper.0[1].begin).expect("a small file");
        maker.feed(&marked[start..], keeper.0[1].begin, NOW, &mut again);
        maker.finish(NOW, &mut again);
        assert_eq!(again.0, keeper.0[1..]);
    }
}

#[test]
fn a_mark_of_utf_8_is_no_part_of_the_first_line() {
    let (keeper, _) = all(&Settings::default(), b"\xef\xbb\xbffirst\nsecond\n");
    assert_eq!(keeper.bodies(), ["first", "second"]);
    assert_eq!(all(&Settings::default(), b"\xef\xbb\n").1.repaired, 1);
    assert_eq!(all(&Settings::default(), b"\xef").0.0.len() + all(&Settings::default(), b"").0.0.len(), 0);
}

#[test]
fn gbk_latin_1_and_others_by_name_are_read() {
    let (keeper, counts) =
        all(&encoded(Encoding::Gbk), b"\xd6\xd0\xce\xc4\xc8\xd5\xd6\xbe\n\x81\x30\x81\x30\n");
    assert_eq!(keeper.bodies(), ["中文日志", "\u{80}"]);
    assert_eq!(counts.repaired, 0);
    assert_eq!(all(&encoded(Encoding::Latin1), b"gr\xf6\xdfe\n").0.bodies(), ["größe"]);
    assert_eq!(all(&encoded(Encoding::Named("big5".to_owned())), b"\xa4\xa4\xa4\xe5\n").0.bodies(), ["中文"]);
    assert_eq!(
        all(&encoded(Encoding::Named("shift_jis".to_owned())), b"\x93\xfa\x96\x7b\n").0.bodies(),
        ["日本"]
    );
}

#[test]
fn bytes_that_are_no_characters_are_replaced_and_counted_and_the_rest_is_kept() {
    let (keeper, counts) = all(&Settings::default(), b"a\xffb\xe2\x82c\nfine\n\xf0\x9f\x98\n");
    assert_eq!(keeper.bodies(), ["a\u{fffd}b\u{fffd}c", "fine", "\u{fffd}"]);
    assert_eq!(counts.repaired, 2);
    let (keeper, counts) = all(&encoded(Encoding::Gbk), b"a\xff\nb\x81\n");
    assert_eq!(keeper.bodies(), ["a\u{fffd}", "b\u{fffd}"]);
    assert_eq!(counts.repaired, 2);
    let (keeper, _) = all(&encoded(Encoding::Utf16Le), b"a\0\x00\xd8b\0");
    assert_eq!(keeper.bodies(), ["a\u{fffd}b"]);
}

#[test]
fn a_cut_within_a_character_leaves_no_trace_of_it() {
    for (encoding, bytes) in
        [(Encoding::Utf8, "0123456789abcdeéé\n".as_bytes()), (Encoding::Gbk, b"0123456789abcde\xd6\xd0\n")]
    {
        let settings = Settings { line_bytes: 16, record_bytes: 16, ..encoded(encoding) };
        let (keeper, counts) = all(&settings, bytes);
        assert_eq!(keeper.bodies(), ["0123456789abcde"]);
        assert_eq!((keeper.0[0].is_cut, counts.repaired), (true, 0));
    }
}

#[test]
fn zeros_within_a_line_are_kept() {
    assert_eq!(all(&Settings::default(), b"a\0b\n").0.bodies(), ["a\0b"]);
}
