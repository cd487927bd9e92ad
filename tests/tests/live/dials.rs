//! Connections that do not come to be: each is counted under what kept it from it.

use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use plainsight_tests::{
    page::series,
    probe::Probe,
    process::{python, run_well},
    server::free_port,
};

/// The counts on the page by `error.type`, of dials to one of the ports.
fn shown(page: &str, ports: [u16; 2]) -> Result<BTreeMap<String, u64>> {
    let mut counts = BTreeMap::new();
    for (labels, count) in series(page, "plainsight_connection_failed_total")? {
        let label = |name: &str| labels.get(name).with_context(|| format!("no {name}: {labels:?}"));
        if ports.contains(&label("server_port")?.parse()?) {
            ensure!(["127.0.0.1", "::1"].contains(&&**label("server_address")?), "{labels:?}");
            *counts.entry(label("error_type")?.clone()).or_default() += count;
        }
    }
    Ok(counts)
}

#[test]
fn a_dial_that_fails_is_counted_under_what_it_failed_of() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("plainsight.yaml");
    let (page, nobody, busy) = (free_port()?, free_port()?, free_port()?);
    ensure!(page != nobody && nobody != busy && page != busy, "a free port was given twice");
    fs::write(
        &path,
        format!(
            "limits: {{ cpu: off, memory: off }}\nmetrics: {{ interval: 1s }}\n\
             export: {{ otlp: off, prometheus: {{ listen: '127.0.0.1:{page}' }} }}\n\
             daemon: {{ health: {{ listen: off }} }}\n"
        ),
    )?;
    let probe = Probe::start_command(&["run", "--config", path.to_str().context("a path")?])?;
    let made = run_well(&mut python("dials.py", [nobody.to_string(), busy.to_string()])?, "Python")?;
    let made: BTreeMap<String, u64> = serde_json::from_str(&made)?;
    let url = format!("http://127.0.0.1:{page}/metrics");
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let counts =
            shown(&run_well(Command::new("curl").args(["-sS", "--fail", &url]), "curl")?, [nobody, busy])?;
        if counts == made {
            break;
        }
        ensure!(Instant::now() < deadline, "{made:?} dials failed, {counts:?} are shown");
        std::thread::sleep(Duration::from_millis(200));
    }
    let (_, messages, status) = probe.stop_raw()?;
    ensure!(status.success(), "{messages:?}");
    Ok(())
}
