//! Documents (<https://bsonspec.org>), as far as they were kept.

use crate::reader::Reader;

/// Kinds of elements that are looked into.
pub(super) const DOUBLE: u8 = 0x01;
pub(super) const STRING: u8 = 0x02;
pub(super) const DOCUMENT: u8 = 0x03;
pub(super) const ARRAY: u8 = 0x04;
pub(super) const BOOLEAN: u8 = 0x08;
pub(super) const INT32: u8 = 0x10;
pub(super) const INT64: u8 = 0x12;

/// Length and final zero: no document is shorter.
const SHORTEST: usize = 5;

/// The elements of a document, one after the other. Ends where the document ends, was cut, or lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Document<'a> {
    reader: Reader<'a>,
    whole: bool,
}

/// One element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'a> {
    pub(super) kind: u8,
    pub(super) name: &'a [u8],
    /// The value as it is encoded, or the beginning of it.
    pub(super) value: &'a [u8],
}

impl<'a> Document<'a> {
    /// The document that begins here; what there is of it, if it was cut.
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let length = length(bytes).filter(|&length| length >= SHORTEST)?;
        let available = bytes.get(4..length.min(bytes.len()))?;
        Some(Self { reader: Reader::new(available), whole: length <= bytes.len() })
    }

    /// The number of elements, if all of the document is there.
    pub(super) fn count(self) -> Option<usize> {
        let mut rest = self;
        let count = rest.by_ref().count();
        (self.whole && rest.reader.rest() == [0]).then_some(count)
    }

    /// The first element with this name.
    pub(super) fn find(mut self, name: &[u8]) -> Option<Element<'a>> {
        Iterator::find(&mut self, |element| element.name == name)
    }
}

/// A length of four bytes, as it begins documents and strings.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    usize::try_from(i32::from_le_bytes(*bytes.first_chunk()?)).ok()
}

/// Length of a value of this kind, which begins here.
fn value_length(kind: u8, bytes: &[u8]) -> Option<usize> {
    let text = |more: usize| length(bytes)?.checked_add(4 + more);
    match kind {
        DOUBLE | 0x09 | 0x11 | INT64 => Some(8),
        // String, code, symbol.
        STRING | 0x0d | 0x0e => text(0),
        // Document, array, code with scope: the length counts itself.
        DOCUMENT | ARRAY | 0x0f => length(bytes).filter(|&length| length >= SHORTEST),
        // Binary: a subtype behind the length.
        0x05 => text(1),
        // Undefined, null, smallest and largest key.
        0x06 | 0x0a | 0x7f | 0xff => Some(0),
        // Object identity.
        0x07 => Some(12),
        BOOLEAN => Some(1),
        // Regular expression: two texts that end in a zero.
        0x0b => {
            let mut reader = Reader::new(bytes);
            let pattern = reader.until_zero()?.len();
            Some(pattern + reader.until_zero()?.len() + 2)
        }
        // Pointer into another collection: a string and an identity.
        0x0c => text(12),
        INT32 => Some(4),
        // Decimal.
        0x13 => Some(16),
        _ => None,
    }
}

impl<'a> Iterator for Document<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        let mut reader = self.reader;
        let kind = reader.u8().filter(|&kind| kind != 0)?;
        let name = reader.until_zero()?;
        let rest = reader.rest();
        let length = value_length(kind, rest)?;
        let value = rest.get(..length.min(rest.len()))?;
        // Where the value was cut, nothing follows.
        self.reader = Reader::new(rest.get(value.len()..)?);
        Some(Element { kind, name, value })
    }
}

impl<'a> Element<'a> {
    /// The text of a string that is whole.
    pub(super) fn text(&self) -> Option<&'a [u8]> {
        let length = length(self.value).filter(|&length| length > 0)?;
        (self.kind == STRING).then(|| self.value.get(4..4 + length - 1)).flatten()
    }

    /// A number, whatever kind of number it is sent as.
    pub(super) fn number(&self) -> Option<i64> {
        match self.kind {
            INT32 => Some(i64::from(i32::from_le_bytes(*self.value.first_chunk()?))),
            INT64 => Some(i64::from_le_bytes(*self.value.first_chunk()?)),
            BOOLEAN => Some(i64::from(*self.value.first()?)),
            DOUBLE => {
                let number = f64::from_le_bytes(*self.value.first_chunk()?);
                // Errors and states are small whole numbers.
                (number.abs() < 1e9 && number.fract() == 0.0).then_some(number as i64)
            }
            _ => None,
        }
    }

    /// The document or array that it is.
    pub(super) fn document(&self) -> Option<Document<'a>> {
        matches!(self.kind, DOCUMENT | ARRAY).then(|| Document::new(self.value)).flatten()
    }
}

/// Whether these bytes can be the beginning of a document with at least one element.
pub(super) fn begins(bytes: &[u8], longest: usize) -> bool {
    let fits = length(bytes).is_some_and(|length| (SHORTEST..=longest).contains(&length));
    let kind = matches!(bytes.get(4), Some(0x00..=0x13 | 0x7f | 0xff));
    let named = bytes.get(5).is_none_or(u8::is_ascii_graphic) || bytes.get(4) == Some(&0);
    fits && kind && named
}
