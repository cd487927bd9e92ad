//! What the client sends, gathered into groups of steps.

use std::sync::Arc;

use super::{
    frame::{FrontendLayout, HEADER_BYTES},
    group::RequestGroup,
    message::{self, Opening},
    names::{Bound, Sql},
    session::{Session, shown},
    step::{Step, StepKind, Tail},
};
use crate::{GapCause, Sink, fifo::RequestPlace, framed::Frame};

impl Session {
    /// Takes a message of the client.
    pub(super) fn request(&mut self, layout: &mut FrontendLayout, frame: &Frame<'_>, sink: &mut dyn Sink) {
        if *layout == FrontendLayout::Opening {
            self.open(layout, frame, sink);
            return;
        }
        let Some((&kind, rest)) = frame.bytes.split_first() else { return };
        let body = rest.get(HEADER_BYTES - 1..).unwrap_or_default();
        if frame.after_gap && matches!(kind, b'Q' | b'F') {
            // Of anything else it is not known whether the group that was open before the gap has ended. If it has, its
            // first answer is still its own, and the next request must prove its pair by where it stands.
            self.push_asked(sink);
        }
        match kind {
            b'd' | b'c' | b'f' => return self.copy(frame),
            b'p' => return self.extend_newest(frame),
            b'S' if self.asked.is_none() && self.copying => {
                // The server passed over the `Sync` before the data, which ended the group for us.
                self.copying = false;
                return self.extend_newest(frame);
            }
            b'X' => return,
            _ => self.copying = false,
        }
        if self.asked.is_none() {
            self.end_unread_answer(frame.opposite_offset, sink);
        }
        let idle = self.answered.is_none();
        self.asked.get_or_insert_with(|| RequestGroup::new(place(frame), idle));
        match kind {
            b'Q' => self.query(message::query(body), frame, sink),
            b'F' => {
                self.add_step(StepKind::Call, frame);
                self.end_group(sink);
            }
            b'P' => self.parse(body, frame),
            b'B' => self.bind(body, frame),
            b'D' => self.describe(body, frame),
            b'C' => self.close_name(body, frame),
            b'E' => self.execute(body, frame),
            b'H' => {
                extend(self.current(), frame);
                self.follow();
            }
            b'S' => {
                let last = self.asked.as_mut().and_then(RequestGroup::last);
                extend(last.filter(|last| last.tail == Tail::Open), frame);
                self.end_group(sink);
            }
            _ => {}
        }
    }

    fn open(&mut self, layout: &mut FrontendLayout, frame: &Frame<'_>, sink: &mut dyn Sink) {
        let kind = match message::opening(frame.bytes) {
            Some(Opening::Ssl) => StepKind::Ssl,
            Some(Opening::Gssenc) => StepKind::Gssenc,
            Some(Opening::Cancel(process_id)) => {
                self.identity.process_id = process_id;
                let mut step = Step::new(StepKind::Cancel, frame.beginning());
                extend(Some(&mut step), frame);
                self.report_alone(&step, sink);
                self.finished = true;
                return;
            }
            Some(Opening::Startup(startup)) => {
                *layout = FrontendLayout::Messages;
                self.identity.minor_version = Some(startup.minor_version);
                self.identity.user = startup.user.and_then(shown);
                // Without a name, the database has the user's.
                self.identity.database =
                    startup.database.and_then(shown).or_else(|| self.identity.user.clone());
                StepKind::Startup
            }
            None => return,
        };
        self.asked = Some(RequestGroup::new(place(frame), self.answered.is_none()));
        self.add_step(kind, frame);
        self.end_group(sink);
    }

    fn query(&mut self, text: &[u8], frame: &Frame<'_>, sink: &mut dyn Sink) {
        let sql = self.names.text(text);
        self.names.close_unnamed();
        let held = sql.held_bytes();
        if let Some(step) = self.add_step(StepKind::Query, frame) {
            step.sql = Some(sql);
            self.weigh(held);
        }
        self.end_group(sink);
    }

    fn parse(&mut self, body: &[u8], frame: &Frame<'_>) {
        let Some((name, text)) = message::parse(body) else {
            // Any name may stand for it.
            self.names.clear();
            return;
        };
        let sql = self.names.text(text);
        self.names.prepare(name, &sql);
        if self.current().is_some_and(|step| step.parses > 0 || step.binds > 0) {
            self.follow();
        }
        if let Some(step) = self.join(StepKind::Prepare, frame) {
            step.parses += 1;
            let held = sql.held_bytes();
            step.sql = Some(sql);
            self.weigh(held);
        }
    }

    fn bind(&mut self, body: &[u8], frame: &Frame<'_>) {
        let bound = message::bind(body).map(|(portal, statement)| self.names.bind(portal, statement));
        self.part_from_other(bound.as_ref().and_then(|bound| bound.sql.as_ref()));
        if let Some(step) = self.join(StepKind::Bind, frame) {
            step.binds = step.binds.saturating_add(1);
        }
        self.name(bound.unwrap_or_default());
    }

    fn describe(&mut self, body: &[u8], frame: &Frame<'_>) {
        let bound = match message::named(body) {
            Some((b'S', name)) => Bound { sql: self.names.statement(name), unknown: None },
            Some((_, name)) => self.names.portal(name),
            None => Bound::default(),
        };
        if let Some(step) = self.join(StepKind::Describe, frame) {
            step.describes = step.describes.saturating_add(1);
            if step.sql.is_none() {
                step.sql = bound.sql;
            }
        }
    }

    fn close_name(&mut self, body: &[u8], frame: &Frame<'_>) {
        match message::named(body) {
            Some((b'S', name)) => self.names.close_statement(name),
            Some((_, name)) => self.names.close_portal(name),
            None => self.names.clear(),
        }
        if let Some(step) = self.join(StepKind::Close, frame) {
            step.closes = step.closes.saturating_add(1);
        }
    }

    fn execute(&mut self, body: &[u8], frame: &Frame<'_>) {
        let bound = message::execute(body).map(|portal| self.names.portal(portal));
        self.part_from_other(bound.as_ref().and_then(|bound| bound.sql.as_ref()));
        match self.join(StepKind::Execute, frame) {
            Some(step) => step.kind = StepKind::Execute,
            None => {
                if let Some(asked) = &mut self.asked {
                    asked.unheld += 1;
                }
            }
        }
        self.name(bound.unwrap_or_default());
    }

    /// Ends the step at the end of the group if it prepares another statement than the one that is about to be used.
    fn part_from_other(&mut self, sql: Option<&Arc<Sql>>) {
        let prepared = self.current().filter(|step| step.parses > 0).and_then(|step| step.sql.as_ref());
        let other = prepared.is_some_and(|prepared| sql.is_none_or(|sql| !Arc::ptr_eq(prepared, sql)));
        if other {
            self.follow();
        }
    }

    /// Says what the last step is about.
    fn name(&mut self, bound: Bound) {
        let Some(asked) = self.asked.as_mut().filter(|asked| !asked.is_full) else { return };
        let Some(step) = asked.last() else { return };
        let held = bound.unknown.as_ref().map_or(0, |name| name.len());
        step.sql = bound.sql;
        step.unknown = bound.unknown;
        asked.weigh(held);
    }

    /// The step that more messages may join.
    fn current(&mut self) -> Option<&mut Step> {
        let last = self.asked.as_mut().filter(|asked| !asked.is_full)?.last()?;
        (last.tail == Tail::Open && last.kind != StepKind::Execute).then_some(last)
    }

    /// The last step is complete: what comes next is another.
    fn follow(&mut self) {
        if let Some(last) = self.asked.as_mut().and_then(RequestGroup::last) {
            last.tail = Tail::Followed;
        }
    }

    /// Adds a message to the current step, or to a new one. `None` if there is no room.
    fn join(&mut self, kind: StepKind, frame: &Frame<'_>) -> Option<&mut Step> {
        if self.current().is_none() {
            return self.add_step(kind, frame);
        }
        let step = self.current()?;
        extend(Some(step), frame);
        // The first of them names the step, by the order in which the kinds are listed.
        step.kind = first_kind(step.kind, kind);
        Some(step)
    }

    fn add_step(&mut self, kind: StepKind, frame: &Frame<'_>) -> Option<&mut Step> {
        self.follow();
        let asked = self.asked.as_mut()?;
        asked.push(Step::new(kind, frame.beginning()));
        if asked.is_full {
            return None;
        }
        extend(asked.last(), frame);
        asked.last()
    }

    fn weigh(&mut self, bytes: usize) {
        if let Some(asked) = &mut self.asked {
            asked.weigh(bytes);
        }
    }

    fn end_group(&mut self, sink: &mut dyn Sink) {
        if let (Some(asked), [position, _]) = (&mut self.asked, self.positions) {
            asked.place.end = Some(position.max(asked.place.start)).filter(|_| !asked.torn);
        }
        self.push_asked(sink);
        if self.fifo.is_holding() || !self.fifo.has_room() {
            let [at, _] = self.moved_at;
            self.settle(at, sink);
        }
    }

    /// Data that is copied belongs to the request that asked for it.
    fn copy(&mut self, frame: &Frame<'_>) {
        if let Some(last) = self.asked.as_mut().and_then(RequestGroup::last) {
            extend(Some(last), frame);
            return;
        }
        self.copying = true;
        self.extend_newest(frame);
    }

    /// More of the request that was queued last, if it still waits.
    fn extend_newest(&mut self, frame: &Frame<'_>) {
        if let Some((place, group)) = self.fifo.newest_request() {
            place.end = Some(frame.offset.saturating_add(frame.length));
            extend(group.last(), frame);
        }
    }

    /// Bytes of the client were not seen, of which so many belong to no message that can be told.
    pub(super) fn lose_requests(&mut self, calls: u64, bytes: u64, cause: GapCause) {
        let lost = matches!(cause, GapCause::Lost { .. });
        let missing = if lost { bytes } else { 0 };
        self.names.clear();
        if let Some(asked) = &mut self.asked {
            asked.tear();
            asked.lost_calls = asked.lost_calls.saturating_add(calls);
            if let Some(last) = asked.last() {
                last.missing = last.missing.saturating_add(missing);
            }
            return;
        }
        if self.copying {
            if let Some((_, group)) = self.fifo.newest_request()
                && let Some(last) = group.last()
            {
                last.missing = last.missing.saturating_add(missing);
            }
            self.fifo.lose_requests(0);
            return;
        }
        self.fifo.lose_requests(if lost { calls.max(1) } else { 0 });
    }
}

fn first_kind(one: StepKind, other: StepKind) -> StepKind {
    let rank = |kind| match kind {
        StepKind::Execute => 0,
        StepKind::Prepare => 1,
        StepKind::Bind => 2,
        StepKind::Describe => 3,
        _ => 4,
    };
    if rank(other) < rank(one) { other } else { one }
}

fn place(frame: &Frame<'_>) -> RequestPlace {
    RequestPlace { start: frame.offset, end: None, opposite: frame.opposite_offset, at: frame.started }
}

/// Adds a message to a step.
fn extend(step: Option<&mut Step>, frame: &Frame<'_>) {
    let Some(step) = step else { return };
    step.bytes = step.bytes.saturating_add(frame.length);
    step.missing = step.missing.saturating_add(frame.missing_bytes);
    step.ended = frame.ended;
}
