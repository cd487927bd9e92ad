//! Carries questions to the runtimes, several at a time and none for long.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, mpsc},
    time::{MissedTickBehavior, interval},
};

use super::{Described, Runtime, Silent};
use crate::identity::cache::Shared;

/// A question that has had no answer by then is asked again: all runtimes have been waited for.
pub(super) const GIVEN_UP: Duration = Duration::from_secs(30);

/// Questions under way at once.
const AT_ONCE: usize = 8;

/// How often the addresses of containers are asked for.
const ADDRESSES_EVERY: Duration = Duration::from_secs(15);

/// Asks runtimes for containers.
pub(in crate::identity) struct Asker {
    shared: Arc<Shared>,
    runtimes: Arc<[Runtime]>,
}

impl Asker {
    /// Must be called within the runtime of the thread that asks.
    pub(in crate::identity) fn new(shared: Arc<Shared>) -> Self {
        let settings = &shared.settings;
        let runtimes =
            settings.runtimes.iter().map(|socket| Runtime::new(socket, &settings.host_root)).collect();
        Self { shared, runtimes }
    }

    /// Asks until nobody has questions any more.
    pub(in crate::identity) async fn run(self, mut questions: mpsc::Receiver<Box<str>>) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut addresses = interval(ADDRESSES_EVERY);
        addresses.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                question = questions.recv() => {
                    let Some(id) = question else { return };
                    let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                    let (shared, runtimes) = (Arc::clone(&self.shared), Arc::clone(&self.runtimes));
                    tokio::spawn(async move {
                        let answer = ask(&runtimes, &id).await;
                        if let Ok(Some(Described { pod: Some(pod), .. })) = &answer
                            && let (Some(address), Some(peer)) = (pod.address, pod.peer())
                        {
                            shared.peers.add_container(address, Arc::new(peer));
                        }
                        shared.metadata.containers.answered(&id, answer);
                        drop(place);
                    });
                }
                _ = addresses.tick() => {
                    let (shared, runtimes) = (Arc::clone(&self.shared), Arc::clone(&self.runtimes));
                    tokio::spawn(async move { learn_addresses(&shared, &runtimes).await });
                }
            }
        }
    }
}

/// Asks one runtime after another until one knows the container.
async fn ask(runtimes: &[Runtime], id: &str) -> Result<Option<Described>, Silent> {
    let mut answer = Ok(None);
    for runtime in runtimes.iter().filter(|runtime| runtime.is_there()) {
        match runtime.describe(id).await {
            Ok(Some(described)) => return Ok(Some(described)),
            Ok(None) => {}
            Err(Silent) => answer = Err(Silent),
        }
    }
    answer
}

/// Asks for the addresses of all containers that run. Those of a runtime that does not answer are kept until it does.
async fn learn_addresses(shared: &Shared, runtimes: &[Runtime]) {
    let mut all = Vec::new();
    for runtime in runtimes.iter().filter(|runtime| runtime.is_there()) {
        match runtime.addresses().await {
            Ok(addresses) => all.extend(addresses),
            Err(Silent) => return,
        }
    }
    shared.peers.set_containers(all);
}
