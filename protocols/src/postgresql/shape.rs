//! Whether bytes have the shape of a message of one side: the proof on which detection and finding one's place again
//! rest.

use std::ops::RangeInclusive;

use crate::reader::Reader;

/// Longest message that a server takes (`PQ_LARGE_MESSAGE_LIMIT`); clients keep to the same.
pub(super) const LONGEST_MESSAGE: u32 = 0x3fff_fffe;
/// Longest message of a kind that carries no data of the user (`PQ_SMALL_MESSAGE_LIMIT`).
const SHORT_MESSAGE: u32 = 10_000;
/// Longest answer to a request for authentication (`PG_MAX_AUTH_TOKEN_LENGTH`).
const LONGEST_TOKEN: u32 = 65_539;
/// Longest error, notice, notification or setting that is believed.
const LONGEST_NOTICE: u32 = 1 << 20;
/// Most columns that a result or table can have.
const MOST_COLUMNS: u32 = 1664;
/// Of what is no type.
#[expect(clippy::reversed_empty_ranges, reason = "no length is in it")]
const NO_LENGTH: RangeInclusive<u32> = 1..=0;

/// The lengths, which count themselves, that messages of this type have when a frontend sends them.
pub(super) fn frontend_lengths(kind: u8) -> RangeInclusive<u32> {
    match kind {
        b'S' | b'H' | b'X' | b'c' => 4..=4,
        b'Q' => 5..=LONGEST_MESSAGE,
        b'P' | b'F' => 8..=LONGEST_MESSAGE,
        b'B' => 12..=LONGEST_MESSAGE,
        b'd' => 4..=LONGEST_MESSAGE,
        b'D' | b'C' => 6..=SHORT_MESSAGE,
        b'E' => 9..=SHORT_MESSAGE,
        b'f' => 5..=LONGEST_MESSAGE,
        b'p' => 4..=LONGEST_TOKEN,
        _ => NO_LENGTH,
    }
}

/// The same for a backend.
pub(super) fn backend_lengths(kind: u8) -> RangeInclusive<u32> {
    match kind {
        b'1' | b'2' | b'3' | b'n' | b's' | b'I' | b'c' => 4..=4,
        b'Z' => 5..=5,
        b'D' => 6..=LONGEST_MESSAGE,
        b'd' => 4..=LONGEST_MESSAGE,
        b'V' => 8..=LONGEST_MESSAGE,
        b'T' => 6..=LONGEST_NOTICE,
        b't' => 6..=6 + 4 * 65_535,
        b'C' => 5..=4 + 128,
        b'G' | b'H' | b'W' => 7..=7 + 2 * MOST_COLUMNS,
        b'E' | b'N' => 5..=LONGEST_NOTICE,
        b'S' => 6..=LONGEST_NOTICE,
        b'A' => 10..=LONGEST_NOTICE,
        b'K' => 12..=8 + 256,
        b'R' => 8..=LONGEST_TOKEN,
        b'v' => 12..=LONGEST_NOTICE,
        _ => NO_LENGTH,
    }
}

/// Whether this can be the body of a frontend's message of that type, or the beginning of one where it is not `whole`.
/// The body is read field by field and must end where the message does.
pub(super) fn frontend_body(kind: u8, body: &[u8], whole: bool) -> bool {
    let mut reader = Reader::new(body);
    let fits = match kind {
        b'Q' => text(&mut reader),
        b'P' => name(&mut reader).and_then(|()| text(&mut reader)).and_then(|()| types(&mut reader)),
        b'B' => name(&mut reader)
            .and_then(|()| name(&mut reader))
            .and_then(|()| formats(&mut reader))
            .and_then(|()| values(&mut reader))
            .and_then(|()| formats(&mut reader)),
        b'D' | b'C' => match reader.u8() {
            Some(b'S' | b'P') => name(&mut reader),
            Some(_) => Err(Misfit::Wrong),
            None => Err(Misfit::Cut),
        },
        b'E' => name(&mut reader).and_then(|()| limit(&mut reader)),
        b'F' => take(&mut reader, 4)
            .and_then(|()| formats(&mut reader))
            .and_then(|()| values(&mut reader))
            .and_then(|()| format(&mut reader)),
        b'f' => text(&mut reader),
        b'd' | b'p' => return true,
        _ => Ok(()),
    };
    fit(fits, &reader, whole)
}

/// The same for a backend's message.
pub(super) fn backend_body(kind: u8, body: &[u8], whole: bool) -> bool {
    let mut reader = Reader::new(body);
    let fits = match kind {
        b'T' => columns(&mut reader),
        b'D' => values(&mut reader),
        b'C' => tag(&mut reader),
        b'Z' => match reader.u8() {
            Some(b'I' | b'T' | b'E') => Ok(()),
            Some(_) => Err(Misfit::Wrong),
            None => Err(Misfit::Cut),
        },
        b'E' | b'N' => fields(&mut reader),
        b'S' => name(&mut reader).and_then(|()| text_or_nothing(&mut reader)),
        b'A' => {
            take(&mut reader, 4).and_then(|()| name(&mut reader)).and_then(|()| text_or_nothing(&mut reader))
        }
        b't' => types(&mut reader),
        b'G' | b'H' | b'W' => match reader.u8() {
            Some(0 | 1) => formats(&mut reader),
            Some(_) => Err(Misfit::Wrong),
            None => Err(Misfit::Cut),
        },
        b'R' => match reader.u32_be() {
            Some(0..=12) => return true,
            Some(_) => Err(Misfit::Wrong),
            None => Err(Misfit::Cut),
        },
        b'd' | b'K' | b'v' | b'V' => return true,
        _ => Ok(()),
    };
    fit(fits, &reader, whole)
}

/// Why a field could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Misfit {
    /// The bytes end before it does.
    Cut,
    /// No such field.
    Wrong,
}

type Read = Result<(), Misfit>;

fn fit(read: Read, reader: &Reader<'_>, whole: bool) -> bool {
    match read {
        Ok(()) => reader.is_empty(),
        Err(Misfit::Cut) => !whole,
        Err(Misfit::Wrong) => false,
    }
}

fn take(reader: &mut Reader<'_>, count: usize) -> Read {
    reader.skip(count).ok_or(Misfit::Cut)
}

fn count(reader: &mut Reader<'_>) -> Result<u16, Misfit> {
    reader.u16_be().ok_or(Misfit::Cut)
}

/// A name, which may be empty, without control characters.
fn name(reader: &mut Reader<'_>) -> Read {
    let (bytes, read) = match reader.until_zero() {
        Some(bytes) => (bytes, Ok(())),
        None => (reader.rest(), Err(Misfit::Cut)),
    };
    if bytes.len() <= 4096 && bytes.iter().all(|&byte| byte >= b' ' && byte != 0x7f) {
        read
    } else {
        Err(Misfit::Wrong)
    }
}

/// Text of several lines.
fn text_or_nothing(reader: &mut Reader<'_>) -> Read {
    let (bytes, read) = match reader.until_zero() {
        Some(bytes) => (bytes, Ok(())),
        None => (reader.rest(), Err(Misfit::Cut)),
    };
    let plain =
        |byte: u8| byte >= b' ' && byte != 0x7f || matches!(byte, b'\t' | b'\n' | b'\r' | 0x0b | 0x0c);
    if bytes.iter().all(|&byte| plain(byte)) { read } else { Err(Misfit::Wrong) }
}

fn text(reader: &mut Reader<'_>) -> Read {
    text_or_nothing(reader)
}

fn format(reader: &mut Reader<'_>) -> Read {
    if count(reader)? <= 1 { Ok(()) } else { Err(Misfit::Wrong) }
}

fn formats(reader: &mut Reader<'_>) -> Read {
    (0..count(reader)?).try_for_each(|_| format(reader))
}

fn types(reader: &mut Reader<'_>) -> Read {
    let count = count(reader)?;
    take(reader, 4 * usize::from(count))
}

/// How many rows are wanted at most, zero for all.
fn limit(reader: &mut Reader<'_>) -> Read {
    match reader.i32_be() {
        Some(0..) => Ok(()),
        Some(_) => Err(Misfit::Wrong),
        None => Err(Misfit::Cut),
    }
}

fn values(reader: &mut Reader<'_>) -> Read {
    for _ in 0..count(reader)? {
        match reader.i32_be().ok_or(Misfit::Cut)? {
            -1 => {}
            length => match usize::try_from(length) {
                Ok(length) => take(reader, length)?,
                Err(_) => return Err(Misfit::Wrong),
            },
        }
    }
    Ok(())
}

fn columns(reader: &mut Reader<'_>) -> Read {
    let columns = count(reader)?;
    if u32::from(columns) > MOST_COLUMNS {
        return Err(Misfit::Wrong);
    }
    for _ in 0..columns {
        name(reader)?;
        take(reader, 16)?;
        format(reader)?;
    }
    Ok(())
}

fn tag(reader: &mut Reader<'_>) -> Read {
    let (bytes, read) = match reader.until_zero() {
        Some(bytes) => (bytes, Ok(())),
        None => (reader.rest(), Err(Misfit::Cut)),
    };
    let begins = bytes.first().is_none_or(u8::is_ascii_uppercase) && (read.is_err() || !bytes.is_empty());
    let plain = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'_'));
    if begins && plain { read } else { Err(Misfit::Wrong) }
}

/// Fields of an error or notice, each with its one-byte type, a zero byte at the end.
fn fields(reader: &mut Reader<'_>) -> Read {
    loop {
        match reader.u8().ok_or(Misfit::Cut)? {
            0 => return Ok(()),
            kind if kind.is_ascii_alphabetic() => text_or_nothing(reader)?,
            _ => return Err(Misfit::Wrong),
        }
    }
}
