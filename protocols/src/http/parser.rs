//! The parser of one connection: both streams cut into messages, the messages paired, the pairs reported.

use std::time::Duration;

use super::{
    HttpSettings,
    heads::{Form, held_response},
    ledger::{Fate, Ledger},
    record::{Broken, Response},
    stream::{Here, RESYNC_ATTEMPTS, Step, Stream},
};
use crate::{
    CloseReason, Direction, Gap, Limit, Protocol, Segment, Sink, Timestamp,
    fifo::{Fifo, Settled},
    http2,
    registry::{Continue, Parser},
};

/// Silence of both streams after which waiting requests are given up as timed out. Long polls last a minute or so
/// (load balancers cut them at 60 s); a response that comes later still is not reported a second time.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(120);

/// Parses both streams of one connection.
pub(super) struct HttpParser {
    pub(super) settings: HttpSettings,
    pub(super) requests: Stream,
    pub(super) responses: Stream,
    pub(super) fifo: Fifo<Box<super::record::Request>, Box<Response>>,
    pub(super) ledger: Ledger,
    serial: u64,
    /// The request whose end was not seen, and the response.
    pub(super) open_request: Option<u64>,
    pub(super) open_response: Option<u64>,
    /// Whether everything since the first byte was seen, and no response yet.
    pub(super) untouched: bool,
    server_ended: bool,
    active_at: Timestamp,
    pub(super) finished: bool,
    /// The request that turned the connection into one of HTTP/2, to be answered there.
    upgraded: Option<Box<super::record::Request>>,
    /// Whether the segment at hand is the server's.
    reading_responses: bool,
}

impl HttpParser {
    pub(super) fn new(settings: HttpSettings, from_start: bool) -> Self {
        let mut parser = Self {
            settings,
            requests: Stream::new(Direction::ToServer),
            responses: Stream::new(Direction::ToClient),
            fifo: Fifo::new(from_start),
            ledger: Ledger::default(),
            serial: 0,
            open_request: None,
            open_response: None,
            untouched: from_start,
            server_ended: false,
            active_at: Timestamp::default(),
            finished: false,
            upgraded: None,
            reading_responses: false,
        };
        if !from_start {
            parser.requests.lose_framing(false);
            parser.responses.lose_framing(false);
        }
        parser
    }

    pub(super) fn stream(&mut self, direction: Direction) -> &mut Stream {
        match direction {
            Direction::ToServer => &mut self.requests,
            Direction::ToClient => &mut self.responses,
        }
    }

    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Takes in the next bytes of a segment. Gives how many.
    #[inline]
    fn advance(&mut self, direction: Direction, bytes: &[u8], here: Here, sink: &mut dyn Sink) -> usize {
        let step = self.stream(direction).read(bytes, here);
        if let Step::Begins(blank) = step {
            let rest = &bytes[blank..];
            if let Some(length) = self.head(direction, rest, here, Form::Ahead, sink) {
                return blank + length;
            }
            let step = self.stream(direction).hold(rest);
            return blank + self.obey(direction, step, rest, here, sink);
        }
        self.obey(direction, step, bytes, here, sink)
    }

    fn obey(
        &mut self,
        direction: Direction,
        step: Step,
        bytes: &[u8],
        here: Here,
        sink: &mut dyn Sink,
    ) -> usize {
        let stream = self.stream(direction);
        match step {
            Step::Taken(taken) | Step::Begins(taken) => taken,
            Step::Head { from: Some(from), to } => {
                if self.head(direction, &bytes[from..to], here, Form::Whole, sink).is_some() {
                    to
                } else {
                    self.no_head(direction, here, bytes, sink)
                }
            }
            Step::Head { from: None, to } => {
                let head = stream.take_head();
                let understood = self.head(direction, &head, here, Form::Whole, sink).is_some();
                self.stream(direction).keep(head);
                if understood { to } else { self.no_head(direction, here, &bytes[to..], sink) + to }
            }
            Step::End(taken) => {
                self.end(direction, true, sink);
                taken
            }
            Step::Boundary => {
                if stream.is_lost() {
                    // Whatever was passed over may have held other messages.
                    self.lose(direction, 0);
                }
                self.end(direction, true, sink);
                self.stream(direction).begin_head(true);
                0
            }
            Step::NotAHead => self.no_head(direction, here, bytes, sink),
            Step::TooLong(taken) => {
                sink.limited(Limit::HeadBytes);
                let understood = self.cut_head(direction, here, sink);
                self.lose(direction, u64::from(!understood));
                taken
            }
        }
    }

    /// So many messages of a stream are believed lost.
    pub(super) fn lose(&mut self, direction: Direction, messages: u64) {
        match direction {
            Direction::ToServer => self.fifo.lose_requests(messages),
            Direction::ToClient => self.fifo.lose_responses(messages),
        }
    }

    /// The message under way in a stream has ended; `seen` says whether its last byte was.
    pub(super) fn end(&mut self, direction: Direction, seen: bool, sink: &mut dyn Sink) {
        let stream = self.stream(direction);
        let mut size = stream.size;
        size.ended = seen.then_some(stream.last_at());
        let end = stream.position();
        let going_on = stream.is_over();
        if !going_on {
            stream.begin_head(false);
        }
        match direction {
            Direction::ToServer => {
                let Some(serial) = self.open_request.take() else { return };
                match self.fifo.newest_request() {
                    Some((place, record)) if record.serial == serial => {
                        place.end = seen.then_some(end);
                        record.size = size;
                        record.done = true;
                        return;
                    }
                    _ => {}
                }
                let Some(record) = self.ledger.find_request(serial) else { return };
                record.size = size;
                record.done = true;
            }
            Direction::ToClient => {
                let Some(serial) = self.open_response.take() else { return };
                let Some(record) = held_response(&mut self.fifo, &mut self.ledger, serial) else { return };
                record.size = size;
                record.done = true;
            }
        }
        self.ledger.report_finished(&self.settings, sink);
    }

    /// Lets the matcher decide what it can.
    pub(super) fn settle(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        while let Some(settled) = self.fifo.next(now) {
            if let Some(limit) = self.fifo.take_limit() {
                sink.limited(limit);
            }
            self.record(settled, CloseReason::Evicted, sink);
        }
        self.ledger.report_finished(&self.settings, sink);
        self.report_unobserved(sink);
    }

    fn report_unobserved(&mut self, sink: &mut dyn Sink) {
        let unobserved = self.fifo.take_unobserved();
        if unobserved > 0 {
            sink.unobserved(unobserved);
        }
    }

    fn record(
        &mut self,
        settled: Settled<Box<super::record::Request>, Box<Response>>,
        reason: CloseReason,
        sink: &mut dyn Sink,
    ) {
        match settled {
            Settled::Pair(request, response) => {
                let (to_head, to_connect) = (request.is_head, request.is_connect);
                let (serial, status) = (response.serial, response.status);
                if status == Some(101) && request.upgrades_to_http2 {
                    // Its answer is still to come.
                    self.upgraded = Some(request);
                    self.ledger.drop_response(response);
                    return;
                }
                self.ledger.open(Some(request), Some(response), Fate::Unknown);
                let tunnels = status == Some(101)
                    || to_connect && status.is_some_and(|status| (200..300).contains(&status));
                // A response that was held had its length guessed without knowing the method.
                let under_way = self.open_response == Some(serial) && self.responses.is_in_body();
                if under_way && (tunnels || to_head && self.responses.size.body == 0) {
                    self.end(Direction::ToClient, true, sink);
                }
                self.finished |= tunnels;
            }
            Settled::Request(request) => self.ledger.open(Some(request), None, Fate::Unknown),
            Settled::Unanswered(request) => self.ledger.open(Some(request), None, Fate::Ended(reason)),
            Settled::Response(response) => {
                self.finished |= response.status == Some(101);
                self.ledger.open(None, Some(response), Fate::Unknown);
            }
            Settled::RequestAgain(request) => self.ledger.drop_request(request),
            Settled::ResponseAgain(response) => {
                self.finished |= response.status == Some(101);
                self.ledger.drop_response(response);
            }
        }
    }

    /// What the end of a stream, or of the connection, does to a response under way.
    fn end_response(&mut self, reason: CloseReason, sink: &mut dyn Sink) {
        let Some(serial) = self.open_response else { return };
        let stream = &mut self.responses;
        let in_body = stream.is_in_body();
        // What is delimited by the end of the stream is whole with it, and so may be what has no length to be believed.
        let whole = stream.is_lost() || stream.is_until_close() && reason == CloseReason::Closed;
        let mut broken = None;
        match reason {
            CloseReason::Timeout | CloseReason::Evicted => stream.size.cut = true,
            _ if whole || !in_body => {}
            CloseReason::Closed => broken = Some(Broken::Truncated),
            CloseReason::Reset => broken = Some(Broken::Reset),
        }
        let seen = matches!(reason, CloseReason::Closed | CloseReason::Reset) && in_body;
        if in_body {
            if let Some(record) = held_response(&mut self.fifo, &mut self.ledger, serial) {
                record.broken = broken;
            }
            self.end(Direction::ToClient, seen, sink);
        }
    }

    /// Reports what is left.
    fn finish(&mut self, reason: CloseReason, sink: &mut dyn Sink) {
        while let Some(settled) = self.fifo.finish() {
            self.record(settled, reason, sink);
        }
        for direction in [Direction::ToServer, Direction::ToClient] {
            if matches!(direction, Direction::ToServer) || self.responses.is_in_body() {
                self.end(direction, false, sink);
            }
        }
        self.ledger.report_finished(&self.settings, sink);
        self.ledger.report_all(reason, &self.settings, sink);
        self.report_unobserved(sink);
    }

    fn verdict(&mut self, sink: &mut dyn Sink) -> Continue {
        if self.finished {
            self.ledger.report_finished(&self.settings, sink);
            return Continue::Finished;
        }
        if self.requests.misses.max(self.responses.misses) > RESYNC_ATTEMPTS {
            sink.limited(Limit::ResyncAttempts);
            return Continue::NotThisProtocol;
        }
        Continue::Parsing
    }
}

impl Parser for HttpParser {
    fn segment(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) -> Continue {
        if self.fifo.is_holding() {
            self.settle(segment.at, sink);
        }
        self.active_at = self.active_at.max(segment.at);
        let mut here = Here {
            offset: segment.offset,
            at: segment.at,
            opposite: segment.opposite_offset,
            segment_start: true,
        };
        let mut rest = segment.bytes;
        while !rest.is_empty() {
            let taken = self.advance(segment.direction, rest, here, sink);
            rest = rest.get(taken..).unwrap_or_default();
            if self.upgraded.is_some() {
                self.reading_responses = segment.direction == Direction::ToClient;
                self.active_at = segment.at;
                return Continue::Becomes { protocol: Protocol::Http2, unread: rest.len() };
            }
            if taken > 0 {
                here.offset = here.offset.saturating_add(taken as u64);
                here.segment_start = false;
            }
        }
        self.verdict(sink)
    }

    fn gap(&mut self, gap: &Gap, sink: &mut dyn Sink) -> Continue {
        self.pass_over(gap, sink);
        self.verdict(sink)
    }

    fn tick(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        if self.fifo.is_holding() {
            self.settle(now, sink);
        }
        if self.fifo.is_waiting() && now.since(self.active_at) >= RESPONSE_TIMEOUT {
            while let Some(request) = self.fifo.give_up() {
                self.record(Settled::Unanswered(request), CloseReason::Timeout, sink);
            }
            // A body may still be on its way, but nobody waits for its end any more.
            let abandoned = self.open_request.take().and_then(|serial| self.ledger.find_request(serial));
            if let Some(request) = abandoned {
                request.size = self.requests.size;
                request.done = true;
            }
            self.ledger.report_finished(&self.settings, sink);
        }
    }

    fn end_of_stream(&mut self, direction: Direction, at: Timestamp, sink: &mut dyn Sink) {
        let here = Here { offset: 0, at, opposite: None, segment_start: false };
        self.cut_head_at_end(direction, here, sink);
        match direction {
            Direction::ToServer => self.end(direction, true, sink),
            Direction::ToClient => {
                self.server_ended = true;
                self.end_response(CloseReason::Closed, sink);
            }
        }
        self.stream(direction).stop();
    }

    fn close(&mut self, reason: CloseReason, at: Timestamp, sink: &mut dyn Sink) {
        let here = Here { offset: 0, at, opposite: None, segment_start: false };
        // A server that said its last word before the observation ended will answer nothing more.
        let reason =
            if self.server_ended && reason != CloseReason::Reset { CloseReason::Closed } else { reason };
        for direction in [Direction::ToServer, Direction::ToClient] {
            self.cut_head_at_end(direction, here, sink);
        }
        self.end_response(reason, sink);
        self.finish(reason, sink);
    }

    fn held_bytes(&self) -> usize {
        self.requests.held_bytes()
            + self.responses.held_bytes()
            + self.fifo.held_bytes()
            + self.fifo.held_responses().map(|response| response.held()).sum::<usize>()
            + self.ledger.held_bytes()
    }

    fn successor(&mut self) -> Option<Box<dyn Parser>> {
        let request = self.upgraded.take()?;
        let settings = self.settings.clone();
        Some(http2::upgraded(settings, *request, self.active_at, self.reading_responses))
    }
}
