//! Pairs requests with responses where a protocol answers in order, through loss and through events that come late.
//!
//! Without loss the n-th response belongs to the n-th request, and that is all. Two things break it:
//!
//! * **Late events.** The kernel reports a write after its bytes left; the answer can be reported first. A response
//!   without a request is therefore held for [`LATE_WINDOW`].
//! * **Loss.** After a gap the count is worth nothing. What remains is where both streams stood: a request read while
//!   the response stream stood at offset H is answered by the response that begins at H, if the client waits for each
//!   answer, and that response is written when exactly this request, and nothing after it, has been read. Pairing goes
//!   on only for pairs that fit, and the first that fits puts the two streams in step again. Everything else is
//!   reported as half an exchange, never as a guess.
//!
//! An observer's offsets of the opposite stream are never too small, but can be too large when another thread moved
//! bytes before the call was reported (requests seen by the client, responses seen by the server). Both are compared,
//! so such a pair is given up rather than misjudged. Once a connection has pipelined, offsets prove nothing: a loss
//! then ends pairing on it for good.
//!
//! A matcher made with [`Fifo::pipelining`] puts streams in step again by whole runs of requests instead: those that were
//! moved while the response stream stood at one place. A run is answered by what lies between that place and the place
//! of the next run, and only if these are exactly as many responses, none of them behind a gap. Where two runs in a row
//! have shown that the client waits for every answer of a run before it sends the next, the place alone suffices, unless
//! bytes were lost before the run that could have been its beginning. What a client has overlapped is not put in step
//! again before both streams have rested. One made with [`Fifo::recovering`] does the same once a connection has
//! pipelined, and goes by single places until then, where the client was
//! seen to wait.
//!
//! The books: every lost message is a debt that a half exchange of the other stream pays. What is still owed by both
//! streams when they are in step again are exchanges of which nothing was seen.

use std::{collections::VecDeque, time::Duration};

use crate::{Limit, Timestamp};

mod books;
mod entry;
mod judge;

use entry::{Decided, Request, Response, Run, Tail, Verdict};
pub(crate) use entry::{Limits, RequestPlace, ResponsePlace, Settled};

/// How long a response waits for a request that is reported late. Measured lateness is the time between a system call's
/// work and its return, microseconds; a preempted thread can take a scheduler tick or two.
pub(crate) const LATE_WINDOW: Duration = Duration::from_millis(10);

/// Silence after which nothing is held to be outstanding where no offsets are known to tell.
const QUIET: Duration = Duration::from_secs(1);

/// The same where offsets tell most of it: longer than a command takes that is no long one.
const SETTLED: Duration = Duration::from_millis(100);

/// Requests that may wait. Clients that pipeline send some tens; thousands are an attack.
pub(crate) const WAITING_REQUESTS: usize = 256;

/// Requests whose room is kept when none waits.
const KEPT_REQUESTS: usize = 1024;

/// Bytes that waiting requests may hold, all together.
pub(crate) const WAITING_BYTES: usize = 256 * 1024;

/// Responses that may wait for late requests.
pub(crate) const HELD_RESPONSES: usize = 16;

/// Runs that must have been answered in whole before the next began until that is taken for the client's way.
const DRAINED_RUNS: u8 = 2;

/// The matcher of one connection.
#[derive(Debug)]
pub(crate) struct Fifo<Q, S> {
    requests: VecDeque<Request<Q>>,
    responses: VecDeque<Response<S>>,
    held_bytes: usize,
    limits: Limits,
    in_step: bool,
    pipelined: bool,
    /// Lengths of the runs of requests in the queue, if pairs are told by runs.
    runs: Option<VecDeque<Run>>,
    /// Whether runs tell only where a connection has pipelined.
    runs_if_pipelined: bool,
    /// Whether the client is believed to wait only once it was seen to: the streams were in step before, or requests
    /// were lost.
    doubts_client: bool,
    /// A response is under way that was not queued yet.
    answering: bool,
    /// Responses of which nobody knows how many were lost before the first in the queue, so that a request without one
    /// is explained.
    responses_torn: bool,
    /// Where the response stream stood at the request queued last, if nothing is lost since.
    newest_opposite: Option<u64>,
    /// Runs of more than the first that were seen to begin where nothing was outstanding.
    drained: u8,
    /// A run was sent while answers to an earlier one were outstanding.
    overlapped: bool,
    /// So many requests at the front were judged, as a run, to have no answers that can be told.
    doubtful: usize,
    /// Lost messages ahead of the first in the queue, less the half exchanges that account for them. Below zero, half
    /// exchanges were reported for which no loss is known yet.
    lost_requests: i64,
    lost_responses: i64,
    after_requests: Tail,
    after_responses: Tail,
    unobserved: u64,
    limit: Option<Limit>,
    /// What was decided of the first held response when the request before it was judged.
    decided: Option<Decided>,
    last_orphan: Option<u64>,
    active_at: Timestamp,
}

impl<Q, S> Fifo<Q, S> {
    /// Bytes that a waiting request takes beside what it holds.
    pub(crate) const REQUEST_BYTES: usize = size_of::<Request<Q>>();

    /// A matcher; `in_step` where the connection is seen from its first byte on.
    pub(crate) fn new(in_step: bool) -> Self {
        Self::with(in_step, Limits::default(), None)
    }

    /// The same for a protocol that pipelines as a rule: pairs are told by runs of requests.
    pub(crate) fn pipelining(in_step: bool, limits: Limits) -> Self {
        Self::with(in_step, limits, Some(VecDeque::new()))
    }

    /// The same for a protocol some of whose clients pipeline: for those only.
    pub(crate) fn recovering(in_step: bool) -> Self {
        Self { runs_if_pipelined: true, ..Self::pipelining(in_step, Limits::default()) }
    }

    fn with(in_step: bool, limits: Limits, runs: Option<VecDeque<Run>>) -> Self {
        Self {
            limits,
            runs,
            runs_if_pipelined: false,
            doubts_client: in_step,
            answering: false,
            responses_torn: false,
            newest_opposite: None,
            drained: 0,
            overlapped: false,
            doubtful: 0,
            requests: VecDeque::new(),
            responses: VecDeque::new(),
            held_bytes: 0,
            in_step,
            pipelined: false,
            lost_requests: 0,
            lost_responses: 0,
            after_requests: Tail::default(),
            after_responses: Tail::default(),
            unobserved: 0,
            limit: None,
            decided: None,
            last_orphan: None,
            active_at: Timestamp::default(),
        }
    }

    /// Queues a request that holds `weight` bytes. `idle` says that no exchange is under way.
    pub(crate) fn push_request(&mut self, place: RequestPlace, payload: Q, weight: usize, idle: bool) {
        let tail = std::mem::take(&mut self.after_requests);
        let idle = idle && self.requests.is_empty() && self.responses.is_empty();
        if let Some(opposite) = place.opposite {
            let earlier = self.requests.back().and_then(|request| request.place.opposite);
            self.pipelined |= earlier == Some(opposite);
            let owed = self.lost_requests + tail.lost;
            let first = self.requests.is_empty();
            if first && owed < 0 && self.last_orphan.is_some_and(|start| opposite > start) {
                // It was sent with the odd response already there: nobody asked for that one.
                self.lost_requests -= owed;
            }
            let rested = if idle { place.at.since(self.active_at) } else { Duration::ZERO };
            if self.goes_by_runs() && rested >= SETTLED {
                self.forgive(tail);
                // The next run begins where nothing is outstanding.
                self.overlapped &= rested < QUIET;
            }
        } else {
            self.pipelined |= !self.requests.is_empty() && self.in_step && !tail.gap;
            if idle && place.at.since(self.active_at) >= QUIET {
                self.forgive(tail);
            }
        }
        let fresh = idle && self.nothing_owed(tail);
        let leads = self.join_run(place.opposite, tail);
        self.active_at = self.active_at.max(place.at);
        self.held_bytes += weight;
        self.requests.push_back(Request {
            place,
            payload,
            weight,
            lost_before: tail.lost,
            after_gap: tail.gap,
            fresh,
            leads,
        });
    }

    /// Counts a request into the run it belongs to. Says whether it certainly begins one.
    fn join_run(&mut self, opposite: Option<u64>, tail: Tail) -> bool {
        let Some(runs) = &mut self.runs else { return false };
        let earlier = self.newest_opposite.filter(|_| !tail.torn);
        self.newest_opposite = opposite;
        match runs.back_mut() {
            Some(run) if run.opposite == opposite && !tail.gap => run.requests += 1,
            _ => runs.push_back(Run { opposite, requests: 1 }),
        }
        earlier.zip(opposite).is_some_and(|(earlier, opposite)| earlier < opposite)
    }

    /// Whether a response is under way that is queued once it has ended: silence then says nothing.
    pub(crate) fn set_answering(&mut self, answering: bool) {
        self.answering = answering;
    }

    /// Queues a response at its first head.
    pub(crate) fn push_response(&mut self, place: ResponsePlace, payload: S) {
        let tail = std::mem::take(&mut self.after_responses);
        self.active_at = self.active_at.max(place.at);
        self.responses.push_back(Response { place, payload, lost_before: tail.lost, after_gap: tail.gap });
    }

    /// `count` requests are believed lost after the last that was queued. Zero says that the count is not known.
    pub(crate) fn lose_requests(&mut self, count: u64) {
        self.skip_requests(count);
        self.after_requests.torn = true;
    }

    /// The same where they were not copied: they belong to the call that moved the request before them.
    pub(crate) fn skip_requests(&mut self, count: u64) {
        self.after_requests.lost = self.after_requests.lost.saturating_add_unsigned(count);
        self.after_requests.gap = true;
        self.doubts_client = true;
    }

    /// The same for responses.
    pub(crate) fn lose_responses(&mut self, count: u64) {
        self.after_responses.lost = self.after_responses.lost.saturating_add_unsigned(count);
        self.after_responses.gap = true;
    }

    /// The request queued last, if it still waits.
    pub(crate) fn newest_request(&mut self) -> Option<(&mut RequestPlace, &mut Q)> {
        self.requests.back_mut().map(|request| (&mut request.place, &mut request.payload))
    }

    /// The request that has waited longest.
    pub(crate) fn front_request(&self) -> Option<&Q> {
        self.requests.front().map(|request| &request.payload)
    }

    /// The response queued last, if it is still held.
    pub(crate) fn newest_response(&mut self) -> Option<&mut S> {
        self.responses.back_mut().map(|response| &mut response.payload)
    }

    /// Whether requests wait.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.requests.is_empty()
    }

    /// How many requests wait.
    pub(crate) fn waiting(&self) -> usize {
        self.requests.len()
    }

    /// Whether responses are held.
    pub(crate) fn is_holding(&self) -> bool {
        !self.responses.is_empty()
    }

    /// Whether no more requests wait than may.
    pub(crate) fn has_room(&self) -> bool {
        self.requests.len() <= self.limits.requests && self.held_bytes <= self.limits.bytes
    }

    /// Whether one more request may wait.
    pub(crate) fn has_room_for_more(&self) -> bool {
        self.requests.len() < self.limits.requests && self.held_bytes < self.limits.bytes
    }

    /// Whether the next response is known to belong to the next request.
    pub(crate) fn is_in_step(&self) -> bool {
        self.in_step && !self.after_requests.gap && !self.after_responses.gap
    }

    /// Whether nothing is known to be lost or held, so that the next response answers the oldest request.
    pub(crate) fn is_certain(&self) -> bool {
        let first_follows = self.requests.front().is_none_or(|first| !first.after_gap);
        self.in_step
            && first_follows
            && self.responses.is_empty()
            && !self.after_requests.gap
            && !self.after_responses.gap
    }

    /// The oldest request, if the next response is certain to answer it.
    pub(crate) fn certain_request(&mut self) -> Option<&mut Q> {
        let certain = self.in_step && self.responses.is_empty() && !self.after_responses.gap;
        let first = self.requests.front_mut().filter(|first| certain && !first.after_gap)?;
        Some(&mut first.payload)
    }

    /// Whether a request was ever sent before the one ahead of it was answered.
    pub(crate) fn has_pipelined(&self) -> bool {
        self.pipelined
    }

    /// Whether the client was seen to wait for every answer before it sent more.
    pub(crate) fn client_waits(&self) -> bool {
        !self.pipelined && !self.overlapped && self.drained >= DRAINED_RUNS
    }

    /// Bytes that waiting requests hold.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// The responses held.
    pub(crate) fn held_responses(&self) -> impl Iterator<Item = &S> {
        self.responses.iter().map(|response| &response.payload)
    }

    /// Exchanges found to have gone unseen since the last call.
    pub(crate) fn take_unobserved(&mut self) -> u64 {
        std::mem::take(&mut self.unobserved)
    }

    /// The bound that the last call of [`Fifo::next`] or [`Fifo::finish`] ran into.
    pub(crate) fn take_limit(&mut self) -> Option<Limit> {
        self.limit.take()
    }

    /// What can be settled now. To be called until it gives `None`.
    pub(crate) fn next(&mut self, now: Timestamp) -> Option<Settled<Q, S>> {
        if !self.has_room() {
            self.limit = Some(Limit::WaitingRequests);
            self.absorb();
            return self.request_alone();
        }
        let late = self.responses.front()?.place;
        match self.decided.take() {
            Some(Decided::Alone) => return self.response_alone(),
            Some(Decided::Again) => {
                return self.responses.pop_front().map(|response| Settled::ResponseAgain(response.payload));
            }
            None => {}
        }
        if self.requests.is_empty() {
            let crowded = self.responses.len() > self.limits.responses;
            if !crowded && now.since(late.at) <= LATE_WINDOW {
                return None;
            }
            if crowded {
                self.limit = Some(Limit::HeldResponses);
            }
            self.absorb();
            return self.response_alone();
        }
        self.absorb();
        match self.verdict(now)? {
            Verdict::Pair => self.pair(),
            Verdict::RequestAlone => self.request_alone(),
            Verdict::ResponseAlone => self.response_alone(),
            Verdict::Apart => self.apart(),
        }
    }

    /// What is left at the end of the connection, one by one until it gives `None`.
    pub(crate) fn finish(&mut self) -> Option<Settled<Q, S>> {
        if let Some(settled) = self.next(Timestamp::from_nanos(u64::MAX)) {
            return Some(settled);
        }
        self.absorb();
        if self.requests.is_empty() {
            self.lost_requests += std::mem::take(&mut self.after_requests).lost;
            self.lost_responses += std::mem::take(&mut self.after_responses).lost;
            self.balance();
            return None;
        }
        let reported = self.lost_requests + self.after_requests.lost < 0;
        if reported || self.lost_responses + self.after_responses.lost > 0 {
            return self.request_alone();
        }
        self.pop_request().map(Settled::Unanswered)
    }

    /// Gives the oldest waiting request up: it was not answered for too long. A response that comes after all is not
    /// reported again.
    pub(crate) fn give_up(&mut self) -> Option<Q> {
        self.absorb();
        let payload = self.pop_request()?;
        self.in_step = false;
        self.lost_responses -= 1;
        Some(payload)
    }
}
