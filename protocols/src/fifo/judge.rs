//! Whether the first response belongs to the first request.

use super::{
    DRAINED_RUNS, Fifo, QUIET,
    entry::{Response, Verdict},
};
use crate::Timestamp;

impl<Q, S> Fifo<Q, S> {
    /// What becomes of the first request and the first response; `None` if time must tell.
    pub(super) fn verdict(&mut self, now: Timestamp) -> Option<Verdict> {
        let (request, response) = (self.requests.front()?, self.responses.front()?);
        let (asked, answered) = (&request.place, &response.place);
        let too_early = answered.opposite.is_some_and(|read| read <= asked.start);
        if self.in_step {
            // A response written before the first byte of the request was read answers nothing that was asked.
            return Some(if too_early { Verdict::ResponseAlone } else { Verdict::Pair });
        }
        if let Some(stood) = asked.opposite
            && self.goes_by_runs()
        {
            return if too_early { Some(Verdict::ResponseAlone) } else { self.run_verdict(stood, now) };
        }
        if self.pipelined {
            return Some(if too_early { Verdict::ResponseAlone } else { Verdict::RequestAlone });
        }
        if asked.opposite.is_some_and(|stood| stood < answered.start) {
            return Some(Verdict::RequestAlone);
        }
        if too_early {
            return Some(Verdict::ResponseAlone);
        }
        if asked.opposite.is_none() && answered.opposite.is_none() {
            let alone = !request.fresh || response.after_gap;
            return Some(if alone { Verdict::RequestAlone } else { Verdict::Pair });
        }
        let begins_there = asked.opposite.is_none_or(|stood| stood == answered.start);
        let read_no_further = answered.opposite.is_none_or(|read| asked.end.is_none_or(|end| read <= end));
        Some(if begins_there && read_no_further { Verdict::Pair } else { Verdict::Apart })
    }

    /// What becomes of the first request and the first response by the run that the request begins.
    fn run_verdict(&mut self, stood: u64, now: Timestamp) -> Option<Verdict> {
        let (request, response) = (self.requests.front()?, self.responses.front()?);
        if stood < response.place.start || self.overlapped {
            return Some(Verdict::RequestAlone);
        }
        if self.doubtful > 0 || stood > response.place.start {
            return Some(Verdict::Apart);
        }
        if request.leads && self.drained >= DRAINED_RUNS {
            return Some(Verdict::Pair);
        }
        // An answer to a lost request may still come, and may be the one at hand.
        let owed = self.lost_requests > self.lost_responses;
        let runs = self.runs.as_ref()?;
        let run = runs.front()?.requests;
        let untouched = |response: &Response<S>| !response.after_gap && response.lost_before == 0;
        let next = runs.get(1).and_then(|next| next.opposite);
        let is_there = |next: u64| self.responses.back().is_some_and(|newest| newest.place.start >= next);
        let fits = match next {
            _ if owed => false,
            Some(next) if is_there(next) => {
                let within = self.responses.partition_point(|response| response.place.start < next);
                within == run && self.responses.iter().take(within + 1).skip(1).all(untouched)
            }
            _ if self.responses.len() > self.limits.responses => false,
            _ if self.answering || now.since(self.active_at) < QUIET => return None,
            _ => {
                let gap = self.after_requests.gap || self.after_responses.gap;
                next.is_none()
                    && !gap
                    && self.responses.len() == run
                    && self.responses.iter().skip(1).all(untouched)
            }
        };
        if fits {
            return Some(Verdict::Pair);
        }
        self.doubtful = run;
        self.drained = 0;
        Some(Verdict::Apart)
    }

    /// Whether pairs are told by runs where the streams are out of step.
    pub(super) const fn goes_by_runs(&self) -> bool {
        let pipelines = self.pipelined || self.doubts_client && self.drained < DRAINED_RUNS;
        self.runs.is_some() && (pipelines || !self.runs_if_pipelined)
    }
}
