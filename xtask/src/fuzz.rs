//! Fuzz targets: bytes that no peer would send, in search of a panic or a limit that does not hold.

use std::{path::PathBuf, process::Command, time::Duration};

use anyhow::{Context as _, Result, bail};

use crate::{
    apt::{Need, install_missing},
    command,
    report::Report,
    supervise::{Ending, supervise},
    workspace::Workspace,
};

/// Options of `cargo xtask fuzz`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Which targets; all of them if none is named
    targets: Vec<String>,

    /// How long each target runs
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    seconds: u64,
}

impl Options {
    /// All targets, for so long each.
    pub(crate) const fn for_seconds(seconds: u64) -> Self {
        Self { targets: Vec::new(), seconds }
    }
}

/// The version of cargo-fuzz that is installed.
const VERSION: &str = "0.13.2";

/// Time to compile the targets, on top of what they run.
const COMPILE_LIMIT: Duration = Duration::from_secs(15 * 60);

/// Runs the targets, a step of the report each.
pub(crate) fn run(workspace: &Workspace, report: &mut Report, options: &Options) {
    let mut targets = Vec::new();
    report.step("fuzzing: preparation", |_| {
        targets = prepare(workspace, options)?;
        Ok(())
    });
    for target in targets {
        report.step(&format!("fuzzing: {target}"), |_| fuzz(workspace, &target, options.seconds));
    }
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root().join("tests/fuzz")
}

/// The sanitizer and coverage flags are unstable ones, which stable Rust accepts when told to act as a nightly.
fn cargo_fuzz(workspace: &Workspace, subcommand: &str) -> Command {
    let mut command = command::cargo(workspace.root());
    command.args(["fuzz", subcommand, "--fuzz-dir"]).arg(folder(workspace)).env("RUSTC_BOOTSTRAP", "1");
    command
}

fn prepare(workspace: &Workspace, options: &Options) -> Result<Vec<String>> {
    // libFuzzer is compiled from C++.
    install_missing(&[Need::program("c++", "g++")])?;
    if command::find("cargo-fuzz").is_none() {
        println!("installing cargo-fuzz {VERSION} (compiles for a minute, once)");
        command::run(
            command::cargo(workspace.root())
                .args(["install", "cargo-fuzz", "--version", VERSION, "--locked", "--quiet", "--debug"])
                .env_remove("CARGO_TARGET_DIR"),
        )
        .context("cannot install cargo-fuzz; it needs network access to the crate registry")?;
    }
    let listed = command::output(&mut cargo_fuzz(workspace, "list"))
        .with_context(|| format!("cannot list the fuzz targets in {}", folder(workspace).display()))?;
    let known: Vec<String> = listed.lines().map(str::to_owned).collect();
    if known.is_empty() {
        bail!("{} has no fuzz target", folder(workspace).display());
    }
    if let Some(unknown) = options.targets.iter().find(|target| !known.contains(target)) {
        bail!("there is no fuzz target `{unknown}`; there are {}", known.join(", "));
    }
    Ok(if options.targets.is_empty() { known } else { options.targets.clone() })
}

fn fuzz(workspace: &Workspace, target: &str, seconds: u64) -> Result<()> {
    let mut run = cargo_fuzz(workspace, "run");
    run.arg(target)
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .args(["-timeout=10", "-print_final_stats=1"]);
    let line = command::line(&run);
    let ending = supervise(&mut run, COMPILE_LIMIT + Duration::from_secs(seconds), |text| {
        // libFuzzer tells each input that reached something new: thousands of lines.
        if !text.starts_with('#') {
            println!("  {text}");
        }
    })?;
    match ending {
        Ending::Exited(status) if status.success() => Ok(()),
        Ending::Exited(status) => {
            bail!(
                "`{line}` failed ({status}); the input that did it is below {}",
                folder(workspace).join("artifacts").display()
            )
        }
        Ending::TimedOut => bail!("`{line}` did not stop by itself"),
    }
}
