//! Whose records those of a file are, and how the file is opened.

use std::{
    fs::{self, File},
    io,
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::view::Layer;
use crate::{
    identity::Resource,
    logs::{files::open, records::Plan},
};

/// What all records of a file have in common, and how it is opened.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Whose they are.
    pub resource: Arc<Resource>,
    /// How they are made.
    pub plan: Arc<Plan>,
    /// The path in the container, of a file that lies within one.
    pub within: Option<PathBuf>,
    pub(super) access: Access,
}

/// How a file is opened: strangers make names in containers, and links among them.
#[derive(Debug, Clone)]
pub(super) enum Access {
    /// By its path: only the host's administrator makes such.
    Host,
    /// By its path, if that leads to one of these folders.
    Output(Arc<[PathBuf]>),
    /// Below a folder of a container, following no link.
    Within(Layer, PathBuf),
}

impl Origin {
    /// Of a file of the host.
    #[must_use]
    pub fn of_host(resource: Arc<Resource>, plan: Arc<Plan>) -> Self {
        Self { resource, plan, within: None, access: Access::Host }
    }

    /// Opens a file of this origin.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(&self, path: &Path) -> io::Result<File> {
        match &self.access {
            Access::Host => open(path),
            Access::Within(layer, rest) => layer.open_file(rest),
            Access::Output(folders) => {
                let file = open(path)?;
                // Asked of what is open, for the path may lead elsewhere by now.
                let real = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
                if folders.iter().any(|folder| real.starts_with(folder)) {
                    return Ok(file);
                }
                let said = format!(
                    "it leads to {}, where no runtime writes the output of containers",
                    real.display()
                );
                Err(io::Error::new(io::ErrorKind::PermissionDenied, said))
            }
        }
    }
}
