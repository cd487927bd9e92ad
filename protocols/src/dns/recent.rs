//! What was settled lately, so that an answer that comes again or too late is not taken for another exchange.

/// Exchanges remembered. Only those are entered for which another answer may come.
const REMEMBERED: usize = 256;

/// Digests of exchanges, the oldest overwritten first.
#[derive(Debug, Default)]
pub(super) struct Recent {
    digests: Vec<u64>,
    next: usize,
}

impl Recent {
    pub(super) fn insert(&mut self, digest: u64) {
        if self.digests.len() < REMEMBERED {
            self.digests.push(digest);
        } else if let Some(slot) = self.digests.get_mut(self.next) {
            *slot = digest;
            self.next = (self.next + 1) % REMEMBERED;
        }
    }

    pub(super) fn contains(&self, digest: u64) -> bool {
        self.digests.contains(&digest)
    }
}
