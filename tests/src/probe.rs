//! The `plainsight` binary as a user runs it.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, ensure};

use crate::record::ExchangeRecord;

/// The binary: what `PLAINSIGHT_BIN` names, else what was built in the same profile as the tests.
///
/// # Errors
/// If it is not there.
pub fn binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = env::var_os("PLAINSIGHT_BIN") {
        return Ok(PathBuf::from(path));
    }
    let test = env::current_exe().context("cannot find this test's own file")?;
    // target/PROFILE/deps/test-0123456789abcdef
    let profile = test.ancestors().nth(2).context("this test does not lie in a target directory")?;
    let binary = profile.join("plainsight");
    ensure!(
        binary.is_file(),
        "{} is missing: build it with `cargo build --package plainsight`, or set PLAINSIGHT_BIN",
        binary.display()
    );
    Ok(binary)
}

/// The records of a capture, by `plainsight replay FILE --json`.
///
/// # Errors
/// If the command fails, complains of a panic, or prints what is no record.
pub fn replay(capture: &Path) -> anyhow::Result<Vec<ExchangeRecord>> {
    let output = Command::new(binary()?)
        .arg("replay")
        .arg(capture)
        .arg("--json")
        .output()
        .context("cannot start plainsight")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "plainsight ended with {}: {complaint}", output.status);
    ensure!(!complaint.contains("panicked"), "plainsight panicked: {complaint}");
    let printed = String::from_utf8(output.stdout).context("the records are not UTF-8")?;
    printed
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("no record: {line}")))
        .collect()
}
