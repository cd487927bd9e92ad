//! Attributes of a span or a log record, written straight into its buffer.

use std::{borrow::Cow, fmt};

use plainsight_protocols::Value;

use crate::signal::protobuf;

/// How much of what a protocol says goes into one item; OpenTelemetry's limits (`OTEL_ATTRIBUTE_COUNT_LIMIT`,
/// `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`, `OTEL_SPAN_LINK_COUNT_LIMIT`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Attributes of one item; more are counted in `dropped_attributes_count`.
    pub attributes: u32,
    /// Bytes of one text; what is longer is cut at a character's border. OpenTelemetry knows no limit here, but texts come from
    /// strangers.
    pub value_bytes: usize,
    /// Links of one span; more are counted in `dropped_links_count`.
    pub links: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { attributes: 128, value_bytes: 8 * 1024, links: 128 }
    }
}

/// Texts of one attribute that are kept: DNS answers and header values come in lists.
const TEXTS: usize = 128;

/// An item in the making: a message within the buffer, whose attributes are counted.
#[derive(Debug)]
pub struct Item<'a> {
    out: &'a mut Vec<u8>,
    /// Number of the field that holds attributes.
    field: u8,
    limits: Limits,
    count: u32,
    dropped: u32,
}

impl<'a> Item<'a> {
    /// An item whose attributes are in the field of that number, below 16.
    pub fn new(out: &'a mut Vec<u8>, field: u8, limits: Limits) -> Self {
        debug_assert!((1..16).contains(&field), "one byte of tag is kept");
        Self { out, field, limits, count: 0, dropped: 0 }
    }

    /// Where other fields are written.
    pub const fn out(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// Attributes that were left out so far because there were too many.
    #[must_use]
    pub const fn dropped(&self) -> u32 {
        self.dropped
    }

    /// Adds an attribute. Empty texts say nothing and are left out.
    #[inline]
    pub fn attribute(&mut self, name: &str, value: &Value<'_>) {
        match value {
            Value::Text(text) => self.text(name, text),
            Value::Integer(number) => self.integer(name, *number),
            Value::Texts(texts) => self.texts(name, texts),
        }
    }

    /// Adds a text.
    #[inline]
    pub fn text(&mut self, name: &str, text: &str) {
        if text.is_empty() || !self.has_room() {
            return;
        }
        let text = self.cut(text);
        // KeyValue { key = 1, value = 2: AnyValue { string_value = 1 } }, whose lengths are known beforehand.
        let value = 1 + length_of_length(text.len()) + text.len();
        self.head(name, value);
        self.out.push(0x0a);
        protobuf::varint(self.out, text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Adds a number.
    #[inline]
    pub fn integer(&mut self, name: &str, number: i64) {
        if !self.has_room() {
            return;
        }
        let number = number.cast_unsigned();
        let value = 1 + length_of_varint(number);
        self.head(name, value);
        self.out.push(0x18); // int_value = 3
        protobuf::varint(self.out, number);
    }

    /// Adds a number that may not be whole.
    #[inline]
    pub fn double(&mut self, name: &str, number: f64) {
        if !self.has_room() {
            return;
        }
        self.head(name, 9);
        protobuf::double(self.out, 4, number);
    }

    /// Adds a truth value.
    #[inline]
    pub fn boolean(&mut self, name: &str, truth: bool) {
        if !self.has_room() {
            return;
        }
        self.head(name, 2);
        protobuf::integer(self.out, 2, u64::from(truth));
    }

    fn texts(&mut self, name: &str, texts: &[Cow<'_, str>]) {
        if texts.is_empty() || !self.has_room() {
            return;
        }
        let kept = &texts[..texts.len().min(TEXTS)];
        let element = |text: &str| {
            let inner = 1 + length_of_length(text.len()) + text.len();
            (inner, 1 + length_of_length(inner) + inner)
        };
        let array: usize = kept.iter().map(|text| element(self.cut(text)).1).sum();
        self.head(name, 1 + length_of_length(array) + array);
        self.out.push(0x2a); // array_value = 5
        protobuf::varint(self.out, array as u64);
        for text in kept {
            let text = self.cut(text);
            self.out.push(0x0a); // ArrayValue.values = 1
            protobuf::varint(self.out, element(text).0 as u64);
            self.out.push(0x0a);
            protobuf::varint(self.out, text.len() as u64);
            self.out.extend_from_slice(text.as_bytes());
        }
    }

    #[inline]
    fn cut<'t>(&self, text: &'t str) -> &'t str {
        if text.len() <= self.limits.value_bytes {
            return text;
        }
        &text[..text.floor_char_boundary(self.limits.value_bytes)]
    }

    #[inline]
    fn has_room(&mut self) -> bool {
        if self.count >= self.limits.attributes {
            self.dropped += 1;
            return false;
        }
        self.count += 1;
        true
    }

    /// The attribute up to its value, which takes `value` bytes.
    #[inline]
    fn head(&mut self, name: &str, value: usize) {
        let pair = 1 + length_of_length(name.len()) + name.len() + 1 + length_of_length(value) + value;
        // Most attributes are short: then tag, both lengths and the name's tag are four bytes in one piece.
        if let (Ok(pair @ 0..0x80), Ok(name_length @ 0..0x80)) =
            (u8::try_from(pair), u8::try_from(name.len()))
        {
            self.out.reserve(usize::from(pair) + 2);
            self.out.extend_from_slice(&[self.field << 3 | 2, pair, 0x0a, name_length]);
            self.out.extend_from_slice(name.as_bytes());
            // The value is shorter than the pair that holds it.
            self.out.extend_from_slice(&[0x12, value.to_le_bytes()[0]]);
            return;
        }
        self.out.push(self.field << 3 | 2);
        protobuf::varint(self.out, pair as u64);
        protobuf::text(self.out, 1, name);
        self.out.push(0x12);
        protobuf::varint(self.out, value as u64);
    }
}

/// Bytes that a length takes.
#[inline]
pub(super) const fn length_of_length(length: usize) -> usize {
    length_of_varint(length as u64)
}

/// Bytes that a number takes in base 128.
#[inline]
pub(super) const fn length_of_varint(value: u64) -> usize {
    // Seven bits a byte; zero takes one as well.
    ((64 - (value | 1).leading_zeros() as usize) * 9 + 64) / 64
}

/// Text formatted into a buffer of bytes, up to a limit.
#[derive(Debug)]
pub struct TextWriter<'a> {
    out: &'a mut Vec<u8>,
    room: usize,
    start: usize,
}

impl<'a> TextWriter<'a> {
    /// At most `limit` bytes are appended.
    pub const fn new(out: &'a mut Vec<u8>, limit: usize) -> Self {
        let start = out.len();
        Self { out, room: limit, start }
    }

    /// Whether nothing was written.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.out.len() == self.start
    }
}

impl fmt::Write for TextWriter<'_> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.len() <= self.room {
            self.room -= text.len();
            self.out.extend_from_slice(text.as_bytes());
            return Ok(());
        }
        let kept = &text[..text.floor_char_boundary(self.room)];
        self.out.extend_from_slice(kept.as_bytes());
        self.room = 0;
        // The rest need not be formatted.
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        common::v1::{AnyValue, KeyValue, any_value},
        trace::v1::Span,
    };
    use prost::Message;

    use super::*;

    fn written(limits: Limits, attributes: &[(String, Value<'_>)]) -> (Vec<KeyValue>, u32) {
        let mut out = Vec::new();
        let mut item = Item::new(&mut out, 9, limits);
        for (name, value) in attributes {
            item.attribute(name, value);
        }
        let dropped = item.dropped();
        (Span::decode(&out[..]).expect("a span of attributes").attributes, dropped)
    }

    fn expected(value: &Value<'_>) -> any_value::Value {
        match value {
            Value::Text(text) => any_value::Value::StringValue(text.to_string()),
            Value::Integer(number) => any_value::Value::IntValue(*number),
            Value::Texts(texts) => {
                let values = texts
                    .iter()
                    .map(|text| AnyValue { value: Some(any_value::Value::StringValue(text.to_string())) });
                any_value::Value::ArrayValue(opentelemetry_proto::tonic::common::v1::ArrayValue {
                    values: values.collect(),
                })
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn attributes_of_any_length_are_read_back(
            name in "[a-z.]{1,300}",
            number in proptest::prelude::any::<i64>(),
            lengths in proptest::collection::vec(0_usize..20_000, 1..5),
        ) {
            let text = |&length: &usize| Cow::Owned("é".repeat(length));
            let attributes = [
                (name.clone(), Value::Integer(number)),
                (name.clone(), Value::Integer(number.signum() * (number.abs() & 0x3fff))),
                (name.clone(), Value::Text("x".repeat(lengths[0] % 200 + 1).into())),
                (name.clone(), Value::Text("x".repeat(lengths[0] + 1).into())),
                (name, Value::Texts(lengths.iter().map(text).collect())),
            ];
            let limits = Limits { value_bytes: usize::MAX, ..Limits::default() };
            let (read, dropped) = written(limits, &attributes);
            proptest::prop_assert_eq!(dropped, 0);
            proptest::prop_assert_eq!(read.len(), attributes.len());
            for (read, (name, value)) in read.iter().zip(&attributes) {
                proptest::prop_assert_eq!(&read.key, name);
                proptest::prop_assert_eq!(read.value.as_ref().and_then(|value| value.value.as_ref()), Some(&expected(value)));
            }
        }
    }

    #[test]
    fn the_length_of_a_number_is_that_of_its_bytes() {
        for shift in 0..64 {
            for value in [1_u64 << shift, (1 << shift) - 1, (1 << shift) | 1] {
                let mut out = Vec::new();
                protobuf::varint(&mut out, value);
                assert_eq!(length_of_varint(value), out.len(), "{value}");
            }
        }
        assert_eq!(length_of_varint(u64::MAX), 10);
    }

    #[test]
    fn what_is_too_much_is_cut_or_counted() {
        let limits = Limits { attributes: 2, value_bytes: 5, links: 1 };
        let attributes = [
            ("empty".to_owned(), Value::Text("".into())),
            ("long".to_owned(), Value::Text("ééé".into())),
            ("list".to_owned(), Value::Texts(vec!["abcdefg".into()])),
            ("third".to_owned(), Value::Integer(3)),
            ("fourth".to_owned(), Value::Text("4".into())),
        ];
        let (read, dropped) = written(limits, &attributes);
        let texts: Vec<_> = read.iter().map(|read| format!("{read:?}")).collect();
        assert_eq!((read.len(), dropped), (2, 2), "{texts:?}");
        assert!(texts[0].contains("\"éé\"") && texts[1].contains("\"abcde\""), "{texts:?}");
    }

    #[test]
    fn formatted_text_ends_at_its_limit() {
        use std::fmt::Write;
        let mut out = b"before ".to_vec();
        let mut writer = TextWriter::new(&mut out, 7);
        assert!(writer.write_str("abc").is_ok());
        assert!(writer.write_str("dé").is_ok() && writer.write_str("fgh").is_err());
        assert_eq!(out, "before abcdéf".as_bytes());
    }
}
