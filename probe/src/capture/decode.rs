//! Records of the ring, as the kernel programs wrote them, into events.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use plainsight_protocols::Timestamp;
use probe_ebpf::record::{
    self, Addresses, Caller, ChunkRecord, ClosedRecord, DatagramRecord, EndOfStreamRecord, FailedRecord,
    Header, ListeningRecord, OpenedRecord, flags, flow, kind,
};

use super::{
    Chunk, Closed, ConnectionId, Datagram, DialError, EndOfStream, Event, Failed, Flow, Listeners, Opened,
    Process, Role, Transport,
};

/// What a record says.
#[derive(Debug, Clone, Copy)]
pub enum Decoded<'a> {
    /// Something happened on a connection.
    Event(Event<'a>),
    /// A port began to listen.
    Listening {
        /// Inode number of the network namespace.
        network_namespace: u32,
        /// The port.
        port: u16,
    },
}

/// The connection and kind of a record, without reading the rest.
#[must_use]
#[inline]
pub fn header(bytes: &[u8]) -> Option<Header> {
    record::read(bytes).map(|(header, _)| header)
}

/// Reads the record of a chunk; `None` if it is another. These are nearly all there are, and to make one of every kind of
/// record that may come out of [`decode`] is to copy it once more.
#[must_use]
#[inline]
pub fn chunk(bytes: &[u8]) -> Option<Chunk<'_>> {
    let (header, _) = record::read::<Header>(bytes)?;
    if header.kind != kind::CHUNK {
        return None;
    }
    let (record, payload) = record::read::<ChunkRecord>(bytes)?;
    let has_sequence = has_sequence(header);
    Some(Chunk {
        connection: ConnectionId(header.connection),
        at: Timestamp::from_nanos(header.time_ns),
        flow: direction(header),
        sequence: has_sequence.then_some(record.sequence),
        opposite_sequence: has_sequence.then_some(record.opposite_sequence),
        length: record.length,
        bytes: payload.get(..header.captured_bytes as usize)?,
        lost_calls: record.lost_calls,
        process: process(record.caller),
    })
}

/// Reads a record. `None` if the bytes are none that the programs write.
#[must_use]
#[inline]
pub fn decode(bytes: &[u8]) -> Option<Decoded<'_>> {
    let (header, _) = record::read::<Header>(bytes)?;
    let connection = ConnectionId(header.connection);
    let at = Timestamp::from_nanos(header.time_ns);
    let event = match header.kind {
        kind::CHUNK => Event::Chunk(chunk(bytes)?),
        kind::OPENED => {
            let (record, _) = record::read::<OpenedRecord>(bytes)?;
            let (local, remote) = ends(&record.addresses, header);
            Event::Opened(Opened {
                connection,
                at,
                transport: Transport::Tcp,
                local,
                remote,
                role: role(header.flags),
                from_start: header.flags & flags::FROM_START != 0,
                handshake_ns: (record.handshake_ns != 0).then_some(record.handshake_ns),
                network_namespace: record.addresses.network_namespace,
            })
        }
        kind::DATAGRAM => {
            let (record, payload) = record::read::<DatagramRecord>(bytes)?;
            let (local, remote) = ends(&record.addresses, header);
            Event::Datagram(Datagram {
                connection,
                at,
                flow: direction(header),
                local,
                remote,
                length: record.length,
                bytes: payload.get(..header.captured_bytes as usize)?,
                process: process(record.caller),
            })
        }
        kind::END_OF_STREAM => {
            let (record, _) = record::read::<EndOfStreamRecord>(bytes)?;
            let has_sequence = has_sequence(header);
            Event::EndOfStream(EndOfStream {
                connection,
                at,
                flow: direction(header),
                sequence: has_sequence.then_some(record.sequence),
                lost_calls: record.lost_calls,
            })
        }
        kind::CLOSED => {
            let (record, _) = record::read::<ClosedRecord>(bytes)?;
            Event::Closed(Closed {
                connection,
                at,
                reset: header.flags & flags::RESET != 0,
                received_bytes: Some(record.received_bytes),
                sent_bytes: Some(record.sent_bytes),
                round_trip_ns: Some(u64::from(record.round_trip_eighth_us) * 125),
                retransmits: Some(record.retransmits),
                lost_calls: record.lost_calls,
            })
        }
        kind::FAILED => {
            let (record, _) = record::read::<FailedRecord>(bytes)?;
            let (_, remote) = ends(&record.addresses, header);
            let error = DialError::from_number(record.error);
            Event::Failed(Failed { connection, at, remote, pid: record.pid, error })
        }
        kind::LISTENING => {
            let (record, _) = record::read::<ListeningRecord>(bytes)?;
            return Some(Decoded::Listening {
                network_namespace: record.network_namespace,
                port: u16::try_from(record.port).ok()?,
            });
        }
        _ => return None,
    };
    Some(Decoded::Event(event))
}

/// An opening whose role the kernel does not know, with the role that the listening ports tell: the end whose port
/// listens is the server, and an end whose port does not is the client. `None` if the record is to be taken as it is.
#[must_use]
pub fn with_role(bytes: &[u8], listeners: &Listeners) -> Option<[u8; size_of::<OpenedRecord>()]> {
    let (record, _) = record::read::<OpenedRecord>(bytes)?;
    if role(record.header.flags) != Role::Unknown {
        return None;
    }
    let Addresses { local_port, network_namespace, .. } = record.addresses;
    let told = if listeners.contains(network_namespace, local_port) { flags::SERVER } else { flags::CLIENT };
    let mut resolved: [u8; size_of::<OpenedRecord>()] = *bytes.first_chunk()?;
    resolved[FLAGS..FLAGS + 2].copy_from_slice(&(record.header.flags | told).to_ne_bytes());
    Some(resolved)
}

/// Where the flags stand in a record.
const FLAGS: usize = std::mem::offset_of!(Header, flags);

/// Whether a record's sequence numbers are those of the connection's own streams.
const fn has_sequence(header: Header) -> bool {
    header.flags & flags::NO_SEQUENCE == 0
}

fn direction(header: Header) -> Flow {
    if header.flow == flow::SENT { Flow::Sent } else { Flow::Received }
}

fn role(bits: u16) -> Role {
    if bits & flags::SERVER != 0 {
        Role::Server
    } else if bits & flags::CLIENT != 0 {
        Role::Client
    } else {
        Role::Unknown
    }
}

fn process(caller: Caller) -> Process {
    Process { pid: caller.pid, tid: caller.tid, cgroup: caller.cgroup, comm: caller.comm }
}

fn ends(addresses: &Addresses, header: Header) -> (SocketAddr, SocketAddr) {
    let is_v6 = header.flags & flags::IPV6 != 0;
    (
        SocketAddr::new(address(addresses.local, is_v6), addresses.local_port),
        SocketAddr::new(address(addresses.remote, is_v6), addresses.remote_port),
    )
}

/// An IPv6 socket that talks IPv4 shows mapped addresses (RFC 4291 section 2.5.5.2); people want to see the IPv4 one.
fn address(bytes: [u8; 16], is_v6: bool) -> IpAddr {
    if is_v6 {
        Ipv6Addr::from(bytes).to_canonical()
    } else {
        IpAddr::V4(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]))
    }
}
