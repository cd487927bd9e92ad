//! A private PostgreSQL.

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use anyhow::Result;
use rustix::process::Signal;

use crate::{
    process::{ServerProcess, program, run_well},
    server::free_port,
};

/// What installs it and its clients.
pub const PACKAGES: &str = "postgresql postgresql-client";

/// Where Debian keeps the versions of it.
const VERSIONS: &str = "/usr/lib/postgresql";

/// A running PostgreSQL that lets anyone in. It ends when this is dropped.
pub struct Postgresql {
    _process: ServerProcess,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Postgresql {
    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// If it is not installed or does not start.
    pub fn start() -> Result<Self> {
        let port = free_port()?;
        let directory = tempfile::tempdir()?;
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777))?;
        let data = directory.path().join("data");
        let arguments = ["--username=postgres", "--auth=trust", "--no-sync", "--pgdata"];
        run_well(as_nobody("initdb").args(arguments).arg(&data), PACKAGES)?;
        let mut command = as_nobody("postgres");
        command.arg("-D").arg(&data).args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]);
        command.args(["-p", &port.to_string(), "-k"]).arg(directory.path());
        // Killed, it would leave its shared memory behind; by this signal it does not wait for its clients.
        let process = ServerProcess::start(&mut command, port, directory, PACKAGES)?.stopped_by(Signal::QUIT);
        process.wait_for(client(process.address, "pg_isready").arg("--quiet"), PACKAGES)?;
        Ok(Self { address: process.address, _process: process })
    }

    /// The port, as arguments have it.
    #[must_use]
    pub fn port(&self) -> String {
        self.address.port().to_string()
    }

    /// One of its clients, told where it listens.
    #[must_use]
    pub fn client(&self, name: &str) -> Command {
        client(self.address, name)
    }
}

fn client(address: SocketAddr, name: &str) -> Command {
    let mut command = Command::new(binary(name));
    command.args(["-h", "127.0.0.1", "-U", "postgres", "-p", &address.port().to_string()]);
    // Encryption that the server would refuse is not asked for: the exchanges are those of the statements.
    command.env("PGSSLMODE", "disable").env("PGGSSENCMODE", "disable");
    command
}

fn binary(name: &str) -> PathBuf {
    program(name, VERSIONS)
}

/// The server refuses to run as root: it runs as nobody.
fn as_nobody(name: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]).arg(binary(name));
    command
}
