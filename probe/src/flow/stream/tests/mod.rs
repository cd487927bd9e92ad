//! What the tests of reassembly share: a stream of which everything is known, and a check on all that comes out.

use plainsight_protocols::{GapCause, Timestamp};

use super::{Arrival, Limits, Outlet, Reassembly, Source, Stream};
use crate::capture::{ConnectionId, EndOfStream, Flow};

mod cases;
mod properties;

/// What came out, by position in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Bytes(u64, Vec<u8>),
    Gap(u64, u64, GapCause),
    End,
}

/// Records what comes out, and checks that each item continues where the one before it ended.
#[derive(Debug)]
struct Recorder {
    /// Sequence number of the stream's first byte.
    first: u32,
    items: Vec<Item>,
    next: Option<u64>,
}

impl Recorder {
    fn position(&self, offset: u64) -> u64 {
        u64::from((offset as u32).wrapping_sub(self.first))
    }

    fn advance(&mut self, offset: u64, length: u64) {
        assert!(!self.items.contains(&Item::End), "nothing follows the end");
        assert!(length > 0, "nothing is passed on that is empty");
        assert_eq!(self.next.unwrap_or(offset), offset, "each item continues the one before it");
        self.next = Some(offset + length);
    }
}

impl Outlet for Recorder {
    fn bytes(&mut self, _: Flow, _: Timestamp, offset: u64, _: Option<u64>, bytes: &[u8]) {
        self.advance(offset, bytes.len() as u64);
        self.items.push(Item::Bytes(self.position(offset), bytes.to_vec()));
    }

    fn gap(&mut self, _: Flow, _: Timestamp, offset: u64, bytes: u64, cause: GapCause) {
        self.advance(offset, bytes);
        self.items.push(Item::Gap(self.position(offset), bytes, cause));
    }

    fn end(&mut self, _: Flow, _: Timestamp) {
        assert!(!self.items.contains(&Item::End), "a stream ends once");
        self.items.push(Item::End);
    }
}

/// A stream whose bytes and place are known.
struct Bench {
    content: Vec<u8>,
    stream: Stream,
    shared: Reassembly,
    out: Recorder,
    now: Timestamp,
}

impl Bench {
    fn new(source: Source, from_start: bool, first: u32, length: usize) -> Self {
        let limits = match source {
            Source::Calls => Limits::LIVE,
            Source::Packets => Limits::REPLAY,
        };
        Self {
            content: content(length),
            stream: Stream::new(Flow::Sent, from_start),
            shared: Reassembly::new(limits),
            out: Recorder { first, items: Vec::new(), next: None },
            now: Timestamp::from_nanos(1_000_000_000),
        }
    }

    fn sequence(&self, position: usize) -> u32 {
        self.out.first.wrapping_add(position as u32)
    }

    /// Says where the stream begins, as a SYN does.
    fn begin(&mut self) {
        self.arrive(0, 0, 0, 0);
    }

    /// The bytes of a range arrive.
    fn chunk(&mut self, start: usize, end: usize) {
        self.arrive(start, end - start, end - start, 0);
    }

    /// The bytes of a range arrive, and calls were lost before them.
    fn chunk_after_loss(&mut self, start: usize, end: usize, lost_calls: u32) {
        self.arrive(start, end - start, end - start, lost_calls);
    }

    fn arrive(&mut self, start: usize, length: usize, copied: usize, lost_calls: u32) {
        self.arrive_as(start, start, length, copied, lost_calls);
    }

    /// A chunk that holds the bytes at `start` but claims another place.
    fn arrive_as(&mut self, claimed: usize, start: usize, length: usize, copied: usize, lost_calls: u32) {
        let arrival = Arrival {
            at: self.now,
            sequence: Some(self.sequence(claimed)),
            opposite_offset: None,
            length: length as u32,
            bytes: &self.content[start..start + copied],
            lost_calls,
        };
        self.stream.chunk(&arrival, &mut self.shared, &mut self.out);
    }

    fn end(&mut self, position: usize) {
        self.end_after(position, 0);
    }

    fn end_after(&mut self, position: usize, lost_calls: u32) {
        let end = EndOfStream {
            connection: ConnectionId(1),
            at: self.now,
            flow: Flow::Sent,
            sequence: Some(self.sequence(position)),
            lost_calls,
        };
        self.stream.end(&end, &mut self.shared, &mut self.out);
    }

    fn wait(&mut self) {
        self.now = Timestamp::from_nanos(self.now.as_nanos() + self.shared.limits.wait.as_nanos() as u64);
        self.stream.tick(self.now, &mut self.shared, &mut self.out);
    }

    fn finish(&mut self) {
        self.stream.finish(0, self.now, &mut self.shared, &mut self.out);
        assert_eq!(self.shared.held_bytes, 0, "nothing is held after the end");
    }

    /// What came out, chunk borders removed. Checks that every byte is the one that belongs there.
    fn ranges(&self) -> Vec<Item> {
        let mut ranges: Vec<Item> = Vec::new();
        for item in &self.out.items {
            if let Item::Bytes(start, bytes) = item {
                let start = *start as usize;
                assert_eq!(bytes, &self.content[start..start + bytes.len()], "bytes at {start}");
            }
            match (ranges.last_mut(), item) {
                (Some(Item::Bytes(_, before)), Item::Bytes(_, bytes)) => before.extend(bytes),
                _ => ranges.push(item.clone()),
            }
        }
        ranges
    }

    fn bytes(&self, start: usize, end: usize) -> Item {
        Item::Bytes(start as u64, self.content[start..end].to_vec())
    }
}

/// Bytes of which no two nearby stretches are equal, so that a misplaced one shows.
fn content(length: usize) -> Vec<u8> {
    (0..length as u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn lost(start: u64, bytes: u64, calls: u64) -> Item {
    Item::Gap(start, bytes, GapCause::Lost { calls })
}

fn not_copied(start: u64, bytes: u64) -> Item {
    Item::Gap(start, bytes, GapCause::NotCopied)
}
