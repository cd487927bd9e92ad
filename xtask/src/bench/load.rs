//! Load generators, and the figures they print.

use std::{net::SocketAddr, process::Command, time::Duration};

use anyhow::{Context as _, Result};

use super::machine;
use crate::command;

/// What one run of a load generator did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Run {
    /// Requests that were answered.
    pub(crate) requests: u64,
    /// Requests a second.
    pub(crate) rate: f64,
    /// Processor time of the whole machine for each request, in seconds.
    pub(crate) processor_seconds: f64,
}

/// Puts load on an HTTP server for so long.
pub(crate) fn wrk(address: SocketAddr, connections: u32, duration: Duration) -> Result<Run> {
    let mut command = Command::new("wrk");
    command
        .args(["--threads", &connections.min(2).to_string(), "--connections", &connections.to_string()])
        .args(["--duration", &format!("{}s", duration.as_secs())])
        .arg(format!("http://{address}/"));
    let before = machine::busy_seconds()?;
    let printed = command::output(&mut command)?;
    let worked = machine::busy_seconds()? - before;
    let (requests, rate) =
        read_wrk(&printed).with_context(|| format!("the output of wrk is not understood: {printed}"))?;
    Ok(run(requests, rate, worked))
}

/// Makes so many requests to a Redis server.
pub(crate) fn redis_benchmark(address: SocketAddr, clients: u32, requests: u64) -> Result<Run> {
    let mut command = Command::new("redis-benchmark");
    command.args(["-h", &address.ip().to_string(), "-p", &address.port().to_string()]).args([
        "-c",
        &clients.to_string(),
        "-n",
        &requests.to_string(),
        "-t",
        "get",
        "--csv",
    ]);
    let before = machine::busy_seconds()?;
    let printed = command::output(&mut command)?;
    let worked = machine::busy_seconds()? - before;
    let rate = read_redis(&printed)
        .with_context(|| format!("the output of redis-benchmark is not understood: {printed}"))?;
    Ok(run(requests, rate, worked))
}

#[expect(clippy::cast_precision_loss, reason = "a count of requests is far below 2^52")]
fn run(requests: u64, rate: f64, worked: f64) -> Run {
    Run { requests, rate, processor_seconds: worked / requests.max(1) as f64 }
}

/// `  1234 requests in 5.00s, 10MB read` and `Requests/sec:  246.80`.
fn read_wrk(printed: &str) -> Option<(u64, f64)> {
    let requests =
        printed.lines().find_map(|line| line.split_once(" requests in "))?.0.trim().parse().ok()?;
    let rate = printed.lines().find_map(|line| line.strip_prefix("Requests/sec:"))?.trim().parse().ok()?;
    Some((requests, rate))
}

/// `"GET","95238.10",…`, after a header or, in old versions, without.
fn read_redis(printed: &str) -> Option<f64> {
    let row = printed.lines().find_map(|line| line.strip_prefix("\"GET\",\""))?;
    row.split('"').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrk_is_understood() {
        let printed = "Running 5s test @ http://127.0.0.1:8080/\n  2 threads and 16 connections\n\
                       \x20 456789 requests in 5.00s, 66.1MB read\nRequests/sec:  91357.80\nTransfer/sec: 13.2MB\n";
        assert_eq!(read_wrk(printed), Some((456_789, 91_357.8)));
    }

    #[test]
    fn redis_benchmark_is_understood() {
        let printed = "\"test\",\"rps\",\"avg_latency_ms\"\n\"GET\",\"95238.10\",\"0.084\"\n";
        assert_eq!(read_redis(printed), Some(95238.1));
    }

    #[test]
    fn other_output_is_not_taken_for_a_figure() {
        assert_eq!(read_wrk("unable to connect to 127.0.0.1:8080 Connection refused"), None);
        assert_eq!(read_redis("Could not connect to Redis"), None);
    }
}
