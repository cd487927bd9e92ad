//! Feeds a connection with whatever the input spells out, and checks what must hold of any input: no panic, no more
//! bytes held than the bound, no exchange of negative size or made-up text. Shared by the targets of all protocols.
//!
//! The input is a script. Its first byte holds flags (bit 0: seen from the start; bit 1: offsets of the opposite stream
//! are known; bit 2: nothing goes before what is spelt out, where otherwise the target's protocol is begun, so that its
//! parser is what is searched). Then steps follow, each a byte of operation and direction, a byte of amount, and for
//! bytes the bytes:
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

#[path = "script.rs"]
mod script;

use std::{collections::BTreeSet, fmt};

use plainsight_protocols::{
    CloseReason, Conversation, Details, Direction, Endpoints, Exchange, Gap, HELD_BYTES_LIMIT, Outcome,
    Protocol, Segment, Settings, Side, Sink, State, Timestamp, Value, http::HttpSettings,
};
use script::Step;

/// Checks every exchange; keeps of which protocols there were any.
#[derive(Default)]
struct Checker(BTreeSet<Protocol>);

/// Counts text; what is written must have no control character, for it goes to terminals.
struct Plain;

impl fmt::Write for Plain {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        assert!(!text.chars().any(char::is_control), "{text:?}");
        Ok(())
    }
}

/// What must hold of whatever an exchange tells of itself.
pub(crate) fn check_details(details: &dyn Details, endpoints: &Endpoints) {
    details.name(&mut Plain).expect("text without control characters");
    details.summary(&mut Plain).expect("text without control characters");
    for side in [Side::Client, Side::Server] {
        let _ = details.error_type(side);
        details.attributes(side, endpoints, &mut |name, value| match value {
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
}

/// Why a connection or socket closes, by a byte of a script.
pub(crate) fn close_reason(why: u8) -> CloseReason {
    let reasons = [CloseReason::Closed, CloseReason::Reset, CloseReason::Timeout, CloseReason::Evicted];
    reasons[usize::from(why) % reasons.len()]
}

impl Sink for Checker {
    fn exchange(&mut self, exchange: &Exchange<'_>) {
        self.0.insert(exchange.protocol);
        if exchange.outcome == Outcome::Complete {
            let is_silent = exchange.response_bytes == 0;
            assert!(
                exchange.ended.is_some() || is_silent,
                "a complete exchange has an end, if it is answered"
            );
            assert_eq!(exchange.missing_bytes, 0, "nothing is missing of a complete exchange");
        }
        let endpoints = Endpoints { client: ([10, 0, 0, 1], 1).into(), server: ([0_u16; 8], 2).into() };
        let details = exchange.details;
        check_details(details, &endpoints);
        let _ = details.trace_parent();
        let _ = details.trace_state();
        assert!(details.trace_links().len() <= 128);
    }

    fn unobserved(&mut self, count: u64) {
        assert!(count > 0, "nothing to report");
    }
}

/// What a client says first and a server answers, after which it is certain what they speak: of TLS, whose parser reads
/// nothing else, the head of a hello.
const fn opening(protocol: Protocol) -> &'static [(Direction, &'static [u8])] {
    use Direction::{ToClient, ToServer};
    match protocol {
        Protocol::Http => &[
            (ToServer, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            (ToClient, b"HTTP/1.1 204 No Content\r\n\r\n"),
        ],
        Protocol::Http2 | Protocol::Grpc => &[
            (ToServer, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"),
            (ToClient, b"\0\0\0\x04\0\0\0\0\0"),
        ],
        Protocol::Redis => &[(ToServer, b"*1\r\n$4\r\nPING\r\n"), (ToClient, b"+PONG\r\n")],
        Protocol::Memcached => &[(ToServer, b"set k 0 0 1\r\nv\r\n"), (ToClient, b"STORED\r\n")],
        Protocol::Mysql => &[
            (
                ToClient,
                b"I\0\0\0\x0a8.4.3\0\x08\0\0\0saltsalt\0\xff\xa2\xff\x02\0\x8f\x01\x15\0\0\0\0\0\0\0\0\0\0\
                saltsaltsalt\0mysql_native_password\0",
            ),
            (
                ToServer,
                b"T\0\0\x01\x8d\xa2\x8f\0\0\0\0\x01-\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
                app\0\x14hhhhhhhhhhhhhhhhhhhhshop\0mysql_native_password\0",
            ),
            (ToClient, b"\x07\0\0\x02\0\0\0\x02\0\0\0"),
        ],
        Protocol::Postgresql => &[
            (ToServer, b"\0\0\0 \0\x03\0\0user\0ann\0database\0shop\0\0"),
            (ToClient, b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I"),
        ],
        Protocol::Kafka => &[
            (ToServer, b"\0\0\0\x0a\0\x12\0\0\0\0\0\x07\xff\xff"),
            (ToClient, b"\0\0\0\x10\0\0\0\x07\0\0\0\0\0\x01\0\x03\0\0\0\x0c"),
        ],
        Protocol::Dns => &[
            (ToServer, b"\0\x18\0\x07\x01\0\0\x01\0\0\0\0\0\0\x01a\x04test\0\0\x01\0\x01"),
            (ToClient, b"\0\x18\0\x07\x81\x80\0\x01\0\0\0\0\0\0\x01a\x04test\0\0\x01\0\x01"),
        ],
        Protocol::Mongodb => &[
            (
                ToServer,
                b"\x2f\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\x1a\0\0\0\x10ping\0\x01\0\0\0\
                \x02$db\0\x02\0\0\0a\0\0",
            ),
            (
                ToClient,
                b"\x26\0\0\0\x02\0\0\0\x01\0\0\0\xdd\x07\0\0\0\0\0\0\0\x11\0\0\0\x01ok\0\0\0\0\0\0\0\xf0?\0",
            ),
        ],
        Protocol::Tls => &[(ToServer, b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03")],
        _ => &[],
    }
}

/// Runs a script, after the beginning of a protocol if one is given and the script does not say otherwise. Gives of which
/// protocols there were exchanges.
///
/// # Panics
/// If something does not hold that must.
pub(crate) fn run(script: &[u8], target: Option<Protocol>) -> BTreeSet<Protocol> {
    let Some((&flags, mut rest)) = script.split_first() else { return BTreeSet::new() };
    let settings = Settings {
        http: HttpSettings {
            captured_headers: ["cookie", "x-a"].map(str::to_owned).into(),
            known_methods: None,
            ..HttpSettings::default()
        },
        ..Settings::default()
    };
    let mut conversation = Conversation::new(flags & 1 > 0);
    let mut checker = Checker::default();
    let mut now = 0_u64;
    let mut offsets = [0_u64; 2];
    if let Some(protocol) = target.filter(|_| flags & 4 == 0) {
        for &(direction, bytes) in opening(protocol) {
            let own = usize::from(direction == Direction::ToClient);
            let opposite_offset = (flags & 2 > 0).then_some(offsets[1 - own]);
            let at = Timestamp::from_nanos(now);
            let segment = Segment { direction, at, offset: offsets[own], opposite_offset, bytes };
            offsets[own] += bytes.len() as u64;
            conversation.segment(&segment, &settings, &mut checker);
        }
        let State::Parsing(begun) = conversation.state() else { panic!("{protocol:?} is not recognised") };
        assert!(begun == protocol || protocol == Protocol::Grpc, "{begun:?} was begun");
    }
    while let Some((direction, step)) = script::next(&mut rest) {
        let own = usize::from(direction == Direction::ToClient);
        now += 1_000;
        let at = Timestamp::from_nanos(now);
        match step {
            Step::Bytes(bytes) => {
                let opposite_offset = (flags & 2 > 0).then_some(offsets[1 - own]);
                let segment = Segment { direction, at, offset: offsets[own], opposite_offset, bytes: &bytes };
                offsets[own] += bytes.len() as u64;
                conversation.segment(&segment, &settings, &mut checker);
            }
            Step::Gap(bytes, cause) => {
                conversation.gap(&Gap { direction, at, offset: offsets[own], bytes, cause }, &mut checker);
                offsets[own] += bytes;
            }
            Step::Wait(amount) => {
                now += u64::from(amount) * 16_000_000;
                conversation.tick(Timestamp::from_nanos(now), &mut checker);
            }
            Step::End => conversation.end_of_stream(direction, at, &mut checker),
            Step::Close(why) => {
                conversation.close(close_reason(why), at, &mut checker);
                break;
            }
        }
        assert!(conversation.held_bytes() <= HELD_BYTES_LIMIT, "{} bytes held", conversation.held_bytes());
    }
    conversation.close(CloseReason::Evicted, Timestamp::from_nanos(now), &mut checker);
    checker.0
}
