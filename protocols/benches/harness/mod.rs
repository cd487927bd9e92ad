//! What the benches of protocols share: connections that carry bytes to a [`Conversation`], a reader of the records, and
//! the loop that measures, on one core and from memory. A bench brings its traffic.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use plainsight_protocols::{
    Conversation, Direction, Endpoints, Exchange, Gap, GapCause, Segment, Settings, Side, Sink, Timestamp,
    Value,
};

/// Connections that take turns, so that their state competes for the cache as it does in use.
pub(crate) const CONNECTIONS: usize = 64;

/// Bytes that one call moves of a large message.
pub(crate) const PIECE: usize = 64 * 1024;

const MEASURED: Duration = Duration::from_secs(2);

/// Exchanges in one slice of about a millisecond, unless they are large. Whatever else runs on the machine, and on the
/// other half of the core, only ever makes a slice slower: the best one is the nearest to what the code takes.
const SLICE_EXCHANGES: usize = 2048;

/// Bytes in one slice, unless one round has more.
const SLICE_BYTES: usize = 2 << 20;

/// Time that this thread spent on a core: a busy machine slows the clock on the wall, not this one.
fn core_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("needs a Linux /proc");
    let nanos = text.split_whitespace().next().and_then(|field| field.parse().ok());
    Duration::from_nanos(nanos.expect("schedstat begins with nanoseconds"))
}

/// What is asked of every exchange.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Nothing: parsing and matching alone.
    Nothing,
    /// Name and error, as metrics need.
    Name,
    /// Every attribute, sanitised, as spans and records need.
    Attributes,
}

/// Every [`Ask`], with its name in that of a case.
pub(crate) const ASKS: [(&str, Ask); 3] =
    [("parse + match", Ask::Nothing), ("+ name, error", Ask::Name), ("+ attributes", Ask::Attributes)];

/// Counts text instead of keeping it.
#[derive(Default)]
struct Length(u64);

impl fmt::Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len() as u64;
        Ok(())
    }
}

/// Counts the exchanges, and asks them.
pub(crate) struct Reader {
    ask: Ask,
    exchanges: u64,
    text: Length,
    endpoints: Endpoints,
}

impl Reader {
    pub(crate) fn new(ask: Ask, port: u16) -> Self {
        let end = |port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
        let endpoints = Endpoints { client: end(40_000), server: end(port) };
        Self { ask, exchanges: 0, text: Length::default(), endpoints }
    }

    pub(crate) fn read(&mut self, exchange: &Exchange<'_>, side: Side, endpoints: &Endpoints) {
        self.exchanges += 1;
        if self.ask == Ask::Nothing {
            return;
        }
        exchange.details.name(&mut self.text).expect("counting does not fail");
        self.text.0 += u64::from(exchange.details.error_type(side).is_some());
        if self.ask == Ask::Attributes {
            exchange.details.attributes(side, endpoints, &mut |name, value| {
                let length = match value {
                    Value::Text(text) => text.len(),
                    Value::Integer(_) => 8,
                    Value::Texts(texts) => texts.iter().map(|text| text.len()).sum(),
                };
                self.text.0 += (name.len() + length) as u64;
            });
        }
    }
}

impl Sink for Reader {
    fn exchange(&mut self, exchange: &Exchange<'_>) {
        let endpoints = self.endpoints;
        self.read(exchange, Side::Server, &endpoints);
    }

    fn unobserved(&mut self, _count: u64) {}
}

/// One connection: its state, how far its two streams have come, and a clock that ticks a microsecond a call.
pub(crate) struct Line {
    conversation: Conversation,
    settings: Settings,
    offsets: [u64; 2],
    now: u64,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self {
            conversation: Conversation::new(true),
            settings: Settings::default(),
            offsets: [0; 2],
            now: 1_000_000_000,
        }
    }

    pub(crate) fn carry(&mut self, direction: Direction, bytes: &[u8], reader: &mut Reader) {
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
        self.conversation.segment(&segment, &self.settings, reader);
    }

    /// Only the first bytes of a call are copied.
    pub(crate) fn carry_partly(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        copied: usize,
        reader: &mut Reader,
    ) {
        let seen = copied.min(bytes.len());
        self.carry(direction, &bytes[..seen], reader);
        let rest = (bytes.len() - seen) as u64;
        if rest > 0 {
            let own = usize::from(direction == Direction::ToClient);
            let gap = Gap {
                direction,
                at: Timestamp::from_nanos(self.now),
                offset: self.offsets[own],
                bytes: rest,
                cause: GapCause::NotCopied,
            };
            self.offsets[own] += rest;
            self.conversation.gap(&gap, reader);
        }
    }
}

/// What one round of a case makes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Round {
    pub(crate) exchanges: usize,
    pub(crate) bytes: usize,
    /// Exchanges that may still wait for their answers when the measuring ends.
    pub(crate) waiting: usize,
}

/// Repeats a round and prints what it takes, if the case's name contains the argument of the command line.
pub(crate) fn measure(name: &str, size: Round, reader: &mut Reader, mut round: impl FnMut(&mut Reader)) {
    let wanted = std::env::args().nth(1).filter(|argument| !argument.starts_with('-')).unwrap_or_default();
    if !name.contains(&wanted) {
        return;
    }
    let rounds = (SLICE_EXCHANGES / size.exchanges).min(SLICE_BYTES / size.bytes).max(1);
    (reader.exchanges, reader.text) = (0, Length::default());
    let (mut best, mut slices) = (Duration::MAX, 0);
    let (begun, used) = (Instant::now(), core_time());
    while begun.elapsed() < MEASURED || slices == 0 {
        let slice = Instant::now();
        for _ in 0..rounds {
            round(reader);
        }
        best = best.min(slice.elapsed());
        slices += 1;
    }
    let used = core_time().saturating_sub(used);
    let made = (slices * rounds * size.exchanges) as u64;
    let missing = made.checked_sub(reader.exchanges).expect("no exchange must be reported twice");
    assert!(missing <= size.waiting as u64, "{missing} exchanges were not reported");
    let best = best.as_nanos() as f64 / (rounds * size.exchanges) as f64;
    let mean = used.as_nanos() as f64 / made as f64;
    println!(
        "{name:<56} best {:>5.2} M/s ({best:>8.1} ns, {:>7.2} GB/s), mean {:>5.2} M/s ({mean:>8.1} ns); \
         {made} exchanges, {} bytes of text each",
        1_000.0 / best,
        size.bytes as f64 / size.exchanges as f64 / best,
        1_000.0 / mean,
        reader.text.0 / made
    );
}

/// Calls in turn, as programs make them.
pub(crate) type Calls = Vec<(Direction, Vec<u8>)>;

/// What is said on a connection.
pub(crate) struct Talk {
    /// Before the measuring begins.
    pub(crate) prologue: Calls,
    /// Over and over.
    pub(crate) calls: Calls,
    /// Exchanges that the calls make.
    pub(crate) exchanges: usize,
}

impl Talk {
    /// Exchanges that are asked and answered in calls of at most so many bytes.
    pub(crate) fn new(request: &[u8], response: &[u8], exchanges: usize, call: usize) -> Self {
        let cut = |direction, bytes: &[u8]| -> Calls {
            bytes.chunks(call).map(|bytes| (direction, bytes.to_vec())).collect()
        };
        let calls = [cut(Direction::ToServer, request), cut(Direction::ToClient, response)].concat();
        Self { prologue: Vec::new(), calls, exchanges }
    }

    /// Measures connections that say it, to a server's port.
    pub(crate) fn measure(&self, name: &str, ask: Ask, port: u16) {
        let mut reader = Reader::new(ask, port);
        let mut lines: Vec<_> = (0..CONNECTIONS).map(|_| Line::new()).collect();
        for line in &mut lines {
            for (direction, bytes) in &self.prologue {
                line.carry(*direction, bytes, &mut reader);
            }
        }
        let bytes = self.calls.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() * CONNECTIONS;
        let size = Round { exchanges: self.exchanges * CONNECTIONS, bytes, waiting: 0 };
        measure(name, size, &mut reader, |reader| {
            for line in &mut lines {
                for (direction, bytes) in &self.calls {
                    line.carry(*direction, bytes, reader);
                }
            }
        });
    }
}
