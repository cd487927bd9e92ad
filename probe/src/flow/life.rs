//! What a connection amounts to beside its exchanges: that it was opened, what it moved, how it ended.

use plainsight_protocols::Protocol;

use super::{ConnectionFacts, Observer, connection::Facts};
use crate::capture::{Chunk, Closed, Flow, Opened, Role};

/// Bytes that a connection moves before an observer is told again: rarely enough to cost nothing, often enough that what is
/// not told yet does not matter.
const TOLD_BYTES: u64 = 64 * 1024;

/// Sequence numbers that the kernel counts with a connection's bytes though they are none: SYN and FIN.
const NO_BYTES: u64 = 2;

/// The life of one connection.
#[derive(Debug)]
pub(super) struct Life {
    role: Role,
    from_start: bool,
    handshake_ns: Option<u64>,
    /// The process that moved the first bytes; `None` before that.
    pid: Option<u32>,
    protocol: Option<Protocol>,
    /// Bytes received and sent that no observer was told of yet.
    moved: [u64; 2],
    /// Those that one was told of.
    told: [u64; 2],
}

impl Life {
    pub(super) const fn new(opened: &Opened) -> Self {
        Self {
            role: opened.role,
            from_start: opened.from_start,
            handshake_ns: opened.handshake_ns,
            pid: None,
            protocol: None,
            moved: [0; 2],
            told: [0; 2],
        }
    }

    /// A call or a packet moved bytes. Gives whether it is time to [tell](Life::tell) of them.
    #[inline]
    pub(super) fn chunk<O: Observer>(&mut self, chunk: &Chunk<'_>, facts: &Facts, observer: &mut O) -> bool {
        if self.pid.is_none() {
            self.begin(chunk.process.pid, facts, observer);
        }
        let moved = &mut self.moved[usize::from(chunk.flow == Flow::Sent)];
        *moved += u64::from(chunk.length);
        *moved >= TOLD_BYTES
    }

    /// What is spoken on it, as soon as anybody knows.
    pub(super) const fn speaks(&mut self, protocol: Protocol) {
        self.protocol = Some(protocol);
    }

    /// It is over, or nobody follows it any longer.
    pub(super) fn end<O: Observer>(&mut self, closed: Option<&Closed>, facts: &Facts, observer: &mut O) {
        if self.pid.is_none() {
            self.begin(0, facts, observer);
        }
        if let Some(closed) = closed.filter(|_| self.from_start) {
            // What moved after the connection was ignored came in no chunk.
            let totals = [closed.received_bytes, closed.sent_bytes];
            for ((moved, told), total) in self.moved.iter_mut().zip(self.told).zip(totals) {
                if let Some(missing) = total.and_then(|total| total.checked_sub(told + *moved))
                    && missing > NO_BYTES
                {
                    *moved += missing - NO_BYTES;
                }
            }
        }
        self.tell(facts, observer);
        observer.connection_closed(&self.facts(facts), closed);
    }

    #[cold]
    fn begin<O: Observer>(&mut self, pid: u32, facts: &Facts, observer: &mut O) {
        self.pid = Some(pid);
        observer.connection_opened(&self.facts(facts));
    }

    /// Tells what moved since it was told last.
    #[cold]
    pub(super) fn tell<O: Observer>(&mut self, facts: &Facts, observer: &mut O) {
        let [received, sent] = std::mem::take(&mut self.moved);
        if received + sent > 0 {
            self.told = [self.told[0] + received, self.told[1] + sent];
            observer.connection_moved(&self.facts(facts), received, sent);
        }
    }

    fn facts(&self, facts: &Facts) -> ConnectionFacts {
        ConnectionFacts {
            connection: facts.id,
            local: facts.local,
            remote: facts.remote,
            role: self.role,
            pid: self.pid.unwrap_or(0),
            protocol: self.protocol,
            from_start: self.from_start,
            handshake_ns: self.handshake_ns,
        }
    }
}
