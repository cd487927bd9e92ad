//! Whether an exchange becomes a span.

use std::time::Duration;

use plainsight_protocols::TraceParent;

use super::TraceSettings;

/// Why an exchange became no span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unsampled {
    /// The caller decided against the trace.
    Parent,
    /// The ratio left the trace out.
    Ratio,
    /// The process brought more spans than it may.
    RateLimit,
    /// The settings want no span of the answering side, or the asking side reports.
    ServerSide,
}

/// What keeps a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// The caller's decision, or the ratio.
    Head,
    /// It failed.
    Error,
    /// It was slow.
    Slow,
    /// Nothing does.
    Not(Unsampled),
}

/// The settings in the form in which they are asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sampler {
    /// Traces whose last 63 bits are below are kept: a number of 63 bits, or one more for all.
    bound: u64,
    parent_based: bool,
    keep_errors: bool,
    slow: Option<Duration>,
}

impl Sampler {
    pub(super) fn new(settings: &TraceSettings) -> Self {
        let whole = 1_u64 << 63;
        // A cast of a float saturates, and not-a-number is zero.
        let bound = ((settings.ratio.clamp(0.0, 1.0) * whole as f64) as u64).min(whole);
        Self {
            bound,
            parent_based: settings.parent_based,
            keep_errors: settings.keep_errors,
            slow: settings.keep_slower_than,
        }
    }

    /// Whether the trace is kept, as every probe and every SDK decides that has the same ratio.
    pub(super) fn keeps(&self, trace_id: &[u8; 16]) -> bool {
        let [_, _, _, _, _, _, _, _, low @ ..] = *trace_id;
        u64::from_be_bytes(low) >> 1 < self.bound
    }

    /// The decision, but for the rate limit. `trace_id` is asked only where the caller has not decided.
    #[inline]
    pub(super) fn decide(
        &self,
        parent: Option<&TraceParent>,
        trace_id: &[u8; 16],
        is_error: impl FnOnce() -> bool,
        duration: Option<Duration>,
    ) -> Decision {
        let reason = match parent.filter(|_| self.parent_based) {
            Some(parent) if parent.flags & 1 != 0 => return Decision::Head,
            Some(_) => Unsampled::Parent,
            None if self.keeps(trace_id) => return Decision::Head,
            None => Unsampled::Ratio,
        };
        if self.slow.zip(duration).is_some_and(|(slow, duration)| duration >= slow) {
            return Decision::Slow;
        }
        if self.keep_errors && is_error() {
            return Decision::Error;
        }
        Decision::Not(reason)
    }
}
