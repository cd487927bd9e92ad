//! One runtime, whichever interface it speaks, and never waited for long.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::Notify, time::timeout};

use super::{
    Described, RuntimeKind, RuntimeSocket,
    cri::Cri,
    docker::Docker,
    files::{Inspected, ListedContainer},
};
use crate::identity::Peer;

/// Longest time that a runtime may take for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A runtime that is not there, or does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silent;

/// A runtime that may be there.
pub struct Runtime {
    path: PathBuf,
    client: Client,
}

enum Client {
    Cri(Cri),
    Docker(Docker),
}

/// What the client answers to a method that both kinds have.
macro_rules! answer {
    ($runtime:ident.$method:ident($($argument:expr),*)) => {{
        let answer = async {
            match &$runtime.client {
                Client::Cri(client) => client.$method($($argument),*).await,
                Client::Docker(client) => client.$method($($argument),*).await,
            }
        };
        timeout(ANSWER_WITHIN, answer).await.map_err(|_| Silent)?
    }};
}

impl Runtime {
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

    /// A container with the pod that it is in; nothing if it is not known.
    pub(super) async fn describe(&self, id: &str) -> Result<Option<Described>, Silent> {
        answer!(self.describe(id))
    }

    /// The addresses of all containers that run.
    pub(super) async fn addresses(&self) -> Result<Vec<(IpAddr, Arc<Peer>)>, Silent> {
        answer!(self.addresses())
    }

    /// All containers, those that have ended included.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn list(&self) -> Result<Vec<ListedContainer>, Silent> {
        answer!(self.list_containers())
    }

    /// A container with its files; nothing if it is gone.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn inspect(&self, id: &str) -> Result<Option<Inspected>, Silent> {
        answer!(self.inspect(id))
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
