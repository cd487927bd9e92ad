//! Places within a file that are remembered to recognise a copy of it.

use super::identity::WindowHash;

/// Marks of one file: enough to recognise a copy that ends anywhere.
const MOST: usize = 32;

/// Windows along what was read, ever further apart as the file grows.
#[derive(Debug, Default)]
pub(super) struct Marks {
    list: Vec<WindowHash>,
    apart: u64,
}

impl Marks {
    /// Whether a mark is due at that offset.
    pub(super) fn is_due(&self, offset: u64) -> bool {
        self.list.last().is_none_or(|last| offset >= last.offset + self.apart.max(1))
    }

    pub(super) fn add(&mut self, mark: WindowHash) {
        if self.list.len() >= MOST {
            let mut position = 0;
            self.list.retain(|_| {
                position += 1;
                position % 2 == 1
            });
            self.apart = (self.apart * 2).max(mark.offset / MOST as u64);
        }
        self.list.push(mark);
    }

    /// The last mark that a file of that size can have.
    pub(super) fn last_within(&self, size: u64) -> Option<WindowHash> {
        self.list.iter().rev().find(|mark| mark.offset <= size && mark.offset > 0).copied()
    }
}
