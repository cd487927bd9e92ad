//! The captures of other test suites.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};

/// A file or folder of the corpora: where `PLAINSIGHT_CORPORA` says, else in `shared/corpora` beside the repository.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    env::var_os("PLAINSIGHT_CORPORA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora"), PathBuf::from)
        .join(name)
}

/// The captures in a folder of the corpora, sorted by name.
///
/// # Errors
/// If the folder is not there or holds no capture: nothing to test is no success.
pub fn captures(folder: &str) -> anyhow::Result<Vec<PathBuf>> {
    let folder = path(folder);
    let missing = || {
        format!("the captures of {} are missing; set PLAINSIGHT_CORPORA to where they are", folder.display())
    };
    let entries = fs::read_dir(&folder).with_context(missing)?;
    let paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    let mut captures: Vec<PathBuf> = paths.into_iter().filter(|path| is_capture(path)).collect();
    ensure!(!captures.is_empty(), missing());
    captures.sort();
    Ok(captures)
}

fn is_capture(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "pcap" || extension == "pcapng")
}
