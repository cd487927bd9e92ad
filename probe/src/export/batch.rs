//! What is handed to the exporters: whole OTLP requests, encoded once and shared by all destinations.

use bytes::Bytes;

/// The three kinds of telemetry, each with its own OTLP service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SignalKind {
    /// Spans.
    Traces,
    /// Data points.
    Metrics,
    /// Log records.
    Logs,
}

impl SignalKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    /// The name as OTLP's paths and environment variables have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }
}

/// One request to a backend, not yet sent: an `ExportTraceServiceRequest`, `ExportMetricsServiceRequest` or
/// `ExportLogsServiceRequest` (OTLP 1.11) in Protocol Buffers, uncompressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Which of the three it is.
    pub kind: SignalKind,
    /// The encoded request.
    pub payload: Bytes,
    /// Spans, data points or log records in it: what counts as lost if it cannot be delivered.
    pub items: u32,
}
