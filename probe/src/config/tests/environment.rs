//! What OpenTelemetry's variables do, and what counts before them.

use std::time::Duration;

use super::*;
use crate::signal::TimeSpan;

fn with(variables: &[(&str, &str)]) -> Loaded {
    Config::without_file(&variables.iter().copied().collect())
}

#[test]
fn without_variables_the_defaults_hold() {
    let loaded = with(&[("PATH", "/bin"), ("OTEL_TRACES_SAMPLER", ""), ("OTEL_SERVICE_NAME", "x")]);
    assert_eq!(loaded, Loaded { config: Config::default(), warnings: Vec::new() });
}

#[test]
fn variables_change_the_defaults() {
    let Loaded { config, warnings } = with(&[
        ("OTEL_METRIC_EXPORT_INTERVAL", "5000"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "Delta"),
        ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "base2_exponential_bucket_histogram"),
        ("OTEL_METRICS_EXEMPLAR_FILTER", "always_off"),
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.1"),
        ("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "GET, PURGE"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_EXPORTER_PROMETHEUS_HOST", "0.0.0.0"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "9999"),
    ]);
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(config.metrics.interval, TimeSpan(Duration::from_secs(5)));
    assert_eq!(config.metrics.temporality, Temporality::Delta);
    assert_eq!(config.metrics.histograms, Histograms::Exponential);
    assert_eq!(config.metrics.exemplars, Exemplars::AlwaysOff);
    assert!(config.traces.ratio == 0.1 && !config.traces.follow_parent && config.traces.keep_errors);
    assert_eq!(config.http.known_methods, ["GET", "PURGE"]);
    assert_eq!(config.export.otlp.0[0].signals, [Signal::Traces, Signal::Metrics]);
    assert_eq!(config.export.prometheus.listen, Switch::On("0.0.0.0:9999".parse().expect("an address")));
}

#[test]
fn exporters_and_samplers_can_be_switched_off() {
    let none = with(&[
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
    ]);
    assert_eq!(none.config.export.otlp.0, []);
    assert_eq!(none.config.export.prometheus.listen, Switch::Off);
    let scraped = with(&[("OTEL_METRICS_EXPORTER", "prometheus")]).config;
    assert_eq!(scraped.export.otlp.0[0].signals, [Signal::Traces, Signal::Logs]);
    assert_eq!(scraped.export.prometheus, Prometheus::default());
    let off = with(&[("OTEL_TRACES_SAMPLER", "parentbased_always_off")]).config.traces;
    assert!(off.ratio == 0.0 && off.follow_parent && !off.keep_errors && off.keep_slower_than == Switch::Off);
    let disabled = with(&[("OTEL_SDK_DISABLED", "TRUE")]).config;
    assert!(!disabled.metrics.enabled && !disabled.traces.enabled && disabled.access_log == AccessLog::Off);
}

#[test]
fn what_cannot_be_used_is_ignored_with_a_warning() {
    let Loaded { config, warnings } = with(&[
        ("OTEL_METRIC_EXPORT_INTERVAL", "60s"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_SDK_DISABLED", "maybe"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "0"),
        ("OTEL_CONFIG_FILE", "/etc/otel.yaml"),
    ]);
    assert_eq!(config, Config::default());
    assert_eq!(warnings.len(), 6, "{warnings:#?}");
    let sampler = warnings.iter().find(|warning| warning.contains("SAMPLER")).expect("a warning");
    assert!(
        sampler.starts_with("OTEL_TRACES_SAMPLER=jaeger_remote is ignored: one of always_on, "),
        "{sampler}"
    );
    assert!(
        warnings.iter().any(|warning| warning.contains("OTEL_CONFIG_FILE") && warning.contains("--config"))
    );
}

#[test]
fn the_file_counts_before_the_environment_key_by_key() {
    let environment: Environment = [
        ("OTEL_METRIC_EXPORT_INTERVAL", "5000"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
        ("OTEL_LOGS_EXPORTER", "none"),
    ]
    .into_iter()
    .collect();
    let parse = |text| Config::parse(text, "test.yaml", &environment).expect("right").config;
    let config = parse("metrics: { interval: 30s }");
    assert_eq!(config.metrics.interval, TimeSpan(Duration::from_secs(30)));
    assert_eq!(config.metrics.temporality, Temporality::Delta);
    // A destination that says where to send takes nothing from the environment; another does.
    let two = [Signal::Traces, Signal::Metrics];
    assert_eq!(parse("export: { otlp: { compression: gzip } }").export.otlp.0[0].signals, two);
    let named = parse("export: { otlp: [{ endpoint: http://a }, { name: environment }] }").export.otlp.0;
    assert_eq!((named[0].signals.as_slice(), named[1].signals.as_slice()), (&Signal::ALL[..], &two[..]));
}
