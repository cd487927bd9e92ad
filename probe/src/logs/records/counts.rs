//! What happened on the way from bytes to records.

/// Counters of one [`Maker`](super::Maker), which only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines that were read, the last one without an end included.
    pub lines: u64,
    /// Records that were given out.
    pub records: u64,
    /// Records whose text was cut at a bound.
    pub cut: u64,
    /// Bytes of text that were left out by those cuts.
    pub cut_bytes: u64,
    /// Records that were given out before the end of their line was seen, for it did not come in time.
    pub unfinished: u64,
    /// Records whose bytes were not of their encoding; what was wrong was replaced by U+FFFD.
    pub repaired: u64,
    /// Bytes of value zero before a line, as they are where a file was truncated under its writer.
    pub zero_bytes: u64,
    /// Lines without text, which were left out.
    pub empty: u64,
    /// Lines that are not what the container runtime writes; the whole line became the record.
    pub unwrapped: u64,
    /// Records that no format matched; they keep their text as body.
    pub unparsable: u64,
    /// Time stamps that were there but not understood; the record has none.
    pub time_unparsable: u64,
    /// Fields that were left out because there were too many, or their names were too long.
    pub fields_dropped: u64,
    /// Records that the filters left out.
    pub filtered: u64,
    /// Records in which something was masked.
    pub masked: u64,
}
