//! Header blocks: put together from the frames that they are cut into, and decoded.

use super::{
    exchanges::Exchanges,
    frame::{self, Header, flag, kind},
    half::Half,
    heads::Block,
};
use crate::{Limit, Sink, Timestamp};

/// Bytes of a header block that are held while it is not whole. Servers refuse far shorter ones (nginx 32 KiB, the h2
/// crate 16 KiB, gRPC 8 KiB).
pub(super) const BLOCK_LIMIT: usize = 64 * 1024;

/// Capacity above which a buffer is given back instead of kept for the next block.
const KEPT_CAPACITY: usize = 8 * 1024;

impl Half {
    /// Some of the payload of a frame that carries a block. One that lies in one frame, and that in one piece, is decoded
    /// where it is; the others are put together first.
    pub(super) fn block_payload(
        &mut self,
        payload: &[u8],
        at: Timestamp,
        exchanges: &mut Exchanges,
        sink: &mut dyn Sink,
    ) {
        let whole = payload.len() == self.frame.length as usize;
        let alone = whole && self.frame.has(flag::END_HEADERS) && self.fragments.is_empty();
        let Some(mut block) = self.block.take_if(|block| alone && !block.torn) else {
            self.hold_fragment(payload, sink);
            return;
        };
        block.ended = Some(at);
        let fragment = frame::fragment(&self.frame, payload).and_then(|range| payload.get(range));
        if block.promises.is_some() {
            block.promises = promised(&self.frame, payload);
        }
        self.decode(&block, fragment, exchanges, sink);
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

    /// A frame of a header block has passed that was not read in one piece.
    pub(super) fn finish_fragment(
        &mut self,
        at: Option<Timestamp>,
        exchanges: &mut Exchanges,
        sink: &mut dyn Sink,
    ) {
        let Some(block) = &mut self.block else { return };
        let start = self.fragment_start.min(self.fragments.len());
        let payload = &self.fragments[start..];
        if block.promises == Some(0) && self.frame.kind == kind::PUSH_PROMISE {
            block.promises = promised(&self.frame, payload);
        }
        let whole = payload.len() == self.frame.length as usize;
        let padded = self.frame.kind != kind::CONTINUATION && self.frame.has(flag::PADDED);
        let fragment = if whole || !padded {
            frame::fragment(&self.frame, payload)
        } else {
            // The end of the payload is missing, and some or all of the padding with it.
            let padless = Header { flags: self.frame.flags & !flag::PADDED, ..self.frame };
            payload.get(1..).and_then(|payload| {
                frame::fragment(&padless, payload).map(|range| range.start + 1..range.end + 1)
            })
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
    pub(super) fn tear_block(&mut self, exchanges: &mut Exchanges, sink: &mut dyn Sink) {
        if let Some(mut block) = self.block.take() {
            block.torn = true;
            block.ends_stream = false;
            self.decode_held(&block, exchanges, sink);
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
