//! Syslog as files have it: RFC 5424, and what RFC 3164 describes, with the priority or without, with its own time stamps or with those of RFC 3339.

use super::{Context, Found, place_of, until};
use crate::logs::records::{FieldValue, Fields, severity};

pub(super) fn parse(text: &str, context: Context<'_>, fields: &mut Fields) -> Option<Found> {
    let mut found = Found::default();
    let mut rest = text;
    let mut has_priority = false;
    if let Some((digits, after)) = text.strip_prefix('<').and_then(|rest| until(rest, b'>')) {
        let priority: u8 = digits.parse().ok().filter(|priority| *priority < 192)?;
        let (_, number) = severity::SYSLOG[usize::from(priority & 7)];
        found.severity = Some(number);
        fields.push("syslog.facility", FieldValue::Integer(i64::from(priority >> 3)));
        rest = after;
        has_priority = true;
    }
    match rest.strip_prefix("1 ") {
        Some(rest) if has_priority => protocol(text, rest, context, fields, found),
        _ => traditional(text, rest, context, fields, found),
    }
}

/// `TIME HOST APPLICATION PROCESS MESSAGE-ID DATA MESSAGE` of RFC 5424.
fn protocol(
    text: &str,
    rest: &str,
    context: Context<'_>,
    fields: &mut Fields,
    mut found: Found,
) -> Option<Found> {
    let (time, rest) = until(rest, b' ')?;
    if time != "-" {
        found.time_ns = context.clockwork.whole(time, context.observed_ns);
        found.is_time_unparsable = found.time_ns.is_none();
    }
    let mut rest = rest;
    for name in ["host.name", "syslog.app_name", "syslog.proc_id", "syslog.msg_id"] {
        let (value, after) = until(rest, b' ')?;
        if value != "-" {
            fields.push(name, FieldValue::Text(value));
        }
        rest = after;
    }
    let rest = match rest.strip_prefix('-') {
        Some(rest) => rest,
        None => structured(rest, fields)?,
    };
    let message = rest.strip_prefix(' ').unwrap_or(rest);
    found.body = Some(place_of(message.strip_prefix('\u{feff}').unwrap_or(message), text));
    Some(found)
}

/// `[ID NAME="VALUE" …][…]`.
fn structured<'a>(mut rest: &'a str, fields: &mut Fields) -> Option<&'a str> {
    let mut value = String::new();
    rest.strip_prefix('[')?;
    while let Some(element) = rest.strip_prefix('[') {
        let end = element.bytes().position(|byte| matches!(byte, b' ' | b']'))?;
        let id = &element[..end];
        rest = &element[end..];
        while let Some(pair) = rest.strip_prefix(' ') {
            let (name, quoted) = pair.split_once("=\"")?;
            value.clear();
            let mut is_escaped = false;
            let mut length = None;
            for (place, character) in quoted.char_indices() {
                match character {
                    '"' | '\\' | ']' if is_escaped => value.push(character),
                    '"' => {
                        length = Some(place);
                        break;
                    }
                    '\\' => {
                        is_escaped = true;
                        continue;
                    }
                    _ => {
                        if is_escaped {
                            value.push('\\');
                        }
                        value.push(character);
                    }
                }
                is_escaped = false;
            }
            fields.push(&format!("syslog.{id}.{name}"), FieldValue::Text(&value));
            rest = &quoted[length? + 1..];
        }
        rest = rest.strip_prefix(']')?;
    }
    Some(rest)
}

/// `TIME HOST TAG[PROCESS]: MESSAGE` of RFC 3164. A file has the host; what comes from a socket may not.
fn traditional(
    text: &str,
    rest: &str,
    context: Context<'_>,
    fields: &mut Fields,
    mut found: Found,
) -> Option<Found> {
    let (time, used) = context.clockwork.beginning(rest, context.observed_ns)?;
    found.time_ns = Some(time);
    let rest = rest[used..].strip_prefix(' ')?;
    let (host, after) = until(rest, b' ')?;
    // Without a host, the tag comes first, which ends with a colon.
    let rest = if host.ends_with(':') || host.contains('[') {
        rest
    } else {
        fields.push("host.name", FieldValue::Text(host));
        after
    };
    let end = rest.bytes().take(128).position(|byte| matches!(byte, b':' | b'[' | b' ')).unwrap_or(0);
    let (tag, after) = rest.split_at(end);
    let mut message = rest;
    if let Some((process, after)) = after.strip_prefix('[').and_then(|rest| rest.split_once("]:")) {
        fields.push("syslog.app_name", FieldValue::Text(tag));
        fields.push("syslog.proc_id", FieldValue::Text(process));
        message = after;
    } else if let Some(after) = after.strip_prefix(':')
        && !tag.is_empty()
    {
        fields.push("syslog.app_name", FieldValue::Text(tag));
        message = after;
    }
    found.body = Some(place_of(message.strip_prefix(' ').unwrap_or(message), text));
    Some(found)
}
