//! Capture files in, the same events out as the kernel gives.
//!
//! [`Reader`] reads a pcap or pcapng file packet by packet, finds the TCP segment or UDP datagram in each, and has a
//! [`Tracker`] turn them into [`Event`]s as they would look to a probe on the server's host: the observed end is the
//! server, the bytes of the client are [`Flow::Received`](crate::capture::Flow::Received).
//!
//! Segments are passed on in the order of the file, be they reordered, sent twice or missing; the
//! [`flow`](crate::flow) room puts them in order by their sequence numbers. Checksums are not verified: with offloading
//! to the network card, a host's own packets are captured before they have any.
//!
//! Memory is bounded whatever the file holds: one packet of at most [`MAX_PACKET`] bytes, [`MAX_INTERFACES`]
//! interfaces, and a connection table of [`MAX_CONNECTIONS`]. No length that the file claims is trusted before the
//! bytes are there.

mod block;
mod connection;
mod error;
mod format;
mod groups;
mod input;
mod interface;
mod link;
mod network;
mod pcap;
mod pcapng;
mod ports;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod tracker;
mod transport;

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

pub use error::ReplayError;
pub use format::MAX_PACKET;
use format::{Format, PacketHead};
use input::Input;
use link::LinkType;
pub use pcapng::MAX_INTERFACES;
pub use summary::{Skipped, Summary};
pub use table::{CLOSED_IDLE, MAX_CONNECTIONS, TCP_IDLE, UDP_IDLE};
pub use tracker::Tracker;

use crate::capture::Event;

/// Reads one capture file and reports what it holds as events.
pub struct Reader<R> {
    input: Input<R>,
    format: Format,
    packet: Vec<u8>,
    tracker: Tracker,
    summary: Summary,
}

impl Reader<Box<dyn Read + Send>> {
    /// Opens the file at `path`, or the standard input if that is `-`.
    ///
    /// # Errors
    /// If the file cannot be read or is not a pcap or pcapng file.
    pub fn open(path: &Path) -> Result<Self, ReplayError> {
        if path == Path::new("-") {
            return Self::new(Box::new(io::stdin()));
        }
        let file = File::open(path).map_err(|source| ReplayError::Open { path: path.to_owned(), source })?;
        Self::new(Box::new(file))
    }
}

impl<R: Read> Reader<R> {
    /// Reads a capture from `source`, which needs no buffering of its own.
    ///
    /// # Errors
    /// If `source` cannot be read or does not begin like a pcap or pcapng file.
    pub fn new(source: R) -> Result<Self, ReplayError> {
        let mut input = Input::new(source);
        let format = Format::recognise(&mut input)?;
        Ok(Self {
            input,
            format,
            packet: Vec::new(),
            tracker: Tracker::default(),
            summary: Summary::default(),
        })
    }

    /// Goes on where another file ended: a connection that reaches from one file of a rotated capture into the next
    /// stays one connection, and no [`ConnectionId`](crate::capture::ConnectionId) is given twice.
    #[must_use]
    pub fn continuing(mut self, tracker: Tracker) -> Self {
        self.tracker = tracker;
        self
    }

    /// The connections as they stand, for [`Reader::continuing`] with the next file.
    #[must_use]
    pub fn into_tracker(self) -> Tracker {
        self.tracker
    }

    /// What was read so far; also after an error.
    #[must_use]
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// Reads to the end and calls `observe` with each event.
    ///
    /// Connections that are still open at the end are not closed: the observation ends, they may go on. The caller
    /// says so to whoever follows them.
    ///
    /// # Errors
    /// If the file cannot be read, ends in the middle of a packet, or holds what cannot be. Whatever stood before that
    /// place has been reported by then, and [`Reader::summary`] counts it.
    pub fn run(&mut self, mut observe: impl FnMut(&Event<'_>)) -> Result<Summary, ReplayError> {
        while self.read_packet(&mut observe)? {}
        Ok(self.summary)
    }

    /// Reads one packet and calls `observe` with each event that it means; `false` at the end of the file. For a
    /// caller that may want to stop before that.
    ///
    /// # Errors
    /// As [`Reader::run`].
    pub fn read_packet(&mut self, mut observe: impl FnMut(&Event<'_>)) -> Result<bool, ReplayError> {
        let Some(head) = self.format.next_packet(&mut self.input, &mut self.packet)? else {
            return match self.format.only_unsupported_link(&self.summary) {
                Some(number) => {
                    Err(ReplayError::UnsupportedLinkType { link_type: LinkType::describe(number) })
                }
                None => Ok(false),
            };
        };
        self.summary.packets += 1;
        self.summary.note_time(head.at);
        self.packet(&head, &mut observe);
        Ok(true)
    }

    fn packet(&mut self, head: &PacketHead, observe: &mut impl FnMut(&Event<'_>)) {
        let cut = u64::from(head.original_length) > self.packet.len() as u64;
        self.summary.cut_packets += u64::from(cut);
        let Some(link_type) = head.link_type else {
            self.summary.skipped.unsupported_link += 1;
            return;
        };
        let found = link::network_packet(link_type, &self.packet, head.original_length)
            .and_then(|packet| network::transport_packet(&packet))
            .and_then(|packet| transport::decode(&packet));
        match found {
            Ok(packet) => self.tracker.packet(head.at, &packet, &mut self.summary, observe),
            Err(skip) => self.summary.skipped.count(skip, cut),
        }
    }
}
