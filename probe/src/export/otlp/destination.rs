//! One destination at work: takes batches from its queue, sends several at a time, and counts what became of them.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tokio::{
    sync::watch,
    task::{Id, JoinError, JoinSet},
    time::{Instant, sleep_until},
};

use super::{
    Amount, DropReason, RetrySettings, Stream,
    flight::{Flight, Gates},
    shared::Shared,
    spill::Spill,
    transport::Transport,
};
use crate::export::{
    Batch,
    queue::{Entry, Place},
};

/// A time at which the task must have ended, once it is known.
pub(super) type Deadline = Option<Instant>;

/// How the work on one batch ended.
#[derive(Debug)]
pub(super) enum Outcome {
    Accepted {
        rejected: u64,
    },
    Dropped(DropReason),
    /// Time was up before it was known.
    Interrupted,
}

/// A batch that is being sent.
pub(super) struct Aboard {
    pub(super) batch: Batch,
    pub(super) stream: Stream,
    pub(super) is_tracked: bool,
    /// Where it is on disk as well.
    pub(super) place: Option<Place>,
}

pub(super) struct Worker {
    shared: Arc<Shared>,
    transport: Arc<Transport>,
    retry: RetrySettings,
    gates: Arc<Gates>,
    deadline: watch::Receiver<Deadline>,
    /// Ends the flights.
    halt: watch::Sender<bool>,
    flights: JoinSet<(Entry, Outcome)>,
    manifest: HashMap<Id, Aboard>,
    spill: Option<Spill>,
    /// What flights that had to end brought back.
    interrupted: Vec<Entry>,
}

impl Worker {
    pub(super) fn new(
        shared: Arc<Shared>,
        transport: Transport,
        retry: RetrySettings,
        deadline: watch::Receiver<Deadline>,
        spill: Option<Spill>,
    ) -> Self {
        let (gates, transport, flights) = (Arc::default(), Arc::new(transport), JoinSet::new());
        let (manifest, interrupted, halt) = (HashMap::new(), Vec::new(), watch::Sender::new(false));
        Self { shared, transport, retry, gates, deadline, halt, flights, manifest, spill, interrupted }
    }

    /// Until everything is sent after [`Shared::close`], or until the deadline.
    pub(super) async fn run(mut self) {
        let mut closing = self.deadline.clone();
        loop {
            self.start();
            let deadline = *self.deadline.borrow();
            if self.is_over(deadline) {
                break;
            }
            let tick = match &mut self.spill {
                Some(spill) => {
                    spill.start(&self.manifest, deadline.is_some());
                    self.shared.queue().is_failing()
                }
                None => false,
            };
            tokio::select! {
                Some(landed) = self.flights.join_next_with_id() => self.landed(landed),
                Some(()) = finish(&mut self.spill, &mut self.manifest) => {}
                () = self.shared.wake.notified() => {}
                Ok(()) = closing.changed() => {}
                () = until(deadline) => {}
                () = tokio::time::sleep(TICK), if tick => {}
            }
        }
        self.stop().await;
    }

    fn is_over(&self, deadline: Deadline) -> bool {
        let Some(deadline) = deadline else { return false };
        let queue = self.shared.queue();
        // What is on disk can stay there, and what fails is safe there: waiting would gain nothing.
        let is_safe = self.spill.as_ref().is_some_and(Spill::works) && queue.is_hopeless();
        deadline <= Instant::now() || queue.is_idle() || is_safe
    }

    fn start(&mut self) {
        loop {
            let next = self.shared.queue().next();
            let Some(entry) = next else { return };
            let aboard = Aboard {
                batch: entry.batch.clone(),
                stream: entry.stream,
                is_tracked: entry.tracker.is_some(),
                place: entry.place,
            };
            let flight = Flight {
                shared: Arc::clone(&self.shared),
                transport: Arc::clone(&self.transport),
                gates: Arc::clone(&self.gates),
                retry: self.retry,
            };
            let mut halt = self.halt.subscribe();
            let handle = self.flights.spawn(async move {
                let outcome = tokio::select! {
                    outcome = flight.deliver(&entry.batch) => outcome,
                    _ = halt.wait_for(|halt| *halt) => Outcome::Interrupted,
                };
                (entry, outcome)
            });
            self.manifest.insert(handle.id(), aboard);
        }
    }

    fn landed(&mut self, landed: Result<(Id, (Entry, Outcome)), JoinError>) {
        match landed {
            Ok((id, (mut entry, outcome))) => {
                // It may have been written to disk while it was in flight.
                if let Some(aboard) = self.manifest.remove(&id) {
                    entry.place = aboard.place;
                }
                self.settle(entry, &outcome);
            }
            // A panic is a mistake of ours; it costs the batch, not the exporter.
            Err(error) => {
                let Some(aboard) = self.manifest.remove(&error.id()) else { return };
                let (batch, stream) = (aboard.batch, aboard.stream);
                self.settle(
                    Entry { batch, stream, tracker: None, place: aboard.place },
                    &Outcome::Dropped(DropReason::Refused),
                );
                let sentence =
                    format!("a batch was lost by a mistake in plainsight: {error}. Please report it");
                self.shared.troubled(sentence);
            }
        }
    }

    fn settle(&mut self, entry: Entry, outcome: &Outcome) {
        let (kind, amount) = (entry.batch.kind, entry.amount());
        let mut queue = self.shared.queue();
        queue.landed(kind, entry.stream, amount);
        let stats = queue.stats_mut(kind);
        match *outcome {
            Outcome::Accepted { rejected } => {
                // A receiver that rejects more than it was sent cannot count.
                let rejected = rejected.min(amount.items);
                stats.sent.add(Amount { items: amount.items - rejected, ..amount });
                stats.rejected_items += rejected;
                if let Some(tracker) = &entry.tracker {
                    tracker.acknowledged(rejected);
                }
            }
            Outcome::Dropped(reason) => {
                stats.dropped.add(reason, amount.items);
                if let Some(tracker) = &entry.tracker {
                    tracker.dropped(reason);
                }
            }
            Outcome::Interrupted => {
                drop(queue);
                self.interrupted.push(entry);
                return;
            }
        }
        // Before the entry goes, and its tracker with it, which may call for more.
        drop(queue);
        if let (Some(spill), Some(place)) = (&mut self.spill, entry.place) {
            spill.done(kind, place);
        }
    }

    /// What is left has no more time.
    async fn stop(&mut self) {
        // Before the flights: what it wrote of them must be known when they land.
        if let Some(spill) = &mut self.spill {
            spill.finish(&mut self.manifest).await;
        }
        self.halt.send_replace(true);
        while let Some(landed) = self.flights.join_next_with_id().await {
            self.landed(landed);
        }
        let rest = self.shared.queue().drain();
        let mut lost = Vec::new();
        let mut kept: Vec<Entry> = Vec::new();
        for entry in std::mem::take(&mut self.interrupted) {
            if entry.tracker.is_some() { &mut lost } else { &mut kept }.push(entry);
        }
        match &mut self.spill {
            Some(spill) => lost.extend(spill.keep(kept, rest).await),
            None => {
                lost.extend(kept);
                lost.extend(rest.into_iter().flat_map(|rest| rest.waiting.into_iter().chain(rest.tracked)));
            }
        }
        for entry in &lost {
            self.shared.queue().count_dropped(entry, DropReason::Stopped);
            if let Some(tracker) = &entry.tracker {
                tracker.dropped(DropReason::Stopped);
            }
        }
    }
}

/// How often a failing destination is looked at, for what should go to disk.
const TICK: Duration = Duration::from_millis(250);

async fn finish(spill: &mut Option<Spill>, manifest: &mut HashMap<Id, Aboard>) -> Option<()> {
    spill.as_mut()?.finish(manifest).await
}

async fn until(deadline: Deadline) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// How long the task may take beyond the deadline, to count and to write to disk.
pub(super) const GRACE: Duration = Duration::from_secs(5);
