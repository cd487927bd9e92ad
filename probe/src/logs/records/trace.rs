//! Which trace and span a record belongs to, where its text or its fields say so.

use memchr::memmem;

/// What a record says about that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Trace {
    pub(super) trace_id: Option<[u8; 16]>,
    pub(super) span_id: Option<[u8; 8]>,
    pub(super) flags: Option<u8>,
}

/// An id in hexadecimal, which is not all zeros.
pub(super) fn id<const LENGTH: usize>(text: &[u8]) -> Option<[u8; LENGTH]> {
    if text.len() != 2 * LENGTH {
        return None;
    }
    let mut id = [0; LENGTH];
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for (byte, &[high, low]) in id.iter_mut().zip(text.as_chunks::<2>().0) {
        *byte = digit(high)? << 4 | digit(low)?;
    }
    (id != [0; LENGTH]).then_some(id)
}

/// `00-TRACE-SPAN-FLAGS` (W3C Trace Context, section 3.2).
pub(super) fn parent(text: &[u8]) -> Option<Trace> {
    let text = text.first_chunk::<55>()?;
    if text[2] != b'-' || text[35] != b'-' || text[52] != b'-' || text.starts_with(b"ff") {
        return None;
    }
    let flags =
        text[53..].iter().try_fold(0, |flags, &digit| Some(flags << 4 | char::from(digit).to_digit(16)?))?;
    Some(Trace {
        trace_id: Some(id(&text[3..35])?),
        span_id: Some(id(&text[36..52])?),
        flags: u8::try_from(flags).ok(),
    })
}

/// What is written as `trace_id=…`, `"traceId":"…"`, `traceparent: …` and the like.
#[inline]
pub(super) fn in_text(text: &str) -> Trace {
    let bytes = text.as_bytes();
    let mut found = Trace::default();
    let mut rest = bytes;
    // One search for both cases of the first letter.
    while let Some(place) = memmem::find(rest, b"race") {
        let is_word = place > 0 && matches!(rest[place - 1], b't' | b'T');
        rest = &rest[place + 4..];
        if !is_word {
            continue;
        }
        if let Some(value) = rest.strip_prefix(b"parent").and_then(value) {
            if let Some(trace) = parent(value) {
                return trace;
            }
        } else if let Some(id) = named_id(rest) {
            found.trace_id = Some(id);
            break;
        }
    }
    if found.trace_id.is_some() {
        found.span_id = span_in_text(bytes);
    }
    found
}

fn span_in_text(bytes: &[u8]) -> Option<[u8; 8]> {
    memmem::find_iter(bytes, b"pan").find_map(|place| {
        let is_word = place > 0 && matches!(bytes[place - 1], b's' | b'S');
        let is_parent = is_after_parent(&bytes[..place.saturating_sub(1)]);
        if is_word && !is_parent { named_id(&bytes[place + 3..]) } else { None }
    })
}

/// Whether what comes before ends with `parent`, as in `parent_span_id`, which is another span.
fn is_after_parent(before: &[u8]) -> bool {
    let end = before.strip_suffix(b"_").or_else(|| before.strip_suffix(b"-")).unwrap_or(before);
    end.len() >= 6 && end[end.len() - 6..].eq_ignore_ascii_case(b"parent")
}

/// The id after `_id=`, `Id":"` and the like.
fn named_id<const LENGTH: usize>(rest: &[u8]) -> Option<[u8; LENGTH]> {
    let rest = match rest {
        [b'_' | b'-' | b'.', b'i' | b'I', b'd' | b'D', rest @ ..] | [b'i' | b'I', b'd' | b'D', rest @ ..] => {
            rest
        }
        _ => return None,
    };
    let value = value(rest)?;
    let end =
        value.iter().take(2 * LENGTH + 1).position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(value.len());
    id(value.get(..end)?)
}

/// What comes after the name: a quote, a separator, perhaps a space and a quote.
fn value(rest: &[u8]) -> Option<&[u8]> {
    let rest = rest.strip_prefix(b"\\").unwrap_or(rest);
    let rest = rest.strip_prefix(b"\"").unwrap_or(rest);
    let [b'=' | b':', rest @ ..] = rest else { return None };
    let rest = rest.trim_ascii_start();
    let rest = rest.strip_prefix(b"\\").unwrap_or(rest);
    Some(rest.strip_prefix(b"\"").unwrap_or(rest))
}
