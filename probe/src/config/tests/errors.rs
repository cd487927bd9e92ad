//! What is said of files that are wrong.

use super::*;

/// Each of these is refused with exactly these words.
#[test]
fn each_mistake_is_named_with_line_key_and_remedy() {
    let cases = [
        (
            "capture:\n  ring_byte: 1MiB",
            "test.yaml:2: capture.ring_byte: there is no such key; did you mean 'ring_bytes'?",
        ),
        ("trace: {}", "test.yaml:1: trace: there is no such key; did you mean 'traces'?"),
        ("Traces: {}", "test.yaml:1: Traces: there is no such key; did you mean 'traces'?"),
        (
            "daemon:\n  colour: red",
            "test.yaml:2: daemon.colour: there is no such key; here are health, state, drain_deadline, watch_file",
        ),
        (
            "export:\n  otlp:\n    - endpoint: http://a\n    - endpont: http://b",
            "test.yaml:4: export.otlp[2].endpont: there is no such key; did you mean 'endpoint'?",
        ),
        (
            "capture:\n  ring_bytes: 16MB5",
            "test.yaml:2: capture.ring_bytes: '16MB5' cannot be used: a size is a whole number, with a unit or without: \
             4096, 64KiB, 16MiB, 1GiB",
        ),
        (
            "capture: { ring_bytes: 1KiB }",
            "test.yaml:1: capture.ring_bytes: 1KiB is out of range: from 64KiB to 1GiB",
        ),
        (
            "traces:\n  keep_slower_than: 10",
            "test.yaml:2: traces.keep_slower_than: '10' cannot be used: a time is a number with its unit: 250us, 10ms, \
             1.5s, 2m or 1h; or `off`",
        ),
        ("metrics: { interval: 10ms }", "test.yaml:1: metrics.interval: 10ms is out of range: from 1s to 1h"),
        ("traces: { ratio: 50 }", "test.yaml:1: traces.ratio: 50.0 is out of range: from 0.0 to 1.0"),
        (
            "traces: { ratio: half }",
            "test.yaml:1: traces.ratio: 'half' cannot be used: a number belongs here, as in 0.25 or 1.0",
        ),
        (
            "traces: { ratio: .nan }",
            "test.yaml:1: traces.ratio: '.nan' cannot be used: a number belongs here, as in 0.25 or 1.0",
        ),
        (
            "traces: { keep_errors: yes }",
            "test.yaml:1: traces.keep_errors: 'yes' cannot be used: write true or false",
        ),
        (
            "limits: { series_per_metric: 1,000 }",
            "test.yaml:1: limits.000: there is no such key; here are values_per_attribute, series_per_metric, memory, cpu",
        ),
        (
            "limits: { series_per_metric: -1 }",
            "test.yaml:1: limits.series_per_metric: '-1' cannot be used: a whole number belongs here, without unit or \
             separators",
        ),
        (
            "limits: { memory: 1MiB }",
            "test.yaml:1: limits.memory: 1MiB is out of range: from 64MiB to 1024GiB",
        ),
        (
            "export: { otlp: { endpoint: 127.0.0.1:4318 } }",
            "test.yaml:1: export.otlp.endpoint: '127.0.0.1:4318' cannot be used: a URL has a scheme and a host, as in \
             http://127.0.0.1:4318 or https://otlp.example.org",
        ),
        (
            "export: { otlp: { endpoint: 'https://me:secret@example.org' } }",
            "test.yaml:1: export.otlp.endpoint: 'https://me:secret@example.org' cannot be used: credentials do not belong \
             into a URL, where every log shows them; give them as headers",
        ),
        (
            "export: { otlp: http://127.0.0.1:4318 }",
            "test.yaml:1: export.otlp: a URL alone does not say enough; write { endpoint: http://127.0.0.1:4318 }",
        ),
        (
            "export: { otlp: { protocol: gprc } }",
            "test.yaml:1: export.otlp.protocol: 'gprc' cannot be used: one of grpc, http/protobuf, http/json belongs here; \
             did you mean 'grpc'?",
        ),
        (
            "export: { otlp: { client_key: /k } }",
            "test.yaml:1: export.otlp: `client_key` needs its certificate; name it as `client_certificate`",
        ),
        (
            "export: { otlp: { endpoint: 'http://a', certificate: /ca.pem } }",
            "test.yaml:1: export.otlp: certificates are of no use with an http:// endpoint; write https://",
        ),
        (
            "export: { otlp: { signals: [] } }",
            "test.yaml:1: export.otlp.signals: this list is empty; name one at least, or remove the key",
        ),
        (
            "export: { otlp: { headers: { 'a b': x } } }",
            "test.yaml:1: export.otlp.headers: 'a b' cannot be used: a header's name is made of letters, digits and \
             dashes, as in x-request-id",
        ),
        (
            "export: { otlp: [{ name: a, endpoint: 'http://a' }, { name: a, endpoint: 'http://b' }] }",
            "test.yaml:1: export.otlp: two destinations are called 'a'; give each a name of its own",
        ),
        (
            "export: { otlp: [{ name: a }, { name: b }] }",
            "test.yaml:1: export.otlp: two destinations have no `endpoint`, so both would go where the environment says; \
             name one's",
        ),
        (
            "export: { prometheus: { listen: 'localhost:9464' } }",
            "test.yaml:1: export.prometheus.listen: 'localhost:9464' cannot be used: an address to listen on is an IP \
             address with a port, as in 127.0.0.1:9464, 0.0.0.0:9464 or [::]:9464; or `off`",
        ),
        (
            "protocols: { enabled: [http, kafak] }",
            "test.yaml:1: protocols.enabled: 'kafak' cannot be used: protocols are http, http2, grpc, redis, mysql, \
             postgresql, kafka, dns, memcached, mongodb, tls; did you mean 'kafka'?",
        ),
        (
            "http: { route_patterns: ['/a/{id'] }",
            "test.yaml:1: http.route_patterns: '/a/{id' cannot be used: `{id`: a placeholder is a whole segment with one name \
             in braces, such as {id}",
        ),
        (
            "metrics: { opt_in: [Requests] }",
            "test.yaml:1: metrics.opt_in: 'Requests' cannot be used: there is no such metric; names are in lower case \
             with dots, as in http.server.request.duration",
        ),
        (
            "metrics:\n  opt_in:\n    - http.server.request.body.size\n    - http.server.request.body.sise",
            "test.yaml:4: metrics.opt_in: 'http.server.request.body.sise' cannot be used: there is no such metric; did \
             you mean 'http.server.request.body.size'?",
        ),
        (
            "metrics:\n  opt_out: [otel.sdk.exporter.metric_data_point.inflght]",
            "test.yaml:2: metrics.opt_out: 'otel.sdk.exporter.metric_data_point.inflght' cannot be used: there is no such \
             metric; did you mean 'otel.sdk.exporter.metric_data_point.inflight'?",
        ),
        (
            "metrics:\n  attributes:\n    http.server.request.durations: { add: [client.address] }",
            "test.yaml:3: metrics.attributes.http.server.request.durations: there is no such metric; did you mean \
             'http.server.request.duration'?",
        ),
        (
            "metrics:\n  attributes:\n    plainsight.connection.opened:\n      add:\n        - network.transports",
            "test.yaml:5: metrics.attributes.plainsight.connection.opened.add: this metric cannot have \
             'network.transports'; did you mean 'network.transport'?",
        ),
        (
            "metrics: { attributes: { http.server.request.duration: { remove: [url.schema] } } }",
            "test.yaml:1: metrics.attributes.http.server.request.duration.remove: this metric does not carry \
             'url.schema'; did you mean 'url.scheme'?",
        ),
        (
            "metrics: { attributes: { http.server.request.duration: { add: [Client] } } }",
            "test.yaml:1: metrics.attributes.http.server.request.duration.add: 'Client' is no name; names are in lower \
             case with dots, as in user_agent.original",
        ),
        (
            "identity: { runtimes: [run.sock] }",
            "test.yaml:1: identity.runtimes: 'run.sock' is no absolute path",
        ),
        (
            "identity: { runtimes: docker }",
            "test.yaml:1: identity.runtimes: 'docker' cannot be used: write `auto`, `off`, or a list of sockets such as \
             [docker]",
        ),
        (
            "access_log: failures",
            "test.yaml:1: access_log: 'failures' cannot be used: one of off, errors, all belongs here",
        ),
        (
            "logs:\n  - name: app",
            "test.yaml:2: logs[1]: it names no files; write `include: [/var/log/app/*.log]`",
        ),
        (
            "logs:\n  - name: pods\n    containers:\n      select: { namspaces: [shop] }",
            "test.yaml:4: logs[1].containers.select.namspaces: there is no such key; did you mean 'namespaces'?",
        ),
        (
            "logs:\n  - name: pods\n    containers: all",
            "test.yaml:3: logs[1].containers: 'all' cannot be used: write {} for the output of all containers, or `off`",
        ),
        (
            "logs:\n  - { name: pods, containers: { output: false } }",
            "test.yaml:2: logs[1]: containers: nothing of them is followed; leave `output` on, or name `files` within them",
        ),
        (
            "logs:\n  - { name: pods, containers: { files: [app.log] } }",
            "test.yaml:2: logs[1]: containers: 'app.log' must begin with /, and have no `..`",
        ),
        (
            "logs:\n  - { name: pods, containers: { except: { labels: { app: 'w[' } } } }",
            "test.yaml:2: logs[1]: containers: 'w[' is no pattern of paths: unclosed character class; missing ']'",
        ),
        (
            "logs:\n  - { name: pods, containers: { pod_logs: pods } }",
            "test.yaml:2: logs[1].containers.pod_logs: 'pods' is no absolute path",
        ),
        (
            "logs:\n  - { name: app, include: [app.log] }",
            "test.yaml:2: logs[1]: 'app.log' must begin with /, and have no `..`",
        ),
        (
            "logs:\n  - { name: a, include: [/a], otlp: false }",
            "test.yaml:2: logs[1]: it goes nowhere; leave `otlp` on, or name a `file`",
        ),
        (
            "logs:\n  - { name: a, include: [/a], parse: { jsn: {} } }",
            "test.yaml:2: logs[1].parse.jsn: there is no such key; did you mean 'json'?",
        ),
        (
            "capture: { exclude: { comm: sshd } }",
            "test.yaml:1: capture.exclude.comm: here is a single value, but a list belongs here; write [sshd]",
        ),
        (
            "capture: { exclude: { comm: { a: b } } }",
            "test.yaml:1: capture.exclude.comm: here is a group of keys, but a list belongs here; write [one, two]",
        ),
        (
            "capture: [ring_bytes]",
            "test.yaml:1: capture: here is a list, but keys belong here; write `payload_bytes:` and others below it, \
             indented",
        ),
        (
            "capture: { ring_bytes: [1MiB] }",
            "test.yaml:1: capture.ring_bytes: here is a list, but a single value belongs here",
        ),
        (
            "capture: { only: { port: [80, ] , comm: [a, ~] } }",
            "test.yaml:1: capture.only.comm: an empty item stands in this list; remove it or quote it",
        ),
        (
            "traces:\n  ratio: 1.0\ntraces:\n  ratio: 0.5",
            "test.yaml:3: traces: this key stands in line 1 already; keep one of the two",
        ),
        (
            "traces:\n  ratio: ${RATIO}",
            "test.yaml:2: the environment variable RATIO is not set; set it, or write `${RATIO:-default}`",
        ),
        ("traces: !include x", "test.yaml:1: there are no tags here; remove `!include`"),
        ("a: &x {}\nb:\n  <<: *x", "test.yaml:1: a: there is no such key; here are capture, protocols"),
        (
            "traces: {}\n---\ntraces: {}",
            "test.yaml:2: a second document begins here; keep everything in one, without `---`",
        ),
        ("? [a]\n: b", "a key is a single word; quote it if it contains brackets or braces"),
        (
            "- a\n- b",
            "test.yaml:1: here is a list, but keys belong here; write `capture:` and others below it, indented",
        ),
    ];
    let mut wrong = Vec::new();
    for (text, expected) in cases {
        let said = refused(text);
        if !said.contains(expected) {
            wrong.push(format!("{text}\n said: {said}\n  not: {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn everything_that_is_wrong_is_said_at_once_in_the_order_of_the_lines() {
    let said = refused(
        "capture:\n  ring_bytes: big\n  hok: best\ntraces:\n  ratio: ${NO}\n  ratio: 2\nexport:\n  prometheus:\n    \
         listen: 1\nlimits: []\n",
    );
    let lines: Vec<&str> = said.lines().map(|line| line.split(": ").next().unwrap_or_default()).collect();
    let expected = [2, 3, 5, 6, 9, 10].map(|line| format!("test.yaml:{line}"));
    assert_eq!(lines, expected, "{said}");
}

#[test]
fn what_is_no_yaml_is_named_with_its_line() {
    for (text, line) in
        [("# c\na: b\n\tc: d", 2), ("a: [b", 1), ("a: b: c", 1), ("a: *nothing", 1), ("a: 'b", 1)]
    {
        let said = refused(text);
        assert!(said.contains("this is not YAML: "), "{text}: {said}");
        assert!(said.starts_with("test.yaml:"), "{text}: {said}");
        let said_line: usize = said.split(':').nth(1).and_then(|line| line.parse().ok()).expect("a line");
        assert!(said_line >= line, "{text}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let said = refused("traces:\n  ratio: { a: ${RATIO} }");
    assert!(said.contains("within braces, quote what contains `${`"), "{said}");
}

#[test]
fn a_secret_is_never_repeated() {
    let text = "export: { otlp: { headers: { authorization: \"Bearer hunter2\\n\" } } }";
    let said = refused(text);
    assert!(said.contains("export.otlp.headers.authorization: this value cannot be used"), "{said}");
    assert!(said.contains("does not end with a line break") && !said.contains("hunter2"), "{said}");
    let config = read("export: { otlp: { headers: { authorization: Bearer hunter2 } } }");
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn a_file_that_explodes_is_refused_quickly() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let above = level - 1;
        let items = vec![format!("*a{above}"); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    let said = refused(&bomb);
    assert!(said.contains("more than 50000 values"), "{said}");
    let deep = "[".repeat(100_000);
    assert!(refused(&deep).contains("this is not YAML"));
    let many: String = (0..40_000).map(|key| format!("k{key}: 1\n")).collect();
    assert_eq!(refused(&many).lines().count(), 100);
    let long = format!("capture: {{ exclude: {{ comm: [{}] }} }}", "a, ".repeat(1_001));
    assert!(refused(&long).contains("1001 values are too many; at most 1000"));
    let names = format!("capture: {{ only: {{ comm: [{}] }} }}", "a, ".repeat(129));
    assert!(refused(&names).contains("capture.only.comm: 129 values are too many; at most 128"));
    let names: String = (0..200).map(|number| format!("x.a{number}, ")).collect();
    let attributes = format!("metrics: {{ attributes: {{ dns.lookup.duration: {{ add: [{names}] }} }} }}");
    assert!(refused(&attributes).contains("metrics.attributes: too many attributes are added to metrics"));
    let unknown = format!("metrics: {{ opt_in: [{}] }}", "dns.lookup.duratoin.of.everything, ".repeat(1_000));
    let began = std::time::Instant::now();
    assert_eq!(refused(&unknown).lines().count(), 100);
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    let destinations = format!("export: {{ otlp: [{}] }}", "{ endpoint: http://a }, ".repeat(17));
    assert!(refused(&destinations).contains("at most 16 destinations"));
}

#[test]
fn a_file_that_cannot_be_read_or_is_none_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let load = |name: &str, bytes: Option<&[u8]>| {
        let path = folder.path().join(name);
        if let Some(bytes) = bytes {
            std::fs::write(&path, bytes).expect("a file");
        }
        Config::load(&path, &Environment::default()).map(|_| ()).map_err(|error| error.to_string())
    };
    let missing = load("missing.yaml", None).expect_err("missing");
    assert!(missing.contains("missing.yaml: No such file") && missing.contains("--config"), "{missing}");
    let encoded = load("latin.yaml", Some(b"# a\n# caf\xe9\n")).expect_err("not UTF-8");
    assert!(
        encoded.ends_with("latin.yaml:2: this is not UTF-8; save the file in that encoding"),
        "{encoded}"
    );
    let large = load("large.yaml", Some(&vec![b'#'; (1 << 20) + 1])).expect_err("too large");
    assert!(large.contains("larger than 1 MiB"), "{large}");
    assert_eq!(load("mark.yaml", Some("\u{feff}traces: { ratio: 0.5 }\r\n".as_bytes())), Ok(()));
    let endless = Config::load(Path::new("/dev/zero"), &Environment::default()).expect_err("endless");
    assert!(endless.to_string().contains("larger than 1 MiB"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    /// Whatever the text, it is read or refused, and never anything else.
    #[test]
    fn any_text_is_read_or_refused(text in "[a-z:{}\\[\\]&*!$ \n\t#'\"|>,.0-9-]{0,200}") {
        let environment = Environment::default();
        if let Err(error) = Config::parse(&text, "test.yaml", &environment) {
            proptest::prop_assert!(!error.problems().is_empty());
            proptest::prop_assert!(error.problems().iter().all(|problem| problem.line <= text.lines().count() + 1));
        }
    }

    /// One character of the defaults changed anywhere: never a panic, and mistakes are within the file.
    #[test]
    fn damaged_defaults_are_read_or_refused(at in 0_usize..20_000, with in "[a-z:{}\\[\\]&*!$ \n\t#'\"|>,-]") {
        let mut text = Config::default_text();
        let at = at % text.len();
        if text.is_char_boundary(at) && text.is_char_boundary(at + 1) {
            text.replace_range(at..=at, &with);
        }
        let lines = text.lines().count();
        if let Err(error) = Config::parse(&text, "test.yaml", &Environment::default()) {
            proptest::prop_assert!(error.problems().iter().all(|problem| problem.line <= lines + 1));
        }
    }
}
