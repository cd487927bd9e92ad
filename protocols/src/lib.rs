//! Passive protocol parsers: the bytes of one connection go in, exchanges come out.
//!
//! Nothing here does I/O or knows a socket, a process, or a clock other than the timestamps it is given. A
//! [`Conversation`] is fed the two streams of a connection as [`Segment`]s and [`Gap`]s; it detects the protocol from
//! the content, parses messages, pairs each request with its response, and hands every finished [`Exchange`] to a
//! [`Sink`]. A new protocol is one folder beside [`http`] and one line in [`registry`].

#![forbid(unsafe_code)]

mod conversation;
mod datagram;
mod detecting;
pub mod dns;
mod ends;
mod exchange;
mod fifo;
mod framed;
mod grpc;
pub mod http;
pub mod http2;
pub mod kafka;
mod memcached;
mod metric_attributes;
mod mongodb;
pub mod mysql;
mod ordered;
mod pending;
mod piped;
mod placed;
pub mod postgresql;
mod reader;
mod redis;
pub mod registry;
pub mod route;
mod sanitise;
pub mod sql;
mod stream;
#[cfg(test)]
mod testing;
mod texts;
mod tls;
mod trace_context;
mod wanted;

pub use conversation::{Conversation, HELD_BYTES_LIMIT, State};
pub use datagram::{Datagram, DatagramEnds, DatagramSink};
pub use detecting::{DETECTION_ATTEMPTS, Detection};
pub use exchange::{Details, Endpoints, Exchange, Outcome, Side, TraceParent, Value};
pub use metric_attributes::{Measures, MetricAttribute, MetricAttributes, MetricValue, MetricVisit};
pub use stream::{CloseReason, Direction, Gap, GapCause, Segment, Timestamp};
pub use wanted::Wanted;

/// Receives what a connection's parser found.
pub trait Sink {
    /// One request with its response, or what was seen of them.
    fn exchange(&mut self, exchange: &Exchange<'_>);

    /// `count` exchanges took place of which nothing was seen that could be reported: their bytes were lost.
    fn unobserved(&mut self, count: u64);

    /// The content proved the directions that the caller gave to be right (`false`) or the wrong way round (`true`).
    ///
    /// Called when [`Conversation::reversed`] changes, before the first exchange that follows from it, because the
    /// conversation cannot be asked while it reports.
    fn reversed(&mut self, reversed: bool) {
        let _ = reversed;
    }

    /// A bound was reached and something was given up for it. Made for counters; the default ignores it.
    fn limited(&mut self, limit: Limit) {
        let _ = limit;
    }
}

/// A bound that a connection ran into, and what that cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Limit {
    /// The head of a message was longer than is held: the exchange is partial, its sizes are not known.
    HeadBytes,
    /// More requests waited for a response than are held: the oldest was reported as partial.
    WaitingRequests,
    /// More responses waited for a request seen late than are held: the oldest was reported as partial.
    HeldResponses,
    /// No message was recognised in as many tries as are made: the connection is ignored.
    DetectionAttempts,
    /// After a loss no message start was found in as many tries as are made: the parser gave the connection up.
    ResyncAttempts,
    /// More prepared statements were open than are held: those not used for longest were forgotten.
    PreparedStatements,
}

impl Limit {
    /// Every limit, for those who count by it.
    pub const ALL: [Self; 6] = [
        Self::HeadBytes,
        Self::WaitingRequests,
        Self::HeldResponses,
        Self::DetectionAttempts,
        Self::ResyncAttempts,
        Self::PreparedStatements,
    ];

    /// The name used for the counter.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HeadBytes => "head_bytes",
            Self::WaitingRequests => "waiting_requests",
            Self::HeldResponses => "held_responses",
            Self::DetectionAttempts => "detection_attempts",
            Self::ResyncAttempts => "resync_attempts",
            Self::PreparedStatements => "prepared_statements",
        }
    }
}

/// What a [`Conversation`] should look for, and how much it may hold.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Protocols whose exchanges anybody wants.
    pub wanted: Wanted,
    /// HTTP options, for HTTP/1, HTTP/2 and gRPC.
    pub http: http::HttpSettings,
    /// Kafka options.
    pub kafka: kafka::KafkaSettings,
}

/// The protocols plainsight can tell apart, named as in the exchange record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Protocol {
    /// HTTP/1.0 and HTTP/1.1.
    Http,
    /// HTTP/2, save what is gRPC.
    Http2,
    /// gRPC over HTTP/2.
    Grpc,
    /// Redis and its kin: RESP2, RESP3, inline commands.
    Redis,
    /// The client/server protocol of MySQL and MariaDB.
    Mysql,
    /// The frontend/backend protocol of PostgreSQL.
    Postgresql,
    /// Kafka's binary protocol.
    Kafka,
    /// The domain name system, over UDP and TCP.
    Dns,
    /// Memcached's text and meta protocol.
    Memcached,
    /// MongoDB's wire protocol.
    Mongodb,
    /// The handshake of TLS; what follows cannot be read.
    Tls,
}

impl Protocol {
    /// Every protocol, for those who list or count by it.
    pub const ALL: [Self; 11] = [
        Self::Http,
        Self::Http2,
        Self::Grpc,
        Self::Redis,
        Self::Mysql,
        Self::Postgresql,
        Self::Kafka,
        Self::Dns,
        Self::Memcached,
        Self::Mongodb,
        Self::Tls,
    ];

    /// Whether the beginnings of what calls move do not suffice to follow the protocol: one call often moves many
    /// messages, and where the next one begins, or what a header stands for, is told by those before it.
    #[must_use]
    pub const fn needs_whole_calls(self) -> bool {
        match self {
            Self::Http2 | Self::Grpc | Self::Redis | Self::Memcached | Self::Mysql | Self::Postgresql => true,
            Self::Http | Self::Kafka | Self::Dns | Self::Mongodb | Self::Tls => false,
        }
    }

    /// The name used in records, filters and configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Http2 => "http2",
            Self::Grpc => "grpc",
            Self::Redis => "redis",
            Self::Mysql => "mysql",
            Self::Postgresql => "postgresql",
            Self::Kafka => "kafka",
            Self::Dns => "dns",
            Self::Memcached => "memcached",
            Self::Mongodb => "mongodb",
            Self::Tls => "tls",
        }
    }
}
