//! The variables of the specification.

use std::path::Path;

use super::{
    super::environment::{Environment, EnvironmentError, from_environment},
    *,
};

fn read(variables: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
    from_environment(&|name| {
        variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
    })
}

fn good(variables: &[(&str, &str)]) -> Vec<Destination> {
    read(variables).expect("good variables").settings.destinations
}

fn refused(variable: &str, value: &str) -> String {
    let error = read(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), (variable, value)]).expect_err("a bad value");
    assert_eq!(error.variable, variable);
    error.to_string()
}

fn http(endpoint: &str, exact: bool) -> Target {
    Target::Http { endpoint: endpoint.into(), exact, encoding: Encoding::Protobuf }
}

#[test]
fn with_no_variable_everything_goes_to_port_4318_of_this_host() {
    for variables in [&[][..], &[("OTEL_EXPORTER_OTLP_ENDPOINT", ""), ("OTEL_EXPORTER_OTLP_TIMEOUT", " ")]] {
        assert_eq!(good(variables), [Destination::new("otlp", http("http://localhost:4318", false))]);
    }
}

#[test]
fn grpc_has_a_port_of_its_own() {
    let destinations = good(&[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]);
    assert_eq!(
        destinations[0].target,
        Target::Grpc { endpoint: "http://localhost:4317".into(), insecure: false }
    );
}

#[test]
fn every_variable_for_all_kinds_has_its_effect() {
    let destinations = good(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "True"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%2Cb%3D%20c, x = y=z ,"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.pem"),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/client.pem"),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/client.key"),
    ]);
    let [destination] = destinations.as_slice() else { panic!("{destinations:#?}") };
    assert_eq!(destination.target, Target::Grpc { endpoint: "collector:4317".into(), insecure: true });
    let headers =
        [("api-key", "a,b= c"), ("x", "y=z")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(destination.headers.0, headers);
    assert_eq!(destination.timeout, Duration::from_millis(1500));
    assert_eq!(destination.compression, Compression::Gzip);
    assert_eq!(destination.tls.certificate.as_deref(), Some(Path::new("/ca.pem")));
    assert_eq!(destination.tls.client_certificate.as_deref(), Some(Path::new("/client.pem")));
    assert_eq!(destination.tls.client_key.as_deref(), Some(Path::new("/client.key")));
    assert_eq!(destination.signals, SignalKind::ALL);
}

#[test]
fn a_variable_of_one_kind_goes_before_the_one_for_all() {
    let destinations = good(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318/base"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "k=all"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "https://metrics/path"),
        ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "k=metrics"),
        ("OTEL_EXPORTER_OTLP_LOGS_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "7"),
    ]);
    let [traces, metrics, logs] = destinations.as_slice() else { panic!("{destinations:#?}") };
    assert_eq!((traces.name.as_str(), &traces.target), ("otlp", &http("http://all:4318/base", false)));
    assert_eq!(
        (metrics.name.as_str(), &metrics.target),
        ("otlp-metrics", &http("https://metrics/path", true))
    );
    assert_eq!((logs.name.as_str(), &logs.target), ("otlp-logs", &http("http://all:4318/base", false)));
    assert_eq!(
        metrics.headers.0,
        [("k".to_owned(), "metrics".to_owned())],
        "headers replace, they are not joined"
    );
    assert_eq!((logs.compression, traces.compression), (Compression::Zstd, Compression::None));
    assert!(destinations.iter().all(|destination| destination.timeout == Duration::from_millis(7)));
    let signals = [SignalKind::Traces, SignalKind::Metrics, SignalKind::Logs];
    assert!(destinations.iter().zip(signals).all(|(destination, kind)| destination.signals == [kind]));
}

#[test]
fn each_kind_can_speak_another_protocol() {
    let destinations = good(&[
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http/json"),
    ]);
    let targets: Vec<_> = destinations.iter().map(|destination| destination.target.clone()).collect();
    let grpc = Target::Grpc { endpoint: "http://localhost:4317".into(), insecure: false };
    let json =
        Target::Http { endpoint: "http://localhost:4318".into(), exact: false, encoding: Encoding::Json };
    assert_eq!(targets, [grpc, http("http://localhost:4318", false), json]);
}

#[test]
fn exporters_are_chosen_by_kind() {
    let environment = read(&[
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_METRICS_EXPORTER", "otlp, prometheus"),
        ("OTEL_LOGS_EXPORTER", "console"),
    ])
    .expect("good variables");
    let [traces, metrics, logs] = environment.exporters;
    assert_eq!(traces, Exporters::default());
    assert_eq!(metrics, Exporters { otlp: true, prometheus: true, console: false });
    assert_eq!(logs, Exporters { console: true, ..Exporters::default() });
    assert_eq!(environment.settings.destinations[0].signals, [SignalKind::Metrics]);
    assert_eq!(environment.settings.destinations.len(), 1);
}

#[test]
fn everything_can_be_switched_off_and_only_by_true() {
    let disabled = read(&[("OTEL_SDK_DISABLED", "TRUE")]).expect("a good variable");
    assert!(disabled.disabled && disabled.settings.destinations.is_empty());
    let enabled = read(&[("OTEL_SDK_DISABLED", "1")]).expect("a good variable");
    assert!(!enabled.disabled && enabled.settings.destinations.len() == 1);
    assert!(enabled.warnings[0].contains("OTEL_SDK_DISABLED=1"), "{:?}", enabled.warnings);
    assert!(read(&[("OTEL_SDK_DISABLED", "false")]).expect("a good variable").warnings.is_empty());
}

#[test]
fn a_bad_value_is_refused_with_the_variable_and_what_to_write() {
    let cases = [
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "gprc", "Did you mean grpc?"),
        ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http", "Did you mean http/protobuf?"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzpi", "Did you mean gzip?"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "snappy", "gzip, zstd, none"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s", "milliseconds"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0", "milliseconds"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "-1", "milliseconds"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://x", "http://"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "just-a-token", "NAME=VALUE"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=b,=c", "header 2 has no name"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=%ff", "%25"),
        ("OTEL_METRICS_EXPORTER", "promethus", "Did you mean prometheus?"),
        ("OTEL_TRACES_EXPORTER", "zipkin", "otlp, console, none"),
    ];
    for (variable, value, part) in cases {
        let error = refused(variable, value);
        assert!(error.contains(part) && error.contains(variable), "{variable}={value}: {error}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let error = refused("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer,s3cret");
    assert!(!error.contains("s3cret"), "{error}");
    let settings = good(&[("OTEL_EXPORTER_OTLP_HEADERS", "authorization=s3cret")]);
    assert!(!format!("{settings:?}").contains("s3cret"));
}
