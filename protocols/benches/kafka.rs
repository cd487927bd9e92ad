//! Kafka's exchanges a second through [`Conversation`] on one core, from memory: parsing, matching, and what a reader of
//! the records asks for; and the bytes a second of large batches, which are skipped.
//!
//! `cargo bench -p plainsight-protocols --bench kafka [-- PART-OF-A-CASE'S-NAME]`

use std::{
    fmt::{self, Write as _},
    net::SocketAddr,
    time::{Duration, Instant},
};

use plainsight_protocols::{
    Conversation, Direction, Endpoints, Exchange, Segment, Settings, Side, Sink, Timestamp, Value,
};

/// A message with its length before it.
fn framed(body: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(body.len()).expect("short").to_be_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes
}

/// A record batch of one record of so many bytes.
fn batch(bytes: usize) -> Vec<u8> {
    let mut batch = vec![0; 8];
    batch.extend_from_slice(&u32::try_from(49 + bytes).expect("short").to_be_bytes());
    batch.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 2, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0]);
    batch.extend_from_slice(&[0; 16]);
    batch.extend_from_slice(&[0xff; 14]);
    batch.extend_from_slice(&[0, 0, 0, 1]);
    batch.resize(batch.len() + bytes, 0x55);
    batch
}

/// `Produce` version 9, the first with compact lengths, to one partition, and its answer. Offset 8 of the request and 4
/// of the response is the correlation id.
fn produce(bytes: usize) -> (Vec<u8>, Vec<u8>) {
    let batch = batch(bytes);
    let mut body =
        b"\0\0\0\x09\0\0\0\0\0\x08producer\0\0\xff\xff\0\0\x75\x30\x02\x07orders\x02\0\0\0\x03".to_vec();
    let mut size = batch.len() + 1;
    while size > 0x7f {
        body.push((size & 0x7f) as u8 | 0x80);
        size >>= 7;
    }
    body.push(size as u8);
    body.extend(batch);
    body.extend_from_slice(&[0, 0, 0]);
    let answer =
        b"\0\0\0\0\0\x02\x07orders\x02\0\0\0\x03\0\0\0\0\0\0\0\0\0\x29\xff\xff\xff\xff\xff\xff\xff\xff\
        \0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0";
    (framed(&body), framed(answer))
}

/// `Fetch` version 11 of one partition, as a consumer repeats it, and its answer with so many bytes of records.
fn fetch(bytes: usize) -> (Vec<u8>, Vec<u8>) {
    let mut body =
        b"\0\x01\0\x0b\0\0\0\0\0\x08consumer\xff\xff\xff\xff\0\0\x01\xf4\0\0\0\x01\x03\x20\0\0\x01\0\0\0\0"
            .to_vec();
    body.extend_from_slice(b"\0\0\0\0\0\0\0\x01\0\x06orders\0\0\0\x01\0\0\0\x03");
    body.extend_from_slice(&[0; 24]);
    body.extend_from_slice(&[0, 0, 0, 0, 0, 0]);
    let mut answer = vec![0; 14];
    answer.extend_from_slice(b"\0\0\0\x01\0\x06orders\0\0\0\x01\0\0\0\x03\0\0");
    answer.extend_from_slice(&[0; 24]);
    answer.extend_from_slice(&[0xff; 8]);
    answer.extend(framed(&batch(bytes)));
    (framed(&body), framed(&answer))
}

/// Connections that take turns, so that their state competes for the cache as it does in use.
const CONNECTIONS: usize = 64;
const MEASURED: Duration = Duration::from_secs(2);

/// Bytes that one call moves of a large message.
const PIECE: usize = 64 * 1024;

/// Rounds over all connections in one slice of about a millisecond. Whatever else runs on the machine, and on the other
/// half of the core, only ever makes a slice slower: the best one is the nearest to what the code takes.
const SLICE: usize = 32;

/// Time that this thread spent on a core: a busy machine slows the clock on the wall, not this one.
fn core_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("needs a Linux /proc");
    let nanos = text.split_whitespace().next().and_then(|field| field.parse().ok());
    Duration::from_nanos(nanos.expect("schedstat begins with nanoseconds"))
}

/// What is asked of every exchange.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ask {
    /// Nothing: parsing and matching alone.
    Nothing,
    /// Name and status, as metrics need.
    Name,
    /// Every attribute, sanitised, as spans and records need.
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

fn measure(name: &str, (request, response): (Vec<u8>, Vec<u8>), ask: Ask) {
    let settings = Settings::default();
    let endpoints = Endpoints {
        client: SocketAddr::from(([127, 0, 0, 1], 40_000)),
        server: SocketAddr::from(([127, 0, 0, 1], 9092)),
    };
    let (mut request, mut response) = (request, response);
    let rounds = (SLICE * 256 / (request.len() + response.len())).clamp(1, SLICE);
    let mut reader = Reader { ask, exchanges: 0, text: Length::default(), endpoints };
    let mut connections: Vec<_> = (0..CONNECTIONS).map(|_| (Conversation::new(true), 0_u64, 0_u64)).collect();
    let (mut now, mut id) = (0, 0_u32);
    let mut slices = Vec::new();
    let (begun, used) = (Instant::now(), core_time());
    while begun.elapsed() < MEASURED || slices.is_empty() {
        let slice = Instant::now();
        for _ in 0..rounds {
            id += 1;
            request[8..12].copy_from_slice(&id.to_be_bytes());
            response[4..8].copy_from_slice(&id.to_be_bytes());
            for (conversation, asked, answered) in &mut connections {
                for bytes in request.chunks(PIECE) {
                    now += 1_000;
                    let segment = Segment {
                        direction: Direction::ToServer,
                        at: Timestamp::from_nanos(now),
                        offset: *asked,
                        opposite_offset: Some(*answered),
                        bytes,
                    };
                    *asked += bytes.len() as u64;
                    conversation.segment(&segment, &settings, &mut reader);
                }
                for bytes in response.chunks(PIECE) {
                    now += 1_000;
                    let segment = Segment {
                        direction: Direction::ToClient,
                        at: Timestamp::from_nanos(now),
                        offset: *answered,
                        opposite_offset: Some(*asked),
                        bytes,
                    };
                    *answered += bytes.len() as u64;
                    conversation.segment(&segment, &settings, &mut reader);
                }
            }
        }
        slices.push(slice.elapsed());
    }
    let made = (slices.len() * rounds * CONNECTIONS) as u64;
    assert_eq!(reader.exchanges, made, "every exchange must be reported");
    let best = slices.iter().min().map_or(0, Duration::as_nanos) as f64 / (rounds * CONNECTIONS) as f64;
    let mean = core_time().saturating_sub(used).as_nanos() as f64 / made as f64;
    let bytes = (request.len() + response.len()) as f64;
    let mut line = String::new();
    write!(
        line,
        "{name:<32} best {:>5.2} M/s ({best:>7.1} ns, {:>7.2} GB/s), mean {:>5.2} M/s ({mean:>7.1} ns)",
        1_000.0 / best,
        bytes / best,
        1_000.0 / mean
    )
    .expect("strings take all");
    println!("{line}; {made} exchanges, {} bytes of text each", reader.text.0 / made);
}

fn main() {
    let wanted = std::env::args().nth(1).filter(|argument| !argument.starts_with('-')).unwrap_or_default();
    for (name, messages) in
        [("produce", produce(100)), ("fetch", fetch(400)), ("large fetch", fetch(1 << 20))]
    {
        for (asked, ask) in
            [("parse + match", Ask::Nothing), ("+ name, error", Ask::Name), ("+ attributes", Ask::Attributes)]
        {
            let case = format!("{name}: {asked}");
            if case.contains(&wanted) {
                measure(&case, messages.clone(), ask);
            }
        }
    }
}
