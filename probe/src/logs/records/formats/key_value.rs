//! `name=value name="value with spaces"`. A text with anything else is not of this format: prose in which an equals sign occurs stays prose.

use super::{Found, Scratch};
use crate::logs::records::{FieldValue, Fields};

pub(super) fn parse(text: &str, fields: &mut Fields, scratch: &mut Scratch) -> Option<Found> {
    let mut rest = text.trim_ascii();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.bytes().position(|byte| matches!(byte, b'=' | b' ' | b'"'))?;
        let name = &rest[..end];
        rest = rest[end..].strip_prefix('=')?;
        if name.is_empty() {
            return None;
        }
        if let Some(quoted) = rest.strip_prefix('"') {
            let length = unquote(quoted, &mut scratch.text)?;
            fields.push(name, FieldValue::Text(std::str::from_utf8(&scratch.text).ok()?));
            rest = &quoted[length..];
            if !rest.is_empty() && !rest.starts_with(' ') {
                return None;
            }
        } else {
            let end = memchr::memchr(b' ', rest.as_bytes()).unwrap_or(rest.len());
            fields.push(name, FieldValue::Text(&rest[..end]));
            rest = &rest[end..];
        }
        rest = rest.trim_ascii_start();
    }
    Some(Found::default())
}

/// Resolves what a backslash stands before, up to the closing quote; how many bytes that took.
fn unquote(quoted: &str, text: &mut Vec<u8>) -> Option<usize> {
    text.clear();
    let bytes = quoted.as_bytes();
    let mut at = 0;
    loop {
        let place = at + memchr::memchr2(b'"', b'\\', &bytes[at..])?;
        text.extend_from_slice(&bytes[at..place]);
        if bytes[place] == b'"' {
            return Some(place + 1);
        }
        match bytes.get(place + 1)? {
            b'n' => text.push(b'\n'),
            b't' => text.push(b'\t'),
            b'r' => text.push(b'\r'),
            byte @ (b'"' | b'\\') => text.push(*byte),
            // Not an escape: a path of Windows, perhaps.
            _ => {
                text.push(b'\\');
                at = place + 1;
                continue;
            }
        }
        at = place + 2;
    }
}
