//! What the data path tells of processes and names, without doing so for every exchange.

use std::time::Duration;

use plainsight_protocols::Timestamp;

use super::Identities;
use crate::flow::Observed;

/// Processes remembered as noticed: those that take turns on a busy host are few.
const NOTICED: usize = 64;

/// How long they are remembered; what is asked for longer is not as fresh.
const NOTICED_FOR: Duration = Duration::from_secs(1);

/// What a worker tells of the exchanges it sees: has each new process looked up while it is still there, and learns names.
#[derive(Debug)]
pub struct Noticing {
    identities: Option<Identities>,
    /// Processes that were noticed lately, at the places of their low bits.
    noticed: [u32; NOTICED],
    /// When the first of them was, by the exchanges.
    since: Timestamp,
}

impl Noticing {
    /// Tells nobody where there are no processes, as in a replay.
    #[must_use]
    pub fn new(identities: Option<Identities>) -> Self {
        Self { identities, noticed: [0; NOTICED], since: Timestamp::default() }
    }

    /// Has the exchange's process looked up soon, unless that was asked for lately.
    pub fn notice(&mut self, observed: &Observed<'_>) {
        let Some(identities) = &self.identities else { return };
        let (pid, at) = (observed.process.pid, observed.exchange.started);
        if at.since(self.since) >= NOTICED_FOR {
            self.since = at;
            self.noticed = [0; NOTICED];
        }
        let place = &mut self.noticed[pid as usize % NOTICED];
        if *place != pid {
            *place = pid;
            identities.notice(pid);
        }
    }

    /// Learns from every exchange, also of those that the filter holds back.
    pub fn observe(&self, observed: &Observed<'_>) {
        if let Some(identities) = &self.identities {
            identities.observe(observed);
        }
    }
}
