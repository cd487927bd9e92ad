//! What a pair, or half of one, does to the queues and to the books of what was lost.

use super::{
    Fifo, KEPT_REQUESTS, Settled,
    entry::{Decided, Tail},
};

impl<Q, S> Fifo<Q, S> {
    pub(super) fn pair(&mut self) -> Option<Settled<Q, S>> {
        if self.in_step {
            let request = self.requests.front()?;
            let begins = self.responses.front()?.place.start;
            self.pipelined |= request.place.opposite.is_some_and(|stood| stood < begins);
            if let Some(stood) = request.place.opposite.filter(|_| request.leads) {
                self.overlapped |= stood < begins;
                self.drained = self.drained.saturating_add(u8::from(stood == begins));
            }
        } else {
            self.balance();
            self.lost_requests = 0;
            self.lost_responses = 0;
            self.in_step = true;
            self.doubts_client = true;
            self.responses_torn = false;
        }
        let response = self.responses.pop_front()?;
        let request = self.pop_request()?;
        Some(Settled::Pair(request, response.payload))
    }

    pub(super) fn request_alone(&mut self) -> Option<Settled<Q, S>> {
        let payload = self.pop_request()?;
        self.in_step = false;
        if self.lost_requests < 0 && self.lost_responses <= 0 {
            self.lost_requests += 1;
            return Some(Settled::RequestAgain(payload));
        }
        if !self.responses_torn || self.lost_responses > 0 {
            self.lost_responses -= 1;
        }
        Some(Settled::Request(payload))
    }

    pub(super) fn response_alone(&mut self) -> Option<Settled<Q, S>> {
        let response = self.responses.pop_front()?;
        if self.lost_responses < 0 {
            self.lost_responses += 1;
            return Some(Settled::ResponseAgain(response.payload));
        }
        let unasked = self.in_step && !self.requests.is_empty();
        if !unasked {
            self.in_step = false;
            self.lost_requests -= 1;
            self.last_orphan = Some(response.place.start);
        }
        Some(Settled::Response(response.payload))
    }

    /// The two fit in part: one exchange, or halves of two. Debts on both sides speak for two.
    pub(super) fn apart(&mut self) -> Option<Settled<Q, S>> {
        if self.lost_requests > 0 && self.lost_responses > 0 {
            self.lost_responses -= 1;
            self.decided = Some(Decided::Alone);
        } else {
            self.decided = Some(Decided::Again);
        }
        self.pop_request().map(Settled::Request)
    }

    pub(super) fn pop_request(&mut self) -> Option<Q> {
        let request = self.requests.pop_front()?;
        if self.requests.is_empty() && self.requests.capacity() > KEPT_REQUESTS {
            self.requests.shrink_to(KEPT_REQUESTS);
        }
        self.held_bytes = self.held_bytes.saturating_sub(request.weight);
        self.doubtful = self.doubtful.saturating_sub(1);
        if let Some(runs) = &mut self.runs
            && let Some(run) = runs.front_mut()
        {
            run.requests = run.requests.saturating_sub(1);
            if run.requests == 0 {
                runs.pop_front();
            }
        }
        Some(request.payload)
    }

    /// Takes the losses ahead of the first of each queue into the books.
    pub(super) fn absorb(&mut self) {
        if let Some(request) = self.requests.front_mut() {
            self.lost_requests += std::mem::take(&mut request.lost_before);
            self.in_step &= !request.after_gap;
            request.after_gap = false;
        }
        if let Some(response) = self.responses.front_mut() {
            self.responses_torn |= self.runs_if_pipelined && response.after_gap && response.lost_before == 0;
            self.lost_responses += std::mem::take(&mut response.lost_before);
            self.in_step &= !response.after_gap;
        }
    }

    pub(super) fn balance(&mut self) {
        let both = self.lost_requests.min(self.lost_responses).max(0);
        self.lost_requests -= both;
        self.lost_responses -= both;
        self.unobserved = self.unobserved.saturating_add(both.unsigned_abs());
    }

    /// Whether every known loss has been accounted for, so that no answer can be on its way.
    pub(super) fn nothing_owed(&self, tail: Tail) -> bool {
        let owed_answers = self.lost_requests + tail.lost;
        let answers_lost = self.lost_responses + self.after_responses.lost;
        owed_answers == answers_lost && owed_answers >= 0
    }

    /// Nothing can be outstanding: what was counted as lost is either an exchange of which nothing was seen, or an error
    /// of the count.
    pub(super) fn forgive(&mut self, tail: Tail) {
        self.lost_requests += tail.lost;
        self.balance();
        self.lost_requests = 0;
        self.lost_responses = 0;
    }
}
