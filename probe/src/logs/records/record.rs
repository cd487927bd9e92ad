//! A log record, as OpenTelemetry's logs data model has it.

use super::Fields;

/// Where records go.
pub trait Sink {
    /// Takes a record, which is valid during the call.
    fn record(&mut self, record: &LogRecord<'_>);
}

/// One record. Everything is borrowed from the bytes it was made of, or from the [`Maker`](super::Maker).
#[derive(Debug, Clone, Copy)]
pub struct LogRecord<'a> {
    /// File offset of its first byte.
    pub begin: u64,
    /// File offset after its last byte, the line's end included. Lines of other records may lie between, where a container wrote to two streams.
    pub end: u64,
    /// What it says.
    pub body: &'a str,
    /// What its source says when it happened, in nanoseconds since 1970; absent where the source does not say.
    pub time_ns: Option<u64>,
    /// When its first line was read, in nanoseconds since 1970.
    pub observed_ns: u64,
    /// How bad it is, where its source says so.
    pub severity: Option<Severity>,
    /// The source's own word for that; empty if there is none.
    pub severity_text: &'a str,
    /// What was found in its text.
    pub attributes: &'a Fields,
    /// Which of its streams a container wrote it to.
    pub stream: Option<Stream>,
    /// Whether its text was cut at a bound.
    pub is_cut: bool,
    /// Whether it was given out before the end of its line was seen.
    pub is_unfinished: bool,
    /// The trace that it belongs to.
    pub trace_id: Option<[u8; 16]>,
    /// The span that it belongs to.
    pub span_id: Option<[u8; 8]>,
    /// The flags of W3C Trace Context, where its source had them.
    pub trace_flags: Option<u8>,
}

/// A stream of a process (`log.iostream`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Stream {
    /// The value of `log.iostream`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// A severity number of the logs data model: 1 to 24.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Severity(u8);

impl Severity {
    /// Finer than debugging.
    pub const TRACE: Self = Self(1);
    /// For debugging.
    pub const DEBUG: Self = Self(5);
    /// All is well.
    pub const INFO: Self = Self(9);
    /// Syslog's notice.
    pub const NOTICE: Self = Self(10);
    /// Something to look at.
    pub const WARN: Self = Self(13);
    /// Something failed.
    pub const ERROR: Self = Self(17);
    /// Syslog's critical.
    pub const CRITICAL: Self = Self(18);
    /// Syslog's alert.
    pub const ALERT: Self = Self(19);
    /// The program cannot go on.
    pub const FATAL: Self = Self(21);

    /// A severity of that number, if there is one.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1..=24 => Some(Self(number)),
            _ => None,
        }
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}
