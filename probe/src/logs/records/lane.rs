//! What belongs together in one stream: parts of a line that the runtime split, and lines of a record.

use super::{
    lines::KEPT_BYTES,
    multiline::{Position, Rule},
    record::Stream,
};

/// A text with where it comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) begin: u64,
    pub(super) end: u64,
    /// When the runtime says that it was written.
    pub(super) time_ns: Option<u64>,
    pub(super) stream: Option<Stream>,
    pub(super) observed_ns: u64,
    /// Bytes that were left out.
    pub(super) skipped: u64,
    pub(super) is_unfinished: bool,
    /// Whether its encoding was wrong somewhere.
    pub(super) is_repaired: bool,
}

/// Pieces put together, with the facts of the first.
#[derive(Debug, Default)]
struct Joined {
    bytes: Vec<u8>,
    head: Option<Piece<'static>>,
    latest_ns: u64,
}

impl Joined {
    const fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    fn add(&mut self, piece: &Piece<'_>, between: &[u8], limit: usize, now_ns: u64) {
        self.latest_ns = now_ns;
        let head = self.head.get_or_insert(Piece { bytes: &[], skipped: 0, ..*piece });
        head.end = piece.end;
        head.is_unfinished = piece.is_unfinished;
        head.is_repaired |= piece.is_repaired;
        head.skipped += piece.skipped;
        for text in [between, piece.bytes] {
            let room = limit.saturating_sub(self.bytes.len());
            // Once something is left out, so is all that follows: a text with a hole would say what nobody wrote.
            let kept = if head.skipped > piece.skipped { 0 } else { text.len().min(room) };
            head.skipped += (text.len() - kept) as u64;
            self.bytes.extend_from_slice(&text[..kept]);
        }
    }

    /// Gives out what is there.
    fn give(&mut self, each: impl FnOnce(Piece<'_>)) {
        let Some(head) = self.head.take() else { return };
        each(Piece { bytes: &self.bytes, ..head });
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
    }

    fn is_older(&self, now_ns: u64, timeout_ns: u64) -> bool {
        !self.is_empty() && now_ns.saturating_sub(self.latest_ns) >= timeout_ns
    }
}

/// One stream of a file.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Parts of a line.
    parts: Joined,
    /// Lines of a record.
    block: Joined,
    position: Position,
}

/// What holds for all lanes.
#[derive(Debug)]
pub(super) struct LaneSettings {
    pub(super) limit: usize,
    pub(super) rule: Option<Rule>,
    pub(super) part_timeout_ns: u64,
    pub(super) block_timeout_ns: u64,
}

impl Lane {
    /// Takes a line, or a part of one that goes on.
    #[inline]
    pub(super) fn piece(
        &mut self,
        piece: &Piece<'_>,
        is_part: bool,
        settings: &LaneSettings,
        now_ns: u64,
        each: &mut impl FnMut(&Piece<'_>),
    ) {
        let Self { parts, block, position } = self;
        if !is_part && parts.is_empty() {
            return line(block, position, piece, settings, now_ns, each);
        }
        parts.add(piece, b"", settings.limit, now_ns);
        if !is_part {
            parts.give(|joined| line(block, position, &joined, settings, now_ns, each));
        }
    }

    /// Gives out what has waited too long.
    pub(super) fn expire(&mut self, settings: &LaneSettings, now_ns: u64, each: &mut impl FnMut(&Piece<'_>)) {
        let Self { parts, block, position } = self;
        if parts.is_older(now_ns, settings.part_timeout_ns) {
            parts.give(|joined| {
                line(block, position, &Piece { is_unfinished: true, ..joined }, settings, now_ns, each);
            });
        }
        if block.is_older(now_ns, settings.block_timeout_ns) {
            block.give(|joined| each(&joined));
        }
        for joined in [parts, block] {
            // A lane that waits for nothing needs no memory.
            if joined.is_empty() {
                joined.bytes = Vec::new();
            }
        }
    }

    /// Gives out everything.
    pub(super) fn finish(&mut self, settings: &LaneSettings, now_ns: u64, each: &mut impl FnMut(&Piece<'_>)) {
        let Self { parts, block, position } = self;
        parts.give(|joined| {
            line(block, position, &Piece { is_unfinished: true, ..joined }, settings, now_ns, each);
        });
        block.give(|joined| each(&joined));
    }

    /// Where what is held begins, if anything is.
    pub(super) fn begin(&self) -> Option<u64> {
        let begin = |joined: &Joined| joined.head.map(|head| head.begin);
        [begin(&self.parts), begin(&self.block)].into_iter().flatten().min()
    }

    /// Bytes of memory.
    pub(super) const fn memory(&self) -> usize {
        self.parts.bytes.capacity() + self.block.bytes.capacity()
    }
}

/// Takes a whole line.
#[inline]
fn line(
    block: &mut Joined,
    position: &mut Position,
    piece: &Piece<'_>,
    settings: &LaneSettings,
    now_ns: u64,
    each: &mut impl FnMut(&Piece<'_>),
) {
    let Some(rule) = &settings.rule else { return each(piece) };
    // A record at its bound is given out and a new one begun: nothing is lost to a pattern that never matches.
    let fits = block.bytes.len().saturating_add(piece.bytes.len()) < settings.limit;
    let goes_on = !block.is_empty() && rule.goes_on(position, piece.bytes);
    if goes_on && fits {
        return block.add(piece, b"\n", settings.limit, now_ns);
    }
    block.give(|joined| each(&joined));
    // Also where a bound begins it: the record is then the same if reading begins there after a restart.
    *position = rule.begin(piece.bytes);
    block.add(piece, b"", settings.limit, now_ns);
}
