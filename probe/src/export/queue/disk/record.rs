//! How a batch is written: a head of 28 bytes and the payload. All numbers are little-endian.
//!
//! ```text
//! 0  magic "PSB1"    4  state    5  ordered    6  kind    7  zero    8  items (32 bits)    12  length (32 bits)
//! 16 stream (64 bits)    24  CRC-32 of bytes 5 to 23 and the payload
//! ```
//!
//! The state alone changes after it was written: one byte, which no failure can leave half done.

use bytes::Bytes;
use flate2::Crc;

use crate::export::{
    Batch, SignalKind,
    otlp::{Amount, LARGEST_REQUEST, Stream},
};

/// What every file begins with.
pub(super) const FILE_HEAD: &[u8; 8] = b"PSQUEUE1";
pub(super) const HEAD: usize = 28;
const MAGIC: &[u8; 4] = b"PSB1";
/// Where the state is, from the start of a record.
pub(super) const STATE: u64 = 4;
/// The state of a batch that need not be sent any more.
pub(super) const DONE: u8 = 1;

/// The first bytes of a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) is_done: bool,
    stream: Stream,
    kind: SignalKind,
    items: u32,
    length: u32,
    checked: [u8; 19],
    sum: u32,
}

pub(super) fn write(file: &mut Vec<u8>, batch: &Batch, stream: Stream) {
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(MAGIC);
    if let Stream::Ordered(number) = stream {
        head[5] = 1;
        head[16..24].copy_from_slice(&number.to_le_bytes());
    }
    head[6] = batch.kind as u8;
    head[8..12].copy_from_slice(&batch.items.to_le_bytes());
    // Larger batches are refused before they are queued.
    let length = u32::try_from(batch.payload.len()).unwrap_or(u32::MAX);
    head[12..16].copy_from_slice(&length.to_le_bytes());
    let sum = sum(&head[5..24], &batch.payload);
    head[24..].copy_from_slice(&sum.to_le_bytes());
    file.extend_from_slice(&head);
    file.extend_from_slice(&batch.payload);
}

fn sum(head: &[u8], payload: &[u8]) -> u32 {
    let mut sum = Crc::new();
    sum.update(head);
    sum.update(payload);
    sum.sum()
}

/// The space that a batch takes.
pub(super) fn size(batch: &Batch) -> u64 {
    (HEAD + batch.payload.len()) as u64
}

impl Head {
    /// Reads a head, unless it is none.
    pub(super) fn read(bytes: &[u8; HEAD]) -> Option<Self> {
        let number = |from: usize| {
            u32::from_le_bytes([bytes[from], bytes[from + 1], bytes[from + 2], bytes[from + 3]])
        };
        let mut checked = [0; 19];
        checked.copy_from_slice(&bytes[5..24]);
        let stream = u64::from(number(16)) | u64::from(number(20)) << 32;
        let head = Self {
            is_done: bytes[4] == DONE,
            stream: if bytes[5] == 1 { Stream::Ordered(stream) } else { Stream::Unordered },
            kind: *SignalKind::ALL.get(usize::from(bytes[6]))?,
            items: number(8),
            length: number(12),
            checked,
            sum: number(24),
        };
        let is_whole = &bytes[..4] == MAGIC && head.length as usize <= LARGEST_REQUEST;
        is_whole.then_some(head)
    }

    pub(super) fn length(&self) -> usize {
        self.length as usize
    }

    pub(super) fn amount(&self) -> Amount {
        Amount { batches: 1, items: self.items.into(), bytes: self.length.into() }
    }

    /// The batch, if the payload is the one that was written.
    pub(super) fn batch(&self, payload: Bytes) -> Option<(Batch, Stream)> {
        let is_intact = sum(&self.checked, &payload) == self.sum;
        is_intact.then(|| (Batch { kind: self.kind, payload, items: self.items }, self.stream))
    }
}
