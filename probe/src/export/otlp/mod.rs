//! OTLP to any number of receivers, over gRPC, HTTP or into a file.
//!
//! ```no_run
//! # use plainsight::export::{Batch, SignalKind, otlp::*};
//! # use std::time::Duration;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let environment = from_environment(&|name| std::env::var(name).ok())?;
//! let exporter = Exporter::start(&environment.settings)?;
//! let payload = bytes::Bytes::new(); // a whole ExportTraceServiceRequest
//! exporter.submit(Batch { kind: SignalKind::Traces, payload, items: 0 });
//! for destination in exporter.stats() {
//!     println!("{}: {} spans", destination.target, destination.kind(SignalKind::Traces).sent.items);
//! }
//! exporter.shutdown(Duration::from_secs(5));
//! # Ok(()) }
//! ```
//!
//! # What is promised
//!
//! - [`Exporter::submit`] never blocks. A payload is shared by all destinations, not copied.
//! - Every destination has its own bounded queue: one that is stuck does not hold the others. Within a destination, the
//!   kinds do not hold one another either: each has its own requests in flight.
//! - What was submitted is counted in exactly one place of [`KindStats`] at any time.
//! - Order: the batches of an ordered [`Stream`] reach a receiver in the order in which they were submitted. There is
//!   never more than one request of it in flight, and while that is tried again, the rest of the stream waits. Metrics
//!   and logs are one ordered stream each, unless their sender names another ([`Exporter::submit_and_track`]). Spans need
//!   no order, so up to [`Destination::max_in_flight`] of their batches are in flight; with 1, they are in order, too.
//! - What memory has no room for goes to disk, if a destination has [`DiskSettings`], and comes back in order. It survives
//!   this process and the next one sends it. Without a disk queue the oldest batches are dropped and counted.
//! - A batch is sent again only when the specification allows it: then it was not taken, or nothing is known because
//!   no answer came. A partial success is never sent again.
//! - Nothing arrives twice except where an answer was lost, and after a crash.
//!
//! # Who is told
//!
//! Nobody is interrupted by failures: [`DestinationStats::last_error`] has the last in one sentence with its remedy, and
//! counters say what it cost.
//!
//! # Proxies
//!
//! OTLP over HTTP goes through the proxy that `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` name; gRPC does not.

mod address;
mod answer;
mod destination;
mod environment;
mod exporter;
mod file;
mod flight;
mod grpc;
mod http;
mod json;
mod remedy;
mod retry;
mod settings;
mod shared;
mod spill;
mod stats;
#[cfg(test)]
mod tests;
mod tls;
mod tracking;
mod transport;

pub use super::queue::DiskError;
pub use environment::{Environment, EnvironmentError, Exporters, from_environment};
pub use exporter::{Exporter, StartError};
pub use retry::LONGEST_ASKED_WAIT;
pub use settings::{
    Compression, Destination, DiskSettings, Encoding, ExportSettings, Headers, QueueSettings, RetrySettings,
    Target, TlsSettings,
};
pub use stats::{Amount, DestinationStats, DropReason, Dropped, KindStats, Receiver, Trouble};
pub use tls::TlsError;
pub use tracking::Delivery;
pub(super) use tracking::Tracker;

use super::SignalKind;

/// The most that a request may have, not compressed (OTLP 1.11: 64 MiB). Many receivers take less; gRPC servers usually
/// 4 MiB.
pub const LARGEST_REQUEST: usize = 64 << 20;

/// As the specification wants it ("OpenTelemetry Protocol Exporter", User Agent).
const USER_AGENT: &str =
    concat!("OTel-OTLP-Exporter-Rust/", env!("CARGO_PKG_VERSION"), " plainsight/", env!("CARGO_PKG_VERSION"));

/// Which batches have to arrive in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Any order will do.
    Unordered,
    /// In the order in which batches of the same kind and number were submitted. Numbers are the submitters' choice.
    Ordered(u64),
}

impl Stream {
    /// Spans need no order. Data points do: backends reject a point that is older than one that they have. Log records
    /// are read in order.
    #[must_use]
    pub const fn usual(kind: SignalKind) -> Self {
        match kind {
            SignalKind::Traces => Self::Unordered,
            SignalKind::Metrics | SignalKind::Logs => Self::Ordered(0),
        }
    }
}

/// What became of a submitted batch at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a batch that is not queued is lost"]
pub enum Acceptance {
    /// At least one destination has it.
    Queued,
    /// There is no room: a tracked batch should be submitted again later; any other is counted as dropped.
    Full,
    /// It is larger than a request or the queues may be: it has to be split.
    TooLarge,
    /// No destination takes this kind.
    NotWanted,
    /// The exporter is being shut down.
    ShutDown,
}

impl Acceptance {
    /// Of two destinations' answers, the better.
    const fn or(self, next: Result<(), DropReason>) -> Self {
        match (self, next) {
            (Self::Queued, _) | (_, Ok(())) => Self::Queued,
            (_, Err(DropReason::Stopped)) => Self::ShutDown,
            (Self::Full, _) => Self::Full,
            (_, Err(DropReason::TooLarge)) => Self::TooLarge,
            (_, Err(_)) => Self::Full,
        }
    }
}
