//! Pairs the requests and responses of one connection, and reports them.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::{
    apis::{self, API_VERSIONS, FETCH, METADATA, PRODUCE, SASL_HANDSHAKE},
    detect::{self, Resume},
    exchange::KafkaExchange,
    frame::{self, Frames, KEEP, KEEP_METADATA, LONGEST_FIRST, RequestHead},
    message::Said,
    schema::{self, End},
    session::Session,
    topics::TopicNames,
    waiting::{HELD_RESPONSES, Request, Waiting},
};
use crate::{
    CloseReason, Exchange, Limit, Outcome, Protocol, Sink, Timestamp,
    fifo::LATE_WINDOW,
    framed::{Event, Frame},
    ordered::Span,
    reader::Reader,
};

/// Silence after which waiting requests are given up. A member waits in `JoinGroup` for as long as the others may take
/// for their work, five minutes by default; brokers close what is idle for ten.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(600);
/// Keys beyond any that Kafka has, or will have for long.
const ABSURD_KEY: i16 = 1000;
/// Messages on a joined or lossy connection that could not be any, after which it is given up.
const INVALID: u32 = 8;

/// Messages one behind the other that are looked at to find out whether a segment begins one.
const CHAIN: usize = 4;
/// Requests without acknowledgement whose answer is recognised as such, should one come after all: librdkafka's mock of
/// a broker sends them.
const UNACKNOWLEDGED: usize = 8;

/// A response that came before its request was seen.
struct Held {
    span: Span,
    id: i32,
    bytes: Vec<u8>,
}

/// What both streams share.
pub(super) struct Link {
    waiting: Waiting,
    held: VecDeque<Held>,
    session: Session,
    names: TopicNames,
    /// Of the cluster that the broker said it belongs to.
    cluster: Option<Arc<[u8]>>,
    response: Said,
    /// The connection was seen from its first byte on.
    from_start: bool,
    /// Tokens of an authentication may stand where requests do (`SaslHandshake` version 0).
    tokens: bool,
    ever_tokens: bool,
    /// Requests given up to make room, whose responses are still to come.
    given_up: u64,
    /// The newest requests that no answer was asked for.
    unacknowledged: [Option<i32>; UNACKNOWLEDGED],
    invalid: u32,
}

fn span(frame: &Frame<'_>) -> Span {
    Span {
        offset: frame.offset,
        opposite_offset: frame.opposite_offset,
        bytes: frame.length,
        missing_bytes: frame.missing_bytes,
        started: frame.started,
        ended: frame.ended,
    }
}

fn is_whole(span: &Span) -> bool {
    span.ended.is_some() && span.missing_bytes == 0
}

/// Whether the response to it may say the names of topics.
fn teaches(key: i16) -> bool {
    matches!(key, METADATA | apis::CREATE_TOPICS | apis::DESCRIBE_TOPIC_PARTITIONS)
}

impl Link {
    pub(super) fn new(names: TopicNames, from_start: bool) -> Self {
        Self {
            waiting: Waiting::new(),
            held: VecDeque::new(),
            session: Session::new(),
            names,
            cluster: None,
            response: Said::empty(),
            from_start,
            tokens: false,
            ever_tokens: false,
            given_up: 0,
            unacknowledged: [None; UNACKNOWLEDGED],
            invalid: 0,
        }
    }

    pub(super) fn held_bytes(&self) -> usize {
        let held: usize = self.held.iter().map(|held| held.bytes.len()).sum();
        self.waiting.held_bytes() + held + self.session.held()
    }

    /// Whether this is some other protocol after all.
    pub(super) fn is_foreign(&self) -> bool {
        self.invalid > INVALID
    }

    /// Something stands where a message should begin. Where nothing was lost, that is proof.
    fn invalid(&mut self) {
        let proof = self.from_start && self.waiting.is_lossless();
        self.invalid = if proof { INVALID } else { self.invalid } + 1;
    }

    /// Says how the next responses are to be cut.
    pub(super) fn prepare(&self, frames: &mut Frames) {
        let next = self.waiting.iter().next();
        let much = next.is_some_and(|_| self.waiting.iter().take(8).any(|request| teaches(request.key)));
        frames.set_keep(if much { KEEP_METADATA } else { KEEP });
        if self.ever_tokens {
            frames.allow_tokens();
        }
    }

    /// Whether these bytes, on a stream whose framing is not known, begin the response to a request that waits; or, if they
    /// are whole messages, to one that was not seen.
    pub(super) fn resumes(&self, bytes: &[u8]) -> Resume {
        let mut rest = bytes;
        for index in 0..CHAIN {
            let mut reader = Reader::new(rest);
            let (Some(length), Some(id)) = (reader.u32_be().map(u64::from), reader.i32_be()) else {
                return if index == 0 { Resume::More } else { Resume::Yes };
            };
            let whole = length + frame::LENGTH_BYTES as u64;
            let here = usize::try_from(whole).unwrap_or(usize::MAX).min(rest.len());
            let (message, after) = rest.split_at(here);
            let request = self.waiting.iter().find(|request| request.correlation == id);
            let Some(request) = request.filter(|_| (4..=LONGEST_FIRST).contains(&length)) else {
                if here as u64 != whole || !self.waiting.is_near(id) {
                    return Resume::No;
                }
                if after.is_empty() {
                    return Resume::Yes;
                }
                rest = after;
                continue;
            };
            let Ok(body) = frame::response_body(message, whole, request.key, request.flexible) else {
                return Resume::No;
            };
            if let Some(api) = request.api.filter(|api| api.describes(request.version)) {
                let end = schema::walk(api.response, request.version, request.flexible, body, &mut |_| {});
                if matches!(end, End::Bad | End::More) {
                    return Resume::No;
                }
            }
            if after.is_empty() {
                return Resume::Yes;
            }
            rest = after;
        }
        Resume::Yes
    }

    pub(super) fn lost_request_bytes(&mut self, bytes: u64) {
        self.waiting.lose_request_bytes(bytes);
    }

    /// Something of the request stream. Gives whether to go on with the segment.
    pub(super) fn request_event(
        &mut self,
        frames: &mut Frames,
        event: Event<'_>,
        sink: &mut dyn Sink,
    ) -> bool {
        match event {
            Event::Frame(frame) => return self.request(frames, &frame, sink),
            Event::Lost { calls } => {
                self.waiting.lose_requests(calls);
                self.session.lose();
            }
            Event::Invalid => {
                self.invalid();
                self.waiting.lose_requests(0);
                self.session.lose();
            }
        }
        true
    }

    /// Something of the response stream.
    pub(super) fn response_event(
        &mut self,
        frames: &mut Frames,
        event: Event<'_>,
        sink: &mut dyn Sink,
    ) -> bool {
        match event {
            Event::Frame(frame) => {
                self.response(&frame, sink);
                self.prepare(frames);
            }
            Event::Lost { calls } => self.waiting.lose_responses(calls),
            Event::Invalid => {
                self.invalid();
                self.waiting.lose_responses(0);
            }
        }
        true
    }

    fn request(&mut self, frames: &mut Frames, frame: &Frame<'_>, sink: &mut dyn Sink) -> bool {
        let head = match frame::request(frame.bytes, frame.length) {
            Ok(head) if head.key < ABSURD_KEY => head,
            Err(End::Short) if !self.tokens => {
                // Its header was lost: of whatever it was, only the response may be seen.
                self.waiting.lose_request_bytes(frame.length);
                self.waiting.lose_requests(1);
                self.session.lose();
                return true;
            }
            _ if self.tokens => return true,
            _ => {
                self.invalid();
                return !self.is_foreign();
            }
        };
        if self.tokens {
            if !detect::is_request(&head) {
                return true;
            }
            self.tokens = false;
        }
        let mut request = self.waiting.record();
        self.read_request(&mut request, &head, frame);
        if head.key == SASL_HANDSHAKE && head.version == 0 {
            self.tokens = true;
            self.ever_tokens = true;
            frames.allow_tokens();
        }
        self.waiting.note(&mut request);
        if head.key == PRODUCE && request.said.acks == Some(0) {
            self.report_unanswered_produce(request, sink);
            return true;
        }
        self.answer_late(request, frame, sink);
        true
    }

    fn read_request(&mut self, request: &mut Request, head: &RequestHead<'_>, frame: &Frame<'_>) {
        request.span = span(frame);
        request.key = head.key;
        request.version = head.version;
        request.correlation = head.correlation;
        request.flexible = head.flexible;
        request.api = head.api;
        if let Some(client) = head.client {
            request.said.set_client(client);
        }
        if let Some(api) = head.api.filter(|api| api.describes(head.version)) {
            request.said.read(api.request, head.version, head.flexible, head.body, &self.names);
        }
        if head.key == FETCH {
            self.session.ask(&mut request.said);
        }
    }

    /// A batch that nobody acknowledges: the exchange is over with the request.
    fn report_unanswered_produce(&mut self, mut request: Box<Request>, sink: &mut dyn Sink) {
        self.unacknowledged.rotate_right(1);
        self.unacknowledged[0] = Some(request.correlation);
        request.said.resolve(&self.names);
        let outcome = if is_whole(&request.span) { Outcome::Complete } else { Outcome::Partial };
        let ended = request.span.ended;
        report(Some(&request), None, ended, outcome, self.cluster.as_deref(), sink);
        self.waiting.recycle(request);
    }

    /// Queues a request, unless its response is there already.
    fn answer_late(&mut self, request: Box<Request>, frame: &Frame<'_>, sink: &mut dyn Sink) {
        let id = request.correlation;
        self.waiting.push(request);
        let found = self.held.iter().position(|held| held.id == id);
        if let Some(index) = found
            && self.waiting.find(id, &self.held[index].span).is_some()
        {
            for _ in 0..index {
                self.orphan_first(sink);
            }
            if let Some(held) = self.held.pop_front() {
                self.pair(held.id, &held.bytes, held.span, sink);
            }
        }
        while !self.waiting.has_room() {
            sink.limited(Limit::WaitingRequests);
            self.given_up += 1;
            if let Some(oldest) = self.waiting.take_unanswered() {
                self.report_request(oldest, Outcome::Partial, sink);
            }
        }
        self.settle(frame.started, sink);
    }

    fn response(&mut self, frame: &Frame<'_>, sink: &mut dyn Sink) {
        let span = span(frame);
        let Some(id) = frame::correlation(frame.bytes) else {
            // A token, or a response whose header was lost.
            if !self.ever_tokens {
                self.waiting.lose_responses(1);
            }
            return;
        };
        self.waiting.touch(span.ended.unwrap_or(span.started));
        if self.waiting.find(id, &span).is_some() {
            while !self.held.is_empty() {
                self.orphan_first(sink);
            }
            self.pair(id, frame.bytes, span, sink);
            return;
        }
        if self.unacknowledged.contains(&Some(id)) || (self.ever_tokens && self.waiting.is_empty()) {
            return;
        }
        // Its request may be reported late; but not where only loss explains that it was not seen.
        let may_be_late = span.opposite_offset.is_some() || (self.from_start && self.waiting.is_lossless());
        let bytes = frame.bytes.get(..KEEP).unwrap_or(frame.bytes).to_vec();
        self.held.push_back(Held { span, id, bytes });
        if !may_be_late {
            self.orphan_first(sink);
        } else if self.held.len() > HELD_RESPONSES {
            sink.limited(Limit::HeldResponses);
            self.orphan_first(sink);
        }
    }

    fn pair(&mut self, id: i32, bytes: &[u8], span: Span, sink: &mut dyn Sink) {
        let Some(mut place) = self.waiting.find(id, &span) else { return };
        while let Some(request) = self.waiting.skipped(place) {
            self.report_request(request, Outcome::Partial, sink);
            place -= 1;
        }
        let Some((mut request, unseen)) = self.waiting.answer(place) else { return };
        if unseen > 0 {
            sink.unobserved(unseen);
        }
        self.read_response(&request, bytes, span);
        if request.key == FETCH {
            self.session.answer(&request.said, &self.response);
        }
        if let Some(cluster) = self.response.cluster()
            && self.cluster.as_deref() != Some(cluster)
        {
            self.cluster = Some(Arc::from(cluster));
        }
        request.said.resolve(&self.names);
        let whole = is_whole(&request.span) && is_whole(&span);
        let outcome = if whole { Outcome::Complete } else { Outcome::Partial };
        let response = Some((&self.response, span));
        report(Some(&request), response, span.ended, outcome, self.cluster.as_deref(), sink);
        self.waiting.recycle(request);
    }

    fn read_response(&mut self, request: &Request, bytes: &[u8], span: Span) {
        self.response.reset();
        let Ok(body) = frame::response_body(bytes, span.bytes, request.key, request.flexible) else { return };
        // A broker that does not know the version of `ApiVersions` says so in version 0, where the error stands as well.
        let known = |api: &&apis::Api| api.describes(request.version) || request.key == API_VERSIONS;
        if let Some(api) = request.api.filter(known) {
            self.response.read(api.response, request.version, request.flexible, body, &self.names);
            self.response.resolve(&self.names);
        }
    }

    /// The oldest response held has no request.
    fn orphan_first(&mut self, sink: &mut dyn Sink) {
        let Some(held) = self.held.pop_front() else { return };
        if self.given_up > 0 {
            self.given_up -= 1;
            return;
        }
        self.waiting.orphan();
        self.response.reset();
        let response = Some((&self.response, held.span));
        report(None, response, held.span.ended, Outcome::Partial, self.cluster.as_deref(), sink);
    }

    fn report_request(&mut self, mut request: Box<Request>, outcome: Outcome, sink: &mut dyn Sink) {
        request.said.resolve(&self.names);
        report(Some(&request), None, None, outcome, self.cluster.as_deref(), sink);
        self.waiting.recycle(request);
    }

    /// Gives up what has waited for a late event long enough.
    pub(super) fn settle(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        while self.held.front().is_some_and(|held| now.since(held.span.started) > LATE_WINDOW) {
            self.orphan_first(sink);
        }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        self.settle(now, sink);
        if !self.waiting.is_empty() && now.since(self.waiting.active_at()) >= RESPONSE_TIMEOUT {
            while let Some(request) = self.waiting.take_unanswered() {
                self.given_up += 1;
                self.report_request(request, Outcome::NoResponse(CloseReason::Timeout), sink);
            }
        }
    }

    /// The connection is over.
    pub(super) fn finish(&mut self, reason: CloseReason, sink: &mut dyn Sink) {
        while !self.held.is_empty() {
            self.orphan_first(sink);
        }
        let lost = self.waiting.may_have_lost_responses();
        while let Some(request) = self.waiting.take_unanswered() {
            let outcome =
                if lost || !is_whole(&request.span) { Outcome::Partial } else { Outcome::NoResponse(reason) };
            self.report_request(request, outcome, sink);
        }
        let unseen = self.waiting.finish();
        if unseen > 0 {
            sink.unobserved(unseen);
        }
    }
}

fn report(
    request: Option<&Request>,
    response: Option<(&Said, Span)>,
    ended: Option<Timestamp>,
    outcome: Outcome,
    cluster: Option<&[u8]>,
    sink: &mut dyn Sink,
) {
    let asked = request.map(|request| request.span);
    let answered = response.map(|(_, span)| span);
    let missing = |span: Option<Span>| span.map_or(0, |span| span.missing_bytes);
    let details = KafkaExchange { request, response: response.map(|(said, _)| said), outcome, cluster };
    sink.exchange(&Exchange {
        protocol: Protocol::Kafka,
        started: asked.or(answered).map(|span| span.started).unwrap_or_default(),
        request_offset: asked.map(|span| span.offset),
        response_offset: answered.map(|span| span.offset),
        ended,
        outcome,
        request_bytes: asked.map_or(0, |span| span.bytes),
        response_bytes: answered.map_or(0, |span| span.bytes),
        missing_bytes: missing(asked).saturating_add(missing(answered)),
        details: &details,
    });
}
