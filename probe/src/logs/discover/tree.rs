//! File systems that patterns can be looked for in.

use std::{
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
};

/// A file system by absolute paths of its own.
pub trait Tree {
    /// Names in a folder, each with whether it is itself a folder and no link to one.
    ///
    /// # Errors
    /// If it cannot be listed.
    fn list(&self, folder: &Path) -> io::Result<Vec<(PathBuf, bool)>>;

    /// Whether there is a folder, or a link to one.
    fn is_folder(&self, path: &Path) -> bool;

    /// What the system says of what is there; links are followed.
    ///
    /// # Errors
    /// If nothing is there, or it cannot be looked at.
    fn metadata(&self, path: &Path) -> io::Result<Metadata>;
}

/// The one that this process sees.
pub(super) struct Host;

impl Tree for Host {
    fn list(&self, folder: &Path) -> io::Result<Vec<(PathBuf, bool)>> {
        let names = fs::read_dir(folder)?.map(|entry| {
            let entry = entry?;
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            Ok((PathBuf::from(entry.file_name()), is_folder))
        });
        names.collect()
    }

    fn is_folder(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        fs::metadata(path)
    }
}
