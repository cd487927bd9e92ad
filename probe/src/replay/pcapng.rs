//! The "next generation" capture format (the IETF draft "PCAP Next Generation Capture File Format"): sections of
//! blocks, with packets of several interfaces.

use std::io::Read;

use plainsight_protocols::Timestamp;

use super::{
    ReplayError,
    block::{BLOCK, Block, damaged},
    format::{ByteOrder, PacketHead},
    input::Input,
    interface::{Clock, Interface},
};

/// Most interfaces that one section may describe, far above what a host has; each is remembered until the section ends.
pub const MAX_INTERFACES: usize = 65_536;

/// The first four bytes of every section, the same in both byte orders.
pub(super) const SECTION_HEADER: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// The major version of the format.
const VERSION: u16 = 1;

/// A pcapng file.
pub(super) struct PcapNg {
    order: ByteOrder,
    interfaces: Vec<Interface>,
    /// The time of the packet before: simple packets have none of their own.
    latest: Timestamp,
    unsupported_link: Option<u16>,
}

impl PcapNg {
    /// Reads the first section's header; its block type is already read.
    pub(super) fn open<R: Read>(input: &mut Input<R>) -> Result<Self, ReplayError> {
        let mut file = Self {
            order: ByteOrder::Little,
            interfaces: Vec::new(),
            latest: Timestamp::default(),
            unsupported_link: None,
        };
        file.section(input)?;
        Ok(file)
    }

    /// The number of a link type that was met and is not supported.
    pub(super) const fn unsupported_link(&self) -> Option<u16> {
        self.unsupported_link
    }

    pub(super) fn next_packet<R: Read>(
        &mut self,
        input: &mut Input<R>,
        packet: &mut Vec<u8>,
    ) -> Result<Option<PacketHead>, ReplayError> {
        while !input.peek()?.is_empty() {
            let block_type: [u8; 4] = input.array(BLOCK)?;
            if block_type == SECTION_HEADER {
                self.section(input)?;
                continue;
            }
            let mut block = Block::begin(self.order, input)?;
            let head = match self.order.u32(block_type) {
                INTERFACE_DESCRIPTION => {
                    self.interface(&mut block, input)?;
                    None
                }
                ENHANCED_PACKET => Some(self.enhanced_packet(&mut block, input, packet)?),
                OBSOLETE_PACKET => Some(self.obsolete_packet(&mut block, input, packet)?),
                SIMPLE_PACKET => Some(self.simple_packet(&mut block, input, packet)?),
                _ => None,
            };
            block.end(self.order, input)?;
            if let Some(head) = head {
                input.count_packet();
                self.latest = head.at;
                return Ok(Some(head));
            }
        }
        Ok(None)
    }

    /// Section Header Block, from its length on (section 4.1).
    fn section<R: Read>(&mut self, input: &mut Input<R>) -> Result<(), ReplayError> {
        let begins = input.offset() - 4;
        let length: [u8; 4] = input.array(BLOCK)?;
        self.order = match input.array(BLOCK)? {
            [0x1a, 0x2b, 0x3c, 0x4d] => ByteOrder::Big,
            [0x4d, 0x3c, 0x2b, 0x1a] => ByteOrder::Little,
            _ => return Err(damaged(input, "section", begins, "does not say its byte order")),
        };
        let mut block = Block::new(input, begins, self.order.u32(length))?;
        block.need(input, 16)?;
        block.left -= 4;
        let major = self.order.u16(block.array(input)?);
        if major != VERSION {
            return Err(ReplayError::UnsupportedVersion { format: "pcapng", major, known: VERSION });
        }
        self.interfaces.clear();
        // The minor version, the length of the section, which is often unknown and never needed, and options.
        block.end(self.order, input)
    }

    /// Interface Description Block (section 4.2).
    fn interface<R: Read>(&mut self, block: &mut Block, input: &mut Input<R>) -> Result<(), ReplayError> {
        const OPTION_END: u16 = 0;
        const OPTION_RESOLUTION: u16 = 9;
        const OPTION_OFFSET: u16 = 14;
        block.need(input, 8)?;
        if self.interfaces.len() == MAX_INTERFACES {
            return Err(ReplayError::TooLong {
                what: "section of the interface",
                offset: block.begins,
                claimed: MAX_INTERFACES as u64 + 1,
                limit: MAX_INTERFACES as u64,
                packets: input.packets(),
            });
        }
        let link_number = self.order.u16(block.array(input)?);
        block.skip(input, 2)?;
        let snap_length = self.order.u32(block.array(input)?);
        let mut clock = Clock::default();
        while block.left >= 4 {
            let code = self.order.u16(block.array(input)?);
            let length = self.order.u16(block.array(input)?);
            if code == OPTION_END {
                break;
            }
            let padded = u32::from(length).next_multiple_of(4);
            block.need(input, padded)?;
            match (code, length) {
                (OPTION_RESOLUTION, 1) => {
                    let [resolution, ..]: [u8; 4] = block.array(input)?;
                    clock.set_resolution(resolution);
                }
                (OPTION_OFFSET, 8) => clock.set_offset(self.order.i64(block.array(input)?)),
                _ => block.skip(input, padded)?,
            }
        }
        let interface = Interface::new(link_number, snap_length, clock);
        if interface.link_type.is_none() {
            self.unsupported_link = Some(link_number);
        }
        self.interfaces.push(interface);
        Ok(())
    }

    /// Enhanced Packet Block (section 4.3).
    fn enhanced_packet<R: Read>(
        &self,
        block: &mut Block,
        input: &mut Input<R>,
        packet: &mut Vec<u8>,
    ) -> Result<PacketHead, ReplayError> {
        block.need(input, 20)?;
        let number = self.order.u32(block.array(input)?);
        self.stamped_packet(number, block, input, packet)
    }

    /// Packet Block, which old programs wrote (appendix A).
    fn obsolete_packet<R: Read>(
        &self,
        block: &mut Block,
        input: &mut Input<R>,
        packet: &mut Vec<u8>,
    ) -> Result<PacketHead, ReplayError> {
        block.need(input, 20)?;
        let number = self.order.u16(block.array(input)?);
        // How many packets the capture had lost, which some programs never set.
        block.skip(input, 2)?;
        self.stamped_packet(u32::from(number), block, input, packet)
    }

    fn stamped_packet<R: Read>(
        &self,
        interface: u32,
        block: &mut Block,
        input: &mut Input<R>,
        packet: &mut Vec<u8>,
    ) -> Result<PacketHead, ReplayError> {
        let interface = self.by_number(interface, block, input)?;
        let [high, low, captured, original] = self.order.numbers(block.array(input)?);
        block.packet(input, packet, captured)?;
        Ok(PacketHead {
            at: interface.clock.timestamp(u64::from(high) << 32 | u64::from(low)),
            link_type: interface.link_type,
            original_length: original,
        })
    }

    /// Simple Packet Block (section 4.4): of the first interface, and without a time.
    fn simple_packet<R: Read>(
        &self,
        block: &mut Block,
        input: &mut Input<R>,
        packet: &mut Vec<u8>,
    ) -> Result<PacketHead, ReplayError> {
        block.need(input, 4)?;
        let interface = self.by_number(0, block, input)?;
        let original = self.order.u32(block.array(input)?);
        let captured = match interface.snap_length {
            0 => original,
            limit => original.min(limit),
        };
        // Writers that leave the snap length out of the account say by the block's length how much there is.
        block.packet(input, packet, captured.min(block.left))?;
        Ok(PacketHead { at: self.latest, link_type: interface.link_type, original_length: original })
    }

    fn by_number<R: Read>(
        &self,
        number: u32,
        block: &Block,
        input: &Input<R>,
    ) -> Result<&Interface, ReplayError> {
        let found = usize::try_from(number).ok().and_then(|number| self.interfaces.get(number));
        found.ok_or_else(|| {
            damaged(input, "packet", block.begins, "names an interface that was not described")
        })
    }
}
