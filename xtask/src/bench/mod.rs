//! What the probe costs: the same load with and without it, in turns, on one machine.

mod calls;
mod compare;
mod connections;
mod daemon;
mod load;
mod machine;
mod memory;
mod probe;
mod servers;
mod service;
mod throughput;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
pub(crate) use connections::{Options as HoldOptions, hold};
pub(crate) use service::{Options as ServiceOptions, serve};

use crate::{
    apt::{Need, install_missing},
    build, command, privilege, setup,
    workspace::Workspace,
};

/// Options of `cargo xtask bench`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// What to measure; everything if nothing is named
    what: Vec<What>,

    /// Pairs of runs, one without and one with the probe
    #[arg(long, default_value_t = 5, value_name = "N")]
    rounds: usize,

    /// How long one run puts load on a server
    #[arg(long, default_value_t = 5, value_name = "SECONDS")]
    seconds: u64,

    /// Connections of wrk, and clients of redis-benchmark
    #[arg(long, default_value_t = 16, value_name = "N")]
    connections: u32,

    /// Connections that are open when memory is measured
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    open_connections: usize,

    /// Command line of the probe, split at spaces; the release build with `stat --json` if absent
    #[arg(long, value_name = "COMMAND")]
    probe: Option<String>,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// nginx answering a tiny page to wrk
    Nginx,
    /// Redis answering GET to redis-benchmark
    Redis,
    /// A service that works one millisecond for each request
    Service,
    /// One system call that is captured, and one that has nothing to do with sockets
    Calls,
    /// nginx answering a tiny page, with the daemon that exports all spans and metrics to a backend on this machine
    Daemon,
    /// Resident memory at rest and with many open connections
    Memory,
    /// HTTP/1 exchanges through replay, from memory
    Replay,
    /// Parsing, matching and sanitising from memory
    Parser,
}

impl What {
    const fn needs_probe(self) -> bool {
        !matches!(self, Self::Replay | Self::Parser)
    }
}

/// What every measurement is given.
#[derive(Debug)]
struct Setting {
    /// Pairs of runs.
    rounds: usize,
    /// Length of one run.
    duration: Duration,
    /// Connections of a load generator.
    connections: u32,
    /// Connections that stay open.
    open_connections: usize,
    /// The probe's command line.
    probe: Vec<String>,
    /// Folder for the servers' files.
    folder: PathBuf,
}

/// Measures, printing each figure as it comes.
pub(crate) fn run(workspace: &Workspace, set_up: &setup::Options, options: &Options) -> Result<()> {
    let everything = What::value_variants();
    let wanted = if options.what.is_empty() { everything } else { &options.what };
    let setting = setting(workspace, set_up, options, wanted.iter().any(|what| what.needs_probe()))?;
    println!("machine: {}", machine::description()?);
    for &what in wanted {
        match what {
            What::Nginx => throughput::nginx(&setting),
            What::Redis => throughput::redis(&setting),
            What::Service => throughput::service(&setting),
            What::Calls => calls::measure(&setting),
            What::Daemon => daemon::measure(&setting),
            What::Memory => memory::measure(&setting),
            What::Replay => replay(workspace),
            What::Parser => parser(workspace),
        }
        .with_context(|| format!("cannot measure {what:?}"))?;
    }
    Ok(())
}

fn setting(
    workspace: &Workspace,
    set_up: &setup::Options,
    options: &Options,
    needs_probe: bool,
) -> Result<Setting> {
    let mut probe: Vec<String> =
        options.probe.iter().flat_map(|line| line.split_whitespace()).map(str::to_owned).collect();
    if needs_probe {
        if !privilege::is_root() {
            bail!(
                "the probe is loaded and unloaded many times, which takes root: run `sudo --preserve-env cargo xtask bench`"
            );
        }
        install_missing(&[
            Need::server("nginx", "nginx-light", "nginx"),
            Need::server("redis-server", "redis-server", "redis-server"),
            Need::program("redis-benchmark", "redis-tools"),
            Need::program("wrk", "wrk"),
        ])?;
        if probe.is_empty() {
            setup::run(workspace, set_up)?;
            let program = build::release(workspace)?;
            probe = vec![program.display().to_string(), "stat".to_owned(), "--json".to_owned()];
        }
    }
    Ok(Setting {
        rounds: options.rounds.max(1),
        duration: Duration::from_secs(options.seconds.max(1)),
        connections: options.connections.max(1),
        open_connections: options.open_connections,
        probe,
        folder: workspace.cache("bench")?,
    })
}

/// The whole way of a capture file's bytes in one figure.
fn replay(workspace: &Workspace) -> Result<()> {
    println!("\nreplay, from memory, one core");
    cargo_bench(workspace, &["--package", "plainsight", "--bench", "replay"])
}

/// Every parser, and the room before them.
fn parser(workspace: &Workspace) -> Result<()> {
    println!("\nparser, from memory, one core");
    cargo_bench(workspace, &["--package", "plainsight-protocols", "--bench", "*"])?;
    cargo_bench(workspace, &["--package", "plainsight", "--bench", "flow"])
}

fn cargo_bench(workspace: &Workspace, arguments: &[&str]) -> Result<()> {
    let mut bench = command::cargo(workspace.root());
    bench.arg("bench").args(arguments);
    command::run(&mut bench)
}
