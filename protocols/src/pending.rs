//! What was seen of a connection before its protocol is known, kept to be replayed to the parser.

use crate::{Direction, Gap, GapCause, Segment, Sink, Timestamp, registry::Parser};

/// Bytes held of each stream of which nothing is known. The longest thing that a detector waits for is a request line of
/// an unknown method.
pub(crate) const DETECTION_BYTES: usize = 512;

/// Bytes held of each stream that looks like a protocol, until the other stream does, too: what the capture copies of one
/// call, unless it is set otherwise.
pub(crate) const LIKELY_BYTES: usize = 4096;

#[derive(Debug, Clone, Copy)]
enum Item {
    Segment { direction: Direction, at: Timestamp, offset: u64, opposite_offset: Option<u64>, length: usize },
    Gap(Gap),
}

impl Item {
    const fn direction(&self) -> Direction {
        match self {
            Self::Segment { direction, .. } => *direction,
            Self::Gap(gap) => gap.direction,
        }
    }
}

/// Segments and gaps in the order in which they came. At most one gap a stream, and no byte before it.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    items: Vec<Item>,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
}

impl Pending {
    /// Bytes held.
    pub(crate) fn held_bytes(&self) -> usize {
        self.to_server.len() + self.to_client.len()
    }

    /// The bytes held of one stream, which are contiguous.
    pub(crate) fn bytes(&self, direction: Direction) -> &[u8] {
        match direction {
            Direction::ToServer => &self.to_server,
            Direction::ToClient => &self.to_client,
        }
    }

    fn bytes_mut(&mut self, direction: Direction) -> &mut Vec<u8> {
        match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        }
    }

    /// Holds a segment, which must leave the stream within [`LIKELY_BYTES`].
    pub(crate) fn push(&mut self, segment: &Segment<'_>, direction: Direction) {
        self.bytes_mut(direction).extend_from_slice(segment.bytes);
        self.items.push(Item::Segment {
            direction,
            at: segment.at,
            offset: segment.offset,
            opposite_offset: segment.opposite_offset,
            length: segment.bytes.len(),
        });
    }

    /// Holds a gap, and drops the bytes before it: whatever they began is not going to be whole.
    pub(crate) fn push_gap(&mut self, gap: &Gap, direction: Direction) {
        self.drop_bytes(direction);
        let gap = Gap { direction, ..*gap };
        let earlier = self.items.iter_mut().find_map(|item| match item {
            Item::Gap(earlier) if earlier.direction == direction => Some(earlier),
            _ => None,
        });
        match earlier {
            Some(earlier) => {
                earlier.bytes = earlier.bytes.saturating_add(gap.bytes);
                earlier.cause = match (earlier.cause, gap.cause) {
                    (GapCause::Lost { calls: before }, GapCause::Lost { calls }) => {
                        GapCause::Lost { calls: before.saturating_add(calls) }
                    }
                    (lost @ GapCause::Lost { .. }, GapCause::NotCopied)
                    | (GapCause::NotCopied, lost @ GapCause::Lost { .. }) => lost,
                    (GapCause::NotCopied, GapCause::NotCopied) => GapCause::NotCopied,
                };
            }
            None => self.items.push(Item::Gap(gap)),
        }
    }

    /// Drops what is held of one stream, save that there was a gap.
    pub(crate) fn drop_bytes(&mut self, direction: Direction) {
        self.bytes_mut(direction).clear();
        self.items.retain(|item| matches!(item, Item::Gap(_)) || item.direction() != direction);
    }

    /// Swaps the streams: the caller had them the wrong way round.
    pub(crate) fn reverse(&mut self) {
        std::mem::swap(&mut self.to_server, &mut self.to_client);
        for item in &mut self.items {
            match item {
                Item::Segment { direction, .. } => *direction = direction.opposite(),
                Item::Gap(gap) => gap.direction = gap.direction.opposite(),
            }
        }
    }

    /// Gives everything to a parser, in order, until it has had enough.
    pub(crate) fn replay(&self, parser: &mut dyn Parser, sink: &mut dyn Sink) -> crate::registry::Continue {
        let mut read = [0_usize; 2];
        for item in &self.items {
            let verdict = match *item {
                Item::Gap(gap) => parser.gap(&gap, sink),
                Item::Segment { direction, at, offset, opposite_offset, length } => {
                    let position = &mut read[usize::from(direction == Direction::ToClient)];
                    let bytes = self.bytes(direction).get(*position..*position + length).unwrap_or_default();
                    *position += length;
                    parser.segment(&Segment { direction, at, offset, opposite_offset, bytes }, sink)
                }
            };
            if verdict != crate::registry::Continue::Parsing {
                return verdict;
            }
        }
        crate::registry::Continue::Parsing
    }
}
