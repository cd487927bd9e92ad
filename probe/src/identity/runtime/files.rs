//! What runtimes tell of containers and of where their files lie on the host, for log files.

use std::{path::PathBuf, sync::Arc};

use crate::identity::{Container, Pod};

/// What a container is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerPhase {
    /// It was made and has not started.
    Created,
    /// It runs.
    Running,
    /// It has ended.
    Ended,
}

impl ContainerPhase {
    /// In a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Ended => "ended",
        }
    }
}

/// A container in a runtime's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedContainer {
    /// Its id.
    pub id: Box<str>,
    /// What it is doing.
    pub phase: ContainerPhase,
}

/// What a runtime tells of a container and its files. Paths are the host's.
#[derive(Debug, Clone, Default)]
pub struct Inspected {
    /// The container.
    pub container: Arc<Container>,
    /// The pod it is in.
    pub pod: Option<Arc<Pod>>,
    /// The file that its output goes to.
    pub log_path: Option<PathBuf>,
    /// The first of its processes while it runs, in the host's numbers.
    pub pid: Option<u32>,
    /// Its environment as it was started; absent where the runtime does not tell.
    pub environment: Option<Vec<(Box<str>, Box<str>)>>,
    /// Folders that its root is made of, the one that it writes to first; empty where the runtime does not tell.
    pub layers: Vec<PathBuf>,
    /// What is mounted in it: where, and the folder or file of the host.
    pub mounts: Vec<(PathBuf, PathBuf)>,
}

/// `NAME=VALUE`, as runtimes list environments.
pub(super) fn variables(list: Vec<String>) -> Vec<(Box<str>, Box<str>)> {
    /// Most variables that are kept of one container, and the longest value.
    const MOST: usize = 1000;
    const VALUE_BYTES: usize = 4096;
    let pair = |text: String| {
        let (name, value) = text.split_once('=')?;
        (value.len() <= VALUE_BYTES).then(|| (name.into(), value.into()))
    };
    list.into_iter().filter_map(pair).take(MOST).collect()
}

/// Folders of an overlay by the options that it was mounted with. Those that are relative are of no use here.
pub(crate) fn overlay_layers<'o>(options: impl Iterator<Item = &'o str>) -> Vec<PathBuf> {
    let (mut upper, mut lower) = (None, Vec::new());
    for option in options {
        if let Some(path) = option.strip_prefix("upperdir=") {
            upper = Some(PathBuf::from(path));
        } else if let Some(paths) = option.strip_prefix("lowerdir=") {
            lower.extend(paths.split(':').filter(|path| !path.is_empty()).map(PathBuf::from));
        } else if let Some(path) = option.strip_prefix("lowerdir+=") {
            lower.push(PathBuf::from(path));
        }
    }
    // Without the folder that is written to, the others have nothing that is a log.
    let Some(upper) = upper.filter(|path| path.is_absolute()) else { return Vec::new() };
    std::iter::once(upper).chain(lower.into_iter().filter(|path| path.is_absolute())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overlay_is_written_to_in_its_upper_folder_whatever_the_order_of_its_options() {
        let layers = |options: &str| overlay_layers(options.split(','));
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(
            layers("rw,lowerdir=/a/2:/a/1:l/X,upperdir=/a/3,workdir=/w"),
            paths(&["/a/3", "/a/2", "/a/1"])
        );
        assert_eq!(layers("upperdir=/u,lowerdir+=/l1,lowerdir+=/l2"), paths(&["/u", "/l1", "/l2"]));
        assert_eq!(layers("lowerdir=/a:/b"), paths(&[]));
        assert_eq!(layers("upperdir=relative,lowerdir=/a"), paths(&[]));
    }
}
