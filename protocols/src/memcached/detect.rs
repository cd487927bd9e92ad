//! Recognises commands and answers by their content.
//!
//! A line that stores, with its three numbers, and the line of a value can hardly be anything else. Other lines are short
//! words of English, some of which Redis takes as well: they need the other stream to agree.

use super::{
    command::{Verb, number, words},
    frame::recognise,
    request::is_command,
};
use crate::{Detection, Direction};

/// Longest line that is waited for: `get` and its kin have keys of up to 250.
const LINE_LIMIT: usize = 300;

pub(super) fn detect(direction: Direction, bytes: &[u8]) -> Detection {
    let Some(end) = memchr::memchr(b'\n', bytes) else {
        let name = words(bytes).next().unwrap_or_default();
        let begins = match direction {
            Direction::ToServer if name.len() == bytes.len() => is_beginning_of_name(name),
            Direction::ToServer => {
                Verb::find(name) != Verb::Unknown && bytes.iter().all(|&byte| byte >= 0x20 || byte == b'\r')
            }
            Direction::ToClient => bytes.first().is_none_or(u8::is_ascii_alphanumeric) && bytes.is_ascii(),
        };
        return if begins && bytes.len() < LINE_LIMIT { Detection::NeedMore } else { Detection::No };
    };
    let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
    match direction {
        Direction::ToServer if is_command(line) => command(line, rest),
        Direction::ToServer => Detection::No,
        Direction::ToClient => match recognise(line) {
            Some(true) => Detection::Found(direction),
            Some(false) => Detection::Likely(direction),
            None => Detection::No,
        },
    }
}

fn is_beginning_of_name(name: &[u8]) -> bool {
    name.len() < 16 && name.iter().all(|&byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Whether the first answer can be that of the first command.
pub(super) fn agree(last: Direction, requests: &[u8], responses: &[u8]) -> bool {
    if requests.is_empty() || responses.is_empty() {
        return true;
    }
    if last == Direction::ToServer {
        return false;
    }
    let first = |bytes| {
        let line = <[u8]>::split(bytes, |&byte| byte == b'\n').next().unwrap_or_default();
        line.strip_suffix(b"\r").unwrap_or(line)
    };
    let (line, answer) = (first(requests), words(first(responses)).next().unwrap_or_default());
    let name = words(line).next().unwrap_or_default();
    // What is not answered is followed by something that is.
    if words(line).last() == Some(b"noreply") || matches!(answer, b"CLIENT_ERROR" | b"SERVER_ERROR") {
        return true;
    }
    match Verb::find(name) {
        Verb::Get | Verb::GetAndTouch => matches!(answer, b"VALUE" | b"END"),
        Verb::Store => matches!(answer, b"STORED" | b"NOT_STORED" | b"EXISTS" | b"NOT_FOUND"),
        Verb::Delete => matches!(answer, b"DELETED" | b"NOT_FOUND"),
        Verb::Arithmetic => answer == b"NOT_FOUND" || number(answer).is_some(),
        Verb::Touch => matches!(answer, b"TOUCHED" | b"NOT_FOUND"),
        Verb::MetaGet | Verb::MetaSet | Verb::MetaDelete | Verb::MetaArithmetic | Verb::MetaDebug => {
            answer.len() == 2
        }
        Verb::MetaNoOperation => answer == b"MN",
        Verb::Subcommand if name == b"stats" && words(line).count() == 1 => {
            matches!(answer, b"STAT" | b"END")
        }
        Verb::Subcommand if name == b"stats" => {
            matches!(answer, b"STAT" | b"ITEM" | b"PREFIX" | b"END" | b"RESET")
                || answer == b"OK" && words(line).nth(1) == Some(b"detail")
        }
        Verb::Subcommand => !matches!(answer, b"VALUE" | b"STORED" | b"DELETED" | b"TOUCHED" | b"NOT_FOUND"),
        Verb::Plain if name == b"version" => answer == b"VERSION",
        Verb::Plain | Verb::Watch => matches!(answer, b"OK" | b"RESET"),
        Verb::Quit => false,
        Verb::Unknown => true,
    }
}

/// A command that is well formed.
fn command(line: &[u8], rest: &[u8]) -> Detection {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut words = words(line);
    let verb = Verb::find(words.next().unwrap_or_default());
    let data = match verb {
        Verb::Store => words.nth(3).and_then(number),
        Verb::MetaSet => words.nth(1).and_then(number),
        _ => None,
    };
    let Some(data) = data else {
        // What follows must be a command, too.
        let next = rest.split(|&byte| byte == b'\n').next().filter(|next| next.len() < rest.len());
        return match next {
            Some(next) if !is_command(next) => Detection::No,
            _ => Detection::Likely(Direction::ToServer),
        };
    };
    let end = usize::try_from(data).unwrap_or(usize::MAX);
    let fits = rest.get(end..).is_none_or(|after| {
        after.is_empty() || after.starts_with(b"\r") && after.get(1).is_none_or(|&byte| byte == b'\n')
    });
    match (fits, verb) {
        (false, _) => Detection::No,
        (true, Verb::Store) => Detection::Found(Direction::ToServer),
        (true, _) => Detection::Likely(Direction::ToServer),
    }
}
