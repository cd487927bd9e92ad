//! TCP (RFC 9293) and UDP (RFC 768) heads.

use std::net::SocketAddr;

use super::{link::Skip, network::TransportPacket};

/// A decoded packet.
pub(super) struct Packet<'a> {
    /// Where it came from.
    pub(super) source: SocketAddr,
    /// Where it went.
    pub(super) destination: SocketAddr,
    /// What was captured of its payload.
    pub(super) payload: &'a [u8],
    /// The full length of the payload.
    pub(super) length: u32,
    /// Its TCP head, `None` for UDP.
    pub(super) tcp: Option<TcpHead>,
}

/// The fields of a TCP head that matter here.
#[derive(Debug, Clone, Copy)]
pub(super) struct TcpHead {
    /// Sequence number of the first byte, or of the SYN.
    pub(super) sequence: u32,
    /// The acknowledgment number, if there is one.
    pub(super) acknowledged: Option<u32>,
    pub(super) syn: bool,
    pub(super) fin: bool,
    pub(super) rst: bool,
}

/// Reads the head of a TCP segment or UDP datagram.
pub(super) fn decode<'a>(packet: &TransportPacket<'a>) -> Result<Packet<'a>, Skip> {
    const TCP: u8 = 6;
    const UDP: u8 = 17;
    match packet.protocol {
        TCP => tcp(packet),
        UDP => udp(packet),
        _ => Err(Skip::OtherTransport),
    }
}

fn tcp<'a>(packet: &TransportPacket<'a>) -> Result<Packet<'a>, Skip> {
    const FIN: u8 = 0x01;
    const SYN: u8 = 0x02;
    const RST: u8 = 0x04;
    const ACK: u8 = 0x10;
    let head: &[u8; 20] = packet.bytes.first_chunk().ok_or(Skip::Malformed)?;
    let head_length = u32::from(head[12] >> 4) * 4;
    if head_length < head.len() as u32 {
        return Err(Skip::Malformed);
    }
    let length = packet.length.checked_sub(head_length).ok_or(Skip::Malformed)?;
    let number = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let flags = head[13];
    Ok(Packet {
        source: SocketAddr::new(packet.source, u16::from_be_bytes([head[0], head[1]])),
        destination: SocketAddr::new(packet.destination, u16::from_be_bytes([head[2], head[3]])),
        // Nothing if the capture cut the options: the head's fixed part still places the payload.
        payload: packet.bytes.get(head_length as usize..).unwrap_or_default(),
        length,
        tcp: Some(TcpHead {
            sequence: number(4),
            acknowledged: (flags & ACK != 0).then(|| number(8)),
            syn: flags & SYN != 0,
            fin: flags & FIN != 0,
            rst: flags & RST != 0,
        }),
    })
}

fn udp<'a>(packet: &TransportPacket<'a>) -> Result<Packet<'a>, Skip> {
    const HEAD: u32 = 8;
    let head: &[u8; HEAD as usize] = packet.bytes.first_chunk().ok_or(Skip::Malformed)?;
    // Zero in a datagram longer than the field can say (RFC 2675 section 4).
    let datagram = match u16::from_be_bytes([head[4], head[5]]) {
        0 => packet.length,
        length => u32::from(length).min(packet.length),
    };
    let length = datagram.checked_sub(HEAD).ok_or(Skip::Malformed)?;
    let captured = &packet.bytes[head.len()..];
    Ok(Packet {
        source: SocketAddr::new(packet.source, u16::from_be_bytes([head[0], head[1]])),
        destination: SocketAddr::new(packet.destination, u16::from_be_bytes([head[2], head[3]])),
        payload: &captured[..captured.len().min(length as usize)],
        length,
        tcp: None,
    })
}
