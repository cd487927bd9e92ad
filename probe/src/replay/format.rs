//! Which kind of capture file it is, and what both kinds have in common.

use std::io::Read;

use plainsight_protocols::Timestamp;

use super::{
    ReplayError, Summary,
    input::Input,
    link::LinkType,
    pcap::{self, Pcap},
    pcapng::{self, PcapNg},
};

/// Most bytes that one packet may have: twice what "BIG TCP" hands over in one piece (512 KiB), the largest that a
/// network interface of Linux delivers.
pub const MAX_PACKET: u32 = 1024 * 1024;

/// A capture file past its first bytes.
pub(super) enum Format {
    /// The classic format.
    Pcap(Pcap),
    /// The "next generation".
    PcapNg(PcapNg),
}

/// What the file says about a packet beside its bytes.
pub(super) struct PacketHead {
    /// When it passed.
    pub(super) at: Timestamp,
    /// How it is framed, `None` if that is not known here.
    pub(super) link_type: Option<LinkType>,
    /// Its length before the capture cut it.
    pub(super) original_length: u32,
}

impl Format {
    /// Reads the file's head.
    pub(super) fn recognise<R: Read>(input: &mut Input<R>) -> Result<Self, ReplayError> {
        let first = input.up_to(4)?;
        let Ok(magic) = <[u8; 4]>::try_from(first.as_slice()) else {
            return Err(ReplayError::NotACapture { looks_like: looks_like(&first) });
        };
        if magic == pcapng::SECTION_HEADER {
            return PcapNg::open(input).map(Self::PcapNg);
        }
        match pcap::Variant::from_magic(magic) {
            Some(variant) => Pcap::open(input, variant).map(Self::Pcap),
            None => Err(ReplayError::NotACapture { looks_like: looks_like(&magic) }),
        }
    }

    /// Reads the next packet's bytes into `packet`; `None` at the end of the file.
    pub(super) fn next_packet<R: Read>(
        &mut self,
        input: &mut Input<R>,
        packet: &mut Vec<u8>,
    ) -> Result<Option<PacketHead>, ReplayError> {
        match self {
            Self::Pcap(pcap) => pcap.next_packet(input, packet),
            Self::PcapNg(pcapng) => pcapng.next_packet(input, packet),
        }
    }

    /// The link type that kept every packet of the file from being read, if there is one.
    pub(super) fn only_unsupported_link(&self, summary: &Summary) -> Option<u16> {
        let Self::PcapNg(pcapng) = self else { return None };
        pcapng.unsupported_link().filter(|_| summary.packets == summary.skipped.unsupported_link)
    }
}

/// The byte order that a file was written in.
#[derive(Clone, Copy)]
pub(super) enum ByteOrder {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl ByteOrder {
    pub(super) const fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    pub(super) const fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }

    /// Four numbers that stand side by side.
    pub(super) fn numbers(self, bytes: [u8; 16]) -> [u32; 4] {
        let number = |at: usize| self.u32([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        [number(0), number(4), number(8), number(12)]
    }

    pub(super) const fn i64(self, bytes: [u8; 8]) -> i64 {
        match self {
            Self::Little => i64::from_le_bytes(bytes),
            Self::Big => i64::from_be_bytes(bytes),
        }
    }
}

/// Says in words what a file begins with that is no capture, and what to do about it.
fn looks_like(first: &[u8]) -> String {
    let compressed = |kind: &str, command: &str| {
        format!(
            "it looks like {kind} data; decompress it first ({command}) or pipe it in with FILE given as -"
        )
    };
    match *first {
        [] => "it is empty".to_owned(),
        [0x1f, 0x8b, ..] => compressed("gzip", "gunzip"),
        [0x28, 0xb5, 0x2f, 0xfd] => compressed("zstd", "unzstd"),
        [0xfd, b'7', b'z', b'X'] => compressed("xz", "unxz"),
        [b'B', b'Z', b'h', _] => compressed("bzip2", "bunzip2"),
        [0x04, 0x22, 0x4d, 0x18] => compressed("lz4", "unlz4"),
        [b'P', b'K', ..] => compressed("zip", "unzip"),
        [0xa1, 0xb2, 0xcd, 0x34] | [0x34, 0xcd, 0xb2, 0xa1] => {
            "it is of the pcap variant with longer packet heads; convert it with `editcap -F pcapng`"
                .to_owned()
        }
        [b's', b'n', b'o', b'o'] => {
            "it looks like a snoop capture; convert it with `editcap -F pcapng`".to_owned()
        }
        _ if first.iter().all(|&byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) => {
            format!("it looks like text ({:?})", String::from_utf8_lossy(first))
        }
        _ => {
            let hexadecimal: Vec<String> = first.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("it begins with the bytes {}", hexadecimal.join(" "))
        }
    }
}
