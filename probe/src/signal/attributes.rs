//! Attributes of a record, owned, in two allocations however many there are.

use std::ops::Range;

use plainsight_protocols::Value;

/// Longest attribute value that is kept, in bytes. What is longer is cut at a character's border.
const VALUE_LIMIT: usize = 8 * 1024;

/// Most attributes that one record keeps.
const COUNT_LIMIT: usize = 128;

/// Names and values, in the order in which the protocol gave them.
#[derive(Debug, Clone, Default)]
pub struct Attributes {
    text: String,
    entries: Vec<Entry>,
    dropped: u32,
}

#[derive(Debug, Clone)]
struct Entry {
    name: Range<usize>,
    value: Stored,
}

#[derive(Debug, Clone)]
enum Stored {
    Text(Range<usize>),
    Integer(i64),
    Texts(Vec<Range<usize>>),
}

/// An attribute's value, borrowed from the [`Attributes`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeValue<'a> {
    /// Text.
    Text(&'a str),
    /// A number.
    Integer(i64),
    /// Several texts, in order.
    Texts(Vec<&'a str>),
}

impl Attributes {
    /// No attributes, with room for what an HTTP exchange has.
    #[must_use]
    pub fn with_usual_capacity() -> Self {
        Self { text: String::with_capacity(512), entries: Vec::with_capacity(16), dropped: 0 }
    }

    /// Adds an attribute.
    pub fn push(&mut self, name: &str, value: &Value<'_>) {
        if self.entries.len() >= COUNT_LIMIT {
            self.dropped += 1;
            return;
        }
        let name = self.keep(name);
        let value = match value {
            Value::Text(text) => Stored::Text(self.keep(text)),
            Value::Integer(number) => Stored::Integer(*number),
            Value::Texts(texts) => Stored::Texts(texts.iter().map(|text| self.keep(text)).collect()),
        };
        self.entries.push(Entry { name, value });
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, AttributeValue<'_>)> {
        self.entries.iter().map(|entry| (&self.text[entry.name.clone()], self.value(&entry.value)))
    }

    /// The value of the attribute of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<AttributeValue<'_>> {
        let entry = self.entries.iter().find(|entry| self.text[entry.name.clone()] == *name)?;
        Some(self.value(&entry.value))
    }

    /// Attributes that were left out because there were too many.
    #[must_use]
    pub const fn dropped(&self) -> u32 {
        self.dropped
    }

    fn keep(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(&text[..text.floor_char_boundary(VALUE_LIMIT)]);
        start..self.text.len()
    }

    fn value<'a>(&'a self, stored: &Stored) -> AttributeValue<'a> {
        match stored {
            Stored::Text(range) => AttributeValue::Text(&self.text[range.clone()]),
            Stored::Integer(number) => AttributeValue::Integer(*number),
            Stored::Texts(ranges) => {
                AttributeValue::Texts(ranges.iter().map(|range| &self.text[range.clone()]).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn attributes_keep_their_order_and_types() {
        let mut attributes = Attributes::default();
        attributes.push("b", &Value::Integer(-7));
        attributes.push("a", &Value::Text("x".into()));
        attributes.push("c", &Value::Texts(vec!["1".into(), Cow::Borrowed("2")]));
        let expected = [
            ("b", AttributeValue::Integer(-7)),
            ("a", AttributeValue::Text("x")),
            ("c", AttributeValue::Texts(vec!["1", "2"])),
        ];
        assert!(attributes.iter().eq(expected));
        assert_eq!(attributes.get("b"), Some(AttributeValue::Integer(-7)));
        assert_eq!(attributes.get("d"), None);
    }

    #[test]
    fn a_long_value_is_cut_at_a_characters_border() {
        let mut attributes = Attributes::default();
        attributes.push("long", &Value::Text("é".repeat(VALUE_LIMIT).into()));
        attributes.push("odd", &Value::Text(format!("x{}", "é".repeat(VALUE_LIMIT)).into()));
        assert!(
            matches!(attributes.get("long"), Some(AttributeValue::Text(text)) if text.len() == VALUE_LIMIT)
        );
        assert!(
            matches!(attributes.get("odd"), Some(AttributeValue::Text(text)) if text.len() == VALUE_LIMIT - 1)
        );
    }

    #[test]
    fn attributes_past_the_limit_are_left_out_and_counted() {
        let mut attributes = Attributes::default();
        for number in 0..COUNT_LIMIT + 3 {
            attributes.push(&number.to_string(), &Value::Integer(0));
        }
        assert_eq!((attributes.iter().count(), attributes.dropped()), (COUNT_LIMIT, 3));
    }
}
