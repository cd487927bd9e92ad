//! The daemon against real receivers: what they count must be what was requested, by service, method, route and status.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use plainsight_tests::{
    client::Client,
    nginx::Nginx,
    otlp::{Item, Receiver, Taken},
    page::series,
    probe::Probe,
    process::run_well,
    server::free_port,
};
use serde_json::{Map, Value};
use tempfile::TempDir;

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

/// What the server's own service is called, as nobody names it.
pub(crate) const SERVICE: &str = "unknown_service:nginx";

/// A server, and the daemon that watches it.
pub(crate) struct Watched {
    pub(crate) nginx: Nginx,
    pub(crate) probe: Probe,
    /// The configuration.
    path: PathBuf,
    _folder: TempDir,
}

impl Watched {
    /// Starts both. `export` is what the configuration says besides.
    pub(crate) fn start(export: &str) -> Result<Self> {
        Self::within("cpu: off, memory: off", export)
    }

    /// The same within these limits.
    pub(crate) fn within(limits: &str, export: &str) -> Result<Self> {
        let nginx = Nginx::start()?;
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("plainsight.yaml");
        let text = format!(
            "capture: {{ only: {{ port: [{}] }} }}\nmetrics: {{ interval: 1s }}\naccess_log: errors\n\
             limits: {{ {limits} }}\ntraces: {{ spans_per_second: off }}\n{export}\n",
            nginx.address.port()
        );
        fs::write(&path, text)?;
        let probe = Probe::start_command(&["run", "--config", path.to_str().context("a path")?])?;
        Ok(Self { nginx, probe, path, _folder: folder })
    }

    /// The same with a receiver at that port as the only place where anything goes.
    fn exporting_to(port: u16, way: &str) -> Result<Self> {
        Self::start(&format!(
            "export: {{ otlp: {{ endpoint: 'http://127.0.0.1:{port}', protocol: {way} }}, prometheus: {{ listen: off }} }}\n\
             daemon: {{ health: {{ listen: off }} }}"
        ))
    }

    /// Ends the daemon in order, after what was seen has had time to be exported. Gives what it said.
    pub(crate) fn stop(self) -> Result<String> {
        std::thread::sleep(Duration::from_millis(1500));
        let (_, messages, status) = self.probe.stop_raw()?;
        assert!(status.success(), "{messages:?}");
        Ok(messages.join("\n"))
    }
}

pub(crate) fn ask(nginx: &Nginx) -> Result<()> {
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
pub(crate) fn requested() -> BTreeMap<(u16, String), usize> {
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
        let watched = Watched::exporting_to(port, way)?;
        ask(&watched.nginx)?;
        let said = watched.stop()?;
        let taken = receiver.taken()?;
        assert!(taken.iter().all(|taken| taken.way == way), "{way}");
        assert_eq!(counted(&taken, "http.server.request.duration", SERVICE), requested(), "{way}");
        assert_spans(&taken, SERVICE);
        let failures = items(&taken, "logs").filter(|((of, ..), _)| of == SERVICE).count();
        assert_eq!(failures, 5, "{way}: a record of each failure, as the server sees failures");
        assert!(said.contains("delivered") && !said.contains("given up"), "{said}");
    }
    Ok(())
}

/// What the page for Prometheus counts of the server, by status and route.
pub(crate) fn shown(page: &str) -> Result<BTreeMap<(u16, String), usize>> {
    let mut counts = BTreeMap::new();
    for (labels, count) in series(page, "http_server_request_duration_seconds_count")? {
        let label = |name: &str| labels.get(name).with_context(|| format!("no {name}: {labels:?}"));
        if label("job")? == SERVICE {
            let key = (label("http_response_status_code")?.parse()?, label("plainsight_http_route")?.clone());
            counts.insert(key, usize::try_from(count)?);
        }
    }
    Ok(counts)
}

#[test]
fn the_page_for_prometheus_and_health_say_what_was_requested() -> Result<()> {
    let port = free_port()?;
    let watched = Watched::start(&format!(
        "export: {{ otlp: off, prometheus: {{ listen: '127.0.0.1:{port}' }} }}\n\
         daemon: {{ health: {{ listen: '127.0.0.1:{port}' }} }}"
    ))?;
    ask(&watched.nginx)?;
    let page = |page: &str| {
        let url = format!("http://127.0.0.1:{port}/{page}");
        run_well(Command::new("curl").args(["-sS", "--fail", &url]), "curl")
    };
    assert!(page("healthz")?.contains("\"ok\"") && page("readyz")?.contains("\"ok\""));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let counts = shown(&page("metrics")?)?;
        if counts == requested() {
            break;
        }
        ensure!(Instant::now() < deadline, "{counts:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
    watched.stop()?;
    Ok(())
}

#[test]
fn a_backend_that_was_dead_gets_everything_when_it_is_back_and_the_daemon_says_both() -> Result<()> {
    let mut receiver = Receiver::start(&[])?;
    receiver.die();
    let watched = Watched::exporting_to(receiver.http, "http/protobuf")?;
    ask(&watched.nginx)?;
    std::thread::sleep(Duration::from_secs(3));
    receiver.come_back(&["503", "429"])?;
    let deadline = Instant::now() + PATIENCE;
    let wanted: usize = requested().values().sum();
    while items(&receiver.taken()?, "traces").filter(|((of, ..), _)| of == SERVICE).count() < wanted {
        ensure!(Instant::now() < deadline, "not everything came");
        std::thread::sleep(Duration::from_millis(100));
    }
    let said = watched.stop()?;
    assert_spans(&receiver.taken()?, SERVICE);
    assert!(said.contains("warning: otlp:") && said.contains("takes telemetry again"), "{said}");
    Ok(())
}

#[test]
fn a_changed_configuration_is_taken_up_and_a_wrong_one_is_not() -> Result<()> {
    let receiver = Receiver::start(&[])?;
    let mut watched = Watched::exporting_to(receiver.http, "http/protobuf")?;
    let right = fs::read_to_string(&watched.path)?;
    fs::write(&watched.path, right.replace("access_log: errors", "acess_log: all"))?;
    watched.probe.wait_until_it_says("access_log")?;
    fs::write(&watched.path, right.replace("access_log: errors", "access_log: all"))?;
    watched.probe.wait_until_it_says("changed: access_log")?;
    // Workers look some hundred times a second.
    std::thread::sleep(Duration::from_millis(200));
    ask(&watched.nginx)?;
    watched.stop()?;
    let taken = receiver.taken()?;
    let logged = items(&taken, "logs").filter(|((of, ..), _)| of == SERVICE).count();
    assert_eq!(logged, requested().values().sum::<usize>(), "every exchange is logged now");
    Ok(())
}
