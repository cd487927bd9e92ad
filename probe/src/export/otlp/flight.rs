//! The work on one batch: attempts, and the waits between them.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::{Instant, sleep_until};

use super::{
    DropReason, RetrySettings, answer::Attempt, destination::Outcome, retry::Backoff, shared::Shared,
    transport::Transport,
};
use crate::export::{Batch, SignalKind};

/// Until when nothing may be sent of each kind, because the receiver asked for peace.
pub(super) type Gates = Mutex<[Option<Instant>; 3]>;

/// The work on one batch.
pub(super) struct Flight {
    pub(super) shared: Arc<Shared>,
    pub(super) transport: Arc<Transport>,
    pub(super) gates: Arc<Gates>,
    pub(super) retry: RetrySettings,
}

impl Flight {
    pub(super) async fn deliver(&self, batch: &Batch) -> Outcome {
        let prepared = match self.transport.prepare(batch).await {
            Ok(prepared) => prepared,
            Err(sentence) => {
                self.shared.troubled(sentence);
                return Outcome::Dropped(DropReason::Refused);
            }
        };
        let mut backoff = Backoff::new(self.retry);
        let mut failing_since = None;
        loop {
            self.peace(batch.kind).await;
            match self.transport.send(batch, &prepared).await {
                Attempt::Accepted { rejected, message } => {
                    self.shared.succeeded(batch.kind, message);
                    return Outcome::Accepted { rejected };
                }
                Attempt::Refused(sentence) => {
                    self.shared.refused(batch.kind, sentence);
                    return Outcome::Dropped(DropReason::Refused);
                }
                Attempt::Later { sentence, after } => {
                    self.shared.failed(batch.kind, sentence);
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
