//! Both streams of a connection together.

use plainsight_protocols::GapCause;
use proptest::prelude::*;

use super::*;
use crate::capture::EndOfStream;
use crate::flow::stream::{Limits, Outlet, Reassembly, Source};
use crate::flow::streams::Streams;

/// Where each piece of bytes began, in its stream and in the opposite one; and the order of all that happened.
#[derive(Debug, Default)]
struct Places {
    bytes: Vec<(Flow, u64, Option<u64>)>,
    order: Vec<String>,
    next: [Option<u64>; 2],
    ended: [bool; 2],
}

impl Places {
    fn advance(&mut self, flow: Flow, offset: u64, length: u64) {
        let index = usize::from(flow == Flow::Sent);
        assert!(!self.ended[index], "nothing follows the end");
        assert_eq!(self.next[index].unwrap_or(offset), offset, "each item continues the one before it");
        self.next[index] = Some(offset + length);
    }
}

impl Outlet for Places {
    fn bytes(&mut self, flow: Flow, _: Timestamp, offset: u64, opposite: Option<u64>, bytes: &[u8]) {
        self.advance(flow, offset, bytes.len() as u64);
        self.bytes.push((flow, offset, opposite));
        self.order.push(format!("{flow:?} {}", String::from_utf8_lossy(bytes)));
    }

    fn gap(&mut self, flow: Flow, _: Timestamp, offset: u64, bytes: u64, _: GapCause) {
        self.advance(flow, offset, bytes);
        self.order.push(format!("{flow:?} gap"));
    }

    fn end(&mut self, flow: Flow, _: Timestamp) {
        self.ended[usize::from(flow == Flow::Sent)] = true;
    }
}

#[test]
fn a_response_begins_where_its_stream_stood_when_the_request_was_read() {
    let (mut streams, mut shared, mut out) =
        (Streams::new(true), Reassembly::new(Limits::LIVE), Places::default());
    // Both streams cross the wrap of their sequence numbers.
    let (mut asked, mut answered) = (u32::MAX - 4, u32::MAX - 30);
    for _ in 0..10 {
        streams.chunk(&chunk(1, 0, Flow::Received, asked, answered, b"question"), &mut shared, &mut out);
        asked = asked.wrapping_add(8);
        streams.chunk(&chunk(1, 0, Flow::Sent, answered, asked, b"an answer"), &mut shared, &mut out);
        answered = answered.wrapping_add(9);
    }
    for exchange in out.bytes.chunks(2) {
        let [(_, request, stood_at), (_, response, read_up_to)] = *exchange else { panic!("{exchange:?}") };
        assert_eq!(stood_at, Some(response));
        assert_eq!(read_up_to, Some(request + 8));
    }
}

#[test]
fn a_position_told_before_the_first_chunk_of_a_stream_is_in_that_streams_offsets() {
    let (mut streams, mut shared, mut out) =
        (Streams::new(false), Reassembly::new(Limits::LIVE), Places::default());
    streams.chunk(&chunk(1, 0, Flow::Received, 100, u32::MAX - 2, b"question"), &mut shared, &mut out);
    streams.chunk(&chunk(1, 0, Flow::Sent, u32::MAX - 2, 108, b"an answer"), &mut shared, &mut out);
    assert_eq!(out.bytes[0].2, Some(out.bytes[1].1));
}

#[test]
fn an_answer_that_acknowledges_past_a_hole_comes_after_the_requests_that_waited() {
    let (mut streams, mut shared, mut out) =
        (Streams::new(false), Reassembly::new(Limits::REPLAY), Places::default());
    streams.chunk(&chunk(1, 0, Flow::Received, 100, 500, b"one"), &mut shared, &mut out);
    streams.chunk(&chunk(1, 0, Flow::Received, 200, 500, b"two"), &mut shared, &mut out);
    streams.chunk(&chunk(1, 0, Flow::Sent, 500, 203, b"answer"), &mut shared, &mut out);
    streams.finish(Flow::Received, [0; 2], milliseconds(1), &mut shared, &mut out);
    assert_eq!(out.order, ["Received one", "Received gap", "Received two", "Sent answer"]);
}

/// Something that may happen to a pair of streams, true to nothing.
#[derive(Debug, Clone)]
enum Soup {
    Chunk { sent: bool, sequence: Option<u32>, opposite: Option<u32>, length: u32, copied: usize, lost: u32 },
    End { sent: bool, sequence: Option<u32> },
    Wait(u64),
}

/// Mostly near each other, so that they interact; sometimes anywhere.
fn sequence() -> impl Strategy<Value = Option<u32>> {
    prop_oneof![
        12 => (0u32..3000).prop_map(|near| Some(near.wrapping_sub(1500))),
        1 => any::<u32>().prop_map(Some),
        1 => Just(None),
    ]
}

fn soup() -> impl Strategy<Value = Soup> {
    let chunk = (
        any::<bool>(),
        sequence(),
        sequence(),
        0u32..400,
        0usize..500,
        prop_oneof![9 => Just(0u32), 1 => 1u32..9],
    );
    prop_oneof![
        20 => chunk.prop_map(|(sent, sequence, opposite, length, copied, lost)| Soup::Chunk {
            sent,
            sequence,
            opposite,
            length: if length == 399 { u32::MAX } else { length },
            copied,
            lost,
        }),
        1 => (any::<bool>(), sequence()).prop_map(|(sent, sequence)| Soup::End { sent, sequence }),
        1 => (0u64..2000).prop_map(Soup::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn whatever_arrives_comes_out_contiguous_and_within_the_limits(
        from_start in any::<bool>(),
        packets in any::<bool>(),
        events in prop::collection::vec(soup(), 0..150),
    ) {
        let mut limits = if packets { Limits::REPLAY } else { Limits::LIVE };
        (limits.stream_bytes, limits.stream_chunks, limits.total_bytes) = (3000, 8, 4000);
        prop_assert_eq!(packets, limits.source == Source::Packets);
        let (mut streams, mut shared, mut out) = (Streams::new(from_start), Reassembly::new(limits), Places::default());
        let (mut now, bytes) = (1000, [7; 500]);
        let flow = |sent| if sent { Flow::Sent } else { Flow::Received };
        for event in events {
            match event {
                Soup::Chunk { sent, sequence, opposite, length, copied, lost } => {
                    let chunk = Chunk {
                        sequence,
                        opposite_sequence: opposite,
                        length,
                        lost_calls: lost,
                        ..chunk(1, now, flow(sent), 0, 0, &bytes[..copied])
                    };
                    streams.chunk(&chunk, &mut shared, &mut out);
                }
                Soup::End { sent, sequence } => {
                    let end = EndOfStream {
                        connection: ConnectionId(1),
                        at: milliseconds(now),
                        flow: flow(sent),
                        sequence,
                        lost_calls: now as u32 % 3,
                    };
                    streams.end(&end, &mut shared, &mut out);
                }
                Soup::Wait(time) => {
                    now += time;
                    streams.tick(milliseconds(now), &mut shared, &mut out);
                }
            }
            prop_assert!(shared.held_bytes() <= limits.total_bytes, "{} bytes are held", shared.held_bytes());
        }
        streams.finish(Flow::Sent, [1, 0], milliseconds(now), &mut shared, &mut out);
        prop_assert!(!streams.is_holding());
        prop_assert_eq!(shared.held_bytes(), 0);
    }
}
