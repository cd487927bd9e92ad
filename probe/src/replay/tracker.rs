//! From packets to the events of connections.

use std::net::SocketAddr;

use plainsight_protocols::Timestamp;

use super::{
    Summary,
    connection::Connection,
    groups,
    ports::likely_server,
    table::{Key, Kind, MAX_CONNECTIONS, Place, Table},
    transport::{Packet, TcpHead},
};
use crate::capture::{
    Chunk, Closed, ConnectionId, Datagram, EndOfStream, Event, Flow, Opened, Process, Role, Transport,
};

/// The connections of a capture, as they stand.
pub struct Tracker {
    table: Table<Connection>,
    next_connection: u64,
}

impl Default for Tracker {
    fn default() -> Self {
        Self::with_capacity(MAX_CONNECTIONS)
    }
}

impl Tracker {
    pub(super) fn with_capacity(connections: usize) -> Self {
        Self { table: Table::new(connections), next_connection: 1 }
    }

    /// Reports what a packet means.
    pub(super) fn packet(
        &mut self,
        at: Timestamp,
        packet: &Packet<'_>,
        summary: &mut Summary,
        observe: &mut impl FnMut(&Event<'_>),
    ) {
        summary.idle_evictions += self.table.evict_idle(at);
        match &packet.tcp {
            Some(head) => self.segment(at, head, packet, summary, observe),
            None => self.datagram(at, packet, summary, observe),
        }
    }

    fn datagram(
        &mut self,
        at: Timestamp,
        packet: &Packet<'_>,
        summary: &mut Summary,
        observe: &mut impl FnMut(&Event<'_>),
    ) {
        let (source, destination) = (packet.source, packet.destination);
        let asked = groups::asked_by(destination, source)
            .and_then(|key| self.table.find(&key))
            .filter(|_| !destination.ip().is_multicast());
        if let Some(place) = asked {
            // A member answers for the group, in its own name.
            self.table.touch(place, Kind::Udp, at);
            let connection = self.table.value(place).id;
            return observe(&Event::Datagram(Datagram {
                connection,
                at,
                flow: Flow::Sent,
                local: source,
                remote: destination,
                length: packet.length,
                bytes: packet.payload,
                process: Process::default(),
            }));
        }
        let key = groups::shared(source, destination)
            .unwrap_or_else(|| Key::new(Transport::Udp, source, destination));
        let place = match self.table.find(&key) {
            Some(place) => place,
            None => {
                let multicast = destination.ip().is_multicast();
                let local = if multicast { destination } else { likely_server(source, destination) };
                self.open(at, key, packet, local, Beginning::Unseen, summary, observe)
            }
        };
        self.table.touch(place, Kind::Udp, at);
        let connection = self.table.value(place);
        let (local, flow) = (connection.local, connection.flow(source));
        observe(&Event::Datagram(Datagram {
            connection: connection.id,
            at,
            flow,
            local,
            remote: other_end(packet, local),
            length: packet.length,
            bytes: packet.payload,
            process: Process::default(),
        }));
    }

    fn segment(
        &mut self,
        at: Timestamp,
        head: &TcpHead,
        packet: &Packet<'_>,
        summary: &mut Summary,
        observe: &mut impl FnMut(&Event<'_>),
    ) {
        let key = Key::new(Transport::Tcp, packet.source, packet.destination);
        let known = self.table.find(&key).filter(|&place| {
            let connection = self.table.value(place);
            let succeeded = connection.is_succeeded_by(connection.flow(packet.source), head);
            if succeeded {
                if !connection.is_closed() {
                    // Its end was not captured. Unless both streams had ended, nothing says that it was in order.
                    observe(&closed(connection.id, at, !connection.both_ended()));
                }
                self.table.remove(place);
            }
            !succeeded
        });
        let place = match known {
            Some(place) => place,
            None => {
                let (local, beginning) = match (head.syn && !head.rst, head.acknowledged) {
                    (true, None) => (packet.destination, Beginning::Seen),
                    (true, Some(_)) => (packet.source, Beginning::Seen),
                    // An acknowledgment or the end of something that was never seen carries nothing to report.
                    (false, _) if packet.length == 0 || head.rst => return,
                    (false, _) => (likely_server(packet.source, packet.destination), Beginning::Unseen),
                };
                self.open(at, key, packet, local, beginning, summary, observe)
            }
        };
        let connection = self.table.value(place);
        report(connection, at, head, packet, summary, observe);
        let kind = if connection.is_closed() { Kind::Closed } else { Kind::Tcp };
        self.table.touch(place, kind, at);
    }

    #[expect(clippy::too_many_arguments, reason = "each is a fact of the new connection")]
    fn open(
        &mut self,
        at: Timestamp,
        key: Key,
        packet: &Packet<'_>,
        local: SocketAddr,
        beginning: Beginning,
        summary: &mut Summary,
        observe: &mut impl FnMut(&Event<'_>),
    ) -> Place {
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        let from_start = matches!(beginning, Beginning::Seen);
        let (transport, kind) = match packet.tcp {
            Some(_) => (Transport::Tcp, Kind::Tcp),
            None => (Transport::Udp, Kind::Udp),
        };
        let (place, full) = self.table.insert(key, Connection::new(id, local, from_start), kind, at);
        summary.connections += 1;
        summary.full_evictions += u64::from(full);
        observe(&Event::Opened(Opened {
            connection: id,
            at,
            transport,
            local,
            remote: other_end(packet, local),
            role: if from_start { Role::Server } else { Role::Unknown },
            from_start,
            handshake_ns: None,
            network_namespace: 0,
        }));
        place
    }
}

/// Whether the beginning of a connection was captured.
#[derive(Clone, Copy)]
enum Beginning {
    Seen,
    Unseen,
}

/// Reports what a segment of a known connection means.
fn report(
    connection: &mut Connection,
    at: Timestamp,
    head: &TcpHead,
    packet: &Packet<'_>,
    summary: &mut Summary,
    observe: &mut impl FnMut(&Event<'_>),
) {
    let flow = connection.flow(packet.source);
    let findings = connection.segment(flow, head, packet);
    let id = connection.id;
    summary.skipped.keep_alives += u64::from(findings.keep_alive);
    summary.skipped.after_close += u64::from(findings.after_close);
    let empty = Chunk {
        connection: id,
        at,
        flow,
        sequence: None,
        opposite_sequence: None,
        length: 0,
        bytes: &[],
        lost_calls: 0,
        process: Process::default(),
    };
    for (flow, begins) in [Flow::Received, Flow::Sent].into_iter().zip(findings.begins) {
        if begins.is_some() {
            observe(&Event::Chunk(Chunk { flow, sequence: begins, ..empty }));
        }
    }
    if findings.payload.is_some() {
        observe(&Event::Chunk(Chunk {
            sequence: findings.payload,
            opposite_sequence: head.acknowledged,
            length: packet.length,
            bytes: packet.payload,
            ..empty
        }));
    }
    if findings.end.is_some() {
        let sequence = findings.end;
        observe(&Event::EndOfStream(EndOfStream { connection: id, at, flow, sequence, lost_calls: 0 }));
    }
    if let Some(reset) = findings.closed {
        observe(&closed(id, at, reset));
    }
}

const fn closed(connection: ConnectionId, at: Timestamp, reset: bool) -> Event<'static> {
    Event::Closed(Closed {
        connection,
        at,
        reset,
        received_bytes: None,
        sent_bytes: None,
        round_trip_ns: None,
        retransmits: None,
        lost_calls: [0; 2],
    })
}

fn other_end(packet: &Packet<'_>, local: SocketAddr) -> SocketAddr {
    if packet.source == local { packet.destination } else { packet.source }
}
