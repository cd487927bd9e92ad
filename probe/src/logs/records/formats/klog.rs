//! `I0102 03:04:05.678901    1234 file.go:123] MESSAGE`.

use super::{Context, Found, place_of, until};
use crate::logs::records::{FieldValue, Fields, Severity, time::Stamp};

pub(super) fn parse(text: &str, context: Context<'_>, fields: &mut Fields) -> Option<Found> {
    let severity = match text.as_bytes().first()? {
        b'I' => Severity::INFO,
        b'W' => Severity::WARN,
        b'E' => Severity::ERROR,
        b'F' => Severity::FATAL,
        _ => return None,
    };
    let (stamp, used) = Stamp::klog(&text.as_bytes()[1..])?;
    let rest = text.get(1 + used..)?.trim_ascii_start();
    let (process, rest) = until(rest, b' ')?;
    let (place, rest) = until(rest.trim_ascii_start(), b']')?;
    let (file, line) = place.rsplit_once(':')?;
    fields.push("process.pid", FieldValue::Integer(process.parse().ok()?));
    fields.push("code.file.path", FieldValue::Text(file));
    fields.push("code.line.number", FieldValue::Integer(line.parse().ok()?));
    let time_ns = context.clockwork.resolve(&stamp, context.observed_ns);
    Some(Found {
        body: Some(place_of(rest.strip_prefix(' ').unwrap_or(rest), text)),
        time_ns,
        is_time_unparsable: time_ns.is_none(),
        severity: Some(severity),
        severity_text: 0..1,
    })
}
