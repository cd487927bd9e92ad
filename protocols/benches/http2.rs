//! Exchanges a second through [`Conversation`] on one core, from memory: HTTP/2 as h2load and a browser speak it, gRPC
//! with one message each way, and bodies that are passed over.
//!
//! `cargo bench -p plainsight-protocols --bench http2 [-- PART-OF-A-CASE'S-NAME]`

use std::{
    fmt,
    net::SocketAddr,
    time::{Duration, Instant},
};

use plainsight_protocols::{
    Conversation, Direction, Endpoints, Exchange, Gap, GapCause, Segment, Settings, Side, Sink, Timestamp,
    Value,
};

/// Connections that take turns, so that their state competes for the cache as it does in use.
const CONNECTIONS: usize = 64;
const MEASURED: Duration = Duration::from_secs(2);

/// Rounds over all connections in one slice of about a millisecond; see `benches/http.rs` for why the best one counts.
const SLICE: usize = 32;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// What is asked of every exchange.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ask {
    Nothing,
    Attributes,
}

struct Reader {
    ask: Ask,
    exchanges: u64,
    text: Length,
    endpoints: Endpoints,
}

/// Counts text instead of keeping it.
#[derive(Default)]
struct Length(u64);

impl fmt::Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len() as u64;
        Ok(())
    }
}

impl Sink for Reader {
    fn exchange(&mut self, exchange: &Exchange<'_>) {
        self.exchanges += 1;
        if self.ask == Ask::Nothing {
            return;
        }
        exchange.details.name(&mut self.text).expect("counting does not fail");
        self.text.0 += u64::from(exchange.details.error_type(Side::Server).is_some());
        exchange.details.attributes(Side::Server, &self.endpoints, &mut |name, value| {
            let length = match value {
                Value::Text(text) => text.len(),
                Value::Integer(_) => 8,
                Value::Texts(texts) => texts.len(),
            };
            self.text.0 += (name.len() + length) as u64;
        });
    }

    fn unobserved(&mut self, _count: u64) {}
}

/// A frame; the stream is written over later where it is not zero.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short");
    [&length.to_be_bytes()[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Literals that are remembered, the newest being the last.
fn remembered(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0x40);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("short"));
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// One exchange as it recurs on a connection, and what the first one teaches.
struct Case {
    name: &'static str,
    first: [Vec<u8>; 2],
    request: Vec<u8>,
    response: Vec<u8>,
}

fn cases() -> Vec<Case> {
    let asked = [
        (":authority", "127.0.0.1:8080"),
        (":path", "/index.html?page=3"),
        ("user-agent", "h2load nghttp2/1.64.0"),
    ];
    let answered = [
        ("server", "nghttpd nghttp2/1.64.0"),
        ("date", "Sun, 22 Nov 2026 15:00:00 GMT"),
        ("content-length", "16"),
        ("last-modified", "Sun, 22 Nov 2026 14:00:00 GMT"),
    ];
    let traced = [
        (":authority", "shop.example"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("accept-language", "en-US,en;q=0.5"),
        ("x-forwarded-for", "203.0.113.9"),
    ];
    // A path and a trace of its own each time: a literal not remembered, and one that is.
    let path = b"\x04\x26/api/v1/users/17?fields=name,mail&a=bcd";
    let trace = b"\x40\x0btraceparent\x3700-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let call = [
        (":authority", "127.0.0.1:50051"),
        (":path", "/shop.v1.Orders/List"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("user-agent", "grpc-python/1.70.0 grpc-c/45.0.0 (linux; chttp2)"),
    ];
    let reply = [("content-type", "application/grpc"), ("grpc-status", "0"), ("grpc-message", "")];
    let message = [&[0, 0, 0, 0, 40][..], &[7; 40]].concat();
    let block = |flags, bytes: &[u8]| frame(HEADERS, flags | END_HEADERS, 1, bytes);
    vec![
        Case {
            name: "h2load, nghttpd",
            first: [
                block(END_STREAM, &[b"\x82\x86", &remembered(&asked)[..]].concat()),
                block(END_STREAM, &[b"\x88", &remembered(&answered)[..]].concat()),
            ],
            request: block(END_STREAM, b"\x82\x86\xc0\xbf\xbe"),
            response: [block(0, b"\x88\xc1\xc0\xbf\xbe"), frame(DATA, END_STREAM, 1, b"<html>hi</html>\n")]
                .concat(),
        },
        Case {
            name: "browser, nghttpd",
            first: [
                block(END_STREAM, &[b"\x82\x86\x84", &remembered(&traced)[..]].concat()),
                block(END_STREAM, &[b"\x88", &remembered(&answered)[..]].concat()),
            ],
            request: block(END_STREAM, &[&b"\x82\x86"[..], path, trace].concat()),
            response: [block(0, b"\x88\xc1\xc0\xbf\xbe"), frame(DATA, END_STREAM, 1, b"<html>hi</html>\n")]
                .concat(),
        },
        Case {
            name: "gRPC, one message each way",
            first: [
                block(END_STREAM, &[b"\x83\x86", &remembered(&call)[..]].concat()),
                block(END_STREAM, &[b"\x88", &remembered(&reply)[..]].concat()),
            ],
            request: [block(0, b"\x83\x86\xc2\xc1\xc0\xbf\xbe"), frame(DATA, END_STREAM, 1, &message)]
                .concat(),
            response: [block(0, b"\x88\xc0"), frame(DATA, 0, 1, &message), block(END_STREAM, b"\xbf\xbe")]
                .concat(),
        },
    ]
}

/// Time that this thread spent on a core: a busy machine slows the clock on the wall, not this one.
fn core_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("needs a Linux /proc");
    let nanos = text.split_whitespace().next().and_then(|field| field.parse().ok());
    Duration::from_nanos(nanos.expect("schedstat begins with nanoseconds"))
}

/// Where the numbers of streams stand in frames.
fn places(mut bytes: &[u8]) -> Vec<usize> {
    let (mut places, mut at) = (Vec::new(), 0);
    while let [high, middle, low, ..] = *bytes {
        places.push(at + 5);
        let length = 9 + (usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low));
        bytes = &bytes[length..];
        at += length;
    }
    places
}

struct Connection {
    conversation: Conversation,
    offsets: [u64; 2],
    stream: u32,
}

impl Connection {
    fn bytes(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        now: u64,
        settings: &Settings,
        reader: &mut Reader,
    ) {
        let (own, other) = if direction == Direction::ToServer { (0, 1) } else { (1, 0) };
        let segment = Segment {
            direction,
            at: Timestamp::from_nanos(now),
            offset: self.offsets[own],
            opposite_offset: Some(self.offsets[other]),
            bytes,
        };
        self.offsets[own] += bytes.len() as u64;
        self.conversation.segment(&segment, settings, reader);
    }

    fn begun(first: [&[u8]; 2], settings: &Settings, reader: &mut Reader) -> Self {
        let mut connection = Self { conversation: Conversation::new(true), offsets: [0; 2], stream: 1 };
        let hello = frame(SETTINGS, 0, 0, &[]);
        let client = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &hello[..], first[0]].concat();
        connection.bytes(Direction::ToServer, &client, 1, settings, reader);
        connection.bytes(Direction::ToClient, &[&hello[..], first[1]].concat(), 2, settings, reader);
        connection
    }
}

fn reader(ask: Ask) -> Reader {
    let end = |last| SocketAddr::from(([10, 0, 0, last], 8080));
    Reader { ask, exchanges: 0, text: Length(0), endpoints: Endpoints { client: end(7), server: end(9) } }
}

fn measure(case: &Case, ask: Ask, label: &str) {
    let settings = Settings::default();
    let mut reader = reader(ask);
    let mut connections: Vec<_> = (0..CONNECTIONS)
        .map(|_| Connection::begun([&case.first[0], &case.first[1]], &settings, &mut reader))
        .collect();
    let (mut request, mut response) = (case.request.clone(), case.response.clone());
    let (asked, answered) = (places(&request), places(&response));
    reader.exchanges = 0;
    let (mut now, mut slices, used, started) = (1_000, Vec::new(), core_time(), Instant::now());
    while started.elapsed() < MEASURED {
        let slice = Instant::now();
        for _ in 0..SLICE {
            for connection in &mut connections {
                now += 1_000;
                connection.stream += 2;
                let stream = connection.stream.to_be_bytes();
                asked.iter().for_each(|&place| request[place..place + 4].copy_from_slice(&stream));
                answered.iter().for_each(|&place| response[place..place + 4].copy_from_slice(&stream));
                connection.bytes(Direction::ToServer, &request, now, &settings, &mut reader);
                connection.bytes(Direction::ToClient, &response, now + 500, &settings, &mut reader);
            }
        }
        slices.push(slice.elapsed());
    }
    let made = (slices.len() * SLICE * CONNECTIONS) as u64;
    assert_eq!(reader.exchanges, made, "every exchange must be reported");
    let best = slices.iter().min().map_or(0, Duration::as_nanos) as f64 / (SLICE * CONNECTIONS) as f64;
    let mean = core_time().saturating_sub(used).as_nanos() as f64 / made as f64;
    println!(
        "{label:<46} best {:>5.2} M/s ({best:>6.1} ns), mean {:>5.2} M/s ({mean:>6.1} ns); {} bytes of text each",
        1_000.0 / best,
        1_000.0 / mean,
        reader.text.0 / made
    );
}

/// Bodies of a megabyte in frames of 16 KiB, each copied whole, or its first 4 KiB only.
fn measure_bodies(copied: usize, label: &str) {
    let settings = Settings::default();
    let mut reader = reader(Ask::Nothing);
    let case = &cases()[0];
    let mut connection = Connection::begun([&case.first[0], &case.first[1]], &settings, &mut reader);
    let mut request = case.request.clone();
    let mut head = frame(HEADERS, END_HEADERS, 1, b"\x88");
    let mut body = frame(DATA, 0, 1, &[0x55; 16 * 1024]);
    let (mut bytes, started, used) = (0_u64, Instant::now(), core_time());
    while started.elapsed() < MEASURED {
        connection.stream += 2;
        let stream = connection.stream.to_be_bytes();
        for frame in [&mut request, &mut head, &mut body] {
            frame[5..9].copy_from_slice(&stream);
        }
        connection.bytes(Direction::ToServer, &request, 1, &settings, &mut reader);
        connection.bytes(Direction::ToClient, &head, 2, &settings, &mut reader);
        for number in 0..64 {
            body[4] = u8::from(number == 63);
            let seen = copied.min(body.len());
            connection.bytes(Direction::ToClient, &body[..seen], 3, &settings, &mut reader);
            let rest = (body.len() - seen) as u64;
            if rest > 0 {
                let gap = Gap {
                    direction: Direction::ToClient,
                    at: Timestamp::from_nanos(3),
                    offset: connection.offsets[1],
                    bytes: rest,
                    cause: GapCause::NotCopied,
                };
                connection.conversation.gap(&gap, &mut reader);
                connection.offsets[1] += rest;
            }
            bytes += body.len() as u64;
        }
    }
    let gigabytes = bytes as f64 / core_time().saturating_sub(used).as_nanos() as f64;
    assert!(reader.exchanges > 1, "every exchange must be reported");
    println!("{label:<46} {gigabytes:>8.1} GB/s; {} exchanges", reader.exchanges);
}

fn main() {
    let wanted = std::env::args().nth(1).filter(|argument| !argument.starts_with('-')).unwrap_or_default();
    for case in cases() {
        for (asked, ask) in [("parse + match", Ask::Nothing), ("+ name, error, attributes", Ask::Attributes)]
        {
            let label = format!("{}: {asked}", case.name);
            if label.contains(&wanted) {
                measure(&case, ask, &label);
            }
        }
    }
    for (label, copied) in
        [("bodies, copied whole", usize::MAX), ("bodies, 4 KiB of each frame copied", 4096)]
    {
        if label.contains(&wanted) {
            measure_bodies(copied, label);
        }
    }
}
