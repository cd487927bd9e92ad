//! What the two streams of a connection are made of: bytes, and the absence of bytes.

use std::time::Duration;

/// A moment in nanoseconds on the clock of whatever produced the segment.
///
/// Live capture uses `CLOCK_BOOTTIME`, a capture file its own wall clock. Parsers only subtract and compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// A timestamp from nanoseconds.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the clock's origin.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time from `earlier` to `self`, zero if `earlier` is in fact later: durations are never negative.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Which of the two streams of a connection: named after where its bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the server: requests.
    ToServer,
    /// From the server to the client: responses.
    ToClient,
}

impl Direction {
    /// The other stream of the connection.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::ToServer => Self::ToClient,
            Self::ToClient => Self::ToServer,
        }
    }
}

/// Bytes of one stream, contiguous with what was given before them, be it bytes or a [`Gap`].
///
/// One segment is what one system call or one packet carried; its start is therefore a likely start of a message.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    /// The stream that the bytes belong to.
    pub direction: Direction,
    /// When they were seen.
    pub at: Timestamp,
    /// Offset of the first byte in its stream. Offsets start anywhere, grow by one a byte, and never wrap.
    pub offset: u64,
    /// How far the opposite stream had come, in that stream's offsets, when the program moved these bytes: what had
    /// been written of it at a read, what had been read of it at a write. `None` where the source cannot tell.
    ///
    /// A response that begins exactly where its stream stood when a request was read has nothing between itself and
    /// that request; this is what proves a pair after a loss.
    pub opposite_offset: Option<u64>,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// A stretch of one stream that was not seen.
#[derive(Debug, Clone, Copy)]
pub struct Gap {
    /// The stream that misses bytes.
    pub direction: Direction,
    /// When the absence was noticed.
    pub at: Timestamp,
    /// Offset of the first missing byte in its stream.
    pub offset: u64,
    /// How many bytes are missing; [`Gap::UNKNOWN_BYTES`] or more where nothing tells how many.
    pub bytes: u64,
    /// Why.
    pub cause: GapCause,
}

impl Gap {
    /// The length of a gap whose true length nothing tells: longer than any body, so that whoever skips a body by its
    /// declared length and does not look at this constant still loses sync rather than keeping a wrong one.
    pub const UNKNOWN_BYTES: u64 = 1 << 36;
}

/// Why bytes of a stream were not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapCause {
    /// The capture chose not to copy them: past the payload limit, or moved inside the kernel (sendfile, splice).
    /// Nothing went wrong, so an exchange whose body these bytes belong to is still complete.
    NotCopied,
    /// They should have been seen and were not. `calls` is the number of system calls or packets known to be missing,
    /// zero if unknown; it bounds the number of messages that went unseen.
    Lost {
        /// Missing system calls or packets, zero if unknown.
        calls: u64,
    },
}

/// Why a connection's streams have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// Both ends are done, in order: what was being delimited by the end of the connection is whole.
    Closed,
    /// The connection was reset or aborted.
    Reset,
    /// Nothing was seen for so long that the connection was given up.
    Timeout,
    /// It had to make room, or the observation ended: the connection itself may go on.
    Evicted,
}

impl CloseReason {
    /// `error.type` of an exchange that ended so without its response.
    #[must_use]
    pub const fn error(self) -> Option<&'static str> {
        match self {
            Self::Closed => Some("connection_closed"),
            Self::Reset => Some("connection_reset"),
            Self::Timeout => Some("timeout"),
            // The observation ended, not the exchange.
            Self::Evicted => None,
        }
    }
}
