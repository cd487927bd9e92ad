//! What the server sends, gathered up to each `ReadyForQuery`.

use super::{
    answer::{Reply, ReplyKind},
    few::Few,
    frame::{BackendLayout, HEADER_BYTES},
    group::{End, RequestGroup},
    message::{self, Tag},
    session::{Identity, Session, is_extended, shown},
    step::{Step, StepKind, Tail},
};
use crate::{GapCause, Limit, Sink, Timestamp, fifo::ResponsePlace, framed::Frame, placed::Beginning};

/// Replies that one group may hold while it is not known which request they belong to.
const REPLIES: usize = 256;
/// Bytes that they hold at most.
pub(super) const GROUP_BYTES: usize = 2 * REPLIES * size_of::<Reply>();

/// The replies to one group, or to what is left of it.
#[derive(Debug)]
pub(super) struct ResponseGroup {
    pub(super) place: ResponsePlace,
    pub(super) replies: Few<Reply>,
    pub(super) end: End,
    /// A part of it was not seen.
    pub(super) torn: bool,
    /// Calls that were lost with that part.
    pub(super) lost_calls: u64,
    pub(super) copies_in: bool,
    starts_session: bool,
    /// Offset past the last reply, and what came since.
    replied: u64,
    began: Option<Beginning>,
    rows: u64,
    missing: u64,
}

impl ResponseGroup {
    fn new(frame: &Frame<'_>) -> Self {
        Self {
            place: ResponsePlace { start: frame.offset, opposite: frame.opposite_offset, at: frame.started },
            replies: Few::default(),
            end: End::Unknown,
            torn: false,
            lost_calls: 0,
            copies_in: false,
            starts_session: false,
            replied: frame.offset,
            began: None,
            rows: 0,
            missing: 0,
        }
    }

    /// What came since the last reply, with the message that ends it.
    fn reply(&mut self, kind: ReplyKind, end: u64, at: Timestamp, ended: Option<Timestamp>) -> Reply {
        let here = Beginning { at, offset: self.replied };
        let reply = Reply {
            kind,
            bytes: end.saturating_sub(self.replied),
            missing: std::mem::take(&mut self.missing),
            rows: std::mem::take(&mut self.rows),
            began: self.began.take().unwrap_or(here),
            ended,
        };
        self.replied = end;
        reply
    }

    fn push(&mut self, reply: Reply) -> Result<(), Limit> {
        if self.replies.len() < REPLIES {
            self.replies.push(reply);
            return Ok(());
        }
        self.torn = true;
        Err(Limit::HeldResponses)
    }

    /// Nothing more comes: what came since the last reply is all.
    pub(super) fn cut(&mut self, end: u64, at: Timestamp) {
        if !self.torn && end > self.replied {
            let reply = self.reply(ReplyKind::Cut, end, at, None);
            self.replies.push(reply);
        }
    }

    /// Where bytes were lost it is not known any more which step a reply belongs to.
    pub(super) fn doubt(&mut self) {
        let mut sure = Few::default();
        let mut torn = false;
        while let Some(reply) = self.replies.pop() {
            torn |= reply.kind == ReplyKind::Torn;
            if !torn || reply.kind == ReplyKind::Torn {
                sure.push(reply);
            }
        }
        self.replies = sure;
        self.end = End::Unknown;
    }

    /// A group for replies whose request is not known.
    pub(super) fn unasked(&self) -> RequestGroup {
        let mut group = RequestGroup::unseen();
        let is_simple = !self.replies.iter().any(|reply| is_extended(reply.kind));
        let says_nothing = self.replies.is_empty() && !self.starts_session && !self.torn;
        if self.starts_session || is_simple && !says_nothing {
            let kind = if self.starts_session { StepKind::Startup } else { StepKind::Query };
            let mut step = Step::new(kind, Beginning { at: self.place.at, offset: self.place.start });
            step.tail = Tail::Last;
            group.push(step);
        }
        group
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.replies.len() * size_of::<Reply>()
    }
}

impl Session {
    /// The server answered a request for encryption.
    fn verdict(&mut self, verdict: u8, frame: &Frame<'_>, sink: &mut dyn Sink) {
        let mut group = ResponseGroup::new(frame);
        let end = frame.offset.saturating_add(frame.length);
        let reply = group.reply(ReplyKind::Verdict(verdict), end, frame.started, frame.ended);
        group.replies.push(reply);
        self.answered = Some(group);
        self.push_answered(End::Whole, frame.started, sink);
        self.finished |= verdict != b'N';
        self.encrypted |= verdict == b'S';
    }

    /// Takes a message of the server.
    pub(super) fn response(&mut self, layout: BackendLayout, frame: &Frame<'_>, sink: &mut dyn Sink) {
        let Some((&kind, rest)) = frame.bytes.split_first() else { return };
        if layout == BackendLayout::Verdict {
            self.verdict(kind, frame, sink);
            return;
        }
        self.responses_lost = false;
        let body = rest.get(HEADER_BYTES - 1..).unwrap_or_default();
        if frame.after_gap && self.answered.as_ref().is_some_and(|answered| answered.torn) && !self.is_sole()
        {
            self.push_answered(End::Unknown, frame.started, sink);
        }
        match kind {
            b'S' => self.parameter(body),
            b'K' => self.identity.process_id = message::process_id(body),
            b'v' => {
                self.identity.minor_version = message::minor_version(body).or(self.identity.minor_version);
            }
            b'R' => authenticate(&mut self.identity, body),
            _ => {}
        }
        if self.answered.is_none() {
            // These come at any time, asked or not.
            let unasked = match kind {
                b'A' => true,
                b'N' | b'S' => !self.fifo.is_waiting() && self.asked.is_none(),
                b'E' => message::error(body).is_fatal && self.is_idle(),
                _ => false,
            };
            if unasked {
                return;
            }
        }
        let answered = self.answered.get_or_insert_with(|| ResponseGroup::new(frame));
        answered.began.get_or_insert(frame.beginning());
        answered.missing = answered.missing.saturating_add(frame.missing_bytes);
        answered.starts_session |= kind == b'R';
        let said = match kind {
            b'D' => {
                answered.rows += 1;
                return;
            }
            b'1' => ReplyKind::Parsed,
            b'2' => ReplyKind::Bound,
            b'3' => ReplyKind::Closed,
            b'T' | b'n' => ReplyKind::Described,
            b'C' => ReplyKind::Complete(Tag::read(body)),
            b'I' => ReplyKind::Empty,
            b's' => ReplyKind::Suspended,
            b'V' => ReplyKind::Called,
            b'G' => ReplyKind::CopyIn,
            b'H' => ReplyKind::CopyOut,
            b'W' => ReplyKind::CopyBoth,
            b'E' => ReplyKind::Error(message::error(body).state),
            b'Z' => ReplyKind::Ready,
            _ => return,
        };
        answered.copies_in |= said == ReplyKind::CopyIn;
        let end = frame.offset.saturating_add(frame.length);
        let reply = answered.reply(said, end, frame.started, frame.ended);
        let now = frame.ended.unwrap_or(frame.started);
        if said == ReplyKind::Ready {
            self.push_answered(End::Ready(reply), now, sink);
            return;
        }
        if let Err(limit) = answered.push(reply) {
            sink.limited(limit);
        }
        let is_fatal = kind == b'E' && message::error(body).is_fatal;
        if is_fatal || said == ReplyKind::CopyBoth {
            self.push_answered(End::Whole, now, sink);
            self.finished |= said == ReplyKind::CopyBoth;
        } else if self.answered.as_ref().is_some_and(|answered| answered.replies.len() >= REPLIES / 4) {
            self.deal(sink);
        }
    }

    /// Whether the server owes nothing.
    fn is_idle(&self) -> bool {
        self.fifo.is_certain()
            && !self.fifo.is_waiting()
            && self.asked.is_none()
            && self.identity.process_id.is_some()
    }

    fn parameter(&mut self, body: &[u8]) {
        if let Some((b"search_path", path)) = message::parameter_status(body) {
            let first = path.split(|&byte| byte == b',').next().unwrap_or_default().trim_ascii();
            let first = first.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\"")).unwrap_or(first);
            // `$user` is a schema only if there is one of that name.
            self.identity.schema = if first == b"$user" { None } else { shown(first) };
        }
    }

    /// Bytes of the server were not seen, of which so many belong to no message that can be told.
    pub(super) fn lose_responses(&mut self, calls: u64, bytes: u64, cause: GapCause, at: Timestamp) {
        self.responses_lost = true;
        let lost = matches!(cause, GapCause::Lost { .. });
        match &mut self.answered {
            Some(answered) => {
                if !answered.torn {
                    let replied = answered.replied;
                    let mark = answered.reply(ReplyKind::Torn, replied, at, None);
                    answered.replies.push(mark);
                }
                answered.torn = true;
                answered.lost_calls = answered.lost_calls.saturating_add(calls);
                answered.missing = answered.missing.saturating_add(if lost { bytes } else { 0 });
            }
            None => self.fifo.lose_responses(if lost { calls.max(1) } else { 0 }),
        }
    }

    /// A request begins. If the client had read as far as the server is known to have written, what was being answered
    /// has ended there, though its end was not copied.
    pub(super) fn end_unread_answer(&mut self, opposite_offset: Option<u64>, sink: &mut dyn Sink) {
        let torn = self.answered.as_ref().is_some_and(|answered| answered.torn);
        if !torn || !self.responses_lost || self.unmeasured || !self.is_sole() || self.fifo.has_pipelined() {
            return;
        }
        let ([_, position], [_, at]) = (self.positions, self.moved_at);
        if opposite_offset != Some(position) {
            return;
        }
        if let Some(answered) = &mut self.answered {
            let reply = answered.reply(ReplyKind::Torn, position, at, Some(at));
            answered.replies.push(reply);
        }
        self.push_answered(End::Unknown, at, sink);
    }
}

fn authenticate(identity: &mut Identity, body: &[u8]) {
    let method = message::authentication(body);
    if method != Some("trust") || identity.authentication.is_none() {
        identity.authentication = method.or(identity.authentication);
    }
}
