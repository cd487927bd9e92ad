//! What a file may say.

use std::time::Duration;

use plainsight_protocols::Protocol;

use super::*;
use crate::signal::TimeSpan;

#[test]
fn values_are_read_however_they_are_written() {
    let config = read(
        r"
capture:
  ring_bytes: '32MiB'
  workers: 3
  hook: raw
  only: { comm: [nginx, 'my app'], port: [80, 0443] }
protocols: { enabled: [HTTP, pg] }
http:
  route_patterns: ['/api/{tenant}/files/*', /health]
  captured_headers: [X-Request-Id]
traces: { keep_slower_than: off, spans_per_second: 5 }
limits: { memory: off, cpu: 2 }
identity: { runtimes: [/run/a.sock], kubernetes: off, host_root: /host }
metrics:
  temporality: delta
  opt_in: [http.server.request.body.size]
  attributes:
    http.server.request.duration: { add: [client.address], remove: [url.scheme] }
daemon: { health: { listen: '[::]:8080' }, drain_deadline: 1.5s }
",
    );
    assert_eq!(config.capture.ring_bytes, ByteSize::mib(32));
    assert_eq!(config.capture.workers, Auto::Given(3));
    assert_eq!(config.capture.hook, Hook::Raw);
    assert_eq!(config.capture.only.comm, ["nginx", "my app"]);
    assert_eq!(config.capture.only.port, [Port(80), Port(443)]);
    assert_eq!(config.protocols.enabled, [Protocol::Http, Protocol::Postgresql]);
    assert_eq!(config.http.route_patterns[0].as_str(), "/api/{tenant}/files/*");
    assert_eq!(config.http.captured_headers, [HeaderName("x-request-id".to_owned())]);
    assert_eq!(config.traces.keep_slower_than, Switch::Off);
    assert_eq!(config.traces.spans_per_second, Switch::On(5));
    assert_eq!((config.limits.memory, config.limits.cpu), (Switch::Off, Switch::On(2.0)));
    assert_eq!(config.identity.runtimes, Runtimes::At(vec!["/run/a.sock".into()]));
    assert_eq!(config.identity.kubernetes, Kubernetes::Off);
    assert_eq!(config.metrics.temporality, Temporality::Delta);
    let attributes = &config.metrics.attributes["http.server.request.duration"];
    assert_eq!((attributes.add[0].as_str(), attributes.remove[0].as_str()), ("client.address", "url.scheme"));
    assert_eq!(config.daemon.health.listen, Switch::On("[::]:8080".parse().expect("an address")));
    assert_eq!(config.daemon.drain_deadline, TimeSpan(Duration::from_millis(1500)));
}

#[test]
fn otlp_goes_to_one_destination_to_several_or_to_none() {
    assert_eq!(read("export: { otlp: off }").export.otlp.0, []);
    assert_eq!(read("export: { otlp: [] }").export.otlp.0, []);
    let one = read("export: { otlp: { endpoint: https://one.example:4317, protocol: grpc, timeout: 5s } }");
    let [destination] = one.export.otlp.0.as_slice() else { panic!("one") };
    assert_eq!(destination.protocol, Some(OtlpProtocol::Grpc));
    assert_eq!(destination.timeout, Some(TimeSpan(Duration::from_secs(5))));
    let several = read(
        "export:\n  otlp:\n    - { name: a, endpoint: https://a.example, headers: { X-Key: k }, compression: zstd }\n    \
         - { endpoint: http://b.example/base, signals: [traces], queue: { disk: 1GiB, folder: /q } }",
    );
    let [a, b] = several.export.otlp.0.as_slice() else { panic!("two") };
    assert_eq!((a.name.as_deref(), a.compression), (Some("a"), Some(Compression::Zstd)));
    assert_eq!(a.headers["X-Key"], Secret("k".to_owned()));
    assert_eq!(
        (b.signals.as_slice(), b.queue.disk),
        (&[Signal::Traces][..], Switch::On(ByteSize::mib(1024)))
    );
}

#[test]
fn variables_of_the_environment_are_values_and_never_structure() {
    let environment: Environment = [
        ("RATIO", "0.25"),
        ("ENDPOINT", "https://collector.example:4318"),
        ("TOKEN", "a b: [c] #d"),
        ("LIST", "[a, b]"),
    ]
    .into_iter()
    .collect();
    let text = "traces: { ratio: '${RATIO}', keep_errors: '${KEEP:-false}' }\nexport:\n  otlp:\n    endpoint: ${ENDPOINT}\n    \
                headers: { authorization: \"Bearer ${TOKEN}\" }\ncapture: { only: { comm: ['${LIST}'] } }";
    let config = Config::parse(text, "test.yaml", &environment).expect("right").config;
    assert!(config.traces.ratio == 0.25 && !config.traces.keep_errors);
    let destination = &config.export.otlp.0[0];
    assert_eq!(destination.endpoint, Some(Url("https://collector.example:4318".to_owned())));
    assert_eq!(destination.headers["authorization"], Secret("Bearer a b: [c] #d".to_owned()));
    assert_eq!(config.capture.only.comm, ["[a, b]"]);
}

#[test]
fn an_alias_stands_for_what_it_names() {
    let config = read(
        "export:\n  otlp:\n    - { endpoint: http://a, queue: &queue { memory: 8MiB } }\n    - { endpoint: http://b, \
         queue: *queue }",
    );
    assert_eq!(config.export.otlp.0[1].queue.memory, ByteSize::mib(8));
}

#[test]
fn what_is_printed_of_any_text_reads_as_the_same_text() {
    for text in [
        "plain",
        "two words",
        "true",
        "null",
        "~",
        "",
        "a: b",
        "- a",
        "#c",
        "${X}",
        "$$",
        "'",
        "\"",
        "\\d",
        "a\tb",
        "ü",
        "0x1f",
        "[a]",
        "{a}",
        "*",
        "&a",
        "!t",
        "|",
        "%",
        "@",
        "`",
        "/a/b:c",
        "a:",
        "-",
        "-1",
    ] {
        let value = printer::quoted(text);
        let yaml = format!("identity: {{ labels: [{value}] }}");
        let loaded = Config::parse(&yaml, "test.yaml", &Environment::default());
        match loaded {
            Ok(loaded) => assert_eq!(loaded.config.identity.labels, [text], "{yaml}"),
            Err(error) => assert!(text.contains('\t'), "{yaml}: {error}"),
        }
    }
}
