//! Every metric: its name, unit, kind, buckets and attributes. Names are data, because they move between versions of the
//! conventions; this is the table of OpenTelemetry semantic conventions 1.44, and of ours where they have none.

use super::attribute_lists::{
    ABOUT_METRIC, COMPONENT, CONNECTION, CONNECTION_BEGIN, CONNECTION_END, CONSUMED_MESSAGES, CPU, DB_CLIENT,
    DB_SERVER, DIALLED, EDGE, ERROR, EXPORT_SIGNAL, EXPORTED, FOLDED, HTTP_CLIENT, HTTP_SERVER,
    MESSAGING_CLIENT, MESSAGING_SERVER, PROGRAM, QUEUE, QUEUE_PLACE, REASON, RPC_CLIENT, RPC_SERVER,
    SENT_MESSAGES, SIGNAL, UNTIMED,
};
pub use super::kinds::{Family, Kind, Measure, Metric};

const SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
const DB_SECONDS: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];
/// The conventions name none; factors of four reach from a small answer to a large upload.
const BYTES: &[f64] =
    &[64.0, 256.0, 1024.0, 4096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0, 16_777_216.0];
const ROWS: &[f64] =
    &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0];
/// From a neighbour in the same rack to a satellite.
const NETWORK_SECONDS: &[f64] =
    &[0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];

const fn metric(
    family: Family,
    measure: Measure,
    name: &'static str,
    unit: &'static str,
    kind: Kind,
    attributes: &'static [&'static str],
    description: &'static str,
) -> Metric {
    Metric { name, description, unit, kind, family, measure, default_on: true, attributes }
}

/// A metric that is made on request only.
const fn opt_in(metric: Metric) -> Metric {
    Metric { default_on: false, ..metric }
}

/// A histogram of durations.
const fn seconds(
    family: Family,
    name: &'static str,
    bounds: &'static [f64],
    attributes: &'static [&'static str],
    description: &'static str,
) -> Metric {
    metric(family, Measure::Duration, name, "s", Kind::Histogram(bounds), attributes, description)
}

const fn body(
    family: Family,
    measure: Measure,
    name: &'static str,
    attributes: &'static [&'static str],
    description: &'static str,
) -> Metric {
    opt_in(metric(family, measure, name, "By", Kind::Histogram(BYTES), attributes, description))
}

const fn connections(
    measure: Measure,
    name: &'static str,
    unit: &'static str,
    kind: Kind,
    attributes: &'static [&'static str],
    description: &'static str,
) -> Metric {
    metric(Family::Connection, measure, name, unit, kind, attributes, description)
}

const fn edge(
    measure: Measure,
    name: &'static str,
    unit: &'static str,
    kind: Kind,
    description: &'static str,
) -> Metric {
    metric(Family::Edge, measure, name, unit, kind, EDGE, description)
}

const fn own(
    name: &'static str,
    unit: &'static str,
    kind: Kind,
    attributes: &'static [&'static str],
    description: &'static str,
) -> Metric {
    metric(Family::Probe, Measure::Read, name, unit, kind, attributes, description)
}

/// Every metric.
pub const METRICS: &[Metric] = {
    use Family::{
        DbClient, DbServer, DnsClient, DnsServer, FailedDial, HttpClient, HttpServer, MessagingClient,
        MessagingServer, Own, RpcClient, RpcServer, Untimed,
    };
    use Measure::{
        Active, ClientSeconds, Closed, ConsumedMessages, Count, FailedRequests, Folded, Handshake, Opened,
        Overflowed, Received, RequestBody, ResponseBody, Retransmits, ReturnedRows, RoundTrip, Sent,
        SentMessages, Series, ServerSeconds,
    };
    &[
        seconds(
            HttpServer,
            "http.server.request.duration",
            SECONDS,
            HTTP_SERVER,
            "Duration of HTTP server requests.",
        ),
        body(
            HttpServer,
            RequestBody,
            "http.server.request.body.size",
            HTTP_SERVER,
            "Size of HTTP server request bodies.",
        ),
        body(
            HttpServer,
            ResponseBody,
            "http.server.response.body.size",
            HTTP_SERVER,
            "Size of HTTP server response bodies.",
        ),
        seconds(
            HttpClient,
            "http.client.request.duration",
            SECONDS,
            HTTP_CLIENT,
            "Duration of HTTP client requests.",
        ),
        body(
            HttpClient,
            RequestBody,
            "http.client.request.body.size",
            HTTP_CLIENT,
            "Size of HTTP client request bodies.",
        ),
        body(
            HttpClient,
            ResponseBody,
            "http.client.response.body.size",
            HTTP_CLIENT,
            "Size of HTTP client response bodies.",
        ),
        seconds(RpcServer, "rpc.server.call.duration", SECONDS, RPC_SERVER, "Duration of incoming calls."),
        seconds(RpcClient, "rpc.client.call.duration", SECONDS, RPC_CLIENT, "Duration of outgoing calls."),
        seconds(
            DbClient,
            "db.client.operation.duration",
            DB_SECONDS,
            DB_CLIENT,
            "Duration of database client operations.",
        ),
        opt_in(metric(
            DbClient,
            ReturnedRows,
            "db.client.response.returned_rows",
            "{row}",
            Kind::Histogram(ROWS),
            DB_CLIENT,
            "The number of rows returned by the operation.",
        )),
        // The conventions know databases from the client's side only.
        seconds(
            DbServer,
            "plainsight.db.server.operation.duration",
            DB_SECONDS,
            DB_SERVER,
            "Duration of operations as the database's host saw them.",
        ),
        seconds(
            MessagingClient,
            "messaging.client.operation.duration",
            SECONDS,
            MESSAGING_CLIENT,
            "Duration of requests of a producer or consumer to its broker.",
        ),
        metric(
            MessagingClient,
            SentMessages,
            "messaging.client.sent.messages",
            "{message}",
            Kind::Counter,
            SENT_MESSAGES,
            "Number of messages that a producer sent to its broker.",
        ),
        metric(
            MessagingClient,
            ConsumedMessages,
            "messaging.client.consumed.messages",
            "{message}",
            Kind::Counter,
            CONSUMED_MESSAGES,
            "Number of messages that were delivered to the application.",
        ),
        seconds(
            MessagingServer,
            "plainsight.messaging.server.operation.duration",
            SECONDS,
            MESSAGING_SERVER,
            "Duration of requests as the broker's host saw them.",
        ),
        seconds(DnsClient, "dns.lookup.duration", SECONDS, ERROR, "Time taken to perform a DNS lookup."),
        seconds(
            DnsServer,
            "plainsight.dns.server.lookup.duration",
            SECONDS,
            ERROR,
            "Duration of DNS lookups as the name server's host saw them.",
        ),
        metric(
            Untimed,
            Count,
            "plainsight.exchange.untimed",
            "{exchange}",
            Kind::Counter,
            UNTIMED,
            "Exchanges whose beginning or end was not seen, so that no histogram of durations counts them.",
        ),
        metric(
            FailedDial,
            Count,
            "plainsight.connection.failed",
            "{connection}",
            Kind::Counter,
            DIALLED,
            "TCP connections that were dialled and did not come to be; `error.type` tells why.",
        ),
        connections(
            Opened,
            "plainsight.connection.opened",
            "{connection}",
            Kind::Counter,
            CONNECTION_BEGIN,
            "TCP connections that began.",
        ),
        connections(
            Closed,
            "plainsight.connection.closed",
            "{connection}",
            Kind::Counter,
            CONNECTION_END,
            "TCP connections that ended; `error.type` tells those that were reset.",
        ),
        connections(
            Active,
            "plainsight.connection.active",
            "{connection}",
            Kind::UpDownCounter,
            CONNECTION_BEGIN,
            "TCP connections that are open and have carried bytes.",
        ),
        connections(
            Received,
            "plainsight.connection.received",
            "By",
            Kind::Counter,
            CONNECTION,
            "Bytes read from TCP connections.",
        ),
        connections(
            Sent,
            "plainsight.connection.sent",
            "By",
            Kind::Counter,
            CONNECTION,
            "Bytes written to TCP connections.",
        ),
        connections(
            Retransmits,
            "plainsight.connection.retransmits",
            "{segment}",
            Kind::Counter,
            CONNECTION,
            "TCP segments that were sent again.",
        ),
        connections(
            RoundTrip,
            "plainsight.connection.round_trip.duration",
            "s",
            Kind::Histogram(NETWORK_SECONDS),
            CONNECTION,
            "Smoothed round-trip time of a TCP connection at its end.",
        ),
        connections(
            Handshake,
            "plainsight.connection.handshake.duration",
            "s",
            Kind::Histogram(NETWORK_SECONDS),
            CONNECTION_BEGIN,
            "Time from the first packet of a TCP connection that was dialled to its establishment.",
        ),
        edge(
            Count,
            "traces_service_graph_request_total",
            "",
            Kind::Counter,
            "Requests from one service to another.",
        ),
        edge(
            FailedRequests,
            "traces_service_graph_request_failed_total",
            "",
            Kind::Counter,
            "Requests from one service to another that failed.",
        ),
        edge(
            ServerSeconds,
            "traces_service_graph_request_server_seconds",
            "s",
            Kind::Histogram(SECONDS),
            "Their duration as the server saw it.",
        ),
        edge(
            ClientSeconds,
            "traces_service_graph_request_client_seconds",
            "s",
            Kind::Histogram(SECONDS),
            "Their duration as the client saw it.",
        ),
        metric(
            Own,
            Folded,
            "plainsight.metric.folded_measurements",
            "{measurement}",
            Kind::Counter,
            FOLDED,
            "Measurements of which an attribute's value became `*`, because its key had shown too many.",
        ),
        metric(
            Own,
            Overflowed,
            "plainsight.metric.overflowed_measurements",
            "{measurement}",
            Kind::Counter,
            ABOUT_METRIC,
            "Measurements that went to the overflow point, because the metric had too many series.",
        ),
        metric(
            Own,
            Series,
            "plainsight.metric.series",
            "{series}",
            Kind::UpDownCounter,
            ABOUT_METRIC,
            "Series that are kept of a metric.",
        ),
        own(
            "plainsight.capture.events",
            "{event}",
            Kind::Counter,
            &[],
            "Events of the kernel that were read: calls, and what happened to connections.",
        ),
        own(
            "plainsight.capture.lost_events",
            "{event}",
            Kind::Counter,
            REASON,
            "Events of the kernel that were lost.",
        ),
        own(
            "plainsight.capture.left_out",
            "{item}",
            Kind::Counter,
            REASON,
            "What was left out without an event having been lost.",
        ),
        own("plainsight.capture.exchanges", "{exchange}", Kind::Counter, &[], "Exchanges that were seen."),
        own(
            "plainsight.capture.unobserved_exchanges",
            "{exchange}",
            Kind::Counter,
            &[],
            "Exchanges that took place and of which nothing could be told.",
        ),
        own(
            "plainsight.capture.connections",
            "{connection}",
            Kind::UpDownCounter,
            &[],
            "Connections that are followed.",
        ),
        own(
            "plainsight.ebpf.program.run_time",
            "s",
            Kind::Counter,
            PROGRAM,
            "Time that a kernel program ran for; counted while kernel.bpf_stats_enabled is 1.",
        ),
        own(
            "plainsight.ebpf.program.runs",
            "{run}",
            Kind::Counter,
            PROGRAM,
            "How often a kernel program ran; counted while kernel.bpf_stats_enabled is 1.",
        ),
        own(
            "plainsight.trace.spans",
            "{span}",
            Kind::Counter,
            REASON,
            "Spans that were made, by what kept them.",
        ),
        own(
            "plainsight.trace.unsampled_exchanges",
            "{exchange}",
            Kind::Counter,
            REASON,
            "Exchanges that no span was made of.",
        ),
        own(
            "plainsight.spool.items",
            "{item}",
            Kind::Counter,
            SIGNAL,
            "Spans and log records that workers handed over.",
        ),
        own(
            "plainsight.spool.dropped_items",
            "{item}",
            Kind::Counter,
            SIGNAL,
            "Spans and log records that the spool had no room for.",
        ),
        own(
            "plainsight.spool.size",
            "By",
            Kind::UpDownCounter,
            SIGNAL,
            "Bytes that wait between the workers and the exporter.",
        ),
        own(
            "plainsight.spool.hurried_buffers",
            "{buffer}",
            Kind::Counter,
            &[],
            "Buffers that went on before it was known whose they were, for want of room.",
        ),
        own(
            "plainsight.identity.processes",
            "{process}",
            Kind::UpDownCounter,
            &[],
            "Processes that are known.",
        ),
        own(
            "plainsight.identity.dropped",
            "{item}",
            Kind::Counter,
            REASON,
            "What was not learnt, or forgotten, of processes and names.",
        ),
        own(
            "otel.sdk.exporter.span.exported",
            "{span}",
            Kind::Counter,
            EXPORTED,
            "Spans that were exported; `error.type` tells those that were given up or rejected.",
        ),
        own(
            "otel.sdk.exporter.span.inflight",
            "{span}",
            Kind::UpDownCounter,
            COMPONENT,
            "Spans that are being sent, or wait for the next attempt.",
        ),
        own(
            "otel.sdk.exporter.log.exported",
            "{log_record}",
            Kind::Counter,
            EXPORTED,
            "Log records that were exported; `error.type` tells those that were given up or rejected.",
        ),
        own(
            "otel.sdk.exporter.log.inflight",
            "{log_record}",
            Kind::UpDownCounter,
            COMPONENT,
            "Log records that are being sent, or wait for the next attempt.",
        ),
        own(
            "otel.sdk.exporter.metric_data_point.exported",
            "{data_point}",
            Kind::Counter,
            EXPORTED,
            "Metric data points that were exported; `error.type` tells those that were given up or rejected.",
        ),
        own(
            "otel.sdk.exporter.metric_data_point.inflight",
            "{data_point}",
            Kind::UpDownCounter,
            COMPONENT,
            "Metric data points that are being sent, or wait for the next attempt.",
        ),
        own(
            "plainsight.export.queue.items",
            "{item}",
            Kind::UpDownCounter,
            QUEUE,
            "Spans, log records and data points that wait to be sent.",
        ),
        own("plainsight.export.queue.size", "By", Kind::UpDownCounter, QUEUE, "Bytes that wait to be sent."),
        own(
            "plainsight.export.queue.capacity",
            "By",
            Kind::UpDownCounter,
            QUEUE_PLACE,
            "Bytes that may wait to be sent, all signals together.",
        ),
        own(
            "plainsight.export.retries",
            "{attempt}",
            Kind::Counter,
            EXPORT_SIGNAL,
            "Attempts to send after the first.",
        ),
        own("process.cpu.time", "s", Kind::Counter, CPU, "Time that the probe kept processors busy."),
        own("process.memory.usage", "By", Kind::UpDownCounter, &[], "Physical memory that the probe holds."),
        own(
            "plainsight.limits.step",
            "{step}",
            Kind::UpDownCounter,
            &[],
            "How far the probe has stepped back to keep within its limits: 0 not at all, 1 samples, 2 only counts.",
        ),
    ]
};

/// The metric of that name, as an index into [`METRICS`].
#[must_use]
pub fn find(name: &str) -> Option<usize> {
    METRICS.iter().position(|metric| metric.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_measure_of_a_family_has_one_metric_and_each_name_is_given_once() {
        for (index, metric) in METRICS.iter().enumerate() {
            for other in &METRICS[index + 1..] {
                assert_ne!(metric.name, other.name);
                assert!(
                    metric.measure == Measure::Read
                        || (metric.family, metric.measure) != (other.family, other.measure),
                    "{}",
                    metric.name
                );
            }
            assert_eq!(find(metric.name), Some(index));
        }
    }

    #[test]
    fn bounds_rise() {
        for metric in METRICS {
            if let Kind::Histogram(bounds) = metric.kind {
                assert!(bounds.is_sorted_by(|left, right| left < right), "{}", metric.name);
            }
        }
    }
}
