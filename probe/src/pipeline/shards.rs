//! Where the records of a connection are worked on: in the draining thread, or in one of several others.

use std::{
    io,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use plainsight_protocols::Timestamp;

use super::{Shared, batch::Batch, feedback::Feedback};
use crate::{
    capture::{Decoded, chunk, decode},
    flow::{Observer, Worker},
};

/// Batches on their way to one worker. With the ring behind them there is no need for more: they bridge the time for
/// which a worker is not scheduled.
const BATCHES_IN_FLIGHT: usize = 16;
/// How often counters are made visible.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(100);

/// The workers.
pub(super) enum Shards<O> {
    /// The draining thread itself.
    Inline(Box<Desk<O>>),
    /// Other threads.
    Threads(Vec<Remote<O>>),
}

/// A worker with what it needs to tell of itself.
pub(super) struct Desk<O> {
    number: usize,
    worker: Worker<Feedback<O>>,
    shared: Arc<Shared>,
    published: Timestamp,
}

/// A worker in another thread.
pub(super) struct Remote<O> {
    filling: Batch,
    batches: SyncSender<Batch>,
    empty: Receiver<Batch>,
    thread: JoinHandle<O>,
}

impl<O: Observer + Send + 'static> Shards<O> {
    /// Starts one thread for each worker, or none if there is only one worker.
    pub(super) fn start(mut workers: Vec<Worker<Feedback<O>>>, shared: &Arc<Shared>) -> io::Result<Self> {
        if workers.len() == 1
            && let Some(worker) = workers.pop()
        {
            return Ok(Self::Inline(Box::new(Desk::new(0, worker, shared))));
        }
        let remotes = workers.into_iter().enumerate().map(|(number, worker)| {
            let desk = Desk::new(number, worker, shared);
            Remote::start(desk)
        });
        Ok(Self::Threads(remotes.collect::<io::Result<_>>()?))
    }

    /// Gives a record to the worker that owns the connection.
    pub(super) fn record(&mut self, connection: u64, record: &[u8]) {
        match self {
            Self::Inline(desk) => desk.record(record),
            Self::Threads(remotes) => {
                let number = shard(connection, remotes.len());
                remotes[number].filling.push(record);
                if remotes[number].filling.is_full() {
                    let now = remotes[number].filling.now;
                    remotes[number].send(now);
                }
            }
        }
    }

    /// Every record before `now` has been given.
    pub(super) fn tick(&mut self, now: Timestamp) {
        match self {
            Self::Inline(desk) => desk.tick(now),
            Self::Threads(remotes) => remotes.iter_mut().for_each(|remote| remote.send(now)),
        }
    }

    /// Ends the observation and gives the observers back.
    pub(super) fn finish(self, now: Timestamp) -> Vec<O> {
        match self {
            Self::Inline(desk) => vec![desk.finish(now)],
            Self::Threads(remotes) => {
                let threads: Vec<_> = remotes
                    .into_iter()
                    .map(|mut remote| {
                        remote.send(now);
                        remote.thread
                    })
                    .collect();
                // A failed worker has printed why; the others' results still count.
                threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
            }
        }
    }
}

/// Ids count up in their high bits and name the CPU in the low ones; a multiplication spreads both.
fn shard(connection: u64, shards: usize) -> usize {
    let spread = connection.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    (spread as usize * shards) >> 32
}

impl<O: Observer + Send + 'static> Remote<O> {
    fn start(mut desk: Desk<O>) -> io::Result<Self> {
        let (batches, incoming) = sync_channel::<Batch>(BATCHES_IN_FLIGHT);
        let (give_back, empty) = sync_channel(BATCHES_IN_FLIGHT + 1);
        let name = format!("worker-{}", desk.number);
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            let mut now = Timestamp::default();
            while let Ok(mut batch) = incoming.recv() {
                batch.records().for_each(|record| desk.record(record));
                now = batch.now;
                desk.tick(now);
                batch.clear();
                // The channel has room for every batch that exists; if the drain has ended, the batch is let go.
                drop(give_back.try_send(batch));
            }
            desk.finish(now)
        })?;
        Ok(Self { filling: Batch::default(), batches, empty, thread })
    }

    fn send(&mut self, now: Timestamp) {
        let next = self.empty.try_recv().unwrap_or_default();
        let mut batch = std::mem::replace(&mut self.filling, next);
        batch.now = now;
        self.filling.now = now;
        // A worker that is gone has printed why; the drain goes on for the others.
        drop(self.batches.send(batch));
    }
}

impl<O: Observer> Desk<O> {
    fn new(number: usize, worker: Worker<Feedback<O>>, shared: &Arc<Shared>) -> Self {
        Self { number, worker, shared: Arc::clone(shared), published: Timestamp::default() }
    }

    fn record(&mut self, record: &[u8]) {
        if let Some(chunk) = chunk(record) {
            self.worker.chunk(&chunk);
        } else if let Some(Decoded::Event(event)) = decode(record) {
            self.worker.event(&event);
        }
    }

    fn tick(&mut self, now: Timestamp) {
        self.worker.tick(now);
        if now.since(self.published) >= PUBLISH_INTERVAL {
            self.published = now;
            self.shared.publish(self.number, &self.worker.counters());
        }
    }

    fn finish(mut self, now: Timestamp) -> O {
        self.worker.finish(now);
        self.shared.publish(self.number, &self.worker.counters());
        self.worker.into_observer().inner
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_spread_evenly_over_shards() {
        for shards in [2, 3, 8] {
            let mut counts = vec![0u32; shards];
            for number in 1..=8000u64 {
                counts[shard(number << 13 | (number & 1) << 12 | (number % 4), shards)] += 1;
            }
            let fair = 8000 / shards as u32;
            assert!(counts.iter().all(|&count| count > fair / 2 && count < fair * 2), "{counts:?}");
        }
    }
}
