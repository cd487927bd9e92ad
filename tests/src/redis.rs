//! A private Redis.

use std::{collections::BTreeMap, net::SocketAddr, process::Command};

use anyhow::{Context, Result};

use crate::{
    process::{ServerProcess, run_well},
    server::free_port,
};

/// What installs it and its clients.
pub const PACKAGES: &str = "redis-server redis-tools";

/// A running Redis, empty and without a password. It ends when this is dropped.
pub struct Redis {
    process: ServerProcess,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Redis {
    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// If it is not installed or does not start.
    pub fn start() -> Result<Self> {
        let port = free_port()?;
        let directory = tempfile::tempdir()?;
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--save", "", "--dir"]).arg(directory.path());
        let process = ServerProcess::start(&mut command, port, directory, PACKAGES)?;
        let redis = Self { address: process.address, process };
        redis.process.wait_for(redis.client().arg("PING"), PACKAGES)?;
        Ok(redis)
    }

    /// The port, as arguments have it.
    #[must_use]
    pub fn port(&self) -> String {
        self.address.port().to_string()
    }

    /// How often it was asked for each command by its own count, subcommands such as `CONFIG SET` apart from each
    /// other, and those included that it refused.
    ///
    /// # Errors
    /// If it cannot be asked.
    pub fn calls(&self) -> Result<BTreeMap<String, u64>> {
        let page = run_well(self.client().args(["INFO", "commandstats"]), PACKAGES)?;
        let mut calls = BTreeMap::new();
        // Lines read `cmdstat_config|set:calls=2,usec=9,usec_per_call=4.50,rejected_calls=0,failed_calls=0`.
        for line in page.lines().filter_map(|line| line.trim().strip_prefix("cmdstat_")) {
            let (name, numbers) = line.split_once(':').with_context(|| format!("a name in {line:?}"))?;
            let number = |wanted: &str| -> Result<u64> {
                let found = numbers.split(',').find_map(|pair| pair.strip_prefix(wanted)?.strip_prefix('='));
                Ok(found.with_context(|| format!("{wanted} in {line:?}"))?.parse()?)
            };
            let total = number("calls")? + number("rejected_calls")?;
            calls.insert(name.replace('|', " ").to_uppercase(), total);
        }
        Ok(calls)
    }

    fn client(&self) -> Command {
        let mut command = Command::new("redis-cli");
        command.args(["-e", "-p", &self.port()]);
        command
    }
}
