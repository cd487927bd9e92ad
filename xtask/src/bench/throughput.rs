//! Requests a second of a server with and without the probe.

use std::time::Duration;

use anyhow::Result;

use super::{
    Setting,
    compare::{Comparison, in_turns},
    load::{self, Run},
    probe::Summary,
    servers::Server,
};

/// Work of the service for each request.
const WORK: Duration = Duration::from_millis(1);

/// Requests from which the pace of a Redis server is estimated.
const REDIS_TRIAL: u64 = 50_000;

/// nginx and wrk on the same processors, which they saturate.
pub(crate) fn nginx(setting: &Setting) -> Result<()> {
    let server = Server::nginx(&setting.folder)?;
    measure(setting, "nginx, a tiny page, wrk", || {
        load::wrk(server.address(), setting.connections, setting.duration)
    })
}

/// A service that does some work of its own.
pub(crate) fn service(setting: &Setting) -> Result<()> {
    let server = Server::service(&setting.folder, WORK)?;
    measure(setting, "a service that works 1 ms for each request, wrk", || {
        load::wrk(server.address(), setting.connections, setting.duration)
    })
}

/// Redis and redis-benchmark.
pub(crate) fn redis(setting: &Setting) -> Result<()> {
    let server = Server::redis(&setting.folder)?;
    let trial = load::redis_benchmark(server.address(), setting.connections, REDIS_TRIAL)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is positive and moderate"
    )]
    let requests = (trial.rate * setting.duration.as_secs_f64()) as u64;
    measure(setting, "redis, GET, redis-benchmark", || {
        load::redis_benchmark(server.address(), setting.connections, requests.max(REDIS_TRIAL))
    })
}

/// Measures a load without and with the probe.
pub(crate) fn measure(setting: &Setting, title: &str, load: impl Fn() -> Result<Run>) -> Result<()> {
    println!(
        "\n{title}: {} connections, {} pairs of runs of {} s",
        setting.connections,
        setting.rounds,
        setting.duration.as_secs()
    );
    let mut rate = Comparison::default();
    let mut processor = Comparison::default();
    in_turns(setting, load, |without, with, summary| {
        rate.add(without.rate, with.rate);
        processor.add(without.processor_seconds * 1e6, with.processor_seconds * 1e6);
        println!(
            "  {:>9.0} requests/s without, {:>9.0} with; {}",
            without.rate,
            with.rate,
            seen(&summary, with.requests)
        );
    })?;
    let (low, high) = rate.spread();
    println!(
        "  throughput ratio {:.3} ({low:.3} to {high:.3}); medians {:.0} and {:.0} requests/s",
        rate.ratio(),
        rate.without(),
        rate.with()
    );
    println!(
        "  processor time {:.2} µs a request without, {:.2} with: {:.2} µs added for each exchange and side",
        processor.without(),
        processor.with(),
        processor.added() / 2.0
    );
    Ok(())
}

/// How much of what was requested the probe has seen. Both ends of a request are on this machine; requests of others and
/// those that the load generator gave up at its end are seen, too.
#[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
fn seen(summary: &Summary, requests: u64) -> String {
    match summary.exchanges {
        Some(exchanges @ 1..) => {
            format!("seen {:.6} of them ({})", exchanges as f64 / (2 * requests.max(1)) as f64, summary.line)
        }
        _ => format!("the probe said: {}", summary.line),
    }
}
