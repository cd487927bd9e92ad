//! What there is to say about the metrics themselves, for people.

use super::{state::State, table::METRICS};
use crate::signal::LossReason;

/// How many series there are and what the fences did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MetricStatus {
    /// Series that are kept, overflow points not counted.
    pub series: usize,
    /// Services that have some.
    pub services: usize,
    /// Measurements of which an attribute's value became `*`.
    pub folded: u64,
    /// Measurements that went to an overflow point.
    pub overflowed: u64,
    /// Series that were dropped because nothing was added to them for long.
    pub expired: u64,
    /// Edges of the service graph that could not wait for what the other end saw.
    pub hurried_edges: u64,
}

impl MetricStatus {
    pub(super) fn of(state: &State, hurried_edges: u64) -> Self {
        let mut status = Self { hurried_edges, ..Self::default() };
        status.services = state.services.iter().flatten().count().saturating_sub(2);
        for (metric, counts) in state.counts.iter().enumerate() {
            status.series += state.series(metric);
            status.folded += counts.folded.values().sum::<u64>();
            status.overflowed += counts.overflowed;
            status.expired += counts.expired;
        }
        debug_assert_eq!(state.counts.len(), METRICS.len());
        status
    }

    /// The same as a status line says it. Nothing of it is a loss: sums stay exact.
    #[must_use]
    pub fn notes(&self) -> [LossReason; 3] {
        let note = LossReason::new;
        [
            note("metric values folded into *", "raise limits.values_per_attribute", self.folded),
            note(
                "measurements without a series of their own",
                "raise limits.series_per_metric",
                self.overflowed,
            ),
            note("edges counted before the other end was seen", "", self.hurried_edges),
        ]
    }
}
