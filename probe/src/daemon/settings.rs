//! What the configuration says, as the settings of the parts that do it.

use std::time::Duration;

use plainsight_protocols::{Settings, Wanted};

use crate::{
    capture::{CaptureOptions, KernelFilter, SystemCallHook},
    config::{
        self, AccessLog as ConfiguredLog, Auto, Config, Environment, Exemplars, Hook, OtlpProtocol, Runtimes,
        Switch,
    },
    export::{
        SignalKind,
        otlp::{
            Compression, Destination, DiskSettings, Encoding, EnvironmentError, ExportSettings, Headers,
            Target, from_environment,
        },
    },
    identity::{IdentitySettings, RuntimeSocket},
    pipeline::LiveOptions,
    signal::{
        access_log::AccessLog,
        metrics::{Histograms, MetricSettings, Temporality},
        otlp::BatchLimits,
        traces::{ServerSpans, TraceSettings},
    },
};

/// What is captured and parsed.
pub(super) fn live(config: &Config) -> LiveOptions {
    let capture = &config.capture;
    let protocols = Settings { wanted: Wanted::only(&config.protocols.enabled), ..Settings::default() };
    let mut options = LiveOptions {
        capture: CaptureOptions {
            ring_bytes: number(capture.ring_bytes.0),
            payload_bytes: number(capture.payload_bytes.0),
            connections: number(capture.connections as u64),
            filter: KernelFilter {
                only_names: capture.only.comm.clone(),
                without_names: capture.exclude.comm.clone(),
                only_ports: capture.only.port.iter().map(|port| port.0).collect(),
                without_ports: capture.exclude.port.iter().map(|port| port.0).collect(),
                ..KernelFilter::default()
            },
            hook: match capture.hook {
                Hook::Best => SystemCallHook::Best,
                Hook::Exit => SystemCallHook::Exit,
                Hook::Raw => SystemCallHook::Raw,
            },
            ..CaptureOptions::default()
        },
        workers: match capture.workers {
            Auto::Auto => 0,
            Auto::Given(workers) => workers,
        },
        protocols,
    };
    let http = &mut options.protocols.http;
    http.captured_headers = config.http.captured_headers.iter().map(|name| name.0.clone()).collect();
    http.route_patterns = config.http.route_patterns.iter().cloned().collect();
    http.known_methods = Some(config.http.known_methods.iter().cloned().collect());
    options
}

/// The configuration bounds sizes to less than 4 GiB.
fn number(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Who is who, and where that is asked.
#[must_use]
pub fn identity(config: &Config) -> IdentitySettings {
    let identity = &config.identity;
    IdentitySettings {
        host_root: identity.host_root.clone(),
        runtimes: match &identity.runtimes {
            Runtimes::Auto => RuntimeSocket::usual(),
            Runtimes::Off => Vec::new(),
            Runtimes::At(sockets) => sockets.iter().map(|path| RuntimeSocket::of(path)).collect(),
        },
        command_lines: identity.command_line,
        pod_labels: identity.labels.clone(),
        pod_annotations: identity.annotations.clone(),
        node_name: identity.node.clone(),
        process_ids: identity.process_ids,
        labels_name_services: identity.labels_name_services,
        cluster_name: identity.cluster.clone(),
        ..IdentitySettings::default()
    }
}

/// Metrics and their fences.
pub(super) fn metrics(config: &Config) -> MetricSettings {
    let metrics = &config.metrics;
    MetricSettings {
        values_per_attribute: config.limits.values_per_attribute,
        series_per_metric: config.limits.series_per_metric,
        temporality: match metrics.temporality {
            config::Temporality::Cumulative => Temporality::Cumulative,
            config::Temporality::Delta => Temporality::Delta,
            config::Temporality::LowMemory => Temporality::LowMemory,
        },
        histograms: match metrics.histograms {
            config::Histograms::Explicit => Histograms::Explicit,
            config::Histograms::Exponential => Histograms::Exponential,
        },
        // Exchanges that no span was made of have no ids that an exemplar could name.
        exemplars: metrics.exemplars != Exemplars::AlwaysOff,
        service_graph: metrics.service_graph,
        changes: metrics.changes(),
        idle: metrics.idle.0,
        ..MetricSettings::default()
    }
}

/// Which exchanges become spans.
pub(super) fn traces(config: &Config) -> TraceSettings {
    let traces = &config.traces;
    TraceSettings {
        ratio: traces.ratio,
        parent_based: traces.follow_parent,
        keep_errors: traces.keep_errors,
        keep_slower_than: traces.keep_slower_than.on().map(|time| time.0),
        server_spans: match traces.server_spans {
            config::ServerSpans::UnlessClientObserved => ServerSpans::UnlessClientObserved,
            config::ServerSpans::Always => ServerSpans::Always,
            config::ServerSpans::Never => ServerSpans::Never,
        },
        spans_per_second: traces.spans_per_second.on().map(|&spans| number(spans as u64)),
        ..TraceSettings::default()
    }
}

/// Which exchanges are logged.
pub(super) const fn access_log(config: &Config) -> AccessLog {
    match config.access_log {
        ConfiguredLog::Off => AccessLog::Off,
        ConfiguredLog::Errors => AccessLog::Errors,
        ConfiguredLog::All => AccessLog::All,
    }
}

/// Destinations of OTLP, with what should be said about the environment.
pub(super) fn export(
    config: &Config,
    environment: &Environment,
) -> Result<(ExportSettings, Vec<String>), EnvironmentError> {
    let said = from_environment(&|name| environment.get(name).map(str::to_owned))?;
    let mut settings = ExportSettings::default();
    if said.disabled {
        return Ok((settings, said.warnings));
    }
    for (number, otlp) in config.export.otlp.0.iter().enumerate() {
        let usual = if number == 0 { "otlp".to_owned() } else { format!("otlp-{}", number + 1) };
        let name = otlp.name.clone().unwrap_or(usual);
        match &otlp.endpoint {
            Some(endpoint) => {
                let mut destination = Destination::new(&name, target(otlp.protocol, &endpoint.0));
                apply(otlp, &mut destination);
                settings.destinations.push(destination);
            }
            None => {
                // Variables of single kinds tell destinations apart, so one key may stand for several.
                for mut destination in said.settings.destinations.iter().cloned() {
                    if let (Some(protocol), Target::Http { endpoint, .. } | Target::Grpc { endpoint, .. }) =
                        (otlp.protocol, &destination.target)
                    {
                        destination.target = target(Some(protocol), &endpoint.clone());
                    }
                    if let Some(name) = &otlp.name {
                        destination.name = destination.name.replacen("otlp", name, 1);
                    }
                    apply(otlp, &mut destination);
                    settings.destinations.push(destination);
                }
            }
        }
    }
    Ok((settings, said.warnings))
}

fn target(protocol: Option<OtlpProtocol>, endpoint: &str) -> Target {
    let endpoint = endpoint.to_owned();
    match protocol.unwrap_or(OtlpProtocol::HttpProtobuf) {
        OtlpProtocol::Grpc => Target::Grpc { endpoint, insecure: false },
        OtlpProtocol::HttpProtobuf => Target::Http { endpoint, exact: false, encoding: Encoding::Protobuf },
        OtlpProtocol::HttpJson => Target::Http { endpoint, exact: false, encoding: Encoding::Json },
    }
}

/// What the file says stands above what the environment said.
fn apply(otlp: &config::Otlp, destination: &mut Destination) {
    destination.signals.retain(|kind| {
        otlp.signals.iter().any(|signal| match signal {
            config::Signal::Traces => *kind == SignalKind::Traces,
            config::Signal::Metrics => *kind == SignalKind::Metrics,
            config::Signal::Logs => *kind == SignalKind::Logs,
        })
    });
    if !otlp.headers.is_empty() {
        destination.headers =
            Headers(otlp.headers.iter().map(|(name, value)| (name.clone(), value.0.clone())).collect());
    }
    if let Some(compression) = otlp.compression {
        destination.compression = match compression {
            config::Compression::None => Compression::None,
            config::Compression::Gzip => Compression::Gzip,
            config::Compression::Zstd => Compression::Zstd,
        };
    }
    if let Some(timeout) = otlp.timeout {
        destination.timeout = timeout.0;
    }
    let tls = &mut destination.tls;
    for (said, held) in [
        (&otlp.certificate, &mut tls.certificate),
        (&otlp.client_certificate, &mut tls.client_certificate),
        (&otlp.client_key, &mut tls.client_key),
    ] {
        if said.is_some() {
            held.clone_from(said);
        }
    }
    destination.max_in_flight = otlp.batch.in_flight;
    destination.queue.memory_bytes = usize::try_from(otlp.queue.memory.0).unwrap_or(usize::MAX);
    if let Switch::On(bytes) = otlp.queue.disk {
        destination.queue.disk =
            Some(DiskSettings { bytes: bytes.0, ..DiskSettings::new(otlp.queue.folder.clone()) });
    }
}

/// How large requests become, and how long what is in them waits: the smallest of all destinations, which share them.
pub(super) fn batches(config: &Config) -> (BatchLimits, Duration) {
    let batches = || config.export.otlp.0.iter().map(|otlp| &otlp.batch);
    let default = config::Batch::default();
    let items = batches().map(|batch| batch.items).min().unwrap_or(default.items);
    let bytes = batches().map(|batch| batch.bytes.0).min().unwrap_or(default.bytes.0);
    let delay = batches().map(|batch| batch.delay.0).min().unwrap_or(default.delay.0);
    let limits =
        BatchLimits { items: number(items as u64), bytes: usize::try_from(bytes).unwrap_or(usize::MAX) };
    (limits, delay)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::parse(text, "test.yaml", &Environment::default()).expect("right").config
    }

    #[test]
    fn every_key_about_identity_metrics_and_traces_reaches_who_does_it() {
        let config = config(
            r"
identity:
  command_line: true
  process_ids: true
  labels: [team]
  annotations: [owner]
  labels_name_services: true
  node: node-7
  cluster: production
  runtimes: off
  host_root: /host
metrics:
  temporality: delta
  histograms: exponential
  exemplars: always_off
  service_graph: false
  opt_in: [http.server.request.body.size, dns.lookup.duration]
  opt_out: [dns.lookup.duration]
  idle: 1m
  attributes: { http.client.request.duration: { add: [url.full] } }
limits: { values_per_attribute: 7, series_per_metric: 8 }
traces:
  ratio: 0.5
  follow_parent: false
  keep_errors: false
  keep_slower_than: 2s
  server_spans: never
  spans_per_second: 9
",
        );
        // No `..`: what is added to the settings must be set from the configuration, or named here as not configurable.
        let IdentitySettings {
            proc: _,
            lifetime: _,
            remembered: _,
            settles_within: _,
            host_root,
            runtimes,
            command_lines,
            process_ids,
            labels_name_services,
            pod_labels,
            pod_annotations,
            node_name,
            cluster_name,
        } = identity(&config);
        assert!(command_lines && process_ids && labels_name_services && runtimes.is_empty());
        assert_eq!((pod_labels, pod_annotations), (vec!["team".to_owned()], vec!["owner".to_owned()]));
        assert_eq!((node_name.as_deref(), cluster_name.as_deref()), (Some("node-7"), Some("production")));
        assert_eq!(host_root.to_str(), Some("/host"));

        let MetricSettings {
            resources: _,
            identity_wait: _,
            values_per_attribute,
            series_per_metric,
            temporality,
            histograms,
            exemplars,
            idle,
            service_graph,
            changes,
        } = metrics(&config);
        assert_eq!((values_per_attribute, series_per_metric), (7, 8));
        assert_eq!((temporality, histograms), (Temporality::Delta, Histograms::Exponential));
        assert_eq!((exemplars, service_graph, idle), (false, false, Duration::from_secs(60)));
        let switched: Vec<_> = changes.iter().map(|change| (change.name.as_str(), change.enabled)).collect();
        let expected = [
            ("http.server.request.body.size", Some(true)),
            ("dns.lookup.duration", Some(true)),
            ("dns.lookup.duration", Some(false)),
            ("http.client.request.duration", None),
        ];
        assert_eq!(switched, expected);

        let TraceSettings {
            link_remote_peers: _,
            limits: _,
            ratio,
            parent_based,
            keep_errors,
            keep_slower_than,
            spans_per_second,
            server_spans,
        } = traces(&config);
        assert_eq!((ratio, parent_based, keep_errors), (0.5, false, false));
        assert_eq!(keep_slower_than, Some(Duration::from_secs(2)));
        assert_eq!((server_spans, spans_per_second), (ServerSpans::Never, Some(9)));
    }
}
