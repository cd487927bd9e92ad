//! From the text of a record to the record.

use super::{Counts, Fields, LogRecord, Settings, SettingsError, Sink, lane::Piece};

/// What is done, ready to be used.
#[derive(Debug)]
pub(super) struct RefinerSettings {}

impl RefinerSettings {
    pub(super) fn new(_settings: &Settings) -> Result<Self, SettingsError> {
        Ok(Self {})
    }
}

/// Memory that is used again for the next record.
#[derive(Debug, Default)]
pub(super) struct Refiner {
    repaired: String,
}

impl Refiner {
    #[inline]
    pub(super) fn refine(
        &mut self,
        _settings: &RefinerSettings,
        piece: &Piece<'_>,
        keep_empty: bool,
        counts: &mut Counts,
        out: &mut impl Sink,
    ) {
        let is_cut = piece.skipped > 0;
        let (body, is_repaired) = repair(piece.bytes, is_cut || piece.is_unfinished, &mut self.repaired);
        let body = body.trim_end_matches(['\n', '\r']);
        if body.is_empty() && !keep_empty {
            counts.empty += 1;
            return;
        }
        counts.repaired += u64::from(is_repaired || piece.is_repaired);
        counts.cut += u64::from(is_cut);
        counts.cut_bytes += piece.skipped;
        counts.unfinished += u64::from(piece.is_unfinished);
        counts.records += 1;
        out.record(&LogRecord {
            begin: piece.begin,
            end: piece.end,
            body,
            time_ns: piece.time_ns,
            observed_ns: piece.observed_ns,
            severity: None,
            severity_text: "",
            attributes: Fields::EMPTY,
            stream: piece.stream,
            is_cut,
            is_unfinished: piece.is_unfinished,
            trace_id: None,
            span_id: None,
            trace_flags: None,
        });
    }

    pub(super) fn release(&mut self, bytes: usize) {
        self.repaired.clear();
        self.repaired.shrink_to(bytes);
    }

    pub(super) const fn memory(&self) -> usize {
        self.repaired.capacity()
    }
}

/// The text as UTF-8, and whether something in it was none, which U+FFFD stands for then. Where it was cut within a character, what is left of that is left out.
fn repair<'a>(bytes: &'a [u8], is_cut: bool, buffer: &'a mut String) -> (&'a str, bool) {
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return (text, false),
        Err(error) => error,
    };
    if is_cut && error.error_len().is_none() {
        return (std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(), false);
    }
    buffer.clear();
    let mut is_repaired = false;
    let mut chunks = bytes.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        buffer.push_str(chunk.valid());
        let invalid = chunk.invalid();
        let is_rest = is_cut && chunks.peek().is_none() && invalid.len() < 4 && is_beginning(invalid);
        if !invalid.is_empty() && !is_rest {
            is_repaired = true;
            buffer.push(char::REPLACEMENT_CHARACTER);
        }
    }
    (buffer, is_repaired)
}

/// Whether a character begins so.
fn is_beginning(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}
