//! Hands the messages of both streams to the matcher.

use super::{
    KafkaSettings,
    detect::{self, Resume},
    frame::{Frames, KEEP, KEEP_METADATA},
    link::Link,
    message::TEXT_LIMIT,
    waiting::{self, HELD_RESPONSES},
};
use crate::{
    CloseReason, Direction, Gap, GapCause, Limit, Segment, Sink, Timestamp,
    framed::{Event, Framer},
    registry::{Continue, Parser},
};

/// Segments in which the start of a message is looked for in vain before a connection is given up.
const RESYNC_ATTEMPTS: u32 = 1024;
/// Bytes held where a segment ends too early to tell whether it begins a message: a length that was written alone, or a
/// header without its body.
const SAVED: usize = 320;

/// Bytes that one parser holds at most.
pub(super) const HELD_BYTES_LIMIT: usize = KEEP
    + KEEP_METADATA
    + 2 * SAVED
    + waiting::BYTES
    + 2 * TEXT_LIMIT // the request queued last, and the fetch session
    + (HELD_RESPONSES + 1) * KEEP;

/// One stream.
struct Stream {
    framer: Framer<Frames>,
    /// What may begin a message, on a stream whose framing is not known.
    saved: Saved,
    attempts: u32,
}

#[derive(Default)]
struct Saved {
    at: Timestamp,
    offset: u64,
    opposite_offset: Option<u64>,
    bytes: Vec<u8>,
}

impl Stream {
    fn new(frames: Frames, from_start: bool) -> Self {
        Self { framer: Framer::new(frames, from_start), saved: Saved::default(), attempts: 0 }
    }

    fn held(&self) -> usize {
        self.framer.held_bytes() + self.saved.bytes.len()
    }

    /// Whether the segment is to be read. If it begins a message of a stream whose framing was lost, or what was saved
    /// before it does, the framing is known again.
    fn ready(&mut self, segment: &Segment<'_>, begins: impl Fn(&[u8]) -> Resume) -> bool {
        if !self.framer.is_lost() {
            return true;
        }
        let saved = &mut self.saved;
        let follows = saved.offset.wrapping_add(saved.bytes.len() as u64) == segment.offset;
        if !saved.bytes.is_empty() && follows {
            let joined = [&saved.bytes, segment.bytes].concat();
            let verdict = begins(&joined);
            if verdict == Resume::Yes {
                self.attempts = 0;
                self.framer.resume();
                let Saved { at, offset, opposite_offset, ref bytes } = *saved;
                let earlier = Segment { at, offset, opposite_offset, bytes, ..*segment };
                // Too short to be told from anything, it completes no message.
                self.framer.segment(&earlier, |_, _| true);
                saved.bytes.clear();
                return true;
            }
            if verdict == Resume::More && joined.len() <= SAVED {
                saved.bytes = joined;
                return false;
            }
        }
        saved.bytes.clear();
        match begins(segment.bytes) {
            Resume::Yes => {
                self.attempts = 0;
                self.framer.resume();
                return true;
            }
            Resume::More if segment.bytes.len() <= SAVED => {
                *saved = Saved {
                    at: segment.at,
                    offset: segment.offset,
                    opposite_offset: segment.opposite_offset,
                    bytes: segment.bytes.to_vec(),
                };
            }
            _ => {}
        }
        self.attempts += 1;
        false
    }
}

/// Both streams of one connection.
pub(super) struct KafkaParser {
    to_server: Stream,
    to_client: Stream,
    link: Link,
}

impl KafkaParser {
    pub(super) fn new(settings: &KafkaSettings, from_start: bool) -> Self {
        Self {
            to_server: Stream::new(Frames::REQUESTS, from_start),
            to_client: Stream::new(Frames::RESPONSES, from_start),
            link: Link::new(settings.topic_names.clone(), from_start),
        }
    }

    fn verdict(&self, sink: &mut dyn Sink) -> Continue {
        if self.to_server.attempts.max(self.to_client.attempts) > RESYNC_ATTEMPTS {
            sink.limited(Limit::ResyncAttempts);
            return Continue::NotThisProtocol;
        }
        if self.link.is_foreign() { Continue::NotThisProtocol } else { Continue::Parsing }
    }
}

impl Parser for KafkaParser {
    #[inline]
    fn segment(&mut self, segment: &Segment<'_>, sink: &mut dyn Sink) -> Continue {
        let link = &mut self.link;
        match segment.direction {
            Direction::ToServer => {
                let stream = &mut self.to_server;
                if stream.ready(segment, detect::resumes) {
                    stream.framer.segment(segment, |frames, event| link.request_event(frames, event, sink));
                }
            }
            Direction::ToClient => {
                let stream = &mut self.to_client;
                link.prepare(stream.framer.layout_mut());
                if stream.ready(segment, |bytes| link.resumes(bytes)) {
                    stream.framer.segment(segment, |frames, event| link.response_event(frames, event, sink));
                }
            }
        }
        self.link.settle(segment.at, sink);
        self.verdict(sink)
    }

    fn gap(&mut self, gap: &Gap, sink: &mut dyn Sink) -> Continue {
        let link = &mut self.link;
        match gap.direction {
            Direction::ToServer => {
                self.to_server.saved.bytes.clear();
                self.to_server.framer.gap(gap, |frames, event| {
                    link.lost_request_bytes(gap.bytes);
                    link.request_event(frames, event, sink)
                });
            }
            Direction::ToClient => {
                self.to_client.saved.bytes.clear();
                self.to_client.framer.gap(gap, |frames, event| link.response_event(frames, event, sink));
            }
        }
        self.link.settle(gap.at, sink);
        self.verdict(sink)
    }

    fn tick(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        self.link.tick(now, sink);
    }

    fn end_of_stream(&mut self, _direction: Direction, _at: Timestamp, _sink: &mut dyn Sink) {}

    fn close(&mut self, reason: CloseReason, at: Timestamp, sink: &mut dyn Sink) {
        let link = &mut self.link;
        // What is under way will not be whole: it is taken as far as it was seen.
        let rest = |direction| Gap {
            direction,
            at,
            offset: 0,
            bytes: Gap::UNKNOWN_BYTES,
            cause: GapCause::NotCopied,
        };
        self.to_server.framer.gap(&rest(Direction::ToServer), |frames, event| {
            !matches!(event, Event::Frame(_)) || link.request_event(frames, event, sink)
        });
        self.to_client.framer.gap(&rest(Direction::ToClient), |frames, event| {
            !matches!(event, Event::Frame(_)) || link.response_event(frames, event, sink)
        });
        self.link.finish(reason, sink);
    }

    fn held_bytes(&self) -> usize {
        self.to_server.held() + self.to_client.held() + self.link.held_bytes()
    }
}
