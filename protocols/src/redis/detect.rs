//! Recognises commands and answers by their content.
//!
//! An array of bulk strings that begins with a known command can hardly be anything else, unless it is not known which end
//! asks: then it may be an answer that lists such words. An answer, or a line of text that begins with a command, may be
//! many things. What may be something else needs the other stream to agree.

use super::{
    command::is_name,
    line::{Header, Length, header},
    request::first_argument,
    table,
};
use crate::{Detection, Direction};

/// Lines of text looked at, at most, to tell inline commands from other protocols of lines.
const LINES: usize = 4;

/// Bytes that an array of strings may go on without having shown its first.
const FIRST_ARGUMENT: usize = 128;

pub(super) fn detect(direction: Direction, bytes: &[u8]) -> Detection {
    match (bytes.first(), direction) {
        (None, _) => Detection::NeedMore,
        (Some(b'*'), Direction::ToServer) => array(bytes),
        (Some(b'*'), Direction::ToClient) if acknowledges(bytes) => Detection::Found(Direction::ToServer),
        (
            Some(
                b'+' | b'-' | b':' | b'$' | b'*' | b'_' | b'#' | b',' | b'(' | b'!' | b'=' | b'%' | b'~'
                | b'>' | b'|',
            ),
            _,
        ) => {
            if direction == Direction::ToClient {
                answer(bytes)
            } else {
                Detection::No
            }
        }
        (Some(_), Direction::ToServer) => inline(bytes),
        _ => Detection::No,
    }
}

fn array(bytes: &[u8]) -> Detection {
    match first_argument(bytes) {
        Some((0, _)) => Detection::No,
        Some(_) if matches!(elements(bytes), Elements::Mixed) => Detection::No,
        Some((_, name)) if table::find(name).is_some() => Detection::Found(Direction::ToServer),
        Some((_, name)) if is_name(name) => Detection::Likely(Direction::ToServer),
        Some(_) => Detection::No,
        None if bytes.len() < FIRST_ARGUMENT && may_be_array(bytes) => Detection::NeedMore,
        None => Detection::No,
    }
}

/// Whether these are the first bytes of an array of strings, the first of which is cut.
fn may_be_array(bytes: &[u8]) -> bool {
    let rest = match header(bytes) {
        Header::NeedMore => return true,
        Header::Whole(Length::Known(1..), taken) => &bytes[taken..],
        _ => return false,
    };
    match rest.first() {
        None => true,
        Some(b'$') => match header(rest) {
            Header::NeedMore => true,
            Header::Whole(Length::Known(length @ 1..=64), taken) => {
                let name = &rest[taken..];
                let there = name.len().min(usize::try_from(length).unwrap_or(usize::MAX));
                there == 0 || is_name(&name[..there])
            }
            _ => false,
        },
        Some(_) => false,
    }
}

/// What the elements of an array are, as far as the bytes go.
enum Elements<'a> {
    /// All are strings, of which these are the first two, or as much of them as there is.
    Strings([&'a [u8]; 2]),
    /// One is none. Commands have no such elements; the confirmation of a subscription has a number.
    Mixed,
}

fn elements(bytes: &[u8]) -> Elements<'_> {
    let Header::Whole(Length::Known(count), taken) = header(bytes) else { return Elements::Mixed };
    let (mut rest, mut first) = (&bytes[taken..], [&[][..]; 2]);
    for place in 0..count {
        let (length, taken) = match (rest.first(), header(rest)) {
            (None, _) | (Some(b'$'), Header::NeedMore) => break,
            (Some(b'$'), Header::Whole(Length::Known(length), taken)) => (length, taken),
            _ => return Elements::Mixed,
        };
        let end = usize::try_from(length).ok().and_then(|length| taken.checked_add(length));
        let string = end.and_then(|end| rest.get(taken..end));
        if let (Some(string), Some(known)) =
            (string, usize::try_from(place).ok().and_then(|place| first.get_mut(place)))
        {
            *known = string;
        }
        match end.and_then(|end| rest.get(end.checked_add(2)?..)) {
            Some(after) => rest = after,
            None => break,
        }
    }
    Elements::Strings(first)
}

/// Whether an array is what only a replica says, of how far it has come.
fn acknowledges(bytes: &[u8]) -> bool {
    let is = |string: &[u8], word: &str| string.eq_ignore_ascii_case(word.as_bytes());
    matches!(elements(bytes), Elements::Strings([name, what]) if is(name, "REPLCONF") && is(what, "ACK"))
}

/// Whether an array may be a command: one that is known, or one of a module, or one that is written as they are.
fn may_ask(bytes: &[u8]) -> bool {
    if bytes.first() != Some(&b'*') || matches!(elements(bytes), Elements::Mixed) {
        return false;
    }
    first_argument(bytes).is_some_and(|(_, name)| {
        let written = |byte: &u8| byte.is_ascii_uppercase() || matches!(byte, b'.' | b'_' | b'-');
        table::find(name).is_some() || is_name(name) && (name.contains(&b'.') || name.iter().all(written))
    })
}

/// The first value of an answer, as far as it is there.
fn answer(bytes: &[u8]) -> Detection {
    let marker = bytes[0];
    let Some(end) = memchr::memchr(b'\n', bytes) else {
        let begins = match marker {
            b'+' => is_text(&bytes[1..]),
            b'-' => is_error(&bytes[1..]),
            _ => {
                bytes.len() < 40
                    && bytes[1..].iter().all(|byte| (0x20..0x7f).contains(byte) || *byte == b'\r')
            }
        };
        return if begins { Detection::NeedMore } else { Detection::No };
    };
    if is_answer(&bytes[..=end]) && follows(bytes, end + 1) {
        Detection::Likely(Direction::ToClient)
    } else {
        Detection::No
    }
}

/// Commands that answer `+OK` and nothing else.
const ANSWER_OK: [&str; 24] = [
    "ASKING",
    "AUTH",
    "DISCARD",
    "FLUSHALL",
    "FLUSHDB",
    "HMSET",
    "LSET",
    "LTRIM",
    "MSET",
    "MULTI",
    "PSETEX",
    "QUIT",
    "READONLY",
    "READWRITE",
    "RENAME",
    "REPLICAOF",
    "RESTORE",
    "SAVE",
    "SELECT",
    "SETEX",
    "SLAVEOF",
    "SWAPDB",
    "UNWATCH",
    "WATCH",
];

/// Commands that answer `+OK` as well as other things.
const MAY_ANSWER_OK: [&str; 24] = [
    "ACL",
    "CLIENT",
    "CLUSTER",
    "CONFIG",
    "DEBUG",
    "EVAL",
    "EVALSHA",
    "EVAL_RO",
    "EVALSHA_RO",
    "FAILOVER",
    "FCALL",
    "FCALL_RO",
    "FUNCTION",
    "LATENCY",
    "MEMORY",
    "MIGRATE",
    "MODULE",
    "MONITOR",
    "PFMERGE",
    "REPLCONF",
    "SCRIPT",
    "SENTINEL",
    "SET",
    "XGROUP",
];

/// Commands that answer with an array.
const ANSWER_ARRAYS: [&str; 8] = ["EXEC", "HMGET", "KEYS", "LRANGE", "MGET", "SMEMBERS", "TIME", "ZRANGE"];

/// Whether the first answer can be that of the first command. Commands in lines of text are words that mail servers and
/// message brokers know, too, and `+OK` is what they say.
pub(super) fn agree(last: Direction, requests: &[u8], responses: &[u8]) -> bool {
    // Where both may be commands, nothing says which end asks.
    if may_ask(responses) {
        return false;
    }
    if matches!(requests.first(), None | Some(b'*')) {
        return true;
    }
    if last == Direction::ToServer {
        return false;
    }
    let mut lines =
        requests.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let Some(name) = lines.next().and_then(|line| line.split(u8::is_ascii_whitespace).next()) else {
        return true;
    };
    let answer = responses.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let Some((marker, text)) = answer.trim_ascii_end().split_first() else { return true };
    let is = |known: &str| known.as_bytes().eq_ignore_ascii_case(name);
    let is_one_of = |names: &[&str]| names.iter().any(|known| is(known));
    match marker {
        // NATS quotes what it has to say.
        b'-' => !text.starts_with(b"ERR '"),
        b'+' => match text {
            b"OK" => is_one_of(&ANSWER_OK) || is_one_of(&MAY_ANSWER_OK) || name.contains(&b'.'),
            b"PONG" => is("PING"),
            b"QUEUED" => true,
            b"RESET" => is("RESET"),
            _ if text.starts_with(b"Background ") => is_one_of(&["BGSAVE", "BGREWRITEAOF"]),
            _ if is("TYPE") => !text.contains(&b' '),
            _ => is_one_of(&["SYNC", "PSYNC"]),
        },
        b'*' | b'~' | b'%' | b'_' => !is_one_of(&ANSWER_OK),
        _ => !is_one_of(&ANSWER_OK) && !is_one_of(&ANSWER_ARRAYS),
    }
}

/// Whether a line can be the first of an answer.
pub(super) fn is_answer(line: &[u8]) -> bool {
    let Some(text) = line.strip_suffix(b"\r\n") else { return false };
    let Some((&marker, text)) = text.split_first() else { return false };
    match marker {
        b'+' => is_text(text),
        b'-' => is_error(text),
        b':' => text.len() <= 21 && text.iter().all(|byte| byte.is_ascii_digit() || b"+-".contains(byte)),
        b'_' => text.is_empty(),
        b'#' => matches!(text, b"t" | b"f"),
        b',' | b'(' => {
            let number = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
            !text.is_empty() && text.iter().all(number)
        }
        b'$' | b'*' | b'!' | b'=' | b'%' | b'~' | b'>' | b'|' => {
            matches!(header(line), Header::Whole(Length::Known(_) | Length::Null, _)) || text == b"?"
        }
        _ => false,
    }
}

/// Whether an answer is followed by another, or the element of one, as far as that can be told from one byte.
fn follows(bytes: &[u8], from: usize) -> bool {
    let place = match (bytes[0], header(bytes)) {
        (b'$' | b'!' | b'=', Header::Whole(Length::Known(length), _)) => {
            let Some(end) = usize::try_from(length).ok().and_then(|length| from.checked_add(length)) else {
                return false;
            };
            match bytes.get(end..) {
                Some([b'\r', b'\n', ..]) => end + 2,
                Some([] | [b'\r']) | None => return true,
                Some(_) => return false,
            }
        }
        _ => from,
    };
    bytes.get(place).is_none_or(|byte| b"+-:$*_#,(!=%~>|;.".contains(byte))
}

/// The first word of an error is its kind, in capitals: `-ERR unknown command`, `-WRONGTYPE …`. Text that happens to
/// begin with a dash, such as what `CLIENT LIST` says of memory, is none.
fn is_error(text: &[u8]) -> bool {
    let end = text.iter().position(|&byte| matches!(byte, b' ' | b'\r')).unwrap_or(text.len());
    let kind = &text[..end];
    kind.len() <= 24
        && kind.first().is_none_or(u8::is_ascii_uppercase)
        && kind.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
        && !(kind.is_empty() && end < text.len())
        && is_text(text.strip_suffix(b"\r").unwrap_or(text))
}

fn is_text(text: &[u8]) -> bool {
    text.iter().all(|&byte| byte >= 0x20 && byte != 0x7f || byte == b'\t')
}

/// Lines of text, each of which begins with a known command.
fn inline(bytes: &[u8]) -> Detection {
    let mut found = Detection::NeedMore;
    for line in bytes.split_inclusive(|&byte| byte == b'\n').take(LINES) {
        let Some(text) = line.strip_suffix(b"\n") else {
            let name = line.split(u8::is_ascii_whitespace).next().unwrap_or_default();
            let goes_on = if name.len() == line.len() {
                name.iter().all(u8::is_ascii_alphanumeric) && name.len() < 24
            } else {
                table::find(name).is_some() && is_text(line.strip_suffix(b"\r").unwrap_or(line))
            };
            return if goes_on { found } else { Detection::No };
        };
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let name = text.trim_ascii_start().split(u8::is_ascii_whitespace).next().unwrap_or_default();
        if text.is_empty() && found != Detection::NeedMore {
            continue;
        }
        if table::find(name).is_none() || !is_text(text) {
            return Detection::No;
        }
        found = Detection::Likely(Direction::ToServer);
    }
    found
}
