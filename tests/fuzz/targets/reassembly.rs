//! Any chunks, ends and ticks for the two streams of a connection: what comes out is contiguous, within the limits, and
//! nothing panics. Bytes are checked too: each byte is made from its sequence number, so a misplaced one shows.

#![no_main]

use libfuzzer_sys::fuzz_target;
use plainsight::capture::{Chunk, ConnectionId, EndOfStream, Flow, Process};
use plainsight::flow::stream::{Limits, Outlet, Reassembly};
use plainsight::flow::streams::Streams;
use plainsight_protocols::{GapCause, Timestamp};

/// Bytes that one step of the script takes.
const STEP: usize = 10;

/// Checks what comes out.
#[derive(Default)]
struct Check {
    next: [Option<u64>; 2],
    ended: [bool; 2],
    /// Whether a chunk came without sequence number, after which offsets do not tell the bytes.
    in_order_of_arrival: bool,
}

impl Check {
    fn advance(&mut self, flow: Flow, offset: u64, length: u64) {
        let index = usize::from(flow == Flow::Sent);
        assert!(!self.ended[index], "something follows the end");
        assert!(length > 0, "something is passed on that is empty");
        assert_eq!(self.next[index].unwrap_or(offset), offset, "the stream is not contiguous");
        self.next[index] = Some(offset + length);
    }
}

impl Outlet for Check {
    fn bytes(&mut self, flow: Flow, _: Timestamp, offset: u64, _: Option<u64>, bytes: &[u8]) {
        self.advance(flow, offset, bytes.len() as u64);
        for (position, &byte) in (offset..).zip(bytes) {
            assert!(
                self.in_order_of_arrival || byte == byte_at(position as u32),
                "a byte is not in its place"
            );
        }
    }

    fn gap(&mut self, flow: Flow, _: Timestamp, offset: u64, bytes: u64, _: GapCause) {
        self.advance(flow, offset, bytes);
    }

    fn end(&mut self, flow: Flow, _: Timestamp) {
        let index = usize::from(flow == Flow::Sent);
        assert!(!self.ended[index], "the stream ends twice");
        self.ended[index] = true;
    }
}

/// The byte that belongs to a sequence number.
fn byte_at(sequence: u32) -> u8 {
    (sequence.wrapping_mul(2_654_435_761) >> 24) as u8
}

/// A sequence number near zero, on either side, or anywhere.
fn sequence(far: bool, high: u8, low: u8) -> u32 {
    let near = u32::from(high) << 8 | u32::from(low);
    if far { near << 16 } else { near.wrapping_sub(1 << 15) }
}

fuzz_target!(|script: &[u8]| {
    let Some((&head, script)) = script.split_first() else { return };
    let mut limits = if head & 1 == 0 { Limits::LIVE } else { Limits::REPLAY };
    (limits.stream_bytes, limits.stream_chunks, limits.total_bytes) = (4096, 16, 6000);
    let mut streams = Streams::new(head & 2 == 0);
    let (mut shared, mut check) = (Reassembly::new(limits), Check::default());
    let mut now = 1_000_000_000;
    for step in script.chunks_exact(STEP) {
        let [kind, place, place_low, opposite, opposite_low, length, length_low, copied, lost, wait] = step
        else {
            return;
        };
        now += u64::from(*wait) * 100_000;
        let at = Timestamp::from_nanos(now);
        let flow = if kind & 1 == 0 { Flow::Received } else { Flow::Sent };
        let first = sequence(kind & 0xf0 == 0xf0, *place, *place_low);
        match kind >> 1 & 7 {
            0 => streams.tick(at, &mut shared, &mut check),
            1 => {
                let lost_calls = u32::from(*lost & 1);
                let sequence = Some(first);
                let end = EndOfStream { connection: ConnectionId(1), at, flow, sequence, lost_calls };
                streams.end(&end, &mut shared, &mut check);
            }
            choice => {
                let length = u32::from(*length & 3) << 8 | u32::from(*length_low);
                let bytes: Vec<u8> = (0..length.min(u32::from(*copied) * 4))
                    .map(|index| byte_at(first.wrapping_add(index)))
                    .collect();
                check.in_order_of_arrival |= choice == 2;
                let chunk = Chunk {
                    connection: ConnectionId(1),
                    at,
                    flow,
                    sequence: (choice != 2).then_some(first),
                    opposite_sequence: Some(sequence(false, *opposite, *opposite_low)),
                    length,
                    bytes: &bytes,
                    lost_calls: u32::from(lost.saturating_sub(200)),
                    process: Process::default(),
                };
                streams.chunk(&chunk, &mut shared, &mut check);
            }
        }
        assert!(shared.held_bytes() <= limits.total_bytes, "more is held than may be");
    }
    streams.finish(Flow::Received, [0, 1], Timestamp::from_nanos(now), &mut shared, &mut check);
    assert!(!streams.is_holding() && shared.held_bytes() == 0, "something is held after the end");
});
