//! bpf-linker, which makes one kernel object of what rustc compiled.

use std::process::Command;

use anyhow::{Context as _, Result};

use super::Rustc;
use crate::{command, workspace::Workspace};

/// The version that the kernel programs are tested with on every kernel of the matrix.
const VERSION: &str = "0.10.4";

/// Installs bpf-linker where cargo installs programs, unless that version is there.
pub(crate) fn install(workspace: &Workspace, rustc: &Rustc) -> Result<()> {
    if installed_version().as_deref() == Some(VERSION) {
        return Ok(());
    }
    println!("installing bpf-linker {VERSION} (compiles for one to three minutes, once)");
    // It loads the LLVM of the toolchain itself, so the two must be of one major version.
    let feature = format!("rust-llvm-{}", rustc.llvm_major);
    command::run(
        command::cargo(workspace.root())
            .args(["install", "bpf-linker", "--version", VERSION, "--locked", "--quiet"])
            .args(["--no-default-features", "--features", &feature])
            .env_remove("CARGO_TARGET_DIR"),
    )
    .with_context(|| {
        format!(
            "cannot install bpf-linker: it needs network access to the crate registry, and a rustc whose LLVM it knows \
             (yours, {}, has LLVM {})",
            rustc.release, rustc.llvm_major
        )
    })
}

fn installed_version() -> Option<String> {
    let printed = command::output(Command::new(command::find("bpf-linker")?).arg("--version")).ok()?;
    printed.split_whitespace().nth(1).map(str::to_owned)
}
