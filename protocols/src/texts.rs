//! The masked texts of the commands that wait for an answer, in one buffer: a command allocates nothing of its own.

/// Bytes of texts no longer needed that are kept before the rest is moved to the front.
pub(crate) const SPENT_BYTES: usize = 4096;

/// Bytes whose room is kept when no command waits.
const KEPT_BYTES: usize = 32 * 1024;

/// Texts in the order of their commands. A text is named by the place where it starts, which stays true.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    bytes: Vec<u8>,
    base: u64,
}

impl Texts {
    /// Where the next text starts.
    pub(crate) fn end(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    /// Adds to the text under way.
    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Drops everything from a place on: the text under way is not wanted.
    pub(crate) fn truncate(&mut self, start: u64) {
        self.bytes.truncate(self.index(start));
    }

    /// A text.
    #[inline]
    pub(crate) fn get(&self, start: u64, length: usize) -> &[u8] {
        let start = self.index(start);
        self.bytes.get(start..start.saturating_add(length)).unwrap_or_default()
    }

    /// Everything before a place is spent.
    #[inline]
    pub(crate) fn release(&mut self, end: u64) {
        let spent = self.index(end).min(self.bytes.len());
        if spent == self.bytes.len() {
            self.base = self.end();
            self.bytes.clear();
            if self.bytes.capacity() > KEPT_BYTES {
                self.bytes.shrink_to(KEPT_BYTES);
            }
        } else if spent >= SPENT_BYTES && spent >= self.bytes.len() / 2 {
            self.bytes.drain(..spent);
            self.base += spent as u64;
        }
    }

    /// Bytes held, spent ones included.
    pub(crate) fn held_bytes(&self) -> usize {
        self.bytes.len()
    }

    fn index(&self, place: u64) -> usize {
        usize::try_from(place.saturating_sub(self.base)).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_place_when_those_before_it_are_spent() {
        let mut texts = Texts::default();
        texts.push(&[b'a'; 5000]);
        let second = texts.end();
        texts.push(b"second");
        let third = texts.end();
        texts.push(b"third");
        texts.release(second);
        assert!(texts.held_bytes() < 100);
        assert_eq!(texts.get(second, 6), b"second");
        texts.release(third);
        assert_eq!(texts.get(third, 5), b"third");
        texts.truncate(third);
        texts.push(b"3");
        assert_eq!(texts.get(third, 1), b"3");
        texts.release(texts.end());
        assert_eq!(texts.held_bytes(), 0);
        assert_eq!(texts.get(third, 1), b"");
    }
}
