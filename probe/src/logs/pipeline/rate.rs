//! Bytes a second.

use std::time::Instant;

/// Lets so many bytes through in a second, and no burst longer than that.
pub(super) struct Rate {
    per_second: Option<u64>,
    spent: f64,
    since: Instant,
}

impl Rate {
    pub(super) fn new(per_second: Option<u64>) -> Self {
        Self { per_second, spent: 0.0, since: Instant::now() }
    }

    pub(super) fn allows(&self) -> bool {
        self.per_second
            .is_none_or(|rate| self.spent - self.since.elapsed().as_secs_f64() * (rate as f64) <= 0.0)
    }

    pub(super) fn take(&mut self, bytes: u64) {
        let Some(rate) = self.per_second else { return };
        let regained = self.since.elapsed().as_secs_f64() * rate as f64;
        self.since = Instant::now();
        // What was not used for a second is lost.
        self.spent = (self.spent - regained).max(-(rate as f64)) + bytes as f64;
    }
}
