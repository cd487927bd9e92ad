//! What the kernel tells of processes: that one was forked, has started a program, or has ended.
//!
//! A program that lives for a few milliseconds is read while it is there, because it is read when it starts; and what is
//! known of it stays for a while after its end. A process that forks without starting a program shares what is known of it.

use std::{
    os::fd::{AsRawFd, RawFd},
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use super::{
    Identity,
    cache::{NANOS_PER_TICK, Shared, wall_time},
    entries::{Before, Entry},
    facts::Facts,
};
use crate::capture::{ProcessEvent, ProcessEvents};

/// Starts of programs whose `/proc` is read at once, in a second and at once. Each costs about 60 µs; a host that starts more
/// than this compiles something, and its programs are read when they are asked for, or known by what the kernel told.
const READS_PER_SECOND: u32 = 2000;
const READS_AT_ONCE: u32 = 500;

/// Events read before others get their turn.
const TURN: usize = 256;

/// The kernel's ring, and how many programs may be read now.
pub(super) struct Following {
    events: ProcessEvents,
    budget: Budget,
}

impl Following {
    pub(super) fn new(events: ProcessEvents) -> Self {
        Self { events, budget: Budget::new(Instant::now()) }
    }

    /// Reads what is there. Gives whether that was all.
    pub(super) fn read(&mut self, shared: &Shared) -> bool {
        for _ in 0..TURN {
            let Some(event) = self.events.next() else { return true };
            shared.apply(&event, &mut self.budget);
        }
        false
    }
}

impl AsRawFd for Following {
    fn as_raw_fd(&self) -> RawFd {
        self.events.as_raw_fd()
    }
}

/// How much may be read: a bucket that fills with time.
#[derive(Debug)]
pub(super) struct Budget {
    left: u32,
    filled: Instant,
}

impl Budget {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: READS_AT_ONCE, filled: now }
    }

    pub(super) fn take(&mut self, now: Instant) -> bool {
        let earned = now.duration_since(self.filled).as_micros() * u128::from(READS_PER_SECOND) / 1_000_000;
        if earned > 0 {
            self.left =
                READS_AT_ONCE.min(self.left.saturating_add(u32::try_from(earned).unwrap_or(u32::MAX)));
            self.filled = now;
        }
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }
}

impl Shared {
    pub(super) fn apply(&self, event: &ProcessEvent, budget: &mut Budget) {
        match event {
            ProcessEvent::Forked { parent, pid, started_ns } => {
                self.forked(*parent, *pid, *started_ns, budget);
            }
            ProcessEvent::Started { .. } => self.program_started(event, budget),
            ProcessEvent::Ended { pid } => {
                if let Some(mut entry) = self.entries.map.get_mut(pid) {
                    entry.ended.get_or_insert_with(Instant::now);
                }
            }
        }
    }

    /// A child is what its parent is until it starts a program.
    fn forked(&self, parent: u32, pid: u32, started_ns: u64, budget: &mut Budget) {
        let is_known = self.entries.map.get(&parent).is_some_and(|entry| entry.ended.is_none());
        if !is_known && budget.take(Instant::now()) {
            self.look_up(parent, None);
        }
        let facts = self.entries.map.get(&parent).map(|entry| Arc::clone(&entry.facts));
        match facts.filter(|facts| **facts != Facts::default()) {
            Some(facts) => self.replace(pid, parent, started_ns, facts, None),
            // A parent that is not known leaves nothing to inherit.
            None if budget.take(Instant::now()) => drop(self.look_up(pid, None)),
            None => {
                // Whoever had the id is not this process, which is read when somebody asks.
                if let Some(mut entry) = self.entries.map.get_mut(&pid) {
                    entry.asked = None;
                }
            }
        }
    }

    fn program_started(&self, event: &ProcessEvent, budget: &mut Budget) {
        let ProcessEvent::Started { parent, pid, started_ns, at_ns, path } = event else { return };
        self.programs_started.fetch_add(1, Ordering::Relaxed);
        let at = wall_time(*at_ns);
        let may_read = budget.take(Instant::now());
        if !may_read {
            self.programs_unread.fetch_add(1, Ordering::Relaxed);
        } else if self.look_up(*pid, Some(at)) {
            return;
        }
        // It is gone already, or too many start: its place is that of whoever started it, its program what the kernel said.
        let known = self.entries.map.get(pid).map(|entry| Arc::clone(&entry.facts));
        let mut facts = known.as_deref().cloned().unwrap_or_default();
        facts.exe = match path.as_deref() {
            // Whoever starts itself anew, as shells of busybox and runc do.
            Some("/proc/self/exe") => facts.exe,
            Some(path) if path.starts_with('/') && !path.starts_with("/proc/") => Some(path.into()),
            _ => None,
        };
        facts.command = None;
        self.replace(*pid, *parent, *started_ns, Arc::new(facts), Some(*at_ns));
    }

    /// Puts a process that was not read in the place of whoever had its id. `program_ns` is when it started its program.
    fn replace(&self, pid: u32, parent: u32, started_ns: u64, facts: Arc<Facts>, program_ns: Option<u64>) {
        let ticks = started_ns / NANOS_PER_TICK;
        let until = wall_time(program_ns.unwrap_or(started_ns));
        let process = Identity {
            parent: Some(parent).filter(|&parent| parent != 0),
            started_ticks: Some(ticks),
            started: Some(wall_time(started_ns)),
            ..Identity::default()
        };
        let (before, ended) = match self.entries.map.get(&pid) {
            Some(entry) if entry.identity.started_ticks.is_some() => {
                let before = Before { identity: Arc::clone(&entry.identity), until };
                let is_same = entry.identity.started_ticks == Some(ticks);
                (Some(before), if is_same { entry.ended } else { None })
            }
            _ => (None, None),
        };
        let entry = self.entry(pid, &process, facts, None);
        self.insert(pid, Entry { before, ended, ..entry });
    }
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
