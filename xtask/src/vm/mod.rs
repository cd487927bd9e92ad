//! The probe on the kernels that its users have: each is booted in a virtual machine that captures its own traffic.

mod cpio;
mod initramfs;
mod kernel;
mod outcome;
mod qemu;

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use outcome::Outcome;

use self::kernel::{MATRIX, Wanted};
use crate::{
    apt::{Need, install_missing},
    build,
    report::{Report, seconds},
    setup,
    supervise::Ending,
    workspace::Workspace,
};

/// Seconds that one machine may take: it takes about twenty, and several minutes on a busy host.
const LIMIT_SECONDS: u64 = 480;

/// Options of `cargo xtask vm`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Which kernels: 5.10, 6.1, 6.12, newest; all of them if none is named
    versions: Vec<String>,

    /// A static `plainsight` to carry into the machines instead of building one
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,

    /// Seconds that one machine may take
    #[arg(long, default_value_t = LIMIT_SECONDS, value_name = "SECONDS")]
    limit: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { versions: Vec::new(), program: None, limit: LIMIT_SECONDS }
    }
}

/// Lines of a failed machine's console that are shown; the log has them all.
const SHOWN_LINES: usize = 80;

/// Boots the wanted kernels one after another, a step of the report each.
pub(crate) fn run(workspace: &Workspace, report: &mut Report, set_up: &setup::Options, options: &Options) {
    let mut prepared = None;
    let ready = report.step("virtual machines: preparation", |_| {
        prepared = Some(prepare(workspace, set_up, options)?);
        Ok(())
    });
    let (true, Some((kernels, initramfs))) = (ready, prepared) else { return };
    for wanted in kernels {
        report.step(&format!("virtual machine: kernel {}", wanted.name), |tally| {
            let outcome = boot(workspace, wanted, &initramfs, Duration::from_secs(options.limit.max(1)))?;
            tally.passed = outcome.passed.len() as u64;
            tally.failed = outcome.failed.len() as u64;
            if !outcome.failed.is_empty() {
                bail!(
                    "{}; the console is in {}",
                    outcome.failed.join("; "),
                    log(workspace, wanted)?.display()
                );
            }
            Ok(())
        });
    }
}

fn prepare(
    workspace: &Workspace,
    set_up: &setup::Options,
    options: &Options,
) -> Result<(Vec<&'static Wanted>, PathBuf)> {
    if env::consts::ARCH != "x86_64" {
        bail!(
            "the kernels of the matrix are for x86-64 and this machine is {}: run it on x86-64",
            env::consts::ARCH
        );
    }
    let kernels = selected(&options.versions)?;
    install_missing(&[Need::program(qemu::PROGRAM, "qemu-system-x86")])?;
    let program = match &options.program {
        Some(program) => program.clone(),
        None => {
            setup::run(workspace, set_up)?;
            build::static_release(workspace)?
        }
    };
    Ok((kernels, initramfs::build(workspace, &program)?))
}

fn selected(versions: &[String]) -> Result<Vec<&'static Wanted>> {
    if versions.is_empty() {
        return Ok(MATRIX.iter().collect());
    }
    versions
        .iter()
        .map(|version| {
            MATRIX.iter().find(|wanted| wanted.name == version).with_context(|| {
                let known: Vec<&str> = MATRIX.iter().map(|wanted| wanted.name).collect();
                format!("there is no kernel `{version}` in the matrix; it has {}", known.join(", "))
            })
        })
        .collect()
}

fn boot(workspace: &Workspace, wanted: &Wanted, initramfs: &Path, limit: Duration) -> Result<Outcome> {
    let kernel = wanted.obtain(workspace)?;
    let log = log(workspace, wanted)?;
    println!("booting {}; its console goes to {}", kernel.release, log.display());
    let began = Instant::now();
    let mut outcome = Outcome::default();
    let ending = qemu::boot(&kernel, initramfs, &log, limit, |line| {
        if outcome.read_line(line) {
            println!("  {}", line.trim_start_matches("plainsight-check: ").trim_end());
        }
    })?;
    println!("  {} took {}", kernel.release, seconds(began.elapsed()));
    let problem = match ending {
        Ending::TimedOut => Some(format!("still running after {} s", limit.as_secs())),
        Ending::Exited(status) if !status.success() => Some(format!("QEMU failed ({status})")),
        Ending::Exited(_) => None,
    };
    outcome.failed.extend(problem.or_else(|| outcome.incomplete()));
    if !outcome.failed.is_empty() {
        show_end(&log)?;
    }
    Ok(outcome)
}

/// Where a machine's console is kept.
fn log(workspace: &Workspace, wanted: &Wanted) -> Result<PathBuf> {
    Ok(workspace.cache("vm")?.join(format!("{}.log", wanted.name)))
}

fn show_end(log: &Path) -> Result<()> {
    let console = fs::read(log).with_context(|| format!("cannot read {}", log.display()))?;
    let console = String::from_utf8_lossy(&console);
    let lines: Vec<&str> = console.lines().collect();
    println!("  the end of {}:", log.display());
    for line in &lines[lines.len().saturating_sub(SHOWN_LINES)..] {
        println!("  | {line}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_that_is_not_in_the_matrix_is_refused_with_those_that_are() {
        let error = selected(&["4.19".to_owned()]).expect_err("too old");
        assert!(error.to_string().contains("5.10, 6.1, 6.12, newest"), "{error}");
    }

    #[test]
    fn without_a_name_all_kernels_are_booted() {
        assert_eq!(selected(&[]).expect("all").len(), MATRIX.len());
    }
}
