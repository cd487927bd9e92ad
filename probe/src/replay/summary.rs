//! What came of reading a capture file.

use plainsight_protocols::Timestamp;

use super::link::Skip;

/// What came of reading a capture file, or the part of it read so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Whole packets read.
    pub packets: u64,
    /// Packets that carry less than they had on the wire, because the capture cut them ("snap length").
    pub cut_packets: u64,
    /// TCP connections and pairs of UDP addresses found.
    pub connections: u64,
    /// Connections forgotten after long silence.
    pub idle_evictions: u64,
    /// Connections forgotten because the table was full; if they went on, they were taken for new ones.
    pub full_evictions: u64,
    /// Packets of which nothing was reported.
    pub skipped: Skipped,
    /// Time of the earliest packet.
    pub first: Option<Timestamp>,
    /// Time of the latest packet.
    pub last: Option<Timestamp>,
}

/// Packets of which nothing was reported, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Skipped {
    /// Neither IPv4 nor IPv6.
    pub not_ip: u64,
    /// Neither TCP nor UDP.
    pub other_transport: u64,
    /// Fragments of IP packets, which are not put together.
    pub fragments: u64,
    /// Cut by the capture before the end of their heads.
    pub heads_cut: u64,
    /// With heads that contradict themselves.
    pub malformed: u64,
    /// Of an interface whose link type is not supported.
    pub unsupported_link: u64,
    /// TCP keep-alive probes: a byte sent again only to be answered (RFC 9293 section 3.8.4).
    pub keep_alives: u64,
    /// TCP segments on a connection that was over.
    pub after_close: u64,
}

impl Summary {
    /// Time from the earliest packet to the latest.
    #[must_use]
    pub fn duration(&self) -> std::time::Duration {
        match (self.first, self.last) {
            (Some(first), Some(last)) => last.since(first),
            _ => std::time::Duration::ZERO,
        }
    }

    pub(super) fn note_time(&mut self, at: Timestamp) {
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
    }
}

impl Skipped {
    /// All of them together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        let Self {
            not_ip,
            other_transport,
            fragments,
            heads_cut,
            malformed,
            unsupported_link,
            keep_alives,
            after_close,
        } = *self;
        not_ip
            + other_transport
            + fragments
            + heads_cut
            + malformed
            + unsupported_link
            + keep_alives
            + after_close
    }

    pub(super) const fn count(&mut self, skip: Skip, cut: bool) {
        let counter = match skip {
            Skip::NotIp => &mut self.not_ip,
            Skip::OtherTransport => &mut self.other_transport,
            Skip::Fragment => &mut self.fragments,
            Skip::Malformed if cut => &mut self.heads_cut,
            Skip::Malformed => &mut self.malformed,
        };
        *counter += 1;
    }
}
