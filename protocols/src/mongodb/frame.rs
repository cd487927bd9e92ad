//! Where a message ends, and how one is recognised.

use super::bson;
use crate::{Detection, Direction, framed::Layout, reader::Reader};

/// Length, number, number answered, kind: each four bytes, the least significant first.
pub(super) const HEADER: usize = 16;

/// Bytes kept of a message. Commands, without the documents that they carry, have some hundreds; errors have less.
pub(super) const KEEP_BYTES: usize = 4096;

/// Servers refuse messages of more than 48,000,000 bytes (`maxMessageSizeBytes`).
const LONGEST: usize = 48_000_000 + 16 * 1024;

pub(super) const REPLY: u32 = 1;
pub(super) const UPDATE: u32 = 2001;
pub(super) const INSERT: u32 = 2002;
pub(super) const QUERY: u32 = 2004;
pub(super) const GET_MORE: u32 = 2005;
pub(super) const DELETE: u32 = 2006;
pub(super) const KILL_CURSORS: u32 = 2007;
pub(super) const COMPRESSED: u32 = 2012;
pub(super) const MSG: u32 = 2013;

/// The header of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) length: usize,
    pub(super) id: u32,
    pub(super) response_to: u32,
    pub(super) kind: u32,
}

impl Header {
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let length = usize::try_from(reader.u32_le()?).ok()?;
        Some(Self { length, id: reader.u32_le()?, response_to: reader.u32_le()?, kind: reader.u32_le()? })
    }

    fn is_possible(self) -> bool {
        let known = matches!(
            self.kind,
            REPLY | UPDATE | INSERT | QUERY | GET_MORE | DELETE | KILL_CURSORS | COMPRESSED | MSG
        );
        known && (HEADER + 4..=LONGEST).contains(&self.length)
    }
}

/// What the beginning of a message says of the stream that it is in.
pub(super) fn detect(bytes: &[u8]) -> Detection {
    let mut reader = Reader::new(bytes);
    let Some(header) = Header::read(&mut reader) else {
        // A length below 64 MiB, if that much is there.
        let possible = !bytes.is_empty() && bytes.get(3).is_none_or(|&high| high < 4);
        let short = bson::length(bytes).is_some_and(|length| length < HEADER + 4);
        return if possible && !short { Detection::NeedMore } else { Detection::No };
    };
    if !header.is_possible() {
        return Detection::No;
    }
    let rest = reader.rest();
    let direction = match (header.kind, header.response_to) {
        (REPLY, _) => Direction::ToClient,
        (MSG | COMPRESSED, to) if to != 0 => Direction::ToClient,
        (_, 0) => Direction::ToServer,
        _ => return Detection::No,
    };
    match body(header, rest) {
        None => Detection::NeedMore,
        Some(true) => Detection::Found(direction),
        Some(false) => Detection::No,
    }
}

/// Whether what follows the header fits it; `None` if too little of it is there.
fn body(header: Header, rest: &[u8]) -> Option<bool> {
    let mut reader = Reader::new(rest);
    let inner = header.length.saturating_sub(HEADER);
    Some(match header.kind {
        MSG => {
            let flags = reader.u32_le()?;
            // The low half must be understood by all, and has two flags.
            let known = flags & 0xfffc == 0;
            let section = reader.u8()?;
            let document = reader.rest();
            match section {
                _ if !known => false,
                0 if document.len() < 6 => return None,
                0 => bson::begins(document, inner.saturating_sub(5)),
                1 if document.len() < 5 => return None,
                1 => bson::length(document)
                    .is_some_and(|length| length > 4 && length <= inner.saturating_sub(5)),
                _ => false,
            }
        }
        COMPRESSED => {
            let kind = reader.u32_le()?;
            let size = usize::try_from(reader.u32_le()?).ok()?;
            let compressor = reader.u8()?;
            let known =
                matches!(kind, REPLY | UPDATE | INSERT | QUERY | GET_MORE | DELETE | KILL_CURSORS | MSG);
            known && size <= LONGEST && compressor <= 3
        }
        REPLY => {
            let flags = reader.u32_le()?;
            reader.skip(8 + 4)?;
            let documents = reader.u32_le()?;
            if documents == 0 {
                flags < 16 && inner == 20
            } else if reader.rest().len() < 6 {
                return None;
            } else {
                flags < 16 && bson::begins(reader.rest(), inner.saturating_sub(20))
            }
        }
        KILL_CURSORS => {
            let zero = reader.u32_le()?;
            let cursors = usize::try_from(reader.u32_le()?).ok()?;
            zero == 0 && cursors.checked_mul(8).and_then(|bytes| bytes.checked_add(8)) == Some(inner)
        }
        _ => {
            reader.skip(4)?;
            let name = reader.rest().get(..reader.rest().len().min(inner.saturating_sub(4)))?;
            let end = name.iter().position(|&byte| byte == 0);
            let name = name.get(..end.unwrap_or(name.len()))?;
            let text = name.iter().all(u8::is_ascii_graphic);
            match end {
                Some(_) => text && name.contains(&b'.') && !name.starts_with(b"."),
                None if text && name.len() < 256 => return None,
                None => false,
            }
        }
    })
}

/// The messages of one stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Messages {
    pub(super) direction: Direction,
}

impl Layout for Messages {
    fn header_bytes(&self) -> usize {
        HEADER
    }

    fn length(&self, header: &[u8]) -> Option<u64> {
        let header = Header::read(&mut Reader::new(header)).filter(|header| header.is_possible())?;
        u64::try_from(header.length).ok()
    }

    fn keep_bytes(&self) -> usize {
        KEEP_BYTES
    }

    fn resumes(&self, bytes: &[u8]) -> bool {
        detect(bytes) == Detection::Found(self.direction)
    }
}
