//! The daemon under more load than it may spend on.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use plainsight_tests::{process::run_well, server::free_port};

use super::run::{Watched, ask, requested, shown};

/// How long anything may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long it may take to look at everything again: half a minute of room for each of two steps, and what the averages
/// take.
const RECOVERY: Duration = Duration::from_secs(100);

#[test]
fn beyond_its_limit_it_looks_at_less_says_so_lives_on_and_comes_back() -> Result<()> {
    let port = free_port()?;
    let mut watched = Watched::within(
        "cpu: 0.05, memory: off",
        &format!(
            "export: {{ otlp: off, prometheus: {{ listen: '127.0.0.1:{port}' }} }}\n\
             daemon: {{ health: {{ listen: '127.0.0.1:{port}' }} }}"
        ),
    )?;
    let page = |page: &str| {
        let url = format!("http://127.0.0.1:{port}/{page}");
        run_well(Command::new("curl").args(["-sS", &url]), "curl")
    };
    let step = || -> Result<f64> {
        let text = page("metrics")?;
        let line = text.lines().find(|line| line.starts_with("plainsight_limits_step"));
        Ok(line.and_then(|line| line.rsplit(' ').next()).context("the step is told")?.parse()?)
    };
    assert_eq!(step()?, 0.0);
    let mut load = Command::new("wrk")
        .args(["-t1", "-c16", "-d25s", &format!("http://{}/tiny", watched.nginx.address)])
        .stdout(Stdio::null())
        .spawn()
        .context("starting wrk")?;
    watched
        .probe
        .wait_until_it_says("from now on only the payload of some connections is looked at (step 2 of 3)")?;
    assert!(step()? >= 1.0);
    let health = page("readyz")?;
    assert!(health.contains("degraded") && health.contains("limit"), "it says why: {health}");
    ensure!(load.wait()?.success(), "wrk failed");
    let deadline = Instant::now() + RECOVERY;
    while step()? > 0.0 {
        ensure!(Instant::now() < deadline, "it does not come back");
        std::thread::sleep(Duration::from_millis(500));
    }
    watched.probe.wait_until_it_says("everything is looked at again (step 1 of 3)")?;
    assert_eq!(step()?, 0.0);
    let before = shown(&page("metrics")?)?;
    ask(&watched.nginx)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let counts = shown(&page("metrics")?)?;
        let more = |key: &_| counts.get(key).unwrap_or(&0) - before.get(key).unwrap_or(&0);
        if requested().iter().all(|(key, &count)| more(key) == count) {
            break;
        }
        ensure!(Instant::now() < deadline, "before {before:?}, after {counts:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
    watched.stop()?;
    Ok(())
}
