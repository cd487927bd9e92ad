//! Hands an exchange to the sink.

use std::cell::OnceCell;

use super::{command::Command, exchange::MysqlExchange, pending::Pending, reply::Reply, session::Session};
use crate::{Exchange, Outcome, Protocol, Sink, ordered::Span};

/// Reports a command with its answer, or what was seen of the two. The answer comes with what it was taken to answer.
pub(super) fn report(
    session: &Session,
    pending: Option<&Pending>,
    reply: Option<(&Reply, Command)>,
    outcome: Outcome,
    sink: &mut dyn Sink,
) {
    let asked = pending.map(|pending| &pending.span);
    let answered = reply.map(|(reply, _)| &reply.span);
    let command = pending.map(|pending| pending.command).or(reply.map(|(_, command)| command));
    let sum = |part: fn(&Span) -> u64| asked.map_or(0, part).saturating_add(answered.map_or(0, part));
    let details = MysqlExchange {
        session,
        command: command.unwrap_or(Command::Unseen),
        text: pending.map(|pending| &pending.text),
        reply: reply.map(|(reply, _)| reply),
        outcome,
        statement: OnceCell::new(),
    };
    sink.exchange(&Exchange {
        protocol: Protocol::Mysql,
        started: asked.or(answered).map(|span| span.started).unwrap_or_default(),
        request_offset: asked.map(|span| span.offset),
        response_offset: answered.map(|span| span.offset),
        ended: answered.and_then(|span| span.ended),
        outcome,
        request_bytes: asked.map_or(0, |span| span.bytes),
        response_bytes: answered.map_or(0, |span| span.bytes),
        missing_bytes: sum(|span| span.missing_bytes),
        details: &details,
    });
}
