//! A private nghttpd and the load generator h2load: HTTP/2 by the library that curl and many proxies use.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use crate::{process::ServerProcess, server::free_port};

/// Packages of the server and of its clients.
pub const PACKAGES: &str = "nghttp2-server nghttp2-client";

/// Its pages: their names and sizes. One fits in a segment, one in several frames.
pub const PAGES: [(&str, usize); 2] = [("/small.txt", 123), ("/medium.txt", 20_000)];

/// Starts a server of HTTP/2 without TLS, which sends what it gets back where a request has a body.
///
/// # Errors
/// If it is not installed or does not start.
pub fn start_server() -> Result<ServerProcess> {
    let port = free_port()?;
    let directory = tempfile::tempdir()?;
    for (name, size) in PAGES {
        fs::write(directory.path().join(name.trim_start_matches('/')), "x".repeat(size))?;
    }
    let mut command = Command::new("nghttpd");
    command.args(["--no-tls", "--echo-upload", "--address=127.0.0.1", "--htdocs"]);
    command.arg(directory.path()).arg(port.to_string());
    ServerProcess::start(&mut command, port, directory, PACKAGES)
}

/// One request in the log of h2load.
#[derive(Debug, Clone, Copy)]
pub struct Logged {
    /// The status of the response.
    pub status: u16,
    /// Microseconds from sending the request to the end of the response.
    pub microseconds: u64,
}

/// A running h2load. It is killed when this is dropped.
pub struct Load {
    child: Child,
    log: std::path::PathBuf,
}

/// What h2load did.
#[derive(Debug)]
pub struct Loaded {
    /// Its requests.
    pub requests: Vec<Logged>,
    /// Bytes of the bodies that it received.
    pub body_bytes: u64,
    /// All bytes that it received.
    pub bytes: u64,
}

impl Load {
    /// Starts h2load on paths of the server, which it asks for in turn.
    ///
    /// # Errors
    /// If it is not installed.
    pub fn start(server: &ServerProcess, arguments: &[&str], paths: &[&str]) -> Result<Self> {
        let log = server.directory.path().join("h2load.log");
        let mut command = Command::new("h2load");
        command.arg(format!("--log-file={}", log.display())).args(arguments);
        command.args(paths.iter().map(|path| format!("http://{}{path}", server.address)));
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting h2load (apt-get install {PACKAGES})"))?;
        Ok(Self { child, log })
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// If it fails, or prints what is not understood.
    pub fn finish(mut self) -> Result<Loaded> {
        let mut output = String::new();
        std::io::Read::read_to_string(&mut self.child.stdout.take().context("its output")?, &mut output)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "h2load ended with {status}: {output}");
        let traffic = output.lines().find(|line| line.starts_with("traffic:"));
        // `traffic: 1.2MB (1234567) total, 12KB (12345) headers (space savings 90%), 1.1MB (1100000) data`
        let numbers: Vec<u64> = traffic
            .with_context(|| output.clone())?
            .split(['(', ')'])
            .filter_map(|part| part.parse().ok())
            .collect();
        let [bytes, _, body_bytes] = numbers[..] else {
            return Err(anyhow::anyhow!("three numbers in {traffic:?}"));
        };
        Ok(Loaded { requests: read_log(&self.log)?, body_bytes, bytes })
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // One that has ended makes both calls fail, which is well.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Each line holds the time of the start, the status, and the microseconds.
fn read_log(path: &Path) -> Result<Vec<Logged>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    text.lines()
        .map(|line| {
            let mut fields = line.split('\t').skip(1);
            let mut next = || fields.next().with_context(|| format!("h2load's log: {line}"));
            Ok(Logged { status: next()?.parse()?, microseconds: next()?.parse()? })
        })
        .collect()
}
