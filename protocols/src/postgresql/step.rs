//! A step of a request, which is going to be one exchange, and the replies that it waits for.

use std::sync::Arc;

use super::{
    answer::{Answer, ReplyKind},
    names::Sql,
};
use crate::{Outcome, Timestamp, placed::Beginning};

/// What one step asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepKind {
    Ssl,
    Gssenc,
    Cancel,
    Startup,
    /// A simple query.
    Query,
    /// A function call by number.
    Call,
    /// Messages of the extended protocol without an `Execute`, by the first that is there in this order.
    Prepare,
    Bind,
    Describe,
    Close,
    /// An `Execute` with all that led to it.
    Execute,
    /// A `Sync` that failed: the commit that it stands for.
    Sync,
}

/// What follows a step in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// Not known yet.
    Open,
    /// Another step, or a `Flush`: its last reply ends it.
    Followed,
    /// The end of the group: the `ReadyForQuery` belongs to it.
    Last,
}

/// What is going to be one exchange.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) kind: StepKind,
    pub(super) sql: Option<Arc<Sql>>,
    /// Name of the statement, where its text is not known.
    pub(super) unknown: Option<Box<[u8]>>,
    pub(super) began: Beginning,
    pub(super) ended: Option<Timestamp>,
    pub(super) bytes: u64,
    pub(super) missing: u64,
    pub(super) tail: Tail,
    /// Messages that were not answered yet.
    pub(super) parses: u16,
    pub(super) binds: u16,
    pub(super) describes: u16,
    pub(super) closes: u16,
    /// Bytes that it holds beyond its own size.
    pub(super) held: usize,
}

impl Step {
    pub(super) fn new(kind: StepKind, began: Beginning) -> Self {
        Self {
            kind,
            sql: None,
            unknown: None,
            began,
            ended: None,
            bytes: 0,
            missing: 0,
            tail: Tail::Open,
            parses: 0,
            binds: 0,
            describes: 0,
            closes: 0,
            held: 0,
        }
    }

    pub(super) fn weight(&self) -> usize {
        size_of::<Self>() + self.held
    }

    /// Whether only the end of the group tells that everything was said.
    pub(super) fn lasts_until_ready(&self) -> bool {
        use StepKind::{Call, Cancel, Gssenc, Query, Ssl, Startup};
        matches!(self.kind, Call | Cancel | Gssenc | Query | Ssl | Startup)
    }

    fn waits(&self) -> bool {
        self.parses > 0 || self.binds > 0 || self.describes > 0 || self.closes > 0
    }
}

/// Whether all of a step and its answer was seen.
pub(super) fn outcome(step: &Step, answer: &Answer) -> Outcome {
    let certain = !answer.torn || answer.concluded;
    let whole = step.ended.is_some() && step.missing == 0 && answer.ended.is_some() && answer.missing == 0;
    if whole && certain { Outcome::Complete } else { Outcome::Partial }
}

/// What a reply is to a step.
pub(super) enum Dealt {
    /// The step waits for more.
    More,
    /// That was its last reply.
    Done,
    /// The step asked for nothing of the kind.
    Wrong,
}

/// Gives a reply to a step. Where a part of either is not known, replies to what was not seen are let pass.
pub(super) fn deal(step: &mut Step, reply: ReplyKind, lenient: bool) -> Dealt {
    if step.lasts_until_ready() {
        return Dealt::More;
    }
    let waiting = match reply {
        ReplyKind::Parsed => Some(&mut step.parses),
        ReplyKind::Bound => Some(&mut step.binds),
        ReplyKind::Described => Some(&mut step.describes),
        ReplyKind::Closed => Some(&mut step.closes),
        _ => None,
    };
    if let Some(waiting) = waiting {
        match waiting.checked_sub(1) {
            Some(fewer) => *waiting = fewer,
            None if lenient => {}
            None => return Dealt::Wrong,
        }
        let done = step.kind != StepKind::Execute && !step.waits() && !lenient;
        return if done { Dealt::Done } else { Dealt::More };
    }
    match reply {
        ReplyKind::Error(_) => Dealt::Done,
        ReplyKind::CopyIn | ReplyKind::CopyOut | ReplyKind::CopyBoth => Dealt::More,
        ReplyKind::Complete(_) | ReplyKind::Empty | ReplyKind::Suspended
            if lenient || step.kind == StepKind::Execute && !step.waits() =>
        {
            step.parses = 0;
            Dealt::Done
        }
        _ => Dealt::Wrong,
    }
}
