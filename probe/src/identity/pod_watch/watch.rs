//! The list and the watch, again and again.

use std::{
    pin::pin,
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt, StreamExt,
    future::{Fuse, FusedFuture},
};
use hashbrown::HashSet;
use kube::{
    Api, Client,
    runtime::{
        WatchStreamExt,
        watcher::{self, Config, Event, watcher},
    },
};

use crate::causes::with_causes;

use super::{
    Shared, WatchState,
    object::PodObject,
    owners::{self, Owners},
};

/// Pods asked for at a time: bounds what one answer takes in memory.
const PAGE: u32 = 250;

/// Pause between looks at what has gone, and before a question that failed is asked again.
const PACE: Duration = Duration::from_secs(5);

/// Longest sentence of an error that is kept: it may quote what a stranger sent.
const SENTENCE_BYTES: usize = 300;

/// Watches until it is dropped.
pub(super) async fn run<F>(shared: &Shared, client: impl FnOnce() -> F)
where
    F: Future<Output = Result<Client, String>>,
{
    match client().await {
        Ok(client) => Watch::new(shared, client).run().await,
        Err(error) => shared.set_state(unreachable(&error)),
    }
}

struct Watch<'a> {
    shared: &'a Shared,
    client: Client,
    owners: Owners,
    /// Pods of a list that has not ended.
    listed: HashSet<Box<str>>,
    /// A question failed: the next is asked after a pause.
    pauses: bool,
}

impl<'a> Watch<'a> {
    fn new(shared: &'a Shared, client: Client) -> Self {
        Self { shared, client, owners: Owners::default(), listed: HashSet::new(), pauses: false }
    }

    async fn run(mut self) {
        let pods: Api<PodObject> = Api::all(self.client.clone());
        let of_node =
            Config::default().fields(&format!("spec.nodeName={}", self.shared.node)).page_size(PAGE);
        let from_the_list = || watcher(pods.clone(), of_node.clone()).default_backoff();
        let mut events = pin!(from_the_list());
        let mut pace = tokio::time::interval(PACE);
        let mut asking = pin!(Fuse::terminated());
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Ok(event)) => self.take(event),
                    // The watcher lists anew when a watch breaks off for this reason, and tries the same version for
                    // ever when it cannot begin for it.
                    Some(Err(error)) if is_version_gone(&error) => events.set(from_the_list()),
                    Some(Err(error)) => self.shared.set_state(unreachable(&with_causes(&error))),
                    // Does not happen: the watcher never ends.
                    None => return,
                },
                (question, answer) = &mut asking => self.answered(&question, answer),
                _ = pace.tick() => {
                    self.shared.table.expire(Instant::now());
                    self.pauses = false;
                }
            }
            if asking.is_terminated()
                && !self.pauses
                && let Some(question) = self.owners.next()
            {
                asking.set(owners::ask(self.client.clone(), question).fuse());
            }
        }
    }

    fn take(&mut self, event: Event<PodObject>) {
        let table = &self.shared.table;
        let now = Instant::now();
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(object) => {
                self.listed.extend(object.uid().map(Into::into));
                self.apply(&object, now);
            }
            Event::InitDone => {
                table.retain(&std::mem::take(&mut self.listed), now);
                self.shared.set_state(WatchState::Watching);
            }
            Event::Apply(object) => {
                self.apply(&object, now);
                // A watch that goes on after an error is a watch.
                self.shared.set_state(WatchState::Watching);
            }
            Event::Delete(object) => {
                if let Some(uid) = object.uid() {
                    table.remove(uid, now);
                }
            }
        }
    }

    fn apply(&mut self, object: &PodObject, now: Instant) {
        let Some(mut pod) = object.to_pod() else { return };
        let known = self.owners.of(&pod);
        pod.owners.extend(known);
        self.shared.table.apply(pod, now);
    }

    fn answered(
        &mut self,
        question: &owners::Question,
        answer: Result<Option<super::super::Owner>, kube::Error>,
    ) {
        self.pauses = answer.is_err();
        let (pods, owner) = self.owners.answer(question, answer);
        let Some(owner) = owner else { return };
        for uid in pods {
            self.shared.table.add_owner(&uid, owner.clone());
        }
    }
}

/// Whether a watch cannot begin because what happened since its version has been forgotten.
fn is_version_gone(error: &watcher::Error) -> bool {
    matches!(error, watcher::Error::WatchStartFailed(kube::Error::Api(status)) if status.code == 410)
}

fn unreachable(error: &str) -> WatchState {
    WatchState::Unreachable(error[..error.floor_char_boundary(SENTENCE_BYTES)].to_owned())
}
