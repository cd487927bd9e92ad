//! How the protocol is told from others, and how its packets are found again after a loss.

use super::{
    command::{Command, query_text},
    frame::{HEADER_BYTES, payload_bytes},
    message::{self, TLS_REQUEST_BYTES, capability},
};
use crate::{Detection, Direction, reader::Reader};

/// Longest version that a greeting may name.
const VERSION_BYTES: usize = 64;

/// Length of a greeting, without the header: the fixed part, the version, the challenge and a plug-in's name.
const GREETING_BYTES: std::ops::RangeInclusive<usize> = 22..=256;

/// Longest message of an error, `MYSQL_ERRMSG_SIZE` and what stands before it.
const ERROR_BYTES: usize = 600;

/// Longest payload believed of a header that comes without it, where the framing is not known.
const LONE_HEADER_BYTES: usize = 64 * 1024;

/// What the definition of a column begins with: the catalogue, always `def`, with its length.
const COLUMN: [u8; 4] = [3, b'd', b'e', b'f'];

/// Looks at bytes that may start a message.
pub(super) fn detect(direction: Direction, bytes: &[u8]) -> Detection {
    let Some((header, payload)) = bytes.split_at_checked(HEADER_BYTES) else {
        // A header that has come in part.
        let possible = bytes.get(2).is_none_or(|&high| high == 0);
        return if possible { Detection::NeedMore } else { Detection::No };
    };
    let length = payload_bytes(header).unwrap_or_default();
    let sequence = header.last().copied().unwrap_or_default();
    if length == 0 {
        return Detection::No;
    }
    let found = match sequence {
        0 => match greeting(length, payload).or(refusal(length, payload)) {
            Detection::No if direction == Direction::ToServer => commands(bytes),
            found => found,
        },
        1 => match login(length, payload) {
            Detection::No => response(direction, bytes),
            Detection::NeedMore => match response(direction, bytes) {
                Detection::No => Detection::NeedMore,
                found => found,
            },
            found => found,
        },
        _ => Detection::No,
    };
    if found == Detection::No && payload.is_empty() && sequence <= 1 && length <= LONE_HEADER_BYTES {
        // Some programs read the header apart from the payload.
        return Detection::NeedMore;
    }
    found
}

trait Or {
    fn or(self, other: Self) -> Self;
}

impl Or for Detection {
    fn or(self, other: Self) -> Self {
        if self == Self::No { other } else { self }
    }
}

/// A server's greeting, which nothing else looks like.
fn greeting(length: usize, payload: &[u8]) -> Detection {
    if !GREETING_BYTES.contains(&length) || payload.first().is_some_and(|&version| version != 10) {
        return Detection::No;
    }
    let rest = payload.get(1..).unwrap_or_default();
    let version = rest.split(|&byte| byte == 0).next().unwrap_or_default();
    let plausible = version.len() <= VERSION_BYTES
        && version.iter().all(u8::is_ascii_graphic_or_space)
        && version.first().is_none_or(u8::is_ascii_digit);
    if !plausible {
        return Detection::No;
    }
    if version.len() == rest.len() {
        return Detection::NeedMore;
    }
    // The thread's id and the challenge's first part, which ends in a zero.
    match rest.get(version.len() + 13) {
        Some(0) if version.contains(&b'.') => Detection::Found(Direction::ToClient),
        Some(_) => Detection::No,
        None => Detection::NeedMore,
    }
}

trait Graphic {
    fn is_ascii_graphic_or_space(&self) -> bool;
}

impl Graphic for u8 {
    fn is_ascii_graphic_or_space(&self) -> bool {
        (b' '..=b'~').contains(self)
    }
}

/// An error in place of a greeting: too many connections, a host that may not connect.
fn refusal(length: usize, payload: &[u8]) -> Detection {
    if !(8..=ERROR_BYTES).contains(&length) {
        return Detection::No;
    }
    // What no greeting has set a character set for is sent as UTF-8; three bytes say that it is an error, and which.
    let is_text = |text| std::str::from_utf8(text).map_or_else(|error| error.error_len().is_none(), |_| true);
    if !payload.get(3..).is_none_or(is_text) {
        return Detection::No;
    }
    match error(length, payload) {
        Some(true) => Detection::Found(Direction::ToClient),
        Some(false) => Detection::NeedMore,
        None => Detection::No,
    }
}

/// Whether a packet is an error: `None` if not, `false` if more of it must be seen.
fn error(length: usize, payload: &[u8]) -> Option<bool> {
    let mut reader = Reader::new(payload);
    if reader.u8().is_some_and(|first| first != 0xff) || length < 4 || payload.len() > length {
        return None;
    }
    let Some(code) = reader.u16_le() else { return Some(false) };
    let text = reader.rest();
    let control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\n' | b'\t' | b'\r');
    let plausible = (1000..20_000).contains(&code) && !text.iter().any(control);
    plausible.then_some(payload.len() == length)
}

/// A client's login, or its request for TLS, which has nineteen zeros in a row.
fn login(length: usize, payload: &[u8]) -> Detection {
    if !(TLS_REQUEST_BYTES..=LONE_HEADER_BYTES).contains(&length) {
        return Detection::No;
    }
    let capabilities = Reader::new(payload).u32_le().map(u64::from);
    if capabilities.is_some_and(|flags| flags & capability::PROTOCOL_41 == 0) {
        return Detection::No;
    }
    let zeros = payload.get(9..payload.len().min(28)).unwrap_or_default();
    if zeros.iter().any(|&byte| byte != 0) {
        return Detection::No;
    }
    if payload.len() < TLS_REQUEST_BYTES {
        return Detection::NeedMore;
    }
    if length == TLS_REQUEST_BYTES {
        let asks = capabilities.is_some_and(|flags| flags & capability::TLS != 0);
        return if asks && payload.len() == length {
            Detection::Found(Direction::ToServer)
        } else {
            Detection::No
        };
    }
    match message::login(payload, length as u64) {
        Some(_) => Detection::Found(Direction::ToServer),
        None if payload.len() < length => Detection::NeedMore,
        None => Detection::No,
    }
}

/// Commands: packets of sequence number 0, one after the other.
fn commands(bytes: &[u8]) -> Detection {
    let mut rest = bytes;
    let mut strong = false;
    while let Some((header, after)) = rest.split_at_checked(HEADER_BYTES) {
        let length = payload_bytes(header).unwrap_or_default();
        if header.last() != Some(&0) || length == 0 {
            return Detection::No;
        }
        let payload = &after[..after.len().min(length)];
        match command(length, payload) {
            Some(true) => strong = true,
            Some(false) => {}
            None => return Detection::No,
        }
        rest = &after[payload.len()..];
        if payload.len() < length {
            // The rest of it is still to come, or will not be copied.
            return if strong { Detection::Likely(Direction::ToServer) } else { Detection::NeedMore };
        }
    }
    if rest.is_empty() { Detection::Likely(Direction::ToServer) } else { Detection::NeedMore }
}

/// Whether a payload is that of a command: `None` if not, `true` if even its beginning can hardly be anything else.
fn command(length: usize, payload: &[u8]) -> Option<bool> {
    let Some((&code, rest)) = payload.split_first() else { return Some(false) };
    let command = Command::from_code(code).filter(|command| command.fits(length))?;
    match command {
        Command::Query => {
            let text = query_text(rest, None)?;
            begins_statement(text).then_some(text.len() >= 8)
        }
        Command::Prepare => begins_statement(rest).then_some(rest.len() >= 8),
        Command::InitDb => (length <= 256 && rest.iter().all(|&byte| byte > b' ')).then_some(false),
        Command::FieldList => (length <= 512).then_some(false),
        Command::Execute => match rest {
            // Flags, then a count of iterations that has always been one.
            [_, _, _, _, flags, 1, 0, 0, 0, ..] => (*flags < 16).then_some(true),
            _ => (rest.len() < 9).then_some(false),
        },
        Command::ChangeUser | Command::BinlogDump => None,
        Command::Other(_) => None,
        _ => Some(false),
    }
}

/// Whether text may begin a statement: a word, a parenthesis or a comment, and no control characters soon after.
fn begins_statement(text: &[u8]) -> bool {
    let start = text.trim_ascii_start();
    let first = match start.first() {
        Some(first) => *first,
        None => return text.is_empty(),
    };
    let begins = first.is_ascii_alphabetic() || matches!(first, b'(' | b'/' | b'-' | b'#' | b'{');
    let control = |byte: &u8| *byte < b' ' && !byte.is_ascii_whitespace();
    begins && !start.iter().take(32).any(control)
}

/// A response: packets that begin with sequence number 1.
fn response(direction: Direction, bytes: &[u8]) -> Detection {
    match judge(bytes) {
        Verdict::No => Detection::No,
        Verdict::NeedMore => Detection::NeedMore,
        Verdict::Likely if direction == Direction::ToClient => Detection::Likely(Direction::ToClient),
        Verdict::Likely => Detection::No,
        Verdict::Certain => Detection::Found(Direction::ToClient),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    No,
    NeedMore,
    Likely,
    Certain,
}

/// Judges bytes that may begin a response.
fn judge(bytes: &[u8]) -> Verdict {
    let Some((header, after)) = bytes.split_at_checked(HEADER_BYTES) else { return Verdict::NeedMore };
    let length = payload_bytes(header).unwrap_or_default();
    if header.last() != Some(&1) || length == 0 {
        return Verdict::No;
    }
    let payload = &after[..after.len().min(length)];
    let next = &after[payload.len()..];
    let whole = payload.len() == length;
    let Some((&first, rest)) = payload.split_first() else { return Verdict::NeedMore };
    match first {
        0xff => match error(length, payload) {
            Some(true) if next.is_empty() && rest.get(2) == Some(&b'#') => Verdict::Likely,
            Some(false) => Verdict::NeedMore,
            _ => Verdict::No,
        },
        0xfe if length == 5 && whole => likely(next.is_empty()),
        // The answer to a COM_STMT_PREPARE.
        0 if (12..=13).contains(&length) && whole && prepares(rest, next) => likely(true),
        0 if length >= 7 && whole => match message::done(rest, true) {
            // A statement that changes many rows, and says more than that it did, is rare.
            Some(_) if next.is_empty() && length <= ERROR_BYTES => Verdict::Likely,
            _ => Verdict::No,
        },
        _ if length <= 10 && whole => match message::columns(payload) {
            Some(columns) if columns.described => column(next),
            _ => Verdict::No,
        },
        _ if length <= ERROR_BYTES && !whole => Verdict::NeedMore,
        _ => Verdict::No,
    }
}

const fn likely(is: bool) -> Verdict {
    if is { Verdict::Likely } else { Verdict::No }
}

/// Whether bytes after the number of columns are the definition of one.
fn column(next: &[u8]) -> Verdict {
    let Some((header, payload)) = next.split_at_checked(HEADER_BYTES) else { return Verdict::NeedMore };
    let length = payload_bytes(header).unwrap_or_default();
    if header.last() != Some(&2) || !(COLUMN.len()..=2048).contains(&length) {
        return Verdict::No;
    }
    match payload.get(..COLUMN.len()) {
        Some(start) if start == COLUMN => Verdict::Certain,
        Some(_) => Verdict::No,
        None => Verdict::NeedMore,
    }
}

fn prepares(answer: &[u8], next: &[u8]) -> bool {
    let Some(prepared) = message::prepared(answer) else { return false };
    let defines = u32::from(prepared.columns) + u32::from(prepared.parameters) > 0 && prepared.described;
    if defines { !next.is_empty() && column(next) != Verdict::No } else { next.is_empty() }
}

/// Whether the start of a segment is the start of a response, on a stream whose framing is not known.
pub(super) fn begins_response(bytes: &[u8]) -> bool {
    match judge(bytes) {
        Verdict::Certain | Verdict::Likely => true,
        // A header, or the number of columns, may come in a segment of its own.
        Verdict::NeedMore => bytes.len() <= HEADER_BYTES + 10,
        Verdict::No => false,
    }
}

/// Whether the start of a segment is the start of a command, on a stream whose framing is not known.
pub(super) fn resumes_commands(bytes: &[u8]) -> bool {
    if bytes.len() == HEADER_BYTES {
        let length = payload_bytes(bytes).unwrap_or_default();
        return bytes.last() == Some(&0) && (1..=LONE_HEADER_BYTES).contains(&length);
    }
    match commands(bytes) {
        Detection::Likely(_) | Detection::Found(_) => true,
        Detection::NeedMore => bytes.len() > HEADER_BYTES,
        Detection::No => {
            login(payload_bytes(bytes).unwrap_or_default(), bytes.get(HEADER_BYTES..).unwrap_or_default())
                != Detection::No
                && bytes.get(3) == Some(&1)
        }
    }
}
