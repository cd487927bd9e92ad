//! The commented default configuration.

use super::*;

#[test]
fn the_printed_defaults_are_the_defaults() {
    let printed = Config::default_text();
    assert_eq!(read(&printed), Config::default());
    for empty in ["", "# nothing\n", "capture:\nexport:\n  otlp:\n", "---\n", "{}", "~"] {
        assert_eq!(read(empty), Config::default(), "{empty:?}");
    }
}

#[test]
fn what_has_no_default_is_printed_with_an_example_that_can_be_used() {
    let printed = Config::default_text();
    let mut examples = 0;
    let uncommented: Vec<String> = printed
        .lines()
        .map(|line| match line.trim_start().strip_prefix('#') {
            Some(example) if !example.is_empty() && !example.starts_with(' ') => {
                examples += 1;
                let indentation = line.len() - line.trim_start().len();
                format!("{}{example}", " ".repeat(indentation)).replace("http://", "https://")
            }
            _ => line.to_owned(),
        })
        .collect();
    assert_eq!(examples, 10, "{printed}");
    let environment: Environment = [("NODE_NAME", "node-7")].into_iter().collect();
    let loaded = Config::parse(&uncommented.join("\n"), "test.yaml", &environment).expect("right");
    assert_eq!(loaded.config.identity.node.as_deref(), Some("node-7"));
    let otlp = &loaded.config.export.otlp.0[0];
    assert_eq!(otlp.protocol, Some(OtlpProtocol::HttpProtobuf));
    assert_eq!(otlp.client_key.as_deref(), Some(Path::new("/etc/plainsight/client.key")));
}

#[test]
fn every_key_is_printed_below_a_comment() {
    let printed = Config::default_text();
    let mut above = "";
    let mut keys = 0;
    for line in printed.lines().skip(HEADER.lines().count()) {
        let text = line.trim_start();
        let is_comment = text.is_empty() || text.starts_with("# ") || text == "#";
        if !is_comment {
            keys += 1;
            assert!(above.trim_start().starts_with("# "), "{line} has no comment");
            assert!(text.contains(':'), "{line}");
        }
        assert!(line.len() <= 130, "too long: {line}");
        above = line;
    }
    // Counted apart from the printer: all fields of all structures, by the names that Debug gives them.
    let mut config = Config::default();
    config.metrics.attributes.0.clear();
    let shown = format!("{config:#?}");
    let fields = shown.lines().filter(|line| {
        let name = line.trim_start().split(':').next().unwrap_or_default();
        line.contains(": ")
            && !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    });
    assert_eq!(keys, fields.count(), "{printed}");
}

#[test]
fn the_designs_outline_is_understood() {
    let config = read(
        r#"
capture:   { payload_bytes: 4096, ring_bytes: 16MiB, exclude: { comm: [sshd] } }
protocols: { enabled: [http, http2, grpc, redis, mysql, postgresql, kafka, dns] }
limits:    { values_per_attribute: 100, series_per_metric: 2000, memory: 256MiB, cpu: 1.0 }
traces:    { ratio: 1.0, keep_errors: true, keep_slower_than: 1s }
export:
  otlp:       { endpoint: "http://127.0.0.1:4318", protocol: http/protobuf }
  prometheus: { listen: "127.0.0.1:9464" }
  file:       { path: "-" }
"#,
    );
    let mut expected = Config::default();
    expected.protocols.enabled.truncate(8);
    let otlp = &mut expected.export.otlp.0[0];
    otlp.endpoint = Some(Url("http://127.0.0.1:4318".to_owned()));
    otlp.protocol = Some(OtlpProtocol::HttpProtobuf);
    expected.export.file.path = Switch::On("-".into());
    assert_eq!(config, expected);
}

#[test]
fn one_line_says_where_telemetry_goes() {
    assert_eq!(
        Config::default().to_string(),
        "11 protocols, traces at 100 %, metrics every 1m, OTLP to where the environment says, Prometheus at \
         127.0.0.1:9464"
    );
    let text = "protocols: { enabled: [http] }\ntraces: { ratio: 0.25 }\nmetrics: { enabled: false }\nexport:\n  otlp: \
                [{ endpoint: https://a.example }, { endpoint: https://b.example, name: b }]\n  prometheus: { listen: off \
                }\n  file: { path: /tmp/x }";
    assert_eq!(
        read(text).to_string(),
        "1 protocol, traces at 25 %, OTLP to https://a.example, OTLP to https://b.example, JSON to /tmp/x"
    );
}

#[test]
fn what_changed_is_named_with_whether_it_needs_a_restart() {
    let old = Config::default();
    assert!(old.changes(&old).is_empty());
    assert_eq!(old.changes(&old).to_string(), "nothing changed");
    let new = read(
        "traces: { ratio: 0.5, keep_errors: false }\ncapture: { ring_bytes: 32MiB, exclude: { comm: [] } }\nexport: { \
         otlp: { endpoint: http://a } }\naccess_log: all",
    );
    let changes = new.changes(&old);
    assert_eq!(changes.live, ["traces.ratio", "traces.keep_errors", "access_log"]);
    assert_eq!(changes.restart, ["capture.ring_bytes", "capture.exclude.comm", "export.otlp.endpoint"]);
    assert_eq!(
        changes.to_string(),
        "changed: traces.ratio, traces.keep_errors, access_log; changes after a restart only: capture.ring_bytes, \
         capture.exclude.comm, export.otlp.endpoint"
    );
    let several = read("export: { otlp: [{ endpoint: http://a }, { endpoint: http://b }] }");
    assert_eq!(several.changes(&new).restart.last().map(String::as_str), Some("export.otlp"));
    let others = read("export: { otlp: [{ endpoint: http://a }, { endpoint: http://c }] }");
    assert_eq!(others.changes(&several).restart, ["export.otlp[2].endpoint"]);
}
