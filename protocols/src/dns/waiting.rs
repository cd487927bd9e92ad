//! A question that waits, and what becomes of it: the exchange that it is with the answer, or without one.

use std::net::SocketAddr;

use super::{
    codes::kind as record_kind,
    exchange::{DnsExchange, Transport},
    frame::LENGTH_BYTES,
    kind::Kind,
    message::{Extent, Message, Question},
    name,
    questions::{Asked, Entry},
};
use crate::{CloseReason, DatagramEnds, DatagramSink, Exchange, Outcome, Protocol, Side, Timestamp};

/// Questions that are kept of a message of multicast DNS.
const GROUP_QUESTIONS: usize = 8;

/// Where and when a message was seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Envelope<T> {
    /// Whether the observed end sent it.
    pub(super) sent: bool,
    pub(super) started: Timestamp,
    /// Where its first byte stood in its stream, if it came in one.
    pub(super) offset: Option<u64>,
    /// `None` if its end was not seen.
    pub(super) ended: Option<Timestamp>,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// Bytes of it that were lost.
    pub(super) missing_bytes: u64,
    pub(super) tag: T,
}

/// What is kept of a question beside what it asked.
#[derive(Debug)]
pub(super) struct Facts<T> {
    pub(super) envelope: Envelope<T>,
    pub(super) bytes: u64,
    pub(super) retries: u32,
    kind: Kind,
    pub(super) group: bool,
    /// Whether the message was certain to be one of this protocol; if not, only an answer proves it.
    pub(super) certain: bool,
    /// Names and types of all questions of multicast DNS, which asks several at once.
    pub(super) questions: Vec<(u64, u16)>,
    pub(super) transfer: Option<Transfer>,
}

/// A zone on its way, in as many messages as it takes (RFC 5936 section 2.2).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Transfer {
    offset: Option<u64>,
    bytes: u64,
    missing_bytes: u64,
    answers: u64,
    ended: Option<Timestamp>,
}

/// How the messages came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    pub(super) transport: Transport,
    /// Whether each message was seen where it passed, not at one of its ends: then a message that went to a group was
    /// seen once and not by each member, and one seen twice in no time is one message.
    pub(super) on_the_wire: bool,
    /// Questions that may wait.
    pub(super) waiting: usize,
}

impl Manner {
    /// What a message takes on the wire: over a connection, its length goes before it.
    pub(super) fn wire_bytes(self, message: &Message<'_>) -> u64 {
        let before = if self.transport == Transport::Tcp { LENGTH_BYTES as u64 } else { 0 };
        message.length.saturating_add(before)
    }
}

impl<T: Copy> Envelope<T> {
    pub(super) fn ends(&self, asked_here: bool) -> DatagramEnds {
        let side = if asked_here { Side::Client } else { Side::Server };
        DatagramEnds { local: self.local, remote: self.remote, side }
    }
}

impl<T: Copy> Facts<T> {
    pub(super) fn new(
        manner: Manner,
        message: &Message<'_>,
        envelope: Envelope<T>,
        kind: Kind,
        group: bool,
    ) -> Self {
        let questions = if kind == Kind::Multicast {
            let about = |question: Question| (name::digest(message.bytes, question.name_at), question.kind);
            message.questions().map(about).take(GROUP_QUESTIONS).collect()
        } else {
            Vec::new()
        };
        let certain = message.is_certain();
        let bytes = manner.wire_bytes(message);
        Self { envelope, bytes, retries: 0, kind, group, certain, questions, transfer: None }
    }

    /// Which of the questions is answered by which of records with these owners and types (RFC 6762 section 6).
    pub(super) fn answered_by(&self, owners: &[(u64, u16)]) -> Option<(usize, usize)> {
        self.questions.iter().enumerate().find_map(|(question, &(name, kind))| {
            let answers = |&(owner, record): &(u64, u16)| {
                owner == name && (record == kind || kind == record_kind::ANY || record == record_kind::CNAME)
            };
            Some((question, owners.iter().position(answers)?))
        })
    }

    pub(super) fn add_part(&mut self, bytes: u64, message: &Message<'_>, envelope: &Envelope<T>) {
        let first = Transfer { offset: envelope.offset, ..Transfer::default() };
        let transfer = self.transfer.get_or_insert(first);
        transfer.bytes = transfer.bytes.saturating_add(bytes);
        transfer.missing_bytes = transfer.missing_bytes.saturating_add(envelope.missing_bytes);
        transfer.answers = transfer.answers.saturating_add(message.counts[1].into());
        transfer.ended = envelope.ended;
    }

    /// Reports the question with its answer.
    pub(super) fn report_pair(
        &self,
        manner: Manner,
        asked: &Asked,
        message: &Message<'_>,
        envelope: &Envelope<T>,
        sink: &mut dyn DatagramSink<T>,
    ) {
        let before = self.transfer.map_or(0, |transfer| transfer.missing_bytes);
        let missing = self.envelope.missing_bytes + envelope.missing_bytes + before;
        let whole = envelope.ended.is_some() && missing == 0;
        let outcome = if whole { Outcome::Complete } else { Outcome::Partial };
        self.report(manner, asked, Some((message, envelope)), outcome, sink);
    }

    /// Reports the question without an answer, or with a zone of which no more came.
    pub(super) fn report_unanswered(
        &self,
        manner: Manner,
        asked: &Asked,
        reason: CloseReason,
        is_doubtful: bool,
        sink: &mut dyn DatagramSink<T>,
    ) {
        let outcome = match self.transfer {
            Some(transfer) => {
                let whole =
                    transfer.ended.is_some() && transfer.missing_bytes + self.envelope.missing_bytes == 0;
                let ended = reason == CloseReason::Closed && whole && !is_doubtful;
                if ended { Outcome::Complete } else { Outcome::Partial }
            }
            None if is_doubtful => Outcome::Partial,
            None => Outcome::NoResponse(reason),
        };
        self.report(manner, asked, None, outcome, sink);
    }

    fn report(
        &self,
        manner: Manner,
        asked: &Asked,
        answer: Option<(&Message<'_>, &Envelope<T>)>,
        outcome: Outcome,
        sink: &mut dyn DatagramSink<T>,
    ) {
        let Transfer { offset, bytes, missing_bytes, answers, ended } = self.transfer.unwrap_or_default();
        let response_offset = match self.transfer {
            Some(_) => offset,
            None => answer.and_then(|(_, envelope)| envelope.offset),
        };
        let details = DnsExchange {
            asked: Some(asked),
            answer: answer.map(|(message, _)| message),
            earlier_answers: answers,
            retries: self.retries,
            outcome,
            kind: self.kind,
            transport: manner.transport,
        };
        let started = self.envelope.started;
        let ended = match answer {
            Some((_, envelope)) => envelope.ended,
            None => ended,
        };
        let exchange = Exchange {
            protocol: Protocol::Dns,
            started,
            request_offset: self.envelope.offset,
            response_offset,
            ended: ended.map(|ended| ended.max(started)),
            outcome,
            request_bytes: self.bytes,
            response_bytes: bytes.saturating_add(answer.map_or(0, |(message, _)| manner.wire_bytes(message))),
            missing_bytes: self.envelope.missing_bytes.saturating_add(missing_bytes)
                + answer.map_or(0, |(_, envelope)| envelope.missing_bytes),
            details: &details,
        };
        let mut ends = self.envelope.ends(self.envelope.sent);
        if let Some((_, envelope)) = answer {
            // A socket without an address of its own may have got one since, and only the answer tells who of a group
            // has it.
            if ends.local.ip().is_unspecified() {
                ends.local = known(envelope.local, ends.local);
            }
            let answering = if envelope.sent { envelope.local } else { envelope.remote };
            let asked = if self.envelope.sent { &mut ends.remote } else { &mut ends.local };
            if self.group {
                *asked = known(answering, *asked);
            }
        }
        sink.exchange(&exchange, &ends, &self.envelope.tag);
    }
}

/// The first address if it is one of somebody, else the second.
fn known(first: SocketAddr, second: SocketAddr) -> SocketAddr {
    if first.ip().is_unspecified() || first.ip().is_multicast() { second } else { first }
}

impl<T: Copy> Entry<Facts<T>> {
    /// Whether more messages of the answer follow this one: a zone is transferred from its SOA record to the same again
    /// (RFC 5936 section 2.2, RFC 1995 section 4).
    pub(super) fn goes_on_after(&self, message: &Message<'_>) -> bool {
        let transfer = matches!(self.asked.kind, record_kind::AXFR | record_kind::IXFR);
        if !transfer || message.code() != 0 || message.counts[1] == 0 {
            return false;
        }
        let ends = message.extent == Extent::Whole && message.last_answer == Some(record_kind::SOA);
        let alone = message.counts[1] == 1 && self.facts.transfer.is_none();
        // One SOA record alone is the beginning of a zone, or says that there is nothing new.
        !ends || (alone && self.asked.kind == record_kind::AXFR)
    }
}
