//! The server's stream: where an answer begins, and whose it is.

use super::{Link, Matcher};
use crate::{
    Gap, GapCause, Outcome, Segment, Sink, Timestamp,
    framed::{Event, Frame},
    mysql::{
        command::{Answer, Command},
        frame::{CONTINUED_BYTES, HEADER_BYTES, SERVER_KEEP_BYTES},
        message,
        reply::{Loss, Reply, Step, ends_rows},
        report::report,
    },
};

impl Matcher {
    /// A segment of the server was looked at, or a gap, up to this offset.
    pub(in crate::mysql) fn server_moved_to(&mut self, offset: u64, at: Timestamp) {
        self.server_position = self.server_position.max(offset);
        self.server_moved = self.server_moved.max(at);
    }

    /// Takes bytes in that are not framed. Gives how many.
    pub(in crate::mysql) fn unframed(
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
    pub(super) fn begin_unseen(&mut self, offset: u64, at: Timestamp, sink: &mut dyn Sink) {
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
    pub(in crate::mysql) fn unframed_gap(&mut self, gap: &Gap, sink: &mut dyn Sink) {
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
    pub(in crate::mysql) fn server_gap(&mut self, gap: &Gap, sink: &mut dyn Sink) {
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
    pub(in crate::mysql) fn server_event(&mut self, event: Event<'_>, sink: &mut dyn Sink) -> bool {
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
            let whole = frame.ended.is_some() && frame.missing_bytes == 0;
            let outcome = if whole { Outcome::Complete } else { Outcome::Partial };
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
    pub(super) fn broken(&mut self, frame: &Frame<'_>, sink: &mut dyn Sink) {
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
}

const fn loss(cause: GapCause) -> Loss {
    match cause {
        GapCause::NotCopied => Loss::NotCopied,
        GapCause::Lost { .. } => Loss::Lost,
    }
}
