//! Small servers written in Python, whose sources lie in `tests/servers`.

use std::{
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};

/// A port of the loopback interface on which nothing listens now.
///
/// # Errors
/// If there is none.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A running script. It ends when this is dropped.
pub struct PythonServer {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl PythonServer {
    /// Starts a script of `tests/servers`, which prints its port when it listens.
    ///
    /// # Errors
    /// If Python is not installed or the script ends.
    pub fn start(script: &str) -> Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("servers").join(script);
        let mut child = Command::new("python3")
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting python3 (apt-get install python3)")?;
        let mut line = String::new();
        let output = child.stdout.take().context("its output")?;
        BufReader::new(output).read_line(&mut line)?;
        let port: u16 = line.trim().parse().with_context(|| format!("{script} printed {line:?}"))?;
        Ok(Self { child, address: SocketAddr::from(([127, 0, 0, 1], port)) })
    }
}

impl Drop for PythonServer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
