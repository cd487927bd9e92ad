//! Packets and capture files built by hand, as the specifications draw them.

use std::net::{IpAddr, SocketAddr};

pub(super) const CLIENT: &str = "10.0.0.1:40000";
pub(super) const SERVER: &str = "10.0.0.2:80";

pub(super) const ETHERNET: u32 = 1;
pub(super) const RAW: u32 = 101;

pub(super) const FIN: u8 = 1;
pub(super) const SYN: u8 = 2;
pub(super) const RST: u8 = 4;
pub(super) const ACK: u8 = 16;

/// A TCP segment; addresses are of IPv4 or IPv6.
#[derive(Debug, Clone)]
pub(super) struct Tcp {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    pub(super) sequence: u32,
    pub(super) acknowledged: u32,
    pub(super) flags: u8,
    pub(super) options: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

impl Tcp {
    pub(super) fn new(source: &str, destination: &str, flags: u8, sequence: u32, acknowledged: u32) -> Self {
        Self {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            sequence,
            acknowledged,
            flags,
            options: Vec::new(),
            payload: Vec::new(),
        }
    }

    pub(super) fn payload(mut self, payload: &[u8]) -> Self {
        self.payload = payload.to_vec();
        self
    }

    pub(super) fn segment(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(self.source.port().to_be_bytes());
        bytes.extend(self.destination.port().to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.acknowledged.to_be_bytes());
        bytes.push((((20 + self.options.len()) / 4) << 4) as u8);
        bytes.push(self.flags);
        bytes.extend([0xff, 0xff, 0, 0, 0, 0]);
        bytes.extend(&self.options);
        bytes.extend(&self.payload);
        bytes
    }

    pub(super) fn ip(&self) -> Vec<u8> {
        ip(self.source.ip(), self.destination.ip(), 6, &self.segment())
    }
}

/// From the client, with the ACK flag.
pub(super) fn request(sequence: u32, acknowledged: u32, payload: &[u8]) -> Tcp {
    Tcp::new(CLIENT, SERVER, ACK, sequence, acknowledged).payload(payload)
}

/// From the server, with the ACK flag.
pub(super) fn response(sequence: u32, acknowledged: u32, payload: &[u8]) -> Tcp {
    Tcp::new(SERVER, CLIENT, ACK, sequence, acknowledged).payload(payload)
}

/// The three packets of a handshake: the client's bytes begin at 1001, the server's at 5001.
pub(super) fn handshake() -> Vec<Tcp> {
    vec![
        Tcp::new(CLIENT, SERVER, SYN, 1000, 0),
        Tcp::new(SERVER, CLIENT, SYN | ACK, 5000, 1001),
        request(1001, 5001, b""),
    ]
}

/// What [`handshake`] gives.
pub(super) const HANDSHAKE: [&str; 3] =
    ["1 opened 10.0.0.2:80 from 10.0.0.1:40000, server from start", "1< 1001+0 \"\"", "1> 5001+0 \"\""];

pub(super) fn udp(source: &str, destination: &str, payload: &[u8]) -> Vec<u8> {
    let (source, destination): (SocketAddr, SocketAddr) =
        (source.parse().unwrap(), destination.parse().unwrap());
    let mut bytes = Vec::new();
    bytes.extend(source.port().to_be_bytes());
    bytes.extend(destination.port().to_be_bytes());
    bytes.extend((payload.len() as u16 + 8).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend(payload);
    ip(source.ip(), destination.ip(), 17, &bytes)
}

pub(super) fn ip(source: IpAddr, destination: IpAddr, protocol: u8, content: &[u8]) -> Vec<u8> {
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let mut bytes = vec![0x45, 0];
            bytes.extend((content.len() as u16 + 20).to_be_bytes());
            bytes.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
            bytes.extend(source.octets());
            bytes.extend(destination.octets());
            bytes.extend(content);
            bytes
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let mut bytes = vec![0x60, 0, 0, 0];
            bytes.extend((content.len() as u16).to_be_bytes());
            bytes.extend([protocol, 64]);
            bytes.extend(source.octets());
            bytes.extend(destination.octets());
            bytes.extend(content);
            bytes
        }
        _ => panic!("addresses of two families"),
    }
}

/// An Ethernet frame with that EtherType.
pub(super) fn ethernet(ethertype: u16, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    bytes.extend(ethertype.to_be_bytes());
    bytes.extend(content);
    bytes
}

/// A packet for a capture file.
#[derive(Debug, Clone)]
pub(super) struct Captured {
    pub(super) seconds: u32,
    pub(super) fraction: u32,
    pub(super) original: u32,
    pub(super) bytes: Vec<u8>,
}

/// A packet captured whole.
pub(super) fn captured(seconds: u32, bytes: Vec<u8>) -> Captured {
    Captured { seconds, fraction: 0, original: bytes.len() as u32, bytes }
}

/// A pcap file in little-endian order with microseconds.
pub(super) fn pcap(link_type: u32, packets: &[Captured]) -> Vec<u8> {
    pcap_variant([0xd4, 0xc3, 0xb2, 0xa1], u32::to_le_bytes, link_type, packets)
}

pub(super) fn pcap_variant(
    magic: [u8; 4],
    order: fn(u32) -> [u8; 4],
    link_type: u32,
    packets: &[Captured],
) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    let version = if order(1)[0] == 1 { [2, 0, 4, 0] } else { [0, 2, 0, 4] };
    bytes.extend(version);
    bytes.extend([0; 8]);
    bytes.extend(order(262_144));
    bytes.extend(order(link_type));
    for packet in packets {
        for number in [packet.seconds, packet.fraction, packet.bytes.len() as u32, packet.original] {
            bytes.extend(order(number));
        }
        bytes.extend(&packet.bytes);
    }
    bytes
}

/// A file of raw IP packets, one a second, that carries these segments.
pub(super) fn capture_of(segments: &[Tcp]) -> Vec<u8> {
    let packets: Vec<_> =
        (0..).zip(segments).map(|(second, segment)| captured(second, segment.ip())).collect();
    pcap(RAW, &packets)
}

/// A pcapng block in little-endian order.
pub(super) fn block(block_type: u32, content: &[u8]) -> Vec<u8> {
    let padded = content.len().next_multiple_of(4);
    let length = (padded as u32 + 12).to_le_bytes();
    let mut bytes = block_type.to_le_bytes().to_vec();
    bytes.extend(length);
    bytes.extend(content);
    bytes.resize(8 + padded, 0);
    bytes.extend(length);
    bytes
}

pub(super) fn section() -> Vec<u8> {
    let mut content = vec![0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0];
    content.extend([0xff; 8]);
    block(0x0a0d_0d0a, &content)
}

/// An Interface Description Block; `options` are code and value.
pub(super) fn interface(link_type: u16, snap_length: u32, options: &[(u16, &[u8])]) -> Vec<u8> {
    let mut content = link_type.to_le_bytes().to_vec();
    content.extend([0, 0]);
    content.extend(snap_length.to_le_bytes());
    for (code, value) in options {
        content.extend(code.to_le_bytes());
        content.extend((value.len() as u16).to_le_bytes());
        content.extend(*value);
        content.resize(content.len().next_multiple_of(4), 0);
    }
    if !options.is_empty() {
        content.extend([0; 4]);
    }
    block(1, &content)
}

/// An Enhanced Packet Block with a comment, as an option to be passed over.
pub(super) fn enhanced(interface: u32, units: u64, original: u32, bytes: &[u8]) -> Vec<u8> {
    let mut content = interface.to_le_bytes().to_vec();
    content.extend(((units >> 32) as u32).to_le_bytes());
    content.extend((units as u32).to_le_bytes());
    content.extend((bytes.len() as u32).to_le_bytes());
    content.extend(original.to_le_bytes());
    content.extend(bytes);
    content.resize(content.len().next_multiple_of(4), 0);
    content.extend([1, 0, 2, 0, b'h', b'i', 0, 0, 0, 0, 0, 0]);
    block(6, &content)
}
