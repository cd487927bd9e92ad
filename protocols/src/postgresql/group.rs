//! What the client sends up to the next `ReadyForQuery`, as steps, and how replies are dealt out to them.

use std::sync::Arc;

use super::{
    answer::{Answer, Reply, ReplyKind},
    few::Few,
    names::Sql,
};
use crate::{CloseReason, Outcome, Timestamp, fifo::RequestPlace};

/// Bytes that one group may hold. Drivers that pipeline end a group after some hundreds of steps, or read on meanwhile.
pub(super) const GROUP_BYTES: usize = 128 * 1024;
/// Bytes that a step may come to hold after it was added: its text, analysed, and a name.
const LARGEST_STEP: usize = 12 * 1024;

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
    pub(super) started: Timestamp,
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
    held: usize,
}

impl Step {
    pub(super) fn new(kind: StepKind, started: Timestamp) -> Self {
        Self {
            kind,
            sql: None,
            unknown: None,
            started,
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

    fn weight(&self) -> usize {
        size_of::<Self>() + self.held
    }

    /// Whether only the end of the group tells that everything was said.
    fn lasts_until_ready(&self) -> bool {
        use StepKind::{Call, Cancel, Gssenc, Query, Ssl, Startup};
        matches!(self.kind, Call | Cancel | Gssenc | Query | Ssl | Startup)
    }

    fn is_whole(&self) -> bool {
        self.ended.is_some() && self.missing == 0
    }

    fn waits(&self) -> bool {
        self.parses > 0 || self.binds > 0 || self.describes > 0 || self.closes > 0
    }
}

/// How the replies to a group end.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    /// With `ReadyForQuery`.
    Ready(Reply),
    /// With a reply after which none comes: the byte that answers a request for encryption, a fatal error.
    Whole,
    /// With the connection.
    Broken(CloseReason),
    /// It is not known how.
    Unknown,
}

/// Receives what a step and its answer have come to.
pub(super) type Report<'r> = &'r mut dyn FnMut(Option<&Step>, Option<&Answer>, Outcome);

/// One group.
#[derive(Debug)]
pub(super) struct RequestGroup {
    pub(super) place: RequestPlace,
    /// Whether nothing was being answered when it began.
    pub(super) began_idle: bool,
    steps: Few<Step>,
    /// What was said to the first step until now.
    answer: Answer,
    /// An error was answered: what is left of the group is skipped.
    failed: bool,
    /// The replies do not fit the steps.
    confused: bool,
    /// A part of it was not seen.
    pub(super) torn: bool,
    /// Steps, from the first, that came before that part. Later ones are not dealt replies.
    sure: usize,
    /// Calls that were lost with that part.
    pub(super) lost_calls: u64,
    /// Steps that were too many to be held, and whether there are any.
    pub(super) unheld: u64,
    pub(super) is_full: bool,
    weight: usize,
}

impl RequestGroup {
    pub(super) fn new(place: RequestPlace, began_idle: bool) -> Self {
        Self {
            place,
            began_idle,
            steps: Few::default(),
            answer: Answer::default(),
            failed: false,
            confused: false,
            torn: false,
            sure: usize::MAX,
            lost_calls: 0,
            unheld: 0,
            is_full: false,
            weight: 0,
        }
    }

    /// A group of which nothing is known but its replies.
    pub(super) fn unseen() -> Self {
        let place = RequestPlace { start: 0, end: None, opposite: None, at: Timestamp::default() };
        Self { torn: true, ..Self::new(place, false) }
    }

    /// Bytes held.
    pub(super) fn weight(&self) -> usize {
        self.weight + self.answer.held_bytes()
    }

    pub(super) fn steps(&self) -> usize {
        self.steps.len()
    }

    /// Adds a step, unless there is no more room. Once there was none, the rest of the group is not held either.
    pub(super) fn push(&mut self, step: Step) {
        self.is_full |= self.weight + size_of::<Step>() > GROUP_BYTES - LARGEST_STEP;
        if !self.is_full {
            self.weight += step.weight();
            self.steps.push(step);
        }
    }

    /// Gives the step added last something to hold.
    pub(super) fn weigh(&mut self, bytes: usize) {
        if let Some(last) = self.steps.back_mut() {
            last.held += bytes;
            self.weight += bytes;
        }
    }

    /// The step added last.
    pub(super) fn last(&mut self) -> Option<&mut Step> {
        self.steps.back_mut()
    }

    /// The group has ended: the last step knows.
    pub(super) fn close(&mut self) {
        if let Some(last) = self.steps.back_mut()
            && last.tail == Tail::Open
        {
            last.tail = Tail::Last;
        }
    }

    /// Deals out one reply.
    pub(super) fn take(&mut self, reply: &Reply, report: Report<'_>) {
        if reply.kind == ReplyKind::Torn {
            // Of several steps it is not known which the next reply belongs to.
            self.confused |= self.steps.len() != 1;
            self.answer.add(reply);
            return;
        }
        if self.confused {
            return;
        }
        if self.answer.done && reply.kind == ReplyKind::Cut {
            self.settle(report);
        }
        if reply.kind == ReplyKind::Cut {
            if !self.steps.is_empty() {
                self.answer.add(reply);
            }
            return;
        }
        if self.answer.done {
            let is_last = self.steps.front_mut().is_some_and(|step| step.tail == Tail::Last);
            if is_last && matches!(reply.kind, ReplyKind::Error(_)) {
                // The commit that follows the last step failed, and with it what the step did.
                self.answer.add(reply);
                self.failed = true;
                return;
            }
            self.settle(report);
        }
        match self.steps.front_mut().filter(|_| self.sure > 0) {
            None => self.take_without_step(reply, report),
            Some(step) => {
                self.answer.add(reply);
                let lenient = self.torn && self.sure == 1 || self.answer.torn;
                match deal(step, reply.kind, lenient) {
                    Dealt::Wrong => {
                        self.confused = true;
                        return;
                    }
                    Dealt::More => {}
                    Dealt::Done => self.answer.done = true,
                }
                self.failed |= matches!(reply.kind, ReplyKind::Error(_));
                if self.answer.done && step.tail == Tail::Followed {
                    self.settle(report);
                }
            }
        }
    }

    fn take_without_step(&mut self, reply: &Reply, report: Report<'_>) {
        let is_error = matches!(reply.kind, ReplyKind::Error(_));
        if self.is_full || self.failed {
            return;
        }
        self.answer.add(reply);
        if self.torn {
            let ends = matches!(reply.kind, ReplyKind::Complete(_) | ReplyKind::Empty | ReplyKind::Suspended);
            // A step that came after the part that was not seen may be the one that is answered.
            if (ends || is_error) && self.steps.is_empty() {
                report(None, Some(&std::mem::take(&mut self.answer)), Outcome::Partial);
            }
        } else if is_error {
            let mut step = Step::new(StepKind::Sync, self.place.at);
            step.ended = Some(self.place.at);
            report(Some(&step), Some(&std::mem::take(&mut self.answer)), Outcome::Complete);
        } else {
            self.confused = true;
        }
        self.failed |= is_error;
    }

    /// What comes next in it was not seen.
    pub(super) fn tear(&mut self) {
        if !self.torn {
            self.torn = true;
            self.sure = self.steps.len();
        }
        if let Some(last) = self.steps.back_mut() {
            last.tail = Tail::Followed;
        }
    }

    fn pop(&mut self) -> Option<Step> {
        let step = self.steps.pop()?;
        self.sure = self.sure.saturating_sub(1);
        self.weight = self.weight.saturating_sub(step.weight());
        Some(step)
    }

    /// Reports the first step, whose answer is whole.
    fn settle(&mut self, report: Report<'_>) {
        let answer = std::mem::take(&mut self.answer);
        let Some(step) = self.pop() else { return };
        let whole = step.is_whole()
            && answer.ended.is_some()
            && answer.missing == 0
            && (!answer.torn || answer.concluded);
        report(Some(&step), Some(&answer), if whole { Outcome::Complete } else { Outcome::Partial });
    }

    /// No more replies come: reports what is left.
    pub(super) fn finish(&mut self, end: &End, report: Report<'_>) {
        let ends_well = matches!(end, End::Ready(_) | End::Whole);
        if let Some(step) = self.steps.front_mut()
            && !self.confused
            && (self.answer.done || ends_well && step.lasts_until_ready())
        {
            if let End::Ready(ready) = end
                && step.tail == Tail::Last
            {
                self.answer.add(ready);
            }
            self.settle(report);
        }
        while let Some(step) = self.pop() {
            let mut answer = std::mem::take(&mut self.answer);
            let outcome = match end {
                End::Ready(ready) if self.failed && !self.confused => {
                    answer = Answer::skipped(ready.ended);
                    if step.tail == Tail::Last {
                        answer.add(ready);
                    }
                    if step.is_whole() { Outcome::Complete } else { Outcome::Partial }
                }
                End::Broken(reason) => Outcome::NoResponse(*reason),
                // After a fatal error the server closes.
                End::Whole if self.failed => Outcome::NoResponse(CloseReason::Closed),
                _ => Outcome::Partial,
            };
            let answer = Some(&answer).filter(|answer| answer.started.is_some() || answer.skipped);
            report(Some(&step), answer, outcome);
        }
    }

    /// No reply can be told to belong to it: reports what is left, each step with the same outcome.
    pub(super) fn give_up(&mut self, outcome: Outcome, report: Report<'_>) {
        if self.answer.done {
            self.settle(report);
        }
        while let Some(step) = self.pop() {
            let answer = std::mem::take(&mut self.answer);
            report(Some(&step), Some(&answer).filter(|answer| answer.started.is_some()), outcome);
        }
    }
}

enum Dealt {
    /// The step waits for more.
    More,
    /// That was its last reply.
    Done,
    /// The step asked for nothing of the kind.
    Wrong,
}

/// Gives a reply to a step. Where a part of either is not known, replies to what was not seen are let pass.
fn deal(step: &mut Step, reply: ReplyKind, lenient: bool) -> Dealt {
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
