//! Requests that wait for their response, and the books about what was lost.
//!
//! A broker answers a connection's requests in order, and repeats the correlation id of each. The id makes the pair; the
//! order tells which answers a loss has taken: those to the requests before the one that is answered next.
//!
//! Clients count their ids up. Of one that uses an id again while it is in use, or that does not count at all, an id
//! proves nothing once something was lost; then a pair must be proven by where both streams stood (see `crate::fifo`).

use std::{collections::VecDeque, time::Duration};

use super::{apis::Api, message::Said};
use crate::{Timestamp, ordered::Span};

/// Requests that may wait. Clients that do not limit themselves (librdkafka allows a million) get to some hundreds.
pub(super) const REQUESTS: usize = 1024;
/// Bytes that waiting requests may hold, all together.
pub(super) const BYTES: usize = 256 * 1024;
/// Responses that may wait for requests seen late.
pub(super) const HELD_RESPONSES: usize = 16;
/// Records of requests kept to be used again.
const SPARE: usize = 16;
/// Bytes that a request takes at least: length, key, version, correlation id.
const SHORTEST: u64 = 12;
/// Steps of one from id to id after which a client is believed to count.
const COUNTING: u32 = 2;
/// How far from the last request that was seen one may be that was not.
const NEAR: u32 = 64;
/// Silence after which nothing is held to be outstanding where no offsets are known to tell.
const QUIET: Duration = Duration::from_secs(1);

/// A request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) span: Span,
    pub(super) key: i16,
    pub(super) version: i16,
    pub(super) correlation: i32,
    pub(super) flexible: bool,
    pub(super) api: Option<&'static Api>,
    pub(super) said: Said,
    /// Nothing was outstanding when it came.
    fresh: bool,
    /// Losses before it.
    losses: u64,
}

impl Request {
    fn empty() -> Self {
        Self {
            span: Span::default(),
            key: 0,
            version: 0,
            correlation: 0,
            flexible: false,
            api: None,
            said: Said::empty(),
            fresh: false,
            losses: 0,
        }
    }
}

/// The requests of one connection.
#[derive(Debug)]
pub(super) struct Waiting {
    queue: VecDeque<Box<Request>>,
    bytes: usize,
    #[expect(clippy::vec_box, reason = "records move between here and the queue by their pointer")]
    spare: Vec<Box<Request>>,
    last_id: Option<i32>,
    /// Steps of one in a row, up to where that is certain.
    steps: u32,
    /// No id was used again so far.
    unique: bool,
    /// Ids go up, as far as was seen.
    rising: bool,
    /// Something was lost, and nothing has been proven since.
    unsure: bool,
    /// Losses so far.
    losses: u64,
    /// Requests were sent before the one before them was answered.
    pipelined: bool,
    active_at: Timestamp,
    /// Requests were lost since the last that was seen: so many calls, so many bytes.
    requests_gap: Option<(u64, u64)>,
    /// Responses were lost since the last that found its request.
    responses_gap: bool,
    /// Lost messages, less the half exchanges that account for them.
    lost_requests: i64,
    lost_responses: i64,
    /// Whether the ids told how many requests were lost.
    counted: bool,
    /// Offset of the first request behind those that were lost.
    behind_lost: u64,
}

impl Waiting {
    pub(super) fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            bytes: 0,
            spare: Vec::new(),
            last_id: None,
            steps: 0,
            unique: true,
            rising: false,
            unsure: false,
            losses: 0,
            pipelined: false,
            active_at: Timestamp::default(),
            requests_gap: None,
            responses_gap: false,
            lost_requests: 0,
            lost_responses: 0,
            counted: true,
            behind_lost: 0,
        }
    }

    /// A record to fill.
    pub(super) fn record(&mut self) -> Box<Request> {
        let mut request = self.spare.pop().unwrap_or_else(|| Box::new(Request::empty()));
        request.said.reset();
        request
    }

    /// Takes a record back that was reported.
    pub(super) fn recycle(&mut self, request: Box<Request>) {
        if self.spare.len() < SPARE {
            self.spare.push(request);
        }
    }

    /// Bytes that waiting requests hold.
    pub(super) fn held_bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn has_room(&self) -> bool {
        self.queue.len() <= REQUESTS && self.bytes <= BYTES
    }

    pub(super) fn active_at(&self) -> Timestamp {
        self.active_at
    }

    pub(super) fn touch(&mut self, at: Timestamp) {
        self.active_at = self.active_at.max(at);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Request> {
        self.queue.iter().map(|request| &**request)
    }

    /// Whether nothing was ever lost.
    pub(super) fn is_lossless(&self) -> bool {
        self.losses == 0
    }

    /// Requests were lost: so many calls, zero if unknown.
    pub(super) fn lose_requests(&mut self, calls: u64) {
        let gap = self.requests_gap.get_or_insert_default();
        gap.0 = gap.0.saturating_add(calls);
        self.lose();
    }

    /// So many bytes of the request stream were not seen.
    pub(super) fn lose_request_bytes(&mut self, bytes: u64) {
        let gap = self.requests_gap.get_or_insert_default();
        gap.1 = gap.1.saturating_add(bytes);
    }

    /// Responses were lost: so many calls, zero if unknown.
    pub(super) fn lose_responses(&mut self, calls: u64) {
        self.lost_responses = self.lost_responses.saturating_add_unsigned(calls);
        self.responses_gap = true;
        self.lose();
    }

    fn lose(&mut self) {
        self.losses += 1;
        self.unsure |= !self.unique || !self.rising;
    }

    /// Takes note of the id of a request that was seen: how many were lost before it, and whether the client counts.
    pub(super) fn note(&mut self, request: &mut Request) {
        let id = request.correlation;
        let quiet = request.span.started.since(self.active_at) >= QUIET;
        request.fresh = self.queue.is_empty() && quiet;
        let gap = self.requests_gap.take();
        request.fresh &= gap.is_none();
        request.losses = self.losses;
        self.pipelined |= !self.queue.is_empty();
        let step = self.last_id.map(|last| id.wrapping_sub(last));
        self.last_id = Some(id);
        match step {
            Some(step) if step <= 0 => {
                self.unique = false;
                self.unsure |= self.losses > 0;
            }
            Some(_) if self.unique => {
                self.rising = true;
                self.unsure = false;
            }
            _ => {}
        }
        match gap {
            None => self.steps = if step == Some(1) { self.steps.saturating_add(1) } else { 0 },
            Some((calls, bytes)) => {
                self.behind_lost = request.span.offset;
                let skipped = step.and_then(|step| u64::try_from(step - 1).ok());
                let counts = self.unique && self.steps >= COUNTING;
                match skipped.filter(|&skipped| counts && skipped <= bytes / SHORTEST) {
                    Some(skipped) => self.lost_requests = self.lost_requests.saturating_add_unsigned(skipped),
                    None => {
                        self.counted = false;
                        self.lost_requests = self.lost_requests.saturating_add_unsigned(calls);
                    }
                }
            }
        }
        self.touch(request.span.ended.unwrap_or(request.span.started));
    }

    /// Queues a request.
    pub(super) fn push(&mut self, request: Box<Request>) {
        self.bytes += request.said.held();
        self.queue.push_back(request);
    }

    /// The place of the request that a response with this id belongs to.
    pub(super) fn find(&self, id: i32, response: &Span) -> Option<usize> {
        let place = self.queue.iter().position(|request| request.correlation == id)?;
        let request = &self.queue[place];
        // A response written before the first byte of the request was read answers another one.
        let too_early = response.opposite_offset.is_some_and(|read| read <= request.span.offset);
        if too_early || (self.unsure && !self.proven(request, response)) { None } else { Some(place) }
    }

    /// Takes the request at this place out as one that was answered. Gives how many exchanges are now known to have
    /// gone unseen.
    pub(super) fn answer(&mut self, place: usize) -> Option<(Box<Request>, u64)> {
        let request = self.take(place)?;
        self.unsure = false;
        self.responses_gap = false;
        let unseen = if request.span.offset >= self.behind_lost { self.balance() } else { 0 };
        Some((request, unseen))
    }

    /// The next request whose response was lost, because one after it at `place` is being answered.
    pub(super) fn skipped(&mut self, place: usize) -> Option<Box<Request>> {
        if place == 0 || !self.responses_gap { None } else { self.take_unanswered() }
    }

    /// The oldest request, whose response was lost, or is not waited for any longer.
    pub(super) fn take_unanswered(&mut self) -> Option<Box<Request>> {
        let request = self.take(0)?;
        self.lost_responses -= 1;
        Some(request)
    }

    /// Whether the responses to what waits may have been lost.
    pub(super) fn may_have_lost_responses(&self) -> bool {
        self.responses_gap
    }

    /// A response was seen whose request was lost.
    pub(super) fn orphan(&mut self) {
        self.lost_requests -= 1;
    }

    /// The end: how many exchanges went unseen.
    pub(super) fn finish(&mut self) -> u64 {
        if let Some((calls, _)) = self.requests_gap.take() {
            self.counted = false;
            self.lost_requests = self.lost_requests.saturating_add_unsigned(calls);
        }
        self.balance()
    }

    fn take(&mut self, place: usize) -> Option<Box<Request>> {
        // Almost always the first.
        let request = if place == 0 { self.queue.pop_front() } else { self.queue.remove(place) }?;
        self.bytes = self.bytes.saturating_sub(request.said.held());
        Some(request)
    }

    /// Both streams are in step: what is still owed by them went unseen.
    fn balance(&mut self) -> u64 {
        let requests = self.lost_requests;
        let unseen = if self.counted { requests } else { requests.min(self.lost_responses) };
        self.lost_requests = 0;
        self.lost_responses = 0;
        self.counted = true;
        unseen.max(0).unsigned_abs()
    }

    /// Whether the response begins exactly where its stream stood when the request was read, and nothing after the
    /// request was read before the response was written.
    fn proven(&self, request: &Request, response: &Span) -> bool {
        let asked = &request.span;
        match (asked.opposite_offset, response.opposite_offset) {
            (Some(stood), Some(read)) => {
                let end = asked.offset.saturating_add(asked.bytes);
                !self.pipelined && stood == response.offset && read <= end
            }
            _ => request.fresh && request.losses == self.losses && self.queue.len() == 1,
        }
    }

    /// Whether a response with this id may answer a request that was sent around the last one that was seen.
    pub(super) fn is_near(&self, id: i32) -> bool {
        self.last_id.is_some_and(|last| id.wrapping_sub(last).unsigned_abs() <= NEAR)
    }
}
