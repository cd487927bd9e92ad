//! What must hold of the code without running it: format, lints, licences and sources of dependencies.

use anyhow::{Context as _, Result};

use crate::{
    build::{self, KernelArchitecture},
    command,
    report::Report,
    setup,
    workspace::Workspace,
};

/// The version of cargo-deny that is installed.
const DENY_VERSION: &str = "0.20.2";

/// Runs the checks, a step of the report each.
pub(crate) fn run(workspace: &Workspace, report: &mut Report, set_up: &setup::Options) {
    report.step("format", |_| {
        command::run(command::cargo(workspace.root()).args(["fmt", "--all", "--check"]))
            .context("the code is not formatted; `cargo fmt --all` does it")
    });
    report.step("clippy", |_| {
        command::run(
            command::cargo(workspace.root())
                .args(["clippy", "--quiet", "--all-targets", "--", "--deny", "warnings"])
                // The kernel programs are checked below; their bytes are not needed to check what loads them.
                .env("AYA_BUILD_SKIP", "1"),
        )
    });
    report.step("clippy of the kernel programs", |_| {
        setup::run(workspace, set_up)?;
        for architecture in [KernelArchitecture::X86, KernelArchitecture::Arm] {
            let mut clippy = build::kernel_programs(workspace, "clippy", architecture)?;
            command::run(clippy.args(["--quiet", "--", "--deny", "warnings"]))
                .with_context(|| format!("as compiled for {}", architecture.name()))?;
        }
        Ok(())
    });
    report.step("licences, bans and sources of dependencies", |_| deny(workspace));
}

fn deny(workspace: &Workspace) -> Result<()> {
    if command::find("cargo-deny").is_none() {
        println!("installing cargo-deny {DENY_VERSION} (compiles for about two minutes, once)");
        command::run(
            command::cargo(workspace.root())
                .args(["install", "cargo-deny", "--version", DENY_VERSION, "--locked", "--quiet", "--debug"])
                .env_remove("CARGO_TARGET_DIR"),
        )
        .context("cannot install cargo-deny; it needs network access to the crate registry")?;
    }
    let mut check = command::cargo(workspace.root());
    command::run(check.args([
        "deny",
        "--all-features",
        "--offline",
        "check",
        "licenses",
        "bans",
        "sources",
    ]))?;
    println!(
        "advisories were not checked: their database is a git repository, which CI does not reach; \
         `cargo deny check advisories` checks them where it can be reached"
    );
    Ok(())
}
