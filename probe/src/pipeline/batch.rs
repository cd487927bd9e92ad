//! Records on their way to a worker: several in one buffer, each behind its length.

use plainsight_protocols::Timestamp;

/// A batch is sent on when it holds this much, so that a worker can begin while the drain goes on.
pub(super) const FULL_BYTES: usize = 256 << 10;

/// Records for one worker, and how far time had come when they were read.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// Every record of the ring before this moment is in this batch or one before it.
    pub(super) now: Timestamp,
}

impl Batch {
    /// Adds a record.
    pub(super) fn push(&mut self, record: &[u8]) {
        self.bytes.extend_from_slice(&(record.len() as u32).to_ne_bytes());
        self.bytes.extend_from_slice(record);
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= FULL_BYTES
    }

    /// Forgets the records and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// The records in the order in which they were added.
    pub(super) fn records(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let (length, behind) = rest.split_first_chunk::<4>()?;
            let (record, behind) = behind.split_at_checked(u32::from_ne_bytes(*length) as usize)?;
            rest = behind;
            Some(record)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_out_whole_and_in_order() {
        let mut batch = Batch::default();
        let records = [b"one".as_slice(), b"", b"three"];
        for record in records {
            batch.push(record);
        }
        assert!(batch.records().eq(records));
        batch.clear();
        assert_eq!(batch.records().count(), 0);
    }
}
