//! Reads the kernel's own description of its types (BTF, Documentation/bpf/btf.rst) just far enough to find where the
//! members of structures lie.

use thiserror::Error;

const MAGIC: u16 = 0xeb9f;
const HEADER_BYTES: usize = 24;
const TYPE_BYTES: usize = 12;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;
/// How deep unnamed structures and unions may nest before the search ends; the kernel's go to about five.
const MAX_DEPTH: u32 = 16;

/// Why BTF could not be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BtfError {
    /// The bytes are no BTF, or BTF for a machine of the other byte order.
    #[error("the kernel's type information does not begin like BTF")]
    NotBtf,
    /// A table or type reaches past the end.
    #[error("the kernel's type information is cut short at byte {0}")]
    Truncated(usize),
    /// A type is of a kind that this program does not know, so the types behind it cannot be found.
    #[error(
        "the kernel's type information has a kind of type ({kind}) that is unknown here, at byte {offset}"
    )]
    UnknownKind {
        /// The kind's number.
        kind: u32,
        /// Where the type stands.
        offset: usize,
    },
}

/// The kernel's types.
#[derive(Debug)]
pub(super) struct Btf<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    /// Where each type begins in `types`; type 0 is `void` and has no place.
    places: Vec<u32>,
}

impl<'a> Btf<'a> {
    /// Indexes the types.
    ///
    /// # Errors
    /// If the bytes are not well-formed BTF.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, BtfError> {
        let magic = bytes.get(..2).ok_or(BtfError::NotBtf)?;
        if u16::from_ne_bytes([magic[0], magic[1]]) != MAGIC || bytes.len() < HEADER_BYTES {
            return Err(BtfError::NotBtf);
        }
        let header = word(bytes, 4)? as usize;
        let section = |offset: usize| -> Result<&'a [u8], BtfError> {
            let start = header + word(bytes, offset)? as usize;
            let end = start + word(bytes, offset + 4)? as usize;
            bytes.get(start..end).ok_or(BtfError::Truncated(end))
        };
        let types = section(8)?;
        let strings = section(16)?;
        let mut places = vec![u32::MAX];
        let mut offset = 0;
        while offset < types.len() {
            places.push(offset as u32);
            offset += type_length(types, offset)?;
        }
        Ok(Self { types, strings, places })
    }

    /// Byte offset of a member, given by the structure's name and a path of member names, in which unnamed structures
    /// and unions do not count. `None` if there is no such member.
    #[must_use]
    pub(super) fn member_offset(&self, structure: &str, path: &str) -> Option<u32> {
        self.places.iter().skip(1).find_map(|&place| {
            let place = place as usize;
            let is_it = self.kind(place)? == KIND_STRUCT && self.name(place)? == structure.as_bytes();
            if is_it { self.path_offset(place, path) } else { None }
        })
    }

    fn path_offset(&self, place: usize, path: &str) -> Option<u32> {
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let (bits, member_type) = self.find(place, first.as_bytes(), 0)?;
        let inner = match rest {
            Some(rest) => self.path_offset(self.place(member_type)?, rest)?,
            None => 0,
        };
        Some(bits / 8 + inner)
    }

    /// A member's offset in bits and its type.
    fn find(&self, place: usize, name: &[u8], depth: u32) -> Option<(u32, u32)> {
        let kind = self.kind(place)?;
        if depth > MAX_DEPTH || (kind != KIND_STRUCT && kind != KIND_UNION) {
            return None;
        }
        let info = word(self.types, place + 4).ok()?;
        let has_bit_fields = info >> 31 != 0;
        (0..info & 0xffff).find_map(|index| {
            let member = place + TYPE_BYTES + index as usize * 12;
            let member_type = word(self.types, member + 4).ok()?;
            let offset = word(self.types, member + 8).ok()?;
            let bits = if has_bit_fields { offset & 0x00ff_ffff } else { offset };
            let member_name = self.string(word(self.types, member).ok()?)?;
            if member_name == name {
                return Some((bits, member_type));
            }
            if !member_name.is_empty() {
                return None;
            }
            let (inner, found) = self.find(self.place(member_type)?, name, depth + 1)?;
            Some((bits + inner, found))
        })
    }

    fn place(&self, type_id: u32) -> Option<usize> {
        self.places.get(type_id as usize).filter(|&&place| place != u32::MAX).map(|&place| place as usize)
    }

    fn kind(&self, place: usize) -> Option<u32> {
        Some(word(self.types, place + 4).ok()? >> 24 & 0x1f)
    }

    fn name(&self, place: usize) -> Option<&'a [u8]> {
        self.string(word(self.types, place).ok()?)
    }

    fn string(&self, offset: u32) -> Option<&'a [u8]> {
        let bytes = self.strings.get(offset as usize..)?;
        let end = bytes.iter().position(|&byte| byte == 0)?;
        Some(&bytes[..end])
    }
}

/// How long a type is, with what follows its common part (include/uapi/linux/btf.h).
fn type_length(types: &[u8], offset: usize) -> Result<usize, BtfError> {
    let info = word(types, offset + 4)?;
    let count = (info & 0xffff) as usize;
    let kind = info >> 24 & 0x1f;
    let extra = match kind {
        // Pointers, forward declarations, typedefs, qualifiers, functions, floats, type tags.
        2 | 7..=12 | 16 | 18 => 0,
        // Integers, variables, declaration tags.
        1 | 14 | 17 => 4,
        // Arrays.
        3 => 12,
        // Structures, unions, data sections, 64-bit enumerations.
        KIND_STRUCT | KIND_UNION | 15 | 19 => count * 12,
        // Enumerations, prototypes.
        6 | 13 => count * 8,
        _ => return Err(BtfError::UnknownKind { kind, offset }),
    };
    Ok(TYPE_BYTES + extra)
}

fn word(bytes: &[u8], offset: usize) -> Result<u32, BtfError> {
    bytes
        .get(offset..)
        .and_then(<[u8]>::first_chunk)
        .map(|chunk| u32::from_ne_bytes(*chunk))
        .ok_or(BtfError::Truncated(offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `struct outer { int a; union { struct { int b; long c; }; int d; }; struct inner { int e; } f; }`.
    fn example() -> Vec<u8> {
        let strings = b"\0outer\0a\0b\0c\0d\0f\0inner\0e\0int\0";
        let name = |text: &str| {
            let with_end = format!("\0{text}\0");
            let place = strings.windows(with_end.len()).position(|window| window == with_end.as_bytes());
            place.expect("a name of the table") as u32 + 1
        };
        let structure = |kind: u32, count: u32| kind << 24 | count;
        let types: Vec<u32> = [
            vec![name("int"), 1 << 24, 4, 0],
            vec![name("inner"), structure(4, 1), 4, name("e"), 1, 0],
            vec![0, structure(4, 2), 16, name("b"), 1, 0, name("c"), 1, 64],
            vec![0, structure(5, 2), 16, 0, 3, 0, name("d"), 1, 0],
            vec![name("outer"), structure(4, 3), 32, name("a"), 1, 0, 0, 4, 64, name("f"), 2, 192],
        ]
        .concat();
        let types: Vec<u8> = types.into_iter().flat_map(u32::to_ne_bytes).collect();
        let header = [24, 0, types.len() as u32, types.len() as u32, strings.len() as u32];
        let mut bytes = MAGIC.to_ne_bytes().to_vec();
        bytes.extend([1, 0]);
        bytes.extend(header.into_iter().flat_map(u32::to_ne_bytes));
        bytes.extend(types);
        bytes.extend(strings);
        bytes
    }

    #[test]
    fn members_are_found_through_unnamed_structures_and_paths() {
        let bytes = example();
        let btf = Btf::parse(&bytes).expect("well-formed");
        assert_eq!(btf.member_offset("outer", "a"), Some(0));
        assert_eq!(btf.member_offset("outer", "b"), Some(8));
        assert_eq!(btf.member_offset("outer", "c"), Some(16));
        assert_eq!(btf.member_offset("outer", "d"), Some(8));
        assert_eq!(btf.member_offset("outer", "f.e"), Some(24));
        assert_eq!(btf.member_offset("outer", "g"), None);
        assert_eq!(btf.member_offset("none", "a"), None);
    }

    #[test]
    fn any_cut_of_the_bytes_is_an_error_and_not_a_panic() {
        let bytes = example();
        for length in 0..bytes.len() {
            assert!(Btf::parse(&bytes[..length]).is_err(), "cut at {length}");
        }
    }
}
