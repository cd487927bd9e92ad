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

use std::collections::VecDeque;

use super::{
    command::{Answer, Command},
    frame::{CONTINUED_BYTES, HEADER_BYTES, SERVER_KEEP_BYTES},
    message::{self, Login},
    pending::{self, Account, Pending, Text},
    reply::{Loss, Reply, Step, ends_rows},
    report::report,
    session::{Compression, Session},
    statements::{Prepared, Statements},
};
use crate::{
    CloseReason, Gap, GapCause, Limit, Outcome, Segment, Sink, Timestamp,
    fifo::{WAITING_BYTES, WAITING_REQUESTS},
    framed::{Event, Frame},
    ordered::Span,
    reader::Reader,
};
use std::{sync::Arc, time::Duration};

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

    // The client's stream.

    /// Takes a packet of the client in. `false` if the orders must be looked at.
    pub(super) fn client_event(&mut self, event: Event<'_>, sink: &mut dyn Sink) -> bool {
        match event {
            Event::Frame(frame) => {
                self.client_frame(&frame, sink);
                !self.orders.lose_client && !self.orders.finish
            }
            Event::Lost { calls } => {
                self.lost_from_client(calls);
                true
            }
            Event::Invalid => {
                self.miss();
                self.lost_from_client(0);
                true
            }
        }
    }

    /// Whether the client's next packet begins a command: nothing else may come.
    pub(super) fn expects_command(&self) -> bool {
        let logging_in = !self.commanded
            || self.queue.back().is_some_and(|newest| newest.command.answer() == Answer::Authentication);
        !logging_in && !self.client_continues && !self.waits_for_file()
    }

    /// A segment began that holds a header and nothing else.
    pub(super) fn header_alone(&mut self) {
        self.headers_apart = true;
    }

    fn lost_from_client(&mut self, calls: u64) {
        if self.waits_for_file() {
            return;
        }
        self.hole = true;
        self.client_continues = false;
        let commands = if self.headers_apart { calls.div_ceil(2) } else { calls };
        self.lost_commands = self.lost_commands.saturating_add_unsigned(commands);
    }

    /// So many bytes of a file passed.
    pub(super) fn file_bytes(&mut self, bytes: u64, missing: u64, at: Timestamp) {
        if let Some(front) = self.queue.front_mut() {
            front.span.bytes = front.span.bytes.saturating_add(bytes);
            front.span.missing_bytes = front.span.missing_bytes.saturating_add(missing);
            front.span.ended = Some(at);
        }
    }

    fn client_frame(&mut self, frame: &Frame<'_>, sink: &mut dyn Sink) {
        let continues = frame.length == CONTINUED_BYTES;
        if std::mem::replace(&mut self.client_continues, continues) {
            self.more_of_request(frame);
            return;
        }
        let Some((header, payload)) = frame.bytes.split_at_checked(HEADER_BYTES) else { return };
        let bytes = frame.length.saturating_sub(HEADER_BYTES as u64);
        let sequence = header.last().copied().unwrap_or_default();
        if self.waits_for_file() {
            self.file_bytes(frame.length, frame.missing_bytes, frame.ended.unwrap_or(frame.started));
            return;
        }
        if payload.is_empty() && bytes > 0 {
            // What it says was not seen.
            self.lost_from_client(1);
            return;
        }
        let span = Span {
            offset: frame.offset,
            opposite_offset: frame.opposite_offset,
            bytes: frame.length,
            missing_bytes: frame.missing_bytes,
            started: frame.started,
            ended: frame.ended,
        };
        if sequence == 0 {
            let command = payload.first().and_then(|&code| Command::from_code(code));
            let fits = |command: &Command| command.fits(usize::try_from(bytes).unwrap_or(usize::MAX));
            if let Some(command) = command.filter(fits) {
                self.command(command, payload.get(1..).unwrap_or_default(), span, sink);
                return;
            }
        } else if self.session.capabilities.is_none()
            && sequence == 1
            && let Some(login) = message::login(payload, bytes)
        {
            self.log_in(&login, span, sink);
            return;
        } else if self.queue.back().is_some_and(|newest| newest.command.answer() == Answer::Authentication) {
            self.more_of_request(frame);
            return;
        }
        self.miss();
        self.lost_from_client(0);
        self.orders.lose_client = true;
    }

    fn more_of_request(&mut self, frame: &Frame<'_>) {
        if let Some(newest) = self.queue.back_mut() {
            newest.span.bytes = newest.span.bytes.saturating_add(frame.length);
            newest.span.missing_bytes = newest.span.missing_bytes.saturating_add(frame.missing_bytes);
            newest.span.ended = frame.ended;
            newest.sequence = newest.sequence.wrapping_add(1);
        }
    }

    fn log_in(&mut self, login: &Login<'_>, span: Span, sink: &mut dyn Sink) {
        if login.user.is_none() {
            // All that follows is TLS.
            self.orders.finish = true;
            return;
        }
        self.session.log_in(login);
        if !self.proven || self.link != Link::Framed {
            // Nobody answers before this, save with the greeting.
            self.awaits_greeting = false;
            self.proven = true;
            self.hole = false;
            self.link = Link::Framed;
            self.orders.frame_server = true;
        }
        let text = Account::new(login.user, login.database);
        self.push(Pending { command: Command::Login, text, span, unsure: false, sequence: 2 }, sink);
    }

    fn command(&mut self, command: Command, payload: &[u8], span: Span, sink: &mut dyn Sink) {
        self.commanded = true;
        self.moved_on(&span, sink);
        match command {
            Command::CloseStatement => {
                if let Some(id) = Reader::new(payload).u32_le() {
                    self.statements.remove(id);
                }
                return;
            }
            Command::LongData | Command::Quit => return,
            Command::BulkExecute => self.session.speaks_mariadb(),
            _ => {}
        }
        let text = pending::text(command, payload, &self.session, &self.statements, &mut self.spare);
        self.push(Pending { command, text, span, unsure: false, sequence: 1 }, sink);
    }

    /// The client has sent another command: a client that waits for answers has read the one before.
    fn moved_on(&mut self, span: &Span, sink: &mut dyn Sink) {
        if self.reply.is_none() || self.queue.len() > 1 || self.orphan && !self.queue.is_empty() {
            return;
        }
        if self.link == Link::Draining {
            let stood = span.opposite_offset;
            let too_early = stood.is_some_and(|stood| stood < self.server_position);
            let whole = stood.is_none_or(|stood| stood == self.server_position)
                && !self.hole
                && self.proven
                && self.reply.as_ref().is_some_and(|reply| reply.loss < Loss::Lost);
            self.end_draining(whole, sink);
            if too_early {
                self.pipelined = true;
                self.proven = false;
            }
        } else if self.link == Link::Framed && self.reply.as_ref().is_some_and(Reply::may_be_over) {
            if let Some(reply) = &mut self.reply {
                reply.deprecates_eof = Some(true);
            }
            self.complete(sink);
        }
    }

    /// The answer that is being drained has ended, with the last byte that passed if it is `whole`.
    fn end_draining(&mut self, whole: bool, sink: &mut dyn Sink) {
        if let Some(reply) = &mut self.reply {
            reply.span.ended = whole.then_some(self.server_moved);
        }
        self.link = Link::Seeking;
        self.complete(sink);
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

    // The server's stream.

    /// A segment of the server was looked at, or a gap, up to this offset.
    pub(super) fn server_moved_to(&mut self, offset: u64, at: Timestamp) {
        self.server_position = self.server_position.max(offset);
        self.server_moved = self.server_moved.max(at);
    }

    /// Takes bytes in that are not framed. Gives how many.
    pub(super) fn unframed(
        &mut self,
        segment: &Segment<'_>,
        begins_answer: bool,
        sink: &mut dyn Sink,
    ) -> usize {
        let bytes = segment.bytes.len();
        if self.link == Link::Draining {
            if let Some(reply) = &mut self.reply {
                reply.pass(bytes as u64, Loss::Nothing);
            }
            self.looks_ended = ends_rows(segment.bytes);
            return bytes;
        }
        let front = self.queue.front();
        match front.map(|front| (front.span.opposite_offset, front.unsure)) {
            Some((Some(expected), _)) if segment.offset < expected => {
                // What is left of an answer that was given up.
                let left = expected - segment.offset;
                return usize::try_from(left).map_or(bytes, |left| left.min(bytes));
            }
            Some((Some(expected), false)) if segment.offset > expected => {
                self.begin_unseen(expected, segment.at, sink);
                return 0;
            }
            Some((Some(expected), false)) if segment.offset == expected => {}
            None if self.proven => return bytes,
            _ if !begins_answer => return bytes,
            _ => {}
        }
        self.link = Link::Framed;
        self.orders.frame_server = true;
        0
    }

    /// The answer to the first in the queue has begun, in bytes that were not seen.
    fn begin_unseen(&mut self, offset: u64, at: Timestamp, sink: &mut dyn Sink) {
        let Some(front) = self.queue.front() else { return };
        let mut reply = Reply::new(front.command);
        reply.span.offset = offset;
        reply.span.started = at;
        reply.pass(0, Loss::Lost);
        self.reply = Some(reply);
        self.link = Link::Draining;
        self.looks_ended = false;
        if self.queue.len() > 1 {
            self.abandon(sink);
            self.seek();
            self.proven = false;
        }
    }

    /// Bytes of a server that is not framed were not seen.
    pub(super) fn unframed_gap(&mut self, gap: &Gap, sink: &mut dyn Sink) {
        self.looks_ended = false;
        if let GapCause::Lost { calls } = gap.cause {
            self.lost_answers = self.lost_answers.saturating_add_unsigned(calls);
        }
        if self.link == Link::Seeking
            && let Some(front) = self.queue.front()
        {
            let end = gap.offset.saturating_add(gap.bytes);
            if front.span.opposite_offset.is_some_and(|expected| expected >= end) {
                return;
            }
            if front.unsure {
                self.abandon(sink);
                return;
            }
            self.begin_unseen(gap.offset, gap.at, sink);
        }
        if let Some(reply) = &mut self.reply {
            reply.pass(gap.bytes, loss(gap.cause));
        }
    }

    /// A framed stream has lost its framing in a gap.
    pub(super) fn server_gap(&mut self, gap: &Gap, sink: &mut dyn Sink) {
        self.awaits_greeting = false;
        // What was held of a header before the gap belongs to the answer, too.
        let before = if self.reply.is_some() { gap.offset.saturating_sub(self.server_read) } else { 0 };
        let after = gap.offset.saturating_add(gap.bytes).saturating_sub(gap.offset.max(self.server_read));
        self.server_continues = false;
        self.looks_ended = false;
        if let GapCause::Lost { calls } = gap.cause {
            self.lost_answers = self.lost_answers.saturating_add_unsigned(calls);
        }
        if self.reply.is_none() {
            let end = gap.offset.saturating_add(gap.bytes);
            match self.queue.front() {
                // What was lost stood before its answer.
                Some(front) if front.span.opposite_offset.is_some_and(|expected| expected >= end) => {
                    self.link = Link::Seeking;
                }
                Some(front) if !front.unsure => self.begin_unseen(gap.offset, gap.at, sink),
                Some(_) => {
                    self.abandon(sink);
                    self.link = Link::Seeking;
                }
                None => self.link = Link::Seeking,
            }
        }
        if let Some(reply) = &mut self.reply {
            reply.pass(before, Loss::Nothing);
            reply.pass(after, loss(gap.cause));
            self.link = Link::Draining;
        }
        if self.link == Link::Draining && (self.queue.len() > 1 || self.orphan && !self.queue.is_empty()) {
            self.abandon(sink);
            self.link = Link::Seeking;
            self.proven = false;
        }
    }

    /// Takes a packet of the server in. `false` if the next bytes must be looked at anew.
    pub(super) fn server_event(&mut self, event: Event<'_>, sink: &mut dyn Sink) -> bool {
        match event {
            Event::Frame(frame) => self.server_frame(&frame, sink),
            // The gap itself says all that is needed.
            Event::Lost { .. } | Event::Invalid => true,
        }
    }

    fn server_frame(&mut self, frame: &Frame<'_>, sink: &mut dyn Sink) -> bool {
        self.server_read = frame.offset.saturating_add(frame.length);
        let continues = frame.length == CONTINUED_BYTES;
        if std::mem::replace(&mut self.server_continues, continues) {
            if let Some(reply) = &mut self.reply {
                reply.add(frame);
            }
            return true;
        }
        if self.awaits_greeting {
            return self.greet(frame, sink);
        }
        loop {
            if self.reply.is_none() && !self.begin(frame, sink) {
                return !self.orders.lose_server;
            }
            let command = match self.queue.front() {
                Some(front) if !self.orphan => front.command,
                _ => Command::Unseen,
            };
            let Some(reply) = &mut self.reply else { return true };
            match reply.packet(command, frame, self.session.deprecates_eof) {
                Step::More => return true,
                Step::Ended => {
                    self.complete(sink);
                    return false;
                }
                Step::EndedBefore => {
                    self.complete(sink);
                }
                Step::Streams => {
                    reply.add(frame);
                    reply.span.ended = None;
                    self.complete(sink);
                    self.orders.finish = true;
                    return false;
                }
                Step::Broken => {
                    self.broken(frame, sink);
                    return false;
                }
            }
        }
    }

    fn greet(&mut self, frame: &Frame<'_>, sink: &mut dyn Sink) -> bool {
        self.awaits_greeting = false;
        let payload = frame.bytes.get(HEADER_BYTES..).unwrap_or_default();
        if let Some(greeting) = message::greeting(payload) {
            self.session.greet(&greeting);
            return true;
        }
        let mut reply = Reply::new(Command::Login);
        if reply.packet(Command::Login, frame, None) == Step::Ended && reply.failure.is_some() {
            // The server does not want to be asked.
            let outcome = if frame.missing_bytes == 0 { Outcome::Complete } else { Outcome::Partial };
            report(&self.session, None, Some((&reply, Command::Login)), outcome, sink);
            return true;
        }
        if frame.missing_bytes == 0 && frame.bytes.len() > HEADER_BYTES {
            self.orders.give_up = true;
            return false;
        }
        true
    }

    /// Decides whose answer begins with a packet. `false` if nobody's.
    fn begin(&mut self, frame: &Frame<'_>, sink: &mut dyn Sink) -> bool {
        let (sequence, first) = (frame.bytes.get(3).copied(), frame.bytes.get(HEADER_BYTES).copied());
        let begins = sequence == Some(1) || sequence == Some(0) && first == Some(0xff);
        let Some(front) = self.queue.front() else { return begins && self.begin_orphan() };
        let (asked, answered) = (front.span.opposite_offset, frame.opposite_offset);
        let too_early = answered.is_some_and(|read| read <= front.span.offset)
            || front.unsure
                && (frame.started < front.span.started || asked.is_some_and(|stood| frame.offset < stood));
        let in_order = sequence == Some(front.sequence)
            || front.command.answer() == Answer::Authentication
            || sequence == Some(0) && first == Some(0xff);
        if too_early {
            return begins && self.begin_orphan();
        }
        if !front.unsure {
            if !in_order {
                self.broken(frame, sink);
                return false;
            }
            self.reply = Some(Reply::new(front.command));
            return true;
        }
        if !in_order {
            return false;
        }
        let keyed = asked.is_some() || answered.is_some();
        let fits = asked.is_none_or(|stood| stood == frame.offset)
            && answered.is_none_or(|read| read <= front.end())
            && (keyed || self.lost_commands <= 0);
        if fits {
            let command = front.command;
            if let Some(front) = self.queue.front_mut() {
                front.unsure = false;
            }
            self.step_in(sink);
            self.reply = Some(Reply::new(command));
            return true;
        }
        // One exchange, or halves of two.
        self.abandon(sink);
        begins && self.begin_orphan()
    }

    fn begin_orphan(&mut self) -> bool {
        self.reply = Some(Reply::new(Command::Unseen));
        self.orphan = true;
        true
    }

    /// A packet may not stand where it does.
    fn broken(&mut self, frame: &Frame<'_>, sink: &mut dyn Sink) {
        self.miss();
        let torn = (frame.bytes.len() as u64) < frame.length && frame.bytes.len() < SERVER_KEEP_BYTES;
        if torn && self.reply.is_some() && self.queue.len() <= 1 && !self.orphan {
            let cause = if frame.missing_bytes > 0 { Loss::Lost } else { Loss::NotCopied };
            if let Some(reply) = &mut self.reply {
                reply.add(frame);
                reply.pass(0, cause);
            }
            self.link = Link::Draining;
            self.orders.lose_server = true;
            return;
        }
        self.abandon(sink);
        self.seek();
        self.proven = false;
    }

    /// The answer under way has ended.
    fn complete(&mut self, sink: &mut dyn Sink) {
        let Some(mut reply) = self.reply.take() else { return };
        if std::mem::take(&mut self.orphan) {
            self.complete_orphan(&reply, sink);
            return;
        }
        let Some(mut pending) = self.pop() else { return };
        self.misses = 0;
        self.commanded = true;
        self.follow(&mut pending, &mut reply, sink);
        let whole = |span: &Span| span.ended.is_some() && span.missing_bytes == 0;
        let complete = whole(&pending.span) && whole(&reply.span) && reply.loss < Loss::Lost;
        if reply.loss == Loss::Lost {
            self.lost_answers -= 1;
        }
        let outcome = if complete { Outcome::Complete } else { Outcome::Partial };
        report(&self.session, Some(&pending), Some((&reply, pending.command)), outcome, sink);
        if pending.command == Command::Login
            && reply.failure.is_none()
            && self.session.compression() != Compression::None
        {
            self.orders.finish = true;
        }
        self.recycle(pending);
    }

    fn complete_orphan(&mut self, reply: &Reply, sink: &mut dyn Sink) {
        if self.unmatched > 0 {
            // Its command was reported before, and with it the exchange.
            self.unmatched -= 1;
            return;
        }
        // A server may say by itself why it ends a connection.
        let unasked = self.proven && !self.hole && reply.failure.is_some();
        let whole = reply.span.ended.is_some() && reply.span.missing_bytes == 0 && reply.loss < Loss::Lost;
        let outcome = if unasked && whole { Outcome::Complete } else { Outcome::Partial };
        self.lost_commands -= i64::from(!unasked);
        report(&self.session, None, Some((reply, Command::Unseen)), outcome, sink);
    }

    /// Takes over what a command and its answer change for those that follow.
    fn follow(&mut self, pending: &mut Pending, reply: &mut Reply, sink: &mut dyn Sink) {
        let succeeded = reply.failure.is_none() && reply.first_succeeded;
        match (pending.command, &pending.text) {
            (Command::Login | Command::ChangeUser, Text::Account(account)) if succeeded => {
                self.session.set_database(account.database.as_deref());
                self.statements.clear();
            }
            (Command::ResetConnection, _) if succeeded => self.statements.clear(),
            (Command::InitDb, Text::Own(name)) if succeeded => self.session.set_database(Some(name)),
            (Command::Query, Text::Own(text)) => self.session.executed(text, reply),
            (Command::Prepare, Text::Own(text)) => match reply.prepared {
                Some(answer) => {
                    let prepared = Arc::new(Prepared::new(text));
                    if !self.statements.insert(answer.id, Arc::clone(&prepared)) {
                        sink.limited(Limit::PreparedStatements);
                    }
                    let text = std::mem::replace(&mut pending.text, Text::Prepared(answer.id, prepared));
                    if let Text::Own(text) = text {
                        self.spare = text;
                    }
                }
                None => self.statements.forget_last(),
            },
            _ => {}
        }
        if matches!(pending.text, Text::LastPrepared) {
            self.session.speaks_mariadb();
            pending.text = match self.statements.last() {
                Some((id, prepared)) => Text::Prepared(id, Arc::clone(prepared)),
                None => Text::Unknown(super::command::LAST_PREPARED),
            };
        }
        self.session.learn(reply);
    }

    // Time, and the end.

    /// Nothing has come for a while: an answer that looked like it had ended has.
    pub(super) fn rest(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        let alone = self.queue.len() + usize::from(self.orphan) == 1;
        if self.link == Link::Draining
            && self.looks_ended
            && alone
            && now.since(self.server_moved) >= QUIET
            && self.reply.as_ref().is_some_and(|reply| reply.loss < Loss::Lost)
        {
            self.end_draining(true, sink);
        }
    }

    /// Waiting commands were not answered for too long.
    pub(super) fn time_out(&mut self, sink: &mut dyn Sink) {
        let begun = self.reply.is_some();
        if begun {
            self.abandon(sink);
        }
        while let Some(pending) = self.pop() {
            let outcome =
                if pending.unsure { Outcome::Partial } else { Outcome::NoResponse(CloseReason::Timeout) };
            report(&self.session, Some(&pending), None, outcome, sink);
            self.unmatched += 1;
            self.recycle(pending);
        }
        self.seek();
        self.proven = false;
    }

    /// The connection is over.
    pub(super) fn close(&mut self, reason: CloseReason, sink: &mut dyn Sink) {
        let ended = matches!(reason, CloseReason::Closed | CloseReason::Reset);
        if let Some(mut reply) = self.reply.take() {
            let framed = self.link == Link::Framed;
            if self.orphan {
                reply.span.ended = None;
            } else if framed && ended && !reply.may_be_over() {
                reply.broken = Some(if reason == CloseReason::Reset {
                    "connection_reset"
                } else {
                    "response_truncated"
                });
                reply.span.ended = Some(self.server_moved);
                reply.rows = None;
            } else if !framed {
                let whole =
                    reason == CloseReason::Closed && self.proven && !self.hole && reply.loss < Loss::Lost;
                reply.span.ended = whole.then_some(self.server_moved);
            } else if !ended {
                reply.span.ended = None;
            }
            self.reply = Some(reply);
            self.complete(sink);
        }
        while let Some(pending) = self.pop() {
            let outcome =
                if pending.unsure || self.lost_answers > 0 || self.link == Link::Seeking && !self.proven {
                    self.lost_answers -= 1;
                    Outcome::Partial
                } else {
                    Outcome::NoResponse(reason)
                };
            report(&self.session, Some(&pending), None, outcome, sink);
        }
        self.balance(sink);
    }

    /// The answers that are held did not come late: what they answer was not seen.
    pub(super) fn answers_were_not_late(&mut self) {
        self.hole = true;
    }
}

const fn loss(cause: GapCause) -> Loss {
    match cause {
        GapCause::NotCopied => Loss::NotCopied,
        GapCause::Lost { .. } => Loss::Lost,
    }
}
