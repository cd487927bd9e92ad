//! First lines: what proves that a message begins here (RFC 9112 sections 3 and 4).

use memchr::memchr;

use crate::{Detection, Direction};

/// Longest method taken for one. The registry's longest has 17 characters.
pub(super) const METHOD_LENGTH: usize = 32;

/// Bytes of a request line after which a known method and a plausible target are proof enough, its end unseen.
const TARGET_PROOF: usize = 64;

/// Bytes in which the request line of an unknown method must end.
const UNKNOWN_METHOD_LINE: usize = 512;

/// Methods whose first line needs no version to be likely, and that prove a line whose end is not there yet.
const METHODS: [&[u8]; 10] =
    [b"GET", b"POST", b"PUT", b"HEAD", b"DELETE", b"PATCH", b"OPTIONS", b"CONNECT", b"TRACE", b"QUERY"];

/// What bytes say of the first line that they begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// No message begins so.
    Invalid,
    /// Too short to tell.
    NeedMore,
    /// A request without a version, as HTTP/0.9 has it: weak.
    Simple,
    /// A message begins here.
    Valid,
}

/// Judges the start of a message in its direction.
pub(super) fn probe(direction: Direction, bytes: &[u8]) -> Line {
    match direction {
        Direction::ToServer => request_line(bytes),
        Direction::ToClient => status_line(bytes),
    }
}

/// Detection for the registry: the two kinds of first lines cannot be taken for each other, so they prove a direction.
pub(super) fn detect(direction: Direction, bytes: &[u8]) -> Detection {
    let blank = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let bytes = &bytes[blank..];
    if bytes.is_empty() {
        return Detection::NeedMore;
    }
    match (request_line(bytes), status_line(bytes)) {
        (Line::Valid, _) => Detection::Found(Direction::ToServer),
        (_, Line::Valid) => Detection::Found(Direction::ToClient),
        (Line::Simple, _) if is_lone_target(bytes) => Detection::Likely(Direction::ToServer),
        (Line::Simple, _) => Detection::No,
        (_, Line::NeedMore) | (Line::NeedMore, _) => Detection::NeedMore,
        // HTTP/0.9 answers with the bare document; only together with a likely request does it mean anything.
        _ if direction == Direction::ToClient && (bytes[0] == b'<' || bytes[0].is_ascii_alphabetic()) => {
            Detection::Likely(Direction::ToClient)
        }
        _ => Detection::No,
    }
}

/// Whether a request line without a version is what HTTP/0.9 knows, which is `GET` and a target (servers take `POST` as
/// well): a sentence is no request.
fn is_lone_target(bytes: &[u8]) -> bool {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let mut words = line.trim_ascii().split(|&byte| byte == b' ');
    matches!(words.next(), Some(b"GET" | b"POST")) && words.count() == 1
}

fn request_line(bytes: &[u8]) -> Line {
    let length = bytes.iter().take(METHOD_LENGTH + 1).take_while(|&&byte| is_token(byte)).count();
    if length > METHOD_LENGTH {
        return Line::Invalid;
    }
    let Some(&after) = bytes.get(length) else {
        return if length == 0 { Line::NeedMore } else { plausible_method(bytes) };
    };
    if length == 0 || after != b' ' {
        return Line::Invalid;
    }
    let known = METHODS.contains(&&bytes[..length]);
    let rest = &bytes[length + 1..];
    if let Some(end) = memchr(b'\n', rest) {
        let line = rest[..end].trim_ascii();
        return if version_at_end(line).is_some() {
            Line::Valid
        } else if known && line.first() == Some(&b'/') {
            Line::Simple
        } else {
            Line::Invalid
        };
    }
    let limit = if known && plausible_target(&bytes[..length], rest) {
        if bytes.len() >= TARGET_PROOF {
            return Line::Valid;
        }
        TARGET_PROOF
    } else {
        UNKNOWN_METHOD_LINE
    };
    if bytes.len() < limit { Line::NeedMore } else { Line::Invalid }
}

/// A method of which no end was seen: telling letters from noise keeps other protocols from being waited for.
fn plausible_method(bytes: &[u8]) -> Line {
    if bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        Line::NeedMore
    } else {
        Line::Invalid
    }
}

fn plausible_target(method: &[u8], target: &[u8]) -> bool {
    match target.first() {
        None | Some(b'/' | b'*') => true,
        _ if method == b"CONNECT" => true,
        _ => {
            let length = target.len().min(4);
            target[..length].eq_ignore_ascii_case(&b"http"[..length])
        }
    }
}

fn status_line(bytes: &[u8]) -> Line {
    const NAME: &[u8] = b"HTTP/";
    let length = bytes.len().min(NAME.len());
    if bytes[..length] != NAME[..length] {
        return Line::Invalid;
    }
    let Some(rest) = bytes.get(NAME.len()..) else { return Line::NeedMore };
    let mut rest = rest.iter();
    for accepts in [is_old_major, is_dot, is_digit, is_space] {
        match rest.next() {
            None => return Line::NeedMore,
            Some(&byte) if !accepts(byte) => return Line::Invalid,
            Some(_) => {}
        }
    }
    let code = rest.as_slice();
    let spaces = code.iter().take_while(|&&byte| byte == b' ').count();
    let code = &code[spaces..];
    let digits = code.iter().take(4).take_while(|byte| byte.is_ascii_digit()).count();
    match (digits, code.len()) {
        (3, _) if code[0] != b'0' => Line::Valid,
        (0..=2, length) if length == digits && spaces < 8 => Line::NeedMore,
        _ => Line::Invalid,
    }
}

/// Where the version begins in a request line without its end, if it has one of HTTP/1 or before. A later major
/// version is not this protocol: HTTP/2's preface reads `PRI * HTTP/2.0`.
pub(super) fn version_at_end(line: &[u8]) -> Option<usize> {
    let start = line.len().checked_sub(9)?;
    let matches = matches!(
        line[start..],
        [b' ' | b'\t', b'H', b'T', b'T', b'P', b'/', b'0' | b'1', b'.', minor] if minor.is_ascii_digit()
    );
    matches.then_some(start + 1)
}

const fn is_old_major(byte: u8) -> bool {
    matches!(byte, b'0' | b'1')
}

const fn is_dot(byte: u8) -> bool {
    byte == b'.'
}

const fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

const fn is_space(byte: u8) -> bool {
    byte == b' '
}

/// RFC 9110 section 5.6.2.
pub(super) const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}
