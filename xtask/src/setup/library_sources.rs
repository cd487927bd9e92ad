//! The standard library's sources: `core` is compiled for the kernel's virtual machine, for which Rust ships none.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use super::Rustc;
use crate::{
    apt::{Repositories, Section, Suite},
    command,
    supervise::{Ending, supervise},
    workspace::Workspace,
};

/// Suites of Debian that may carry the sources of a recent Rust, those with the smallest package lists first.
const SUITES: [&str; 7] =
    ["trixie-backports", "forky-backports", "bookworm-backports", "experimental", "trixie", "forky", "sid"];

/// How long rustup may take: it fetches about 5 MB, and without network it can hang.
const RUSTUP_LIMIT: Duration = Duration::from_secs(90);

/// Puts the sources where cargo's `-Z build-std` looks for them, or at `destination`, unless they are there.
pub(crate) fn install(workspace: &Workspace, rustc: &Rustc, destination: Option<&Path>) -> Result<()> {
    let in_toolchain = rustc.sysroot.join("lib/rustlib/src/rust/library");
    let library = destination.unwrap_or(&in_toolchain);
    if is_complete(library) {
        return Ok(());
    }
    println!("installing the sources of Rust's standard library {}", rustc.release);
    if destination.is_none() && from_rustup(workspace, rustc) && is_complete(library) {
        return Ok(());
    }
    from_debian(workspace, rustc, library).with_context(|| {
        format!(
            "cannot install the sources of Rust's standard library: with network access to Rust's own servers \
             `rustup component add rust-src` does it; otherwise unpack `library` of the Rust {} sources to {}",
            rustc.release,
            library.display()
        )
    })
}

fn is_complete(library: &Path) -> bool {
    library.join("core/src/lib.rs").is_file() && library.join("Cargo.lock").is_file()
}

/// Whether rustup could do it. It cannot where the network reaches package registries only.
fn from_rustup(workspace: &Workspace, rustc: &Rustc) -> bool {
    let Some(rustup) = command::find("rustup") else { return false };
    let Some(toolchain) = rustc.sysroot.file_name() else { return false };
    let mut add = Command::new(rustup);
    add.args(["component", "add", "rust-src", "--toolchain"]).arg(toolchain).current_dir(workspace.root());
    let ending = supervise(&mut add, RUSTUP_LIMIT, |line| println!("  rustup: {line}"));
    let succeeded = matches!(ending, Ok(Ending::Exited(status)) if status.success());
    if !succeeded {
        println!("rustup could not fetch them; trying Debian's package rust-src");
    }
    succeeded
}

fn from_debian(workspace: &Workspace, rustc: &Rustc, library: &Path) -> Result<()> {
    let repositories = Repositories::of_this_machine(workspace)?;
    let mut carried = Vec::new();
    for name in SUITES {
        let suite = match Suite::open(workspace, &repositories, Section::Main, name) {
            Ok(suite) => suite,
            Err(error) => {
                println!("Debian {name} is left out: {error:#}");
                continue;
            }
        };
        let versions = suite.versions("rust-src")?;
        if let Some(version) = versions.iter().find(|version| upstream(version) == rustc.release) {
            let unpacked = workspace.cache("rust-src")?.join(&rustc.release);
            suite.unpack("rust-src", Some(version), &unpacked)?;
            let source = unpacked.join(format!("usr/src/rustc-{}/library", rustc.release));
            return place(&source, library);
        }
        carried.extend(versions);
    }
    carried.sort();
    carried.dedup();
    bail!("no Debian suite carries rust-src {}; they carry {}", rustc.release, carried.join(", "))
}

/// The part of a Debian version that upstream gave: `1.95.0` of `1.95.0+dfsg1-2~bpo13+1`.
fn upstream(version: &str) -> &str {
    version.split(['+', '-', '~']).next().unwrap_or(version)
}

/// Copies the folder beside its destination and renames it, so that an interrupted copy is not taken for a whole one.
fn place(source: &Path, library: &Path) -> Result<()> {
    if !is_complete(source) {
        bail!("the package rust-src does not hold what is expected at {}", source.display());
    }
    let parent = library.parent().with_context(|| format!("{} has no parent folder", library.display()))?;
    fs::create_dir_all(parent).with_context(|| {
        format!("cannot make the folder {}: run this as the toolchain's owner", parent.display())
    })?;
    let partial = PathBuf::from(format!("{}.partial", library.display()));
    for leftover in [&partial, library] {
        if leftover.exists() {
            fs::remove_dir_all(leftover).with_context(|| format!("cannot remove {}", leftover.display()))?;
        }
    }
    command::output(Command::new("cp").args(["-RL", "--"]).arg(source).arg(&partial))?;
    fs::rename(&partial, library).with_context(|| format!("cannot move the sources to {}", library.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_s_additions_to_a_version_are_ignored() {
        assert_eq!(upstream("1.95.0+dfsg1-2~bpo13+1"), "1.95.0");
        assert_eq!(upstream("1.63.0-1"), "1.63.0");
        assert_eq!(upstream("1.98.1~beta"), "1.98.1");
    }
}
