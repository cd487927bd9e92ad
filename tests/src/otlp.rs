//! A receiver of OTLP in another language, by the published protos: Python's `opentelemetry-proto` and grpcio.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    process::{ServerProcess, python},
    server::free_port,
};

/// What Debian calls what the virtual environment is made with.
pub const PACKAGES: &str = "python3-venv";

/// An item of a request: service, name, ids, number, time.
pub type Item = (String, String, String, i64, u64);

/// One request as the receiver understood it.
#[derive(Debug, Deserialize)]
pub struct Taken {
    /// `traces`, `metrics` or `logs`.
    pub kind: String,
    /// How it came: `grpc`, `http/protobuf`, `http/json`.
    pub way: String,
    /// Service, name, ids, number, time.
    pub items: Vec<Item>,
    /// The attributes of each item.
    pub attributes: Vec<Map<String, Value>>,
}

/// A receiver and where it writes what it took.
pub struct Receiver {
    /// Its port for HTTP.
    pub http: u16,
    /// Its port for gRPC.
    pub grpc: u16,
    folder: tempfile::TempDir,
    server: Option<ServerProcess>,
    /// The folder of its certificates, if it speaks TLS.
    pub tls: Option<PathBuf>,
}

impl Receiver {
    /// Starts one that gives these replies before all goes well.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(replies: &[&str]) -> Result<Self> {
        Self::start_with(replies, None)
    }

    /// The same, with the certificates of that folder.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start_with(replies: &[&str], tls: Option<PathBuf>) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut receiver = Self { http: free_port()?, grpc: free_port()?, folder, server: None, tls };
        receiver.come_back(replies)?;
        Ok(receiver)
    }

    /// Starts it again at the same ports.
    ///
    /// # Errors
    /// If it does not start.
    pub fn come_back(&mut self, replies: &[&str]) -> Result<()> {
        let file = self.folder.path().join("taken");
        let ports = [self.http.to_string(), self.grpc.to_string(), file.display().to_string()];
        let arguments = ports.iter().map(String::as_str).chain(replies.iter().copied());
        let mut command = python("otlp_receiver.py", arguments)?;
        if let Some(folder) = &self.tls {
            command.env("OTLP_TLS", folder);
        }
        self.server = Some(ServerProcess::start(&mut command, self.http, tempfile::tempdir()?, PACKAGES)?);
        Ok(())
    }

    /// SIGKILL.
    pub fn die(&mut self) {
        self.server = None;
    }

    /// What it has taken so far.
    ///
    /// # Errors
    /// If that cannot be read.
    pub fn taken(&self) -> Result<Vec<Taken>> {
        let file = fs::read_to_string(self.folder.path().join("taken"))?;
        file.lines().map(|line| serde_json::from_str(line).with_context(|| line.to_owned())).collect()
    }

    /// What it printed.
    #[must_use]
    pub fn log(&self) -> String {
        self.server.as_ref().map(ServerProcess::log).unwrap_or_default()
    }
}
