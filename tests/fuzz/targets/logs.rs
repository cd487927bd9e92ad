//! Makes records of whatever bytes the input has, and checks what must hold of any bytes: no panic, no more memory than the bound, offsets that never go
//! back, records that lie within what was fed, and the same records however the bytes were cut.
//!
//! The input's first five bytes choose settings: encoding and container; how lines are joined; which formats are tried; bounds; how the bytes are cut. The rest is
//! the file.

#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use plainsight::{
    identity::Resource,
    logs::records::{
        Change, Container, Encoder, EncoderLimits, Encoding, Filter, FilterAction, LogRecord, Maker, Mask,
        MaskKind, Multiline, MultilineRule, Parse, Preset, Settings, Sink, Source, TimeSettings, TimeSource,
        append_json,
    },
};

const NOW: u64 = 1_767_323_045_000_000_000;

/// Writes everything in both forms.
struct Checker {
    encoder: Encoder,
    source: Source,
    json: Vec<u8>,
    /// How far the file was fed.
    fed: u64,
    bound: usize,
}

impl Sink for Checker {
    fn record(&mut self, record: &LogRecord<'_>) {
        assert!(record.begin <= record.end && record.end <= self.fed, "{record:?} of {}", self.fed);
        assert!(record.body.len() <= self.bound, "{} bytes", record.body.len());
        if !self.encoder.has_room(&self.source, record) {
            let batch = self.encoder.take().expect("one without room has records");
            assert!(batch.items == 1 || batch.payload.len() <= 4096, "{} bytes", batch.payload.len());
        }
        self.encoder.append(&self.source, record);
        append_json(&mut self.json, &self.source, record);
    }
}

fuzz_target!(|input: &[u8]| run(input));

fn run(input: &[u8]) {
    let Some((&[kind, joining, formats, bounds, cut], bytes)) = input.split_first_chunk() else { return };
    let settings = settings(kind, joining, formats, bounds);
    let whole = read(&settings, bytes, bytes.len().max(1));
    let pieces = read(&settings, bytes, usize::from(cut) + 1);
    assert!(
        whole == pieces,
        "{}\nis not\n{}",
        String::from_utf8_lossy(&whole),
        String::from_utf8_lossy(&pieces)
    );
}

/// All records as JSON.
fn read(settings: &Settings, bytes: &[u8], step: usize) -> Vec<u8> {
    let mut maker = Maker::new(settings).expect("settings that can be used");
    let mut checker = Checker {
        encoder: Encoder::new(EncoderLimits { records: 50, bytes: 4096 }),
        source: Source::new(&Resource::default(), &[("log.file.name", "fuzzed.log")], Some(b"fuzzed")),
        json: Vec::new(),
        fed: 0,
        // Each byte may become a replacement character, and a masked one a mask.
        bound: 3 * settings.record_bytes.max(settings.line_bytes) + 64,
    };
    let mut safe = 0;
    for chunk in bytes.chunks(step) {
        let offset = checker.fed;
        checker.fed += chunk.len() as u64;
        maker.feed(chunk, offset, NOW, &mut checker);
        assert!(
            safe <= maker.safe_offset() && maker.safe_offset() <= checker.fed,
            "{safe}, {}",
            maker.safe_offset()
        );
        safe = maker.safe_offset();
        assert!(maker.memory_bytes() < 1 << 20, "{} bytes are held", maker.memory_bytes());
    }
    maker.finish(NOW, &mut checker);
    assert_eq!(maker.safe_offset(), checker.fed, "everything was given out");
    checker.json
}

fn settings(kind: u8, joining: u8, formats: u8, bounds: u8) -> Settings {
    let encodings = [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be, Encoding::Gbk, Encoding::Latin1];
    let containers = [Container::None, Container::Auto, Container::Cri, Container::Docker];
    let presets = vec![Preset::Java, Preset::Python, Preset::Go, Preset::DotNet, Preset::Node];
    let rule = match joining & 3 {
        0 => None,
        1 => Some(MultilineRule::Indentation),
        2 => Some(MultilineRule::Start("^[0-9]".to_owned())),
        _ => Some(MultilineRule::Presets(presets)),
    };
    let all = [
        Parse::Json,
        Parse::Syslog,
        Parse::AccessLog,
        Parse::Klog,
        Parse::NginxError,
        Parse::ApacheError,
        Parse::KeyValue,
        Parse::Delimited {
            delimiter: b',',
            quote: Some(b'"'),
            names: vec!["time".to_owned(), "level".to_owned()],
        },
    ];
    let parse =
        all.into_iter().enumerate().filter(|(index, _)| formats >> index & 1 > 0).map(|(_, format)| format);
    let masks = [MaskKind::CardNumber, MaskKind::Email, MaskKind::Token, MaskKind::UrlPassword];
    let mask = |kind| Mask { kind, fields: Vec::new(), replacement: "*".to_owned() };
    let is_rich = joining & 4 > 0;
    Settings {
        encoding: encodings[usize::from(kind) % encodings.len()].clone(),
        container: containers[usize::from(kind >> 4) % containers.len()],
        line_bytes: 16 + usize::from(bounds),
        record_bytes: 16 + 2 * usize::from(bounds >> 1),
        multiline: rule.map(|rule| Multiline { rule, timeout: Duration::from_secs(1) }),
        parse: parse.collect(),
        keep_original: is_rich,
        keep_empty: joining & 8 > 0,
        time: TimeSettings {
            source: if joining & 16 > 0 { TimeSource::Start } else { TimeSource::Usual },
            zone: "UTC".to_owned(),
            ..TimeSettings::default()
        },
        masks: if is_rich { masks.map(mask).to_vec() } else { Vec::new() },
        filters: if joining & 32 > 0 {
            vec![Filter { action: FilterAction::Drop, field: None, pattern: "x".to_owned() }]
        } else {
            Vec::new()
        },
        changes: if is_rich {
            vec![
                Change::Add { name: "added".to_owned(), value: "1".to_owned() },
                Change::Rename { from: "a".to_owned(), to: "b".to_owned() },
                Change::Remove { name: "c".to_owned() },
            ]
        } else {
            Vec::new()
        },
        ..Settings::default()
    }
}
