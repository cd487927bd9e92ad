//! Error logs of nginx and Apache.

use super::{Context, Found, place_of, until};
use crate::logs::records::{FieldValue, Fields, severity};

/// `2024/01/02 03:04:05 [error] 123#456: *789 MESSAGE, client: ADDRESS, server: NAME, …`.
pub(super) fn nginx(text: &str, context: Context<'_>, fields: &mut Fields) -> Option<Found> {
    let (time, used) = context.clockwork.beginning(text, context.observed_ns)?;
    let (level, rest) = until(text[used..].strip_prefix(" [")?, b']')?;
    let severity = severity::of_word(level, &Default::default())?;
    let (process, rest) = until(rest.strip_prefix(' ')?, b'#')?;
    let (thread, rest) = until(rest, b':')?;
    number(fields, "process.pid", process)?;
    number(fields, "thread.id", thread)?;
    let mut message = rest.strip_prefix(' ')?;
    if let Some((connection, rest)) = message.strip_prefix('*').and_then(|rest| until(rest, b' ')) {
        number(fields, "nginx.connection", connection)?;
        message = rest;
    }
    for (mark, name) in [(", client: ", "client.address"), (", server: ", "server.address")] {
        if let Some((_, value)) = message.split_once(mark) {
            let value = value.split(',').next().unwrap_or_default();
            fields.push(name, FieldValue::Text(value));
        }
    }
    Some(Found {
        body: Some(place_of(message, text)),
        time_ns: Some(time),
        severity: Some(severity),
        severity_text: place_of(level, text),
        ..Found::default()
    })
}

/// `[Wed Oct 11 14:32:52.123456 2000] [core:error] [pid 35708:tid 4328636416] [client 10.0.0.7:1234] MESSAGE`, parts of which are
/// missing in older versions.
pub(super) fn apache(text: &str, context: Context<'_>, fields: &mut Fields) -> Option<Found> {
    let (time, used) = context.clockwork.beginning(text, context.observed_ns)?;
    let mut rest = text[used..].trim_ascii_start();
    if !text.starts_with('[') {
        return None;
    }
    let mut found = Found { time_ns: Some(time), ..Found::default() };
    let mut is_first = true;
    while let Some((part, after)) = rest.strip_prefix('[').and_then(|part| until(part, b']')) {
        if std::mem::take(&mut is_first) {
            let (module, level) = part.split_once(':').unwrap_or(("", part));
            // `trace1` to `trace8` are finer and finer.
            let word = level.trim_end_matches(|character: char| character.is_ascii_digit());
            found.severity = Some(severity::of_word(word, &Default::default())?);
            found.severity_text = place_of(level, text);
            if !module.is_empty() {
                fields.push("apache.module", FieldValue::Text(module));
            }
        } else if let Some(process) = part.strip_prefix("pid ") {
            let (process, thread) = process.split_once(":tid ").unwrap_or((process, ""));
            number(fields, "process.pid", process)?;
            let _ = number(fields, "thread.id", thread);
        } else if let Some(client) = part.strip_prefix("client ") {
            let (address, port) = client.rsplit_once(':').unwrap_or((client, ""));
            fields.push("client.address", FieldValue::Text(address));
            let _ = number(fields, "client.port", port);
        } else {
            break;
        }
        rest = after.trim_ascii_start();
    }
    found.severity?;
    found.body = Some(place_of(rest, text));
    Some(found)
}

fn number(fields: &mut Fields, name: &str, digits: &str) -> Option<()> {
    fields.push(name, FieldValue::Integer(digits.parse().ok()?));
    Some(())
}
