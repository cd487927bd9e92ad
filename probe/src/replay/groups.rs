//! Names asked of a group of hosts: multicast DNS (RFC 6762) and LLMNR (RFC 4795).
//!
//! What is asked of a group is answered by one of its members from its own address, to the asker or to the whole group,
//! so that question and answer are no pair of addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::table::Key;
use crate::capture::Transport;

const MULTICAST_DNS: u16 = 5353;
const LINK_LOCAL: u16 = 5355;

/// The group that is asked at a port, by the address family of who asks.
fn group(port: u16, is_ipv4: bool) -> Option<SocketAddr> {
    let ip: IpAddr = match (port, is_ipv4) {
        (MULTICAST_DNS, true) => Ipv4Addr::new(224, 0, 0, 251).into(),
        (MULTICAST_DNS, false) => Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb).into(),
        (LINK_LOCAL, true) => Ipv4Addr::new(224, 0, 0, 252).into(),
        (LINK_LOCAL, false) => Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 3).into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// The key for what members of multicast DNS say to all, which is one conversation: question and answers alike go from a
/// member to the group. `None` if the packet is not of that kind.
pub(super) fn shared(source: SocketAddr, destination: SocketAddr) -> Option<Key> {
    let group = group(destination.port(), destination.is_ipv4())?;
    (group == destination && source.port() == MULTICAST_DNS && destination.port() == MULTICAST_DNS)
        .then(|| Key::new(Transport::Udp, group, group))
}

/// The key of what `asker` may have asked the group that `member`, by its port, belongs to.
pub(super) fn asked_by(asker: SocketAddr, member: SocketAddr) -> Option<Key> {
    let group = group(member.port(), member.is_ipv4())?;
    shared(asker, group).or_else(|| Some(Key::new(Transport::Udp, asker, group)))
}
