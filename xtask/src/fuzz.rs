//! Fuzz targets: bytes that no peer would send, in search of a panic or a limit that does not hold.
//!
//! They are compiled by the stable compiler: coverage instrumentation is asked of LLVM directly, so neither a nightly
//! nor cargo-fuzz is needed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::{
    apt::{Need, install_missing},
    command,
    report::Report,
    setup::Rustc,
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

/// What libFuzzer wants of the code under test: counters it can read, where they are, and the operands of comparisons.
const INSTRUMENTATION: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

/// The target that feeds connections of any protocol.
const CONNECTIONS: &str = "connections";

/// Longest input, seconds that one may take, and memory in MiB: more than that is a finding.
const LIMITS: [&str; 3] = ["-max_len=8192", "-timeout=5", "-rss_limit_mb=1024"];

/// Time that a target may need to come to its end once its own time is over.
const GRACE: Duration = Duration::from_secs(60);

/// Runs the targets, a step of the report each.
pub(crate) fn run(workspace: &Workspace, report: &mut Report, options: &Options) {
    let mut prepared = None;
    report.step("fuzzing: preparation", |_| {
        prepared = Some(prepare(workspace, options)?);
        Ok(())
    });
    let Some((targets, programs)) = prepared else { return };
    for target in targets {
        report.step(&format!("fuzzing: {target}"), |_| fuzz(workspace, &programs, &target, options.seconds));
    }
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root().join("tests/fuzz")
}

/// Compiles the targets; returns the names of those that are wanted, and where the programs are.
fn prepare(workspace: &Workspace, options: &Options) -> Result<(Vec<String>, PathBuf)> {
    let known = targets(&folder(workspace).join("targets"))?;
    if let Some(unknown) = options.targets.iter().find(|target| !known.contains(target)) {
        bail!("there is no fuzz target `{unknown}`; there are {}", known.join(", "));
    }
    // libFuzzer is compiled from C++.
    install_missing(&[Need::program("c++", "g++")])?;
    let host = Rustc::ask(workspace)?.host;
    let output = workspace.cache("fuzz")?;
    command::run(
        command::cargo(&folder(workspace))
            // With a target named, the flags do not reach build scripts, which would not link with them.
            .args(["build", "--release", "--target", &host])
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", INSTRUMENTATION)
            .env("AYA_BUILD_SKIP", "1")
            .env("CARGO_TARGET_DIR", &output),
    )?;
    let wanted = if options.targets.is_empty() { known } else { options.targets.clone() };
    Ok((wanted, output.join(host).join("release")))
}

/// Names of all targets: each is one file.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".rs")?.to_owned()))
        .collect();
    names.sort();
    if names.is_empty() {
        bail!("{} has no fuzz target", folder.display());
    }
    Ok(names)
}

/// The folders with what a target begins with: its own, and for the target of connections all there are, for it runs every
/// parser.
fn seeds(folder: &Path, target: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut folders: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    folders.retain(|seeds| seeds.is_dir() && (target == CONNECTIONS || seeds.ends_with(target)));
    folders.sort();
    Ok(folders)
}

fn fuzz(workspace: &Workspace, programs: &Path, target: &str, seconds: u64) -> Result<()> {
    let corpus = folder(workspace).join("corpus").join(target);
    fs::create_dir_all(&corpus).with_context(|| format!("cannot make the folder {}", corpus.display()))?;
    let mut command = Command::new(programs.join(target));
    command
        .arg(format!("-max_total_time={seconds}"))
        .args(LIMITS)
        .arg("-print_final_stats=1")
        .arg(format!("-artifact_prefix={}/", corpus.parent().unwrap_or(&corpus).display()))
        .arg(&corpus);
    command.args(seeds(&folder(workspace).join("seeds"), target)?);
    let line = command::line(&command);
    println!("{line}");
    let ending = supervise(&mut command, Duration::from_secs(seconds) + GRACE, |text| {
        // libFuzzer tells each input that reached something new: thousands of lines.
        if !text.starts_with('#') {
            println!("  {text}");
        }
    })?;
    match ending {
        Ending::Exited(status) if status.success() => Ok(()),
        Ending::Exited(status) => {
            bail!("`{line}` failed ({status}); the input that did it is in the file named above")
        }
        Ending::TimedOut => bail!("`{line}` did not stop by itself"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_of_connections_begins_with_all_seeds_and_others_with_their_own() -> Result<()> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz");
        let names = |target: &str| -> Result<Vec<String>> {
            let folders = seeds(&folder.join("seeds"), target)?;
            Ok(folders.iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
        };
        assert_eq!(names("dns")?, ["dns"]);
        assert_eq!(names("http")?, ["http"]);
        let all = names(CONNECTIONS)?;
        assert!(["dns", "http", "mysql"].iter().all(|seeds| all.iter().any(|name| name == seeds)), "{all:?}");
        assert!(targets(&folder.join("targets"))?.iter().any(|target| target == CONNECTIONS));
        Ok(())
    }
}
