//! Handshakes a second through [`Conversation`] on one core, from memory: detection, both hellos, attributes.
//!
//! `cargo bench -p plainsight-protocols --bench tls`

use std::time::{Duration, Instant};

use plainsight_protocols::{
    Conversation, Direction, Endpoints, Exchange, Segment, Settings, Side, Sink, Timestamp, Value,
};

const CAPTURE: &str = include_str!("../src/tls/tests/captures/openssl-1.3.txt");
const MEASURED: Duration = Duration::from_secs(2);
const SLICE: u32 = 1_000;

struct Reader {
    exchanges: u64,
    text: usize,
    endpoints: Endpoints,
}

impl Sink for Reader {
    fn exchange(&mut self, exchange: &Exchange<'_>) {
        self.exchanges += 1;
        exchange.details.attributes(Side::Server, &self.endpoints, &mut |name, value| {
            self.text += name.len()
                + match value {
                    Value::Text(text) => text.len(),
                    Value::Integer(_) => 8,
                    Value::Texts(texts) => texts.len(),
                };
        });
    }

    fn unobserved(&mut self, _count: u64) {}
}

fn writes() -> Vec<(Direction, Vec<u8>)> {
    let byte = |pair: &[u8]| {
        let digit =
            |index: usize| pair.get(index).and_then(|&digit| char::from(digit).to_digit(16)).unwrap_or(0);
        u8::try_from(digit(0) << 4 | digit(1)).unwrap_or(0)
    };
    let write = |line: &str| {
        let (mark, digits) = line.split_once(' ').expect("a mark and digits");
        let direction = if mark == ">" { Direction::ToServer } else { Direction::ToClient };
        (direction, digits.as_bytes().chunks(2).map(byte).collect())
    };
    CAPTURE.lines().map(write).collect()
}

fn main() {
    let writes = writes();
    let settings = Settings::default();
    let endpoints =
        Endpoints { client: ([127, 0, 0, 1], 40_000).into(), server: ([127, 0, 0, 1], 443).into() };
    let mut reader = Reader { exchanges: 0, text: 0, endpoints };
    let (begun, mut best, mut slices) = (Instant::now(), Duration::MAX, 0_u32);
    while begun.elapsed() < MEASURED || slices == 0 {
        let slice = Instant::now();
        for _ in 0..SLICE {
            let mut conversation = Conversation::new(true);
            let mut offsets = [0_u64; 2];
            for (direction, bytes) in &writes {
                let (own, other) = if *direction == Direction::ToServer { (0, 1) } else { (1, 0) };
                let segment = Segment {
                    direction: *direction,
                    at: Timestamp::from_nanos(1_000),
                    offset: offsets[own],
                    opposite_offset: Some(offsets[other]),
                    bytes,
                };
                offsets[own] += bytes.len() as u64;
                conversation.segment(&segment, &settings, &mut reader);
            }
        }
        best = best.min(slice.elapsed());
        slices += 1;
    }
    assert_eq!(reader.exchanges, u64::from(slices * SLICE), "every handshake must be reported");
    let nanos = best.as_nanos() as f64 / f64::from(SLICE);
    println!("OpenSSL, TLS 1.3: best {:.2} M/s ({nanos:.1} ns a connection)", 1_000.0 / nanos);
}
