//! Tests from bytes to records.

mod bounds;
mod encodings;
mod joining;
mod otlp;
mod properties;
mod refining;

use super::*;

/// 2026-01-02T03:04:05Z.
pub(super) const NOW: u64 = 1_767_323_045_000_000_000;

/// A record that is kept.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kept {
    pub(super) begin: u64,
    pub(super) end: u64,
    pub(super) body: String,
    pub(super) time_ns: Option<u64>,
    pub(super) severity: Option<u8>,
    pub(super) severity_text: String,
    pub(super) fields: Vec<(String, String)>,
    pub(super) stream: Option<Stream>,
    pub(super) is_cut: bool,
    pub(super) is_unfinished: bool,
    pub(super) trace: Option<[u8; 16]>,
    pub(super) span: Option<[u8; 8]>,
}

/// Keeps what it is given.
#[derive(Debug, Default)]
pub(super) struct Keeper(pub(super) Vec<Kept>);

impl Sink for Keeper {
    fn record(&mut self, record: &LogRecord<'_>) {
        let value = |value: FieldValue<'_>| match value {
            FieldValue::Text(text) => text.to_owned(),
            FieldValue::Integer(number) => number.to_string(),
            FieldValue::Double(number) => format!("{number:?}"),
            FieldValue::Boolean(truth) => truth.to_string(),
        };
        self.0.push(Kept {
            begin: record.begin,
            end: record.end,
            body: record.body.to_owned(),
            time_ns: record.time_ns,
            severity: record.severity.map(Severity::number),
            severity_text: record.severity_text.to_owned(),
            fields: record.attributes.iter().map(|(name, field)| (name.to_owned(), value(field))).collect(),
            stream: record.stream,
            is_cut: record.is_cut,
            is_unfinished: record.is_unfinished,
            trace: record.trace_id,
            span: record.span_id,
        });
    }
}

impl Keeper {
    pub(super) fn bodies(&self) -> Vec<&str> {
        self.0.iter().map(|record| record.body.as_str()).collect()
    }
}

pub(super) fn maker(settings: &Settings) -> Maker {
    Maker::new(settings).expect("settings that can be used")
}

/// The records of a whole file, and what was counted.
pub(super) fn all(settings: &Settings, bytes: &[u8]) -> (Keeper, Counts) {
    let mut maker = maker(settings);
    let mut keeper = Keeper::default();
    maker.feed(bytes, 0, NOW, &mut keeper);
    maker.finish(NOW, &mut keeper);
    assert_eq!(maker.safe_offset(), bytes.len() as u64, "everything was given out");
    (keeper, maker.counts())
}

/// The one record that a format makes of a line.
pub(super) fn one(settings: &Settings, line: &str) -> (Kept, Counts) {
    let (keeper, counts) = all(settings, line.as_bytes());
    let [record] = <[Kept; 1]>::try_from(keeper.0).expect("one record");
    (record, counts)
}

pub(super) fn parsing(parse: Parse) -> Settings {
    let time = TimeSettings { zone: "UTC".to_owned(), ..TimeSettings::default() };
    Settings { parse: vec![parse], time, ..Settings::default() }
}

/// Fields as text, one a line.
pub(super) fn fields(record: &Kept) -> String {
    let lines: Vec<_> = record.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    lines.join("\n")
}
