//! Frames of which nothing was copied, not even the headers, and which are known all the same: those that the rest of a
//! message takes.
//!
//! A program that sends a large message hands its frames to the kernel in one call, and only the beginning of what a call
//! moves is copied. How long the message is was said in it (the five bytes before a message of gRPC, or
//! `content-length`), and its frames are as long as the first, but for the last. So it can be computed where the rest of
//! them end. If the call ends at that very byte, or the next header that is seen is the one that must stand where it
//! stands, no other frame was among them: it would have moved them all. Fields that later blocks refer to are then still
//! known, and no exchange is in doubt. Whether the last of the frames ended its stream was not seen.

use super::{
    exchanges::Exchanges,
    frame::{HEADER_BYTES, Header, flag, kind},
    half::{Half, State},
    record::Record,
};
use crate::{Direction, Sink, Timestamp};

/// Frames that were passed over, until the next that is seen bears them out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bridge {
    /// How many bytes they take.
    bytes: u64,
    /// Length of each but the last.
    length: u32,
    stream: u32,
}

impl Half {
    /// Passes over bytes that were not copied, behind a frame of data, if they are the frames of the same message's rest.
    /// Gives whether they can be.
    pub(super) fn bridge(
        &mut self,
        bytes: u64,
        at: Timestamp,
        exchanges: &mut Exchanges,
        sink: &mut dyn Sink,
    ) -> bool {
        let Header { length, kind, stream, .. } = self.frame;
        let unlike = kind != kind::DATA || length == 0 || self.frame.has(flag::PADDED | flag::END_STREAM);
        if self.state != State::Header || unlike || !self.may_begin_another() {
            return false;
        }
        let Some(rest) = exchanges.rest_of_sole_body(self.direction, stream) else { return false };
        let (header, longest) = (HEADER_BYTES as u64, u64::from(length));
        // The beginning of the first header may have been seen.
        let bytes = bytes.saturating_add(self.held_length as u64);
        let all = rest.saturating_add(rest.div_ceil(longest).saturating_mul(header));
        let (whole, into) = (bytes / (longest + header), bytes % (longest + header));
        let (before, last) = (whole.saturating_mul(longest), into.saturating_sub(header));
        let (data, under_way) = match into {
            _ if bytes > all => return false,
            _ if bytes == all => (rest, None),
            0 => (before, None),
            _ if into < header => return false,
            _ => (before + last, Some((rest - before).min(longest))),
        };
        let earlier = self.bridge.map_or(0, |earlier| earlier.bytes);
        self.bridge = Some(Bridge { bytes: earlier.saturating_add(bytes), length, stream });
        self.held_length = 0;
        exchanges.pass_unseen(self.direction, stream, bytes, data, at);
        match under_way.map(|length| (u32::try_from(length), u32::try_from(length - last))) {
            Some((Ok(length), Ok(remaining))) => {
                self.frame = Header { length, kind, stream, ..Header::default() };
                (self.remaining, self.data) = (remaining, remaining);
                self.torn = true;
                self.state = State::Payload;
            }
            _ => exchanges.message_passed(self.direction, stream, at, sink),
        }
        true
    }

    /// Whether what is held of a header can begin another frame of the same data.
    fn may_begin_another(&self) -> bool {
        let [_, high, middle, low] = self.frame.length.to_be_bytes();
        let [first, second, third, fourth] = self.frame.stream.to_be_bytes();
        let expected = [high, middle, low, kind::DATA, 0, first, second, third, fourth];
        self.held.iter().zip(expected).take(self.held_length).enumerate().all(|(place, (&seen, expected))| {
            // The last frame is shorter, and may have a flag.
            place < 3 || place == 4 || seen == expected
        })
    }

    /// Whether the first header after the bridge is the one that stands there if the bridge is right. If it is not, what
    /// was passed over is lost after all.
    pub(super) fn is_borne_out(&self, bridge: &Bridge, header: &Header, exchanges: &Exchanges) -> bool {
        let Bridge { length, stream, .. } = *bridge;
        let expected = match exchanges.rest_of_body(self.direction, stream) {
            Some(rest) => {
                let length = u32::try_from(rest).unwrap_or(u32::MAX).min(length);
                (header.kind, header.stream, header.length) == (kind::DATA, stream, length)
                    && !header.has(flag::PADDED)
            }
            None => true,
        };
        expected && header.is_usual(self.direction, self.longest)
    }
}

impl Bridge {
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Exchanges {
    /// How much is still to come of the message, or the body, under way on a stream. `None` if nothing, or if it is not
    /// known.
    pub(super) fn rest_of_body(&self, direction: Direction, stream: u32) -> Option<u64> {
        let index = self.find(stream).ok()?;
        self.open.get(index)?.1.rest_of_body(direction)
    }

    /// The same, if no other stream can have sent data meanwhile.
    fn rest_of_sole_body(&self, direction: Direction, stream: u32) -> Option<u64> {
        let sole = self.open.iter().all(|(other, record)| *other == stream || !record.is_in_body(direction));
        if sole { self.rest_of_body(direction, stream) } else { None }
    }

    /// So many bytes of frames passed unseen, in which there was so much data.
    fn pass_unseen(&mut self, direction: Direction, stream: u32, bytes: u64, data: u64, at: Timestamp) {
        let Some(record) = self.get(stream) else { return };
        record.active_at = at;
        let size = record.size(direction);
        size.bytes = size.bytes.saturating_add(bytes);
        size.body = size.body.saturating_add(data);
        record.messages(direction).skip(data);
    }

    /// A frame has passed whose flags were not seen. If the message has ended with it, the stream may have, too.
    pub(super) fn message_passed(
        &mut self,
        direction: Direction,
        stream: u32,
        at: Timestamp,
        sink: &mut dyn Sink,
    ) {
        if self.rest_of_body(direction, stream).is_some() {
            return;
        }
        let Some(record) = self.get(stream) else { return };
        if record.has_whole_body(direction) {
            self.end(direction, stream, Some(at), sink);
        } else if direction == Direction::ToServer {
            record.may_have_asked_all = true;
            self.settle(stream, at, sink);
        }
    }
}

impl Record {
    /// Whether data may come in this direction.
    fn is_in_body(&self, direction: Direction) -> bool {
        let begun = match direction {
            Direction::ToServer => self.asked && !self.promised,
            Direction::ToClient => self.answered,
        };
        begun && !self.is_done(direction)
    }

    fn declared(&self, direction: Direction) -> Option<u64> {
        match direction {
            Direction::ToServer => self.request_length,
            Direction::ToClient => self.response_length,
        }
    }

    /// Whether as much of a body has passed as its head says.
    fn has_whole_body(&mut self, direction: Direction) -> bool {
        let declared = self.declared(direction);
        let size = self.size(direction);
        size.body_known && !size.cut && declared == Some(size.body)
    }

    fn rest_of_body(&self, direction: Direction) -> Option<u64> {
        let (size, messages) = match direction {
            Direction::ToServer => (&self.request.size, &self.call.requests),
            Direction::ToClient => (&self.response.size, &self.call.responses),
        };
        if size.cut || !size.body_known || self.is_done(direction) {
            return None;
        }
        let rest = match self.declared(direction) {
            Some(declared) => declared.checked_sub(size.body),
            None if self.call.is_call => messages.rest(),
            None => None,
        };
        rest.filter(|&rest| rest > 0)
    }
}
