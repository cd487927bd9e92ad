//! What must be remembered of one TCP connection to tell its beginning and its end.

use std::net::SocketAddr;

use super::transport::{Packet, TcpHead};
use crate::capture::{ConnectionId, Flow};

/// How far before the first segment seen a SYN may belong to the same connection: a capture of several queues gives
/// packets of one moment in any order.
const REORDER_WINDOW: u32 = 65_536;

/// A TCP connection, or a pair of UDP addresses, which uses only the first two fields.
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    /// The observed end: the server.
    pub(super) local: SocketAddr,
    /// Whether a SYN was seen.
    from_start: bool,
    closed: bool,
    received: Stream,
    sent: Stream,
}

/// One direction.
#[derive(Debug, Clone, Copy, Default)]
struct Stream {
    /// Sequence number of the first byte; where no SYN told, of the first that was seen.
    start: Option<u32>,
    /// Sequence number after the highest byte that was seen sent.
    next: Option<u32>,
    /// The highest acknowledgment that was seen.
    acknowledged: Option<u32>,
    /// Sequence number of the FIN, just past the last byte.
    end: Option<u32>,
}

/// What a segment tells that must be reported, in this order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Where a stream begins, known before any of its bytes: received, sent.
    pub(super) begins: [Option<u32>; 2],
    /// The payload is part of the stream, from this sequence number on.
    pub(super) payload: Option<u32>,
    /// The stream ends here.
    pub(super) end: Option<u32>,
    /// The connection is over now, by a reset or in order.
    pub(super) closed: Option<Reset>,
    /// It was a keep-alive probe, or a single byte that was sent again.
    pub(super) keep_alive: bool,
    /// It came after the end and is not reported.
    pub(super) after_close: bool,
}

/// Whether a connection ended by a reset before both its streams had ended in order.
pub(super) type Reset = bool;

impl Connection {
    pub(super) fn new(id: ConnectionId, local: SocketAddr, from_start: bool) -> Self {
        let (received, sent) = (Stream::default(), Stream::default());
        Self { id, local, from_start, closed: false, received, sent }
    }

    /// Which way a packet from `source` goes.
    pub(super) fn flow(&self, source: SocketAddr) -> Flow {
        if source == self.local { Flow::Sent } else { Flow::Received }
    }

    /// Whether it is over.
    pub(super) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether both streams have ended in order.
    pub(super) const fn both_ended(&self) -> bool {
        self.received.end.is_some() && self.sent.end.is_some()
    }

    /// Whether a segment shows that its sender has begun a new connection between the same two ends.
    pub(super) fn is_succeeded_by(&self, flow: Flow, head: &TcpHead) -> bool {
        if !head.syn || head.rst {
            return false;
        }
        if self.closed && head.acknowledged.is_none() {
            return true;
        }
        let (stream, opposite) = self.streams(flow);
        let starts_at = |start: Option<u32>, told: u32| {
            let before = start?.wrapping_sub(told);
            Some(if self.from_start { before == 0 } else { before < REORDER_WINDOW })
        };
        let same =
            starts_at(stream.start, head.sequence.wrapping_add(1)).or_else(|| match head.acknowledged {
                Some(acknowledged) => starts_at(opposite.start, acknowledged),
                // Both ends may dial at once (RFC 9293 section 3.5), but not one after the other's data.
                None => Some(self.from_start),
            });
        same == Some(false)
    }

    /// Learns from a segment of this connection.
    pub(super) fn segment(&mut self, flow: Flow, head: &TcpHead, packet: &Packet<'_>) -> Findings {
        let mut findings = Findings::default();
        if self.closed {
            findings.after_close = packet.length > 0;
            return findings;
        }
        if head.rst {
            // The payload of a reset is a text for people, not part of the stream (RFC 9293 section 3.5.3).
            self.closed = true;
            findings.closed = Some(!self.both_ended());
            return findings;
        }
        let (stream, opposite) = self.streams_mut(flow);
        if let Some(acknowledged) = head.acknowledged {
            opposite.acknowledged = Some(later(opposite.acknowledged, acknowledged));
        }
        // The SYN has a sequence number of its own, before the first byte's.
        let first = head.sequence.wrapping_add(u32::from(head.syn));
        if head.syn {
            let (mine, theirs) = match flow {
                Flow::Received => (0, 1),
                Flow::Sent => (1, 0),
            };
            findings.begins[mine] = stream.begin(first);
            findings.begins[theirs] = head.acknowledged.and_then(|acknowledged| opposite.begin(acknowledged));
        }
        // What the other end has acknowledged tells where this one stands, as long as nothing of its own does.
        let stands_at = stream.next.or(stream.acknowledged);
        if packet.length <= 1 && !head.syn && !head.fin && stands_at == Some(first.wrapping_add(1)) {
            findings.keep_alive = true;
        } else {
            let past = first.wrapping_add(packet.length);
            if packet.length > 0 {
                findings.payload = Some(first);
                stream.start.get_or_insert(first);
                stream.next = Some(later(stream.next, past));
            }
            if head.fin && stream.end.is_none() {
                stream.end = Some(past);
                findings.end = Some(past);
            }
        }
        if self.received.end_is_acknowledged() && self.sent.end_is_acknowledged() {
            self.closed = true;
            findings.closed = Some(false);
        }
        findings
    }

    const fn streams(&self, flow: Flow) -> (&Stream, &Stream) {
        match flow {
            Flow::Received => (&self.received, &self.sent),
            Flow::Sent => (&self.sent, &self.received),
        }
    }

    const fn streams_mut(&mut self, flow: Flow) -> (&mut Stream, &mut Stream) {
        match flow {
            Flow::Received => (&mut self.received, &mut self.sent),
            Flow::Sent => (&mut self.sent, &mut self.received),
        }
    }
}

impl Stream {
    /// Notes where the stream begins; gives it back if that was not known yet.
    fn begin(&mut self, start: u32) -> Option<u32> {
        if self.start.is_some() {
            return None;
        }
        self.start = Some(start);
        self.next = Some(start);
        self.start
    }

    fn end_is_acknowledged(&self) -> bool {
        match (self.end, self.acknowledged) {
            (Some(end), Some(acknowledged)) => is_after(acknowledged, end),
            _ => false,
        }
    }
}

/// The later of two places in a stream.
fn later(known: Option<u32>, new: u32) -> u32 {
    known.filter(|&known| is_after(known, new)).unwrap_or(new)
}

/// Whether `one` comes after `other`, in numbers that wrap (RFC 9293 section 3.4).
const fn is_after(one: u32, other: u32) -> bool {
    one.wrapping_sub(other).cast_signed() > 0
}
