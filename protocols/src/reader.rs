//! Reads the fields of one message, front to back, and never past its end.

/// What is left of a message. Every read either gives the whole field and moves past it, or gives `None` and moves
/// nothing: a message cut by the capture ends early, and what stands before the cut is still true.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of these bytes.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not read yet.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything was read.
    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next so many bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(bytes)
    }

    /// The next so many bytes, as an array.
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*array)
    }

    /// Moves past so many bytes.
    pub(crate) fn skip(&mut self, count: usize) -> Option<()> {
        self.bytes(count).map(|_| ())
    }

    /// One byte.
    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    /// Two bytes, the most significant first.
    pub(crate) fn u16_be(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// Two bytes, the least significant first.
    pub(crate) fn u16_le(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// Four bytes, the most significant first.
    pub(crate) fn u32_be(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Four bytes, the least significant first.
    pub(crate) fn u32_le(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Four bytes with a sign, the most significant first.
    pub(crate) fn i32_be(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    /// Two bytes with a sign, the most significant first.
    pub(crate) fn i16_be(&mut self) -> Option<i16> {
        self.array().map(i16::from_be_bytes)
    }

    /// Bytes up to a zero byte, which is moved past and not given.
    pub(crate) fn until_zero(&mut self) -> Option<&'a [u8]> {
        let end = memchr::memchr(0, self.rest)?;
        let text = &self.rest[..end];
        self.rest = &self.rest[end + 1..];
        Some(text)
    }

    /// An unsigned number of seven bits a byte, the least significant first, of five bytes at most: Kafka's
    /// `UNSIGNED_VARINT`, Protocol Buffers' `uint32`.
    pub(crate) fn varint(&mut self) -> Option<u32> {
        let mut value = 0_u32;
        for (index, &byte) in self.rest.iter().take(5).enumerate() {
            let part = u32::from(byte & 0x7f);
            if index == 4 && part > 0xf {
                return None;
            }
            value |= part << (7 * index);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[index + 1..];
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_is_not_whole_is_not_read_and_moves_nothing() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(reader.u32_be(), None);
        assert_eq!(reader.bytes(4), None);
        assert_eq!(reader.until_zero(), None);
        assert_eq!(reader.u16_be(), Some(0x0102));
        assert_eq!(reader.u16_le(), None);
        assert_eq!(reader.u8(), Some(3));
        assert!(reader.is_empty());
        assert_eq!(reader.u8(), None);
    }

    #[test]
    fn varints_are_five_bytes_at_most_and_fit_their_type() {
        assert_eq!(Reader::new(&[0x96, 0x01]).varint(), Some(150));
        assert_eq!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x0f]).varint(), Some(u32::MAX));
        assert_eq!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x1f]).varint(), None);
        assert_eq!(Reader::new(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x01]).varint(), None);
        assert_eq!(Reader::new(&[0x80]).varint(), None);
        assert_eq!(Reader::new(&[]).varint(), None);
    }

    #[test]
    fn text_ends_at_a_zero_byte() {
        let mut reader = Reader::new(b"one\0\0two");
        assert_eq!(reader.until_zero(), Some(b"one".as_slice()));
        assert_eq!(reader.until_zero(), Some(b"".as_slice()));
        assert_eq!(reader.until_zero(), None);
        assert_eq!(reader.rest(), b"two");
    }
}
