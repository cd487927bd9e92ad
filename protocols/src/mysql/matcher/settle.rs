//! Answers that have ended, and commands that will not be answered.

use std::sync::Arc;

use super::{Link, Matcher, QUIET};
use crate::{
    CloseReason, Limit, Outcome, Sink, Timestamp,
    mysql::{
        command::{Command, LAST_PREPARED},
        pending::{Pending, Text},
        reply::{Loss, Reply},
        report::report,
        session::Compression,
        statements::Prepared,
    },
    ordered::Span,
};

impl Matcher {
    /// The answer under way has ended.
    pub(super) fn complete(&mut self, sink: &mut dyn Sink) {
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
                None => Text::Unknown(LAST_PREPARED),
            };
        }
        self.session.learn(reply);
    }

    /// Nothing has come for a while: an answer that looked like it had ended has.
    pub(in crate::mysql) fn rest(&mut self, now: Timestamp, sink: &mut dyn Sink) {
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
    pub(in crate::mysql) fn time_out(&mut self, sink: &mut dyn Sink) {
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
    pub(in crate::mysql) fn close(&mut self, reason: CloseReason, sink: &mut dyn Sink) {
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
    pub(in crate::mysql) fn answers_were_not_late(&mut self) {
        self.hole = true;
    }
}
