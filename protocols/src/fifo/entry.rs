//! What the matcher queues and what it answers.

use super::{HELD_RESPONSES, WAITING_BYTES, WAITING_REQUESTS};
use crate::Timestamp;

/// How much a matcher holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Requests that may wait.
    pub(crate) requests: usize,
    /// Bytes that these may hold, all together.
    pub(crate) bytes: usize,
    /// Responses that may be held.
    pub(crate) responses: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { requests: WAITING_REQUESTS, bytes: WAITING_BYTES, responses: HELD_RESPONSES }
    }
}

/// Where a request stands in the two streams.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestPlace {
    /// Offset of its first byte.
    pub(crate) start: u64,
    /// Offset past its last byte, `None` while that was not seen.
    pub(crate) end: Option<u64>,
    /// Where the response stream stood when it was moved.
    pub(crate) opposite: Option<u64>,
    /// When it was seen.
    pub(crate) at: Timestamp,
}

/// Where a response stands in the two streams.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResponsePlace {
    /// Offset of its first byte.
    pub(crate) start: u64,
    /// Where the request stream stood when its first byte was moved.
    pub(crate) opposite: Option<u64>,
    /// When it was seen.
    pub(crate) at: Timestamp,
}

/// What became of a message.
#[derive(Debug)]
pub(crate) enum Settled<Q, S> {
    /// They belong together.
    Pair(Q, S),
    /// The response to it was lost, or cannot be told from others.
    Request(Q),
    /// The connection ended, or was given up, and no response is known to have been lost.
    Unanswered(Q),
    /// The request for it was lost, or there was none.
    Response(S),
    /// The exchange that it belongs to was reported before, by its response.
    RequestAgain(Q),
    /// The exchange that it belongs to was reported before, by its request.
    ResponseAgain(S),
}

#[derive(Debug)]
pub(super) struct Request<Q> {
    pub(super) place: RequestPlace,
    pub(super) payload: Q,
    pub(super) weight: usize,
    pub(super) lost_before: i64,
    pub(super) after_gap: bool,
    /// Nothing could be outstanding when it came.
    pub(super) fresh: bool,
    /// The first of its run, for certain.
    pub(super) leads: bool,
}

/// Requests in a row that were moved while the response stream stood at one place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) opposite: Option<u64>,
    pub(super) requests: usize,
}

#[derive(Debug)]
pub(super) struct Response<S> {
    pub(super) place: ResponsePlace,
    pub(super) payload: S,
    pub(super) lost_before: i64,
    pub(super) after_gap: bool,
}

/// Messages lost from one stream since the last that was queued.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tail {
    pub(super) lost: i64,
    pub(super) gap: bool,
    /// Among them are bytes that should have been seen.
    pub(super) torn: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Pair,
    RequestAlone,
    ResponseAlone,
    Apart,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decided {
    Alone,
    Again,
}
