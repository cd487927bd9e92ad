//! Exchanges a second through [`Conversation`] on one core, from memory, and bytes a second of large documents.
//!
//! `cargo bench -p plainsight-protocols --bench mongodb`

use std::time::{Duration, Instant};

use plainsight_protocols::{
    Conversation, Direction, Endpoints, Exchange, Segment, Settings, Side, Sink, Timestamp, Value,
};

const MEASURED: Duration = Duration::from_secs(2);
const SLICE: u32 = 1_000;

struct Reader {
    attributes: bool,
    exchanges: u64,
    text: usize,
    endpoints: Endpoints,
}

impl Sink for Reader {
    fn exchange(&mut self, exchange: &Exchange<'_>) {
        self.exchanges += 1;
        if self.attributes {
            exchange.details.attributes(Side::Server, &self.endpoints, &mut |name, value| {
                self.text += name.len()
                    + match value {
                        Value::Text(text) => text.len(),
                        Value::Integer(_) => 8,
                        Value::Texts(texts) => texts.len(),
                    };
            });
        }
    }

    fn unobserved(&mut self, _count: u64) {}
}

fn document(elements: &[Vec<u8>]) -> Vec<u8> {
    let elements = elements.concat();
    let length = u32::try_from(elements.len() + 5).unwrap_or(0);
    [&length.to_le_bytes()[..], &elements, &[0]].concat()
}

fn element(kind: u8, name: &str, value: &[u8]) -> Vec<u8> {
    [&[kind][..], name.as_bytes(), &[0], value].concat()
}

fn text(name: &str, value: &str) -> Vec<u8> {
    let length = u32::try_from(value.len() + 1).unwrap_or(0);
    element(2, name, &[&length.to_le_bytes()[..], value.as_bytes(), &[0]].concat())
}

fn message(id: u32, response_to: u32, elements: &[Vec<u8>]) -> Vec<u8> {
    let body = [&[0; 5][..], &document(elements)].concat();
    let length = u32::try_from(body.len() + 16).unwrap_or(0);
    [length, id, response_to, 2013].iter().flat_map(|field| field.to_le_bytes()).chain(body).collect()
}

fn measure(name: &str, request: &[u8], reply: &[u8], attributes: bool) {
    let settings = Settings::default();
    let endpoints =
        Endpoints { client: ([127, 0, 0, 1], 40_000).into(), server: ([127, 0, 0, 1], 27_017).into() };
    let mut reader = Reader { attributes, exchanges: 0, text: 0, endpoints };
    let mut conversation = Conversation::new(true);
    let mut offsets = [0_u64; 2];
    let (begun, mut best, mut slices) = (Instant::now(), Duration::MAX, 0_u32);
    while begun.elapsed() < MEASURED || slices == 0 {
        let slice = Instant::now();
        for _ in 0..SLICE {
            for (direction, own, bytes) in
                [(Direction::ToServer, 0, request), (Direction::ToClient, 1, reply)]
            {
                let segment = Segment {
                    direction,
                    at: Timestamp::from_nanos(1_000),
                    offset: offsets[own],
                    opposite_offset: Some(offsets[1 - own]),
                    bytes,
                };
                offsets[own] += bytes.len() as u64;
                conversation.segment(&segment, &settings, &mut reader);
            }
        }
        best = best.min(slice.elapsed());
        slices += 1;
    }
    assert_eq!(reader.exchanges, u64::from(slices * SLICE), "every exchange must be reported");
    let nanos = best.as_nanos() as f64 / f64::from(SLICE);
    let rate = (request.len() + reply.len()) as f64 / nanos;
    println!("{name:<32} best {:.2} M/s ({nanos:.1} ns), {rate:.1} GB/s", 1_000.0 / nanos);
}

fn main() {
    let filter = element(3, "filter", &document(&[element(0x10, "_id", &[17, 0, 0, 0])]));
    let lsid =
        element(3, "lsid", &document(&[element(5, "id", &[&[16, 0, 0, 0, 4][..], &[7; 16]].concat())]));
    let request = message(1, 0, &[text("find", "orders"), filter, lsid, text("$db", "shop")]);
    let order = |size: usize| element(3, "0", &document(&[text("note", &"x".repeat(size))]));
    let reply = |size| {
        let batch = element(4, "firstBatch", &document(&[order(size)]));
        let cursor = document(&[batch, element(0x12, "id", &[0; 8]), text("ns", "shop.orders")]);
        message(2, 1, &[element(3, "cursor", &cursor), element(1, "ok", &1_f64.to_le_bytes())])
    };
    measure("find: parse + match", &request, &reply(200), false);
    measure("find: + attributes", &request, &reply(200), true);
    measure("find of a large document", &request, &reply(1_000_000), false);
}
