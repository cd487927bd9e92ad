//! Where things are: the clone, its build output, and what xtask keeps between runs.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

/// The clone that xtask was started from.
///
/// Everything that xtask downloads or builds for itself stays below its `target` folder, so removing the clone removes
/// it all.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The workspace that cargo runs xtask for.
    pub(crate) fn find() -> Result<Self> {
        let manifest_directory = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest_directory
            .parent()
            .with_context(|| format!("{} has no parent folder", manifest_directory.display()))?
            .canonicalize()
            .with_context(|| format!("cannot find the workspace above {}", manifest_directory.display()))?;
        Ok(Self { root })
    }

    /// The top of the clone.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Cargo's build output.
    pub(crate) fn build_output(&self) -> PathBuf {
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| self.root.join("target"), |path| self.root.join(path))
    }

    /// A folder of that name for what xtask keeps between runs, made if absent.
    pub(crate) fn cache(&self, name: &str) -> Result<PathBuf> {
        let path = self.root.join("target").join(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(path)
    }
}
