//! What a source of traffic reports, be it the kernel or a capture file: connections, and what they carried.

use std::net::SocketAddr;

use plainsight_protocols::Timestamp;

/// Identity of one connection end for as long as the program runs. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// Something that happened on a connection. Events of one connection come in the order in which they were seen.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A connection exists. Comes before its other events, unless it was lost.
    Opened(Opened),
    /// A system call or a packet carried bytes of a TCP stream.
    Chunk(Chunk<'a>),
    /// A UDP datagram.
    Datagram(Datagram<'a>),
    /// One end has said that it will send no more (FIN).
    EndOfStream(EndOfStream),
    /// The connection is over.
    Closed(Closed),
    /// A connection was dialled and did not come to be. It is the only event of its connection.
    Failed(Failed),
}

impl Event<'_> {
    /// The connection that the event belongs to.
    #[must_use]
    pub const fn connection(&self) -> ConnectionId {
        match self {
            Self::Opened(event) => event.connection,
            Self::Chunk(event) => event.connection,
            Self::Datagram(event) => event.connection,
            Self::EndOfStream(event) => event.connection,
            Self::Closed(event) => event.connection,
            Self::Failed(event) => event.connection,
        }
    }

    /// When it happened.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Opened(event) => event.at,
            Self::Chunk(event) => event.at,
            Self::Datagram(event) => event.at,
            Self::EndOfStream(event) => event.at,
            Self::Closed(event) => event.at,
            Self::Failed(event) => event.at,
        }
    }
}

/// The transport protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// Which part the observed end plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// It dialled, or the other end's port is known to listen.
    Client,
    /// It accepted, or its port is known to listen.
    Server,
    /// The connection is older than the observation and nothing tells; the content will.
    Unknown,
}

/// Facts of a connection that do not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// The connection.
    pub connection: ConnectionId,
    /// When it was opened, or first seen if that was before the observation began.
    pub at: Timestamp,
    /// Its transport.
    pub transport: Transport,
    /// Address of the observed end.
    pub local: SocketAddr,
    /// Address of the other end.
    pub remote: SocketAddr,
    /// The part that the observed end plays.
    pub role: Role,
    /// Whether its beginning was seen: the first chunk of each stream is then the start of that stream.
    pub from_start: bool,
    /// Time from the first packet of the handshake to its end, where the observed end dialled.
    pub handshake_ns: Option<u64>,
    /// Inode number of its network namespace, zero if unknown: addresses repeat in others.
    pub network_namespace: u32,
}

/// Which way bytes went at the observed end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flow {
    /// The observed end read them.
    Received,
    /// The observed end wrote them.
    Sent,
}

/// Bytes of a TCP stream that one system call or one packet carried.
#[derive(Debug, Clone, Copy)]
pub struct Chunk<'a> {
    /// The connection.
    pub connection: ConnectionId,
    /// When the call returned, or the packet passed.
    pub at: Timestamp,
    /// Which way the bytes went.
    pub flow: Flow,
    /// TCP sequence number of the first byte; `None` where the socket has none to read (kernel TLS, MPTCP): then the
    /// order of arrival is all there is.
    pub sequence: Option<u32>,
    /// Sequence number up to which the opposite stream had come: written to at a read, read up to at a write,
    /// acknowledged by a packet.
    pub opposite_sequence: Option<u32>,
    /// How many bytes the call moved. More than `bytes` holds when the rest was not copied; the copied part is the
    /// beginning. Zero where the chunk only tells a place: a SYN says where a stream begins before anything is sent.
    pub length: u32,
    /// What was copied of them.
    pub bytes: &'a [u8],
    /// Calls in this direction whose record was lost since the one before.
    pub lost_calls: u32,
    /// Who made the call.
    pub process: Process,
}

/// A UDP datagram.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    /// The socket.
    pub connection: ConnectionId,
    /// When the call returned, or the packet passed.
    pub at: Timestamp,
    /// Which way it went.
    pub flow: Flow,
    /// Address of the observed end.
    pub local: SocketAddr,
    /// Address of the other end of this datagram.
    pub remote: SocketAddr,
    /// Its full length.
    pub length: u32,
    /// What was copied of it.
    pub bytes: &'a [u8],
    /// Who made the call.
    pub process: Process,
}

/// The end of one stream of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndOfStream {
    /// The connection.
    pub connection: ConnectionId,
    /// When it was seen.
    pub at: Timestamp,
    /// The stream that ended.
    pub flow: Flow,
    /// Sequence number just past its last byte.
    pub sequence: Option<u32>,
    /// Calls of this stream whose records were lost since its last chunk.
    pub lost_calls: u32,
}

/// The end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// The connection.
    pub connection: ConnectionId,
    /// When.
    pub at: Timestamp,
    /// Whether it was reset rather than finished.
    pub reset: bool,
    /// Bytes that the observed end received, where known.
    pub received_bytes: Option<u64>,
    /// Bytes that the observed end sent and the other acknowledged, where known.
    pub sent_bytes: Option<u64>,
    /// Smoothed round-trip time, where known.
    pub round_trip_ns: Option<u64>,
    /// Segments sent again, where known.
    pub retransmits: Option<u32>,
    /// Calls whose records were lost since the last chunk of each direction: received, sent.
    pub lost_calls: [u32; 2],
}

/// Why a connection that was dialled did not come to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DialError {
    /// The other end answered with a reset, as it does where nobody listens.
    Refused,
    /// Nobody answered.
    TimedOut,
    /// A router said that the host cannot be reached.
    HostUnreachable,
    /// A router said that the network cannot be reached.
    NetworkUnreachable,
    /// All local ports to that address are taken.
    NoLocalPort,
    /// The program gave up before there was an answer.
    Cancelled,
    /// Something else.
    Other,
}

impl DialError {
    /// The error of a socket, zero if it has none (include/uapi/asm-generic/errno.h).
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Cancelled,
            99 => Self::NoLocalPort,
            101 => Self::NetworkUnreachable,
            110 => Self::TimedOut,
            111 => Self::Refused,
            113 => Self::HostUnreachable,
            _ => Self::Other,
        }
    }

    /// Its name as the value of `error.type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refused => "connection_refused",
            Self::TimedOut => "timeout",
            Self::HostUnreachable => "host_unreachable",
            Self::NetworkUnreachable => "network_unreachable",
            Self::NoLocalPort => "address_not_available",
            Self::Cancelled => "cancelled",
            Self::Other => "_OTHER",
        }
    }
}

/// A connection that was dialled and did not come to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed {
    /// The connection that it would have been.
    pub connection: ConnectionId,
    /// When.
    pub at: Timestamp,
    /// The end that was dialled.
    pub remote: SocketAddr,
    /// The process that dialled, in the initial namespace.
    pub pid: u32,
    /// Why.
    pub error: DialError,
}

/// Who made a system call. All zero in a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Process {
    /// Process id in the initial namespace, zero if unknown.
    pub pid: u32,
    /// Thread id in the initial namespace.
    pub tid: u32,
    /// Identity of its cgroup in the version 2 hierarchy.
    pub cgroup: u64,
    /// The thread's name, padded with zero bytes.
    pub comm: [u8; 16],
}

impl Process {
    /// The thread's name as text, without padding; what is not UTF-8 is replaced.
    #[must_use]
    pub fn comm(&self) -> std::borrow::Cow<'_, str> {
        let end = self.comm.iter().position(|&byte| byte == 0).unwrap_or(self.comm.len());
        let name = &self.comm[..end];
        // Nearly every name is text, which is told sooner than it is searched for what is none.
        std::str::from_utf8(name).map_or_else(|_| String::from_utf8_lossy(name), std::borrow::Cow::Borrowed)
    }
}
