//! Exchanges a second of MySQL through [`Conversation`] on one core, from memory: parsing, matching, and what a reader of
//! the records asks for. And bytes a second of large results.
//!
//! `cargo bench -p plainsight-protocols --bench mysql [-- PART-OF-A-CASE'S-NAME]`

use std::{
    fmt,
    net::SocketAddr,
    time::{Duration, Instant},
};

use plainsight_protocols::{
    Conversation, Direction, Endpoints, Exchange, Segment, Settings, Side, Sink, Timestamp, Value,
};

/// Connections that take turns, so that their state competes for the cache as it does in use.
const CONNECTIONS: usize = 64;
const MEASURED: Duration = Duration::from_secs(2);

/// Rounds over all connections in one slice. Whatever else runs on the machine only ever makes a slice slower: the best
/// one is the nearest to what the code takes.
const SLICE: usize = 32;

/// What is asked of every exchange.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ask {
    Nothing,
    Name,
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
        if exchange.details.error_type(Side::Server).is_some() {
            self.text.0 += 1;
        }
        if self.ask == Ask::Attributes {
            exchange.details.attributes(Side::Server, &self.endpoints, &mut |name, value| {
                let length = match value {
                    Value::Text(text) => text.len(),
                    Value::Integer(_) => 8,
                    Value::Texts(texts) => texts.len(),
                };
                self.text.0 += (name.len() + length) as u64;
            });
        }
    }

    fn unobserved(&mut self, _count: u64) {}
}

fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(0).to_le_bytes();
    [&length[..3], &[sequence], payload].concat()
}

/// A result of one column.
fn result(rows: usize, row: &[u8]) -> Vec<u8> {
    let definition =
        b"\x03def\x04shop\x06orders\x06orders\x04name\x04name\x0c\x21\0\x90\x01\0\0\xfd\0\0\0\0\0";
    let mut bytes = [packet(1, &[1]), packet(2, definition), packet(3, b"\xfe\0\0\x02\0")].concat();
    let mut sequence = 4_u8;
    for _ in 0..rows {
        bytes.extend(packet(sequence, row));
        sequence = sequence.wrapping_add(1);
    }
    bytes.extend(packet(sequence, b"\xfe\0\0\x02\0"));
    bytes
}

/// A connection and how far its two streams have come.
struct Line {
    conversation: Conversation,
    offsets: [u64; 2],
    now: u64,
}

impl Line {
    fn carry(&mut self, direction: Direction, bytes: &[u8], settings: &Settings, reader: &mut Reader) {
        let own = usize::from(direction == Direction::ToClient);
        self.now += 1_000;
        let segment = Segment {
            direction,
            at: Timestamp::from_nanos(self.now),
            offset: self.offsets[own],
            opposite_offset: Some(self.offsets[1 - own]),
            bytes,
        };
        self.offsets[own] += bytes.len() as u64;
        self.conversation.segment(&segment, settings, reader);
    }

    /// A client that has logged in and prepared statement 1.
    fn new(settings: &Settings, reader: &mut Reader) -> Self {
        let mut line = Self { conversation: Conversation::new(true), offsets: [0; 2], now: 0 };
        let greeting = b"\x0a8.4.3\0\x07\0\0\0challeng\0\xff\xff\x21\x02\0\xff\xff\x15\0\0\0\0\0\0\0\0\0\0twelve bytes\0x\0";
        line.carry(Direction::ToClient, &packet(0, greeting), settings, reader);
        let mut login = vec![0x09, 0x82, 0, 0, 0, 0, 0, 1, 33];
        login.extend([0; 23]);
        login.extend(b"app\0\0shop\0");
        line.carry(Direction::ToServer, &packet(1, &login), settings, reader);
        line.carry(Direction::ToClient, &packet(2, &[0, 0, 0, 2, 0, 0, 0]), settings, reader);
        line.carry(
            Direction::ToServer,
            &packet(0, b"\x16SELECT name FROM orders WHERE id = ?"),
            settings,
            reader,
        );
        line.carry(Direction::ToClient, &packet(1, b"\0\x01\0\0\0\0\0\0\0\0\0\0"), settings, reader);
        line
    }
}

fn measure(name: &str, request: &[u8], calls: &[&[u8]], ask: Ask) {
    let settings = Settings::default();
    let endpoints = Endpoints {
        client: SocketAddr::from(([127, 0, 0, 1], 40_000)),
        server: SocketAddr::from(([127, 0, 0, 1], 3306)),
    };
    let mut reader = Reader { ask, exchanges: 0, text: Length::default(), endpoints };
    let mut lines: Vec<_> = (0..CONNECTIONS).map(|_| Line::new(&settings, &mut reader)).collect();
    reader.exchanges = 0;
    let rounds = if calls.len() > 1 { 1 } else { SLICE };
    let mut slices = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < MEASURED || slices.is_empty() {
        let slice = Instant::now();
        for _ in 0..rounds {
            for line in &mut lines {
                line.carry(Direction::ToServer, request, &settings, &mut reader);
                for call in calls {
                    line.carry(Direction::ToClient, call, &settings, &mut reader);
                }
            }
        }
        slices.push(slice.elapsed());
    }
    let made = (slices.len() * rounds * CONNECTIONS) as u64;
    assert_eq!(reader.exchanges, made, "every exchange must be reported");
    let best = slices.iter().min().map_or(0, Duration::as_nanos) as f64 / (rounds * CONNECTIONS) as f64;
    let bytes: usize = request.len() + calls.iter().map(|call| call.len()).sum::<usize>();
    println!(
        "{name:<44} best {:>6.2} M/s ({best:>8.1} ns) {:>7.2} GB/s",
        1_000.0 / best,
        bytes as f64 / best
    );
}

fn main() {
    let wanted = std::env::args().nth(1).filter(|argument| !argument.starts_with('-')).unwrap_or_default();
    let query = packet(0, b"\x03SELECT name FROM orders WHERE id = 17 AND mail = 'me@example.com'");
    let execute = packet(0, b"\x17\x01\0\0\0\0\x01\0\0\0\0\x01\x08\0\x11\0\0\0\0\0\0\0");
    let ok = packet(1, &[0, 1, 0, 2, 0, 0, 0]);
    let one = result(1, b"\x04name");
    let many = result(200, b"\x14twenty bytes of text");
    let large = result(1, &[b'x'; 8 << 20]);
    let calls: Vec<_> = large.chunks(64 * 1024).collect();
    for (asked, ask) in
        [("parse + match", Ask::Nothing), ("+ name, error", Ask::Name), ("+ attributes", Ask::Attributes)]
    {
        for (case, request, calls) in [
            ("query, done", &query, &[&ok[..]][..]),
            ("query, one row", &query, &[&one[..]]),
            ("prepared, one row", &execute, &[&one[..]]),
            ("query, 200 rows", &query, &[&many[..]]),
            ("query, a row of 8 MiB in calls of 64 KiB", &query, &calls[..]),
        ] {
            let name = format!("{case}: {asked}");
            if name.contains(&wanted) {
                measure(&name, request, calls, ask);
            }
        }
    }
}
