//! The parser of one connection: two directions of frames, and the exchanges that they are about.

use super::{
    exchanges::Exchanges,
    half::{Half, Here},
};
use crate::{
    CloseReason, Direction, Gap, GapCause, Limit, Segment, Sink, Timestamp,
    http::{HttpSettings, record::Request},
    registry::{Continue, Parser},
};

/// Segments looked at in vain for a frame, in a row, before the connection is given up.
const RESYNC_ATTEMPTS: u32 = 1024;

/// Parses both directions of one connection.
pub(super) struct Http2Parser {
    to_server: Half,
    to_client: Half,
    exchanges: Exchanges,
    server_ended: bool,
}

impl Http2Parser {
    pub(super) fn new(settings: HttpSettings, from_start: bool) -> Self {
        Self {
            to_server: Half::new(Direction::ToServer, from_start),
            to_client: Half::new(Direction::ToClient, from_start),
            exchanges: Exchanges::new(settings, from_start),
            server_ended: false,
        }
    }

    /// A connection that was HTTP/1 until the server agreed to go on like this, and then to answer `request`. Whether
    /// nothing was seen of the server since.
    pub(super) fn upgraded(
        settings: HttpSettings,
        request: Request,
        at: Timestamp,
        server_silent: bool,
    ) -> Self {
        let mut parser = Self::new(settings, true);
        parser.to_client = Half::new(Direction::ToClient, server_silent);
        parser.exchanges.upgrade(request, at);
        parser
    }
}

impl Parser for Http2Parser {
    fn segment(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) -> Continue {
        if self.exchanges.is_due(segment.at) {
            self.exchanges.look(segment.at, sink);
        }
        let (half, other) = match segment.direction {
            Direction::ToServer => (&mut self.to_server, &mut self.to_client),
            Direction::ToClient => (&mut self.to_client, &mut self.to_server),
        };
        let mut here = Here { offset: segment.offset, at: segment.at, segment_start: true };
        let mut rest = segment.bytes;
        while !rest.is_empty() {
            let taken = half.advance(rest, here, other, &mut self.exchanges, sink);
            rest = rest.get(taken..).unwrap_or_default();
            here.offset = here.offset.saturating_add(taken as u64);
            here.segment_start &= taken == 0;
        }
        if half.misses > RESYNC_ATTEMPTS {
            sink.limited(Limit::ResyncAttempts);
            return Continue::NotThisProtocol;
        }
        Continue::Parsing
    }

    fn gap(&mut self, gap: &Gap, sink: &mut dyn Sink) -> Continue {
        let half = match gap.direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        };
        let lost = matches!(gap.cause, GapCause::Lost { .. });
        half.gap(gap.bytes, lost, gap.at, &mut self.exchanges, sink);
        Continue::Parsing
    }

    fn tick(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        self.exchanges.look(now, sink);
    }

    fn end_of_stream(&mut self, direction: Direction, _at: Timestamp, sink: &mut dyn Sink) {
        self.server_ended |= direction == Direction::ToClient;
        self.exchanges.stream_ended(direction, sink);
    }

    fn close(&mut self, reason: CloseReason, _at: Timestamp, sink: &mut dyn Sink) {
        // A server that said its last word before the observation ended will answer nothing more.
        let reason =
            if self.server_ended && reason != CloseReason::Reset { CloseReason::Closed } else { reason };
        self.exchanges.close(reason, sink);
    }

    fn held_bytes(&self) -> usize {
        self.to_server.held_bytes() + self.to_client.held_bytes() + self.exchanges.held_bytes()
    }
}
