//! What bytes that were not seen do to the frames of a direction.

use super::{
    exchanges::Exchanges,
    frame::{flag, kind},
    half::{Half, State},
};
use crate::{Sink, Timestamp};

impl Half {
    /// Framing is lost, and with it whatever stood in so many bytes.
    pub(super) fn lose(&mut self, bytes: u64, at: Timestamp, exchanges: &mut Exchanges, sink: &mut dyn Sink) {
        self.tear_block(exchanges, sink);
        self.state = State::Lost;
        self.held_length = 0;
        self.bridge = None;
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
                self.finish_frame(Some(at).filter(|_| !lost), exchanges, sink);
            }
        }
        if beyond > 0 && (lost || !self.bridge(beyond, at, exchanges, sink)) {
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
