//! What the kernel programs count, each in a slot of one per-CPU array.

/// A slot of the counter array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Counter {
    /// Calls that read, whose record found no room in the ring.
    RingFullReceived = 0,
    /// Calls that wrote, whose record found no room in the ring.
    RingFullSent,
    /// Records of a connection's life that found no room in the ring.
    RingFullControl,
    /// Calls whose bytes could not be read from the program's memory; the record says so and carries none.
    CopyFault,
    /// Calls on a connection for which the connection table had no room.
    TableFull,
    /// Calls left out because of a filter on process, name, cgroup or port.
    Filtered,
    /// Calls on connections of which userspace wants no more bytes.
    NotWanted,
    /// Calls of 32-bit programs, whose call numbers and arguments are others.
    ThirtyTwoBit,
    /// Datagrams left out because they do not begin like a message of a protocol that is known here.
    DatagramUnknown,
    /// Messages of one sendmmsg or recvmmsg call that were not looked at because there were too many.
    MessagesSkipped,
    /// Calls that moved bytes through a socket in a way that shows no payload: io_uring, asynchronous I/O.
    PayloadUnseen,
    /// Times that a stream was found to have been read by something that no hook showed, such as splice.
    UnseenReads,
    /// Calls that were not recorded because another was being recorded on the CPU.
    Interrupted,
    /// TCP segments sent again.
    Retransmits,
    /// Records of processes that found no room in their ring.
    RingFullProcesses,
}

impl Counter {
    /// How many slots there are.
    pub const COUNT: usize = Self::RingFullProcesses as usize + 1;
}
