//! Where a message under way stands in its stream, and how much of it was seen.

use crate::Timestamp;

/// Where the bytes at hand stand.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Here {
    pub(crate) offset: u64,
    pub(crate) at: Timestamp,
    pub(crate) opposite: Option<u64>,
}

impl Here {
    /// The beginning of a message whose first byte stands here.
    #[inline]
    pub(crate) const fn beginning(self) -> Beginning {
        Beginning { at: self.at, offset: self.offset }
    }
}

/// The first byte of a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Beginning {
    /// When it was seen.
    pub(crate) at: Timestamp,
    /// Its offset in the stream.
    pub(crate) offset: u64,
}

/// How much of a message was seen.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Size {
    pub(crate) bytes: u64,
    pub(crate) missing: u64,
    pub(crate) began: Beginning,
    /// `None` if its end was not seen.
    pub(crate) ended: Option<Timestamp>,
}

impl Size {
    /// A message whose first byte stands here.
    pub(crate) fn starting(here: Here) -> Self {
        Self { began: here.beginning(), ..Self::default() }
    }

    /// So many more bytes of it were seen.
    #[inline]
    pub(crate) fn took(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// So many more bytes of it have passed unseen; `lost` if they should have been seen.
    pub(crate) fn missed(&mut self, bytes: u64, lost: bool) {
        self.bytes = self.bytes.saturating_add(bytes);
        if lost {
            self.missing = self.missing.saturating_add(bytes);
        }
    }

    /// Whether all of it was seen.
    pub(crate) fn is_whole(&self) -> bool {
        self.ended.is_some() && self.missing == 0
    }
}
