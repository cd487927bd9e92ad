//! What became of exchanges on their way to spans.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Decision, Unsampled};

/// Exchanges by what became of them. Together they are all exchanges that a recorder was shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TraceCounters {
    /// Spans kept by the caller's decision or the ratio.
    pub head: u64,
    /// Spans kept because the exchange failed.
    pub error: u64,
    /// Spans kept because the exchange was slow.
    pub slow: u64,
    /// Left out because the caller decided so.
    pub unsampled_parent: u64,
    /// Left out by the ratio.
    pub unsampled_ratio: u64,
    /// Left out by the limit of the process.
    pub unsampled_rate_limit: u64,
    /// Left out because the asking side reports, or nobody wants the answering one.
    pub unsampled_server_side: u64,
}

impl TraceCounters {
    /// Spans that were written.
    #[must_use]
    pub const fn spans(&self) -> u64 {
        self.head + self.error + self.slow
    }

    /// Each reason for leaving out, by the name used for the counter.
    #[must_use]
    pub const fn unsampled(&self) -> [(&'static str, u64); 4] {
        [
            ("parent", self.unsampled_parent),
            ("ratio", self.unsampled_ratio),
            ("rate_limit", self.unsampled_rate_limit),
            ("server_side", self.unsampled_server_side),
        ]
    }
}

/// The counters of one worker, to be read from anywhere.
#[derive(Debug, Default)]
pub struct CountersCell([AtomicU64; 7]);

impl CountersCell {
    /// Only the one worker writes, so no atomic addition is needed.
    pub(super) fn count(&self, decision: Decision) {
        let index = match decision {
            Decision::Head => 0,
            Decision::Error => 1,
            Decision::Slow => 2,
            Decision::Not(Unsampled::Parent) => 3,
            Decision::Not(Unsampled::Ratio) => 4,
            Decision::Not(Unsampled::RateLimit) => 5,
            Decision::Not(Unsampled::ServerSide) => 6,
        };
        let cell = &self.0[index];
        cell.store(cell.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// Adds what was counted so far.
    pub fn add_to(&self, sum: &mut TraceCounters) {
        let [head, error, slow, parent, ratio, rate_limit, server_side] =
            self.0.each_ref().map(|cell| cell.load(Ordering::Relaxed));
        sum.head += head;
        sum.error += error;
        sum.slow += slow;
        sum.unsampled_parent += parent;
        sum.unsampled_ratio += ratio;
        sum.unsampled_rate_limit += rate_limit;
        sum.unsampled_server_side += server_side;
    }
}
