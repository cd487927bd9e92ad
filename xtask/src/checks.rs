//! `cargo xtask test`: all tests, from the quick ones that need nothing to the virtual machines.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::{
    apt::{Need, install_missing},
    build, command, fuzz, privilege, python,
    report::{Report, Tally, seconds},
    setup,
    supervise::{Ending, supervise},
    victoria_metrics, vm,
    workspace::Workspace,
};

/// Options of `cargo xtask test`.
#[derive(Debug, Default, Clone, clap::Args)]
pub(crate) struct Options {
    /// Only these kinds of tests
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    only: Vec<Kind>,
}

/// Kinds of tests, in the order in which they run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Tests beside the code
    Unit,
    /// Tests that replay captures and need no privileges
    Corpora,
    /// Fuzz targets, for a moment each
    Fuzz,
    /// The kernel programs compiled for arm64
    Arm64,
    /// Real servers and clients on this host, seen by the probe; needs root
    Live,
    /// The kernels of the matrix in virtual machines
    Vm,
}

/// Programs that the live tests start.
const LIVE_NEEDS: [Need; 30] = [
    Need::server("nginx", "nginx-light", "nginx"),
    Need::server("redis-server", "redis-server", "redis-server"),
    Need::program("redis-benchmark", "redis-tools"),
    Need::program("wrk", "wrk"),
    Need::server("nghttpd", "nghttp2-server", "nghttpd"),
    Need::program("h2load", "nghttp2-client"),
    Need::program("curl", "curl"),
    Need::program("python3", "python3"),
    Need::program("tmux", "tmux"),
    Need::program("ip", "iproute2"),
    Need::program("unshare", "util-linux"),
    Need::program("setpriv", "util-linux"),
    Need::program("buildah", "buildah"),
    Need::program("systemd-nspawn", "systemd-container"),
    Need::program("dnsmasq", "dnsmasq-base"),
    Need::program("dig", "bind9-dnsutils"),
    Need::program("dnsperf", "dnsperf"),
    Need::program("tcpdump", "tcpdump"),
    Need::server("mariadbd", "mariadb-server", "mariadb"),
    Need::program("mariadb", "mariadb-client"),
    Need::server("pg_createcluster", "postgresql", "postgresql"),
    Need::program("psql", "postgresql-client"),
    Need::server("memcached", "memcached", "memcached"),
    Need::server("containerd", "containerd", "containerd"),
    Need::program("runc", "runc"),
    Need::server("prometheus", "prometheus", "prometheus"),
    Need::program("/usr/lib/cni/bridge", "containernetworking-plugins"),
    Need::program("busybox", "busybox-static"),
    Need::program("sha256sum", "coreutils"),
    Need::program("openssl", "openssl"),
];

/// Programs that the tests without privileges start: another reader of captures, for a second opinion, and systemd's own
/// opinion of the unit.
const CORPORA_NEEDS: [Need; 2] =
    [Need::program("tshark", "tshark"), Need::program("systemd-analyze", "systemd")];

/// Programs that the unit tests start: cpio reads the images that xtask writes.
const UNIT_NEEDS: [Need; 1] = [Need::program("cpio", "cpio")];

impl Kind {
    /// Programs that these tests start. Virtual machines and fuzz targets see to theirs themselves.
    const fn needs(self) -> &'static [Need] {
        match self {
            Self::Unit => &UNIT_NEEDS,
            Self::Live => &LIVE_NEEDS,
            Self::Corpora => &CORPORA_NEEDS,
            Self::Fuzz | Self::Arm64 | Self::Vm => &[],
        }
    }
}

/// Where the end-to-end tests find the program they launch.
const PROGRAM_VARIABLE: &str = "PLAINSIGHT_BIN";

/// Integration tests whose name begins so load the probe and need root.
const LIVE_PREFIX: &str = "live";

/// Seconds that each fuzz target gets here: there are a dozen, and what was found before is tried first.
const FUZZ_SECONDS: u64 = 9;

/// Time that one package's tests may take before they are taken to hang.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// Runs the tests, a step of the report each.
pub(crate) fn run(workspace: &Workspace, report: &mut Report, set_up: &setup::Options, options: &Options) {
    let wanted = |kind| options.only.is_empty() || options.only.contains(&kind);
    let needs: Vec<Need> = Kind::value_variants()
        .iter()
        .filter(|&&kind| wanted(kind))
        .flat_map(|kind| kind.needs())
        .copied()
        .collect();
    let ready = report.step("set-up", |_| {
        install_missing(&needs)?;
        setup::run(workspace, set_up)
    });
    if !ready {
        println!("what follows may fail for want of what could not be installed");
    }
    if wanted(Kind::Unit) {
        report.step("unit tests", |tally| some(unit, workspace, tally));
    }
    if wanted(Kind::Corpora) {
        report.step("corpora", |tally| some(corpora, workspace, tally));
    }
    if wanted(Kind::Fuzz) {
        fuzz::run(workspace, report, &fuzz::Options::for_seconds(FUZZ_SECONDS));
    }
    if wanted(Kind::Arm64) {
        report.step("kernel programs for arm64", |_| build::arm_object(workspace));
    }
    if wanted(Kind::Live) {
        report.step("live tests", |tally| some(live, workspace, tally));
    }
    if wanted(Kind::Vm) {
        vm::run(workspace, report, set_up, &vm::Options::default());
    }
}

/// Runs tests, of which there must be some: a filter that fits none would pass for a success.
fn some(
    tests: impl FnOnce(&Workspace, &mut Tally) -> Result<()>,
    workspace: &Workspace,
    tally: &mut Tally,
) -> Result<()> {
    tests(workspace, tally)?;
    if *tally == Tally::default() {
        bail!("no test was run");
    }
    Ok(())
}

fn unit(workspace: &Workspace, tally: &mut Tally) -> Result<()> {
    let mut tests = cargo_test(workspace);
    for package in ["plainsight-protocols", "plainsight", "probe-ebpf", "xtask"] {
        tests.args(["--package", package]);
    }
    count(&mut tests, tally)?;
    count(cargo_test(workspace).args(["--package", "plainsight-tests", "--lib"]), tally)
}

fn corpora(workspace: &Workspace, tally: &mut Tally) -> Result<()> {
    let (_, unprivileged) = integration_tests(workspace)?;
    if unprivileged.is_empty() {
        bail!("tests/tests has no test that runs without root, so the corpora were not replayed");
    }
    let program = build::release(workspace)?;
    let mut tests = cargo_test(workspace);
    tests.args(["--release", "--package", "plainsight-tests"]);
    for name in &unprivileged {
        tests.args(["--test", name]);
    }
    count(tests.env(PROGRAM_VARIABLE, program), tally)
}

fn live(workspace: &Workspace, tally: &mut Tally) -> Result<()> {
    let (live, _) = integration_tests(workspace)?;
    if live.is_empty() {
        bail!("tests/tests has no test whose name begins with `{LIVE_PREFIX}`");
    }
    let elevation = privilege::elevation("load the probe for the live tests")?;
    let program = build::release(workspace)?;
    let mut tests = cargo_test(workspace);
    tests.args(["--release", "--package", "plainsight-tests"]);
    for name in &live {
        tests.args(["--test", name]);
    }
    // They load the machine and count what everyone on it does: one after another.
    tests.args(["--", "--test-threads=1"]).env(PROGRAM_VARIABLE, program);
    tests.env(python::VARIABLE, python::environment(workspace)?);
    tests.env(victoria_metrics::VARIABLE, victoria_metrics::program(workspace)?);
    if !elevation.is_empty() {
        // cargo stays the user's own, so that no file in the clone comes to belong to root.
        let host = setup::Rustc::ask(workspace)?.host.replace('-', "_").to_uppercase();
        tests.env(format!("CARGO_TARGET_{host}_RUNNER"), elevation.join(" "));
    }
    count(&mut tests, tally)
}

/// Names of the integration tests: those that need root, and the others.
fn integration_tests(workspace: &Workspace) -> Result<(Vec<String>, Vec<String>)> {
    let folder = workspace.root().join("tests/tests");
    let mut names = names_of_tests(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    names.sort();
    Ok(names.into_iter().partition(|name| name.starts_with(LIVE_PREFIX)))
}

/// What cargo takes for integration tests: a file, or a folder with a `main.rs`.
fn names_of_tests(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_test =
            path.extension().is_some_and(|extension| extension == "rs") || path.join("main.rs").is_file();
        if let (true, Some(name)) = (is_test, path.file_stem()) {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

/// `cargo test`, in which one failing test program does not keep the others from running.
fn cargo_test(workspace: &Workspace) -> Command {
    let mut command = command::cargo(workspace.root());
    command.args(["test", "--no-fail-fast"]);
    command
}

/// Runs a `cargo test` command, showing its output and adding up its counts.
fn count(tests: &mut Command, tally: &mut Tally) -> Result<()> {
    let line = command::line(tests);
    println!("{line}");
    let ending = supervise(tests, LIMIT, |line| {
        tally.read_line(line);
        println!("{line}");
    })?;
    match ending {
        Ending::TimedOut => bail!("`{line}` was still running after {}", seconds(LIMIT)),
        Ending::Exited(status) if !status.success() => bail!("`{line}` failed ({status})"),
        Ending::Exited(_) => Ok(()),
    }
}
