//! Fuzz targets: bytes that no peer would send, in search of a panic or a limit that does not hold.

use std::{fs, path::PathBuf, process::Command, time::Duration};

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

/// Coverage instrumentation, asked of LLVM directly: libFuzzer needs no more, and cargo-fuzz would have to be compiled.
const FLAGS: [&str; 7] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];

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

/// Compiles the targets and gives those that are asked for.
fn prepare(workspace: &Workspace, options: &Options) -> Result<Vec<String>> {
    // libFuzzer is compiled from C++.
    install_missing(&[Need::program("c++", "g++")])?;
    let known = names(workspace)?;
    if let Some(unknown) = options.targets.iter().find(|target| !known.contains(target)) {
        bail!("there is no fuzz target `{unknown}`; there are {}", known.join(", "));
    }
    let host = Rustc::ask(workspace)?.host;
    let mut build = command::cargo(&folder(workspace));
    build
        // Naming the target keeps the flags away from build scripts, which would not link with them.
        .args(["build", "--release", "--target", &host, "--target-dir"])
        .arg(binaries(workspace))
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("AYA_BUILD_SKIP", "1")
        .env_remove("CARGO_TARGET_DIR");
    match supervise(&mut build, COMPILE_LIMIT, |text| println!("  {text}"))? {
        Ending::Exited(status) if status.success() => {}
        Ending::Exited(status) => bail!("compiling the fuzz targets failed ({status})"),
        Ending::TimedOut => bail!("compiling the fuzz targets took more than {COMPILE_LIMIT:?}"),
    }
    Ok(if options.targets.is_empty() { known } else { options.targets.clone() })
}

/// The targets: one for each file.
fn names(workspace: &Workspace) -> Result<Vec<String>> {
    let sources = folder(workspace).join("targets");
    let entries = fs::read_dir(&sources).with_context(|| format!("cannot list {}", sources.display()))?;
    let mut names: Vec<String> =
        entries.filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    if names.is_empty() {
        bail!("{} has no fuzz target", sources.display());
    }
    Ok(names)
}

fn binaries(workspace: &Workspace) -> PathBuf {
    workspace.build_output().join("fuzz")
}

fn fuzz(workspace: &Workspace, target: &str, seconds: u64) -> Result<()> {
    let host = Rustc::ask(workspace)?.host;
    let found = binaries(workspace).join("corpus").join(target);
    fs::create_dir_all(&found).with_context(|| format!("cannot make {}", found.display()))?;
    let mut run = Command::new(binaries(workspace).join(host).join("release").join(target));
    run.arg(format!("-max_total_time={seconds}"))
        .args(["-max_len=8192", "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"])
        .arg(format!("-artifact_prefix={}/", found.display()))
        .arg(&found)
        .arg(folder(workspace).join("seeds").join(target));
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
            bail!("`{line}` failed ({status}); the input that did it is in {}", found.display())
        }
        Ending::TimedOut => bail!("`{line}` did not stop by itself"),
    }
}
