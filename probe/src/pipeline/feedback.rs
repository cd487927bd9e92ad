//! What workers have to say to the kernel programs: whose bytes are not wanted, who must be announced again.

use std::sync::{Arc, Mutex, PoisonError};

use plainsight_protocols::Timestamp;

use crate::{
    capture::{Closed, ConnectionId, Failed, Opened, Verdicts},
    flow::{ConnectionFacts, Observed, Observer},
};

/// An observer that passes verdicts to the kernel and everything to the observer within.
pub(super) struct Feedback<O> {
    pub(super) inner: O,
    pub(super) verdicts: Arc<Mutex<Verdicts>>,
}

impl<O: Observer> Observer for Feedback<O> {
    fn exchange(&mut self, observed: &Observed<'_>) {
        self.inner.exchange(observed);
    }

    fn unobserved(&mut self, count: u64) {
        self.inner.unobserved(count);
    }

    fn opened(&mut self, opened: &Opened) {
        self.inner.opened(opened);
    }

    fn tick(&mut self, now: Timestamp) {
        self.inner.tick(now);
    }

    fn copy_beginnings(&mut self, connection: ConnectionId) {
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).copy_beginnings(connection);
        self.inner.copy_beginnings(connection);
    }

    fn ignore(&mut self, connection: ConnectionId) {
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).ignore(connection);
        self.inner.ignore(connection);
    }

    fn connection_failed(&mut self, failed: &Failed) {
        self.inner.connection_failed(failed);
    }

    fn connection_opened(&mut self, connection: &ConnectionFacts) {
        self.inner.connection_opened(connection);
    }

    fn connection_moved(&mut self, connection: &ConnectionFacts, received: u64, sent: u64) {
        self.inner.connection_moved(connection, received, sent);
    }

    fn connection_closed(&mut self, connection: &ConnectionFacts, closed: Option<&Closed>) {
        self.inner.connection_closed(connection, closed);
    }

    fn forgotten(&mut self, connection: ConnectionId) {
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner).announce(connection);
        self.inner.forgotten(connection);
    }
}
