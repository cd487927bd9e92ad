//! The thread that empties the ring.
//!
//! It wakes on a timer instead of being woken: a reader that waits to be woken costs the observed program about 750 ns
//! per event, a reader on a timer about 150 ns. Only where so much is moved that a CPU's near ring is full before the time
//! is up do programs wake it, once.

use std::{
    io,
    sync::{Arc, Mutex, atomic::Ordering},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use plainsight_protocols::Settings;
use probe_ebpf::record::kind;

use super::{Shared, attention::Keeper, batch::Batch, feedback::Feedback, now, shards::Shards};
use crate::{
    capture::{Capture, Decoded, Listeners, Verdicts, decode, header, with_role},
    flow::{Observer, Worker, WorkerSettings},
};

/// How long the thread sleeps between two passes while there is traffic. Each pass begins with cold caches, so the longer
/// the better, up to what the near rings hold.
const PAUSE: Duration = Duration::from_millis(4);
/// How long it sleeps when the last passes found nothing.
const IDLE_PAUSE: Duration = Duration::from_millis(10);
/// How many empty passes make it idle.
const IDLE_AFTER: u32 = 50;
/// A pass that reads as many is followed by the next without a pause.
const BUSY_PASS: usize = 16_384;
/// Records of connections' lives read in one pass, at most: more than their ring holds by default.
const LIVES_PER_PASS: usize = 65_536;
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
    let keeper = Keeper::new(Arc::clone(&verdicts));
    let shards = Shards::start(workers, shared)?;
    // The hooks are attached by now, so a port that begins to listen during the scan is not missed.
    let listeners = Listeners::scan();
    let drain = Drain {
        capture,
        verdicts,
        listeners,
        keeper,
        shards,
        shared: Arc::clone(shared),
        ended: Batch::default(),
        ending: Batch::default(),
        records: 0,
    };
    std::thread::Builder::new().name("drain".to_owned()).spawn(move || drain.run())
}

struct Drain<O> {
    capture: Capture,
    verdicts: Arc<Mutex<Verdicts>>,
    listeners: Listeners,
    keeper: Keeper,
    shards: Shards<O>,
    shared: Arc<Shared>,
    /// Ends of connections that the last pass met: what was moved before them is read by now.
    ended: Batch,
    /// Those that the present pass meets.
    ending: Batch,
    records: u64,
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
            if read >= BUSY_PASS {
                continue;
            }
            empty_passes = if read == 0 { empty_passes + 1 } else { 0 };
            self.capture.wait(if empty_passes > IDLE_AFTER { IDLE_PAUSE } else { PAUSE });
        }
        let deadline = Instant::now() + LAST_DRAIN;
        while self.pass() >= BUSY_PASS && Instant::now() < deadline {}
        // Ends that were met in the last pass are passed on by one more.
        self.pass();
        self.publish();
        let observers = self.shards.finish(now());
        drop(self.capture);
        observers
    }

    /// Reads what is in the rings, and tells the workers how far time has come.
    ///
    /// What was moved and what became of connections come in different rings. A connection is announced before the first
    /// that is moved on it, so announcements are read after the mark and passed on at once. It ends after the last that
    /// is moved on it, so ends wait until a pass whose mark was set after they were read.
    fn pass(&mut self) -> usize {
        let before = now();
        self.capture.mark_moved();
        let mut read = self.read_lives();
        let (shards, keeper, asked) = (&mut self.shards, &mut self.keeper, &self.shared.asked);
        keeper.follow(asked);
        read += self.capture.read_moved(|record| {
            if let Some(header) = header(record)
                && keeper.wants(header.connection, asked)
            {
                shards.record(header.connection, record);
            }
        });
        for record in self.ended.records() {
            if let Some(header) = header(record) {
                self.shards.record(header.connection, record);
            }
        }
        self.ended.clear();
        std::mem::swap(&mut self.ended, &mut self.ending);
        self.records += read as u64;
        self.shards.tick(before);
        read
    }

    /// Reads what became of connections: passes on who is new, and keeps who has ended.
    fn read_lives(&mut self) -> usize {
        let mut read = 0;
        while let Some(record) = self.capture.next_life_record() {
            read += 1;
            let Some(header) = header(&record) else {
                self.shared.unreadable.fetch_add(1, Ordering::Relaxed);
                continue;
            };
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
                _ => self.ending.push(&record),
            }
            if read == LIVES_PER_PASS {
                break;
            }
        }
        read
    }

    fn publish(&mut self) {
        let losses = self.capture.losses();
        if losses.unseen_reads > 0 {
            // Refused, it leaves what splice reads as gaps, which is what it is without the hook.
            drop(self.capture.watch_splice());
        }
        self.shared.records.store(self.records, Ordering::Relaxed);
        *self.shared.losses.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = losses;
        *self.shared.programs.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
            self.capture.program_times().collect();
        self.shared.unreadable.fetch_max(self.capture.unreadable(), Ordering::Relaxed);
        let refused = self.verdicts.lock().unwrap_or_else(std::sync::PoisonError::into_inner).failures();
        self.shared.verdicts_refused.store(refused, Ordering::Relaxed);
        self.shared.listeners_refused.store(self.listeners.refused(), Ordering::Relaxed);
    }
}
