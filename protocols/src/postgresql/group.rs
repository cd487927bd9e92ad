//! What the client sends up to the next `ReadyForQuery`, as steps, and how replies are dealt out to them.

use super::{
    answer::{Answer, Reply, ReplyKind},
    few::Few,
    step::{Dealt, Step, StepKind, Tail, deal, outcome},
};
use crate::{CloseReason, Outcome, Timestamp, fifo::RequestPlace, placed::Beginning};

/// Bytes that one group may hold. Drivers that pipeline end a group after some hundreds of steps, or read on meanwhile.
pub(super) const GROUP_BYTES: usize = 128 * 1024;
/// Bytes that a step may come to hold after it was added: its text, analysed, and a name.
const LARGEST_STEP: usize = 12 * 1024;

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
        // A step that came after the part that was not seen may be the one that is answered.
        if self.is_full || self.failed || !self.steps.is_empty() {
            return;
        }
        self.answer.add(reply);
        if self.torn {
            let ends = matches!(reply.kind, ReplyKind::Complete(_) | ReplyKind::Empty | ReplyKind::Suspended);
            if ends || is_error {
                report(None, Some(&std::mem::take(&mut self.answer)), Outcome::Partial);
            }
        } else if is_error {
            let mut step =
                Step::new(StepKind::Sync, Beginning { at: self.place.at, offset: self.place.start });
            step.ended = Some(self.place.at);
            let answer = std::mem::take(&mut self.answer);
            report(Some(&step), Some(&answer), outcome(&step, &answer));
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
        report(Some(&step), Some(&answer), outcome(&step, &answer));
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
            let found = match end {
                End::Ready(ready) if self.failed && !self.confused => {
                    answer = Answer::skipped(ready.ended);
                    if step.tail == Tail::Last {
                        answer.add(ready);
                    }
                    outcome(&step, &answer)
                }
                End::Broken(reason) => Outcome::NoResponse(*reason),
                // After a fatal error the server closes.
                End::Whole if self.failed => Outcome::NoResponse(CloseReason::Closed),
                _ => Outcome::Partial,
            };
            let answer = Some(&answer).filter(|answer| answer.began.is_some() || answer.skipped);
            report(Some(&step), answer, found);
        }
    }

    /// No reply can be told to belong to it: reports what is left, each step with the same outcome.
    pub(super) fn give_up(&mut self, outcome: Outcome, report: Report<'_>) {
        if self.answer.done {
            self.settle(report);
        }
        while let Some(step) = self.pop() {
            let answer = std::mem::take(&mut self.answer);
            report(Some(&step), Some(&answer).filter(|answer| answer.began.is_some()), outcome);
        }
    }
}
