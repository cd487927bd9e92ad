//! The daemon against real receivers: what they count must be what was requested, by service, method, route and status.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use plainsight_tests::{
    client::Client,
    nginx::Nginx,
    otlp::{Item, Receiver, Taken},
    probe::Probe,
    process::run_well,
    server::free_port,
};
use serde_json::{Map, Value};

/// A trace that a request says it belongs to, and the span that it was made by.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// How long anything may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// Requests of one kind: method, path, status, and the route that the path belongs to.
const REQUESTS: [(&str, &str, u16, &str, usize); 4] = [
    ("GET", "/tiny", 200, "/tiny", 40),
    ("GET", "/missing", 404, "/missing", 7),
    ("GET", "/fails", 500, "/fails", 5),
    ("GET", "/users/17/orders/4711", 404, "/users/{id}/orders/{id}", 9),
];

fn configuration(folder: &Path, server: u16, export: &str) -> Result<String> {
    let path = folder.join("plainsight.yaml");
    let text = format!(
        "capture: {{ only: {{ port: [{server}] }} }}\nmetrics: {{ interval: 1s }}\naccess_log: errors\n\
         limits: {{ cpu: off, memory: off }}\ntraces: {{ spans_per_second: off }}\n{export}\n"
    );
    fs::write(&path, text)?;
    Ok(path.display().to_string())
}

fn ask(nginx: &Nginx) -> Result<()> {
    let mut client = Client::connect(nginx.address)?;
    for (method, path, _, _, times) in REQUESTS {
        for _ in 0..times {
            client.exchange(format!("{method} {path} HTTP/1.1\r\nHost: test.example\r\n\r\n").as_bytes())?;
        }
    }
    let traced =
        format!("GET /tiny HTTP/1.1\r\nHost: test.example\r\ntraceparent: 00-{TRACE}-{PARENT}-01\r\n\r\n");
    client.exchange(traced.as_bytes())?;
    Ok(())
}

/// What was requested, by status and route.
fn requested() -> BTreeMap<(u16, String), usize> {
    let mut counts = BTreeMap::new();
    for (_, _, status, route, times) in REQUESTS {
        *counts.entry((status, route.to_owned())).or_default() += times;
    }
    *counts.entry((200, "/tiny".to_owned())).or_default() += 1;
    counts
}

/// Items of a kind with their attributes.
fn items<'t>(taken: &'t [Taken], kind: &'t str) -> impl Iterator<Item = (&'t Item, &'t Map<String, Value>)> {
    let of_kind = taken.iter().filter(move |taken| taken.kind == kind);
    of_kind.flat_map(|taken| taken.items.iter().zip(&taken.attributes))
}

fn key(attributes: &Map<String, Value>) -> (u16, String) {
    let status = attributes["http.response.status_code"].as_u64().expect("a status");
    let route = attributes["plainsight.http.route"].as_str().expect("a route");
    (u16::try_from(status).expect("a status"), route.to_owned())
}

/// The latest count of each series of a cumulative metric.
fn counted(taken: &[Taken], metric: &str, service: &str) -> BTreeMap<(u16, String), usize> {
    let mut counts = BTreeMap::new();
    let mut times: BTreeMap<(u16, String), u64> = BTreeMap::new();
    for ((of, name, _, count, time), attributes) in items(taken, "metrics") {
        if name == metric && of == service {
            let key = key(attributes);
            let latest = times.entry(key.clone()).or_default();
            if *time >= *latest {
                *latest = *time;
                counts.insert(key, usize::try_from(*count).expect("a count"));
            }
        }
    }
    counts
}

fn assert_spans(taken: &[Taken], service: &str) {
    let mut counts: BTreeMap<(u16, String), usize> = BTreeMap::new();
    let mut ids = BTreeMap::new();
    for ((of, name, id, kind, _), attributes) in items(taken, "traces") {
        if of != service {
            continue;
        }
        assert_eq!(*kind, 2, "SERVER");
        assert_eq!(attributes["http.request.method"], "GET");
        assert!(name.starts_with("GET"), "{name}");
        *counts.entry(key(attributes)).or_default() += 1;
        assert!(ids.insert(id.clone(), ()).is_none(), "no id twice");
    }
    assert_eq!(counts, requested(), "spans of {service}");
    let of_trace = ids.keys().filter(|id| id.starts_with(TRACE)).count();
    assert_eq!(of_trace, 1, "the caller's trace was honoured");
}

#[test]
fn metrics_spans_and_logs_over_every_protocol_equal_the_requests_made() -> Result<()> {
    for way in ["http/protobuf", "http/json", "grpc"] {
        let receiver = Receiver::start(&[])?;
        let port = if way == "grpc" { receiver.grpc } else { receiver.http };
        let nginx = Nginx::start()?;
        let folder = tempfile::tempdir()?;
        let export = format!(
            "export: {{ otlp: {{ endpoint: 'http://127.0.0.1:{port}', protocol: {way} }}, prometheus: {{ listen: off }} }}\n\
             daemon: {{ health: {{ listen: off }} }}"
        );
        let path = configuration(folder.path(), nginx.address.port(), &export)?;
        let probe = Probe::start_command(&["run", "--config", &path])?;
        ask(&nginx)?;
        std::thread::sleep(Duration::from_millis(1500));
        let (_, messages, status) = probe.stop_raw()?;
        assert!(status.success(), "{messages:?}");
        let taken = receiver.taken()?;
        assert!(taken.iter().all(|taken| taken.way == way), "{way}");
        let service = "unknown_service:nginx";
        assert_eq!(counted(&taken, "http.server.request.duration", service), requested(), "{way}");
        assert_spans(&taken, service);
        let failures = items(&taken, "logs").filter(|((of, ..), _)| of == service).count();
        assert_eq!(failures, 5, "{way}: a record of each failure, as the server sees failures");
        let said = messages.join("\n");
        assert!(said.contains("delivered") && !said.contains("given up"), "{said}");
    }
    Ok(())
}

#[test]
fn the_page_for_prometheus_and_health_say_what_was_requested() -> Result<()> {
    let nginx = Nginx::start()?;
    let folder = tempfile::tempdir()?;
    let port = free_port()?;
    let export = format!(
        "export: {{ otlp: off, prometheus: {{ listen: '127.0.0.1:{port}' }} }}\n\
         daemon: {{ health: {{ listen: '127.0.0.1:{port}' }} }}"
    );
    let path = configuration(folder.path(), nginx.address.port(), &export)?;
    let probe = Probe::start_command(&["run", "--config", &path])?;
    ask(&nginx)?;
    let page = |page: &str| {
        let url = format!("http://127.0.0.1:{port}/{page}");
        run_well(std::process::Command::new("curl").args(["-sS", "--fail", &url]), "curl")
    };
    assert!(page("healthz")?.contains("\"ok\"") && page("readyz")?.contains("\"ok\""));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = page("metrics")?;
        let mut counts = BTreeMap::new();
        for line in text.lines().filter(|line| {
            line.starts_with("http_server_request_duration_seconds_count{")
                && line.contains("job=\"unknown_service:nginx\"")
        }) {
            let label = |name: &str| -> Result<String> {
                let (_, rest) = line.split_once(&format!("{name}=\"")).context("a label")?;
                Ok(rest.split('"').next().unwrap_or_default().to_owned())
            };
            let count = line.rsplit(' ').next().context("a number")?.parse::<f64>()?;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
            let count = count as usize;
            let key = (label("http_response_status_code")?.parse()?, label("plainsight_http_route")?);
            counts.insert(key, count);
        }
        if counts == requested() {
            break;
        }
        ensure!(Instant::now() < deadline, "{counts:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
    let (_, messages, status) = probe.stop_raw()?;
    assert!(status.success(), "{messages:?}");
    Ok(())
}

#[test]
fn a_backend_that_was_dead_gets_everything_when_it_is_back_and_the_daemon_says_both() -> Result<()> {
    let mut receiver = Receiver::start(&[])?;
    receiver.die();
    let nginx = Nginx::start()?;
    let folder = tempfile::tempdir()?;
    let export = format!(
        "export: {{ otlp: {{ endpoint: 'http://127.0.0.1:{}' }}, prometheus: {{ listen: off }} }}\n\
         daemon: {{ health: {{ listen: off }} }}",
        receiver.http
    );
    let path = configuration(folder.path(), nginx.address.port(), &export)?;
    let probe = Probe::start_command(&["run", "--config", &path])?;
    ask(&nginx)?;
    std::thread::sleep(Duration::from_secs(3));
    receiver.come_back(&["503", "429"])?;
    let service = "unknown_service:nginx";
    let deadline = Instant::now() + PATIENCE;
    let wanted: usize = requested().values().sum();
    while items(&receiver.taken()?, "traces").filter(|((of, ..), _)| of == service).count() < wanted {
        ensure!(Instant::now() < deadline, "not everything came");
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(Duration::from_millis(1500));
    let (_, messages, status) = probe.stop_raw()?;
    assert!(status.success(), "{messages:?}");
    assert_spans(&receiver.taken()?, service);
    let said = messages.join("\n");
    assert!(said.contains("warning: otlp:") && said.contains("takes telemetry again"), "{said}");
    Ok(())
}

#[test]
fn a_changed_configuration_is_taken_up_and_a_wrong_one_is_not() -> Result<()> {
    let receiver = Receiver::start(&[])?;
    let nginx = Nginx::start()?;
    let folder = tempfile::tempdir()?;
    let export = format!(
        "export: {{ otlp: {{ endpoint: 'http://127.0.0.1:{}' }}, prometheus: {{ listen: off }} }}\n\
         daemon: {{ health: {{ listen: off }} }}",
        receiver.http
    );
    let path = configuration(folder.path(), nginx.address.port(), &export)?;
    let mut probe = Probe::start_command(&["run", "--config", &path])?;
    let right = fs::read_to_string(&path)?;
    fs::write(&path, right.replace("access_log: errors", "acess_log: all"))?;
    probe.wait_until_it_says("access_log")?;
    fs::write(&path, right.replace("access_log: errors", "access_log: all"))?;
    probe.wait_until_it_says("changed: access_log")?;
    // Workers look some hundred times a second.
    std::thread::sleep(Duration::from_millis(200));
    ask(&nginx)?;
    std::thread::sleep(Duration::from_millis(1500));
    let (_, messages, status) = probe.stop_raw()?;
    assert!(status.success(), "{messages:?}");
    let taken = receiver.taken()?;
    let logged = items(&taken, "logs").filter(|((of, ..), _)| of == "unknown_service:nginx").count();
    assert_eq!(logged, requested().values().sum::<usize>(), "every exchange is logged now");
    Ok(())
}
