//! The attributes of spans, by OpenTelemetry's semantic conventions 1.44: name, type, and what is required.

use plainsight_protocols::{Protocol, Side};

/// The type of an attribute's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A number.
    Number,
    /// Several texts.
    Texts,
}

/// How much an attribute is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Always, of an exchange of which both messages were seen.
    Required,
    /// Under a condition, or by recommendation, or on request.
    May,
}

use Kind::{Number, Text, Texts};
use Need::{May, Required};

/// An attribute's name, its type, and how much it is asked for.
pub type Row = (&'static str, Kind, Need);

/// What any span may have: the error, and what the registry has of the two ends and the process.
const ANY: &[Row] = &[
    ("error.type", Text, May),
    ("network.peer.address", Text, May),
    ("network.peer.port", Number, May),
    ("network.transport", Text, May),
    ("process.pid", Number, Required),
    ("plainsight.outcome", Text, May),
    ("plainsight.outcome.reason", Text, May),
    ("plainsight.missing_bytes", Number, May),
];

/// Semantic conventions for HTTP, "HTTP server" and the attributes common to both.
const HTTP: &[Row] = &[
    ("http.request.method", Text, Required),
    ("http.request.method_original", Text, May),
    ("http.response.status_code", Number, May),
    ("http.request.body.size", Number, May),
    ("http.response.body.size", Number, May),
    ("network.protocol.version", Text, May),
    ("server.address", Text, May),
    ("server.port", Number, May),
    ("url.query", Text, May),
    ("url.scheme", Text, May),
    ("user_agent.original", Text, May),
    ("plainsight.http.route", Text, May),
    ("plainsight.http.request.target", Text, May),
    ("plainsight.http2.reset.by", Text, May),
    ("plainsight.http2.reset.code", Text, May),
    ("plainsight.http2.push", Text, May),
];
const HTTP_SERVER: &[Row] = &[("url.path", Text, May), ("client.address", Text, Required)];
/// The path of a client's span is the registry's, beside the whole URL that the conventions ask for.
const HTTP_CLIENT: &[Row] =
    &[("url.full", Text, May), ("url.path", Text, May), ("server.address", Text, Required)];

/// Semantic conventions for gRPC.
const GRPC: &[Row] = &[
    ("rpc.system.name", Text, Required),
    ("rpc.method", Text, May),
    ("rpc.method_original", Text, May),
    ("rpc.response.status_code", Text, May),
    ("http.response.status_code", Number, May),
    ("server.address", Text, May),
    ("server.port", Number, May),
    ("plainsight.grpc.request.messages", Number, May),
    ("plainsight.grpc.response.messages", Number, May),
];

/// Semantic conventions for database clients; the systems add to it.
const DATABASE: &[Row] = &[
    ("db.system.name", Text, Required),
    ("db.namespace", Text, May),
    ("db.query.text", Text, May),
    ("db.response.status_code", Text, May),
    ("db.response.returned_rows", Number, May),
    ("server.address", Text, May),
    ("server.port", Number, May),
    ("client.address", Text, May),
];
const REDIS: &[Row] = &[
    ("db.operation.name", Text, Required),
    ("db.operation.batch.size", Number, May),
    ("db.stored_procedure.name", Text, May),
];
const MEMCACHED: &[Row] = &[("db.operation.name", Text, Required)];
const MONGODB: &[Row] = &[
    ("db.operation.name", Text, May),
    ("db.collection.name", Text, May),
    ("db.operation.batch.size", Number, May),
    ("plainsight.mongodb.code_name", Text, May),
    ("plainsight.mongodb.compressor", Text, May),
];
const SQL: &[Row] = &[
    ("db.operation.name", Text, May),
    ("db.query.summary", Text, May),
    ("network.protocol.version", Text, May),
    ("plainsight.db.affected_rows", Number, May),
    ("plainsight.db.compression", Text, May),
    ("plainsight.db.response.affected_rows", Number, May),
    ("plainsight.db.sqlstate", Text, May),
    ("plainsight.db.statement", Text, May),
    ("plainsight.db.statement.id", Number, May),
    ("plainsight.db.user", Text, May),
    ("plainsight.db.warnings", Number, May),
    ("plainsight.postgresql.authentication", Text, May),
    ("plainsight.postgresql.command_tags", Texts, May),
    ("plainsight.postgresql.encryption", Text, May),
    ("plainsight.postgresql.process_id", Number, May),
    ("plainsight.postgresql.skipped", Text, May),
    ("plainsight.postgresql.statement", Text, May),
    ("plainsight.postgresql.statement_name", Text, May),
    ("plainsight.postgresql.suspended", Text, May),
    ("plainsight.postgresql.user", Text, May),
];

/// Semantic conventions for messaging and for Kafka.
const KAFKA: &[Row] = &[
    ("messaging.system", Text, Required),
    ("messaging.operation.name", Text, Required),
    ("messaging.operation.type", Text, May),
    ("messaging.batch.message_count", Number, May),
    ("messaging.client.id", Text, May),
    ("messaging.consumer.group.name", Text, May),
    ("messaging.destination.name", Text, May),
    ("messaging.destination.partition.id", Text, May),
    ("messaging.kafka.cluster.id", Text, May),
    ("messaging.kafka.offset", Number, May),
    ("server.address", Text, Required),
    ("server.port", Number, Required),
    ("plainsight.kafka.acks", Text, May),
    ("plainsight.kafka.api", Text, Required),
    ("plainsight.kafka.api_version", Number, Required),
    ("plainsight.kafka.error_code", Number, May),
    ("plainsight.kafka.topic_names", Texts, May),
    ("plainsight.kafka.topics", Number, May),
    ("plainsight.kafka.transactional_id", Text, May),
];

/// There are no conventions for spans of DNS; the registry has these attributes.
const DNS: &[Row] = &[
    ("dns.question.name", Text, May),
    ("dns.answers", Texts, May),
    ("client.address", Text, May),
    ("client.port", Number, May),
    ("server.address", Text, May),
    ("server.port", Number, May),
    ("plainsight.dns.answer.count", Number, May),
    ("plainsight.dns.answer.edns_udp_size", Number, May),
    ("plainsight.dns.answer.flags", Texts, May),
    ("plainsight.dns.answer.names", Texts, May),
    ("plainsight.dns.answer.ttl", Number, May),
    ("plainsight.dns.kind", Text, May),
    ("plainsight.dns.opcode", Text, May),
    ("plainsight.dns.question.class", Text, May),
    ("plainsight.dns.question.edns_udp_size", Number, May),
    ("plainsight.dns.question.flags", Texts, May),
    ("plainsight.dns.question.type", Text, May),
    ("plainsight.dns.response_code", Text, May),
    ("plainsight.dns.retries", Number, May),
];

/// Nor for handshakes of TLS.
const TLS: &[Row] = &[
    ("server.address", Text, Required),
    ("server.port", Number, Required),
    ("tls.cipher", Text, May),
    ("tls.next_protocol", Text, May),
    ("tls.protocol.name", Text, May),
    ("tls.protocol.version", Text, May),
    ("plainsight.tls.cipher_suite", Number, May),
    ("plainsight.tls.client.protocols", Texts, May),
    ("plainsight.tls.features", Texts, May),
    ("plainsight.tls.upgraded_from", Text, May),
];

/// What a span of that protocol and side may and must have.
#[must_use]
pub fn tables(protocol: Protocol, side: Side) -> Vec<&'static [Row]> {
    let own: &[&[Row]] = match (protocol, side) {
        (Protocol::Http | Protocol::Http2, Side::Server) => &[HTTP, HTTP_SERVER],
        (Protocol::Http | Protocol::Http2, Side::Client) => &[HTTP, HTTP_CLIENT],
        (Protocol::Grpc, _) => &[GRPC],
        (Protocol::Redis, _) => &[DATABASE, REDIS],
        (Protocol::Memcached, _) => &[DATABASE, MEMCACHED],
        (Protocol::Mongodb, _) => &[DATABASE, MONGODB],
        (Protocol::Mysql | Protocol::Postgresql, _) => &[DATABASE, SQL],
        (Protocol::Kafka, _) => &[KAFKA],
        (Protocol::Dns, _) => &[DNS],
        (Protocol::Tls, _) => &[TLS],
        _ => &[],
    };
    [&[ANY], own].concat()
}
