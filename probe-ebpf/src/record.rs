//! The records in the ring.
//!
//! Each begins with a [`Header`] whose `kind` says which it is. A [`ChunkRecord`] and a [`DatagramRecord`] are followed
//! by `captured_bytes` bytes of payload.

/// What a record is.
pub mod kind {
    /// An [`super::OpenedRecord`].
    pub const OPENED: u8 = 1;
    /// A [`super::ChunkRecord`] with payload.
    pub const CHUNK: u8 = 2;
    /// A [`super::DatagramRecord`] with payload.
    pub const DATAGRAM: u8 = 3;
    /// An [`super::EndOfStreamRecord`].
    pub const END_OF_STREAM: u8 = 4;
    /// A [`super::ClosedRecord`].
    pub const CLOSED: u8 = 5;
    /// A [`super::ListeningRecord`].
    pub const LISTENING: u8 = 6;
    /// A [`super::ProcessRecord`]: a process was forked.
    pub const FORKED: u8 = 7;
    /// A [`super::ProgramRecord`]: a process has started a program.
    pub const PROGRAM: u8 = 8;
    /// A [`super::ProcessRecord`]: the last thread of a process has ended.
    pub const ENDED: u8 = 9;
    /// A [`super::FailedRecord`]: a connection was dialled and did not come to be.
    pub const FAILED: u8 = 10;
}

/// Which way the bytes of a record went.
pub mod flow {
    /// The observed end read them.
    pub const RECEIVED: u8 = 0;
    /// The observed end wrote them.
    pub const SENT: u8 = 1;
}

/// Bits of [`Header::flags`].
pub mod flags {
    /// Of a chunk: the socket has no sequence numbers of its own stream; the order of arrival is all there is.
    pub const NO_SEQUENCE: u16 = 1;
    /// Of an opening: the connection was born under observation, nothing of its streams was missed.
    pub const FROM_START: u16 = 1 << 1;
    /// Of an opening: the observed end dialled.
    pub const CLIENT: u16 = 1 << 2;
    /// Of an opening: the observed end accepted.
    pub const SERVER: u16 = 1 << 3;
    /// Of a close: the connection was reset or aborted.
    pub const RESET: u16 = 1 << 4;
    /// Of an opening: the addresses are IPv6.
    pub const IPV6: u16 = 1 << 5;
    /// Not in records, but where the kernel keeps these bits: the beginnings of what calls move suffice.
    pub const COPY_BEGINNINGS: u32 = 1 << 16;
}

/// The beginning of every record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Header {
    /// One of [`kind`].
    pub kind: u8,
    /// One of [`flow`], where that applies.
    pub flow: u8,
    /// Bits of [`flags`].
    pub flags: u16,
    /// Bytes of payload behind the record.
    pub captured_bytes: u32,
    /// The connection; unique for as long as the programs are loaded.
    pub connection: u64,
    /// CLOCK_BOOTTIME in nanoseconds.
    pub time_ns: u64,
}

/// Who made a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Caller {
    /// Process id in the initial namespace.
    pub pid: u32,
    /// Thread id in the initial namespace.
    pub tid: u32,
    /// Id of the cgroup in the version 2 hierarchy.
    pub cgroup: u64,
    /// Name of the thread, padded with zero bytes.
    pub comm: [u8; 16],
}

/// The addresses of a connection's two ends. IPv4 addresses take the first four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Addresses {
    /// The observed end.
    pub local: [u8; 16],
    /// The other end.
    pub remote: [u8; 16],
    /// Port of the observed end.
    pub local_port: u16,
    /// Port of the other end.
    pub remote_port: u16,
    /// Inode number of the network namespace.
    pub network_namespace: u32,
}

/// A connection is there: sent before its first chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct OpenedRecord {
    /// Kind, flags, connection, time.
    pub header: Header,
    /// The two ends.
    pub addresses: Addresses,
    /// Time from dialling to the end of the handshake, zero if unknown.
    pub handshake_ns: u64,
}

/// One system call on a TCP connection, or a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct ChunkRecord {
    /// Kind, flow, flags, payload length, connection, time.
    pub header: Header,
    /// TCP sequence number of the first byte.
    pub sequence: u32,
    /// How far the opposite stream had come when the call returned.
    pub opposite_sequence: u32,
    /// Bytes that the record stands for; those beyond the payload were not copied.
    pub length: u32,
    /// Calls of the same flow whose records were lost since the last one that was sent.
    pub lost_calls: u32,
    /// Who made the call.
    pub caller: Caller,
}

/// One UDP datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct DatagramRecord {
    /// Kind, flow, flags, payload length, socket, time.
    pub header: Header,
    /// The two ends of this datagram.
    pub addresses: Addresses,
    /// Its length.
    pub length: u32,
    /// Not used.
    pub reserved: u32,
    /// Who made the call.
    pub caller: Caller,
}

/// The observed end will send no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct EndOfStreamRecord {
    /// Kind, flow, connection, time.
    pub header: Header,
    /// Sequence number just past the last byte.
    pub sequence: u32,
    /// Calls of this flow whose records were lost since its last chunk.
    pub lost_calls: u32,
}

/// A connection was dialled and did not come to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct FailedRecord {
    /// Kind, flags, connection, time.
    pub header: Header,
    /// The two ends; the local port may be zero, for the socket has let go of it by then.
    pub addresses: Addresses,
    /// The process that dialled, in the initial namespace.
    pub pid: u32,
    /// The socket's error (include/uapi/asm-generic/errno.h), zero if the program gave up before there was an answer.
    pub error: u32,
}

/// A connection's socket is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct ClosedRecord {
    /// Kind, flags, connection, time.
    pub header: Header,
    /// Bytes received over its life.
    pub received_bytes: u64,
    /// Bytes sent and acknowledged over its life.
    pub sent_bytes: u64,
    /// Smoothed round-trip time in eighths of a microsecond.
    pub round_trip_eighth_us: u32,
    /// Segments sent again.
    pub retransmits: u32,
    /// Calls whose records were lost since the last chunk of each flow: received, sent.
    pub lost_calls: [u32; 2],
}

/// A TCP port began to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct ListeningRecord {
    /// Kind, time.
    pub header: Header,
    /// The port.
    pub port: u32,
    /// Inode number of the network namespace.
    pub network_namespace: u32,
}

/// Something happened to a process. Such records come in a ring of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct ProcessRecord {
    /// Kind, time; in a [`ProgramRecord`], the length of the path.
    pub header: Header,
    /// Process id of whoever forked it or, where it starts a program, of its parent; zero at its end.
    pub parent: u32,
    /// Process id in the initial namespace.
    pub pid: u32,
    /// When the process came to be, on the clock of the header's time; zero at its end.
    pub started_ns: u64,
}

/// The longest path of a program, with its final zero, that fits into a record.
pub const PATH_BYTES: usize = 192;

/// A process has started a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct ProgramRecord {
    /// The process.
    pub process: ProcessRecord,
    /// Path of the program as it was given, of a script its interpreter's; behind its length, anything.
    pub path: [u8; PATH_BYTES],
}

/// The most bytes of payload that one record carries; longer calls take several.
pub const PAYLOAD_PER_RECORD: usize = 4096;
/// The most bytes of payload that can be asked for per call.
pub const PAYLOAD_PER_CALL: usize = 65_536;

/// What userspace tells the programs of a connection, one word in the slot [`verdict::slot`] of an array.
///
/// Two connections may share a slot: the later word then replaces the earlier, whose connection is captured again until
/// userspace says it again.
pub mod verdict {
    /// How many slots there are.
    pub const SLOTS: u32 = 65_536;
    /// Its bytes are not wanted.
    pub const IGNORE: u64 = 1;
    /// Userspace has forgotten it: it must be announced again before its next chunk.
    pub const ANNOUNCE: u64 = 2;
    /// The beginnings of what calls move suffice; until this is said they are copied whole, up to
    /// [`super::PAYLOAD_PER_CALL`].
    pub const COPY_BEGINNINGS: u64 = 3;

    /// The slot of a connection.
    #[must_use]
    #[inline(always)]
    pub const fn slot(connection: u64) -> u32 {
        ((connection ^ (connection >> 15)) as u32) & (SLOTS - 1)
    }

    /// The word that says one of the above of a connection.
    #[must_use]
    #[inline(always)]
    pub const fn word(connection: u64, verdict: u64) -> u64 {
        connection << 2 | verdict
    }
}

/// A type of which any bytes are a valid value.
///
/// # Safety
/// The type must be made of integers without padding.
pub unsafe trait Plain: Copy {}

// SAFETY: integers only, and the sizes below show that nothing lies between them.
unsafe impl Plain for Header {}
// SAFETY: as above.
unsafe impl Plain for OpenedRecord {}
// SAFETY: as above.
unsafe impl Plain for ChunkRecord {}
// SAFETY: as above.
unsafe impl Plain for DatagramRecord {}
// SAFETY: as above.
unsafe impl Plain for EndOfStreamRecord {}
// SAFETY: as above.
unsafe impl Plain for FailedRecord {}
// SAFETY: as above.
unsafe impl Plain for ClosedRecord {}
// SAFETY: as above.
unsafe impl Plain for ListeningRecord {}
// SAFETY: as above.
unsafe impl Plain for ProcessRecord {}
// SAFETY: as above.
unsafe impl Plain for ProgramRecord {}

const _: () = {
    assert!(size_of::<Header>() == 24);
    assert!(size_of::<Caller>() == 32);
    assert!(size_of::<Addresses>() == 40);
    assert!(size_of::<OpenedRecord>() == 24 + 40 + 8);
    assert!(size_of::<ChunkRecord>() == 24 + 16 + 32);
    assert!(size_of::<DatagramRecord>() == 24 + 40 + 8 + 32);
    assert!(size_of::<EndOfStreamRecord>() == 24 + 8);
    assert!(size_of::<FailedRecord>() == 24 + 40 + 8);
    assert!(size_of::<ClosedRecord>() == 24 + 32);
    assert!(size_of::<ListeningRecord>() == 24 + 8);
    assert!(size_of::<ProcessRecord>() == 24 + 16);
    assert!(size_of::<ProgramRecord>() == 24 + 16 + PATH_BYTES);
};

/// Reads a value off the beginning of bytes, and gives the rest; `None` if there are too few.
#[must_use]
#[inline]
pub fn read<R: Plain>(bytes: &[u8]) -> Option<(R, &[u8])> {
    let rest = bytes.get(size_of::<R>()..)?;
    // SAFETY: the slice is at least as long as the type, of which any bytes are a valid value.
    Some((unsafe { core::ptr::read_unaligned(bytes.as_ptr().cast()) }, rest))
}
