//! What a build of the kernel programs needs beyond stable Rust.

mod bpf_linker;
mod library_sources;
mod rustc;

use std::path::PathBuf;

use anyhow::Result;
pub(crate) use rustc::Rustc;

use crate::{
    apt::{Need, install_missing},
    workspace::Workspace,
};

/// Options of the set-up.
#[derive(Debug, Default, Clone, clap::Args)]
pub(crate) struct Options {
    /// Where the standard library's sources go; cargo looks for them in the toolchain only
    #[arg(long, env = "PLAINSIGHT_LIBRARY_SOURCES", value_name = "DIR", hide = true)]
    library_sources: Option<PathBuf>,
}

/// Installs what is missing. Does nothing, quickly, when all is there.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let rustc = Rustc::ask(workspace)?;
    // Crates in the tree compile C, and rustc links with the C compiler.
    install_missing(&[Need::program("cc", "gcc"), Need::program("make", "make")])?;
    library_sources::install(workspace, &rustc, options.library_sources.as_deref())?;
    bpf_linker::install(workspace, &rustc)
}
