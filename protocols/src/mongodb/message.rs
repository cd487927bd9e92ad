//! What a message says.

use super::{
    bson::{self, Document},
    frame::{self, HEADER, Header},
    names,
};
use crate::reader::Reader;

/// Bytes kept of a command's name; the longest has 34.
const COMMAND: usize = 64;
/// Bytes of a database's name, as servers limit it.
const DATABASE: usize = 64;
/// Bytes of a collection's name: with the database's, and a dot, 255.
const COLLECTION: usize = 255;
/// Bytes kept of an error's name; the longest has some 50.
const CODE_NAME: usize = 64;

/// The most that the names of one command take.
pub(super) const NAMES_LIMIT: usize = COMMAND + DATABASE + COLLECTION;

/// Depth to which a command is looked for within another: `explain` has one, `$query` too.
const DEPTH: usize = 2;

const CHECKSUM_PRESENT: u32 = 1;
const MORE_TO_COME: u32 = 1 << 1;

/// The names of a command, one behind the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    bytes: Vec<u8>,
    command: usize,
    database: usize,
}

impl Names {
    fn set(&mut self, command: &[u8], database: &[u8], collection: &[u8]) {
        self.bytes.clear();
        let mut push = |name: &[u8], limit: usize| {
            self.bytes.extend_from_slice(name.get(..limit).unwrap_or(name));
            self.bytes.len()
        };
        self.command = push(command, COMMAND);
        self.database = push(database, DATABASE);
        push(collection, COLLECTION);
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.bytes.len()
    }

    fn part(&self, start: usize, end: usize) -> Option<&[u8]> {
        self.bytes.get(start..end).filter(|name| !name.is_empty())
    }

    pub(super) fn command(&self) -> Option<&[u8]> {
        self.part(0, self.command)
    }

    pub(super) fn database(&self) -> Option<&[u8]> {
        self.part(self.command, self.database)
    }

    pub(super) fn collection(&self) -> Option<&[u8]> {
        self.part(self.database, self.bytes.len())
    }
}

/// What is kept of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) id: u32,
    pub(super) names: Names,
    /// Nothing will answer it.
    pub(super) unanswered: bool,
    /// Statements in one update, delete or bulk write, if there are several.
    pub(super) batch: Option<usize>,
    /// What it is compressed with, so that nothing of it can be read.
    pub(super) compressor: Option<u8>,
    /// An answer to it was lost, or may have been.
    pub(super) answer_lost: bool,
}

/// What is kept of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) id: u32,
    pub(super) response_to: u32,
    /// It says that the command failed, or one of its writes.
    pub(super) failed: bool,
    pub(super) code: Option<i64>,
    pub(super) code_name: Option<Box<[u8]>>,
    /// Documents in it.
    pub(super) rows: Option<usize>,
    /// Another answer to the same request follows.
    pub(super) more: bool,
    pub(super) compressor: Option<u8>,
}

impl Request {
    /// Reads a request into this one, whose room is used again.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Option<()> {
        let names = std::mem::take(&mut self.names);
        *self = Self { names, ..Self::default() };
        self.names.set(b"", b"", b"");
        let mut reader = Reader::new(bytes);
        let header = Header::read(&mut reader)?;
        self.id = header.id;
        // What is missing of the rest leaves what was read.
        let _ = self.read_body(header.kind, reader, header.length.saturating_sub(HEADER));
        Some(())
    }

    fn read_body(&mut self, kind: u32, mut reader: Reader<'_>, length: usize) -> Option<()> {
        match kind {
            frame::MSG => self.read_sections(reader, length),
            frame::COMPRESSED => {
                let (kind, compressor) = compressed(&mut reader)?;
                if compressor == 0 {
                    return self.read_body(kind, reader, length.saturating_sub(9));
                }
                self.compressor = Some(compressor);
                self.unanswered = is_unanswered(kind);
                Some(())
            }
            frame::KILL_CURSORS => {
                self.unanswered = true;
                self.names.set(b"killCursors", b"", b"");
                Some(())
            }
            _ => self.read_legacy(kind, reader),
        }
    }

    /// `OP_MSG`: flags, then sections, one of which is the command, others lists of documents for it.
    fn read_sections(&mut self, mut reader: Reader<'_>, length: usize) -> Option<()> {
        let flags = reader.u32_le()?;
        self.unanswered = flags & MORE_TO_COME != 0;
        let checksum = if flags & CHECKSUM_PRESENT == 0 { 0 } else { 4 };
        let mut left = length.saturating_sub(4 + checksum);
        while left > 0 {
            let kind = reader.u8()?;
            let section = reader.rest();
            let size = bson::length(section)?;
            match kind {
                0 => {
                    let document = Document::new(section)?;
                    self.read_command(document, None, DEPTH);
                }
                1 => {
                    let mut list = Reader::new(section.get(4..size.min(section.len()))?);
                    let name = list.until_zero()?;
                    if matches!(name, b"updates" | b"deletes" | b"ops") {
                        let whole = size <= section.len();
                        self.batch = documents(list.rest()).filter(|&count| whole && count > 1);
                    }
                }
                _ => return None,
            }
            left = left.checked_sub(1 + size)?;
            reader.skip(size)?;
        }
        Some(())
    }

    /// A command is a document whose first element names it.
    fn read_command(&mut self, document: Document<'_>, database: Option<&[u8]>, depth: usize) -> Option<()> {
        let mut elements = document;
        let first = elements.next()?;
        let within = matches!(first.name, b"$query" | b"query");
        if within && depth > 0 {
            return self.read_command(first.document()?, database, depth - 1);
        }
        let explained = (first.name == b"explain" && depth > 0).then(|| first.document()).flatten();
        let named = match explained {
            Some(document) => { document }.next().filter(|inner| names::names_collection(inner.name)),
            None => Some(first).filter(|first| names::names_collection(first.name)),
        };
        let mut collection = named.and_then(|element| element.text());
        let mut database = database;
        for element in elements {
            match element.name {
                b"$db" => database = element.text(),
                b"collection" if first.name == b"getMore" => collection = element.text(),
                _ => {}
            }
        }
        self.names.set(first.name, database.unwrap_or_default(), collection.unwrap_or_default());
        Some(())
    }

    /// The messages of old, which name `database.collection`.
    fn read_legacy(&mut self, kind: u32, mut reader: Reader<'_>) -> Option<()> {
        self.unanswered = is_unanswered(kind);
        let operation: &[u8] = match kind {
            frame::QUERY => b"find",
            frame::GET_MORE => b"getMore",
            frame::INSERT => b"insert",
            frame::UPDATE => b"update",
            frame::DELETE => b"delete",
            _ => return None,
        };
        reader.skip(4)?;
        let name = reader.until_zero()?;
        let dot = memchr::memchr(b'.', name)?;
        let (database, collection) = (name.get(..dot)?, name.get(dot + 1..)?);
        if kind == frame::QUERY && collection == b"$cmd" {
            self.names.set(b"", database, b"");
            reader.skip(8)?;
            return self.read_command(Document::new(reader.rest())?, Some(database), DEPTH);
        }
        self.names.set(operation, database, collection);
        Some(())
    }
}

const fn is_unanswered(kind: u32) -> bool {
    matches!(kind, frame::INSERT | frame::UPDATE | frame::DELETE | frame::KILL_CURSORS)
}

/// The kind of message that is compressed, and how.
fn compressed(reader: &mut Reader<'_>) -> Option<(u32, u8)> {
    let kind = reader.u32_le()?;
    reader.skip(4)?;
    Some((kind, reader.u8()?)).filter(|&(kind, _)| kind != frame::COMPRESSED)
}

/// The number of documents that stand one behind the other, if they end where the bytes do.
fn documents(mut bytes: &[u8]) -> Option<usize> {
    let mut count = 0;
    while !bytes.is_empty() {
        let length = bson::length(bytes).filter(|&length| length > 4)?;
        bytes = bytes.get(length..)?;
        count += 1;
    }
    Some(count)
}

impl Reply {
    /// Reads an answer.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let header = Header::read(&mut reader)?;
        let mut reply = Self { id: header.id, response_to: header.response_to, ..Self::default() };
        let _ = reply.read_body(header.kind, reader);
        Some(reply)
    }

    fn read_body(&mut self, kind: u32, mut reader: Reader<'_>) -> Option<()> {
        match kind {
            frame::MSG => {
                self.more = reader.u32_le()? & MORE_TO_COME != 0;
                if reader.u8()? == 0 {
                    self.read_document(Document::new(reader.rest())?);
                }
            }
            frame::COMPRESSED => {
                let (kind, compressor) = compressed(&mut reader)?;
                if compressor == 0 {
                    return self.read_body(kind, reader);
                }
                self.compressor = Some(compressor);
            }
            frame::REPLY => {
                let flags = reader.u32_le()?;
                reader.skip(8 + 4)?;
                let rows = usize::try_from(reader.u32_le()?).ok()?;
                // "CursorNotFound", "QueryFailure".
                self.failed = flags & 3 != 0;
                let document = Document::new(reader.rest());
                let is_command = document.is_some_and(|document| document.find(b"ok").is_some());
                if is_command || self.failed {
                    self.read_document(document?);
                } else {
                    self.rows = Some(rows);
                }
            }
            _ => {}
        }
        Some(())
    }

    fn read_document(&mut self, document: Document<'_>) {
        for element in document {
            match element.name {
                b"ok" => self.failed |= element.number() == Some(0),
                b"code" => self.code = element.number(),
                b"codeName" => self.set_code_name(element.text()),
                b"cursor" => {
                    let batch = element
                        .document()
                        .and_then(|cursor| cursor.find(b"firstBatch").or_else(|| cursor.find(b"nextBatch")));
                    self.rows = batch.and_then(|batch| batch.document()).and_then(Document::count);
                }
                b"writeErrors" => {
                    let first = element.document().and_then(|mut errors| errors.next());
                    self.take_error(first);
                }
                b"writeConcernError" => self.take_error(Some(element)),
                _ => {}
            }
        }
        // Some answers have codes without being errors.
        if !self.failed {
            self.code = None;
            self.code_name = None;
        }
    }

    /// An error of a write, which leaves the command itself a success.
    fn take_error(&mut self, error: Option<bson::Element<'_>>) {
        let Some(error) = error.and_then(|error| error.document()) else { return };
        if !self.failed {
            self.failed = true;
            for element in error {
                match element.name {
                    b"code" => self.code = element.number(),
                    b"codeName" => self.set_code_name(element.text()),
                    _ => {}
                }
            }
        }
    }

    fn set_code_name(&mut self, name: Option<&[u8]>) {
        self.code_name = name.map(|name| name.get(..CODE_NAME).unwrap_or(name).into());
    }
}
