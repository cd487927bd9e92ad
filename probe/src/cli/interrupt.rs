//! Signals that ask a command to end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::tui;

/// Whether someone asked the command to end.
#[derive(Debug, Clone, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on SIGINT, SIGTERM and SIGHUP end the command in order, and a second one at once.
    pub(super) fn listen() -> Self {
        Self::listen_for(&[SIGINT, SIGTERM, SIGHUP])
    }

    /// From now on SIGINT and SIGTERM end the command in order, and a second one at once: SIGHUP means something else to
    /// it.
    pub(super) fn listen_but_for_hangup() -> Self {
        Self::listen_for(&[SIGINT, SIGTERM])
    }

    fn listen_for(signals: &[i32]) -> Self {
        let interrupt = Self::default();
        let asked = interrupt.clone();
        // Where the handlers cannot be set, the signals keep their default: they end the process at once.
        if let Ok(mut signals) = Signals::new(signals) {
            let wait = move || {
                for signal in signals.forever() {
                    if asked.0.swap(true, Ordering::Relaxed) {
                        tui::restore_terminal();
                        std::process::exit(128 + signal);
                    }
                }
            };
            let started = thread::Builder::new().name("signals".into()).spawn(wait);
            drop(started);
        }
        interrupt
    }

    pub(super) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
