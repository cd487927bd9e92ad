//! The parser of one connection: cuts both streams into packets and hands them to the matcher.

use std::time::Duration;

use super::{
    detect,
    frame::{ClientPackets, HEADER_BYTES, ServerPackets},
    matcher::{Link, Matcher},
};
use crate::{
    CloseReason, Direction, Gap, GapCause, Limit, Protocol, Segment, Sink, Timestamp,
    fifo::LATE_WINDOW,
    framed::Framer,
    registry::{Continue, Parser},
    tls,
};

/// Silence after which waiting commands are given up: statements that change a table's shape run for an hour.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(3_600);

/// Segments of a client in which a command is looked for in vain, after a loss, before the connection is given up.
const RESYNC_ATTEMPTS: u32 = 1024;

/// Segments of answers that may wait for a command that comes late.
const LATE_SEGMENTS: usize = 16;

/// Bytes that they may hold, all together.
pub(super) const LATE_BYTES: usize = 32 * 1024;

/// A segment of the server that came before its command.
struct Late {
    at: Timestamp,
    offset: u64,
    opposite_offset: Option<u64>,
    bytes: Vec<u8>,
}

/// Parses both streams of one connection.
pub(super) struct MysqlParser {
    client: Framer<ClientPackets>,
    server: Framer<ServerPackets>,
    matcher: Matcher,
    late: Vec<Late>,
    late_bytes: usize,
    misses: u32,
}

impl MysqlParser {
    pub(super) fn new(from_start: bool) -> Self {
        Self {
            client: Framer::new(ClientPackets::default(), from_start),
            server: Framer::new(ServerPackets, from_start),
            matcher: Matcher::new(from_start),
            late: Vec::new(),
            late_bytes: 0,
            misses: 0,
        }
    }

    /// Gives how many bytes at the end were not read.
    fn client_segment(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) -> usize {
        let lost = self.client.is_lost();
        if lost && self.matcher.waits_for_file() {
            self.matcher.file_bytes(segment.bytes.len() as u64, 0, segment.at);
            return 0;
        }
        if segment.bytes.len() == HEADER_BYTES && !self.client.is_within() {
            self.matcher.header_alone();
        }
        let matcher = &mut self.matcher;
        let mut rest = *segment;
        while !rest.bytes.is_empty() {
            self.client.layout_mut().commands_only = matcher.expects_command();
            let taken = self.client.segment(&rest, |layout, event| {
                let goes_on = matcher.client_event(event, sink);
                layout.commands_only = matcher.expects_command();
                goes_on
            });
            if std::mem::take(&mut matcher.orders.lose_client) {
                self.client.lose();
                break;
            }
            rest = after(&rest, taken);
            if matcher.orders.finish {
                break;
            }
        }
        if lost && self.client.is_lost() {
            self.misses += 1;
        } else {
            self.misses = 0;
        }
        self.obey();
        rest.bytes.len()
    }

    /// Does to the server's stream what the matcher orders.
    fn obey(&mut self) {
        if std::mem::take(&mut self.matcher.orders.lose_server) {
            self.server.lose();
        }
        if std::mem::take(&mut self.matcher.orders.frame_server) {
            self.server = Framer::new(ServerPackets, true);
        }
    }

    fn server_segment(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) {
        let mut rest = *segment;
        while !rest.bytes.is_empty() && !self.matcher.orders.finish && !self.matcher.orders.give_up {
            if self.matcher.answers_nothing() && !self.server.is_within() && !is_notice(rest.bytes) {
                self.hold(&rest, sink);
                break;
            }
            let matcher = &mut self.matcher;
            let taken = if matcher.link == Link::Framed {
                self.server.segment(&rest, |_, event| matcher.server_event(event, sink))
            } else {
                matcher.unframed(&rest, detect::begins_response(rest.bytes), sink)
            };
            self.obey();
            rest = after(&rest, taken);
        }
        self.matcher.server_moved_to(segment.offset.saturating_add(segment.bytes.len() as u64), segment.at);
    }

    /// Holds an answer until its command comes.
    fn hold(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) {
        let fits = self.late.len() < LATE_SEGMENTS && self.late_bytes + segment.bytes.len() <= LATE_BYTES;
        if fits {
            self.late_bytes += segment.bytes.len();
            self.late.push(Late {
                at: segment.at,
                offset: segment.offset,
                opposite_offset: segment.opposite_offset,
                bytes: segment.bytes.to_vec(),
            });
            return;
        }
        sink.limited(Limit::HeldResponses);
        self.matcher.answers_were_not_late();
        self.release(sink);
        self.server_segment(segment, sink);
    }

    /// Reads what was held.
    fn release(&mut self, sink: &mut dyn Sink) {
        self.late_bytes = 0;
        for late in std::mem::take(&mut self.late) {
            let segment = Segment {
                direction: Direction::ToClient,
                at: late.at,
                offset: late.offset,
                opposite_offset: late.opposite_offset,
                bytes: &late.bytes,
            };
            self.server_segment(&segment, sink);
        }
    }

    fn release_if_over(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        if self.late.first().is_some_and(|late| now.since(late.at) > LATE_WINDOW) {
            self.matcher.answers_were_not_late();
            self.release(sink);
        }
    }

    fn verdict(&mut self, sink: &mut dyn Sink) -> Continue {
        if self.matcher.orders.finish {
            return Continue::Finished;
        }
        if self.matcher.orders.give_up || self.misses > RESYNC_ATTEMPTS {
            sink.limited(Limit::ResyncAttempts);
            return Continue::NotThisProtocol;
        }
        Continue::Parsing
    }
}

/// What is left of a segment after so many bytes.
fn after<'a>(segment: &Segment<'a>, taken: usize) -> Segment<'a> {
    Segment {
        offset: segment.offset.saturating_add(taken as u64),
        bytes: segment.bytes.get(taken..).unwrap_or_default(),
        ..*segment
    }
}

/// Whether a server says by itself that something is wrong.
fn is_notice(bytes: &[u8]) -> bool {
    matches!(bytes, [_, _, 0, 0, 0xff, ..])
}

impl Parser for MysqlParser {
    fn segment(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) -> Continue {
        if !self.late.is_empty() {
            self.release_if_over(segment.at, sink);
        }
        match segment.direction {
            Direction::ToServer => {
                let unread = self.client_segment(segment, sink);
                if self.matcher.orders.encrypt {
                    return Continue::Becomes { protocol: Protocol::Tls, unread };
                }
                if !self.late.is_empty() && self.matcher.is_waiting() {
                    self.release(sink);
                }
            }
            Direction::ToClient if !self.late.is_empty() => self.hold(segment, sink),
            Direction::ToClient => self.server_segment(segment, sink),
        }
        self.matcher.active(segment.at);
        self.verdict(sink)
    }

    fn gap(&mut self, gap: &Gap, sink: &mut dyn Sink) -> Continue {
        let matcher = &mut self.matcher;
        match gap.direction {
            Direction::ToServer => {
                if matcher.waits_for_file() && !self.client.is_within() {
                    let lost = matches!(gap.cause, GapCause::Lost { .. });
                    matcher.file_bytes(gap.bytes, if lost { gap.bytes } else { 0 }, gap.at);
                }
                self.client.gap(gap, |_, event| matcher.client_event(event, sink));
                if std::mem::take(&mut matcher.orders.lose_client) {
                    self.client.lose();
                }
            }
            Direction::ToClient => {
                if !self.late.is_empty() {
                    matcher.answers_were_not_late();
                    self.release(sink);
                }
                let matcher = &mut self.matcher;
                if matcher.link == Link::Framed {
                    let known = self.server.gap(gap, |_, event| matcher.server_event(event, sink));
                    if !known && matcher.link == Link::Framed {
                        matcher.server_gap(gap, sink);
                    }
                } else {
                    matcher.unframed_gap(gap, sink);
                }
                matcher.server_moved_to(gap.offset.saturating_add(gap.bytes), gap.at);
            }
        }
        self.obey();
        self.matcher.active(gap.at);
        self.verdict(sink)
    }

    fn tick(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        self.release_if_over(now, sink);
        self.matcher.rest(now, sink);
        if self.matcher.is_waiting() && self.matcher.silent_since(now) >= RESPONSE_TIMEOUT {
            self.matcher.time_out(sink);
        }
        self.obey();
    }

    fn end_of_stream(&mut self, _direction: Direction, _at: Timestamp, _sink: &mut dyn Sink) {
        // No message is delimited by the end of a stream.
    }

    fn close(&mut self, reason: CloseReason, _at: Timestamp, sink: &mut dyn Sink) {
        if !self.late.is_empty() {
            self.matcher.answers_were_not_late();
            self.release(sink);
        }
        self.matcher.close(reason, sink);
    }

    fn held_bytes(&self) -> usize {
        self.client.held_bytes() + self.server.held_bytes() + self.late_bytes + self.matcher.held_bytes()
    }

    fn successor(&mut self) -> Option<Box<dyn Parser>> {
        self.matcher.orders.encrypt.then(|| tls::within(Protocol::Mysql))
    }
}
