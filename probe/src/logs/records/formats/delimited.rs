//! Values between delimiters; quoted ones may contain delimiters, line ends and doubled quotes (RFC 4180).

use super::{Found, Scratch};
use crate::logs::records::{FieldValue, Fields};

pub(super) fn parse(
    text: &str,
    delimiter: u8,
    quote: Option<u8>,
    names: &[String],
    fields: &mut Fields,
    scratch: &mut Scratch,
) -> Option<Found> {
    let mut rest = text.as_bytes();
    for (index, name) in names.iter().enumerate() {
        let is_last = index + 1 == names.len();
        let after = match quote {
            Some(quote) if rest.first() == Some(&quote) => {
                let after = quoted(&rest[1..], quote, &mut scratch.text)?;
                fields.push(name, FieldValue::Text(std::str::from_utf8(&scratch.text).ok()?));
                after
            }
            _ => {
                let end = memchr::memchr(delimiter, rest).unwrap_or(rest.len());
                fields.push(name, FieldValue::Text(std::str::from_utf8(&rest[..end]).ok()?));
                &rest[end..]
            }
        };
        rest = match (after, is_last) {
            ([], true) => return Some(Found::default()),
            ([first, after @ ..], false) if *first == delimiter => after,
            _ => return None,
        };
    }
    None
}

/// What is quoted, and what comes after it.
fn quoted<'a>(mut rest: &'a [u8], quote: u8, text: &mut Vec<u8>) -> Option<&'a [u8]> {
    text.clear();
    loop {
        let end = memchr::memchr(quote, rest)?;
        text.extend_from_slice(&rest[..end]);
        rest = &rest[end + 1..];
        if rest.first() != Some(&quote) {
            return Some(rest);
        }
        text.push(quote);
        rest = &rest[1..];
    }
}
