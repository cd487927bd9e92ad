//! The domain name system over one connection (RFC 7766): many questions at once, answered in any order.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{
    exchange::Transport,
    frame::{KEPT_BYTES, LENGTH_BYTES, Prefixed},
    matcher::{ANSWER_TIMEOUT, Matcher},
    message::Message,
    waiting::{Envelope, Manner},
};
use crate::{
    CloseReason, DatagramEnds, DatagramSink, Direction, Exchange, Gap, Limit, Segment, Sink, Timestamp,
    framed::{Event, Frame, Framer},
    registry::{Continue, Parser},
};

/// Questions that wait on one connection, at most: clients limit themselves to fewer.
pub(super) const WAITING_QUESTIONS: usize = 512;

/// Bytes that a parser holds at most.
pub(super) const HELD_BYTES_LIMIT: usize =
    2 * KEPT_BYTES + Matcher::<()>::held_bytes_limit(WAITING_QUESTIONS);

/// A connection has two ends for all its messages, which whoever reports the exchange knows.
const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 1);

/// Parses both streams of a connection.
pub(super) struct DnsParser {
    to_server: Framer<Prefixed>,
    to_client: Framer<Prefixed>,
    messages: Messages,
}

/// What is done with messages, whichever stream they come from.
struct Messages {
    matcher: Matcher<()>,
    /// When the observation of this connection began, if that was in the middle of it.
    joined: Option<Timestamp>,
    from_start: bool,
    /// Questions, and answers, that are known to have been lost and for which nothing was reported.
    lost: [u64; 2],
    /// Whether questions may have been lost.
    lossy: bool,
}

/// Passes exchanges on without their ends.
struct Connected<'a>(&'a mut dyn Sink);

impl DatagramSink<()> for Connected<'_> {
    fn exchange(&mut self, exchange: &Exchange<'_>, _: &DatagramEnds, (): &()) {
        self.0.exchange(exchange);
    }

    fn limited(&mut self, limit: Limit) {
        self.0.limited(limit);
    }
}

impl DnsParser {
    pub(super) fn new(from_start: bool) -> Self {
        let manner = Manner { transport: Transport::Tcp, on_the_wire: false, waiting: WAITING_QUESTIONS };
        Self {
            to_server: Framer::new(Prefixed, from_start),
            to_client: Framer::new(Prefixed, from_start),
            messages: Messages {
                matcher: Matcher::new(manner),
                joined: None,
                from_start,
                lost: [0; 2],
                lossy: false,
            },
        }
    }
}

impl Messages {
    /// Takes a message; gives whether it could be read.
    fn frame(&mut self, direction: Direction, frame: &Frame<'_>, sink: &mut dyn Sink) -> bool {
        let bytes = frame.bytes.get(LENGTH_BYTES..).unwrap_or_default();
        let length = frame.length - LENGTH_BYTES as u64;
        let Some(message) = Message::parse(bytes, length) else {
            if frame.missing_bytes > 0 && frame.ended.is_some() {
                self.was_lost(direction, 1);
            }
            return false;
        };
        let envelope = Envelope {
            sent: direction == Direction::ToServer,
            started: frame.started,
            offset: Some(frame.offset),
            ended: frame.ended,
            local: NOBODY,
            remote: NOBODY,
            missing_bytes: frame.missing_bytes,
            tag: (),
        };
        match (direction, message.flags.is_response()) {
            (Direction::ToServer, false) => self.matcher.question(&message, envelope, &mut Connected(sink)),
            (Direction::ToClient, true) => {
                let joined = *self.joined.get_or_insert(frame.started);
                self.matcher.joining = !self.from_start && frame.started.since(joined) < ANSWER_TIMEOUT;
                let explained = self.matcher.joining || self.lossy;
                self.matcher.answer(&message, envelope, explained, &mut Connected(sink));
            }
            // Either end may ask on a connection with state (RFC 8490), which is no question for an answer.
            _ => {}
        }
        true
    }

    fn was_lost(&mut self, direction: Direction, calls: u64) {
        self.settle();
        match direction {
            Direction::ToServer => {
                self.lossy = true;
                self.lost[0] = self.lost[0].saturating_add(calls);
            }
            Direction::ToClient => {
                self.matcher.doubt();
                self.lost[1] = self.lost[1].saturating_add(calls);
            }
        }
    }

    /// Takes what was reported without its other half off what was lost.
    fn settle(&mut self) {
        let reported = [&mut self.matcher.missed_questions, &mut self.matcher.missed_answers];
        for (lost, reported) in self.lost.iter_mut().zip(reported) {
            *lost = lost.saturating_sub(std::mem::take(reported));
        }
    }
}

impl Parser for DnsParser {
    fn segment(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) -> Continue {
        let messages = &mut self.messages;
        messages.joined.get_or_insert(segment.at);
        if messages.matcher.is_holding() {
            messages.matcher.tick(segment.at, &mut Connected(sink));
        }
        let direction = segment.direction;
        let framer = match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        };
        let mut valid = true;
        framer.segment(segment, |_, event| {
            match event {
                Event::Frame(frame) => {
                    messages.frame(direction, &frame, sink);
                }
                Event::Lost { calls } => messages.was_lost(direction, calls),
                Event::Invalid => valid = false,
            }
            valid
        });
        if valid { Continue::Parsing } else { Continue::NotThisProtocol }
    }

    fn gap(&mut self, gap: &Gap, sink: &mut dyn Sink) -> Continue {
        let (messages, direction) = (&mut self.messages, gap.direction);
        let framer = match direction {
            Direction::ToServer => &mut self.to_server,
            Direction::ToClient => &mut self.to_client,
        };
        let mut torn = 0;
        framer.gap(gap, |_, event| {
            match event {
                Event::Frame(frame) => {
                    let known = messages.frame(direction, &frame, sink);
                    torn = u64::from(known && frame.ended.is_none());
                }
                // One of the calls carried the rest of a message that is known.
                Event::Lost { calls } => messages.was_lost(direction, calls.saturating_sub(torn)),
                Event::Invalid => {}
            }
            true
        });
        Continue::Parsing
    }

    fn tick(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        self.messages.matcher.tick(now, &mut Connected(sink));
    }

    fn end_of_stream(&mut self, _: Direction, _: Timestamp, _: &mut dyn Sink) {}

    fn close(&mut self, reason: CloseReason, _: Timestamp, sink: &mut dyn Sink) {
        let messages = &mut self.messages;
        messages.matcher.close(reason, &mut Connected(sink));
        messages.settle();
        let unobserved = messages.lost[0].min(messages.lost[1]);
        if unobserved > 0 {
            sink.unobserved(unobserved);
        }
        messages.lost = [0; 2];
    }

    fn held_bytes(&self) -> usize {
        self.to_server.held_bytes() + self.to_client.held_bytes() + self.messages.matcher.held_bytes()
    }
}
