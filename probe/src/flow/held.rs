//! Chunks that came before their turn.

use std::collections::BTreeMap;

use plainsight_protocols::Timestamp;

/// A chunk on its way into a stream, its place known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incoming<'a> {
    pub(super) at: Timestamp,
    pub(super) offset: u64,
    /// Just past its last byte, copied or not.
    pub(super) end: u64,
    pub(super) opposite_offset: Option<u64>,
    /// What was copied of it, from its beginning on.
    pub(super) bytes: &'a [u8],
}

impl<'a> Incoming<'a> {
    /// The part between two offsets, which must lie within the chunk.
    pub(super) fn part(&self, from: u64, to: u64) -> Self {
        let copied = |offset: u64| {
            usize::try_from(offset - self.offset)
                .map_or(self.bytes.len(), |index| index.min(self.bytes.len()))
        };
        let bytes: &'a [u8] = &self.bytes[copied(from)..copied(to)];
        Self { offset: from, end: to, bytes, ..*self }
    }
}

/// What a held stretch consists of.
#[derive(Debug)]
pub(super) enum Content {
    /// Bytes, shorter than the stretch where the rest was not copied.
    Bytes(Box<[u8]>),
    /// Several calls claimed overlapping places, so what belongs where is not known.
    Conflict {
        /// How many calls.
        calls: u64,
    },
}

/// A stretch of a stream whose turn has not come.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) at: Timestamp,
    pub(super) length: u64,
    pub(super) opposite_offset: Option<u64>,
    pub(super) content: Content,
}

impl Piece {
    /// What holding it costs: its bytes, itself, and its share of the tree.
    fn cost(&self) -> usize {
        let bytes = match &self.content {
            Content::Bytes(bytes) => bytes.len(),
            Content::Conflict { .. } => 0,
        };
        bytes + 2 * size_of::<Self>()
    }

    fn calls(&self) -> u64 {
        match self.content {
            Content::Bytes(_) => 1,
            Content::Conflict { calls } => calls,
        }
    }
}

/// The pieces of one stream whose turn has not come. They never overlap.
#[derive(Debug, Default)]
pub(super) struct Held {
    pieces: BTreeMap<u64, Piece>,
    cost: usize,
    /// Where the stream ends, and when that was learnt.
    pub(super) end: Option<(u64, Timestamp)>,
}

impl Held {
    /// Bytes of memory that the pieces take.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    /// How many pieces there are.
    pub(super) fn count(&self) -> usize {
        self.pieces.len()
    }

    /// Whether there is nothing here to wait for.
    pub(super) fn is_done(&self) -> bool {
        self.pieces.is_empty() && self.end.is_none()
    }

    /// Where the first hole ends: at the first piece or, without one, at the end of the stream.
    pub(super) fn waits_at(&self) -> Option<u64> {
        let first = self.pieces.first_key_value().map(|(&offset, _)| offset);
        first.or(self.end.map(|(end, _)| end))
    }

    /// Where the first piece ends and how many calls it stands for, if those are in conflict.
    pub(super) fn first_conflict(&self) -> Option<(u64, u64)> {
        let (offset, piece) = self.pieces.first_key_value()?;
        matches!(piece.content, Content::Conflict { .. }).then(|| (offset + piece.length, piece.calls()))
    }

    /// Since when the first piece, or without one the end, has been waiting.
    pub(super) fn since(&self) -> Option<Timestamp> {
        let first = self.pieces.first_key_value().map(|(_, piece)| piece.at);
        first.or(self.end.map(|(_, at)| at))
    }

    /// Takes the first piece if it begins at or before `next`.
    pub(super) fn pop_at(&mut self, next: u64) -> Option<(u64, Piece)> {
        let entry = self.pieces.first_entry().filter(|entry| *entry.key() <= next)?;
        let (offset, piece) = entry.remove_entry();
        self.cost -= piece.cost();
        Some((offset, piece))
    }

    /// Adds what is new of a chunk; where it overlaps what is here already, the first seen stays. Returns how many
    /// bytes were not new.
    pub(super) fn insert_new(&mut self, incoming: &Incoming<'_>) -> u64 {
        let mut duplicates = 0;
        let mut cursor = incoming.offset;
        if let Some((&start, piece)) = self.pieces.range(..=cursor).next_back() {
            let covered = (start + piece.length).clamp(cursor, incoming.end);
            duplicates += covered - cursor;
            cursor = covered;
        }
        while cursor < incoming.end {
            let next = self.pieces.range(cursor..incoming.end).next();
            let (stop, after) = next.map_or((incoming.end, incoming.end), |(&start, piece)| {
                (start, (start + piece.length).min(incoming.end))
            });
            if stop > cursor {
                self.insert(&incoming.part(cursor, stop), None);
            }
            duplicates += after - stop;
            cursor = after;
        }
        duplicates
    }

    /// Adds a chunk, `trusted` to be where it claims; unless it is, or if it overlaps pieces here, it and they become
    /// one stretch in conflict. Returns how many chunks are in conflict that were not before.
    pub(super) fn insert_exclusive(&mut self, incoming: &Incoming<'_>, trusted: bool) -> u64 {
        let (mut stretch, mut calls, mut conflicts) = (Incoming { bytes: &[], ..*incoming }, 1, 1);
        while let Some(offset) = self.overlapping(incoming) {
            let Some(piece) = self.pieces.remove(&offset) else { break };
            self.cost -= piece.cost();
            stretch.offset = stretch.offset.min(offset);
            stretch.end = stretch.end.max(offset + piece.length);
            stretch.at = stretch.at.min(piece.at);
            calls += piece.calls();
            conflicts += u64::from(matches!(piece.content, Content::Bytes(_)));
        }
        if trusted && calls == 1 {
            self.insert(incoming, None);
            return 0;
        }
        self.insert(&stretch, Some(calls));
        conflicts
    }

    fn overlapping(&self, incoming: &Incoming<'_>) -> Option<u64> {
        let (&start, piece) = self.pieces.range(..incoming.end).next_back()?;
        (start + piece.length > incoming.offset).then_some(start)
    }

    fn insert(&mut self, part: &Incoming<'_>, conflict: Option<u64>) {
        let content =
            conflict.map_or_else(|| Content::Bytes(part.bytes.into()), |calls| Content::Conflict { calls });
        let piece = Piece {
            at: part.at,
            length: part.end - part.offset,
            opposite_offset: part.opposite_offset,
            content,
        };
        self.cost += piece.cost();
        self.pieces.insert(part.offset, piece);
    }
}
