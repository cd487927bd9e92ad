//! One block of a pcapng file: its frame, and content that is never read past its end.

use std::io::Read;

use super::{MAX_PACKET, ReplayError, format::ByteOrder, input::Input};

/// Type, length, and the length again at the end.
const FRAME: u32 = 12;
/// What an error says a cut went through.
pub(super) const BLOCK: &str = "a block";

/// A block whose type and length are read, and how much of its content.
pub(super) struct Block {
    /// Where it begins in the file.
    pub(super) begins: u64,
    length: u32,
    /// Bytes of content not yet read.
    pub(super) left: u32,
}

impl Block {
    /// Reads the length of a block whose type is already read.
    pub(super) fn begin<R: Read>(order: ByteOrder, input: &mut Input<R>) -> Result<Self, ReplayError> {
        let begins = input.offset() - 4;
        let length = order.u32(input.array(BLOCK)?);
        Self::new(input, begins, length)
    }

    /// A block of that length, of which no content is read.
    pub(super) fn new<R: Read>(input: &Input<R>, begins: u64, length: u32) -> Result<Self, ReplayError> {
        if !length.is_multiple_of(4) || length < FRAME {
            return Err(damaged(input, "block", begins, "has a length that no block can have"));
        }
        Ok(Self { begins, length, left: length - FRAME })
    }

    /// Makes sure that the block holds `bytes` more.
    pub(super) fn need<R: Read>(&self, input: &Input<R>, bytes: u32) -> Result<(), ReplayError> {
        if self.left < bytes {
            return Err(damaged(input, "block", self.begins, "is shorter than what it must hold"));
        }
        Ok(())
    }

    /// The next `N` bytes of the block.
    pub(super) fn array<const N: usize, R: Read>(
        &mut self,
        input: &mut Input<R>,
    ) -> Result<[u8; N], ReplayError> {
        self.need(input, N as u32)?;
        self.left -= N as u32;
        input.array(BLOCK)
    }

    /// Passes over `bytes` of the block.
    pub(super) fn skip<R: Read>(&mut self, input: &mut Input<R>, bytes: u32) -> Result<(), ReplayError> {
        self.need(input, bytes)?;
        self.left -= bytes;
        input.skip(u64::from(bytes), BLOCK)
    }

    /// Replaces what `packet` holds by the next `captured` bytes of the block.
    pub(super) fn packet<R: Read>(
        &mut self,
        input: &mut Input<R>,
        packet: &mut Vec<u8>,
        captured: u32,
    ) -> Result<(), ReplayError> {
        if captured > MAX_PACKET {
            return Err(ReplayError::TooLong {
                what: "packet",
                offset: self.begins,
                claimed: u64::from(captured),
                limit: u64::from(MAX_PACKET),
                packets: input.packets(),
            });
        }
        self.need(input, captured)?;
        self.left -= captured;
        input.fill(packet, captured, "a packet")
    }

    /// Passes over what is left and checks that the block ends where it said.
    pub(super) fn end<R: Read>(self, order: ByteOrder, input: &mut Input<R>) -> Result<(), ReplayError> {
        input.skip(u64::from(self.left), BLOCK)?;
        if order.u32(input.array(BLOCK)?) != self.length {
            return Err(damaged(input, "block", self.begins, "does not end where its length says"));
        }
        Ok(())
    }
}

/// The error for something at `offset` that contradicts the format.
pub(super) fn damaged<R: Read>(
    input: &Input<R>,
    what: &'static str,
    offset: u64,
    problem: &'static str,
) -> ReplayError {
    ReplayError::Damaged { what, offset, problem, packets: input.packets() }
}
