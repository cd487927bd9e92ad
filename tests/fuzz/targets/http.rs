//! Feeds a connection with whatever the input spells out, and checks what must hold of any input: no panic, no more
//! bytes held than the bound, no exchange of negative size or made-up text.
//!
//! The input is a script. Its first byte holds flags (bit 0: seen from the start; bit 1: offsets of the opposite stream
//! are known). Then steps follow, each a byte of operation and direction, a byte of amount, and for bytes the bytes:
//!
//! | operation (bits 0 to 2) | amount |
//! |---|---|
//! | 0, 1, 2: a segment | its length, times 1, 8 or 64 |
//! | 3: bytes lost | how many; bits 4 to 6 of the operation count the calls |
//! | 4: bytes not copied | how many, times 64 |
//! | 5: time passes | milliseconds, times 16 |
//! | 6: a stream ends | |
//! | 7: the connection closes, and the script ends | why |
//!
//! Bit 3 of the operation is the direction. In a segment, bit 4 puts a line end in place of the last byte.

#![no_main]

use std::fmt;

use libfuzzer_sys::fuzz_target;
use plainsight_protocols::{
    CloseReason, Conversation, Direction, Endpoints, Exchange, Gap, GapCause, HELD_BYTES_LIMIT, Outcome, Segment,
    Settings, Side, Sink, Timestamp, Value, http::HttpSettings,
};

struct Checker;

/// Counts text; what is written must have no control character, for it goes to terminals.
struct Plain;

impl fmt::Write for Plain {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        assert!(!text.chars().any(char::is_control), "{text:?}");
        Ok(())
    }
}

impl Sink for Checker {
    fn exchange(&mut self, exchange: &Exchange<'_>) {
        let details = exchange.details;
        details.name(&mut Plain).expect("text without control characters");
        details.summary(&mut Plain).expect("text without control characters");
        if exchange.outcome == Outcome::Complete {
            let is_silent = exchange.response_bytes == 0;
            assert!(exchange.ended.is_some() || is_silent, "a complete exchange has an end, if it is answered");
            assert_eq!(exchange.missing_bytes, 0, "nothing is missing of a complete exchange");
        }
        let endpoints = Endpoints { client: ([10, 0, 0, 1], 1).into(), server: ([0_u16; 8], 2).into() };
        for side in [Side::Client, Side::Server] {
            let _ = details.error_type(side);
            details.attributes(side, &endpoints, &mut |name, value| match value {
                // A statement keeps its line breaks and tabs.
                Value::Text(text) => assert!(
                    !text.chars().any(|character| {
                        character.is_control() && !(name == "db.query.text" && matches!(character, '\n' | '\t'))
                    }),
                    "{name}: {text:?}"
                ),
                Value::Integer(number) => assert!(number >= 0, "{name}: {number}"),
                Value::Texts(texts) => assert!(!texts.is_empty(), "{name}"),
            });
        }
        let _ = details.trace_parent();
        let _ = details.trace_state();
        assert!(details.trace_links().len() <= 128);
    }

    fn unobserved(&mut self, count: u64) {
        assert!(count > 0, "nothing to report");
    }
}

fuzz_target!(|script: &[u8]| run(script));

fn run(script: &[u8]) {
    let Some((&flags, mut rest)) = script.split_first() else { return };
    let settings = Settings {
        http: HttpSettings {
            captured_headers: ["cookie", "x-a"].map(str::to_owned).into(),
            known_methods: None,
            ..HttpSettings::default()
        },
        ..Settings::default()
    };
    let mut conversation = Conversation::new(flags & 1 > 0);
    let mut checker = Checker;
    let mut now = 0_u64;
    let mut offsets = [0_u64; 2];
    while let [operation, amount, after @ ..] = rest {
        rest = after;
        let (operation, amount) = (*operation, *amount);
        let own = usize::from(operation & 8 > 0);
        let direction = if own == 0 { Direction::ToServer } else { Direction::ToClient };
        now += 1_000;
        let at = Timestamp::from_nanos(now);
        match operation & 7 {
            0..=2 => {
                let scale = [1, 8, 64][usize::from(operation & 7)];
                let length = (usize::from(amount) * scale).min(rest.len());
                let (bytes, after) = rest.split_at(length);
                rest = after;
                let mut bytes = bytes.to_vec();
                if operation & 16 > 0 {
                    bytes.pop();
                    bytes.extend_from_slice(b"\r\n");
                }
                let opposite_offset = (flags & 2 > 0).then_some(offsets[1 - own]);
                let segment = Segment { direction, at, offset: offsets[own], opposite_offset, bytes: &bytes };
                offsets[own] += bytes.len() as u64;
                conversation.segment(&segment, &settings, &mut checker);
            }
            kind @ (3 | 4) => {
                let (bytes, cause) = if kind == 3 {
                    (u64::from(amount), GapCause::Lost { calls: u64::from(operation >> 4 & 7) })
                } else {
                    (u64::from(amount) * 64, GapCause::NotCopied)
                };
                conversation.gap(&Gap { direction, at, offset: offsets[own], bytes, cause }, &mut checker);
                offsets[own] += bytes;
            }
            5 => {
                now += u64::from(amount) * 16_000_000;
                conversation.tick(Timestamp::from_nanos(now), &mut checker);
            }
            6 => conversation.end_of_stream(direction, at, &mut checker),
            _ => {
                let reasons =
                    [CloseReason::Closed, CloseReason::Reset, CloseReason::Timeout, CloseReason::Evicted];
                conversation.close(reasons[usize::from(amount) % reasons.len()], at, &mut checker);
                break;
            }
        }
        assert!(conversation.held_bytes() <= HELD_BYTES_LIMIT, "{} bytes held", conversation.held_bytes());
    }
    conversation.close(CloseReason::Evicted, Timestamp::from_nanos(now), &mut checker);
}
