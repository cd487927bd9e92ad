//! The thread that empties the ring.
//!
//! It wakes on a timer instead of being woken: a reader that waits to be woken costs the observed program about 750 ns
//! per event, a reader on a timer about 150 ns.

use std::{
    io,
    sync::{Arc, Mutex, atomic::Ordering},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use plainsight_protocols::{Settings, Timestamp};
use probe_ebpf::record::kind;

use super::{Shared, feedback::Feedback, now, shards::Shards};
use crate::{
    capture::{Capture, Decoded, Listeners, Verdicts, decode, header, with_role},
    flow::{Observer, Worker, WorkerSettings},
};

/// How long the thread sleeps between two passes while there is traffic.
const PAUSE: Duration = Duration::from_millis(2);
/// How long it sleeps when the last passes found nothing.
const IDLE_PAUSE: Duration = Duration::from_millis(10);
/// How many empty passes make it idle.
const IDLE_AFTER: u32 = 50;
/// Records read between two looks at the clock and the stop flag.
const RECORDS_PER_PASS: usize = 16_384;
/// How often the kernel's counters are read.
const LOSSES_INTERVAL: Duration = Duration::from_millis(250);
/// How long the last reading of the ring may take: calls go on while it is emptied, and it must come to an end.
const LAST_DRAIN: Duration = Duration::from_secs(5);

pub(super) fn start<O: Observer + Send + 'static>(
    (capture, verdicts): (Capture, Verdicts),
    workers: usize,
    protocols: &Settings,
    mut observer: impl FnMut(usize) -> O,
    shared: &Arc<Shared>,
) -> io::Result<JoinHandle<Vec<O>>> {
    let verdicts = Arc::new(Mutex::new(verdicts));
    let workers = (0..workers.max(1))
        .map(|number| {
            let feedback = Feedback { inner: observer(number), verdicts: Arc::clone(&verdicts) };
            Worker::new(WorkerSettings { protocols: protocols.clone(), ..WorkerSettings::live() }, feedback)
        })
        .collect();
    let shards = Shards::start(workers, shared)?;
    // The hooks are attached by now, so a port that begins to listen during the scan is not missed.
    let listeners = Listeners::scan();
    let drain = Drain {
        capture,
        listeners,
        shards,
        shared: Arc::clone(shared),
        records: 0,
        last: Timestamp::default(),
    };
    std::thread::Builder::new().name("drain".to_owned()).spawn(move || drain.run())
}

struct Drain<O> {
    capture: Capture,
    listeners: Listeners,
    shards: Shards<O>,
    shared: Arc<Shared>,
    records: u64,
    /// The latest moment that a record named.
    last: Timestamp,
}

impl<O: Observer + Send + 'static> Drain<O> {
    fn run(mut self) -> Vec<O> {
        let mut empty_passes = 0;
        let mut losses_read = Instant::now();
        while !self.shared.stop.load(Ordering::Acquire) {
            let read = self.pass();
            if losses_read.elapsed() >= LOSSES_INTERVAL {
                losses_read = Instant::now();
                self.publish();
            }
            if read == RECORDS_PER_PASS {
                continue;
            }
            empty_passes = if read == 0 { empty_passes + 1 } else { 0 };
            std::thread::sleep(if empty_passes > IDLE_AFTER { IDLE_PAUSE } else { PAUSE });
        }
        let deadline = Instant::now() + LAST_DRAIN;
        while self.pass() == RECORDS_PER_PASS && Instant::now() < deadline {}
        self.publish();
        let observers = self.shards.finish(now());
        drop(self.capture);
        observers
    }

    /// Reads what is in the ring, up to a number, and tells the workers how far time has come.
    fn pass(&mut self) -> usize {
        let before = now();
        let mut read = 0;
        while read < RECORDS_PER_PASS
            && let Some(record) = self.capture.next_record()
        {
            read += 1;
            let Some(header) = header(&record) else {
                self.shared.unreadable.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            self.last = self.last.max(Timestamp::from_nanos(header.time_ns));
            match header.kind {
                kind::LISTENING => {
                    if let Some(Decoded::Listening { network_namespace, port }) = decode(&record) {
                        self.listeners.insert(network_namespace, port);
                    }
                }
                kind::OPENED => match with_role(&record, &self.listeners) {
                    Some(resolved) => self.shards.record(header.connection, &resolved),
                    None => self.shards.record(header.connection, &record),
                },
                _ => self.shards.record(header.connection, &record),
            }
        }
        self.records += read as u64;
        // Read to the end, everything before the pass began is here; else everything before the last record is.
        self.shards.tick(if read < RECORDS_PER_PASS { before } else { self.last });
        read
    }

    fn publish(&self) {
        self.shared.records.store(self.records, Ordering::Relaxed);
        *self.shared.losses.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = self.capture.losses();
    }
}
