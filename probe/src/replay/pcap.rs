//! The classic capture format (the IETF draft "PCAP Capture File Format"): one head, then packets.

use std::io::Read;

use plainsight_protocols::Timestamp;

use super::{
    MAX_PACKET, ReplayError,
    format::{ByteOrder, PacketHead},
    input::Input,
    link::LinkType,
};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// The major version that every pcap file has had since 1998.
const VERSION: u16 = 2;

/// What the magic number tells.
#[derive(Clone, Copy)]
pub(super) struct Variant {
    order: ByteOrder,
    /// Nanoseconds that one unit of a timestamp's fraction stands for.
    fraction_nanos: u64,
}

impl Variant {
    pub(super) const fn from_magic(magic: [u8; 4]) -> Option<Self> {
        let (order, fraction_nanos) = match magic {
            [0xa1, 0xb2, 0xc3, 0xd4] => (ByteOrder::Big, 1_000),
            [0xd4, 0xc3, 0xb2, 0xa1] => (ByteOrder::Little, 1_000),
            [0xa1, 0xb2, 0x3c, 0x4d] => (ByteOrder::Big, 1),
            [0x4d, 0x3c, 0xb2, 0xa1] => (ByteOrder::Little, 1),
            _ => return None,
        };
        Some(Self { order, fraction_nanos })
    }
}

/// A pcap file.
pub(super) struct Pcap {
    variant: Variant,
    link_type: LinkType,
}

impl Pcap {
    /// Reads the rest of the head; the magic number is already read.
    pub(super) fn open<R: Read>(input: &mut Input<R>, variant: Variant) -> Result<Self, ReplayError> {
        const HEAD: &str = "the file's head";
        let order = variant.order;
        let major = order.u16(input.array(HEAD)?);
        if major != VERSION {
            return Err(ReplayError::UnsupportedVersion { format: "pcap", major, known: VERSION });
        }
        // The minor version, two fields that are always zero, and the length at which packets were cut, which need
        // not be true: each packet says its own.
        input.skip(2 + 4 + 4 + 4, HEAD)?;
        let link = order.u32(input.array(HEAD)?);
        // The upper half holds the length of the frame check sequence.
        let number = (link & 0xffff) as u16;
        let link_type = LinkType::from_number(number)
            .ok_or_else(|| ReplayError::UnsupportedLinkType { link_type: LinkType::describe(number) })?;
        Ok(Self { variant, link_type })
    }

    pub(super) fn next_packet<R: Read>(
        &self,
        input: &mut Input<R>,
        packet: &mut Vec<u8>,
    ) -> Result<Option<PacketHead>, ReplayError> {
        const PACKET: &str = "a packet";
        if input.peek()?.is_empty() {
            return Ok(None);
        }
        let begins = input.offset();
        let [seconds, fraction, captured, original] = self.variant.order.numbers(input.array(PACKET)?);
        if captured > MAX_PACKET {
            return Err(ReplayError::TooLong {
                what: "packet",
                offset: begins,
                claimed: u64::from(captured),
                limit: u64::from(MAX_PACKET),
                packets: input.packets(),
            });
        }
        input.fill(packet, captured, PACKET)?;
        input.count_packet();
        // At most 2^32 seconds and as many microseconds: far from the end of 64 bits.
        let nanos = u64::from(seconds) * NANOS_PER_SECOND + u64::from(fraction) * self.variant.fraction_nanos;
        Ok(Some(PacketHead {
            at: Timestamp::from_nanos(nanos),
            link_type: Some(self.link_type),
            original_length: original,
        }))
    }
}
