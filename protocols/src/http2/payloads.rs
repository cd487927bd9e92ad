//! Payloads of which something is read: bodies, whose size is counted, and settings.

use super::{
    exchanges::Exchanges,
    frame::{self, DEFAULT_LONGEST, flag},
    half::Half,
};
use crate::Timestamp;

impl Half {
    pub(super) fn body(&mut self, mut bytes: &[u8], at: Timestamp, exchanges: &mut Exchanges) {
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

    pub(super) fn settings(&mut self, mut bytes: &[u8], other: &mut Self) {
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
}
