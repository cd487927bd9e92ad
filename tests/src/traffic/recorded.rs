//! What was recorded or written for the tests of this repository's own parsers.

#[expect(dead_code, reason = "here nobody asks how long a pause is, nor why a connection closes")]
#[path = "../../fuzz/script.rs"]
mod script;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use plainsight_protocols::{Direction, Protocol};

use super::{Sent, Step, Traffic};

/// A file of the repository.
fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// All of them.
///
/// # Errors
/// If one cannot be read.
pub fn all() -> Result<Vec<Traffic>> {
    let mut all = Vec::new();
    for protocol in Protocol::ALL {
        all.extend(scripts(protocol)?);
    }
    all.extend(dialogues("protocols/src/kafka/tests/recorded.txt", "recorded: kafka", Protocol::Kafka)?);
    for file in files("protocols/src/tls/tests/captures")? {
        all.extend(dialogues(&file, "recorded: tls", Protocol::Tls)?);
    }
    Ok(all)
}

/// The files of a folder, sorted.
fn files(folder: &str) -> Result<Vec<String>> {
    let entries = fs::read_dir(path(folder)).with_context(|| folder.to_owned())?;
    let mut files = Vec::new();
    for entry in entries {
        files.push(format!("{folder}/{}", entry?.file_name().to_string_lossy()));
    }
    files.sort();
    ensure!(!files.is_empty(), "{folder} is empty");
    Ok(files)
}

/// What a script of a protocol's folder may rightly be taken for.
fn spoken(protocol: Protocol) -> Vec<Protocol> {
    match protocol {
        Protocol::Http2 => vec![Protocol::Http2, Protocol::Grpc, Protocol::Http],
        protocol => vec![protocol],
    }
}

/// The scripts of connections that a protocol's fuzz target begins with; the format is told in
/// `tests/fuzz/connection.rs`.
fn scripts(protocol: Protocol) -> Result<Vec<Traffic>> {
    // Those of gRPC are scripts of HTTP/2.
    if protocol == Protocol::Grpc {
        return Ok(Vec::new());
    }
    let mut all = Vec::new();
    for file in files(&format!("tests/fuzz/seeds/{}", protocol.name()))? {
        let script = fs::read(path(&file)).with_context(|| file.clone())?;
        if protocol == Protocol::Dns && script.first().is_none_or(|flags| flags & 128 == 0) {
            // Datagrams.
            continue;
        }
        let name = file.rsplit('/').next().unwrap_or(&file).to_owned();
        let (from_start, steps) = script_steps(&script);
        let kind = format!("recorded: {}", protocol.name());
        all.push(Traffic { kind, name, speaks: spoken(protocol), from_start, steps });
    }
    Ok(all)
}

fn script_steps(bytes: &[u8]) -> (bool, Vec<Step>) {
    let Some((&flags, mut rest)) = bytes.split_first() else { return (true, Vec::new()) };
    let mut steps = Vec::new();
    while let Some((direction, step)) = script::next(&mut rest) {
        let sent = match step {
            script::Step::Bytes(bytes) => Sent::Bytes(bytes),
            script::Step::Gap(bytes, cause) => Sent::Gap(bytes, cause),
            script::Step::Wait(_) | script::Step::End => continue,
            script::Step::Close(_) => break,
        };
        steps.push(Step { direction, sent });
    }
    (flags & 1 > 0, steps)
}

/// Segments in hexadecimal, a line each: `>` to the server, `<` to the client; `=` begins a connection.
fn dialogues(file: &str, kind: &str, protocol: Protocol) -> Result<Vec<Traffic>> {
    let text = fs::read_to_string(path(file)).with_context(|| file.to_owned())?;
    let begin = |name: &str| Traffic {
        kind: kind.to_owned(),
        name: name.to_owned(),
        speaks: vec![protocol],
        from_start: true,
        steps: Vec::new(),
    };
    let mut all = vec![begin(file)];
    for line in text.lines() {
        match line.split_once(' ') {
            Some(("=", name)) => all.push(begin(name)),
            Some((side @ (">" | "<"), bytes)) => {
                let direction = if side == ">" { Direction::ToServer } else { Direction::ToClient };
                let bytes = unhex(bytes).with_context(|| format!("{file}: {line}"))?;
                if let Some(connection) = all.last_mut() {
                    connection.steps.push(Step { direction, sent: Sent::Bytes(bytes) });
                }
            }
            _ => {}
        }
    }
    all.retain(|traffic| !traffic.steps.is_empty());
    ensure!(!all.is_empty(), "{file} holds no segment");
    Ok(all)
}

fn unhex(text: &str) -> Result<Vec<u8>> {
    let text = text.trim();
    ensure!(text.len().is_multiple_of(2) && text.is_ascii(), "not hexadecimal");
    let pairs = (0..text.len()).step_by(2).map(|at| &text[at..at + 2]);
    pairs.map(|pair| Ok(u8::from_str_radix(pair, 16)?)).collect()
}
