//! Pairs the ClientHello of a connection with its answer, and leaves the rest alone.

use std::cell::Cell;

use super::{
    exchange::TlsExchange,
    frame::{Assembly, Records, Step},
    message::{Answer, ClientHello, client_hello, server_hello},
};
use crate::{
    CloseReason, Details, Direction, Gap, Limit, Outcome, Protocol, Segment, Sink, Timestamp,
    framed::{Event, Framer},
    ordered::{Describe, Message, Ordered, RESPONSE_TIMEOUT, Span},
    registry::{Continue, Parser},
};

/// What a stream is given.
#[derive(Clone, Copy)]
enum Input<'a> {
    Segment(&'a Segment<'a>),
    Gap(&'a Gap),
}

/// What a stream was found to hold.
enum Seen<T> {
    Step(Step<T>),
    Lost(u64),
    Invalid,
}

/// One stream, up to its hello.
struct Stream {
    records: Records,
    framer: Framer<Records>,
    assembly: Assembly,
    /// The hello was seen, or will not be.
    done: bool,
}

impl Stream {
    fn new(direction: Direction, from_start: bool) -> Self {
        let records = Records { direction };
        let framer = Framer::new(records, from_start);
        Self { records, framer, assembly: Assembly::default(), done: false }
    }

    /// Takes bytes or a gap in; `each` says of what was found whether to go on.
    fn feed<T>(
        &mut self,
        input: Input<'_>,
        read: fn(&[u8]) -> T,
        mut each: impl FnMut(&mut Assembly, Seen<T>) -> bool,
    ) {
        let Self { records, framer, assembly, done } = self;
        let records = *records;
        let found = |_: &mut Records, event: Event<'_>| {
            if !*done {
                let seen = match event {
                    Event::Frame(frame) => Seen::Step(assembly.push(&frame, records, read)),
                    Event::Lost { calls } => Seen::Lost(calls),
                    Event::Invalid => Seen::Invalid,
                };
                *done = !each(assembly, seen);
            }
            !*done
        };
        match input {
            Input::Segment(segment) => {
                framer.segment(segment, found);
            }
            Input::Gap(gap) => {
                framer.gap(gap, found);
            }
        }
    }

    fn held_bytes(&self) -> usize {
        self.framer.held_bytes() + self.assembly.held_bytes()
    }
}

/// Says what a handshake was, and remembers that it was reported.
#[derive(Default)]
struct Describer {
    reported: Cell<bool>,
    /// What the connection spoke before.
    upgraded_from: Option<Protocol>,
}

impl Describe<ClientHello, Answer> for Describer {
    fn protocol(&self) -> Protocol {
        Protocol::Tls
    }

    fn describe(
        &self,
        request: Option<&Message<ClientHello>>,
        response: Option<&Message<Answer>>,
        outcome: Outcome,
        report: &mut dyn FnMut(&dyn Details),
    ) {
        self.reported.set(true);
        report(&TlsExchange {
            request: request.map(|message| &message.content),
            response: response.map(|message| &message.content),
            outcome,
            upgraded_from: self.upgraded_from,
        });
    }
}

/// Parses the beginning of one connection.
pub(super) struct TlsParser {
    client: Stream,
    server: Stream,
    retried: bool,
    hellos: Ordered<ClientHello, Answer>,
    describer: Describer,
}

impl TlsParser {
    pub(super) fn new(from_start: bool) -> Self {
        Self {
            client: Stream::new(Direction::ToServer, from_start),
            server: Stream::new(Direction::ToClient, from_start),
            retried: false,
            hellos: Ordered::new(from_start),
            describer: Describer::default(),
        }
    }

    pub(super) fn within(protocol: Protocol) -> Self {
        let describer = Describer { upgraded_from: Some(protocol), ..Describer::default() };
        Self { describer, ..Self::new(true) }
    }

    fn take_client(&mut self, input: Input<'_>, sink: &mut dyn Sink) -> Continue {
        let Self { client, hellos, .. } = self;
        let mut verdict = Continue::Parsing;
        client.feed(input, client_hello, |_, seen| match seen {
            Seen::Step(Step::More) => true,
            Seen::Step(Step::Hello { span, content, cut }) => {
                if cut {
                    sink.limited(Limit::HeadBytes);
                }
                let weight = content.weight();
                hellos.request(Message { span, content }, weight);
                false
            }
            Seen::Lost(calls) => {
                hellos.lose(Direction::ToServer, calls.max(1));
                false
            }
            Seen::Step(Step::Alert { .. } | Step::Wrong) | Seen::Invalid => {
                verdict = Continue::NotThisProtocol;
                false
            }
        });
        verdict
    }

    fn take_server(&mut self, input: Input<'_>, sink: &mut dyn Sink) -> Continue {
        let Self { client, server, hellos, retried, .. } = self;
        let mut foreign = false;
        server.feed(input, server_hello, |assembly, seen| {
            let (span, answer) = match seen {
                Seen::Step(Step::More) => return true,
                Seen::Step(Step::Hello { span, content, .. }) if content.retry && !*retried => {
                    *retried = true;
                    assembly.restart(span);
                    return true;
                }
                Seen::Step(Step::Hello { span, content, cut }) => {
                    if cut {
                        sink.limited(Limit::HeadBytes);
                    }
                    (span, Answer { hello: Some(content), retried: *retried, ..Answer::default() })
                }
                // A warning, such as that the name is not known: the handshake goes on.
                Seen::Step(Step::Alert { fatal: false, description: 1.., .. }) => {
                    *assembly = Assembly::default();
                    return true;
                }
                Seen::Step(Step::Alert { span, description, .. }) => {
                    (span, Answer { alert: Some(description), retried: *retried, ..Answer::default() })
                }
                Seen::Lost(calls) => {
                    hellos.lose(Direction::ToClient, calls.max(1));
                    return true;
                }
                Seen::Step(Step::Wrong) | Seen::Invalid => {
                    foreign = true;
                    return false;
                }
            };
            hellos.response(Message { span, content: answer });
            false
        });
        match input {
            _ if foreign && !client.done => return Continue::NotThisProtocol,
            Input::Segment(segment) if foreign => {
                // As far as can be told, it is all of it.
                let span = Span {
                    offset: server.framer.began_at(),
                    opposite_offset: segment.opposite_offset,
                    bytes: segment.bytes.len() as u64,
                    missing_bytes: 0,
                    started: segment.at,
                    ended: Some(segment.at),
                };
                let content = Answer { foreign: true, retried: *retried, ..Answer::default() };
                hellos.response(Message { span, content });
            }
            Input::Segment(_) if server.framer.is_lost() && client.done && !server.done => {
                // The server goes on with something else: its hello was missed.
                hellos.lose(Direction::ToClient, 1);
                hellos.finish(CloseReason::Evicted, &self.describer, sink);
                return Continue::Finished;
            }
            _ => {}
        }
        Continue::Parsing
    }

    fn take(
        &mut self,
        direction: Direction,
        input: Input<'_>,
        at: Timestamp,
        sink: &mut dyn Sink,
    ) -> Continue {
        let done = self.describer.reported.get();
        let verdict = match direction {
            _ if done => return Continue::Finished,
            Direction::ToServer if self.client.done => Continue::Parsing,
            Direction::ToServer => self.take_client(input, sink),
            Direction::ToClient if self.server.done => Continue::Parsing,
            Direction::ToClient => self.take_server(input, sink),
        };
        if verdict == Continue::Parsing {
            self.hellos.settle(at, &self.describer, sink);
            if self.describer.reported.get() {
                return Continue::Finished;
            }
        }
        verdict
    }
}

impl Parser for TlsParser {
    fn segment(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) -> Continue {
        self.take(segment.direction, Input::Segment(segment), segment.at, sink)
    }

    fn gap(&mut self, gap: &Gap, sink: &mut dyn Sink) -> Continue {
        self.take(gap.direction, Input::Gap(gap), gap.at, sink)
    }

    fn tick(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        self.hellos.tick(now, RESPONSE_TIMEOUT, &self.describer, sink);
    }

    fn end_of_stream(&mut self, _direction: Direction, _at: Timestamp, _sink: &mut dyn Sink) {}

    fn close(&mut self, reason: CloseReason, _at: Timestamp, sink: &mut dyn Sink) {
        if self.describer.reported.get() {
            return;
        }
        if self.server.framer.is_within() {
            // It had begun to answer.
            self.hellos.lose(Direction::ToClient, 1);
        }
        self.hellos.finish(reason, &self.describer, sink);
    }

    fn held_bytes(&self) -> usize {
        self.client.held_bytes() + self.server.held_bytes() + self.hellos.held_bytes()
    }
}
