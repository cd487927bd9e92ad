//! A private memcached.

use std::{net::SocketAddr, process::Command};

use anyhow::Result;

use crate::{process::ServerProcess, server::free_port};

/// What installs it.
pub const PACKAGES: &str = "memcached";

/// A running memcached, empty. It ends when this is dropped.
pub struct Memcached {
    _process: ServerProcess,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Memcached {
    /// Starts it and waits until it takes connections.
    ///
    /// # Errors
    /// If it is not installed or does not start.
    pub fn start() -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new("memcached");
        command.args(["-u", "nobody", "-l", "127.0.0.1", "-U", "0", "-t", "2", "-p", &port.to_string()]);
        let process = ServerProcess::start(&mut command, port, tempfile::tempdir()?, PACKAGES)?;
        Ok(Self { address: process.address, _process: process })
    }
}
