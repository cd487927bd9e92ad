//! The two ends of a connection as attributes, by the
//! [attributes of the server, the client and the network](https://opentelemetry.io/docs/specs/semconv/registry/attributes/).

use std::{
    borrow::Cow,
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

/// As `Display` has it, IPv4 without the detour over a formatter: this is written for every exchange.
pub(crate) fn address_text(address: IpAddr) -> String {
    let IpAddr::V4(address) = address else { return address.to_string() };
    let mut text = String::with_capacity(15);
    for (index, octet) in address.octets().into_iter().enumerate() {
        if index > 0 {
            text.push('.');
        }
        if octet >= 100 {
            text.push(char::from(b'0' + octet / 100));
        }
        if octet >= 10 {
            text.push(char::from(b'0' + octet / 10 % 10));
        }
        text.push(char::from(b'0' + octet % 10));
    }
    text
}
