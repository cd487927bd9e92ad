//! What became of batches, by destination and kind.

use std::time::SystemTime;

use crate::export::SignalKind;

/// Why a batch was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// The queue in memory was full; the oldest of the kind that takes most of it went.
    MemoryFull,
    /// The queue on disk was full; the oldest files of the kind that takes most of it went.
    DiskFull,
    /// The batch is larger than a request or the queue may be.
    TooLarge,
    /// The receiver answered that it will never take it.
    Refused,
    /// It failed for longer than [`RetrySettings::give_up_after`](super::RetrySettings::give_up_after).
    GaveUp,
    /// It was left when the exporter had to stop, and there was no disk queue that could take it.
    Stopped,
    /// What the disk queue kept could not be read again.
    Damaged,
}

impl DropReason {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::MemoryFull,
        Self::DiskFull,
        Self::TooLarge,
        Self::Refused,
        Self::GaveUp,
        Self::Stopped,
        Self::Damaged,
    ];

    /// The name as an attribute of a metric.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MemoryFull => "memory_full",
            Self::DiskFull => "disk_full",
            Self::TooLarge => "too_large",
            Self::Refused => "refused",
            Self::GaveUp => "gave_up",
            Self::Stopped => "stopped",
            Self::Damaged => "damaged",
        }
    }
}

/// Counts of spans, data points or log records, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dropped([u64; DropReason::ALL.len()]);

impl Dropped {
    /// Items dropped for this reason.
    #[must_use]
    pub const fn by(&self, reason: DropReason) -> u64 {
        self.0[reason as usize]
    }

    /// Items dropped for any reason.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    pub(in crate::export) fn add(&mut self, reason: DropReason, items: u64) {
        self.0[reason as usize] += items;
    }
}

/// Batches, with what is in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// Requests.
    pub batches: u64,
    /// Spans, data points or log records.
    pub items: u64,
    /// Of the payloads, not compressed.
    pub bytes: u64,
}

impl Amount {
    pub(in crate::export) fn add(&mut self, other: Self) {
        self.batches += other.batches;
        self.items += other.items;
        self.bytes += other.bytes;
    }

    /// Never below nothing: a wrong count shall not end the program.
    pub(in crate::export) fn subtract(&mut self, other: Self) {
        self.batches = self.batches.saturating_sub(other.batches);
        self.items = self.items.saturating_sub(other.items);
        self.bytes = self.bytes.saturating_sub(other.bytes);
    }
}

/// One kind at one destination. What was submitted is in exactly one of `queued`, `on_disk`, `in_flight`, `sent`,
/// `rejected_items` and `dropped`; a disk queue begins with what the process before left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KindStats {
    /// Waiting in memory.
    pub queued: Amount,
    /// Waiting on disk, or just read from there to be sent next.
    pub on_disk: Amount,
    /// Being sent, or between two attempts.
    pub in_flight: Amount,
    /// Acknowledged by the receiver; of a partial success, the items it took.
    pub sent: Amount,
    /// Items that the receiver took the rest of a batch without (partial success).
    pub rejected_items: u64,
    /// Items given up.
    pub dropped: Dropped,
    /// Attempts after the first.
    pub retries: u64,
    /// Batches that were moved from memory to disk.
    pub spilled: Amount,
}

/// What went wrong last, for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What happened and what to do.
    pub sentence: String,
    /// When.
    pub at: SystemTime,
    /// Whether batches have been acknowledged since.
    pub over: bool,
}

/// Where a destination is and how it is spoken to, apart from secrets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Receiver {
    /// How exporters of this kind are called in `otel.component.type`, before the signal: `otlp_grpc`, `otlp_http`,
    /// `otlp_http_json`, or `otlp_file`, which the conventions have no word for.
    pub way: &'static str,
    /// Name or address of the host; `None` where it is a file.
    pub address: Option<Box<str>>,
    /// Its port.
    pub port: Option<u16>,
}

impl Receiver {
    /// `otel.component.type` of the exporter of a kind (semantic conventions 1.44, registry, otel).
    #[must_use]
    pub fn component_type(&self, kind: SignalKind) -> String {
        let signal = match kind {
            SignalKind::Traces => "span",
            SignalKind::Metrics => "metric",
            SignalKind::Logs => "log",
        };
        format!("{}_{signal}_exporter", self.way)
    }
}

/// One destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestinationStats {
    /// Its name in the settings.
    pub name: String,
    /// Where it is, without secrets.
    pub target: String,
    /// What a metric says of where it is.
    pub receiver: Receiver,
    /// Bytes of payloads that may wait in memory.
    pub memory_capacity_bytes: u64,
    /// Bytes of files that may wait on disk; `None` without a disk queue.
    pub disk_capacity_bytes: Option<u64>,
    /// In the order of [`SignalKind::ALL`].
    pub kinds: [KindStats; 3],
    /// The last failure to deliver.
    pub last_error: Option<Trouble>,
    /// The last message that came with a success: a warning, or why a part was rejected.
    pub last_warning: Option<Trouble>,
    /// What is wrong with the disk queue, now.
    pub disk_error: Option<String>,
}

impl DestinationStats {
    /// One kind.
    #[must_use]
    pub const fn kind(&self, kind: SignalKind) -> &KindStats {
        &self.kinds[kind as usize]
    }

    /// A sum over the kinds, as in `stats.sum(|kind| kind.dropped.total())`.
    #[must_use]
    pub fn sum(&self, of: impl Fn(&KindStats) -> u64) -> u64 {
        self.kinds.iter().map(of).sum()
    }
}
