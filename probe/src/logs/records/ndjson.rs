//! Records as lines of JSON.

use jiff::Timestamp;

use super::{FieldValue, LogRecord, Source};
use crate::export::{append_id, append_integer, append_name, append_number, append_text};

/// Appends a record as one line, with its end: what `plainsight logs preview --json` prints and what goes to files.
///
/// ```json
/// {"time":"2026-01-02T03:04:05.678901234Z","observed":"…","severity_number":17,"severity":"ERROR","body":"…",
///  "attributes":{"log.file.name":"app.log","status":503},"begin":0,"end":120,"trace_id":"…","span_id":"…"}
/// ```
///
/// What is not known is absent.
pub fn append_json(line: &mut Vec<u8>, source: &Source, record: &LogRecord<'_>) {
    line.push(b'{');
    if let Some(time) = record.time_ns {
        line.extend_from_slice(b"\"time\":");
        append_time(line, time);
        line.push(b',');
    }
    line.extend_from_slice(b"\"observed\":");
    append_time(line, record.observed_ns);
    if let Some(severity) = record.severity {
        line.extend_from_slice(b",\"severity_number\":");
        append_number(line, u64::from(severity.number()));
    }
    if !record.severity_text.is_empty() {
        line.extend_from_slice(b",\"severity\":");
        append_text(line, record.severity_text);
    }
    line.extend_from_slice(b",\"body\":");
    append_text(line, record.body);
    line.extend_from_slice(b",\"attributes\":{");
    append_attributes(line, source, record);
    line.extend_from_slice(b"},\"begin\":");
    append_number(line, record.begin);
    line.extend_from_slice(b",\"end\":");
    append_number(line, record.end);
    for (name, is_so) in [("is_cut", record.is_cut), ("is_unfinished", record.is_unfinished)] {
        if is_so {
            append_name(line, name);
            line.extend_from_slice(b"true");
        }
    }
    for (name, id) in [
        ("trace_id", record.trace_id.as_ref().map(<[u8; 16]>::as_slice)),
        ("span_id", record.span_id.as_ref().map(<[u8; 8]>::as_slice)),
    ] {
        if id.is_some() {
            append_id(line, name, id);
        }
    }
    line.extend_from_slice(b"}\n");
}

fn append_attributes(line: &mut Vec<u8>, source: &Source, record: &LogRecord<'_>) {
    let mut is_first = true;
    let mut name = |line: &mut Vec<u8>, name: &str| {
        if !std::mem::take(&mut is_first) {
            line.push(b',');
        }
        append_text(line, name);
        line.push(b':');
    };
    for (key, value) in &source.pairs {
        name(line, key);
        append_text(line, value);
    }
    if let Some(stream) = record.stream {
        name(line, "log.iostream");
        append_text(line, stream.name());
    }
    if let Some(uid) = source.record_uid(record) {
        name(line, "log.record.uid");
        append_text(line, uid.as_str());
    }
    for (key, value) in record.attributes.iter() {
        name(line, key);
        match value {
            FieldValue::Text(text) => append_text(line, text),
            FieldValue::Integer(number) => append_integer(line, number),
            // JSON has no word for what is not a number, which no format gives either.
            FieldValue::Double(number) if number.is_finite() => {
                line.extend_from_slice(format!("{number:?}").as_bytes());
            }
            FieldValue::Double(_) => line.extend_from_slice(b"null"),
            FieldValue::Boolean(truth) => line.extend_from_slice(if truth { b"true" } else { b"false" }),
        }
    }
}

fn append_time(line: &mut Vec<u8>, time_ns: u64) {
    let time = Timestamp::from_nanosecond(i128::from(time_ns)).unwrap_or(Timestamp::MAX);
    append_text(line, &time.to_string());
}
