//! Exchanges a second through [`Conversation`] on one core, from memory: parsing, matching, and what a reader of the
//! records asks for. Traffic is what a cache's client and a Memcached server say to each other, also pipelined.
//!
//! `cargo bench -p plainsight-protocols --bench memcached [-- PART-OF-A-CASE'S-NAME]`

use std::{
    fmt::{self, Write as _},
    net::SocketAddr,
    time::{Duration, Instant},
};

use plainsight_protocols::{
    Conversation, Direction, Endpoints, Exchange, Segment, Settings, Side, Sink, Timestamp, Value,
};

const GET: &[u8] = b"get key:000000000017\r\n";
const VALUE: &[u8] = b"VALUE key:000000000017 0 3\r\nxxx\r\nEND\r\n";
const SET: &[u8] = b"set key:000000000017 0 0 3\r\nxxx\r\n";
const STORED: &[u8] = b"STORED\r\n";
const META: &[u8] = b"mg key:000000000017 v t\r\n";
const META_VALUE: &[u8] = b"VA 3 t-1\r\nxxx\r\n";

/// Length of the value in the case of large ones.
const LARGE: usize = 1 << 20;

/// Connections that take turns, so that their state competes for the cache as it does in use.
const CONNECTIONS: usize = 64;
const MEASURED: Duration = Duration::from_secs(2);

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

/// What is said on a connection, over and over: so many exchanges in one segment each way.
struct Case {
    name: String,
    request: Vec<u8>,
    /// In segments as a program reads or writes them.
    response: Vec<Vec<u8>>,
    depth: u64,
    ask: Ask,
}

fn measure(case: &Case) {
    let settings = Settings::default();
    let endpoints = Endpoints {
        client: SocketAddr::from(([127, 0, 0, 1], 40_000)),
        server: SocketAddr::from(([127, 0, 0, 1], 11211)),
    };
    let mut reader = Reader { ask: case.ask, exchanges: 0, text: Length::default(), endpoints };
    let mut connections: Vec<_> = (0..CONNECTIONS).map(|_| (Conversation::new(true), 0_u64, 0_u64)).collect();
    let mut now = 0;
    let mut slices = Vec::new();
    let rounds = SLICE.div_ceil(case.depth as usize);
    let (begun, used) = (Instant::now(), core_time());
    while begun.elapsed() < MEASURED || slices.is_empty() {
        let slice = Instant::now();
        for _ in 0..rounds {
            for (conversation, asked, answered) in &mut connections {
                now += 1_000;
                let segment = Segment {
                    direction: Direction::ToServer,
                    at: Timestamp::from_nanos(now),
                    offset: *asked,
                    opposite_offset: Some(*answered),
                    bytes: &case.request,
                };
                *asked += case.request.len() as u64;
                conversation.segment(&segment, &settings, &mut reader);
                for bytes in &case.response {
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
    let each = (rounds * CONNECTIONS) as u64 * case.depth;
    let made = slices.len() as u64 * each;
    assert_eq!(reader.exchanges, made, "every exchange must be reported");
    let best = slices.iter().min().map_or(0, Duration::as_nanos) as f64 / each as f64;
    let mean = core_time().saturating_sub(used).as_nanos() as f64 / made as f64;
    let bytes = case.request.len() + case.response.iter().map(Vec::len).sum::<usize>();
    let mut line = String::new();
    write!(
        line,
        "{:<32} best {:>5.2} M/s ({best:>6.1} ns, {:>7.2} GB/s), mean {:>5.2} M/s ({mean:>6.1} ns)",
        case.name,
        1_000.0 / best,
        bytes as f64 / case.depth as f64 / best,
        1_000.0 / mean
    )
    .expect("strings take all");
    println!("{line}; {made} exchanges, {} bytes of text each", reader.text.0 / made);
}

fn main() {
    let wanted = std::env::args().nth(1).filter(|argument| !argument.starts_with('-')).unwrap_or_default();
    let asks =
        [("parse + match", Ask::Nothing), ("+ name, error", Ask::Name), ("+ attributes", Ask::Attributes)];
    let mut cases = Vec::new();
    for (name, request, response) in [("get", GET, VALUE), ("set", SET, STORED), ("mg", META, META_VALUE)] {
        for (asked, ask) in asks {
            for depth in [1, 16] {
                cases.push(Case {
                    name: format!("{name}, {depth} at once: {asked}"),
                    request: request.repeat(depth),
                    response: vec![response.repeat(depth)],
                    depth: depth as u64,
                    ask,
                });
            }
        }
    }
    let head = format!("VALUE key:000000000017 0 {LARGE}\r\n");
    let large = [head.as_bytes(), &vec![b'x'; LARGE], b"\r\nEND\r\n"].concat();
    cases.push(Case {
        name: "get of 1 MiB".to_owned(),
        request: GET.to_vec(),
        response: large.chunks(64 * 1024).map(<[u8]>::to_vec).collect(),
        depth: 1,
        ask: Ask::Nothing,
    });
    for case in cases.iter().filter(|case| case.name.contains(&wanted)) {
        measure(case);
    }
}
