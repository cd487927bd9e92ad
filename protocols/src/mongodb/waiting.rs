//! Requests that wait for their answer, found by number.
//!
//! A server works on one request of a connection after the other. So an answer says that those sent before the request
//! it answers will have none any more: the answers were lost to observation.

use std::collections::VecDeque;

use super::message::{Reply, Request};
use crate::{Timestamp, ordered::Message};

/// Requests that may wait: drivers send the next when the last was answered.
pub(super) const REQUESTS: usize = 64;

/// Requests whose room is kept for others.
pub(super) const SPARE: usize = 4;

/// Answers that may wait for a request that is reported late.
pub(super) const REPLIES: usize = 16;

/// Numbers remembered of requests that were given up, so that a late answer is not reported as another exchange.
const GIVEN_UP: usize = 16;

/// A request, and the last of its answers where there are several.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) request: Message<Request>,
    pub(super) reply: Option<Message<Reply>>,
    /// The number that the next answer names.
    expected: u32,
}

impl Waiting {
    /// A request whose answers may be here already.
    pub(super) fn answered(request: Message<Request>, reply: Option<Message<Reply>>) -> Self {
        let expected = request.content.id;
        Self { request, reply, expected }
    }
}

/// The requests and answers of one connection.
#[derive(Debug, Default)]
pub(super) struct Table {
    requests: VecDeque<Waiting>,
    replies: VecDeque<Message<Reply>>,
    spare: Vec<Request>,
    given_up: VecDeque<u32>,
}

impl Table {
    /// A request with room for names, to be filled.
    pub(super) fn room(&mut self) -> Request {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes the room of a request that is done with.
    pub(super) fn done(&mut self, request: Request) {
        if self.spare.len() < SPARE {
            self.spare.push(request);
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        let waiting = self.requests.iter().map(|waiting| waiting.request.content.names.held_bytes());
        let spare = self.spare.iter().map(|request| request.names.held_bytes());
        waiting.sum::<usize>() + spare.sum::<usize>()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.replies.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.requests.len() >= REQUESTS
    }

    /// Lets a request wait.
    pub(super) fn push(&mut self, request: Message<Request>) {
        self.requests.push_back(Waiting::answered(request, None));
    }

    /// How many requests stand before the one that is answered by this number.
    pub(super) fn position(&self, response_to: u32) -> Option<usize> {
        self.requests.iter().position(|waiting| waiting.expected == response_to)
    }

    /// The request that was sent first.
    pub(super) fn pop(&mut self) -> Option<Waiting> {
        self.requests.pop_front()
    }

    /// Adds an answer to the request that was sent first, which waits for more.
    pub(super) fn answer_first(&mut self, mut reply: Message<Reply>) {
        let Some(first) = self.requests.front_mut() else { return };
        first.expected = reply.content.id;
        if let Some(earlier) = first.reply.take() {
            reply = join(earlier, reply);
        }
        first.reply = Some(reply);
    }

    /// Holds an answer whose request may be reported late. Gives back one that was held too long already.
    pub(super) fn hold(&mut self, reply: Message<Reply>) -> Option<Message<Reply>> {
        self.replies.push_back(reply);
        if self.replies.len() > REPLIES { self.replies.pop_front() } else { None }
    }

    /// An answer that was seen before its request.
    pub(super) fn take_held(&mut self, id: u32) -> Option<Message<Reply>> {
        let position = self.replies.iter().position(|reply| reply.content.response_to == id)?;
        self.replies.remove(position)
    }

    /// An answer that has been held since before that moment.
    pub(super) fn take_older(&mut self, than: impl Fn(Timestamp) -> bool) -> Option<Message<Reply>> {
        let old = self.replies.front().is_some_and(|reply| than(reply.span.started));
        if old { self.replies.pop_front() } else { None }
    }

    /// Answers to the requests that wait may have been lost.
    pub(super) fn doubt(&mut self) {
        for waiting in &mut self.requests {
            waiting.request.content.answer_lost = true;
        }
    }

    /// Remembers a request that was given up.
    pub(super) fn give_up(&mut self, id: u32) {
        self.given_up.push_back(id);
        if self.given_up.len() > GIVEN_UP {
            self.given_up.pop_front();
        }
    }

    /// Whether this answers a request that was given up.
    pub(super) fn was_given_up(&self, response_to: u32) -> bool {
        self.given_up.contains(&response_to)
    }
}

/// Several answers to one request as one.
pub(super) fn join(earlier: Message<Reply>, mut later: Message<Reply>) -> Message<Reply> {
    later.span.offset = earlier.span.offset;
    later.span.opposite_offset = earlier.span.opposite_offset;
    later.span.started = earlier.span.started;
    later.span.bytes = later.span.bytes.saturating_add(earlier.span.bytes);
    later.span.missing_bytes = later.span.missing_bytes.saturating_add(earlier.span.missing_bytes);
    let rows = |reply: &Reply| reply.rows;
    later.content.rows =
        rows(&earlier.content).zip(rows(&later.content)).map(|(one, other)| one.saturating_add(other));
    later
}
