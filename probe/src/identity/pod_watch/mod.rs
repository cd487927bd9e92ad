//! The pods of this node, from the Kubernetes API: one list and one watch with `spec.nodeName`, so that neither the API
//! server nor this program has to do with the pods of other nodes.
//!
//! Only metadata of what owns pods is asked for besides (a ReplicaSet's Deployment, a Job's CronJob), once each. All of it
//! happens on a thread of its own; answers come from memory.

mod object;
mod owners;
mod table;
#[cfg(test)]
mod tests;
mod watch;

use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use kube::Client;
use thiserror::Error;
use tokio::sync::oneshot;

use super::{Peer, Pod, PodSource};
use table::PodTable;

/// How long the API server may take to answer a question.
const PATIENCE: Duration = Duration::from_secs(30);

/// How it stands with the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchState {
    /// No answer yet.
    Starting,
    /// The list was read, and changes come as they happen.
    Watching,
    /// It cannot be reached, or refuses; tried again and again. What was known stays known.
    Unreachable(String),
}

/// Why pods cannot be watched.
#[derive(Debug, Error)]
pub enum PodWatchError {
    /// The access to the API server is not described as it should be.
    #[error(
        "no access to the Kubernetes API: {0}; run in a pod with a service account, or name a kubeconfig"
    )]
    Access(String),
    /// No thread could be had.
    #[error("cannot start a thread for the Kubernetes API: {0}; raise the limit of processes")]
    Thread(#[from] std::io::Error),
}

/// A running watch of the pods of one node. Ends when it is dropped.
pub struct PodWatch {
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    node: String,
    table: PodTable,
    state: Mutex<WatchState>,
}

impl PodWatch {
    /// Watches the pods of `node` with the access that a pod is given, or that a kubeconfig describes
    /// (`KUBECONFIG`). Returns at once: the API server is asked by a thread.
    ///
    /// # Errors
    /// If there is no such access, or no thread.
    pub fn start(node: &str) -> Result<Self, PodWatchError> {
        Self::start_with(node, || async {
            let mut config = kube::Config::infer().await.map_err(|error| error.to_string())?;
            config.connect_timeout = Some(PATIENCE);
            Client::try_from(config).map_err(|error| error.to_string())
        })
    }

    pub(super) fn start_with<F>(
        node: &str,
        client: impl FnOnce() -> F + Send + 'static,
    ) -> Result<Self, PodWatchError>
    where
        F: Future<Output = Result<Client, String>>,
    {
        let shared = Arc::new(Shared {
            node: node.to_owned(),
            table: PodTable::default(),
            state: Mutex::new(WatchState::Starting),
        });
        let (stop, stopped) = oneshot::channel();
        let watching = Arc::clone(&shared);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("kubernetes".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = watch::run(&watching, client) => {}
                    // Whether it was told to stop or its owner has gone makes no difference.
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { shared, stop: Some(stop), thread: Some(thread) })
    }

    /// How it stands with the API server.
    #[must_use]
    pub fn state(&self) -> WatchState {
        self.shared.state()
    }

    /// What answers questions.
    #[must_use]
    pub fn source(&self) -> Arc<dyn PodSource> {
        Arc::clone(&self.shared) as Arc<dyn PodSource>
    }

    /// Pods of this node that there was no room for.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.shared.table.refused()
    }
}

impl Drop for PodWatch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic has been printed by the thread itself.
            drop(thread.join());
        }
    }
}

impl fmt::Debug for PodWatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PodWatch")
            .field("node", &self.shared.node)
            .field("state", &self.state())
            .finish()
    }
}

impl Shared {
    fn state(&self) -> WatchState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_state(&self, state: WatchState) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

impl PodSource for Shared {
    fn pod(&self, uid: &str) -> Option<Arc<Pod>> {
        self.table.pod(uid)
    }

    fn peer(&self, address: IpAddr) -> Option<Arc<Peer>> {
        self.table.peer(address)
    }

    fn generation(&self) -> u64 {
        self.table.generation()
    }

    fn may_learn(&self) -> bool {
        !matches!(self.state(), WatchState::Unreachable(_))
    }
}
