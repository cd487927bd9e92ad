//! Named values found in a record's text.

use std::ops::Range;

/// Fields of one record; more are counted and left out. OpenTelemetry's default for attributes, and as many as a set of bits has.
pub(super) const FIELDS: usize = u128::BITS as usize;

/// Bytes of a field's name. Names of nested objects are joined, so that they could become longer than the text they come from.
pub(super) const NAME_BYTES: usize = 256;

/// A value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FieldValue<'a> {
    /// Text.
    Text(&'a str),
    /// A whole number.
    Integer(i64),
    /// Another number.
    Double(f64),
    /// A truth value.
    Boolean(bool),
}

/// Where a name or a text is.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: u32,
    end: u32,
}

#[derive(Debug, Clone, Copy)]
enum Stored {
    Text(Place),
    Integer(i64),
    Double(f64),
    Boolean(bool),
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    name: Place,
    value: Stored,
}

/// The fields of a record in order, in two buffers that are used again for the next.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    text: String,
    entries: Vec<Entry>,
    dropped: u32,
}

impl Fields {
    /// None, without memory.
    pub const EMPTY: &'static Self = &Self { text: String::new(), entries: Vec::new(), dropped: 0 };

    /// Names with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, FieldValue<'_>)> {
        self.entries.iter().map(|entry| (self.at(entry.name), self.value(entry.value)))
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of the first field of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<FieldValue<'_>> {
        self.find(name).map(|index| self.value(self.entries[index].value))
    }

    /// Fields that were left out because there were too many, or their names were too long.
    #[must_use]
    pub const fn dropped(&self) -> u32 {
        self.dropped
    }

    /// Bytes that they take as attributes in OTLP, at most.
    pub(super) const fn encoded_bytes_at_most(&self) -> usize {
        // Two tags and four lengths, or a number.
        self.text.len() + self.entries.len() * 32
    }

    /// Adds a field.
    pub(super) fn push(&mut self, name: &str, value: FieldValue<'_>) {
        if self.entries.len() >= FIELDS || name.len() > NAME_BYTES {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        let name = self.store(name);
        let value = match value {
            FieldValue::Text(text) => Stored::Text(self.store(text)),
            FieldValue::Integer(number) => Stored::Integer(number),
            FieldValue::Double(number) => Stored::Double(number),
            FieldValue::Boolean(truth) => Stored::Boolean(truth),
        };
        self.entries.push(Entry { name, value });
    }

    /// Adds a field, or gives the one of that name another value.
    pub(super) fn set(&mut self, name: &str, text: &str) {
        match self.find(name) {
            Some(index) => self.replace(index, text),
            None => self.push(name, FieldValue::Text(text)),
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|entry| self.at(entry.name) == name)
    }

    /// The text of a field, if it is one.
    pub(super) fn text_of(&self, index: usize) -> Option<&str> {
        match self.entries.get(index)?.value {
            Stored::Text(place) => Some(self.at(place)),
            _ => None,
        }
    }

    pub(super) fn value_of(&self, index: usize) -> FieldValue<'_> {
        self.value(self.entries[index].value)
    }

    pub(super) fn name_of(&self, index: usize) -> &str {
        self.at(self.entries[index].name)
    }

    /// Gives a field another value.
    pub(super) fn replace(&mut self, index: usize, text: &str) {
        let value = Stored::Text(self.store(text));
        self.entries[index].value = value;
    }

    pub(super) fn remove(&mut self, index: usize) {
        self.entries.remove(index);
    }

    /// Leaves out those whose bits are set.
    pub(super) fn remove_all(&mut self, bits: u128) {
        if bits == 0 {
            return;
        }
        let mut index = 0;
        self.entries.retain(|_| {
            let is_kept = bits >> index & 1 == 0;
            index += 1;
            is_kept
        });
    }

    /// Bytes of memory.
    pub(super) const fn memory(&self) -> usize {
        self.text.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    pub(super) fn rename(&mut self, index: usize, name: &str) {
        let name = self.store(name);
        self.entries[index].name = name;
    }

    /// Forgets all, and what a format that gave up has added.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.entries.clear();
        self.dropped = 0;
    }

    /// Gives memory back that only a large record needed.
    pub(super) fn release(&mut self, bytes: usize) {
        self.text.shrink_to(bytes);
        self.entries.shrink_to(bytes / size_of::<Entry>());
    }

    fn store(&mut self, text: &str) -> Place {
        let start = self.text.len();
        self.text.push_str(text);
        // Records are bounded far below four gibibytes (`Settings::RECORD_BYTES_MAX`), and so is what is made of them.
        Place { start: start as u32, end: self.text.len() as u32 }
    }

    #[inline]
    fn at(&self, place: Place) -> &str {
        let range: Range<usize> = place.start as usize..place.end as usize;
        self.text.get(range).unwrap_or_default()
    }

    #[inline]
    fn value(&self, stored: Stored) -> FieldValue<'_> {
        match stored {
            Stored::Text(place) => FieldValue::Text(self.at(place)),
            Stored::Integer(number) => FieldValue::Integer(number),
            Stored::Double(number) => FieldValue::Double(number),
            Stored::Boolean(truth) => FieldValue::Boolean(truth),
        }
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.dropped == other.dropped && self.iter().eq(other.iter())
    }
}
