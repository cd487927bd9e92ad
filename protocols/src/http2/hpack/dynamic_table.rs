//! The fields that both ends remember (RFC 7541 section 2.3.2), newest first.

use std::collections::VecDeque;

/// Size that a table has until something else is said (RFC 9113 section 6.5.2).
const DEFAULT_SIZE: usize = 4096;

/// Largest table that is kept. An encoder may be allowed more; what it then remembers beyond this is not known here.
const LARGEST_SIZE: usize = 64 * 1024;

/// What the specification adds to the length of each entry (RFC 7541 section 4.1).
const ENTRY_OVERHEAD: usize = 32;

/// Bytes of forgotten entries that are not worth moving the others for.
const SLACK: usize = 4096;

/// Bytes that a table holds at most.
pub(crate) const HELD_BYTES_LIMIT: usize = 2 * LARGEST_SIZE + SLACK;

/// Where the text of an entry lies, in bytes ever written.
#[derive(Debug, Clone, Copy)]
struct Entry {
    start: usize,
    /// `None` where the name was one that is not known.
    name: Option<u32>,
    value: u32,
}

/// A name and a value, as far as they are known.
type Pair<'a> = (Option<&'a [u8]>, Option<&'a [u8]>);

/// The table as far as it is known: the newest entries, without a hole.
///
/// The size bounds what is held; it proves nothing. If the encoder remembers more than is believed here, its indices
/// point past what is held, and if it remembers less, it does not use them. That an entry larger than the table empties
/// it (section 4.4) is safe either way for the same reason.
#[derive(Debug)]
pub(super) struct DynamicTable {
    /// Names and values, oldest first, behind those of entries that were forgotten.
    text: Vec<u8>,
    /// Bytes that were written before those in `text`.
    dropped: usize,
    /// Oldest first.
    entries: VecDeque<Entry>,
    size: usize,
    limit: usize,
}

impl DynamicTable {
    pub(super) const fn new() -> Self {
        Self { text: Vec::new(), dropped: 0, entries: VecDeque::new(), size: 0, limit: DEFAULT_SIZE }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.text.len() + self.entries.len() * size_of::<Entry>()
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.size = 0;
        self.dropped = 0;
        self.text.clear();
        self.text.shrink_to(SLACK);
    }

    /// The encoder changes the size.
    pub(super) fn resize(&mut self, size: usize) {
        self.limit = size.min(LARGEST_SIZE);
        self.evict();
        self.compact();
    }

    /// The decoder allows the encoder a larger table.
    pub(super) fn allow(&mut self, size: usize) {
        self.limit = self.limit.max(size.min(LARGEST_SIZE));
    }

    /// The entry at this place, the newest being at zero; both parts are `None` if it is not known.
    pub(super) fn get(&self, place: usize) -> Pair<'_> {
        let entry =
            self.entries.len().checked_sub(place.saturating_add(1)).and_then(|place| self.entries.get(place));
        let Some(&Entry { start, name, value }) = entry else { return (None, None) };
        let start = start - self.dropped;
        let split = start + name.unwrap_or(0) as usize;
        let end = split + value as usize;
        (name.and_then(|_| self.text.get(start..split)), self.text.get(split..end))
    }

    /// Where text that is about to be added begins.
    pub(super) fn begin(&self) -> usize {
        self.text.len()
    }

    /// Where the text of the next entry is to be written: its name, then its value.
    pub(super) fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// Copies the name at this place behind the text. Says whether there is one.
    pub(super) fn copy_name(&mut self, place: usize) -> bool {
        let entry =
            self.entries.len().checked_sub(place.saturating_add(1)).and_then(|place| self.entries.get(place));
        let Some(&Entry { start, name: Some(name), .. }) = entry else { return false };
        let start = start - self.dropped;
        self.text.extend_from_within(start..start + name as usize);
        true
    }

    /// The text from `begin` to `split` is the name of a new entry, and what is behind it its value.
    pub(super) fn insert(&mut self, begin: usize, split: Option<usize>) {
        let value = self.text.len() - split.unwrap_or(begin);
        let (Ok(name), Ok(value)) =
            (split.map(|split| u32::try_from(split - begin)).transpose(), u32::try_from(value))
        else {
            self.clear();
            return;
        };
        self.entries.push_back(Entry { start: begin + self.dropped, name, value });
        self.size += ENTRY_OVERHEAD + self.text.len() - begin;
        self.evict();
        self.compact();
    }

    /// Drops text from `begin` on: it makes no entry.
    pub(super) fn abandon(&mut self, begin: usize) {
        self.text.truncate(begin);
    }

    fn evict(&mut self) {
        while self.size > self.limit
            && let Some(entry) = self.entries.pop_front()
        {
            self.size -= ENTRY_OVERHEAD + entry.name.unwrap_or(0) as usize + entry.value as usize;
        }
        if self.entries.is_empty() {
            self.clear();
        }
    }

    fn compact(&mut self) {
        let Some(oldest) = self.entries.front() else { return };
        let dead = oldest.start - self.dropped;
        if dead > SLACK.max(self.text.len() - dead) {
            self.text.drain(..dead);
            self.dropped += dead;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(table: &mut DynamicTable, name: &str, value: &str) {
        let begin = table.begin();
        table.text().extend_from_slice(name.as_bytes());
        let split = table.begin();
        table.text().extend_from_slice(value.as_bytes());
        table.insert(begin, Some(split));
    }

    #[test]
    fn old_entries_make_room_for_new_ones() {
        let mut table = DynamicTable::new();
        table.resize(100);
        for value in ["1", "2", "3"] {
            insert(&mut table, "name", value);
        }
        assert_eq!(table.get(0), (Some(&b"name"[..]), Some(&b"3"[..])));
        assert_eq!(table.get(1), (Some(&b"name"[..]), Some(&b"2"[..])));
        assert_eq!(table.get(2), (None, None));
        assert_eq!(table.get(usize::MAX), (None, None));
    }

    #[test]
    fn an_entry_larger_than_the_table_empties_it() {
        let mut table = DynamicTable::new();
        insert(&mut table, "a", "b");
        insert(&mut table, "a", &"b".repeat(DEFAULT_SIZE));
        assert_eq!((table.get(0), table.held_bytes()), ((None, None), 0));
    }

    #[test]
    fn however_large_a_table_an_encoder_wants_no_more_is_held_than_the_bound() {
        let mut table = DynamicTable::new();
        table.resize(usize::MAX);
        let mut most = 0;
        for number in 0..4_000 {
            insert(&mut table, &number.to_string(), &"x".repeat(number % 700));
            most = most.max(table.held_bytes());
            assert_eq!(table.get(0).0, Some(number.to_string().as_bytes()));
        }
        assert!((LARGEST_SIZE..=HELD_BYTES_LIMIT).contains(&most), "{most}");
        for _ in 0..4_000 {
            insert(&mut table, "", "");
        }
        assert!(table.held_bytes() <= HELD_BYTES_LIMIT);
    }
}
