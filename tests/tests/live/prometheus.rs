//! Databases of metrics that answer Prometheus' queries: what they hold must be what was requested.
//!
//! The distribution's Prometheus scrapes. It cannot receive OTLP: Debian builds it without the receiver, 2.42 of its release as
//! well as 2.53 and 3.5 of later ones. VictoriaMetrics receives, that of a later suite, which `cargo xtask test` puts below
//! `target/`.

use std::{
    collections::BTreeMap,
    env, fs,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use plainsight_tests::{
    process::{ServerProcess, run_well},
    server::free_port,
};
use serde_json::Value;

use super::run::{SERVICE, Watched, ask, requested};

/// How long anything may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// Names the program that takes OTLP.
const RECEIVER: &str = "PLAINSIGHT_VICTORIA_METRICS";

/// A database that answers Prometheus' queries.
struct Database {
    port: u16,
    /// What it calls the service.
    service: &'static str,
    _server: ServerProcess,
}

impl Database {
    /// A Prometheus that scrapes the page at this port each second.
    fn scraping(page: u16) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let configuration = folder.path().join("prometheus.yml");
        // The page tells of several services, each under its own job.
        fs::write(
            &configuration,
            format!(
                "global: {{ scrape_interval: 1s }}\nscrape_configs:\n  - job_name: node\n    honor_labels: true\n    \
                 static_configs: [{{ targets: ['127.0.0.1:{page}'] }}]\n"
            ),
        )?;
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let server = ServerProcess::start(&mut command, port, folder, "prometheus")?;
        Ok(Self { port, service: "job", _server: server })
    }

    /// A VictoriaMetrics that takes OTLP.
    fn receiving() -> Result<Self> {
        let program = env::var_os(RECEIVER).with_context(|| {
            format!(
                "{RECEIVER} does not name a VictoriaMetrics: `cargo xtask test --only live` fetches one to \
                 target/victoria-metrics and sets it"
            )
        })?;
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let mut command = Command::new(program);
        command
            .arg(format!("-storageDataPath={}", folder.path().join("data").display()))
            .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
            // What has come is to be seen at once.
            .args(["-opentelemetry.usePrometheusNaming", "-search.latencyOffset=0s", "-search.disableCache"]);
        let server = ServerProcess::start(&mut command, port, folder, "victoria-metrics")?;
        Ok(Self { port, service: "service_name", _server: server })
    }

    /// The labels and value of each series that a query gives.
    fn query(&self, query: &str) -> Result<Vec<(BTreeMap<String, String>, f64)>> {
        let url = format!("http://127.0.0.1:{}/api/v1/query", self.port);
        let parameter = format!("query={query}");
        let text =
            run_well(Command::new("curl").args(["-sS", "-G", "--data-urlencode", &parameter, &url]), "curl")?;
        let answer: Value = serde_json::from_str(&text)?;
        ensure!(answer["status"] == "success", "{query}: {answer}");
        let series = answer["data"]["result"].as_array().context("series")?;
        let one = |series: &Value| -> Result<_> {
            let labels = serde_json::from_value(series["metric"].clone())?;
            Ok((labels, series["value"][1].as_str().context("a value")?.parse()?))
        };
        series.iter().map(one).collect()
    }
}

/// Counts by method, status and route.
type Counts = BTreeMap<(String, u16, String), f64>;

fn counted(database: &Database, query: &str) -> Result<Counts> {
    let mut counts = Counts::new();
    for (labels, value) in database.query(query)? {
        let label = |name: &str| labels.get(name).cloned().with_context(|| format!("no {name}: {labels:?}"));
        let status = label("http_response_status_code")?.parse()?;
        let before =
            counts.insert((label("http_request_method")?, status, label("plainsight_http_route")?), value);
        ensure!(before.is_none(), "{query}: one series for each: {labels:?}");
    }
    Ok(counts)
}

/// What was requested, so many times.
fn expected(times: usize) -> Counts {
    let of = |((status, route), count)| {
        let count = u32::try_from(count * times).expect("a small number");
        (("GET".to_owned(), status, route), f64::from(count))
    };
    requested().into_iter().map(of).collect()
}

/// Asks the server twice, and waits each time until the database holds all of it.
fn assert_counted(database: &Database, watched: &Watched) -> Result<()> {
    let of_server = format!("{}=\"{SERVICE}\"", database.service);
    let count = format!("http_server_request_duration_seconds_count{{{of_server}}}");
    for times in 1..=2 {
        ask(&watched.nginx)?;
        let deadline = Instant::now() + PATIENCE;
        let mut counts = Counts::new();
        while counts != expected(times) {
            ensure!(Instant::now() < deadline, "round {times}: {counts:?}");
            std::thread::sleep(Duration::from_millis(200));
            counts = counted(database, &count)?;
        }
    }
    // The last bucket holds everything, and so do the sums over what is left out.
    let buckets = format!("http_server_request_duration_seconds_bucket{{{of_server},le=\"+Inf\"}}");
    assert_eq!(counted(database, &buckets)?, expected(2));
    let total: f64 = expected(2).values().sum();
    let client = "sum(http_client_request_duration_seconds_count)";
    assert_eq!(database.query(client)?.first().map(|(_, value)| *value), Some(total));
    Ok(())
}

#[test]
fn a_real_prometheus_holds_the_numbers_of_requests_made() -> Result<()> {
    let page = free_port()?;
    let watched = Watched::start(&format!(
        "export: {{ otlp: off, prometheus: {{ listen: '127.0.0.1:{page}' }} }}\n\
         daemon: {{ health: {{ listen: off }} }}"
    ))?;
    let prometheus = Database::scraping(page)?;
    assert_counted(&prometheus, &watched)?;
    let kind = prometheus.query("up{job=\"node\"}")?;
    assert_eq!(kind.len(), 1);
    assert_eq!(kind[0].1, 1.0, "the page is scraped without an error");
    watched.stop()?;
    Ok(())
}

#[test]
fn a_database_of_metrics_that_receives_otlp_holds_the_numbers_of_requests_made() -> Result<()> {
    let database = Database::receiving()?;
    let port = database.port;
    let watched = Watched::start(&format!(
        "export: {{ otlp: {{ endpoint: 'http://127.0.0.1:{port}/opentelemetry', signals: [metrics] }}, \
         prometheus: {{ listen: off }} }}\ndaemon: {{ health: {{ listen: off }} }}"
    ))?;
    assert_counted(&database, &watched)?;
    let messages = watched.stop()?;
    ensure!(messages.contains(" 0 spans, ") && !messages.contains("given up"), "{messages}");
    Ok(())
}
