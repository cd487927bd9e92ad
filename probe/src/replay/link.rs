//! Link layers: from a captured frame to the IP packet in it.

/// How a packet is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkType {
    /// BSD loopback: the address family in four bytes, of either byte order.
    Loopback,
    /// Ethernet, with any number of VLAN tags.
    Ethernet,
    /// An IP packet and nothing else.
    RawIp,
    /// What Linux gives for the interface `any` and others without a usual head.
    LinuxCooked,
    /// The second version of it.
    LinuxCooked2,
}

/// Why a packet was not looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Skip {
    /// Neither IPv4 nor IPv6.
    NotIp,
    /// Neither TCP nor UDP.
    OtherTransport,
    /// A fragment of an IP packet.
    Fragment,
    /// It ends before its heads do, or they contradict themselves.
    Malformed,
}

/// An IP packet, or what was captured of it.
pub(super) struct NetworkPacket<'a> {
    /// What was captured.
    pub(super) bytes: &'a [u8],
    /// Its length before the capture cut it, padding of the link layer included.
    pub(super) original_length: u32,
}

/// Common link types, by <https://www.tcpdump.org/linktypes.html>.
const NAMES: &[(u16, &str)] = &[
    (6, "Token Ring"),
    (9, "PPP"),
    (105, "IEEE 802.11"),
    (119, "Prism"),
    (127, "radiotap (IEEE 802.11)"),
    (187, "Bluetooth"),
    (189, "USB"),
    (192, "PPI"),
    (195, "IEEE 802.15.4"),
    (220, "USB"),
    (227, "CAN"),
    (239, "nflog"),
    (249, "USBPcap"),
    (253, "netlink"),
];

impl LinkType {
    /// The link type with that number; 12 and 14 are what raw IP is called in the programming interface, and found in
    /// files that were written without translating it.
    pub(super) const fn from_number(number: u16) -> Option<Self> {
        Some(match number {
            0 | 108 => Self::Loopback,
            1 => Self::Ethernet,
            12 | 14 | 101 | 228 | 229 => Self::RawIp,
            113 => Self::LinuxCooked,
            276 => Self::LinuxCooked2,
            _ => return None,
        })
    }

    /// The number with its usual name, for people.
    pub(super) fn describe(number: u16) -> String {
        match NAMES.iter().find(|(known, _)| *known == number) {
            Some((_, name)) => format!("{number} ({name})"),
            None => number.to_string(),
        }
    }
}

/// Finds the IP packet in a frame of which `bytes` were captured and which had `original_length`.
pub(super) fn network_packet(
    link_type: LinkType,
    bytes: &[u8],
    original_length: u32,
) -> Result<NetworkPacket<'_>, Skip> {
    let head = match link_type {
        LinkType::RawIp => 0,
        LinkType::Loopback => loopback_head(bytes)?,
        LinkType::Ethernet => ethertype_head(bytes, 12, 14)?,
        LinkType::LinuxCooked => ethertype_head(bytes, 14, 16)?,
        LinkType::LinuxCooked2 => ethertype_head(bytes, 0, 20)?,
    };
    let captured = bytes.get(head..).ok_or(Skip::Malformed)?;
    // A frame that claims to have been shorter than what was captured of it is as long as that.
    let original_length = original_length.max(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    Ok(NetworkPacket { bytes: captured, original_length: original_length - head as u32 })
}

/// Length of the four bytes that say the address family.
fn loopback_head(bytes: &[u8]) -> Result<usize, Skip> {
    const IPV4: u8 = 2;
    /// Linux, NetBSD and OpenBSD, FreeBSD, macOS.
    const IPV6: [u8; 4] = [10, 24, 28, 30];
    match *bytes {
        [family, 0, 0, 0, ..] | [0, 0, 0, family, ..] if family == IPV4 || IPV6.contains(&family) => Ok(4),
        [_, _, _, _, ..] => Err(Skip::NotIp),
        _ => Err(Skip::Malformed),
    }
}

/// Length of a head whose EtherType is at `type_at` and whose payload, VLAN tags first, begins at `payload_at`.
fn ethertype_head(bytes: &[u8], type_at: usize, payload_at: usize) -> Result<usize, Skip> {
    const IPV4: u16 = 0x0800;
    const IPV6: u16 = 0x86dd;
    /// IEEE 802.1Q, IEEE 802.1ad ("QinQ"), and two numbers that were used for the latter before.
    const VLAN: [u16; 4] = [0x8100, 0x88a8, 0x9100, 0x9200];
    let ethertype_at = |at: usize| {
        let bytes = bytes.get(at..at + 2).ok_or(Skip::Malformed)?;
        Ok(u16::from_be_bytes([bytes[0], bytes[1]]))
    };
    let mut ethertype = ethertype_at(type_at)?;
    let mut payload_at = payload_at;
    while VLAN.contains(&ethertype) {
        ethertype = ethertype_at(payload_at + 2)?;
        payload_at += 4;
    }
    if ethertype == IPV4 || ethertype == IPV6 { Ok(payload_at) } else { Err(Skip::NotIp) }
}
