//! Which containers there are and where their files lie on the host, for log files.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};

use super::{RuntimeKind, RuntimeSocket, cri::Cri, docker::Docker};
use crate::identity::{Container, Pod};

/// Longest time that a runtime may take for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A runtime that is not there, or does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silent;

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

/// A runtime that may be there, asked for containers and their files.
pub struct RuntimeFiles {
    path: PathBuf,
    client: Client,
}

enum Client {
    Cri(Cri),
    Docker(Docker),
}

impl RuntimeFiles {
    /// Must be called within the asynchronous runtime that will use it.
    #[must_use]
    pub fn new(socket: &RuntimeSocket, host_root: &Path) -> Self {
        let path = socket.below(host_root);
        let client = match socket.kind {
            RuntimeKind::Cri => Client::Cri(Cri::new(&path)),
            RuntimeKind::Docker => Client::Docker(Docker::new(&path)),
        };
        Self { path, client }
    }

    /// Its socket.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether its socket exists.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.path.exists()
    }

    /// All containers, those that have ended included.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn list(&self) -> Result<Vec<ListedContainer>, Silent> {
        let answer = async {
            match &self.client {
                Client::Cri(client) => client.list_containers().await,
                Client::Docker(client) => client.list_containers().await,
            }
        };
        timeout(ANSWER_WITHIN, answer).await.map_err(|_| Silent)?
    }

    /// A container with its files; nothing if it is gone.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn inspect(&self, id: &str) -> Result<Option<Inspected>, Silent> {
        let answer = async {
            match &self.client {
                Client::Cri(client) => client.inspect(id).await,
                Client::Docker(client) => client.inspect(id).await,
            }
        };
        timeout(ANSWER_WITHIN, answer).await.map_err(|_| Silent)?
    }

    /// Notifies `heard` whenever containers come and go, until the runtime ends. Gives whether it can do that at all.
    pub async fn hear(&self, heard: &Notify) -> bool {
        match &self.client {
            Client::Cri(client) => client.hear(heard).await,
            // Its list is asked for often enough.
            Client::Docker(_) => false,
        }
    }
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
