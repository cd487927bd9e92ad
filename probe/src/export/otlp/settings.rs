//! What is exported where: plain data, checked when the exporter starts.

use std::{fmt, path::PathBuf, time::Duration};

use crate::export::SignalKind;

/// All destinations.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExportSettings {
    /// Each has its own queue: one that is stuck does not hold the others.
    pub destinations: Vec<Destination>,
}

/// One receiver of telemetry.
#[derive(Debug, Clone, PartialEq)]
pub struct Destination {
    /// What statistics and messages call it, and the name of its folder in the disk queue. Unique.
    pub name: String,
    /// The kinds that it is given.
    pub signals: Vec<SignalKind>,
    /// Where it is and how it is spoken to.
    pub target: Target,
    /// Sent with every request: HTTP headers, or gRPC metadata.
    pub headers: Headers,
    /// How payloads are packed.
    pub compression: Compression,
    /// For one request, from its start to the end of the answer.
    pub timeout: Duration,
    /// What a connection by TLS is made with.
    pub tls: TlsSettings,
    /// Requests at one time, for each kind. Never more than one for each ordered stream (see
    /// [`Stream`](super::Stream)).
    pub max_in_flight: usize,
    /// When a request that failed is sent again.
    pub retry: RetrySettings,
    /// What waits to be sent.
    pub queue: QueueSettings,
}

impl Destination {
    /// The specification's default: OTLP over HTTP to port 4318 of this host, uncompressed, 10 seconds for a request.
    #[must_use]
    pub fn new(name: &str, target: Target) -> Self {
        Self {
            name: name.to_owned(),
            signals: SignalKind::ALL.to_vec(),
            target,
            headers: Headers::default(),
            compression: Compression::None,
            timeout: Duration::from_secs(10),
            tls: TlsSettings::default(),
            max_in_flight: 4,
            retry: RetrySettings::default(),
            queue: QueueSettings::default(),
        }
    }
}

/// Where a destination is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// OTLP over gRPC.
    Grpc {
        /// `http://HOST:PORT`, `https://HOST:PORT` or `HOST:PORT`.
        endpoint: String,
        /// Whether an endpoint without a scheme is spoken to without TLS.
        insecure: bool,
    },
    /// OTLP over HTTP.
    Http {
        /// With the scheme `http` or `https`.
        endpoint: String,
        /// Whether the endpoint is the whole URL. Otherwise `v1/traces`, `v1/metrics` or `v1/logs` is appended.
        exact: bool,
        /// How payloads are written.
        encoding: Encoding,
    },
    /// A file with one request in OTLP's JSON form on each line, as OpenTelemetry's file exporter writes it.
    File {
        /// Created if it is not there, appended to if it is.
        path: PathBuf,
    },
}

/// How OTLP over HTTP writes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Protocol Buffers: `http/protobuf`.
    Protobuf,
    /// OTLP's form of JSON: `http/json`.
    Json,
}

/// How payloads are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// Every receiver must understand it (OTLP 1.11, "OTLP/HTTP Request").
    Gzip,
    /// Faster and smaller; the OpenTelemetry Collector and many others understand it.
    Zstd,
}

impl Compression {
    /// The word for it in `Content-Encoding` and in gRPC's `grpc-encoding`.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }
}

/// Names and values. The values are secrets: they are not shown when this is printed for debugging.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(pub Vec<(String, String)>);

impl fmt::Debug for Headers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.0.iter().map(|(name, _)| (name, "…"))).finish()
    }
}

/// Files in PEM form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// Authorities that are trusted beside the system's.
    pub certificate: Option<PathBuf>,
    /// What this side shows when the receiver asks who it is; needs `client_key`.
    pub client_certificate: Option<PathBuf>,
    /// The private key of `client_certificate`.
    pub client_key: Option<PathBuf>,
}

/// When a request that failed for a while is sent again: after `first` × `factor`ⁿ, `cap` at most, of which a random
/// half is left out so that many senders do not return at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetrySettings {
    /// After the first failure.
    pub first: Duration,
    /// How much longer after each further one.
    pub factor: f64,
    /// The longest wait of this side's own. What the receiver asks for is followed up to
    /// [`LONGEST_ASKED_WAIT`](super::LONGEST_ASKED_WAIT).
    pub cap: Duration,
    /// A batch that failed for this long is dropped, so that one that a receiver can never take does not hold up its
    /// stream for ever.
    pub give_up_after: Duration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            factor: 1.5,
            cap: Duration::from_secs(30),
            give_up_after: Duration::from_secs(3600),
        }
    }
}

/// Limits of what waits for one destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSettings {
    /// Payloads in memory, without the requests in flight.
    pub memory_bytes: usize,
    /// Spans, data points and log records in memory.
    pub memory_items: u64,
    /// Where batches go that memory has no room for, or that are left at the end.
    pub disk: Option<DiskSettings>,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self { memory_bytes: 64 << 20, memory_items: 1_000_000, disk: None }
    }
}

/// A queue on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskSettings {
    /// Each destination has a folder of its own in it, named after it.
    pub folder: PathBuf,
    /// What the files of one destination take at most.
    pub bytes: u64,
    /// A destination that fails for this long has what waits in memory moved to disk, so that less is lost if this
    /// process is killed meanwhile.
    pub after: Duration,
}

impl DiskSettings {
    /// A queue of 1 GiB that takes over when a destination has failed for 5 seconds.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), bytes: 1 << 30, after: Duration::from_secs(5) }
    }
}
