//! PostgreSQL exchanges a second through [`Conversation`] on one core, from memory: parsing, matching, and what a reader
//! of the records asks for; and bytes a second of large results and copies.
//!
//! `cargo bench -p plainsight-protocols --bench postgresql [-- PART-OF-A-CASE'S-NAME]`

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
/// Rounds over all connections in one slice, the best of which is the nearest to what the code takes.
const SLICE: usize = 16;

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

    fn unobserved(&mut self, count: u64) {
        assert_eq!(count, 0, "nothing was lost");
    }
}

fn message(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let length = u32::try_from(body.len() + 4).expect("short");
    [&[kind][..], &length.to_be_bytes(), &body].concat()
}

/// One connection: its state, and where its streams stand.
struct Line {
    conversation: Conversation,
    offsets: [u64; 2],
}

impl Line {
    fn say(&mut self, direction: Direction, bytes: &[u8], now: u64, settings: &Settings, sink: &mut Reader) {
        let own = usize::from(direction == Direction::ToClient);
        let segment = Segment {
            direction,
            at: Timestamp::from_nanos(now),
            offset: self.offsets[own],
            opposite_offset: Some(self.offsets[1 - own]),
            bytes,
        };
        self.offsets[own] += bytes.len() as u64;
        self.conversation.segment(&segment, settings, sink);
    }
}

/// What is said in turn, over and over, by how many exchanges.
struct Case {
    name: &'static str,
    prologue: Vec<(Direction, Vec<u8>)>,
    talk: Vec<(Direction, Vec<u8>)>,
    exchanges: u64,
}

fn measure(case: &Case, ask: Ask, suffix: &str) {
    let settings = Settings::default();
    let endpoints = Endpoints {
        client: SocketAddr::from(([127, 0, 0, 1], 40_000)),
        server: SocketAddr::from(([127, 0, 0, 1], 5432)),
    };
    let mut reader = Reader { ask, exchanges: 0, text: Length::default(), endpoints };
    let mut now = 0;
    let mut lines: Vec<_> =
        (0..CONNECTIONS).map(|_| Line { conversation: Conversation::new(true), offsets: [0; 2] }).collect();
    for line in &mut lines {
        for (direction, bytes) in &case.prologue {
            now += 1_000;
            line.say(*direction, bytes, now, &settings, &mut reader);
        }
    }
    let before = reader.exchanges;
    let round: u64 = case.talk.iter().map(|(_, bytes)| bytes.len() as u64).sum();
    let (begun, mut best, mut rounds) = (Instant::now(), Duration::MAX, 0_u64);
    while begun.elapsed() < MEASURED || rounds == 0 {
        let slice = Instant::now();
        for _ in 0..SLICE {
            for line in &mut lines {
                for (direction, bytes) in &case.talk {
                    now += 1_000;
                    line.say(*direction, bytes, now, &settings, &mut reader);
                }
            }
        }
        best = best.min(slice.elapsed());
        rounds += (SLICE * CONNECTIONS) as u64;
    }
    assert_eq!(reader.exchanges - before, rounds * case.exchanges, "every exchange must be reported");
    let nanos = best.as_nanos() as f64 / (SLICE * CONNECTIONS) as f64;
    println!(
        "{:<28} {suffix:<14} {:>6.2} M exchanges/s ({:>7.1} ns), {:>7.2} GB/s",
        case.name,
        case.exchanges as f64 * 1_000.0 / nanos,
        nanos / case.exchanges as f64,
        round as f64 / nanos,
    );
}

fn cases() -> Vec<Case> {
    let (asks, answers) = (Direction::ToServer, Direction::ToClient);
    let ready = message(b'Z', &[b"I"]);
    let startup = [&[0, 0, 0, 0x20, 0, 3, 0, 0][..], b"user\0bench\0database\0b1\0\0"].concat();
    let hello = [message(b'R', &[&[0; 4]]), message(b'K', &[&[0; 8]]), ready.clone()].concat();
    let sql = b"SELECT abalance FROM pgbench_accounts WHERE aid = $1\0";
    let session = vec![(asks, startup), (answers, hello)];
    let mut prepared = session.clone();
    prepared.push((asks, [message(b'P', &[b"P_0\0", sql, &[0, 0]]), message(b'S', &[])].concat()));
    prepared.push((answers, [message(b'1', &[]), ready.clone()].concat()));
    let columns = message(b'T', &[&[0, 1], b"abalance\0", &[0; 18]]);
    let row = message(b'D', &[&[0, 1, 0, 0, 0, 1], b"0"]);
    let done = message(b'C', &[b"SELECT 1\0"]);
    let query = message(b'Q', &[b"SELECT abalance FROM pgbench_accounts WHERE aid = 74213;\0"]);
    let bind = message(b'B', &[b"\0P_0\0", &[0, 0, 0, 1, 0, 0, 0, 5], b"74213", &[0, 0]]);
    let execute = message(b'E', &[&[0; 5]]);
    let sync = message(b'S', &[]);
    let run = [bind.clone(), message(b'D', &[b"P\0"]), execute].concat();
    let ran = [message(b'2', &[]), columns.clone(), row.clone(), done.clone()].concat();
    let parse = message(b'P', &[b"\0", sql, &[0, 0]]);
    let rebind = message(b'B', &[b"\0\0", &[0, 0, 0, 1, 0, 0, 0, 5], b"74213", &[0, 0]]);
    let wide = message(b'D', &[&[0, 1, 0, 0, 0x20, 0], &[b'x'; 0x2000]]);
    let copied = message(b'd', &[&[b'x'; 0x2000]]);
    let different = (0..8_u8)
        .flat_map(|digit| {
            let text =
                [b"SELECT abalance FROM pgbench_accounts WHERE aid = 7421", &[b'0' + digit, b';', 0][..]]
                    .concat();
            let answer = [columns.clone(), row.clone(), done.clone(), ready.clone()].concat();
            [(asks, message(b'Q', &[&text])), (answers, answer)]
        })
        .collect();
    vec![
        Case { name: "simple, all different", prologue: session.clone(), talk: different, exchanges: 8 },
        Case {
            name: "extended",
            prologue: session.clone(),
            talk: vec![
                (
                    asks,
                    [parse, rebind, message(b'D', &[b"P\0"]), message(b'E', &[&[0; 5]]), sync.clone()]
                        .concat(),
                ),
                (answers, [message(b'1', &[]), ran.clone(), ready.clone()].concat()),
            ],
            exchanges: 1,
        },
        Case {
            name: "prepared",
            prologue: prepared.clone(),
            talk: vec![
                (asks, [run.clone(), sync.clone()].concat()),
                (answers, [ran.clone(), ready.clone()].concat()),
            ],
            exchanges: 1,
        },
        Case {
            name: "pipeline of 50",
            prologue: prepared,
            talk: vec![
                (asks, [run.repeat(50), sync].concat()),
                (answers, [ran.repeat(50), ready.clone()].concat()),
            ],
            exchanges: 50,
        },
        Case {
            name: "result of 100 short rows",
            prologue: session.clone(),
            talk: vec![
                (asks, query.clone()),
                (
                    answers,
                    [columns.clone(), row.repeat(100), message(b'C', &[b"SELECT 100\0"]), ready.clone()]
                        .concat(),
                ),
            ],
            exchanges: 1,
        },
        Case {
            name: "result of 100 rows of 8 KiB",
            prologue: session.clone(),
            talk: vec![
                (asks, query),
                (
                    answers,
                    [columns, wide.repeat(100), message(b'C', &[b"SELECT 100\0"]), ready.clone()].concat(),
                ),
            ],
            exchanges: 1,
        },
        Case {
            name: "copy in of 800 KiB",
            prologue: session,
            talk: vec![
                (asks, message(b'Q', &[b"COPY a FROM STDIN\0"])),
                (answers, message(b'G', &[&[0, 0, 1, 0, 0]])),
                (asks, [copied.repeat(100), message(b'c', &[])].concat()),
                (answers, [message(b'C', &[b"COPY 100\0"]), ready].concat()),
            ],
            exchanges: 1,
        },
    ]
}

fn main() {
    let wanted = std::env::args().nth(1).filter(|argument| !argument.starts_with('-')).unwrap_or_default();
    for case in cases() {
        for (suffix, ask) in [("", Ask::Nothing), ("+ name", Ask::Name), ("+ attributes", Ask::Attributes)] {
            if format!("{} {suffix}", case.name).contains(&wanted) {
                measure(&case, ask, suffix);
            }
        }
    }
}
