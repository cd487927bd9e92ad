//! One destination at work: takes batches from its queue, sends several at a time, and counts what became of them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::{
    sync::{Notify, watch},
    task::{Id, JoinSet},
    time::{Instant, sleep_until},
};

use super::{
    Amount, DestinationStats, DropReason, RetrySettings, Stream, Tracker, Trouble, answer::Attempt,
    retry::Backoff, transport::Transport,
};
use crate::export::{
    Batch, SignalKind,
    queue::{Entry, Pushed, Queue},
};

/// What both sides know: who submits, and the task that sends.
pub(super) struct Shared {
    pub(super) name: String,
    pub(super) signals: Vec<SignalKind>,
    pub(super) target: String,
    queue: Mutex<Queue>,
    troubles: Mutex<Troubles>,
    wake: Notify,
}

#[derive(Default)]
struct Troubles {
    error: Option<Trouble>,
    warning: Option<Trouble>,
}

/// A time at which the task must have ended, once it is known.
pub(super) type Deadline = Option<Instant>;

impl Shared {
    pub(super) fn new(name: String, signals: Vec<SignalKind>, target: String, queue: Queue) -> Self {
        Self {
            name,
            signals,
            target,
            queue: Mutex::new(queue),
            troubles: Mutex::default(),
            wake: Notify::new(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Counts are changed together with what they count: whoever panicked left both as they were.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn troubles(&self) -> MutexGuard<'_, Troubles> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn submit(
        &self,
        batch: Batch,
        stream: Stream,
        tracker: Option<Arc<Tracker>>,
    ) -> Result<(), DropReason> {
        let pushed = self.queue().push(Entry { batch, stream, tracker });
        // Outside the lock: freeing many payloads takes time.
        match pushed {
            Pushed::Queued(evicted) => {
                drop(evicted);
                self.wake.notify_one();
                Ok(())
            }
            Pushed::Not(entry, reason) => {
                drop(entry);
                Err(reason)
            }
        }
    }

    /// A tracked batch that other destinations have, and this one has no room for.
    pub(super) fn count_dropped(&self, kind: SignalKind, items: u32, reason: DropReason) {
        self.queue().stats_mut(kind).dropped.add(reason, items.into());
    }

    pub(super) fn close(&self) {
        self.queue().close();
        self.wake.notify_one();
    }

    pub(super) fn stats(&self) -> DestinationStats {
        let kinds = self.queue().stats();
        let troubles = self.troubles();
        DestinationStats {
            name: self.name.clone(),
            target: self.target.clone(),
            kinds,
            last_error: troubles.error.clone(),
            last_warning: troubles.warning.clone(),
            disk_error: None,
        }
    }

    fn failed(&self, sentence: String) {
        self.troubles().error = Some(Trouble { sentence, at: SystemTime::now(), over: false });
    }

    fn succeeded(&self, message: Option<String>) {
        let mut troubles = self.troubles();
        if let Some(error) = &mut troubles.error {
            error.over = true;
        }
        if let Some(sentence) = message {
            troubles.warning = Some(Trouble { sentence, at: SystemTime::now(), over: false });
        }
    }
}

/// How the work on one batch ended.
#[derive(Debug)]
enum Outcome {
    Accepted {
        rejected: u64,
    },
    Dropped(DropReason),
    /// Time was up before it was known.
    Interrupted,
}

/// Until when nothing may be sent of each kind, because the receiver asked for peace.
type Gates = Mutex<[Option<Instant>; 3]>;

pub(super) struct Worker {
    shared: Arc<Shared>,
    transport: Arc<Transport>,
    retry: RetrySettings,
    gates: Arc<Gates>,
    deadline: watch::Receiver<Deadline>,
    flights: JoinSet<(Entry, Outcome)>,
    /// What a flight that panicked had on board.
    manifest: HashMap<Id, (SignalKind, Stream, Amount)>,
}

impl Worker {
    pub(super) fn new(
        shared: Arc<Shared>,
        transport: Transport,
        retry: RetrySettings,
        deadline: watch::Receiver<Deadline>,
    ) -> Self {
        let (gates, transport) = (Arc::default(), Arc::new(transport));
        Self { shared, transport, retry, gates, deadline, flights: JoinSet::new(), manifest: HashMap::new() }
    }

    /// Until everything is sent after [`Shared::close`], or until the deadline.
    pub(super) async fn run(mut self) {
        let mut closing = self.deadline.clone();
        loop {
            self.start();
            let deadline = *self.deadline.borrow();
            let is_over = deadline.is_some_and(|deadline| deadline <= Instant::now());
            if deadline.is_some() && (is_over || self.shared.queue().is_idle()) {
                break;
            }
            tokio::select! {
                Some(landed) = self.flights.join_next_with_id() => self.landed(landed),
                () = self.shared.wake.notified() => {}
                Ok(()) = closing.changed() => {}
                () = until(deadline) => {}
            }
        }
        self.stop().await;
    }

    fn start(&mut self) {
        loop {
            let next = self.shared.queue().next();
            let Some(entry) = next else { return };
            let cargo = (entry.batch.kind, entry.stream, entry.amount());
            let flight = Flight {
                shared: Arc::clone(&self.shared),
                transport: Arc::clone(&self.transport),
                gates: Arc::clone(&self.gates),
                retry: self.retry,
                deadline: self.deadline.clone(),
            };
            let handle = self.flights.spawn(async move {
                let outcome = flight.deliver(&entry.batch).await;
                (entry, outcome)
            });
            self.manifest.insert(handle.id(), cargo);
        }
    }

    fn landed(&mut self, landed: Result<(Id, (Entry, Outcome)), tokio::task::JoinError>) {
        match landed {
            Ok((id, (entry, outcome))) => {
                self.manifest.remove(&id);
                self.settle(entry, &outcome);
            }
            // A panic is a mistake of ours; it costs the batch, not the exporter.
            Err(error) => {
                if let Some((kind, stream, amount)) = self.manifest.remove(&error.id()) {
                    let mut queue = self.shared.queue();
                    queue.landed(kind, stream, amount);
                    queue.stats_mut(kind).dropped.add(DropReason::Refused, amount.items);
                    drop(queue);
                    self.shared.failed(format!(
                        "a batch was lost by a mistake in plainsight: {error}. Please report it"
                    ));
                }
            }
        }
    }

    fn settle(&self, entry: Entry, outcome: &Outcome) {
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
            }
            Outcome::Dropped(reason) => stats.dropped.add(reason, amount.items),
            Outcome::Interrupted => stats.dropped.add(DropReason::Stopped, amount.items),
        }
        drop(queue);
        if let Some(tracker) = &entry.tracker {
            match *outcome {
                Outcome::Accepted { rejected } => tracker.acknowledged(rejected.min(amount.items)),
                Outcome::Dropped(reason) => tracker.dropped(reason),
                Outcome::Interrupted => tracker.dropped(DropReason::Stopped),
            }
        }
    }

    /// What is left has no more time.
    async fn stop(&mut self) {
        // Every flight sees the deadline and lands at once.
        while let Some(landed) = self.flights.join_next_with_id().await {
            self.landed(landed);
        }
        let rest = {
            let mut queue = self.shared.queue();
            let rest = queue.drain();
            for entry in &rest {
                queue.count_dropped(entry, DropReason::Stopped);
            }
            rest
        };
        for entry in &rest {
            if let Some(tracker) = &entry.tracker {
                tracker.dropped(DropReason::Stopped);
            }
        }
    }
}

/// The work on one batch.
struct Flight {
    shared: Arc<Shared>,
    transport: Arc<Transport>,
    gates: Arc<Gates>,
    retry: RetrySettings,
    deadline: watch::Receiver<Deadline>,
}

impl Flight {
    async fn deliver(mut self, batch: &Batch) -> Outcome {
        let deadline = self.deadline.clone();
        tokio::select! {
            outcome = self.attempts(batch) => outcome,
            () = passed(deadline) => Outcome::Interrupted,
        }
    }

    async fn attempts(&mut self, batch: &Batch) -> Outcome {
        let prepared = match self.transport.prepare(batch).await {
            Ok(prepared) => prepared,
            Err(sentence) => {
                self.shared.failed(sentence);
                return Outcome::Dropped(DropReason::Refused);
            }
        };
        let mut backoff = Backoff::new(self.retry);
        let mut failing_since = None;
        loop {
            self.peace(batch.kind).await;
            match self.transport.send(batch, &prepared).await {
                Attempt::Accepted { rejected, message } => {
                    self.shared.succeeded(message);
                    return Outcome::Accepted { rejected };
                }
                Attempt::Refused(sentence) => {
                    self.shared.failed(sentence);
                    return Outcome::Dropped(DropReason::Refused);
                }
                Attempt::Later { sentence, after } => {
                    self.shared.failed(sentence);
                    let now = Instant::now();
                    let wait = backoff.wait(after);
                    let failing_for = now.duration_since(*failing_since.get_or_insert(now));
                    if failing_for + wait > self.retry.give_up_after {
                        return Outcome::Dropped(DropReason::GaveUp);
                    }
                    if after.is_some() {
                        self.ask_for_peace(batch.kind, now + wait);
                    }
                    tokio::time::sleep(wait).await;
                    self.shared.queue().stats_mut(batch.kind).retries += 1;
                }
            }
        }
    }

    /// Waits for as long as the receiver asked, be it for this batch or another of its kind.
    async fn peace(&self, kind: SignalKind) {
        loop {
            let until = self.gates.lock().unwrap_or_else(PoisonError::into_inner)[kind as usize];
            match until {
                Some(until) if until > Instant::now() => sleep_until(until).await,
                _ => return,
            }
        }
    }

    fn ask_for_peace(&self, kind: SignalKind, until: Instant) {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = &mut gates[kind as usize];
        *gate = (*gate).max(Some(until));
    }
}

async fn until(deadline: Deadline) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Waits until there is a deadline, and then for it.
async fn passed(mut deadline: watch::Receiver<Deadline>) {
    loop {
        let known = *deadline.borrow_and_update();
        tokio::select! {
            () = until(known) => return,
            changed = deadline.changed() => if changed.is_err() {
                // The exporter has gone without a word: there is nobody to wait for.
                return;
            },
        }
    }
}

/// How long the task may take beyond the deadline, to count and to write to disk.
pub(super) const GRACE: Duration = Duration::from_secs(5);
