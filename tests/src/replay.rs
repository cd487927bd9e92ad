//! `plainsight replay FILE --json`, and what must hold for every record that it prints.

use std::{net::SocketAddr, path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    probe,
    record::{End, Record},
};

/// The records of a capture.
///
/// # Errors
/// If the command fails, complains of a panic, or prints what is no record.
pub fn records(capture: &Path) -> Result<Vec<Record>> {
    let output = Command::new(probe::binary()?)
        .arg("replay")
        .arg(capture)
        .arg("--json")
        .output()
        .context("starting plainsight")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "plainsight ended with {}: {complaint}", output.status);
    ensure!(!complaint.contains("panicked"), "plainsight panicked: {complaint}");
    let printed = String::from_utf8(output.stdout).context("the records are not UTF-8")?;
    printed
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("not a record: {line}")))
        .collect()
}

/// An end of an exchange as an address.
///
/// # Errors
/// If its address is none.
pub fn address(end: &End) -> Result<SocketAddr> {
    let ip = end.address.parse().with_context(|| format!("{} is no address", end.address))?;
    Ok(SocketAddr::new(ip, end.port))
}

/// Checks what must hold for each HTTP record of a replay, whatever the capture holds.
///
/// # Errors
/// Says what does not hold.
pub fn check_http(record: &Record) -> Result<()> {
    ensure!(is_time(&record.start), "{} is no time", record.start);
    ensure!(record.side == "server", "a replay is seen from the server, not the {}", record.side);
    ensure!(record.process.is_none(), "a capture knows no process");
    ensure!(is_hexadecimal(&record.trace_id, 32), "trace id {}", record.trace_id);
    ensure!(is_hexadecimal(&record.span_id, 16), "span id {}", record.span_id);
    address(&record.client)?;
    address(&record.server)?;
    let has_method = !record.text("http.request.method").is_empty();
    if let Some(status) = record.status() {
        ensure!((100..=999).contains(&status), "status {status}");
    }
    match record.outcome.as_str() {
        "complete" => {
            ensure!(record.duration_ns.is_some(), "complete without a duration");
            ensure!(has_method, "complete without a method");
            // HTTP/0.9 has none, and a server may answer in it whatever was asked.
            let may_lack_status = record.text("network.protocol.version") == "0.9";
            ensure!(record.status().is_some() || may_lack_status, "complete without a status");
            ensure!(record.request_bytes > 0 && record.response_bytes > 0, "complete without bytes");
        }
        "no_response" => {
            ensure!(has_method, "a request without a method");
            ensure!(record.status().is_none(), "no response, but a status");
        }
        "partial" => {}
        other => bail!("unknown outcome {other}"),
    }
    Ok(())
}

/// Whether a text is a time in UTC with nanoseconds, as RFC 3339 writes it.
fn is_time(text: &str) -> bool {
    let shape: String =
        text.chars().map(|character| if character.is_ascii_digit() { '0' } else { character }).collect();
    shape == "0000-00-00T00:00:00.000000000Z"
}

fn is_hexadecimal(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
