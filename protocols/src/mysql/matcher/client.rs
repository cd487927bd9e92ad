//! The client's stream: commands, logins, files.

use super::{Link, Matcher};
use crate::{
    Sink, Timestamp,
    framed::{Event, Frame},
    mysql::{
        command::{Answer, Command},
        frame::{CONTINUED_BYTES, HEADER_BYTES},
        message::{self, Login},
        pending::{self, Account, Pending},
        reply::{Loss, Reply},
    },
    ordered::Span,
    reader::Reader,
};

impl Matcher {
    /// Takes a packet of the client in. `false` if the orders must be looked at.
    pub(in crate::mysql) fn client_event(&mut self, event: Event<'_>, sink: &mut dyn Sink) -> bool {
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
    pub(in crate::mysql) fn expects_command(&self) -> bool {
        let logging_in = !self.commanded
            || self.queue.back().is_some_and(|newest| newest.command.answer() == Answer::Authentication);
        !logging_in && !self.client_continues && !self.waits_for_file()
    }

    /// A segment began that holds a header and nothing else.
    pub(in crate::mysql) fn header_alone(&mut self) {
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
    pub(in crate::mysql) fn file_bytes(&mut self, bytes: u64, missing: u64, at: Timestamp) {
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
            self.orders.encrypt = true;
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
        let text = Account::text(login.user, login.database);
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
    pub(super) fn end_draining(&mut self, whole: bool, sink: &mut dyn Sink) {
        if let Some(reply) = &mut self.reply {
            reply.span.ended = whole.then_some(self.server_moved);
        }
        self.link = Link::Seeking;
        self.complete(sink);
    }
}
