//! Workers and pairs of streams as their callers see them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use plainsight_protocols::Timestamp;

use super::{Observed, Observer};
use crate::capture::{Chunk, Closed, ConnectionId, Event, Flow, Opened, Process, Role, Transport};

mod datagrams;
mod exchanges;
mod lives;
mod pairs;
mod sequences;
mod workers;

/// Keeps what it was told.
#[derive(Debug, Default)]
struct Told {
    exchanges: Vec<String>,
    unobserved: u64,
    ignored: Vec<u64>,
    forgotten: Vec<u64>,
}

impl Observer for Told {
    fn exchange(&mut self, observed: &Observed<'_>) {
        let Observed { exchange, connection, side, .. } = observed;
        let mut summary = String::new();
        exchange.details.summary(&mut summary).expect("text accepts everything");
        let outcome = exchange.outcome;
        self.exchanges.push(format!("{} {side:?} {summary} {outcome:?}", connection.0));
    }

    fn unobserved(&mut self, count: u64) {
        self.unobserved += count;
    }

    fn ignore(&mut self, connection: ConnectionId) {
        self.ignored.push(connection.0);
    }

    fn forgotten(&mut self, connection: ConnectionId) {
        self.forgotten.push(connection.0);
    }
}

fn milliseconds(count: u64) -> Timestamp {
    Timestamp::from_nanos(count * 1_000_000)
}

fn opened(id: u64, at: u64, role: Role) -> Event<'static> {
    let address = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    Event::Opened(Opened {
        connection: ConnectionId(id),
        at: milliseconds(at),
        transport: Transport::Tcp,
        local: address(8080),
        remote: address(50_000),
        role,
        from_start: true,
        handshake_ns: None,
        network_namespace: 0,
    })
}

fn chunk(id: u64, at: u64, flow: Flow, sequence: u32, opposite_sequence: u32, bytes: &[u8]) -> Chunk<'_> {
    Chunk {
        connection: ConnectionId(id),
        at: milliseconds(at),
        flow,
        sequence: Some(sequence),
        opposite_sequence: Some(opposite_sequence),
        length: bytes.len() as u32,
        bytes,
        lost_calls: 0,
        process: Process::default(),
    }
}

fn closed(id: u64, at: u64) -> Event<'static> {
    Event::Closed(Closed {
        connection: ConnectionId(id),
        at: milliseconds(at),
        reset: false,
        received_bytes: None,
        sent_bytes: None,
        round_trip_ns: None,
        retransmits: None,
        lost_calls: [0; 2],
    })
}
