//! The two ends of a connection as attributes, by the
//! [attributes of the server, the client and the network](https://opentelemetry.io/docs/specs/semconv/registry/attributes/).

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
    net::{IpAddr, SocketAddr},
};

use crate::{Endpoints, MetricAttribute, MetricAttributes, MetricValue, MetricVisit, Side, Value};

/// What is told the name and the value of each attribute.
pub(crate) type Visit<'v, 's> = &'v mut dyn FnMut(&str, Value<'s>);

/// `server.address` and `server.port`, then `network.peer.address` and `network.peer.port` of the end opposite to
/// `side`. The port is left out where it is the system's `default_port`: the conventions of most databases ask for it only
/// where it is another.
pub(crate) fn server_and_peer(
    side: Side,
    endpoints: &Endpoints,
    default_port: Option<u16>,
    visit: Visit<'_, '_>,
) {
    server(endpoints, default_port, visit);
    peer(side, endpoints, visit);
}

/// `server.address`, and `server.port` unless it is the system's `default_port`.
pub(crate) fn server(endpoints: &Endpoints, default_port: Option<u16>, visit: Visit<'_, '_>) {
    visit("server.address", address(endpoints.server.ip()));
    let port = endpoints.server.port();
    if default_port != Some(port) {
        visit("server.port", Value::Integer(i64::from(port)));
    }
}

/// The same as [`server`], as far as it is wanted.
pub(crate) fn metric_server(
    endpoints: &Endpoints,
    default_port: Option<u16>,
    wanted: MetricAttributes,
    visit: MetricVisit<'_>,
) {
    if wanted.contains(MetricAttribute::ServerAddress) {
        visit(MetricAttribute::ServerAddress, MetricValue::Address(endpoints.server.ip().to_canonical()));
    }
    let port = endpoints.server.port();
    if wanted.contains(MetricAttribute::ServerPort) && default_port != Some(port) {
        visit(MetricAttribute::ServerPort, MetricValue::Integer(i64::from(port)));
    }
}

/// `network.peer.address` and `network.peer.port` of the end opposite to `side`.
pub(crate) fn peer(side: Side, endpoints: &Endpoints, visit: Visit<'_, '_>) {
    let peer = match side {
        Side::Server => &endpoints.client,
        Side::Client => &endpoints.server,
    };
    socket_address(["network.peer.address", "network.peer.port"], peer, visit);
}

/// An address and its port as two attributes.
pub(crate) fn socket_address([name, port]: [&str; 2], socket: &SocketAddr, visit: Visit<'_, '_>) {
    visit(name, address(socket.ip()));
    visit(port, Value::Integer(i64::from(socket.port())));
}

/// An address as the value of an attribute, IPv4 as such also where it is mapped into IPv6.
pub(crate) fn address(address: IpAddr) -> Value<'static> {
    Value::Text(Cow::Owned(address_text(address.to_canonical())))
}

/// An address as text, as `Display` has it.
pub(crate) fn address_text(address: IpAddr) -> String {
    AddressText::new(address).as_str().to_owned()
}

/// The longest text of an address, an IPv4 one mapped into IPv6.
const LONGEST: usize = 45;

/// An address with its text, which takes no memory elsewhere: it is written for every exchange.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AddressText {
    pub(crate) address: IpAddr,
    bytes: [u8; LONGEST],
    length: u8,
}

impl AddressText {
    /// As `Display` has it, IPv4 without the detour over a formatter.
    pub(crate) fn new(address: IpAddr) -> Self {
        let mut text = Self { address, bytes: [0; LONGEST], length: 0 };
        if let IpAddr::V4(address) = address {
            for (index, octet) in address.octets().into_iter().enumerate() {
                if index > 0 {
                    text.push(b'.');
                }
                if octet >= 100 {
                    text.push(b'0' + octet / 100);
                }
                if octet >= 10 {
                    text.push(b'0' + octet / 10 % 10);
                }
                text.push(b'0' + octet % 10);
            }
        } else {
            // No address is longer than there is room for.
            let _ = write!(text, "{address}");
        }
        text
    }

    pub(crate) fn as_str(&self) -> &str {
        let text = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(usize::from(self.length)) {
            *slot = byte;
            self.length += 1;
        }
    }
}

impl fmt::Write for AddressText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|byte| self.push(byte));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_as_everywhere() {
        for text in ["0.0.0.0", "10.20.3.255", "127.0.0.1", "255.255.255.255", "::1", "2001:db8::ff:9"] {
            let address: IpAddr = text.parse().expect("an address");
            assert_eq!(AddressText::new(address).as_str(), text);
        }
        let mapped: IpAddr = "::ffff:255.255.255.255".parse().expect("an address");
        assert_eq!(address_text(mapped), "::ffff:255.255.255.255");
        let full: IpAddr = "1111:2222:3333:4444:5555:6666:7777:8888".parse().expect("an address");
        assert_eq!(address_text(full), "1111:2222:3333:4444:5555:6666:7777:8888");
    }
}
