//! Reads header blocks (RFC 7541 section 6).

use super::{
    dynamic_table::DynamicTable,
    huffman,
    static_table::{self, FIRST_DYNAMIC},
};

/// One header field; the parts that an index names and that are not known are `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    /// The name, in lower case if the sender keeps to the rules.
    pub(crate) name: Option<&'a [u8]>,
    /// The value.
    pub(crate) value: Option<&'a [u8]>,
}

/// The block is malformed, or it ends in the midst of a field: nothing behind the fields that were shown can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken;

/// Decodes the blocks of one direction of a connection.
#[derive(Debug)]
pub(crate) struct Decoder {
    table: DynamicTable,
    scratch: Vec<u8>,
}

/// Capacity above which the room for a decoded literal is given back.
const KEPT_CAPACITY: usize = 4096;

impl Decoder {
    /// A decoder that knows nothing: either the connection begins, and there is nothing to know, or it was joined.
    pub(crate) const fn new() -> Self {
        Self { table: DynamicTable::new(), scratch: Vec::new() }
    }

    /// Bytes held.
    pub(crate) fn held_bytes(&self) -> usize {
        self.table.held_bytes()
    }

    /// A block was not seen, or not all of it. Nobody knows how many entries it added, so every index means another
    /// entry than before: all of them are forgotten.
    pub(crate) fn lose(&mut self) {
        self.table.clear();
    }

    /// The receiver of the blocks allows a table of this size (`SETTINGS_HEADER_TABLE_SIZE`).
    pub(crate) fn allow(&mut self, size: u32) {
        self.table.allow(size as usize);
    }

    /// Reads a block and shows each of its fields, in order.
    ///
    /// # Errors
    /// If the block is malformed or ends in the midst of a field. The table is then in the state of the last whole field;
    /// the caller knows whether blocks to come can be read with it.
    pub(crate) fn decode(&mut self, block: &[u8], mut each: impl FnMut(Field<'_>)) -> Result<(), Broken> {
        let mut rest = block;
        while let Some(&first) = rest.first() {
            if first & 0x80 != 0 {
                let index = integer(&mut rest, 7)?;
                each(self.indexed(index)?);
            } else if first & 0x40 != 0 {
                self.inserted(&mut rest, &mut each)?;
            } else if first & 0x20 != 0 {
                let size = integer(&mut rest, 5)?;
                self.table.resize(size);
            } else {
                self.literal(&mut rest, &mut each)?;
            }
        }
        if self.scratch.capacity() > KEPT_CAPACITY {
            self.scratch = Vec::new();
        }
        Ok(())
    }

    fn indexed(&self, index: usize) -> Result<Field<'_>, Broken> {
        if index == 0 {
            return Err(Broken);
        }
        Ok(match static_table::get(index) {
            Some((name, value)) => Field { name: Some(name), value: Some(value) },
            None => {
                let (name, value) = self.table.get(index - FIRST_DYNAMIC);
                Field { name, value }
            }
        })
    }

    /// A literal that becomes an entry (section 6.2.1).
    fn inserted(&mut self, rest: &mut &[u8], each: &mut impl FnMut(Field<'_>)) -> Result<(), Broken> {
        let index = integer(rest, 6)?;
        let begin = self.table.begin();
        let read = self.read_entry(index, rest);
        let Ok(split) = read else {
            self.table.abandon(begin);
            return Err(Broken);
        };
        let text = self.table.text();
        let name = split.and_then(|split| text.get(begin..split));
        each(Field { name, value: text.get(split.unwrap_or(begin)..) });
        self.table.insert(begin, split);
        Ok(())
    }

    /// Writes the text of a new entry. Gives where the value begins behind the name, `None` if the name is not known.
    fn read_entry(&mut self, index: usize, rest: &mut &[u8]) -> Result<Option<usize>, Broken> {
        let named = if index == 0 {
            string(rest)?.append(self.table.text())?;
            true
        } else if let Some((name, _)) = static_table::get(index) {
            self.table.text().extend_from_slice(name);
            true
        } else {
            self.table.copy_name(index - FIRST_DYNAMIC)
        };
        let split = self.table.begin();
        string(rest)?.append(self.table.text())?;
        Ok(named.then_some(split))
    }

    /// A literal that leaves the table as it is (sections 6.2.2 and 6.2.3).
    fn literal(&mut self, rest: &mut &[u8], each: &mut impl FnMut(Field<'_>)) -> Result<(), Broken> {
        let index = integer(rest, 4)?;
        let named = if index == 0 { Some(string(rest)?) } else { None };
        let value = string(rest)?;
        self.scratch.clear();
        if let Some(Text { huffman: true, coded }) = named {
            huffman::decode(coded, &mut self.scratch).ok_or(Broken)?;
        }
        let split = self.scratch.len();
        if value.huffman {
            huffman::decode(value.coded, &mut self.scratch).ok_or(Broken)?;
        }
        let (decoded_name, decoded_value) = self.scratch.split_at(split);
        let name = match named {
            Some(Text { huffman: true, .. }) => Some(decoded_name),
            Some(Text { coded, .. }) => Some(coded),
            None => match static_table::get(index) {
                Some((name, _)) => Some(name),
                None => self.table.get(index - FIRST_DYNAMIC).0,
            },
        };
        each(Field { name, value: Some(if value.huffman { decoded_value } else { value.coded }) });
        Ok(())
    }
}

/// A string as it stands in a block.
#[derive(Debug, Clone, Copy)]
struct Text<'a> {
    huffman: bool,
    coded: &'a [u8],
}

impl Text<'_> {
    fn append(self, text: &mut Vec<u8>) -> Result<(), Broken> {
        if self.huffman {
            return huffman::decode(self.coded, text).ok_or(Broken);
        }
        text.extend_from_slice(self.coded);
        Ok(())
    }
}

/// Reads a string (section 5.2).
fn string<'a>(rest: &mut &'a [u8]) -> Result<Text<'a>, Broken> {
    let huffman = rest.first().ok_or(Broken)? & 0x80 != 0;
    let length = integer(rest, 7)?;
    let (coded, after) = rest.split_at_checked(length).ok_or(Broken)?;
    *rest = after;
    Ok(Text { huffman, coded })
}

/// Reads an integer that begins in the last `bits` bits of a byte (section 5.1). None that matters has more than 28
/// bits.
fn integer(rest: &mut &[u8], bits: u32) -> Result<usize, Broken> {
    let (&first, mut after) = rest.split_first().ok_or(Broken)?;
    let mask = (1_usize << bits) - 1;
    let mut value = usize::from(first) & mask;
    if value == mask {
        let mut shift = 0;
        loop {
            let (&byte, behind) = after.split_first().ok_or(Broken)?;
            after = behind;
            if shift > 21 {
                return Err(Broken);
            }
            value += usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
    }
    *rest = after;
    Ok(value)
}
