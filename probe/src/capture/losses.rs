//! What the kernel programs counted: how much they captured, and what they left out and why.

use aya::maps::{MapData, PerCpuArray};
use probe_ebpf::counter::Counter;

/// Counts since the programs were attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Losses {
    /// Calls that read, lost because the ring was full.
    pub ring_full_received: u64,
    /// Calls that wrote, lost because the ring was full.
    pub ring_full_sent: u64,
    /// Records of a connection's life, lost because the ring was full.
    pub ring_full_control: u64,
    /// Calls whose bytes, or a part of them, could not be read.
    pub copy_faults: u64,
    /// Calls on connections for which the kernel's table had no room.
    pub table_full: u64,
    /// Calls that a filter left out.
    pub filtered: u64,
    /// Calls on connections that speak nothing known here.
    pub not_wanted: u64,
    /// Calls of 32-bit programs, which are not supported.
    pub thirty_two_bit: u64,
    /// Datagrams of protocols unknown here.
    pub unknown_datagrams: u64,
    /// Messages beyond those that are looked at in one sendmmsg or recvmmsg.
    pub messages_skipped: u64,
    /// Calls that showed no payload, such as those of io_uring.
    pub payload_unseen: u64,
    /// Times that a stream was found to have been read by something that no hook showed.
    pub unseen_reads: u64,
    /// Calls that were not recorded because another was being recorded on the CPU.
    pub interrupted: u64,
    /// TCP segments that the host sent again.
    pub retransmits: u64,
    /// Records of processes, lost because their ring was full.
    pub ring_full_processes: u64,
}

impl Losses {
    /// Calls that should have been seen and were not.
    #[must_use]
    pub const fn lost_calls(&self) -> u64 {
        self.ring_full_received
            + self.ring_full_sent
            + self.ring_full_control
            + self.table_full
            + self.thirty_two_bit
            + self.messages_skipped
            + self.interrupted
    }

    pub(super) fn read(counters: &PerCpuArray<MapData, u64>) -> Self {
        let sum = |counter: Counter| {
            counters.get(&(counter as u32), 0).map_or(0, |values| values.iter().copied().sum())
        };
        Self {
            ring_full_received: sum(Counter::RingFullReceived),
            ring_full_sent: sum(Counter::RingFullSent),
            ring_full_control: sum(Counter::RingFullControl),
            copy_faults: sum(Counter::CopyFault),
            table_full: sum(Counter::TableFull),
            filtered: sum(Counter::Filtered),
            not_wanted: sum(Counter::NotWanted),
            thirty_two_bit: sum(Counter::ThirtyTwoBit),
            unknown_datagrams: sum(Counter::DatagramUnknown),
            messages_skipped: sum(Counter::MessagesSkipped),
            payload_unseen: sum(Counter::PayloadUnseen),
            unseen_reads: sum(Counter::UnseenReads),
            interrupted: sum(Counter::Interrupted),
            retransmits: sum(Counter::Retransmits),
            ring_full_processes: sum(Counter::RingFullProcesses),
        }
    }
}
