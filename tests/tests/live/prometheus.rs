//! The distribution's Prometheus as a scraper: what it holds must be what was requested.
//!
//! Debian 12 has 2.42, which has no receiver for OTLP (that came with 2.47), so it scrapes only; receivers of OTLP are those
//! in `otlp_python` and `run`.

use std::{
    collections::BTreeMap,
    fs,
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

/// What Debian calls it.
const PACKAGE: &str = "prometheus";

struct Prometheus {
    port: u16,
    _server: ServerProcess,
}

impl Prometheus {
    /// Starts one that scrapes the page at this port each second.
    fn start(page: u16) -> Result<Self> {
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
        let server = ServerProcess::start(&mut command, port, folder, PACKAGE)?;
        Ok(Self { port, _server: server })
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

fn counted(prometheus: &Prometheus, query: &str) -> Result<Counts> {
    let mut counts = Counts::new();
    for (labels, value) in prometheus.query(query)? {
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

#[test]
fn a_real_prometheus_holds_the_numbers_of_requests_made() -> Result<()> {
    let page = free_port()?;
    let watched = Watched::start(&format!(
        "export: {{ otlp: off, prometheus: {{ listen: '127.0.0.1:{page}' }} }}\n\
         daemon: {{ health: {{ listen: off }} }}"
    ))?;
    let prometheus = Prometheus::start(page)?;
    let count = format!("http_server_request_duration_seconds_count{{job=\"{SERVICE}\"}}");
    for times in 1..=2 {
        ask(&watched.nginx)?;
        let deadline = Instant::now() + PATIENCE;
        let mut counts = Counts::new();
        while counts != expected(times) {
            ensure!(Instant::now() < deadline, "round {times}: {counts:?}");
            std::thread::sleep(Duration::from_millis(200));
            counts = counted(&prometheus, &count)?;
        }
    }
    // The last bucket holds everything, and so do the sums over what is left out.
    let buckets = format!("http_server_request_duration_seconds_bucket{{job=\"{SERVICE}\",le=\"+Inf\"}}");
    assert_eq!(counted(&prometheus, &buckets)?, expected(2));
    let total: f64 = expected(2).values().sum();
    let client = "sum(http_client_request_duration_seconds_count)";
    assert_eq!(prometheus.query(client)?.first().map(|(_, value)| *value), Some(total));
    let kind = prometheus.query("up{job=\"node\"}")?;
    assert_eq!(kind.len(), 1);
    assert_eq!(kind[0].1, 1.0, "the page is scraped without an error");
    watched.stop()?;
    Ok(())
}
