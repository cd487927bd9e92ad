//! The thread of a pipeline.

use std::{
    os::fd::AsFd as _,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender},
    },
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::{
    collector::Collector,
    destination::{Destination, Done, Report, Shipment},
    flight::Flights,
    follower::Follower,
    rate::Rate,
    settings::PipelineSettings,
    waker::Waker,
};
use crate::{
    logs::{
        checkpoints::{Checkpoint, Checkpoints},
        files::Place,
        status::{Kind, PipelineStatus},
    },
    signal::WallTime,
};

/// Bytes of one file that are read before it is another's turn: some tenths of a millisecond.
const SLICE: usize = 256 << 10;

/// Shipments that wait for destinations, however small they are.
const MOST_SHIPMENTS: usize = 1024;

/// How often checkpoints are committed, which waits for the disk.
const COMMIT: Duration = Duration::from_millis(250);

/// Pause after a commit failed.
const COMMIT_AGAIN: Duration = Duration::from_secs(2);

/// How often what waits for its time-out is looked at.
const TICK: Duration = Duration::from_millis(100);

/// How often the status is made.
const STATUS: Duration = Duration::from_millis(500);

/// Looking at all files takes at most this part of the time.
const LOOKS: u32 = 250;

/// The same where containers come and go.
const NEWS: u32 = 10;

/// Between two looks.
const LOOK: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// The end that other threads hold.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) stop: AtomicBool,
    pub(super) deadline: Mutex<Option<Instant>>,
    pub(super) status: Mutex<PipelineStatus>,
}

pub(super) struct Worker {
    pub(super) settings: Arc<PipelineSettings>,
    pub(super) follower: Follower,
    pub(super) destinations: Vec<Box<dyn Destination>>,
    pub(super) checkpoints: Checkpoints,
    pub(super) shared: Arc<Shared>,
    pub(super) waker: Waker,
    pub(super) sender: Sender<Report>,
    pub(super) receiver: Receiver<Report>,
}

/// What changes while it runs.
struct State {
    collector: Collector,
    flights: Flights,
    shipments: u64,
    /// By place, what the next commit says.
    dirty: std::collections::HashMap<Place, Checkpoint>,
    dispatched: Instant,
    committed: Instant,
    commit_pause: Duration,
    ticked: Instant,
    told: Instant,
    next_look: Instant,
    /// When the next look may be, however much there is to look at.
    earliest_look: Instant,
    rate: Rate,
}

impl Worker {
    pub(super) fn run(mut self) {
        let now = Instant::now();
        let mut state = State {
            collector: Collector::new(self.settings.limits, &self.destinations),
            flights: Flights::default(),
            shipments: 0,
            dirty: std::collections::HashMap::new(),
            dispatched: now,
            committed: now,
            commit_pause: COMMIT,
            ticked: now,
            told: now.checked_sub(STATUS).unwrap_or(now),
            next_look: now,
            earliest_look: now,
            rate: Rate::new(self.settings.bytes_per_second),
        };
        let mut buffer = vec![0; SLICE];
        while !self.shared.stop.load(Ordering::Acquire) {
            self.take_reports(&mut state);
            self.follower.hear().1.then(|| state.next_look = Instant::now());
            if self.follower.origins.has_news() {
                state.next_look = state.next_look.min(state.earliest_look);
            }
            self.look_if_due(&mut state);
            self.tick(&mut state);
            self.dispatch_if_due(&mut state);
            self.commit_if_due(&mut state);
            self.tell_if_due(&state);
            let is_full = state.flights.bytes() + state.collector.bytes() >= self.settings.memory_bytes
                || state.flights.len() >= MOST_SHIPMENTS;
            let read = if is_full || !state.rate.allows() {
                None
            } else {
                let now_ns = WallTime::now().as_unix_nanos();
                self.follower.turn(&mut buffer, now_ns, &mut state.collector)
            };
            match read {
                Some(bytes) => state.rate.take(bytes as u64),
                None => self.sleep(&state),
            }
        }
        self.end(&mut state);
    }

    /// Sends what is in hand, waits for the answers while there is time, and commits.
    fn end(&mut self, state: &mut State) {
        self.dispatch(state);
        let deadline = *self.shared.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        let deadline = deadline.unwrap_or_else(Instant::now);
        while !state.flights.is_empty() && Instant::now() < deadline {
            self.take_reports(state);
            self.commit_if_due(state);
            self.wait(Duration::from_millis(20));
        }
        self.take_reports(state);
        self.commit(state);
        self.tell(state);
    }

    fn take_reports(&mut self, state: &mut State) {
        self.waker.clear();
        for report in self.receiver.try_iter() {
            state.flights.note(&report);
        }
        let extents = state.flights.arrived();
        if !extents.is_empty() {
            let now_ns = WallTime::now().as_unix_nanos();
            for checkpoint in self.follower.acknowledge(extents, now_ns) {
                state.dirty.insert(checkpoint.identity.place, checkpoint);
            }
        }
        let (sender, waker) = (&self.sender, &self.waker);
        let done = |shipment, destination| Done {
            sender: sender.clone(),
            waker: waker.clone(),
            shipment,
            destination,
        };
        state.flights.send(&mut self.destinations, &done);
    }

    fn look_if_due(&mut self, state: &mut State) {
        if Instant::now() < state.next_look {
            return;
        }
        let began = Instant::now();
        let again = self.follower.look(WallTime::now().as_unix_nanos());
        let took = began.elapsed();
        state.earliest_look = Instant::now() + took * NEWS;
        let pause = if again { TICK.max(took) } else { (took * LOOKS).clamp(LOOK.0, LOOK.1) };
        state.next_look = Instant::now() + pause;
    }

    fn tick(&mut self, state: &mut State) {
        if self.follower.has_waiting() && state.ticked.elapsed() >= TICK {
            state.ticked = Instant::now();
            self.follower.expire(WallTime::now().as_unix_nanos(), &mut state.collector);
        }
    }

    fn dispatch_if_due(&mut self, state: &mut State) {
        let bytes = state.collector.bytes();
        // One slice more shall fit in.
        let is_large = bytes + SLICE * 2 >= self.settings.limits.bytes;
        let waits = bytes > 0 || self.follower.is_touched();
        if !waits {
            state.dispatched = Instant::now();
        } else if is_large || state.dispatched.elapsed() >= self.settings.delay {
            self.dispatch(state);
        }
    }

    fn dispatch(&mut self, state: &mut State) {
        state.dispatched = Instant::now();
        let mut shipments = state.collector.take();
        let extents = self.follower.extents();
        if shipments.is_empty() {
            if extents.is_empty() {
                return;
            }
            // Nothing came of what was read; that is dealt with when all before it is.
            shipments.push(Shipment::default());
        }
        let last = shipments.len() - 1;
        let mut extents = Some(extents);
        for (position, shipment) in shipments.into_iter().enumerate() {
            let extents = if position == last { extents.take() } else { None };
            state.flights.add(shipment, extents.unwrap_or_default(), &self.destinations);
            state.shipments += 1;
        }
        self.take_reports(state);
    }

    fn commit_if_due(&mut self, state: &mut State) {
        if state.committed.elapsed() >= state.commit_pause {
            self.commit(state);
        }
    }

    fn commit(&mut self, state: &mut State) {
        state.committed = Instant::now();
        state.commit_pause = COMMIT;
        if state.dirty.is_empty() && self.follower.forgotten.is_empty() {
            return;
        }
        let settled = self.destinations.iter_mut().try_for_each(|destination| destination.settle());
        for place in &self.follower.forgotten {
            state.dirty.remove(place);
        }
        let kept: Vec<Checkpoint> = state.dirty.values().cloned().collect();
        let committed = settled.and_then(|()| {
            let committed = self.checkpoints.commit(&self.settings.name, &kept, &self.follower.forgotten);
            committed.map_err(|error| error.to_string())
        });
        match committed {
            Ok(()) => {
                state.dirty.clear();
                self.follower.forgotten.clear();
                self.follower.findings.set(Kind::Checkpoints, std::iter::empty());
            }
            Err(said) => {
                state.commit_pause = COMMIT_AGAIN;
                self.follower.findings.set(Kind::Checkpoints, std::iter::once((String::new(), said)));
            }
        }
    }

    fn tell_if_due(&mut self, state: &State) {
        if state.told.elapsed() >= STATUS {
            self.tell(state);
        }
    }

    fn tell(&mut self, state: &State) {
        let follower = &mut self.follower;
        let refused = state.flights.refused_records;
        let said = (refused > 0).then(|| {
            let sentence =
                format!("{refused} records were refused by a destination for good; its log tells why");
            (String::new(), sentence)
        });
        follower.findings.set(Kind::Refused, said.into_iter());
        let (lag_bytes, behind) = follower.behind();
        let (containers, more_containers) = follower.origins.shown();
        let watermark_ns = follower.watermark_ns();
        let now_ns = WallTime::now().as_unix_nanos();
        let status = PipelineStatus {
            name: self.settings.name.clone(),
            files: follower.files.len(),
            read_bytes: follower.read_bytes,
            lines: follower.lines,
            records: follower.records,
            acknowledged_bytes: follower.acknowledged_bytes,
            lag_bytes,
            lag_s: watermark_ns.map(|ns| now_ns.saturating_sub(ns) as f64 / 1e9),
            watermark_ns,
            waiting_bytes: state.flights.bytes() + state.collector.bytes(),
            trouble: self.destinations.iter().find_map(|destination| destination.trouble()),
            findings: follower.findings.list(),
            containers,
            more_containers,
            behind,
        };
        *self.shared.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    /// Until something happens or is due.
    fn sleep(&self, state: &State) {
        let now = Instant::now();
        let mut until = state.next_look.min(state.told + STATUS.max(LOOK.0));
        let waits = state.collector.bytes() > 0 || self.follower.is_touched();
        if waits {
            until = until.min(state.dispatched + self.settings.delay);
        }
        if !state.dirty.is_empty() || !self.follower.forgotten.is_empty() {
            until = until.min(state.committed + state.commit_pause);
        }
        if self.follower.has_waiting() || !state.flights.is_empty() || !state.rate.allows() {
            until = until.min(now + TICK);
        }
        self.wait(until.saturating_duration_since(now).max(Duration::from_millis(1)));
    }

    fn wait(&self, longest: Duration) {
        let mut ready = vec![PollFd::from_borrowed_fd(self.waker.as_fd(), PollFlags::IN)];
        if let Some(watch) = &self.follower.watch {
            ready.push(PollFd::from_borrowed_fd(watch.as_fd(), PollFlags::IN));
        }
        let longest = Timespec::try_from(longest).ok();
        match poll(&mut ready, longest.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            // Whatever it is, this thread must not spin.
            Err(_) => std::thread::sleep(TICK),
        }
    }
}
