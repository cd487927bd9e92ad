//! Load as high as this machine makes it: nothing may go unseen and uncounted, and no answer may be given to another's
//! request.

use std::{collections::HashMap, io::Write, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};
use plainsight_tests::{nginx::Nginx, probe::Probe};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How many requests the full-speed run makes at least.
const REQUESTS: u64 = 2_000_000;

/// Runs wrk for some seconds.
fn wrk(nginx: &Nginx, seconds: u64) -> Result<()> {
    let target = format!("http://{}/tiny", nginx.address);
    let output = Command::new("wrk")
        .args(["-t2", "-c32", &format!("-d{seconds}s"), &target])
        .output()
        .context("wrk")?;
    ensure!(output.status.success(), "wrk: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// The sum of a field over the objects that `stat --json` printed.
fn sum(output: &str, field: &str) -> Result<u64> {
    let mut total = 0;
    for line in output.lines() {
        let object: Value = serde_json::from_str(line).with_context(|| format!("not an object: {line}"))?;
        total +=
            object.get(field).and_then(Value::as_u64).with_context(|| format!("no {field} in {line}"))?;
    }
    Ok(total)
}

/// The number that stands before a word of the last message.
fn number_before(messages: &[String], word: &str) -> u64 {
    let text = messages.join(" ");
    let before = text.split(word).next().filter(|before| before.len() < text.len()).unwrap_or_default();
    before.split_whitespace().last().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Counts what the server answers to wrk, by outcome.
fn count_of(nginx: &Nginx, more: &[&str]) -> Result<Probe> {
    let port = nginx.address.port().to_string();
    let arguments =
        ["stat", "--json", "--port", &port, "--by", "side,outcome", "--side", "server", "--path", "/tiny"];
    Probe::start_command(&[&arguments, more].concat())
}

/// Every request was seen, and none of it in part.
fn assert_all_seen(probe: Probe, made: u64) -> Result<()> {
    let (output, messages, _) = probe.stop_raw()?;
    let seen = sum(&output, "count")?;
    println!("{made} requests made, {seen} seen; {}", messages.join(" "));
    assert_eq!(seen, made, "{messages:?}");
    assert!(output.lines().all(|line| line.contains("complete") || line.contains("no_response")), "{output}");
    Ok(())
}

#[test]
fn two_million_requests_at_full_speed_are_all_seen() -> Result<()> {
    let nginx = Nginx::start()?;
    let probe = count_of(&nginx, &[])?;
    let before = nginx.requests()?;
    // Each round is one second of load longer than the last needs to be: wrk is told a time, not a number.
    let mut asked = 0;
    while nginx.requests()? - before - asked < REQUESTS + asked {
        wrk(&nginx, 5)?;
        asked += 1;
    }
    // Every look at the status page is a request too, to another path.
    let looks = asked + 2;
    let made = nginx.requests()? - before - looks;
    assert_all_seen(probe, made)
}

/// How long the probe is held up: a small part of this suffices to fill the near rings, and the far ones take ten times as
/// much.
const HELD_UP: Duration = Duration::from_millis(150);

#[test]
fn a_probe_that_is_held_up_finds_everything_in_the_far_rings() -> Result<()> {
    let nginx = Nginx::start()?;
    let probe = count_of(&nginx, &["--ring-bytes", "64MiB"])?;
    let pid = i32::try_from(probe.pid()).ok().and_then(Pid::from_raw).context("a process id")?;
    let before = nginx.requests()?;
    std::thread::scope(|scope| {
        let load = scope.spawn(|| wrk(&nginx, 4));
        for _ in 0..8 {
            std::thread::sleep(Duration::from_millis(300));
            kill_process(pid, Signal::STOP)?;
            std::thread::sleep(HELD_UP);
            kill_process(pid, Signal::CONT)?;
        }
        load.join().expect("the thread does not panic")
    })?;
    // The last look at the status page is a request, too.
    let made = nginx.requests()? - before - 1;
    assert_all_seen(probe, made)
}

/// Makes so many requests from 32 connections, each to another path than the requests before and after it, and waits for
/// the answer of every one.
fn ask_own_paths(nginx: &Nginx, requests: u64) -> Result<()> {
    let mut paths = tempfile::NamedTempFile::new()?;
    for number in 0..10_000 {
        writeln!(paths, "http://{}/id/{number}", nginx.address)?;
    }
    let output = Command::new("h2load")
        .args(["--h1", "-t2", "-c32", "-n", &requests.to_string(), "-i"])
        .arg(paths.path())
        .output()
        .context("h2load")?;
    let told = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success() && told.contains(&format!("{requests} succeeded")), "h2load: {told}");
    Ok(())
}

#[test]
fn with_a_ring_far_too_small_every_request_is_seen_or_counted_and_none_gets_another_s_answer() -> Result<()> {
    let nginx = Nginx::start()?;
    let port = nginx.address.port().to_string();
    let arguments = ["--port", &port, "--ring-bytes", "64KiB", "--header", "x-request-id"];
    let probe = Probe::start(&arguments)?;
    let before = nginx.requests()?;
    ask_own_paths(&nginx, 300_000)?;
    // Both looks at the status page count, and are seen as well; everything is seen from both ends.
    let made = 2 * (nginx.requests()? - before + 1);
    std::thread::sleep(Duration::from_millis(500));
    let outcome = probe.stop()?;
    let mut by_outcome: HashMap<&str, u64> = HashMap::new();
    let mut answered = 0;
    for record in &outcome.records {
        *by_outcome.entry(record.outcome.as_str()).or_default() += 1;
        let path = record.text("url.path");
        let echoed =
            record.attributes.get("http.response.header.x-request-id").and_then(|value| value.get(0));
        if let (Some(echoed), false) = (echoed.and_then(Value::as_str), path.is_empty()) {
            answered += 1;
            assert_eq!(path, format!("/id/{echoed}"), "an answer stands with another's request: {record:?}");
        }
    }
    let unobserved = number_before(&outcome.messages, "more not observed");
    let lost = number_before(&outcome.messages, "event");
    let seen = outcome.records.len() as u64;
    println!("{made} made: {by_outcome:?}, {answered} pairs checked; {}", outcome.messages.join(" "));
    assert!(lost > 0, "a ring of 64 KiB must overflow: {:?}", outcome.messages);
    assert!(answered > 1000, "enough pairs to check: {answered}");
    // To the last one: each message takes one call, and every request is answered before its connection ends.
    assert_eq!(seen + unobserved, made, "{seen} seen, {unobserved} counted as not observed");
    Ok(())
}
