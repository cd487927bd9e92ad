//! Counts the messages in one direction of a call without reading them: each says its length in the five bytes before it.

/// Bytes before each message: whether it is compressed, and its length.
const PREFIX_BYTES: u8 = 5;

/// The messages of one direction.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Messages {
    whole: u32,
    /// Bytes seen of the prefix under way, and the number that its last four spell so far.
    prefix: u8,
    length: u32,
    /// Bytes to come of the message under way.
    remaining: u32,
    /// The bytes are no messages, or it is not known where the next begins.
    broken: bool,
}

impl Messages {
    /// How many passed whole; `None` if they could not be counted.
    pub(crate) fn count(&self) -> Option<u32> {
        (!self.broken).then_some(self.whole)
    }

    /// Whether the body was made of whole messages, from its first byte to its last. One that is something else is not,
    /// but for a rare accident.
    pub(crate) fn fill_the_body(&self) -> bool {
        !self.broken && self.prefix == 0 && self.whole > 0
    }

    /// Bytes to come of the message under way, if one is.
    pub(crate) fn rest(&self) -> Option<u64> {
        (!self.broken && self.prefix == PREFIX_BYTES).then_some(u64::from(self.remaining))
    }

    /// Gives up counting: bytes were not seen.
    pub(crate) fn lose(&mut self) {
        self.broken = true;
    }

    /// The next bytes of the body.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) {
        while let Some((&first, after)) = bytes.split_first() {
            if self.broken {
                return;
            }
            if self.prefix == PREFIX_BYTES {
                let part = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(bytes.len());
                bytes = &bytes[part..];
                self.pass(u32::try_from(part).unwrap_or(u32::MAX));
                continue;
            }
            bytes = after;
            if self.prefix == 0 {
                self.broken = first > 1;
                self.length = 0;
            } else {
                self.length = self.length << 8 | u32::from(first);
            }
            self.prefix += 1;
            if self.prefix == PREFIX_BYTES {
                self.remaining = self.length;
                self.pass(0);
            }
        }
    }

    /// So many bytes of the body were not seen.
    pub(crate) fn skip(&mut self, bytes: u64) {
        match u32::try_from(bytes) {
            Ok(0) => {}
            Ok(bytes) if self.prefix == PREFIX_BYTES && bytes <= self.remaining => self.pass(bytes),
            _ => self.broken = true,
        }
    }

    fn pass(&mut self, bytes: u32) {
        self.remaining = self.remaining.saturating_sub(bytes);
        if self.remaining == 0 {
            self.prefix = 0;
            self.whole = self.whole.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Messages;

    fn body(lengths: &[usize]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for &length in lengths {
            bytes.push(u8::from(length % 2 == 1));
            bytes.extend(u32::try_from(length).expect("short").to_be_bytes());
            bytes.resize(bytes.len() + length, 7);
        }
        bytes
    }

    #[test]
    fn what_is_skipped_within_a_message_does_no_harm() {
        let mut messages = Messages::default();
        messages.read(&body(&[100])[..50]);
        messages.skip(55);
        messages.read(&body(&[0, 3]));
        assert_eq!(messages.count(), Some(3));
        messages.skip(1);
        assert_eq!(messages.count(), None);
    }

    #[test]
    fn what_is_no_message_is_not_counted() {
        let mut messages = Messages::default();
        messages.read(b"{\"json\":1}");
        assert_eq!(messages.count(), None);
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_count(
            lengths in prop::collection::vec(0..40_usize, 0..20), step in 1..30_usize,
        ) {
            let mut messages = Messages::default();
            for part in body(&lengths).chunks(step) {
                messages.read(part);
            }
            prop_assert_eq!(messages.count(), Some(u32::try_from(lengths.len()).expect("few")));
        }
    }
}
