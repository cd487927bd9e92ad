//! What can change while the workers run.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use crate::signal::{access_log::AccessLog, traces::TraceSettings};

/// Settings that workers take up when they next look.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choices {
    /// Which exchanges become spans; `None` for none of them.
    pub(super) traces: Option<TraceSettings>,
    /// Which exchanges are logged.
    pub(super) access_log: AccessLog,
}

/// The choices that hold now. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Controls(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    choices: Mutex<Choices>,
    version: AtomicU64,
}

impl Controls {
    pub(super) fn new(choices: Choices) -> Self {
        Self(Arc::new(Shared { choices: Mutex::new(choices), version: AtomicU64::new(1) }))
    }

    pub(super) fn set(&self, choices: Choices) {
        *self.0.choices.lock().unwrap_or_else(PoisonError::into_inner) = choices;
        self.0.version.fetch_add(1, Ordering::Release);
    }

    /// The choices, if they are others than those of that version.
    pub(super) fn newer_than(&self, version: &mut u64) -> Option<Choices> {
        let now = self.0.version.load(Ordering::Acquire);
        if now == *version {
            return None;
        }
        *version = now;
        Some(self.0.choices.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}
