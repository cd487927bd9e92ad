//! The domain name system over UDP (RFC 1035 section 4.2.1), multicast DNS (RFC 6762) and link-local multicast name
//! resolution (RFC 4795): all that one socket sends and receives.

use super::{
    exchange::Transport,
    matcher::{ANSWER_TIMEOUT, Matcher},
    message::Message,
    waiting::{Envelope, Manner},
};
use crate::{CloseReason, Datagram, DatagramSink, Timestamp};

/// Questions that wait on one socket, at most. A resolver that is asked 100,000 names a second over one socket and needs
/// 20 ms for each has 2,000.
pub const WAITING_QUESTIONS: usize = 4096;

/// Bytes that one [`Datagrams`] holds at most, whatever it is fed, for tags of up to 64 bytes.
pub const SOCKET_BYTES_LIMIT: usize = Matcher::<[u64; 8]>::held_bytes_limit(WAITING_QUESTIONS);

/// Whether a datagram could be a message of this protocol.
#[must_use]
pub fn is_message(bytes: &[u8], length: u32) -> bool {
    Message::parse(bytes, length.into()).is_some()
}

/// The questions and answers of one UDP socket.
///
/// It may be asked, or ask, whatever and whomever: each exchange has ends of its own. A question that is well formed to
/// its last byte is reported though nobody answers; one that is not, only with an answer that repeats it.
#[derive(Debug)]
pub struct Datagrams<T> {
    matcher: Matcher<T>,
    /// Until when questions may be answered that were asked before the observation began.
    joining_until: Timestamp,
    local_port: Option<u16>,
}

impl<T: Copy> Datagrams<T> {
    /// A socket of which nothing was seen yet. `observed_since` is when the observation of all sockets began: what was
    /// asked before that is not known, and answers to it are partial. `on_the_wire` says that datagrams were seen
    /// between the ends, so that one sent to a group is seen once.
    #[must_use]
    pub fn new(observed_since: Timestamp, on_the_wire: bool) -> Self {
        let timeout = u64::try_from(ANSWER_TIMEOUT.as_nanos()).unwrap_or(u64::MAX);
        let manner = Manner { transport: Transport::Udp, on_the_wire, waiting: WAITING_QUESTIONS };
        Self {
            matcher: Matcher::new(manner),
            joining_until: Timestamp::from_nanos(observed_since.as_nanos().saturating_add(timeout)),
            local_port: None,
        }
    }

    /// A datagram was sent or received. Gives whether it could be a message of this protocol.
    pub fn datagram(&mut self, datagram: &Datagram<'_, T>, sink: &mut dyn DatagramSink<T>) -> bool {
        let Some(message) = Message::parse(datagram.bytes, datagram.length.into()) else { return false };
        let port = datagram.local.port();
        if self
            .local_port
            .replace(port)
            .is_some_and(|before| before != port && !datagram.local.ip().is_multicast())
        {
            // A socket keeps its port: the kernel has given the memory of one that was closed to another.
            self.matcher.close(CloseReason::Closed, sink);
        }
        if self.matcher.is_holding() {
            self.matcher.tick(datagram.at, sink);
        }
        let envelope = Envelope {
            sent: datagram.sent,
            started: datagram.at,
            offset: None,
            ended: Some(datagram.at),
            local: datagram.local,
            remote: datagram.remote,
            missing_bytes: 0,
            tag: datagram.tag,
        };
        if message.flags.is_response() {
            self.matcher.joining = datagram.at < self.joining_until;
            // What the observed socket answers was asked. What it receives may be forged or late, unless it may have
            // been asked before the observation began.
            // And what comes from nobody known may have been asked of ends that nobody wants to hear of.
            let explained = datagram.sent || self.matcher.joining && datagram.remote.port() != 0;
            self.matcher.answer(&message, envelope, explained, sink);
        } else {
            self.matcher.question(&message, envelope, sink);
        }
        true
    }

    /// Time has passed; give up what has waited too long.
    pub fn tick(&mut self, now: Timestamp, sink: &mut dyn DatagramSink<T>) {
        self.matcher.tick(now, sink);
    }

    /// The socket is not followed any longer; report what is left.
    pub fn close(&mut self, reason: CloseReason, sink: &mut dyn DatagramSink<T>) {
        self.matcher.close(reason, sink);
    }

    /// Whether an answer waits for a question that may have been seen after it, so that [`Datagrams::tick`] is wanted
    /// before long.
    #[must_use]
    pub fn is_holding(&self) -> bool {
        self.matcher.is_holding()
    }

    /// Whether a question waits for its answer, so that [`Datagrams::tick`] is wanted every second or so.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.matcher.is_waiting()
    }

    /// Bytes held. Never more than [`SOCKET_BYTES_LIMIT`].
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.matcher.held_bytes()
    }
}
