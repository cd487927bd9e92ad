//! One direction of a connection cut into frames. What they carry is handed to the exchanges; bodies are passed over.

use super::{
    detect,
    exchanges::{Block, Exchanges},
    frame::{self, DEFAULT_LONGEST, HEADER_BYTES, Header, PREFACE, flag, kind},
    hpack::Decoder,
    record::Reset,
};
use crate::{Direction, Limit, Sink, Timestamp};

/// Bytes of a header block that are held while it is not whole. Servers refuse far shorter ones (nginx 32 KiB, the h2
/// crate 16 KiB, gRPC 8 KiB).
pub(super) const BLOCK_LIMIT: usize = 64 * 1024;

/// Capacity above which a buffer is given back instead of kept for the next block.
const KEPT_CAPACITY: usize = 8 * 1024;

/// Where the bytes at hand stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Here {
    pub(super) at: Timestamp,
    /// Whether they begin a segment: a likely start of a frame.
    pub(super) segment_start: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the client's preface.
    Preface,
    /// Before a frame, or in its header.
    Header,
    /// In a frame's payload.
    Payload,
    /// Framing was lost: a frame begins where a segment begins like one.
    Lost,
}

/// One direction.
pub(super) struct Half {
    direction: Direction,
    state: State,
    /// The beginning of the preface, of a header, or of a payload that is short: whatever is being read.
    held: [u8; PREFACE.len()],
    held_length: usize,
    frame: Header,
    /// Bytes to come of its payload, and of the data within, padding left out.
    remaining: u32,
    data: u32,
    /// Not all bytes of its payload were seen.
    torn: bool,
    frame_started: Timestamp,
    /// The header block under way, and its bytes as far as they are held.
    block: Option<Block>,
    fragments: Vec<u8>,
    /// Where the frame under way begins in them.
    fragment_start: usize,
    decoder: Decoder,
    /// The longest payload that may be sent.
    longest: u32,
    /// Segments looked at in vain for a frame.
    pub(super) misses: u32,
}

impl Half {
    pub(super) fn new(direction: Direction, from_start: bool) -> Self {
        let first = if direction == Direction::ToServer { State::Preface } else { State::Header };
        Self {
            direction,
            state: if from_start { first } else { State::Lost },
            held: [0; PREFACE.len()],
            held_length: 0,
            frame: Header::default(),
            remaining: 0,
            data: 0,
            torn: false,
            frame_started: Timestamp::default(),
            block: None,
            fragments: Vec::new(),
            fragment_start: 0,
            decoder: Decoder::new(),
            longest: DEFAULT_LONGEST,
            misses: 0,
        }
    }

    /// Bytes held.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_length + self.fragments.len() + self.decoder.held_bytes()
    }

    /// Takes the next bytes of which there is at least one. Gives how many. `other` is the opposite direction, which
    /// obeys the settings sent in this one.
    pub(super) fn advance(
        &mut self,
        bytes: &[u8],
        here: Here,
        other: &mut Self,
        exchanges: &mut Exchanges,
        sink: &mut dyn Sink,
    ) -> usize {
        match self.state {
            State::Preface => self.preface(bytes),
            State::Header => self.header(bytes, here, other, exchanges, sink),
            State::Payload => {
                let part = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(bytes.len());
                let length = u32::try_from(part).unwrap_or(u32::MAX);
                self.payload(&bytes[..part], other, here.at, exchanges, sink);
                self.remaining = self.remaining.saturating_sub(length);
                if self.remaining == 0 {
                    self.finish_frame(Some(here.at), exchanges, sink);
                }
                part
            }
            State::Lost => self.look_for_frame(bytes, here, exchanges),
        }
    }

    fn preface(&mut self, bytes: &[u8]) -> usize {
        let expected = &PREFACE[self.held_length..];
        let length = expected.len().min(bytes.len());
        if bytes[..length] != expected[..length] {
            // Joined behind it, or sent by nobody who speaks HTTP/2.
            self.state = State::Header;
            self.held_length = 0;
            return 0;
        }
        self.held_length += length;
        if self.held_length == PREFACE.len() {
            self.state = State::Header;
            self.held_length = 0;
        }
        length
    }

    fn look_for_frame(&mut self, bytes: &[u8], here: Here, exchanges: &Exchanges) -> usize {
        let begins = self.direction == Direction::ToServer && bytes.starts_with(PREFACE);
        if here.segment_start && begins {
            self.state = State::Preface;
        } else if here.segment_start
            && detect::resumes(self.direction, bytes, self.longest, |stream| exchanges.knows(stream))
        {
            self.state = State::Header;
        } else {
            self.misses = self.misses.saturating_add(u32::from(here.segment_start));
            return bytes.len();
        }
        self.misses = 0;
        0
    }

    fn header(
        &mut self,
        bytes: &[u8],
        here: Here,
        other: &mut Self,
        exchanges: &mut Exchanges,
        sink: &mut dyn Sink,
    ) -> usize {
        if self.held_length == 0 {
            self.frame_started = here.at;
        }
        let part = (HEADER_BYTES - self.held_length).min(bytes.len());
        let header = match bytes.first_chunk() {
            Some(header) if self.held_length == 0 => Header::read(header),
            _ => {
                self.held[self.held_length..self.held_length + part].copy_from_slice(&bytes[..part]);
                self.held_length += part;
                match self.held.first_chunk() {
                    Some(header) if self.held_length == HEADER_BYTES => Header::read(header),
                    _ => return part,
                }
            }
        };
        self.held_length = 0;
        if !header.is_valid() {
            self.misses = self.misses.saturating_add(1);
            self.lose(bytes.len() as u64, here.at, exchanges, sink);
            return bytes.len();
        }
        self.begin_frame(header, exchanges, sink);
        // What is whole needs no state between its pieces.
        let rest = &bytes[part..];
        let whole = usize::try_from(header.length).ok().and_then(|length| rest.get(..length));
        let Some(payload) = whole else {
            self.state = State::Payload;
            return part;
        };
        if !payload.is_empty() {
            self.payload(payload, other, here.at, exchanges, sink);
        }
        self.remaining = 0;
        self.finish_frame(Some(here.at), exchanges, sink);
        part + payload.len()
    }

    fn begin_frame(&mut self, header: Header, exchanges: &mut Exchanges, sink: &mut dyn Sink) {
        self.frame = header;
        self.remaining = header.length;
        self.torn = false;
        self.held_length = 0;
        let size = u64::from(header.length) + HEADER_BYTES as u64;
        let goes_on = self
            .block
            .as_ref()
            .is_some_and(|block| header.kind == kind::CONTINUATION && header.stream == block.stream);
        if !goes_on && self.block.is_some() {
            // Nothing may come between the frames of a block (section 6.10).
            self.tear_block(exchanges, sink);
        }
        match header.kind {
            kind::DATA => {
                self.data = header.length;
                if let Some(record) = exchanges.get(header.stream) {
                    let size = record.size(self.direction);
                    size.bytes = size.bytes.saturating_add(HEADER_BYTES as u64);
                }
            }
            kind::HEADERS | kind::PUSH_PROMISE => {
                self.fragments.clear();
                self.fragment_start = 0;
                self.block = Some(Block {
                    direction: self.direction,
                    stream: header.stream,
                    promises: (header.kind == kind::PUSH_PROMISE).then_some(0),
                    ends_stream: header.kind == kind::HEADERS && header.has(flag::END_STREAM),
                    started: self.frame_started,
                    ended: None,
                    bytes: size,
                    missing: 0,
                    torn: false,
                });
            }
            kind::CONTINUATION => match &mut self.block {
                Some(block) => {
                    block.bytes = block.bytes.saturating_add(size);
                    self.fragment_start = self.fragments.len();
                }
                // The rest of a block whose beginning was not seen, whatever it taught the other end.
                None => self.decoder.lose(),
            },
            _ => {}
        }
    }

    /// Takes some of the payload, never nothing and never all at once if there was some before.
    fn payload(
        &mut self,
        bytes: &[u8],
        other: &mut Self,
        at: Timestamp,
        exchanges: &mut Exchanges,
        sink: &mut dyn Sink,
    ) {
        match self.frame.kind {
            kind::DATA => self.body(bytes, at, exchanges),
            kind::HEADERS | kind::PUSH_PROMISE | kind::CONTINUATION => {
                let whole = bytes.len() == self.frame.length as usize;
                let alone = self.frame.has(flag::END_HEADERS) && self.fragments.is_empty();
                if whole
                    && alone
                    && let Some(mut block) = self.block.take_if(|block| !block.torn)
                {
                    block.ended = Some(at);
                    let fragment = frame::fragment(&self.frame, bytes).and_then(|range| bytes.get(range));
                    if block.promises.is_some() {
                        block.promises = promised(&self.frame, bytes);
                    }
                    self.decode(&block, fragment, exchanges, sink);
                    return;
                }
                self.hold_fragment(bytes, sink);
            }
            kind::SETTINGS if !self.frame.has(flag::ACK) => self.settings(bytes, other),
            kind::RST_STREAM | kind::GOAWAY if !self.torn => {
                let room = 8 - self.held_length.min(8);
                let part = room.min(bytes.len());
                self.held[self.held_length..self.held_length + part].copy_from_slice(&bytes[..part]);
                self.held_length += part;
            }
            _ => {}
        }
    }

    fn body(&mut self, mut bytes: &[u8], at: Timestamp, exchanges: &mut Exchanges) {
        let first = self.remaining == self.frame.length;
        if first && self.frame.has(flag::PADDED) {
            let padding = bytes.first().map_or(0, |&padding| u32::from(padding));
            self.data = self.frame.length.saturating_sub(1 + padding);
        }
        let Some(record) = exchanges.get(self.frame.stream) else { return };
        record.active_at = at;
        let size = record.size(self.direction);
        size.bytes = size.bytes.saturating_add(bytes.len() as u64);
        if first && self.frame.has(flag::PADDED) {
            bytes = bytes.get(1..).unwrap_or_default();
        }
        let data = usize::try_from(self.data).unwrap_or(usize::MAX).min(bytes.len());
        self.data = self.data.saturating_sub(u32::try_from(data).unwrap_or(u32::MAX));
        size.body = size.body.saturating_add(data as u64);
        if record.call.counts() {
            record.messages(self.direction).read(&bytes[..data]);
        } else if data > 0 {
            // Should it turn out to be a call, then too late to count.
            record.messages(self.direction).lose();
        }
    }

    fn settings(&mut self, mut bytes: &[u8], other: &mut Self) {
        while !bytes.is_empty() {
            let part = (6 - self.held_length.min(6)).min(bytes.len());
            self.held[self.held_length..self.held_length + part].copy_from_slice(&bytes[..part]);
            self.held_length += part;
            bytes = &bytes[part..];
            if self.held_length < 6 {
                return;
            }
            self.held_length = 0;
            let [high, low, ref value @ ..] = self.held;
            let value = frame::word(value).unwrap_or_default();
            match u16::from_be_bytes([high, low]) {
                frame::SETTINGS_HEADER_TABLE_SIZE => other.decoder.allow(value),
                frame::SETTINGS_MAX_FRAME_SIZE => other.longest = value.clamp(DEFAULT_LONGEST, (1 << 24) - 1),
                _ => {}
            }
        }
    }

    fn hold_fragment(&mut self, bytes: &[u8], sink: &mut dyn Sink) {
        let Some(block) = &mut self.block else { return };
        if block.torn {
            return;
        }
        let room = BLOCK_LIMIT - self.fragments.len().min(BLOCK_LIMIT);
        self.fragments.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if bytes.len() > room {
            block.torn = true;
            sink.limited(Limit::HeadBytes);
        }
    }

    /// The payload has passed.
    fn finish_frame(&mut self, at: Option<Timestamp>, exchanges: &mut Exchanges, sink: &mut dyn Sink) {
        self.state = State::Header;
        let Header { kind, stream, .. } = self.frame;
        match kind {
            kind::DATA if self.frame.has(flag::END_STREAM) => {
                exchanges.end(self.direction, stream, at, sink);
            }
            kind::HEADERS | kind::PUSH_PROMISE | kind::CONTINUATION => {
                self.finish_fragment(at, exchanges, sink);
            }
            kind::RST_STREAM => {
                let code = if self.held_length >= 4 { frame::word(&self.held) } else { None };
                let at = at.unwrap_or(self.frame_started);
                exchanges.reset(stream, Reset { by: self.direction, code, at }, sink);
            }
            kind::GOAWAY if self.held_length >= 8 && self.direction == Direction::ToClient => {
                let last = frame::word(&self.held).unwrap_or_default() & 0x7fff_ffff;
                let code = frame::word(&self.held[4..]).unwrap_or_default();
                exchanges.go_away(last, code, sink);
            }
            _ => {}
        }
        self.held_length = 0;
    }

    /// A frame of a header block has passed that was not read in one piece.
    fn finish_fragment(&mut self, at: Option<Timestamp>, exchanges: &mut Exchanges, sink: &mut dyn Sink) {
        let Some(block) = &mut self.block else { return };
        let start = self.fragment_start.min(self.fragments.len());
        let payload = &self.fragments[start..];
        if block.promises == Some(0) && self.frame.kind == kind::PUSH_PROMISE {
            block.promises = promised(&self.frame, payload);
        }
        // Of a payload that is not whole, the end is cut off, padding and all.
        let whole = payload.len() == self.frame.length as usize;
        let padless = Header { flags: self.frame.flags & !flag::PADDED, ..self.frame };
        let fragment = if whole || !self.frame.has(flag::PADDED) {
            frame::fragment(if whole { &self.frame } else { &padless }, payload)
        } else {
            frame::fragment(&padless, payload.get(1..).unwrap_or_default())
                .map(|range| range.start + 1..range.end + 1)
        };
        match fragment {
            Some(range) => {
                self.fragments.truncate(start + range.end);
                self.fragments.drain(start..start + range.start);
            }
            None => {
                self.fragments.truncate(start);
                block.torn = true;
            }
        }
        if self.frame.has(flag::END_HEADERS)
            && let Some(mut block) = self.block.take()
        {
            block.ended = at;
            self.decode_held(&block, exchanges, sink);
        }
    }

    fn decode_held(&mut self, block: &Block, exchanges: &mut Exchanges, sink: &mut dyn Sink) {
        let mut fragments = std::mem::take(&mut self.fragments);
        self.decode(block, Some(&fragments), exchanges, sink);
        if fragments.capacity() <= KEPT_CAPACITY {
            fragments.clear();
            self.fragments = fragments;
        }
    }

    fn decode(
        &mut self,
        block: &Block,
        fragment: Option<&[u8]>,
        exchanges: &mut Exchanges,
        sink: &mut dyn Sink,
    ) {
        let decoded = match fragment {
            // Without the number of the promised stream there is nothing to tell, but something to learn.
            Some(bytes) if block.promises == Some(0) => self.decoder.decode(bytes, |_| {}).is_ok(),
            Some(bytes) => exchanges.block(block, bytes, &mut self.decoder, sink),
            None => false,
        };
        if !decoded || block.torn {
            self.decoder.lose();
        }
    }

    /// The rest of the block under way will not be seen.
    fn tear_block(&mut self, exchanges: &mut Exchanges, sink: &mut dyn Sink) {
        if let Some(mut block) = self.block.take() {
            block.torn = true;
            block.ends_stream = false;
            self.decode_held(&block, exchanges, sink);
        }
    }

    /// Framing is lost, and with it whatever stood in so many bytes.
    fn lose(&mut self, bytes: u64, at: Timestamp, exchanges: &mut Exchanges, sink: &mut dyn Sink) {
        self.tear_block(exchanges, sink);
        self.state = State::Lost;
        self.held_length = 0;
        self.decoder.lose();
        exchanges.lose(self.direction, bytes, at, sink);
    }

    /// A gap of so many bytes.
    pub(super) fn gap(
        &mut self,
        bytes: u64,
        lost: bool,
        at: Timestamp,
        exchanges: &mut Exchanges,
        sink: &mut dyn Sink,
    ) {
        if bytes == 0 {
            return;
        }
        let mut beyond = bytes;
        if self.state == State::Payload {
            let part = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.remaining);
            beyond -= u64::from(part);
            self.pass_over(part, lost, at, exchanges);
            self.remaining -= part;
            if self.remaining == 0 {
                self.finish_frame(Some(at).filter(|_| !lost && beyond == 0), exchanges, sink);
            }
        }
        if beyond > 0 {
            self.lose(beyond, at, exchanges, sink);
        }
    }

    /// Part of the payload was not seen.
    fn pass_over(&mut self, part: u32, lost: bool, at: Timestamp, exchanges: &mut Exchanges) {
        let first = self.remaining == self.frame.length;
        self.torn = true;
        self.held_length = 0;
        let bytes = u64::from(part);
        match self.frame.kind {
            kind::DATA => {
                let Some(record) = exchanges.get(self.frame.stream) else { return };
                record.active_at = at;
                let size = record.size(self.direction);
                size.bytes = size.bytes.saturating_add(bytes);
                if lost {
                    size.missing = size.missing.saturating_add(bytes);
                    size.cut = true;
                }
                if first && self.frame.has(flag::PADDED) {
                    // Nobody knows how much of it was padding.
                    size.body_known = false;
                    record.messages(self.direction).lose();
                    return;
                }
                let data = part.min(self.data);
                self.data -= data;
                size.body = size.body.saturating_add(u64::from(data));
                record.messages(self.direction).skip(u64::from(data));
            }
            kind::HEADERS | kind::PUSH_PROMISE | kind::CONTINUATION => match &mut self.block {
                Some(block) => {
                    block.torn = true;
                    block.missing = block.missing.saturating_add(if lost { bytes } else { 0 });
                }
                None => self.decoder.lose(),
            },
            _ => {}
        }
    }
}

/// The stream that a promise is about, zero if it was not seen.
fn promised(frame: &Header, payload: &[u8]) -> Option<u32> {
    let payload = if frame.has(flag::PADDED) { payload.get(1..).unwrap_or_default() } else { payload };
    let stream = frame::word(payload).unwrap_or_default() & 0x7fff_ffff;
    // Servers open streams of even numbers only.
    Some(if stream.is_multiple_of(2) { stream } else { 0 })
}
