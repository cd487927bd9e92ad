//! One direction of a connection cut into frames. What they carry is handed to the exchanges; bodies are passed over.

use super::{
    bridge::Bridge,
    detect,
    exchanges::Exchanges,
    frame::{self, DEFAULT_LONGEST, HEADER_BYTES, Header, PREFACE, flag, kind},
    heads::Block,
    hpack::Decoder,
    record::Reset,
};
use crate::{Direction, Sink, Timestamp, placed::Beginning};

/// Where the bytes at hand stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Here {
    pub(super) offset: u64,
    pub(super) at: Timestamp,
    /// Whether they begin a segment: a likely start of a frame.
    pub(super) segment_start: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
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
    pub(super) direction: Direction,
    pub(super) state: State,
    /// The beginning of the preface, of a header, or of a payload that is short: whatever is being read.
    pub(super) held: [u8; PREFACE.len()],
    pub(super) held_length: usize,
    pub(super) frame: Header,
    /// Bytes to come of its payload, and of the data within, padding left out.
    pub(super) remaining: u32,
    pub(super) data: u32,
    /// Not all bytes of its payload were seen.
    pub(super) torn: bool,
    /// The first byte of its header.
    pub(super) frame_began: Beginning,
    /// Frames before the next that were not seen and are taken for some.
    pub(super) bridge: Option<Bridge>,
    /// The header block under way, and its bytes as far as they are held.
    pub(super) block: Option<Block>,
    pub(super) fragments: Vec<u8>,
    /// Where the frame under way begins in them.
    pub(super) fragment_start: usize,
    pub(super) decoder: Decoder,
    /// The longest payload that may be sent.
    pub(super) longest: u32,
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
            frame_began: Beginning::default(),
            bridge: None,
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
            self.frame_began = Beginning { at: here.at, offset: here.offset };
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
        if let Some(bridge) = self.bridge.take()
            && !self.is_borne_out(&bridge, &header, exchanges)
        {
            self.misses = self.misses.saturating_add(1);
            self.lose(bridge.bytes().saturating_add(bytes.len() as u64), here.at, exchanges, sink);
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
                    began: self.frame_began,
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
                self.block_payload(bytes, at, exchanges, sink);
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

    /// The payload has passed.
    pub(super) fn finish_frame(
        &mut self,
        at: Option<Timestamp>,
        exchanges: &mut Exchanges,
        sink: &mut dyn Sink,
    ) {
        self.state = State::Header;
        let Header { kind, stream, .. } = self.frame;
        match kind {
            kind::DATA if self.frame.has(flag::END_STREAM) => {
                exchanges.end(self.direction, stream, at, sink);
            }
            kind::DATA if self.bridge.is_some() => {
                let at = at.unwrap_or(self.frame_began.at);
                exchanges.message_passed(self.direction, stream, at, sink);
            }
            kind::HEADERS | kind::PUSH_PROMISE | kind::CONTINUATION => {
                self.finish_fragment(at, exchanges, sink);
            }
            kind::RST_STREAM => {
                let code = if self.held_length >= 4 { frame::word(&self.held) } else { None };
                let at = at.unwrap_or(self.frame_began.at);
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
}
