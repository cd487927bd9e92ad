//! What holds of any bytes, in any pieces.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// Bytes that look like what the steps look for.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n\0".to_vec()),
        Just(b"\0".to_vec()),
        Just(b"\xff\xfe".to_vec()),
        Just(b"\xef\xbb\xbf".to_vec()),
        Just("é中😀".as_bytes().to_vec()),
        Just(b"2026-01-02T03:04:05.1Z stdout P ".to_vec()),
        Just(b"2026-01-02T03:04:05Z stderr F ".to_vec()),
        Just(br#"{"log":"a\n","stream":"stderr","time":"2026-01-02T03:04:05Z"}"#.to_vec()),
        Just(br#"{"log":"b","stream":"stdout"}"#.to_vec()),
        Just(br#"{"level":"info","msg":"\u00e9","a":{"b":[1]},"time":12}"#.to_vec()),
        Just(b"level=info msg=\"a b\" trace_id=0af7651916cd43dd8448eb211c80319c".to_vec()),
        Just(b"  at a.b.C".to_vec()),
        Just(b"Traceback (most recent call last):".to_vec()),
        Just(b"4111 1111 1111 1111 a@b.org ://u:p@h".to_vec()),
        Just(b"<34>1 - - - - - [a b=\"c\"]".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..40),
    ];
    proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

fn settings() -> impl Strategy<Value = Settings> {
    let encoding = prop_oneof![
        4 => Just(Encoding::Utf8),
        1 => Just(Encoding::Utf16Le),
        1 => Just(Encoding::Utf16Be),
        1 => Just(Encoding::Gbk),
        1 => Just(Encoding::Latin1),
    ];
    let container = prop_oneof![
        Just(Container::None),
        Just(Container::Auto),
        Just(Container::Cri),
        Just(Container::Docker)
    ];
    let rule = prop_oneof![
        Just(MultilineRule::Indentation),
        Just(MultilineRule::Start("^\\d".to_owned())),
        Just(MultilineRule::Presets(vec![
            Preset::Java,
            Preset::Python,
            Preset::Go,
            Preset::DotNet,
            Preset::Node
        ])),
    ];
    let formats = Just(vec![
        Parse::Json,
        Parse::AccessLog,
        Parse::Syslog,
        Parse::Klog,
        Parse::NginxError,
        Parse::ApacheError,
        Parse::KeyValue,
        Parse::Delimited { delimiter: b' ', quote: Some(b'"'), names: vec!["a".to_owned(), "b".to_owned()] },
        Parse::Regex("(?<first>[a-z]+) (?<rest>.*)".to_owned()),
    ]);
    let masks = [MaskKind::CardNumber, MaskKind::Email, MaskKind::Token, MaskKind::UrlPassword]
        .map(|kind| Mask { kind, fields: Vec::new(), replacement: "*".to_owned() });
    (encoding, container, proptest::option::of(rule), 16_usize..200, 16_usize..300, any::<bool>(), formats)
        .prop_map(move |(encoding, container, rule, line_bytes, record_bytes, is_rich, formats)| Settings {
            encoding,
            container,
            line_bytes,
            record_bytes,
            multiline: rule.map(|rule| Multiline { rule, timeout: Duration::from_secs(1) }),
            parse: if is_rich { formats } else { Vec::new() },
            masks: if is_rich { masks.to_vec() } else { Vec::new() },
            time: TimeSettings { zone: "UTC".to_owned(), ..TimeSettings::default() },
            ..Settings::default()
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_pieces_of_the_same_bytes_give_the_same_records(
        settings in settings(),
        bytes in bytes(),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12),
    ) {
        let (expected, counts) = all(&settings, &bytes);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut maker = maker(&settings);
        let mut keeper = Keeper::default();
        let mut safe = 0;
        for pair in cuts.windows(2) {
            maker.feed(&bytes[pair[0]..pair[1]], pair[0] as u64, NOW, &mut keeper);
            prop_assert!(maker.safe_offset() >= safe && maker.safe_offset() <= pair[1] as u64);
            safe = maker.safe_offset();
        }
        maker.finish(NOW, &mut keeper);
        prop_assert_eq!(&keeper.0, &expected.0);
        prop_assert_eq!(maker.counts(), counts);
    }

    #[test]
    fn a_restart_at_the_safe_offset_loses_no_record(
        settings in settings(),
        bytes in bytes(),
        cut in any::<proptest::sample::Index>(),
    ) {
        // Where two streams share a file, reading begins where the slower one needs it, perhaps within a record of the other that was given out before. What is read
        // again of that is then joined otherwise, and may be parsed otherwise: only texts can be compared.
        let is_mixed = settings.container != Container::None && settings.multiline.is_some();
        let settings = if is_mixed { Settings { parse: Vec::new(), masks: Vec::new(), ..settings } } else { settings };
        let (expected, _) = all(&settings, &bytes);
        let cut = cut.index(bytes.len() + 1);
        let mut before = Keeper::default();
        let mut first = maker(&settings);
        first.feed(&bytes[..cut], 0, NOW, &mut before);
        let safe = first.safe_offset();
        let mut second = maker(&settings);
        let mut after = Keeper::default();
        if safe > 0 {
            second.reset(safe);
            second.look_at_head(&bytes[..bytes.len().min(4)]);
        }
        let start = usize::try_from(safe).expect("a small file");
        second.feed(&bytes[start..], safe, NOW, &mut after);
        second.finish(NOW, &mut after);
        if is_mixed {
            let texts = [before.bodies(), after.bodies()].concat().join("\n");
            for line in expected.bodies().iter().flat_map(|body| body.split('\n')) {
                prop_assert!(texts.contains(line), "{line:?} is neither in {:?} nor, from {safe}, in {:?}", before.0, after.0);
            }
            return Ok(());
        }
        for record in &expected.0 {
            prop_assert!(
                before.0.contains(record) || after.0.contains(record),
                "{:?} is neither in {:?} nor, from {}, in {:?}", record, before.0, safe, after.0
            );
        }
    }

    #[test]
    fn any_bytes_stay_within_the_bound(settings in settings(), bytes in bytes(), steps in 1_usize..50) {
        let mut maker = maker(&settings);
        let mut keeper = Keeper::default();
        for (index, chunk) in bytes.chunks(steps).enumerate() {
            maker.feed(chunk, (index * steps) as u64, NOW + index as u64 * 300_000_000, &mut keeper);
            maker.expire(NOW + index as u64 * 300_000_000 + 200_000_000, &mut keeper);
        }
        maker.finish(u64::MAX, &mut keeper);
        prop_assert!(maker.memory_bytes() < 200_000, "{}", maker.memory_bytes());
        let bound = 3 * settings.record_bytes.max(settings.line_bytes) + 64;
        prop_assert!(keeper.0.iter().all(|record| record.body.len() <= bound), "{:?}", keeper.0);
    }
}
