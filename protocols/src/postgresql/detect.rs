//! Recognises the protocol, at the beginning of a connection and in its midst, and finds the way back after a loss.

use std::ops::RangeInclusive;

use super::{frame, message, shape};
use crate::{Detection, Direction, reader::Reader};

/// Longest message that is believed where nothing else is known. Text in place of a length is above, be it a tab.
const BELIEVED: u32 = 0x08ff_ffff;

/// What [`super::ENTRY`] asks.
pub(super) fn detect(direction: Direction, bytes: &[u8]) -> Detection {
    match opening(bytes) {
        Opened::Whole => return Detection::Found(Direction::ToServer),
        Opened::Cut => return Detection::NeedMore,
        Opened::No => {}
    }
    let (own, other) = match direction {
        Direction::ToServer => (requests(bytes), responses(bytes)),
        Direction::ToClient => (responses(bytes), requests(bytes)),
    };
    match (own, other) {
        (Look::Certain, _) => Detection::Found(direction),
        (_, Look::Certain) => Detection::Found(direction.opposite()),
        (Look::Likely, _) => Detection::Likely(direction),
        (Look::Cut, _) => Detection::NeedMore,
        (Look::No, _) => Detection::No,
    }
}

/// Whether a segment begins with a message of the client, well enough to go on from there after a loss.
pub(super) fn resumes_requests(bytes: &[u8]) -> bool {
    let Some(chain) = walk(bytes, shape::frontend_lengths, shape::frontend_body) else { return false };
    match chain.first {
        // The end of a copy that was not followed to its end.
        b'c' => chain.is_exact,
        b'd' | b'p' | b'S' | b'H' | b'X' | b'f' => false,
        b'Q' | b'P' => chain.whole > 0 || bytes.len() > frame::HEADER_BYTES + 8,
        _ => chain.whole > 1 || chain.whole == 1 && chain.is_exact,
    }
}

/// Whether a segment begins with a message of the server, well enough to go on from there after a loss.
pub(super) fn resumes_responses(bytes: &[u8]) -> bool {
    let Some(chain) = walk(bytes, shape::backend_lengths, shape::backend_body) else { return false };
    match chain.first {
        b'd' | b'K' | b'V' | b'v' => false,
        _ => chain.whole > 1 || chain.whole == 1 && (chain.is_exact || chain.has_next),
    }
}

/// Where in a segment the last messages of an answer begin, if it ends with one: a `ReadyForQuery`, and the
/// `CommandComplete` or `ErrorResponse` before it. Servers send long results in pieces that begin anywhere, and
/// only the end of the last can be told.
pub(super) fn tail(bytes: &[u8]) -> Option<usize> {
    let ready = bytes.len().checked_sub(6)?;
    if !is_ready(bytes.get(ready..)?) {
        return None;
    }
    // An error is as long as its texts, a tag much shorter.
    let least = ready.saturating_sub(2048);
    let mut from = ready;
    while from > least {
        from -= 1;
        let Some(candidate) = bytes.get(from..ready) else { break };
        if !matches!(candidate.first(), Some(b'C' | b'E')) {
            continue;
        }
        if let Some(Part { kind, body, is_whole: true, rest: [] }) = part(candidate)
            && shape::backend_lengths(kind).contains(&u32::try_from(body.len() + 4).unwrap_or(u32::MAX))
            && shape::backend_body(kind, body, true)
        {
            return Some(from);
        }
    }
    Some(ready)
}

fn is_ready(bytes: &[u8]) -> bool {
    matches!(bytes, [b'Z', 0, 0, 0, 5, b'I' | b'T' | b'E'])
}

/// What a beginning of a connection looks like.
enum Opened {
    No,
    /// The bytes end too early to tell.
    Cut,
    Whole,
}

/// Whether these bytes open a connection.
pub(super) fn is_opening(bytes: &[u8]) -> bool {
    matches!(opening(bytes), Opened::Whole)
}

fn opening(bytes: &[u8]) -> Opened {
    // No opening message is longer than 10,000 bytes.
    let Some(header) = bytes.first_chunk::<8>() else {
        let possible = matches!(bytes, [] | [0] | [0, 0] | [0, 0, ..=0x27] | [0, 0, ..=0x27, _])
            || matches!(bytes, [0, 0, ..=0x27, _, 0, ..] | [0, 0, ..=0x27, _, 4, ..])
                && matches!(
                    bytes.get(4..),
                    Some([0] | [0, 3] | [0, 3, 0] | [4] | [4, 0xd2] | [4, 0xd2, 0x16])
                );
        return if possible { Opened::Cut } else { Opened::No };
    };
    let Some(length) = frame::opening_length(header) else { return Opened::No };
    let code = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    if code >> 16 != u32::from(message::MAJOR_VERSION) {
        let whole = usize::try_from(length).is_ok_and(|length| bytes.len() == length);
        return match (whole, bytes.len() < length as usize) {
            (true, _) => Opened::Whole,
            (false, true) => Opened::Cut,
            // A client waits for the answer.
            (false, false) => Opened::No,
        };
    }
    startup(&bytes[8..], length)
}

/// Judges the parameters of a start-up: names and values, each ended by a zero byte, and one more at the end.
fn startup(parameters: &[u8], length: u32) -> Opened {
    let room = usize::try_from(length).unwrap_or_default().saturating_sub(8);
    let whole = parameters.len() >= room;
    let mut reader = Reader::new(parameters.get(..room).unwrap_or(parameters));
    let mut pairs = 0;
    loop {
        let Some(key) = reader.until_zero() else {
            let plain = reader.rest().iter().all(|&byte| is_key_byte(byte));
            return if whole || !plain || reader.rest().len() > 63 {
                Opened::No
            } else if pairs > 0 {
                Opened::Whole
            } else {
                Opened::Cut
            };
        };
        if key.is_empty() {
            return if pairs > 0 && reader.is_empty() { Opened::Whole } else { Opened::No };
        }
        let named = key.first().is_some_and(|&byte| byte.is_ascii_alphabetic() || byte == b'_')
            && key.iter().all(|&byte| is_key_byte(byte))
            && key.len() <= 63;
        let value = reader.until_zero();
        let plain = value.unwrap_or(reader.rest()).iter().all(|&byte| byte >= b' ' && byte != 0x7f);
        if !named || !plain || value.is_none() && whole {
            return Opened::No;
        }
        if value.is_none() {
            return if pairs > 0 { Opened::Whole } else { Opened::Cut };
        }
        pairs += 1;
    }
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

/// How much bytes look like one side's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    No,
    /// The bytes end too early to tell.
    Cut,
    Likely,
    Certain,
}

fn requests(bytes: &[u8]) -> Look {
    if !matches!(bytes.first(), Some(b'Q' | b'P' | b'B' | b'E' | b'D' | b'C' | b'F')) {
        return Look::No;
    }
    if bytes.len() < frame::HEADER_BYTES {
        return cut_header(bytes, shape::frontend_lengths);
    }
    let Some(chain) = walk(bytes, shape::frontend_lengths, shape::frontend_body) else { return Look::No };
    let says_sql = bytes.first() == Some(&b'Q') && begins_sql(&bytes[frame::HEADER_BYTES..]);
    let is_extended = chain.whole >= 3 && matches!(chain.last, b'S' | b'H') && chain.extended;
    if chain.is_exact && (says_sql || is_extended) { Look::Certain } else { Look::Likely }
}

fn responses(bytes: &[u8]) -> Look {
    if !matches!(
        bytes.first(),
        Some(b'1' | b'2' | b'3' | b'A' | b'C' | b'D' | b'E' | b'G' | b'H' | b'I' | b'N' | b'R' | b'S' | b'T')
            | Some(b'V' | b'W' | b'Z' | b'n' | b's' | b't')
    ) {
        return Look::No;
    }
    if bytes.len() < frame::HEADER_BYTES {
        return cut_header(bytes, shape::backend_lengths);
    }
    let Some(chain) = walk(bytes, shape::backend_lengths, shape::backend_body) else { return Look::No };
    if chain.is_exact && chain.whole >= 2 && chain.last == b'Z' {
        return Look::Certain;
    }
    if chain.is_exact && chain.first == b'E' && message::error(&bytes[frame::HEADER_BYTES..]).state.is_some()
    {
        return Look::Certain;
    }
    Look::Likely
}

/// Judges a message of which less than the header is there.
fn cut_header(bytes: &[u8], lengths: fn(u8) -> RangeInclusive<u32>) -> Look {
    let Some((&kind, said)) = bytes.split_first() else { return Look::Cut };
    let filled = |filler: u8| {
        let mut whole = [filler; 4];
        for (to, from) in whole.iter_mut().zip(said) {
            *to = *from;
        }
        u32::from_be_bytes(whole)
    };
    let (lengths, least, most) = (lengths(kind), filled(0), filled(0xff).min(BELIEVED));
    let possible = lengths.start().max(&least) <= lengths.end().min(&most);
    if possible { Look::Cut } else { Look::No }
}

/// Words that statements begin with, in lower case.
const VERBS: [&str; 38] = [
    "abort",
    "alter",
    "analyze",
    "begin",
    "call",
    "checkpoint",
    "close",
    "cluster",
    "comment",
    "commit",
    "copy",
    "create",
    "deallocate",
    "declare",
    "delete",
    "discard",
    "do",
    "drop",
    "end",
    "execute",
    "explain",
    "fetch",
    "grant",
    "insert",
    "listen",
    "lock",
    "merge",
    "notify",
    "prepare",
    "reset",
    "rollback",
    "savepoint",
    "select",
    "set",
    "show",
    "start",
    "update",
    "with",
];

fn begins_sql(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let end = text.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(text.len());
    let word = text.get(..end).unwrap_or_default();
    VERBS.iter().any(|verb| word.eq_ignore_ascii_case(verb.as_bytes()))
}

/// What one after the other was read of messages.
struct Chain {
    first: u8,
    /// The type of the last whole message.
    last: u8,
    /// Messages that are whole.
    whole: u32,
    /// Whether a statement was parsed, bound or run.
    extended: bool,
    /// Whether the last ends where the bytes do.
    is_exact: bool,
    /// Whether the bytes end within a message behind a whole one, whose header is there.
    has_next: bool,
}

struct Part<'a> {
    kind: u8,
    body: &'a [u8],
    is_whole: bool,
    rest: &'a [u8],
}

fn part(bytes: &[u8]) -> Option<Part<'_>> {
    let mut reader = Reader::new(bytes);
    let (kind, length) = (reader.u8()?, reader.u32_be()?);
    let length = usize::try_from(length.checked_sub(4)?).ok()?;
    let rest = reader.rest();
    let (body, rest) = rest.split_at(length.min(rest.len()));
    Some(Part { kind, body, is_whole: body.len() == length, rest })
}

/// Messages looked at before the rest is believed to be alike.
const WALKED: u32 = 64;

fn walk(
    bytes: &[u8],
    lengths: fn(u8) -> RangeInclusive<u32>,
    body: fn(u8, &[u8], bool) -> bool,
) -> Option<Chain> {
    let &first = bytes.first()?;
    let mut chain = Chain { first, last: 0, whole: 0, extended: false, is_exact: false, has_next: false };
    let mut rest = bytes;
    while let Some(&kind) = rest.first() {
        if rest.len() < frame::HEADER_BYTES {
            return (cut_header(rest, lengths) == Look::Cut && chain.whole > 0).then_some(chain);
        }
        let said = u32::from_be_bytes([rest[1], rest[2], rest[3], rest[4]]);
        if said > BELIEVED || !lengths(kind).contains(&said) {
            return None;
        }
        let part = part(rest)?;
        if !body(kind, part.body, part.is_whole) {
            return None;
        }
        if !part.is_whole {
            chain.has_next = chain.whole > 0;
            return Some(chain);
        }
        chain.whole += 1;
        chain.last = kind;
        chain.extended |= matches!(kind, b'P' | b'B' | b'E');
        rest = part.rest;
        if chain.whole >= WALKED && !rest.is_empty() {
            chain.has_next = true;
            return Some(chain);
        }
    }
    chain.is_exact = true;
    Some(chain)
}
