//! Which of the protocols that share the message format is spoken.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{message::Message, name};

/// Port of multicast DNS (RFC 6762 section 3).
const MULTICAST_PORT: u16 = 5353;
/// Port of link-local multicast name resolution (RFC 4795 section 2).
const LINK_LOCAL_PORT: u16 = 5355;

const MULTICAST_GROUPS: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(224, 0, 0, 251)), IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb))];
const LINK_LOCAL_GROUPS: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(224, 0, 0, 252)), IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 3))];

/// A protocol of the message format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The domain name system.
    Dns,
    /// Multicast DNS: names under `local`, asked of a group. That nobody answers is an answer.
    Multicast,
    /// Link-local multicast name resolution, likewise.
    LinkLocal,
}

impl Kind {
    /// What a question from one address to another is, and whether it was asked of a group, so that the answer comes
    /// from another address than was asked. A socket of a member that is bound to no address does not tell the group's.
    pub(super) fn of(asker: SocketAddr, asked: SocketAddr, message: &Message<'_>) -> (Self, bool) {
        let unknown = asked.ip().is_unspecified();
        if asked.port() == LINK_LOCAL_PORT {
            return (Self::LinkLocal, unknown || LINK_LOCAL_GROUPS.contains(&asked.ip()));
        }
        if asked.port() != MULTICAST_PORT {
            return (Self::Dns, false);
        }
        // Both ends have the port only in multicast DNS (RFC 6762 section 6). A program with a port of its own may ask
        // there, too (section 6.7), but servers of the domain name system also listen on this port.
        let group = MULTICAST_GROUPS.contains(&asked.ip()) || asker.port() == MULTICAST_PORT;
        let local =
            message.question.is_some_and(|question| name::ends_in(message.bytes, question.name_at, b"local"));
        (if group || local { Self::Multicast } else { Self::Dns }, group || local && unknown)
    }

    /// The kind of a message that answers no question, by the end that answers.
    pub(super) const fn of_answer(answering: SocketAddr) -> Self {
        match answering.port() {
            LINK_LOCAL_PORT => Self::LinkLocal,
            MULTICAST_PORT => Self::Multicast,
            _ => Self::Dns,
        }
    }

    /// The name in attributes; the domain name system itself needs none.
    pub(super) const fn name(self) -> Option<&'static str> {
        match self {
            Self::Dns => None,
            Self::Multicast => Some("mdns"),
            Self::LinkLocal => Some("llmnr"),
        }
    }
}
