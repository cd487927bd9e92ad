//! A private MariaDB.

use std::{net::SocketAddr, process::Command};

use anyhow::{Context, Result};
use rustix::process::Signal;

use crate::{
    process::{ServerProcess, run_well},
    server::free_port,
};

/// What installs it and its client.
pub const PACKAGES: &str = "mariadb-server mariadb-client";

/// A running MariaDB that lets anyone in and has an empty database `shop`. It ends when this is dropped.
pub struct Mariadb {
    _process: ServerProcess,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Mariadb {
    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// If it is not installed or does not start.
    pub fn start() -> Result<Self> {
        let port = free_port()?;
        let directory = tempfile::tempdir()?;
        let data = format!("--datadir={}", directory.path().join("data").display());
        run_well(
            Command::new("mariadb-install-db")
                .args(["--no-defaults", "--user=root", "--skip-test-db"])
                .arg(&data),
            PACKAGES,
        )?;
        let mut command = Command::new("mariadbd");
        command.args(["--no-defaults", "--user=root", "--skip-grant-tables", "--bind-address=127.0.0.1"]);
        command.arg(data).arg(format!("--port={port}"));
        command.arg(format!("--socket={}", directory.path().join("socket").display()));
        let process = ServerProcess::start(&mut command, port, directory, PACKAGES)?.stopped_by(Signal::TERM);
        process.wait_for(client(process.address).args(["--execute", "SELECT 1"]), PACKAGES)?;
        let mariadb = Self { address: process.address, _process: process };
        run_well(mariadb.client().args(["--execute", "CREATE DATABASE shop"]), PACKAGES)?;
        Ok(mariadb)
    }

    /// The port, as arguments have it.
    #[must_use]
    pub fn port(&self) -> String {
        self.address.port().to_string()
    }

    /// Its command-line client.
    #[must_use]
    pub fn client(&self) -> Command {
        client(self.address)
    }

    /// One of its counters since it started.
    ///
    /// # Errors
    /// If it cannot be asked or has none of that name.
    pub fn counter(&self, name: &str) -> Result<u64> {
        let statement = format!("SHOW GLOBAL STATUS LIKE '{name}'");
        let arguments = ["--batch", "--skip-column-names", "--execute", &statement];
        let line = run_well(self.client().args(arguments), PACKAGES)?;
        let value = line.split_whitespace().nth(1).with_context(|| format!("{name} in {line:?}"))?;
        value.parse().with_context(|| format!("{name} in {line:?}"))
    }
}

fn client(address: SocketAddr) -> Command {
    let mut command = Command::new("mariadb");
    command.args(["--no-defaults", "--protocol=tcp", "--host=127.0.0.1", "--user=root", "--skip-ssl"]);
    command.arg(format!("--port={}", address.port()));
    command
}
