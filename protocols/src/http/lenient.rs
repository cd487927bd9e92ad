//! Heads as they should not be, read line by line: spaces in targets, bytes that are no text, missing versions, folded
//! lines (RFC 9112 section 5.2), spaces before colons, more fields than anyone needs, heads that a gap cut off.

use memchr::memchr;

use super::{
    line::{METHOD_LENGTH, is_token, version_at_end},
    message::{RequestLine, StatusLine, Version},
};

/// The first line of a request and what follows it. Without a version it is HTTP/0.9's.
pub(super) fn request_line(head: &[u8]) -> Option<(RequestLine<'_>, &[u8])> {
    let (line, rest) = first_line(head);
    let line = line.trim_ascii_end();
    let length = line.iter().take_while(|&&byte| is_token(byte)).count();
    if !(1..=METHOD_LENGTH).contains(&length) || line.get(length) != Some(&b' ') {
        return None;
    }
    let (method, after) = line.split_at(length);
    let (target, version) = match version_at_end(after) {
        Some(start) => (&after[..start], Version::from_text(&after[start..])),
        None => (after, Version::V09),
    };
    let target = target.trim_ascii();
    (!target.is_empty()).then_some((RequestLine { method, target, version }, rest))
}

/// The first line of a response and what follows it.
pub(super) fn status_line(head: &[u8]) -> Option<(StatusLine, &[u8])> {
    let (line, rest) = first_line(head);
    let (version, after) = line.split_at_checked(8)?;
    let old = matches!(version, [b'H', b'T', b'T', b'P', b'/', b'0' | b'1', b'.', _]);
    let code = after.trim_ascii_start();
    let digits = code.get(..3)?;
    let longer = code.get(3).is_some_and(u8::is_ascii_digit);
    if !old || longer || code.len() == after.len() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let status = digits.iter().fold(0, |value, digit| value * 10 + u16::from(digit - b'0'));
    (status >= 100).then_some((StatusLine { status, version: Version::from_text(version) }, rest))
}

/// Shows every field to `each`; lines that are none are passed over. A folded value is shown as it stands.
pub(super) fn fields<'a>(mut rest: &'a [u8], mut each: impl FnMut(&'a [u8], &'a [u8])) {
    while !rest.is_empty() {
        let mut end = line_end(rest, 0);
        while matches!(rest.get(end), Some(b' ' | b'\t')) {
            end = line_end(rest, end);
        }
        let (line, after) = rest.split_at(end);
        rest = after;
        let Some(colon) = memchr(b':', line) else { continue };
        let name = line[..colon].trim_ascii();
        if !name.is_empty() && name.iter().all(|&byte| is_token(byte)) {
            each(name, line[colon + 1..].trim_ascii());
        }
    }
}

fn first_line(head: &[u8]) -> (&[u8], &[u8]) {
    let end = line_end(head, 0);
    let (line, rest) = head.split_at(end);
    (line.trim_ascii_end(), rest)
}

/// Index past the line end at or after `from`.
fn line_end(bytes: &[u8], from: usize) -> usize {
    memchr(b'\n', &bytes[from..]).map_or(bytes.len(), |newline| from + newline + 1)
}
