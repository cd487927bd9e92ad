//! IPv4 (RFC 791) and IPv6 (RFC 8200): from a packet to the segment or datagram in it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::link::{NetworkPacket, Skip};

/// The content of an IP packet, or what was captured of it.
pub(super) struct TransportPacket<'a> {
    /// Where it came from.
    pub(super) source: IpAddr,
    /// Where it went.
    pub(super) destination: IpAddr,
    /// The protocol number.
    pub(super) protocol: u8,
    /// What was captured, without padding of the link layer.
    pub(super) bytes: &'a [u8],
    /// The full length.
    pub(super) length: u32,
}

/// Finds what an IP packet carries.
pub(super) fn transport_packet<'a>(packet: &NetworkPacket<'a>) -> Result<TransportPacket<'a>, Skip> {
    match packet.bytes.first().ok_or(Skip::Malformed)? >> 4 {
        4 => ipv4(packet),
        6 => ipv6(packet),
        _ => Err(Skip::Malformed),
    }
}

fn ipv4<'a>(packet: &NetworkPacket<'a>) -> Result<TransportPacket<'a>, Skip> {
    const MORE_FRAGMENTS: u16 = 0x2000;
    const FRAGMENT_OFFSET: u16 = 0x1fff;
    let head: &[u8; 20] = packet.bytes.first_chunk().ok_or(Skip::Malformed)?;
    let head_length = usize::from(head[0] & 0x0f) * 4;
    // Zero where the packet was captured before the network card cut it into segments, or is longer than the field can
    // say ("BIG TCP").
    let total_length = match u16::from_be_bytes([head[2], head[3]]) {
        0 => packet.original_length,
        length => u32::from(length),
    };
    if head_length < head.len() || total_length < head_length as u32 {
        return Err(Skip::Malformed);
    }
    if u16::from_be_bytes([head[6], head[7]]) & (MORE_FRAGMENTS | FRAGMENT_OFFSET) != 0 {
        return Err(Skip::Fragment);
    }
    Ok(TransportPacket {
        source: IpAddr::V4(Ipv4Addr::new(head[12], head[13], head[14], head[15])),
        destination: IpAddr::V4(Ipv4Addr::new(head[16], head[17], head[18], head[19])),
        protocol: head[9],
        bytes: content(packet.bytes, head_length, total_length)?,
        length: total_length - head_length as u32,
    })
}

fn ipv6<'a>(packet: &NetworkPacket<'a>) -> Result<TransportPacket<'a>, Skip> {
    const HEAD: usize = 40;
    let head: &[u8; HEAD] = packet.bytes.first_chunk().ok_or(Skip::Malformed)?;
    // Zero as in IPv4, or where a hop-by-hop option says the length (RFC 2675).
    let total_length = match u16::from_be_bytes([head[4], head[5]]) {
        0 => packet.original_length,
        length => u32::from(length) + HEAD as u32,
    };
    let (protocol, begins) = upper_layer(packet.bytes, head[6], HEAD)?;
    if total_length < begins as u32 {
        return Err(Skip::Malformed);
    }
    Ok(TransportPacket {
        source: IpAddr::V6(ipv6_address(head, 8)),
        destination: IpAddr::V6(ipv6_address(head, 24)),
        protocol,
        bytes: content(packet.bytes, begins, total_length)?,
        length: total_length - begins as u32,
    })
}

/// Passes over extension headers: gives the protocol number behind them and where it begins.
fn upper_layer(bytes: &[u8], first: u8, begins: usize) -> Result<(u8, usize), Skip> {
    const HOP_BY_HOP: u8 = 0;
    const ROUTING: u8 = 43;
    const FRAGMENT: u8 = 44;
    const AUTHENTICATION: u8 = 51;
    const DESTINATION: u8 = 60;
    const MOBILITY: u8 = 135;
    const HOST_IDENTITY: u8 = 139;
    const SHIM: u8 = 140;
    let mut next = first;
    let mut at = begins;
    // Every header is at least eight bytes long, so the packet's length bounds the loop.
    loop {
        let unit = match next {
            HOP_BY_HOP | ROUTING | FRAGMENT | DESTINATION | MOBILITY | HOST_IDENTITY | SHIM => 8,
            AUTHENTICATION => 4,
            _ => return Ok((next, at)),
        };
        let header: &[u8; 8] = bytes.get(at..).and_then(<[u8]>::first_chunk).ok_or(Skip::Malformed)?;
        let length = match next {
            // A "fragment" that is the whole packet is none (RFC 6946).
            FRAGMENT if u16::from_be_bytes([header[2], header[3]]) & 0xfff9 != 0 => {
                return Err(Skip::Fragment);
            }
            FRAGMENT => 8,
            // RFC 4302 section 2.2 counts all but two units, the others all but one.
            AUTHENTICATION => (usize::from(header[1]) + 2) * unit,
            _ => (usize::from(header[1]) + 1) * unit,
        };
        next = header[0];
        at += length.max(8);
    }
}

fn ipv6_address(head: &[u8; 40], at: usize) -> Ipv6Addr {
    let mut octets = [0; 16];
    octets.copy_from_slice(&head[at..at + 16]);
    Ipv6Addr::from(octets)
}

/// What was captured from `begins` to the packet's end by its own account.
fn content(bytes: &[u8], begins: usize, total_length: u32) -> Result<&[u8], Skip> {
    let end = usize::try_from(total_length).unwrap_or(usize::MAX).min(bytes.len());
    bytes.get(begins..end).ok_or(Skip::Malformed)
}
