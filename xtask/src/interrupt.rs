//! Ending what xtask started when xtask itself is told to end.
//!
//! Programs with a time limit run in process groups of their own, so that the limit reaches their children too. The
//! terminal's Ctrl-C no longer does; this passes it on.

use std::{collections::BTreeSet, process, sync::Mutex, thread};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Watches for signals from here on.
pub(crate) fn watch() -> Result<()> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot watch for signals such as Ctrl-C")?;
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            for &group in groups().iter() {
                kill_group(group);
            }
            // A shell reports a program that a signal ended this way.
            process::exit(128 + signal);
        }
    });
    Ok(())
}

/// A process group that ends together with xtask, or when this is dropped, whichever comes first.
#[derive(Debug)]
pub(crate) struct Group(i32);

impl Group {
    /// Takes charge of the group that the process `leader` leads.
    pub(crate) fn new(leader: u32) -> Self {
        // Process ids fit: the kernel's limit is 2^22 (PID_MAX_LIMIT).
        let leader = i32::try_from(leader).unwrap_or(0);
        groups().insert(leader);
        Self(leader)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        groups().remove(&self.0);
        kill_group(self.0);
    }
}

fn groups() -> std::sync::MutexGuard<'static, BTreeSet<i32>> {
    GROUPS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn kill_group(leader: i32) {
    if let Some(group) = Pid::from_raw(leader) {
        // It may be gone already, which is what is wanted.
        let _ = kill_process_group(group, Signal::KILL);
    }
}
