//! Protocol Buffers written straight into a buffer that is used again: OTLP is encoded once for each exchange, so no
//! message is built as a structure first.
//!
//! The encoding is that of <https://protobuf.dev/programming-guides/encoding/>. Fields are written in the order in which the
//! functions are called; a field whose value is the default is left to the caller to leave out.

/// Appends a base-128 number, least significant group first.
#[inline]
pub fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Appends a field's number with how its value is written.
#[inline]
fn tag(out: &mut Vec<u8>, field: u32, wire_type: u32) {
    varint(out, u64::from(field << 3 | wire_type));
}

/// An integer, an enumeration's number or a truth value.
#[inline]
pub fn integer(out: &mut Vec<u8>, field: u32, value: u64) {
    tag(out, field, 0);
    varint(out, value);
}

/// A field of type `fixed64` or `sfixed64`.
#[inline]
pub fn fixed64(out: &mut Vec<u8>, field: u32, value: u64) {
    tag(out, field, 1);
    out.extend_from_slice(&value.to_le_bytes());
}

/// A field of type `fixed32`.
#[inline]
pub fn fixed32(out: &mut Vec<u8>, field: u32, value: u32) {
    tag(out, field, 5);
    out.extend_from_slice(&value.to_le_bytes());
}

/// A field of type `double`.
#[inline]
pub fn double(out: &mut Vec<u8>, field: u32, value: f64) {
    fixed64(out, field, value.to_bits());
}

/// A field of type `bytes`.
#[inline]
pub fn bytes(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    tag(out, field, 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// A field of type `string`.
#[inline]
pub fn text(out: &mut Vec<u8>, field: u32, value: &str) {
    bytes(out, field, value.as_bytes());
}

/// A message within the message, written by `write`, which must only append. Its length is known afterwards: one byte is
/// kept for it, and a message that needs more is moved by the rest. Attributes need one; for large messages, write them apart
/// and append them with [`bytes`].
#[inline]
pub fn nested(out: &mut Vec<u8>, field: u32, write: impl FnOnce(&mut Vec<u8>)) {
    tag(out, field, 2);
    let start = out.len();
    out.push(0);
    write(out);
    close(out, start);
}

/// Puts the length of what is from `start` on into the two bytes kept before it. What needs one byte, or more than two, is
/// moved.
#[inline]
pub fn close_wide(out: &mut Vec<u8>, start: usize) {
    let length = out.len() - start;
    if let 0x80..0x4000 = length {
        let [low, high, ..] = (length << 1).to_le_bytes();
        // The seventh bit of the length is the lowest of `high`.
        out[start - 2] = low >> 1 | 0x80;
        out[start - 1] = high;
        return;
    }
    out.remove(start - 1);
    close(out, start - 2);
}

/// Puts the length of what follows `start`, where one byte was kept for it, in its place.
fn close(out: &mut Vec<u8>, start: usize) {
    let length = out.len() - start - 1;
    if let Ok(short @ 0..0x80) = u8::try_from(length) {
        out[start] = short;
        return;
    }
    let mut prefix = [0; 10];
    let mut rest = length as u64;
    let mut used = 0;
    while rest >= 0x80 {
        prefix[used] = rest.to_le_bytes()[0] | 0x80;
        rest >>= 7;
        used += 1;
    }
    prefix[used] = rest.to_le_bytes()[0];
    out.splice(start..=start, prefix[..=used].iter().copied());
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    /// A message with a field of every kind that is used.
    #[derive(Clone, PartialEq, Message)]
    struct Example {
        #[prost(uint64, tag = "1")]
        integer: u64,
        #[prost(fixed64, tag = "2")]
        fixed: u64,
        #[prost(double, tag = "3")]
        double: f64,
        #[prost(string, tag = "4")]
        text: String,
        #[prost(message, repeated, tag = "17")]
        nested: Vec<Example>,
        #[prost(fixed32, tag = "18")]
        short: u32,
    }

    fn write(out: &mut Vec<u8>, example: &Example) {
        integer(out, 1, example.integer);
        fixed64(out, 2, example.fixed);
        double(out, 3, example.double);
        text(out, 4, &example.text);
        for inner in &example.nested {
            nested(out, 17, |out| write(out, inner));
        }
        fixed32(out, 18, example.short);
    }

    #[test]
    fn a_length_that_two_bytes_were_kept_for_is_written_in_the_fewest() {
        for length in
            [0_usize, 1, 126, 127, 128, 129, 255, 256, 300, 16_382, 16_383, 16_384, 16_385, 3_000_000]
        {
            let mut out = vec![0x0a, 0, 0];
            out.extend(std::iter::repeat_n(7, length));
            close_wide(&mut out, 3);
            let mut expected = Vec::new();
            bytes(&mut expected, 1, &vec![7; length]);
            assert!(out == expected, "{length}: {:?}", &out[..4]);
        }
    }

    proptest::proptest! {
        #[test]
        fn another_reader_reads_what_was_written(
            integer in proptest::prelude::any::<u64>(),
            fixed in proptest::prelude::any::<u64>(),
            double in -1e9_f64..1e9,
            lengths in proptest::collection::vec(0_usize..40_000, 0..4),
        ) {
            let leaf = |length: usize| Example { text: "x".repeat(length), integer, ..Example::default() };
            let branch = Example { nested: lengths.iter().copied().map(leaf).collect(), fixed, double, ..leaf(3) };
            let root = Example { nested: vec![branch.clone(), branch], short: 7, ..leaf(200) };
            let mut out = Vec::new();
            write(&mut out, &root);
            proptest::prop_assert_eq!(Example::decode(&out[..]).expect("a message"), root);
        }
    }
}
