//! What the whole daemon costs: capture, parsing, identity, metrics, a span for every exchange, and export.

use std::fs;

use anyhow::{Context as _, Result};

use super::{Setting, load, servers::Server, throughput};

/// nginx and wrk on the processors that the daemon and its backend use as well. What the backend works on what it is
/// sent counts as the daemon's, too.
pub(crate) fn measure(setting: &Setting) -> Result<()> {
    let backend = Server::backend(&setting.folder)?;
    let server = Server::nginx(&setting.folder)?;
    let configuration = setting.folder.join("daemon.yaml");
    let text = format!(
        "traces: {{ ratio: 1.0, spans_per_second: off }}\nmetrics: {{ interval: 1s }}\nexport:\n  \
         otlp: {{ endpoint: \"http://{}\", protocol: http/protobuf }}\n  prometheus: {{ listen: off }}\n",
        backend.address()
    );
    fs::write(&configuration, text).with_context(|| format!("cannot write {}", configuration.display()))?;
    let program = setting.probe.first().context("the probe's command line is empty")?.clone();
    let daemon = Setting {
        probe: vec![program, "run".to_owned(), "--config".to_owned(), configuration.display().to_string()],
        folder: setting.folder.clone(),
        ..*setting
    };
    throughput::measure(&daemon, "nginx, a tiny page, wrk, with the daemon and a backend", || {
        load::wrk(server.address(), setting.connections, setting.duration)
    })
}
