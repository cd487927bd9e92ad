//! `ADDRESS - USER [TIME] "METHOD TARGET VERSION" STATUS BYTES "REFERRER" "AGENT"`: the formats `common` and `combined` of nginx and
//! Apache, perhaps with a virtual host before, or more after it. A dash stands for what is not known.

use super::{Context, Found, until};
use crate::logs::records::{FieldValue, Fields};

pub(super) fn parse(text: &str, context: Context<'_>, fields: &mut Fields) -> Option<Found> {
    let (before, rest) = until(text, b'[')?;
    let (time, rest) = until(rest, b']')?;
    let mut words = before.split_ascii_whitespace().rev();
    let (user, _identity, address) = (words.next()?, words.next()?, words.next()?);
    let rest = rest.strip_prefix(" \"")?;
    let (request, rest) = quoted(rest)?;
    let (status, rest) = word(rest.strip_prefix(' ')?);
    let status: u16 = status.parse().ok().filter(|status| (100..1000).contains(status))?;
    let (size, rest) = word(rest.strip_prefix(' ')?);
    known(fields, "server.address", words.next().unwrap_or("-"));
    known(fields, "client.address", address);
    known(fields, "user.name", user);
    parse_request(request, fields);
    fields.push("http.response.status_code", FieldValue::Integer(i64::from(status)));
    if let Ok(size) = size.parse() {
        fields.push("http.response.body.size", FieldValue::Integer(size));
    }
    if let Some((referrer, rest)) = rest.strip_prefix(" \"").and_then(quoted) {
        known(fields, "http.request.referrer", referrer);
        if let Some((agent, _)) = rest.strip_prefix(" \"").and_then(quoted) {
            known(fields, "user_agent.original", agent);
        }
    }
    let time_ns = context.clockwork.whole(time, context.observed_ns);
    Some(Found { time_ns, is_time_unparsable: time_ns.is_none(), ..Found::default() })
}

/// `GET /path HTTP/1.1`; what a client sent that is no request is kept as it is.
fn parse_request(request: &str, fields: &mut Fields) {
    if let Some((method, rest)) = until(request, b' ')
        && let Some((target, version)) = rest.rsplit_once(' ')
        && let Some(version) = version.strip_prefix("HTTP/")
        && method.bytes().all(|byte| byte.is_ascii_alphabetic())
    {
        fields.push("http.request.method", FieldValue::Text(method));
        fields.push("url.original", FieldValue::Text(target));
        fields.push("network.protocol.version", FieldValue::Text(version));
    } else {
        known(fields, "http.request.line", request);
    }
}

fn known(fields: &mut Fields, name: &str, value: &str) {
    if value != "-" && !value.is_empty() {
        fields.push(name, FieldValue::Text(value));
    }
}

fn word(text: &str) -> (&str, &str) {
    text.split_at(memchr::memchr(b' ', text.as_bytes()).unwrap_or(text.len()))
}

/// Up to the closing quote. Apache writes a quote within as `\"`, nginx as `\x22`.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        let place = at + memchr::memchr2(b'"', b'\\', &bytes[at..])?;
        if bytes[place] == b'"' {
            return Some((&text[..place], &text[place + 1..]));
        }
        at = place + 2;
        if at > bytes.len() {
            return None;
        }
    }
}
