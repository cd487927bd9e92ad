//! How much may wait for its turn, and how long.

use std::time::Duration;

use super::counters::StreamCounters;

/// Where the chunks come from, which decides what a hole means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// System calls of this host.
    Calls,
    /// Packets of a capture file.
    Packets,
}

/// How much may wait for a hole to be filled, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Where the chunks come from.
    pub source: Source,
    /// How long a chunk waits, on the clock of the events.
    pub wait: Duration,
    /// Memory that one stream may hold, in bytes.
    pub stream_bytes: usize,
    /// Chunks, or parts of chunks, that one stream may hold.
    pub stream_chunks: usize,
    /// Memory that all streams of a worker may hold, in bytes.
    pub total_bytes: usize,
}

impl Limits {
    /// For live capture. A thread is seldom off its processor for longer than 4 ms between moving bytes and reporting
    /// it, and a parser that waits 10 ms for the request of an answer still gets it in time.
    pub const LIVE: Self = Self {
        source: Source::Calls,
        wait: Duration::from_millis(4),
        stream_bytes: 256 << 10,
        stream_chunks: 256,
        total_bytes: 32 << 20,
    };

    /// For capture files. One second is the initial retransmission timeout (RFC 6298 section 2), and 1 MiB or 1,024
    /// packets are a large window's worth.
    pub const REPLAY: Self = Self {
        source: Source::Packets,
        wait: Duration::from_secs(1),
        stream_bytes: 1 << 20,
        stream_chunks: 1024,
        total_bytes: 64 << 20,
    };
}

/// What all streams of a worker share: limits, counters, and the memory in use.
#[derive(Debug, Clone)]
pub struct Reassembly {
    pub(super) limits: Limits,
    pub(super) counters: StreamCounters,
    pub(super) held_bytes: usize,
}

impl Reassembly {
    /// Nothing held, nothing counted.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, counters: StreamCounters::default(), held_bytes: 0 }
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> &StreamCounters {
        &self.counters
    }

    /// Memory that the streams hold at the moment, in bytes. At most [`Limits::total_bytes`] between calls.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    pub(super) fn packets(&self) -> bool {
        self.limits.source == Source::Packets
    }
}
