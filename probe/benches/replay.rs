//! HTTP/1 exchanges a second through the whole replay path on one core, from memory: the bytes of a capture file, packet
//! by packet, to segments, streams, messages, exchanges and, in the second figure, records with every attribute.
//!
//! The capture holds keep-alive connections that take turns, each asking and being answered in one packet, at rising
//! times. The fastest of several rounds counts: it is the one that was disturbed least.
//!
//! Run it with `cargo bench --package plainsight --bench replay`, or with `cargo xtask bench replay`.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use plainsight::{
    capture::ConnectionId,
    flow::{Observed, Observer, Worker, WorkerSettings},
    replay::Reader,
    signal::{Clock, IdGenerator, RecordBuilder},
};
use plainsight_protocols::Timestamp;

const REQUEST: &[u8] =
    b"GET /items/17 HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";
const RESPONSE: &[u8] =
    b"HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world\n";

const CONNECTIONS: u32 = 64;
/// Exchanges of each connection: the capture has some fifty megabytes, more than any cache holds.
const TURNS: u32 = 2_000;
const ROUNDS: usize = 9;
/// Time between two packets.
const INTERVAL_NS: u64 = 2_000;
/// Time of the capture between two looks at what waits, as `plainsight replay` has it.
const TICK: Duration = Duration::from_millis(2);

const CLIENT_START: u32 = 1_000;
const SERVER_START: u32 = 900_000_000;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const PUSH: u8 = 0x08;

/// A capture being written, in the classic format with nanoseconds.
struct Capture {
    bytes: Vec<u8>,
    now: u64,
}

/// One end's half of a packet.
struct Segment<'a> {
    connection: u32,
    to_server: bool,
    flags: u8,
    sequence: u32,
    acknowledged: u32,
    payload: &'a [u8],
}

impl Capture {
    fn new() -> Self {
        let mut bytes = Vec::new();
        bytes.extend([0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0]);
        // No time zone, no accuracy, packets of up to 64 KiB, Ethernet.
        bytes.extend([0; 8]);
        bytes.extend(65_536_u32.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
        Self { bytes, now: 1_700_000_000_000_000_000 }
    }

    fn packet(&mut self, segment: &Segment<'_>) {
        self.now += INTERVAL_NS;
        let length = 14 + 20 + 20 + segment.payload.len() as u32;
        let (seconds, nanos) = (self.now / 1_000_000_000, self.now % 1_000_000_000);
        for number in [seconds as u32, nanos as u32, length, length] {
            self.bytes.extend(number.to_le_bytes());
        }
        // Ethernet: two addresses, IPv4.
        self.bytes.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
        let (client, server) = ([10, 0, 0, 7], [10, 0, 0, 9]);
        let (client_port, server_port) = (30_000 + segment.connection as u16, 8080_u16);
        let ((from, to), (from_port, to_port)) = if segment.to_server {
            ((client, server), (client_port, server_port))
        } else {
            ((server, client), (server_port, client_port))
        };
        let total = (length - 14) as u16;
        self.bytes.extend([0x45, 0]);
        self.bytes.extend(total.to_be_bytes());
        // Identification, "do not fragment", time to live, TCP, a checksum that nobody looks at.
        self.bytes.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        self.bytes.extend(from);
        self.bytes.extend(to);
        self.bytes.extend(from_port.to_be_bytes());
        self.bytes.extend(to_port.to_be_bytes());
        self.bytes.extend(segment.sequence.to_be_bytes());
        self.bytes.extend(segment.acknowledged.to_be_bytes());
        self.bytes.extend([0x50, segment.flags, 0xff, 0xff, 0, 0, 0, 0]);
        self.bytes.extend(segment.payload);
    }
}

/// The whole capture.
fn capture() -> Vec<u8> {
    let mut capture = Capture::new();
    let segment = |connection, to_server, flags, sequence, acknowledged, payload| Segment {
        connection,
        to_server,
        flags,
        sequence,
        acknowledged,
        payload,
    };
    for connection in 0..CONNECTIONS {
        capture.packet(&segment(connection, true, SYN, CLIENT_START - 1, 0, b""));
        capture.packet(&segment(connection, false, SYN | ACK, SERVER_START - 1, CLIENT_START, b""));
        capture.packet(&segment(connection, true, ACK, CLIENT_START, SERVER_START, b""));
    }
    for turn in 0..TURNS {
        let asked = CLIENT_START + turn * REQUEST.len() as u32;
        let answered = SERVER_START + turn * RESPONSE.len() as u32;
        for connection in 0..CONNECTIONS {
            capture.packet(&segment(connection, true, PUSH | ACK, asked, answered, REQUEST));
            let read = asked + REQUEST.len() as u32;
            capture.packet(&segment(connection, false, PUSH | ACK, answered, read, RESPONSE));
        }
    }
    capture.bytes
}

/// Counts exchanges and, where it has a builder, makes records of them.
struct Count {
    exchanges: u64,
    builder: Option<RecordBuilder>,
}

impl Observer for Count {
    fn exchange(&mut self, observed: &Observed<'_>) {
        self.exchanges += u64::from(black_box(observed).exchange.ended.is_some());
        if let Some(builder) = &mut self.builder {
            black_box(builder.build(observed));
        }
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

/// Reads the capture once. Gives the seconds that it took.
fn round(capture: &[u8], builder: Option<RecordBuilder>) -> f64 {
    let begun = Instant::now();
    let mut worker = Worker::new(WorkerSettings::replay(), Count { exchanges: 0, builder });
    let mut reader = Reader::new(capture).expect("the capture begins like one");
    let mut ticked = Timestamp::default();
    let read = reader.run(|event| {
        worker.event(event);
        let at = event.at();
        if at.since(ticked) >= TICK {
            ticked = at;
            worker.tick(at);
        }
    });
    worker.finish(ticked);
    let elapsed = begun.elapsed().as_secs_f64();
    assert!(read.is_ok(), "the capture is whole");
    let wanted = u64::from(CONNECTIONS * TURNS);
    assert_eq!(worker.observer().exchanges, wanted, "every exchange is found, and none twice");
    elapsed
}

fn main() {
    let capture = capture();
    let exchanges = f64::from(CONNECTIONS * TURNS);
    for (name, with_records) in [("exchanges found", false), ("records made", true)] {
        let mut seconds: Vec<_> = (0..ROUNDS)
            .map(|_| {
                let ids = IdGenerator::from_seed([7; 32]);
                round(&capture, with_records.then(|| RecordBuilder::new(Clock::WallTime, ids, false)))
            })
            .collect();
        seconds.sort_by(f64::total_cmp);
        let (best, median) = (seconds[0], seconds[ROUNDS / 2]);
        println!(
            "HTTP/1 through replay, {name}: {:.2} M/s at best, {:.2} M/s in the median of {ROUNDS} rounds ({:.0} ns \
             each, {:.2} GB/s of capture)",
            exchanges / best / 1e6,
            exchanges / median / 1e6,
            best * 1e9 / exchanges,
            capture.len() as f64 / best / 1e9
        );
    }
}
