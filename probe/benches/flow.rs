//! What the room between events and parsers costs: nanoseconds for a chunk that arrives in order, through a worker and,
//! for comparison, given to the conversations directly.
//!
//! Each round passes the same chunks, requests and responses of keep-alive connections in turn, first of few
//! connections, whose state stays in the processor's cache, then of 20,000. The fastest of several rounds counts: it
//! is the one that was disturbed least.
//!
//! Run it with `cargo bench --package plainsight --bench flow`.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use plainsight::capture::{Chunk, ConnectionId, Event, Flow, Opened, Process, Role, Transport};
use plainsight::flow::{Observed, Observer, Worker, WorkerSettings};
use plainsight_protocols::{Conversation, Direction, Exchange, Segment, Settings, Sink, Timestamp};

const REQUEST: &[u8] =
    b"GET /items/17 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";
const RESPONSE: &[u8] =
    b"HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world\n";

const CHUNKS_PER_ROUND: u64 = 400_000;
const ROUNDS: usize = 7;
/// Time between two chunks, as at half a million a second.
const CHUNK_INTERVAL_NS: u64 = 2_000;
/// The pause of the thread that drains the kernel's ring.
const TICK_INTERVAL_NS: u64 = 2_000_000;

#[derive(Default)]
struct Count(u64);

impl Observer for Count {
    fn exchange(&mut self, observed: &Observed<'_>) {
        self.0 += u64::from(black_box(observed).exchange.ended.is_some());
    }

    fn unobserved(&mut self, count: u64) {
        black_box(count);
    }

    fn ignore(&mut self, connection: ConnectionId) {
        black_box(connection);
    }

    fn forgotten(&mut self, connection: ConnectionId) {
        black_box(connection);
    }
}

impl Sink for Count {
    fn exchange(&mut self, exchange: &Exchange<'_>) {
        self.0 += u64::from(black_box(exchange).ended.is_some());
    }

    fn unobserved(&mut self, count: u64) {
        black_box(count);
    }
}

/// The chunks of one round: every connection in turn reads a request and writes its response.
fn chunks(connections: u64) -> impl Iterator<Item = Chunk<'static>> {
    let (asked, answered) = (REQUEST.len() as u32, RESPONSE.len() as u32);
    (0..CHUNKS_PER_ROUND).map(move |number| {
        let exchange = number / 2;
        let turn = (exchange / connections) as u32;
        let is_request = number % 2 == 0;
        let (bytes, flow) = if is_request { (REQUEST, Flow::Received) } else { (RESPONSE, Flow::Sent) };
        let request_sequence = 1_000 + turn * asked;
        let response_sequence = 9_000 + turn * answered;
        let (sequence, opposite) = if is_request {
            (request_sequence, response_sequence)
        } else {
            (response_sequence, request_sequence + asked)
        };
        Chunk {
            connection: ConnectionId(1 + exchange % connections),
            at: Timestamp::from_nanos(1_000_000_000 + number * CHUNK_INTERVAL_NS),
            flow,
            sequence: Some(sequence),
            opposite_sequence: Some(opposite),
            length: bytes.len() as u32,
            bytes,
            lost_calls: 0,
            process: Process::default(),
        }
    })
}

/// One round through a worker: nanoseconds per chunk, exchanges found, and chunks that did not pass straight through.
fn through_worker(connections: u64) -> (f64, u64, u64) {
    let address = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let mut worker = Worker::new(WorkerSettings::live(), Count::default());
    for id in 1..=connections {
        worker.event(&Event::Opened(Opened {
            connection: ConnectionId(id),
            at: Timestamp::from_nanos(1_000_000_000),
            transport: Transport::Tcp,
            local: address(80),
            remote: address(50_000),
            role: Role::Server,
            from_start: true,
            handshake_ns: None,
            network_namespace: 0,
        }));
    }
    let mut ticked = 0;
    let begun = Instant::now();
    for chunk in chunks(connections) {
        let now = chunk.at;
        worker.event(&Event::Chunk(chunk));
        if now.as_nanos() - ticked > TICK_INTERVAL_NS {
            ticked = now.as_nanos();
            worker.tick(now);
        }
    }
    let elapsed = begun.elapsed();
    let streams = worker.counters().streams;
    let aside = streams.reordered_chunks + streams.gaps + streams.duplicate_bytes;
    (per_chunk(elapsed), worker.observer().0, aside)
}

/// The same chunks given to conversations in an array: the parser's share.
fn through_conversations(connections: u64) -> (f64, u64) {
    let settings = Settings::default();
    let mut conversations: Vec<_> = (0..=connections).map(|_| Conversation::new(true)).collect();
    let mut count = Count::default();
    let begun = Instant::now();
    for chunk in chunks(connections) {
        let is_request = chunk.flow == Flow::Received;
        let segment = Segment {
            direction: if is_request { Direction::ToServer } else { Direction::ToClient },
            at: chunk.at,
            offset: (1 << 48) + u64::from(chunk.sequence.unwrap_or(0)),
            opposite_offset: chunk.opposite_sequence.map(|sequence| (1 << 48) + u64::from(sequence)),
            bytes: chunk.bytes,
        };
        conversations[chunk.connection.0 as usize].segment(&segment, &settings, &mut count);
    }
    (per_chunk(begun.elapsed()), count.0)
}

fn per_chunk(elapsed: std::time::Duration) -> f64 {
    elapsed.as_nanos() as f64 / CHUNKS_PER_ROUND as f64
}

fn main() {
    println!(
        "bytes per connection, without what its parser allocates: {}",
        Worker::<Count>::bytes_per_connection()
    );
    println!("connections  worker ns/chunk  parser ns/chunk  flow ns/chunk  exchanges");
    for connections in [64, 20_000] {
        let (mut worker, mut parser) = (f64::INFINITY, f64::INFINITY);
        let mut found = 0;
        for _ in 0..ROUNDS {
            let (elapsed, exchanges, aside) = through_worker(connections);
            assert_eq!(aside, 0, "every chunk passes straight through");
            worker = worker.min(elapsed);
            let (elapsed, exchanges_directly) = through_conversations(connections);
            parser = parser.min(elapsed);
            assert_eq!(exchanges, exchanges_directly, "both ways find the same exchanges");
            found = exchanges;
        }
        println!("{connections:>11}  {worker:>15.1}  {parser:>15.1}  {:>13.1}  {found:>9}", worker - parser);
    }
}
