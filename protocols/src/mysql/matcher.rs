//! Gives each answer to its command.
//!
//! Without loss the n-th answer belongs to the n-th command. What breaks that, and what is made of it:
//!
//! * **A result longer than the capture copies.** The packets after the hole cannot be told apart; nor is that needed,
//!   for a client that waits for its answers sends the next command when it has read the last byte of this one. Until
//!   then the answer is *drained*: counted, not read. Its rows are not known, and nothing else of it is in doubt.
//! * **Lost bytes of answers.** The same, save that the exchange is partial.
//! * **Lost commands.** The commands after them are *unsure*: an answer is theirs only if it begins where its stream
//!   stood when the command was sent, and if what was read of the command's stream by then fits. Where a client has sent
//!   commands without waiting, that proves nothing; then pairing goes on after a second of silence.
//! * **Events that come late.** An answer can be reported before its command. It is held for
//!   [`LATE_WINDOW`](crate::fifo::LATE_WINDOW).

use std::{collections::VecDeque, time::Duration};

use super::{
    pending::{Pending, Text},
    reply::Reply,
    report::report,
    session::Session,
    statements::Statements,
};
use crate::{
    Limit, Outcome, Sink, Timestamp,
    fifo::{WAITING_BYTES, WAITING_REQUESTS},
};

mod client;
mod server;
mod settle;

/// Silence of both streams after which nothing is held to be outstanding.
const QUIET: Duration = Duration::from_secs(1);

/// Packets that may not stand where they do, without an exchange between them, after which the connection is given up.
const MISSES: u32 = 64;

/// What is known of where the server's packets begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// Everything.
    Framed,
    /// Nothing, in the midst of an answer.
    Draining,
    /// Nothing, until the next answer.
    Seeking,
}

/// What the parser must do to its streams after an event.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Orders {
    /// The framing of the client's stream is not known any more.
    pub(super) lose_client: bool,
    /// The same of the server's stream.
    pub(super) lose_server: bool,
    /// The server's next packet begins where the next segment does.
    pub(super) frame_server: bool,
    /// Nothing more can be read.
    pub(super) finish: bool,
    /// All that follows is TLS.
    pub(super) encrypt: bool,
    /// This is not the protocol.
    pub(super) give_up: bool,
}

/// The commands and answers of one connection.
pub(super) struct Matcher {
    pub(super) session: Session,
    statements: Statements,
    queue: VecDeque<Pending>,
    held_bytes: usize,
    spare: Vec<u8>,
    /// The answer under way: to the first in the queue, unless it is an orphan.
    reply: Option<Reply>,
    /// Whether the answer under way belongs to no command that was seen.
    orphan: bool,
    pub(super) link: Link,
    pub(super) orders: Orders,
    awaits_greeting: bool,
    /// Whether the next answer is known to belong to the first in the queue.
    proven: bool,
    /// Whether commands after the last that was queued were lost.
    hole: bool,
    /// Whether the client has sent commands without waiting for answers.
    pipelined: bool,
    /// Whether a command was seen: the login is over, or as good as.
    commanded: bool,
    client_continues: bool,
    server_continues: bool,
    /// How far the server's stream has come, and when.
    server_position: u64,
    server_moved: Timestamp,
    /// Offset past the last of the server's packets that was seen.
    server_read: u64,
    /// Whether what was seen last of an answer that is drained looks like its end.
    looks_ended: bool,
    active_at: Option<Timestamp>,
    /// Lost commands, less the answers without one that were reported; below zero while the loss is not known yet.
    lost_commands: i64,
    /// The same of answers.
    lost_answers: i64,
    /// Commands that were reported without their answer, which may still come.
    unmatched: u64,
    misses: u32,
    /// Whether the server reads headers and payloads apart.
    headers_apart: bool,
}

impl Matcher {
    pub(super) fn new(from_start: bool) -> Self {
        Self {
            session: Session::default(),
            statements: Statements::default(),
            queue: VecDeque::new(),
            held_bytes: 0,
            spare: Vec::new(),
            reply: None,
            orphan: false,
            link: if from_start { Link::Framed } else { Link::Seeking },
            orders: Orders::default(),
            awaits_greeting: from_start,
            proven: from_start,
            hole: false,
            pipelined: false,
            commanded: false,
            client_continues: false,
            server_continues: false,
            server_position: 0,
            server_moved: Timestamp::default(),
            server_read: 0,
            looks_ended: false,
            active_at: None,
            lost_commands: 0,
            lost_answers: 0,
            unmatched: 0,
            misses: 0,
            headers_apart: false,
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
            + self.spare.capacity()
            + self.statements.held_bytes()
            + self.session.held_bytes()
            + self.reply.as_ref().map_or(0, Reply::held_bytes)
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Whether the client sends a file that the server asked for, in packets that are no commands.
    pub(super) fn waits_for_file(&self) -> bool {
        !self.orphan && self.reply.as_ref().is_some_and(Reply::wants_file)
    }

    /// Whether bytes from the server answer nothing that was seen yet, so that the command is likely to come late.
    pub(super) fn answers_nothing(&self) -> bool {
        self.link == Link::Framed
            && self.queue.is_empty()
            && self.reply.is_none()
            && !self.server_continues
            && !self.awaits_greeting
            && self.proven
            && !self.hole
    }

    /// Bytes of a stream have moved.
    pub(super) fn active(&mut self, at: Timestamp) {
        self.active_at = self.active_at.max(Some(at));
    }

    pub(super) fn silent_since(&self, now: Timestamp) -> Duration {
        self.active_at.map_or(Duration::ZERO, |at| now.since(at))
    }

    fn push(&mut self, mut pending: Pending, sink: &mut dyn Sink) {
        let idle = self.queue.is_empty() && self.reply.is_none();
        if idle && self.silent_since(pending.span.started) >= QUIET {
            self.hole = false;
            self.pipelined = false;
            self.step_in(sink);
        }
        if std::mem::take(&mut self.hole) {
            self.proven = false;
        }
        pending.unsure = !self.proven;
        if pending.unsure {
            if self.queue.iter().any(|waiting| !waiting.unsure) {
                self.pipelined = true;
            } else {
                self.abandon(sink);
            }
            if self.pipelined {
                self.alone(&pending, sink);
                self.unmatched += 1;
                self.recycle(pending);
                return;
            }
        } else if let Some(newest) = self.queue.back() {
            let same_place = newest.span.opposite_offset.is_some()
                && newest.span.opposite_offset == pending.span.opposite_offset;
            match self.link {
                Link::Framed => self.pipelined = true,
                Link::Seeking if same_place => self.pipelined = true,
                Link::Seeking => self.abandon(sink),
                Link::Draining => {
                    self.pipelined = true;
                    self.abandon(sink);
                }
            }
        }
        self.held_bytes += pending.held_bytes();
        self.queue.push_back(pending);
        if self.queue.len() > WAITING_REQUESTS || self.held_bytes > WAITING_BYTES {
            sink.limited(Limit::WaitingRequests);
            self.pipelined = true;
            self.abandon(sink);
            self.seek();
            self.proven = false;
        }
    }

    /// Reports a command whose answer will not be known.
    fn alone(&mut self, pending: &Pending, sink: &mut dyn Sink) {
        report(&self.session, Some(pending), None, Outcome::Partial, sink);
        self.lost_answers -= 1;
    }

    /// Gives all waiting commands up, and the answer under way.
    fn abandon(&mut self, sink: &mut dyn Sink) {
        let reply = self.reply.take().filter(|_| !std::mem::take(&mut self.orphan));
        let mut begun = reply.is_some();
        while let Some(pending) = self.pop() {
            self.alone(&pending, sink);
            if !std::mem::take(&mut begun) {
                self.unmatched += 1;
            }
            self.recycle(pending);
        }
    }

    fn pop(&mut self) -> Option<Pending> {
        let pending = self.queue.pop_front()?;
        self.held_bytes = self.held_bytes.saturating_sub(pending.held_bytes());
        Some(pending)
    }

    /// Keeps the room for text, so that the next command needs none.
    fn recycle(&mut self, pending: Pending) {
        if let Text::Own(text) = pending.text
            && self.spare.capacity() < text.capacity()
        {
            self.spare = text;
        }
    }

    /// Both streams are known to be in step.
    fn step_in(&mut self, sink: &mut dyn Sink) {
        self.proven = true;
        self.unmatched = 0;
        self.balance(sink);
    }

    fn balance(&mut self, sink: &mut dyn Sink) {
        let both = self.lost_commands.min(self.lost_answers).max(0).unsigned_abs();
        self.lost_commands = 0;
        self.lost_answers = 0;
        if both > 0 {
            sink.unobserved(both);
        }
    }

    fn miss(&mut self) {
        self.misses += 1;
        self.orders.give_up |= self.misses > MISSES;
    }

    fn seek(&mut self) {
        self.link = Link::Seeking;
        self.orders.lose_server = true;
        self.server_continues = false;
    }
}
