//! Frames of every kind, cut anywhere.

use proptest::prelude::*;

use super::*;

/// Both directions of a connection that shows everything: padding, priorities, continuations, settings that change the
/// table, pushes, resets, trailers, frames that nobody knows.
fn everything() -> Vec<(Direction, Vec<u8>)> {
    use Direction::{ToClient, ToServer};
    let fields = block(&ask("POST", "/padded"));
    let padded = [&[3][..], &[0, 0, 0, 0, 16], &fields, &[0; 3]].concat();
    let flags = flag::PADDED | flag::PRIORITY | END_HEADERS;
    let long = block(&ask("GET", "/continued"));
    let promise = [&[2][..], &[0, 0, 0, 2], &block(&ask("GET", "/pushed")), &[0; 2]].concat();
    vec![
        (ToServer, PREFACE.to_vec()),
        (ToServer, frame(kind::SETTINGS, 0, 0, b"\x00\x01\x00\x00\x10\x00\x00\x04\x00\x00\xff\xff")),
        (ToClient, settings()),
        (ToServer, frame(kind::HEADERS, flags, 1, &padded)),
        (ToServer, frame(kind::DATA, flag::PADDED, 1, b"\x04body\0\0\0\0")),
        (ToServer, frame(kind::DATA, flag::PADDED | END_STREAM, 1, b"\x00last")),
        (ToClient, frame(kind::SETTINGS, flag::ACK, 0, b"")),
        (ToServer, frame(kind::HEADERS, END_STREAM, 3, &long[..9])),
        (ToServer, frame(kind::CONTINUATION, 0, 3, &long[9..20])),
        (ToServer, frame(kind::CONTINUATION, 0, 3, b"")),
        (ToServer, frame(kind::CONTINUATION, END_HEADERS, 3, &long[20..])),
        // `:status 200`, and an entry: `server: x`; then the same from the table.
        (ToClient, frame(kind::HEADERS, END_HEADERS, 3, b"\x88\x76\x01x")),
        (ToClient, frame(kind::PUSH_PROMISE, END_HEADERS | flag::PADDED, 3, &promise)),
        (ToClient, frame(kind::HEADERS, END_HEADERS, 1, b"\x89\xbe")),
        (ToClient, data(3, 0, &[b'x'; 300])),
        (ToClient, frame(kind::WINDOW_UPDATE, 0, 0, &[0, 0, 1, 0])),
        (ToClient, data(1, END_STREAM, b"")),
        (ToClient, frame(0x42, 0xff, 9, b"a frame from the future")),
        (ToClient, frame(kind::HEADERS, END_HEADERS | END_STREAM, 3, &block(&[("x-sum", "1")]))),
        (ToClient, ok(2, "pushed")),
        (ToServer, frame(kind::PING, 0, 0, &[0; 8])),
        (ToServer, frame(kind::PRIORITY, 0, 5, &[0, 0, 0, 3, 1])),
        (ToServer, get(5, "/refused")),
        (ToClient, reset(5, 7)),
        (ToClient, frame(kind::GOAWAY, 0, 0, &[0, 0, 0, 5, 0, 0, 0, 0])),
    ]
}

fn records(steps: &[(Direction, Vec<u8>)], cuts: &[Vec<prop::sample::Index>]) -> Vec<Seen> {
    let mut wire = Wire::new();
    for (number, (direction, bytes)) in steps.iter().enumerate() {
        let none = Vec::new();
        let cuts = cuts.get(number % cuts.len().max(1)).unwrap_or(&none);
        let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        for pair in places.windows(2) {
            wire.bytes(*direction, &bytes[pair[0]..pair[1]]);
        }
    }
    let mut seen = wire.close(CloseReason::Closed).seen;
    for seen in &mut seen {
        (seen.started, seen.ended) = (0, seen.ended.map(|_| 0));
    }
    seen
}

#[test]
fn frames_of_every_kind_are_understood() {
    let seen = records(&everything(), &[]);
    let lines: Vec<&str> = seen.iter().map(|seen| seen.summary.as_str()).collect();
    assert_eq!(
        lines,
        ["POST /padded 204", "GET /continued 200", "GET /pushed 200", "GET /refused REFUSED_STREAM"]
    );
    assert_eq!(seen[0].attribute("http.request.body.size"), Some("8"), "without padding");
    assert_eq!(seen[1].attribute("http.response.body.size"), Some("300"));
}

#[test]
fn byte_by_byte_is_the_same() {
    let steps = everything();
    let single: Vec<_> = steps
        .iter()
        .flat_map(|(direction, bytes)| bytes.iter().map(|&byte| (*direction, vec![byte])))
        .collect();
    assert_eq!(records(&single, &[]), records(&steps, &[]));
}

#[test]
fn a_flood_of_continuations_is_cut_and_costs_the_table() {
    let mut wire = begun();
    let field = [&b"\x40\x01n\x7f\xa1\x1e"[..], &[b'v'; 4000]].concat();
    wire.asks(&frame(kind::HEADERS, END_STREAM, 1, &block(&ask("GET", "/flood"))));
    for _ in 0..40 {
        wire.asks(&frame(kind::CONTINUATION, 0, 1, &field));
    }
    assert_eq!(wire.recorder.limits, [Limit::HeadBytes]);
    assert!(wire.conversation.held_bytes() >= 64 * 1024);
    wire.asks(&frame(kind::CONTINUATION, END_HEADERS, 1, &field)).answers(&ok(1, "x"));
    assert_eq!(wire.summaries(), ["GET /flood 200"]);
    wire.asks(&frame(kind::HEADERS, END_HEADERS | END_STREAM, 3, b"\x82\x86\xbe")).answers(&ok(3, "y"));
    assert_eq!(wire.summaries()[1], "GET ? 200");
}

#[test]
fn the_bound_on_what_is_held_is_reached_and_kept() {
    let mut wire = begun();
    // Tables as large as can be, in both directions.
    for direction in [Direction::ToServer, Direction::ToClient] {
        for _ in 0..40 {
            let field = [&b"\x3f\xe1\xff\x03\x40\x01n\x7f\xa1\x1e"[..], &[b'v'; 4000]].concat();
            wire.bytes(direction, &frame(kind::HEADERS, END_HEADERS, 1, &field));
        }
    }
    // As many requests as are kept, with the longest of paths.
    let head = [&b"\x82\x86\x04\x7f\xfa\x0e/"[..], &[b'x'; 2040]].concat();
    for stream in 10..400 {
        wire.asks(&frame(kind::HEADERS, END_HEADERS | END_STREAM, stream * 2 + 1, &head));
    }
    // Blocks without an end.
    for direction in [Direction::ToServer, Direction::ToClient] {
        wire.bytes(direction, &frame(kind::HEADERS, 0, 999_999, &[0; 16_000]));
        for _ in 0..5 {
            wire.bytes(direction, &frame(kind::CONTINUATION, 0, 999_999, &[0; 16_000]));
        }
    }
    let (held, limit) = (wire.conversation.held_bytes(), crate::http2::HELD_BYTES_LIMIT);
    assert!(held <= limit && held * 5 > limit * 4, "{held} of {limit}");
}

#[test]
fn large_bodies_are_passed_over() {
    let mut wire = begun();
    wire.asks(&get(1, "/big")).answers(&headers(1, 0, &[(":status", "200")]));
    for _ in 0..10 {
        let frame = data(1, 0, &[0; 16_000]);
        wire.answers(&frame[..4096]).not_copied(Direction::ToClient, frame.len() as u64 - 4096);
    }
    wire.answers(&data(1, END_STREAM, b""));
    let seen = &wire.recorder.seen[0];
    assert_eq!((seen.outcome, seen.missing_bytes), (Outcome::Complete, 0));
    assert_eq!(seen.attribute("http.response.body.size"), Some("160000"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_the_bytes_gives_the_same_records(
        cuts in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..6), 1..16),
    ) {
        let steps = everything();
        prop_assert_eq!(records(&steps, &cuts), records(&steps, &[]));
    }

    #[test]
    fn frames_put_together_at_random_break_nothing(
        frames in prop::collection::vec(
            (any::<bool>(), 0..11_u8, any::<u8>(), 0..8_u32, prop::collection::vec(any::<u8>(), 0..40), 0..6_u8),
            0..60,
        ),
    ) {
        let mut wire = begun();
        for (to_server, kind, flags, stream, payload, fate) in frames {
            let direction = if to_server { Direction::ToServer } else { Direction::ToClient };
            let bytes = frame(kind, flags, stream, &payload);
            match fate {
                0 => { wire.lost(direction, bytes.len() as u64, 1); }
                1 => {
                    wire.bytes(direction, &bytes[..bytes.len() / 2]);
                    wire.not_copied(direction, (bytes.len() - bytes.len() / 2) as u64);
                }
                2 => { wire.pass(7_000 * MILLISECOND); wire.bytes(direction, &bytes); }
                _ => { wire.bytes(direction, &bytes); }
            }
        }
        for seen in wire.close(CloseReason::Closed).seen {
            prop_assert!(seen.outcome != Outcome::Complete || seen.ended.is_some() && seen.missing_bytes == 0);
        }
    }

    #[test]
    fn no_bytes_break_the_parser(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20)) {
        let mut wire = begun();
        for (number, chunk) in chunks.iter().enumerate() {
            wire.bytes(if number % 3 == 0 { Direction::ToClient } else { Direction::ToServer }, chunk);
        }
        wire.close(CloseReason::Reset);
    }
}
