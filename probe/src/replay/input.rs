//! A byte source that knows where it stands and never holds more than is there.

use std::io::{self, BufRead, BufReader, Read};

use super::ReplayError;

/// Bytes read ahead of the packet: a packet of ordinary size costs no system call of its own.
const READ_AHEAD: usize = 128 * 1024;

/// A source of bytes that knows where the next one stands, so that errors can say it.
pub(super) struct Input<R> {
    reader: BufReader<R>,
    offset: u64,
    packets: u64,
}

impl<R: Read> Input<R> {
    pub(super) fn new(source: R) -> Self {
        Self { reader: BufReader::with_capacity(READ_AHEAD, source), offset: 0, packets: 0 }
    }

    /// Offset of the next byte, which is the length of the source once it has ended.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Whole packets read so far.
    pub(super) const fn packets(&self) -> u64 {
        self.packets
    }

    /// Notes that one more packet has been read whole.
    pub(super) const fn count_packet(&mut self) {
        self.packets += 1;
    }

    /// The bytes at hand, at least one unless the source has ended.
    pub(super) fn peek(&mut self) -> Result<&[u8], ReplayError> {
        while self.reader.buffer().is_empty() {
            match self.reader.fill_buf() {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(ReplayError::Read { offset: self.offset, source }),
            }
        }
        Ok(self.reader.buffer())
    }

    /// The next bytes up to `wanted`, fewer only where the source ends.
    pub(super) fn up_to(&mut self, wanted: usize) -> Result<Vec<u8>, ReplayError> {
        let mut bytes = Vec::new();
        while bytes.len() < wanted && !self.peek()?.is_empty() {
            let [byte] = self.array("the file's first bytes")?;
            bytes.push(byte);
        }
        Ok(bytes)
    }

    /// The next `N` bytes; `inside` says what they are part of.
    pub(super) fn array<const N: usize>(&mut self, inside: &'static str) -> Result<[u8; N], ReplayError> {
        if let Some(bytes) = self.reader.buffer().first_chunk::<N>().copied() {
            self.reader.consume(N);
            self.offset += N as u64;
            return Ok(bytes);
        }
        let mut bytes = [0; N];
        let mut rest = bytes.as_mut_slice();
        self.each(N as u64, inside, |piece| {
            // `each` gives N bytes in all at most, so there is always room.
            let (now, later) = std::mem::take(&mut rest).split_at_mut(piece.len());
            now.copy_from_slice(piece);
            rest = later;
        })?;
        Ok(bytes)
    }

    /// Replaces what `buffer` holds by the next `length` bytes. It grows by what is there, not by what is claimed.
    pub(super) fn fill(
        &mut self,
        buffer: &mut Vec<u8>,
        length: u32,
        inside: &'static str,
    ) -> Result<(), ReplayError> {
        buffer.clear();
        self.each(u64::from(length), inside, |piece| buffer.extend_from_slice(piece))
    }

    /// Passes over `length` bytes.
    pub(super) fn skip(&mut self, length: u64, inside: &'static str) -> Result<(), ReplayError> {
        self.each(length, inside, |_| {})
    }

    fn each(
        &mut self,
        length: u64,
        inside: &'static str,
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), ReplayError> {
        let mut missing = length;
        while missing > 0 {
            let at_hand = self.peek()?;
            if at_hand.is_empty() {
                return Err(ReplayError::Truncated { offset: self.offset, inside, packets: self.packets });
            }
            let wanted = usize::try_from(missing).unwrap_or(usize::MAX).min(at_hand.len());
            take(&at_hand[..wanted]);
            self.reader.consume(wanted);
            self.offset += wanted as u64;
            missing -= wanted as u64;
        }
        Ok(())
    }
}
