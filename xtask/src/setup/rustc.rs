//! The compiler in use.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use crate::{command, workspace::Workspace};

/// What `rustc` says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rustc {
    /// Its version, such as `1.95.0`.
    pub(crate) release: String,
    /// The major version of the LLVM it is built with.
    pub(crate) llvm_major: u32,
    /// The target it compiles for unless told otherwise.
    pub(crate) host: String,
    /// Where the toolchain lives.
    pub(crate) sysroot: PathBuf,
}

impl Rustc {
    /// Asks the compiler that cargo uses in this workspace.
    pub(crate) fn ask(workspace: &Workspace) -> Result<Self> {
        let ask = |arguments: &[&str]| {
            command::output(Command::new("rustc").args(arguments).current_dir(workspace.root()))
        };
        let sysroot = ask(&["--print", "sysroot"])?;
        Self::parse(&ask(&["--version", "--verbose"])?, sysroot.into())
    }

    fn parse(printed: &str, sysroot: PathBuf) -> Result<Self> {
        let field = |name: &str| {
            printed
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .map(str::trim)
                .with_context(|| format!("`rustc --version --verbose` has no line `{name}`"))
        };
        let llvm = field("LLVM version:")?;
        let llvm_major = llvm.split('.').next().and_then(|major| major.parse().ok());
        Ok(Self {
            release: field("release:")?.to_owned(),
            llvm_major: llvm_major.with_context(|| format!("LLVM version `{llvm}` is not understood"))?,
            host: field("host:")?.to_owned(),
            sysroot,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_the_compiler_prints() {
        let printed = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\n\
                       release: 1.95.0\nLLVM version: 22.1.2\n";
        let rustc = Rustc::parse(printed, "/toolchain".into()).expect("complete");
        assert_eq!(rustc.release, "1.95.0");
        assert_eq!(rustc.llvm_major, 22);
        assert_eq!(rustc.host, "x86_64-unknown-linux-gnu");
    }

    #[test]
    fn a_missing_line_is_named() {
        let error = Rustc::parse("release: 1.95.0\n", "/toolchain".into()).expect_err("no LLVM version");
        assert!(error.to_string().contains("LLVM version:"), "{error}");
    }
}
