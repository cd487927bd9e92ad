//! One connection: its two streams, the conversation in them, and how what is found gets its context.

use std::net::SocketAddr;

use plainsight_protocols::{
    CloseReason, Conversation, Direction, Exchange, Gap, GapCause, Limit, Segment, Settings, Side, Sink,
    State, Timestamp,
};

use super::counters::{ExchangeCounters, LimitCounters};
use super::life::Life;
use super::offsets::Numbering;
use super::stream::{Outlet, Reassembly};
use super::streams::Streams;
use super::{Observed, Observer};
use crate::capture::{Chunk, Closed, ConnectionId, EndOfStream, Flow, Opened, Process, Role};

/// A connection in the table.
pub(super) struct Connection {
    facts: Facts,
    process: Process,
    life: Life,
    streams: Streams,
    numbering: Numbering,
    /// `None` once nothing more will be parsed.
    conversation: Option<Conversation>,
    /// Whether the source was told that the beginnings of what calls move suffice.
    pub(super) beginnings_suffice: bool,
    /// What the conversation held when it was last asked.
    pub(super) parser_bytes: usize,
}

/// What does not change.
pub(super) struct Facts {
    pub(super) id: ConnectionId,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// Whether the observed end is believed to be the server. The content may prove the contrary.
    serves: bool,
}

/// What a connection works with beside itself: the parts of its worker.
pub(super) struct Surroundings<'a, O> {
    pub(super) protocols: &'a Settings,
    pub(super) reassembly: &'a mut Reassembly,
    pub(super) exchanges: &'a mut ExchangeCounters,
    pub(super) limits: &'a mut LimitCounters,
    pub(super) observer: &'a mut O,
}

impl<O> Surroundings<'_, O> {
    #[inline]
    fn reborrow(&mut self) -> Surroundings<'_, O> {
        let Self { protocols, reassembly, exchanges, limits, observer } = self;
        Surroundings { protocols, reassembly, exchanges, limits, observer }
    }
}

impl Connection {
    pub(super) fn new(opened: &Opened) -> Self {
        let serves = match opened.role {
            Role::Server => true,
            Role::Client => false,
            // Servers listen on low ports, clients are given high ones.
            Role::Unknown => opened.local.port() < opened.remote.port(),
        };
        let Opened { connection: id, local, remote, from_start, .. } = *opened;
        Self {
            facts: Facts { id, local, remote, serves },
            process: Process::default(),
            life: Life::new(opened),
            streams: Streams::new(from_start),
            numbering: Numbering::default(),
            conversation: Some(Conversation::new(from_start)),
            beginnings_suffice: false,
            parser_bytes: 0,
        }
    }

    /// Whether chunks wait for their turn in a stream.
    pub(super) fn is_holding(&self) -> bool {
        self.streams.is_holding()
    }

    /// What is known of the protocol and how many bytes the parser holds; `None` if nothing is parsed any more.
    #[inline]
    pub(super) fn parsing(&self) -> Option<(State, usize)> {
        self.conversation.as_ref().map(|conversation| (conversation.state(), conversation.held_bytes()))
    }

    /// Parses nothing more, and frees what parsing took.
    pub(super) fn stop_parsing(&mut self, reassembly: &mut Reassembly) {
        self.learn_protocol();
        self.conversation = None;
        self.streams.discard(reassembly);
        self.streams = Streams::new(false);
    }

    #[inline]
    pub(super) fn chunk<O: Observer>(&mut self, chunk: &Chunk<'_>, mut around: Surroundings<'_, O>) {
        self.process = chunk.process;
        let is_due = self.life.chunk(chunk, &self.facts, around.observer);
        self.with(around.reborrow(), |streams, reassembly, delivery| {
            streams.chunk(chunk, reassembly, delivery);
        });
        if is_due {
            self.learn_protocol();
            self.life.tell(&self.facts, around.observer);
        }
    }

    pub(super) fn end_of_stream<O: Observer>(&mut self, end: &EndOfStream, around: Surroundings<'_, O>) {
        self.with(around, |streams, reassembly, delivery| streams.end(end, reassembly, delivery));
    }

    pub(super) fn tick<O: Observer>(&mut self, now: Timestamp, around: Surroundings<'_, O>) {
        self.with(around, |streams, reassembly, delivery| {
            if streams.is_holding() {
                streams.tick(now, reassembly, delivery);
            }
            delivery.tell(|conversation, report| conversation.tick(now, report));
        });
    }

    /// Passes on what waits, requests first, and reports what is unfinished. `closed` has the facts of an end that was seen.
    pub(super) fn close<O: Observer>(
        &mut self,
        reason: CloseReason,
        closed: Option<&Closed>,
        now: Timestamp,
        mut around: Surroundings<'_, O>,
    ) {
        self.learn_protocol();
        let lost_calls = closed.map_or([0; 2], |closed| closed.lost_calls);
        self.with(around.reborrow(), |streams, reassembly, delivery| {
            let requests = if delivery.serves() { Flow::Received } else { Flow::Sent };
            streams.finish(requests, lost_calls, now, reassembly, delivery);
            delivery.tell(|conversation, report| conversation.close(reason, now, report));
        });
        self.conversation = None;
        self.life.end(closed, &self.facts, around.observer);
    }

    fn learn_protocol(&mut self) {
        if let Some((State::Parsing(protocol), _)) = self.parsing() {
            self.life.speaks(protocol);
        }
    }

    /// Reports what is unfinished and begins a new conversation in the middle of the streams.
    pub(super) fn restart<O: Observer>(&mut self, now: Timestamp, around: Surroundings<'_, O>) {
        self.with(around, |_, _, delivery| {
            delivery.tell(|conversation, report| conversation.close(CloseReason::Evicted, now, report));
            *delivery.conversation = Conversation::new(false);
        });
    }

    /// Does something to the streams of a connection that is being parsed.
    #[inline]
    fn with<O: Observer>(
        &mut self,
        around: Surroundings<'_, O>,
        act: impl FnOnce(&mut Streams, &mut Reassembly, &mut Delivery<'_, O>),
    ) {
        let Some(conversation) = &mut self.conversation else { return };
        let Surroundings { protocols, reassembly, exchanges, limits, observer } = around;
        let reversed = conversation.reversed();
        let report = Report {
            facts: &self.facts,
            process: &self.process,
            numbering: &mut self.numbering,
            reversed,
            exchanges,
            limits,
            observer,
        };
        act(&mut self.streams, reassembly, &mut Delivery { conversation, protocols, report });
    }
}

/// Hands the streams, in order, to the conversation.
struct Delivery<'a, O> {
    conversation: &'a mut Conversation,
    protocols: &'a Settings,
    report: Report<'a, O>,
}

impl<'a, O> Delivery<'a, O> {
    /// Whether the observed end is the server, as far as is known by now.
    fn serves(&self) -> bool {
        self.report.facts.serves != self.conversation.reversed()
    }

    /// The direction that the conversation is told: what was believed first, as it does the swapping itself.
    fn direction(&self, flow: Flow) -> Direction {
        match (flow, self.report.facts.serves) {
            (Flow::Received, true) | (Flow::Sent, false) => Direction::ToServer,
            (Flow::Received, false) | (Flow::Sent, true) => Direction::ToClient,
        }
    }

    #[inline]
    fn tell(&mut self, act: impl FnOnce(&mut Conversation, &mut Report<'a, O>)) {
        act(self.conversation, &mut self.report);
        self.report.reversed = self.conversation.reversed();
    }
}

impl<O: Observer> Outlet for Delivery<'_, O> {
    #[inline]
    fn bytes(&mut self, flow: Flow, at: Timestamp, offset: u64, opposite_offset: Option<u64>, bytes: &[u8]) {
        let segment = Segment { direction: self.direction(flow), at, offset, opposite_offset, bytes };
        let protocols = self.protocols;
        self.tell(|conversation, report| conversation.segment(&segment, protocols, report));
    }

    fn gap(&mut self, flow: Flow, at: Timestamp, offset: u64, bytes: u64, cause: GapCause) {
        let gap = Gap { direction: self.direction(flow), at, offset, bytes, cause };
        self.tell(|conversation, report| conversation.gap(&gap, report));
    }

    fn numbered(&mut self, flow: Flow, from: Option<u64>) {
        self.report.numbering.set(flow, from);
    }

    fn end(&mut self, flow: Flow, at: Timestamp) {
        let direction = self.direction(flow);
        self.tell(|conversation, report| conversation.end_of_stream(direction, at, report));
    }
}

/// Gives what the conversation found its context, and counts it.
struct Report<'a, O> {
    facts: &'a Facts,
    process: &'a Process,
    numbering: &'a mut Numbering,
    reversed: bool,
    exchanges: &'a mut ExchangeCounters,
    limits: &'a mut LimitCounters,
    observer: &'a mut O,
}

impl<O: Observer> Sink for Report<'_, O> {
    fn exchange(&mut self, exchange: &Exchange<'_>) {
        self.exchanges.count(exchange.outcome);
        let Facts { id: connection, local, remote, serves } = *self.facts;
        let (side, asked, answered) = if serves != self.reversed {
            (Side::Server, Flow::Received, Flow::Sent)
        } else {
            (Side::Client, Flow::Sent, Flow::Received)
        };
        let sequence = |flow, offset: Option<u64>| self.numbering.sequence(flow, offset?);
        self.observer.exchange(&Observed {
            exchange,
            connection,
            local,
            remote,
            side,
            process: *self.process,
            request_sequence: sequence(asked, exchange.request_offset),
            response_sequence: sequence(answered, exchange.response_offset),
        });
    }

    fn unobserved(&mut self, count: u64) {
        self.exchanges.unobserved += count;
        self.observer.unobserved(count);
    }

    fn reversed(&mut self, reversed: bool) {
        self.reversed = reversed;
    }

    fn limited(&mut self, limit: Limit) {
        self.limits.count(limit);
    }
}
