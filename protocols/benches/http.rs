//! Exchanges a second through [`Conversation`] on one core, from memory: parsing, matching, and what a reader of the
//! records asks for. Traffic is what wrk and nginx say to each other on a keep-alive connection.
//!
//! `cargo bench -p plainsight-protocols --bench http [-- PART-OF-A-CASE'S-NAME]`

use std::{
    fmt::{self, Write as _},
    net::SocketAddr,
    time::{Duration, Instant},
};

use plainsight_protocols::{
    Conversation, Direction, Endpoints, Exchange, Segment, Settings, Side, Sink, Timestamp, Value,
};

const REQUEST: &[u8] = b"GET /index.html?page=3 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: nginx/1.26.3\r\nDate: Sun, 22 Nov 2026 15:00:00 GMT\r\n\
    Content-Type: text/html\r\nContent-Length: 16\r\nLast-Modified: Sun, 22 Nov 2026 14:00:00 GMT\r\n\
    Connection: keep-alive\r\nETag: \"6921c9f0-10\"\r\nAccept-Ranges: bytes\r\n\r\n<html>hi</html>\n";
const BROWSER: &[u8] = b"GET /api/v1/users/17?fields=name,mail&token=abcdef HTTP/1.1\r\nHost: shop.example\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\nX-Forwarded-For: 203.0.113.9\r\n\
    traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n";

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

fn measure(name: &str, request: &[u8], response: &[u8], ask: Ask) {
    let settings = Settings::default();
    let endpoints = Endpoints {
        client: SocketAddr::from(([127, 0, 0, 1], 40_000)),
        server: SocketAddr::from(([127, 0, 0, 1], 8080)),
    };
    let mut reader = Reader { ask, exchanges: 0, text: Length::default(), endpoints };
    let mut connections: Vec<_> = (0..CONNECTIONS).map(|_| (Conversation::new(true), 0_u64, 0_u64)).collect();
    let mut now = 0;
    let mut slices = Vec::new();
    let (begun, used) = (Instant::now(), core_time());
    while begun.elapsed() < MEASURED || slices.is_empty() {
        let slice = Instant::now();
        for _ in 0..SLICE {
            for (conversation, asked, answered) in &mut connections {
                now += 1_000;
                let segment = Segment {
                    direction: Direction::ToServer,
                    at: Timestamp::from_nanos(now),
                    offset: *asked,
                    opposite_offset: Some(*answered),
                    bytes: request,
                };
                *asked += request.len() as u64;
                conversation.segment(&segment, &settings, &mut reader);
                now += 1_000;
                let segment = Segment {
                    direction: Direction::ToClient,
                    at: Timestamp::from_nanos(now),
                    offset: *answered,
                    opposite_offset: Some(*asked),
                    bytes: response,
                };
                *answered += response.len() as u64;
                conversation.segment(&segment, &settings, &mut reader);
            }
        }
        slices.push(slice.elapsed());
    }
    let made = (slices.len() * SLICE * CONNECTIONS) as u64;
    assert_eq!(reader.exchanges, made, "every exchange must be reported");
    let best = slices.iter().min().map_or(0, Duration::as_nanos) as f64 / (SLICE * CONNECTIONS) as f64;
    let mean = core_time().saturating_sub(used).as_nanos() as f64 / made as f64;
    let mut line = String::new();
    write!(
        line,
        "{name:<32} best {:>5.2} M/s ({best:>6.1} ns), mean {:>5.2} M/s ({mean:>6.1} ns)",
        1_000.0 / best,
        1_000.0 / mean
    )
    .expect("strings take all");
    println!("{line}; {made} exchanges, {} bytes of text each", reader.text.0 / made);
}

fn main() {
    let wanted = std::env::args().nth(1).filter(|argument| !argument.starts_with('-')).unwrap_or_default();
    for (name, request) in [("wrk", REQUEST), ("browser", BROWSER)] {
        for (asked, ask) in
            [("parse + match", Ask::Nothing), ("+ name, error", Ask::Name), ("+ attributes", Ask::Attributes)]
        {
            let case = format!("{name}, nginx: {asked}");
            if case.contains(&wanted) {
                measure(&case, request, RESPONSE, ask);
            }
        }
    }
}
