//! Up to when everything that was written has arrived.

use std::collections::VecDeque;

/// Sizes of one file that are remembered at once.
const MOST: usize = 64;

/// The sizes that a file was seen to have, and when. Whatever lies beyond such a size was written later.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    seen: VecDeque<(u64, u64)>,
    written_before_ns: u64,
}

impl Sizes {
    /// For a file that has nothing from before that time.
    pub(super) fn new(written_before_ns: u64) -> Self {
        Self { seen: VecDeque::new(), written_before_ns }
    }

    /// The file had this size at this time or later.
    pub(super) fn note(&mut self, at_ns: u64, size: u64) {
        let is_full = self.seen.len() >= MOST;
        match self.seen.back_mut() {
            // The same size later says more.
            Some((last, known)) if *known == size => *last = at_ns.max(*last),
            Some(_) if is_full => {
                // Without every second one the answer comes later, and is as true.
                let mut position = 0;
                self.seen.retain(|_| {
                    position += 1;
                    position % 2 == 0
                });
                self.seen.push_back((at_ns, size));
            }
            _ => self.seen.push_back((at_ns, size)),
        }
    }

    /// Everything before this offset has arrived.
    pub(super) fn arrived(&mut self, offset: u64) {
        while let Some(&(at_ns, size)) = self.seen.front()
            && size <= offset
        {
            self.written_before_ns = self.written_before_ns.max(at_ns);
            self.seen.pop_front();
        }
    }

    /// Forgets what the file was, for it was truncated.
    pub(super) fn restart(&mut self) {
        self.seen.clear();
    }

    /// Everything written before this time has arrived, in nanoseconds since 1970.
    pub(super) const fn watermark_ns(&self) -> u64 {
        self.written_before_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watermark_is_when_the_file_was_last_no_longer_than_what_has_arrived() {
        let mut sizes = Sizes::new(5);
        assert_eq!(sizes.watermark_ns(), 5);
        sizes.note(10, 100);
        sizes.note(20, 200);
        sizes.note(25, 200);
        sizes.arrived(150);
        assert_eq!(sizes.watermark_ns(), 10);
        sizes.arrived(200);
        assert_eq!(sizes.watermark_ns(), 25);
    }

    #[test]
    fn many_sizes_are_thinned_out_and_the_watermark_stays_true() {
        let mut sizes = Sizes::new(0);
        for step in 1..=10_000 {
            sizes.note(step, step * 10);
        }
        assert!(sizes.seen.len() <= MOST);
        for arrived in (0..=100_000).step_by(7) {
            sizes.arrived(arrived);
            // At that time the file was `watermark * 10` long.
            assert!(sizes.watermark_ns() * 10 <= arrived, "{arrived}: {}", sizes.watermark_ns());
        }
        sizes.arrived(100_000);
        assert_eq!(sizes.watermark_ns(), 10_000);
    }
}
