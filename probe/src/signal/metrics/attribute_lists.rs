//! The attributes of each kind of metric, by semantic conventions 1.44, and ours where they have none.

pub(super) const HTTP_SERVER: &[&str] = &[
    "http.request.method",
    "url.scheme",
    "http.response.status_code",
    "plainsight.http.route",
    "network.protocol.version",
    "error.type",
];
pub(super) const HTTP_CLIENT: &[&str] = &[
    "http.request.method",
    "server.address",
    "server.port",
    "http.response.status_code",
    "network.protocol.version",
    "error.type",
];
pub(super) const RPC_SERVER: &[&str] =
    &["rpc.system.name", "rpc.method", "rpc.response.status_code", "error.type"];
pub(super) const RPC_CLIENT: &[&str] = &[
    "rpc.system.name",
    "rpc.method",
    "rpc.response.status_code",
    "server.address",
    "server.port",
    "error.type",
];
pub(super) const DB_SERVER: &[&str] = &[
    "db.system.name",
    "db.namespace",
    "db.operation.name",
    "db.collection.name",
    "db.stored_procedure.name",
    "db.query.summary",
    "db.response.status_code",
    "error.type",
];
pub(super) const DB_CLIENT: &[&str] = &[
    "db.system.name",
    "db.namespace",
    "db.operation.name",
    "db.collection.name",
    "db.stored_procedure.name",
    "db.query.summary",
    "db.response.status_code",
    "server.address",
    "server.port",
    "error.type",
];
pub(super) const MESSAGING_SERVER: &[&str] = &[
    "messaging.system",
    "messaging.operation.name",
    "messaging.operation.type",
    "messaging.destination.name",
    "messaging.consumer.group.name",
    "error.type",
];
pub(super) const MESSAGING_CLIENT: &[&str] = &[
    "messaging.system",
    "messaging.operation.name",
    "messaging.operation.type",
    "messaging.destination.name",
    "messaging.consumer.group.name",
    "server.address",
    "server.port",
    "error.type",
];
pub(super) const SENT_MESSAGES: &[&str] = &[
    "messaging.system",
    "messaging.operation.name",
    "messaging.destination.name",
    "server.address",
    "server.port",
    "error.type",
];
pub(super) const CONSUMED_MESSAGES: &[&str] = &[
    "messaging.system",
    "messaging.operation.name",
    "messaging.destination.name",
    "messaging.consumer.group.name",
    "server.address",
    "server.port",
    "error.type",
];
pub(super) const ERROR: &[&str] = &["error.type"];
pub(super) const UNTIMED: &[&str] =
    &["plainsight.protocol", "plainsight.side", "plainsight.outcome", "error.type"];
pub(super) const DIALLED: &[&str] = &["network.transport", "server.address", "server.port", "error.type"];
pub(super) const CONNECTION_BEGIN: &[&str] = &["network.transport", "plainsight.connection.role"];
pub(super) const CONNECTION: &[&str] =
    &["network.transport", "plainsight.connection.role", "plainsight.protocol"];
pub(super) const CONNECTION_END: &[&str] =
    &["network.transport", "plainsight.connection.role", "plainsight.protocol", "error.type"];
pub(super) const EDGE: &[&str] =
    &["client", "server", "connection_type", "client_service_namespace", "server_service_namespace"];
pub(super) const FOLDED: &[&str] = &["plainsight.metric.name", "plainsight.metric.attribute"];
pub(super) const ABOUT_METRIC: &[&str] = &["plainsight.metric.name"];
pub(super) const REASON: &[&str] = &["plainsight.reason"];
pub(super) const SIGNAL: &[&str] = &["plainsight.signal"];
pub(super) const COMPONENT: &[&str] =
    &["otel.component.name", "otel.component.type", "server.address", "server.port"];
pub(super) const EXPORTED: &[&str] =
    &["otel.component.name", "otel.component.type", "server.address", "server.port", "error.type"];
pub(super) const EXPORT_SIGNAL: &[&str] = &["otel.component.name", "plainsight.signal"];
pub(super) const QUEUE: &[&str] = &["otel.component.name", "plainsight.signal", "plainsight.queue"];
pub(super) const QUEUE_PLACE: &[&str] = &["otel.component.name", "plainsight.queue"];
pub(super) const PROGRAM: &[&str] = &["plainsight.ebpf.program.name"];
pub(super) const CPU: &[&str] = &["cpu.mode"];
