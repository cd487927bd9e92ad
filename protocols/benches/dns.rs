//! Lookups a second on one core, from memory: reading, matching, and what a reader of the records asks for. Traffic is what
//! a resolver says to a client that asks for an address by EDNS.
//!
//! `cargo bench -p plainsight-protocols --bench dns [-- PART-OF-A-CASE'S-NAME]`

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use plainsight_protocols::{
    Conversation, Datagram, DatagramEnds, DatagramSink, Direction, Endpoints, Exchange, Segment, Settings,
    Side, Sink, Timestamp, Value, dns::Datagrams,
};

const QUERY: &[u8] = b"\x12\x34\x01\x20\0\x01\0\0\0\0\0\x01\x03www\x07example\x03org\0\0\x01\0\x01\
    \0\0\x29\x04\xd0\0\0\0\0\0\0";
const RESPONSE: &[u8] = b"\x12\x34\x81\x80\0\x01\0\x03\0\0\0\x01\x03www\x07example\x03org\0\0\x01\0\x01\
    \xc0\x0c\0\x05\0\x01\0\0\x01\x2c\0\x06\x03web\xc0\x10\
    \xc0\x31\0\x01\0\x01\0\0\x01\x2c\0\x04\xc0\0\x02\x01\xc0\x31\0\x01\0\x01\0\0\x01\x2c\0\x04\xc0\0\x02\x02\
    \0\0\x29\x04\xd0\0\0\0\0\0\0";

/// Sockets that take turns, so that their state competes for the cache as it does in use.
const SOCKETS: usize = 64;
const MEASURED: Duration = Duration::from_secs(2);
/// Rounds over all sockets in one slice of about a millisecond; the best slice is the nearest to what the code takes.
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
    /// Nothing: reading and matching alone.
    Nothing,
    /// Name and error, as metrics need.
    Name,
    /// Every attribute, as spans and records need.
    Attributes,
}

struct Reader {
    ask: Ask,
    exchanges: u64,
    text: Length,
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

impl Reader {
    fn read(&mut self, exchange: &Exchange<'_>, side: Side, endpoints: &Endpoints) {
        self.exchanges += 1;
        assert!(exchange.ended.is_some(), "only pairs");
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

impl DatagramSink<[u64; 5]> for Reader {
    fn exchange(&mut self, exchange: &Exchange<'_>, ends: &DatagramEnds, _: &[u64; 5]) {
        self.read(exchange, ends.side, &ends.endpoints());
    }
}

impl Sink for Reader {
    fn exchange(&mut self, exchange: &Exchange<'_>) {
        let end = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 53);
        self.read(exchange, Side::Server, &Endpoints { client: end, server: end });
    }

    fn unobserved(&mut self, _count: u64) {}
}

/// Calls `round` with the time, the number of a socket and a fresh id, and prints how many rounds fit in a second.
fn measure(name: &str, ask: Ask, bytes: usize, mut round: impl FnMut(&mut Reader, u64, usize, u16)) {
    let mut reader = Reader { ask, exchanges: 0, text: Length::default() };
    let (mut now, mut id, mut rounds) = (1_000_000_000, 0_u16, 0_u64);
    let mut best = Duration::MAX;
    let (begun, used) = (Instant::now(), core_time());
    while begun.elapsed() < MEASURED || rounds == 0 {
        let slice = Instant::now();
        for _ in 0..SLICE {
            id = id.wrapping_add(40_503);
            for socket in 0..SOCKETS {
                now += 2_000;
                round(&mut reader, now, socket, id);
            }
        }
        best = best.min(slice.elapsed());
        rounds += (SLICE * SOCKETS) as u64;
    }
    let missing = rounds - reader.exchanges;
    assert!(missing <= (SOCKETS * IN_FLIGHT) as u64, "{missing} exchanges were not reported");
    let best = best.as_nanos() as f64 / (SLICE * SOCKETS) as f64;
    let mean = core_time().saturating_sub(used).as_nanos() as f64 / rounds as f64;
    println!(
        "{name:<44} best {:>5.2} M/s ({best:>6.1} ns), mean {:>5.2} M/s ({mean:>6.1} ns), {:>4.0} MB/s; {} bytes of text each",
        1_000.0 / best,
        1_000.0 / mean,
        bytes as f64 * 1_000.0 / best,
        reader.text.0 / rounds
    );
}

/// Questions that wait on each socket in the cases with many.
const IN_FLIGHT: usize = 256;

fn with_id(message: &[u8], id: u16, buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.extend_from_slice(&id.to_be_bytes());
    buffer.extend_from_slice(&message[2..]);
}

fn udp(name: &str, ask: Ask, serves: bool, in_flight: usize) {
    let mut sockets: Vec<_> =
        (0..SOCKETS).map(|_| Datagrams::<[u64; 5]>::new(Timestamp::default(), false)).collect();
    let mut asked = vec![std::collections::VecDeque::new(); SOCKETS];
    let mut buffer = Vec::new();
    measure(name, ask, QUERY.len() + RESPONSE.len(), |reader, now, socket, id| {
        let client =
            SocketAddr::new(IpAddr::from([10, 0, (id >> 8) as u8, socket as u8]), 1024 + (id & 0xff));
        let server = SocketAddr::new(IpAddr::from([10, 0, 0, 53]), 53);
        let local = SocketAddr::new(IpAddr::from([10, 0, 0, 7]), 53);
        let mut tell = |sent, remote, bytes: &[u8], at| {
            let at = Timestamp::from_nanos(at);
            let datagram =
                Datagram { sent, at, local, remote, length: bytes.len() as u32, bytes, tag: [7; 5] };
            sockets[socket].datagram(&datagram, reader);
        };
        let remote = if serves { client } else { server };
        with_id(QUERY, id, &mut buffer);
        tell(!serves, remote, &buffer, now);
        asked[socket].push_back((id, remote));
        if asked[socket].len() > in_flight
            && let Some((id, remote)) = asked[socket].pop_front()
        {
            with_id(RESPONSE, id, &mut buffer);
            tell(serves, remote, &buffer, now + 1_000);
        }
    });
}

fn tcp(name: &str, ask: Ask, answer: &[u8]) {
    let settings = Settings::default();
    let prefixed = |message: &[u8]| [&(message.len() as u16).to_be_bytes()[..], message].concat();
    let mut connections: Vec<_> = (0..SOCKETS).map(|_| (Conversation::new(true), [0_u64; 2])).collect();
    let (mut query, mut response) = (prefixed(QUERY), prefixed(answer));
    measure(name, ask, query.len() + response.len(), |reader, now, socket, id| {
        let (conversation, offsets) = &mut connections[socket];
        for (index, bytes) in [&mut query, &mut response].into_iter().enumerate() {
            bytes[2..4].copy_from_slice(&id.to_be_bytes());
            let direction = if index == 0 { Direction::ToServer } else { Direction::ToClient };
            let at = Timestamp::from_nanos(now + 1_000 * index as u64);
            let segment = Segment {
                direction,
                at,
                offset: offsets[index],
                opposite_offset: Some(offsets[1 - index]),
                bytes,
            };
            offsets[index] += bytes.len() as u64;
            conversation.segment(&segment, &settings, reader);
        }
    });
}

/// An answer as long as they come.
fn long_answer() -> Vec<u8> {
    let mut answer = RESPONSE[..RESPONSE.len() - 11].to_vec();
    let record = b"\xc0\x0c\0\x10\0\x01\0\0\0\0\x0f\xf4";
    for _ in 0..15 {
        answer.extend_from_slice(record);
        answer.extend(std::iter::repeat_n(b'x', 0x0ff4));
    }
    answer[7] += 15;
    answer[11] = 0;
    answer
}

/// A case, which is told its name.
type Case<'a> = &'a dyn Fn(&str);

fn main() {
    let wanted = std::env::args().nth(1).filter(|argument| !argument.starts_with('-')).unwrap_or_default();
    let asks =
        [("read + match", Ask::Nothing), ("+ name, error", Ask::Name), ("+ attributes", Ask::Attributes)];
    for (asked, ask) in asks {
        let named = |name: &str| format!("{name}: {asked}");
        let cases: [(String, Case<'_>); 4] = [
            (named("udp client"), &|name| udp(name, ask, false, 0)),
            (named("udp client, 256 waiting"), &|name| udp(name, ask, false, IN_FLIGHT)),
            (named("udp server, 256 clients waiting"), &|name| udp(name, ask, true, IN_FLIGHT)),
            (named("tcp"), &|name| tcp(name, ask, RESPONSE)),
        ];
        for (name, case) in cases {
            if name.contains(&wanted) {
                case(&name);
            }
        }
    }
    let name = "tcp, 61 kB answers: read + match";
    if name.contains(&wanted) {
        tcp(name, Ask::Nothing, &long_answer());
    }
}
