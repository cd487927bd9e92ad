//! Which end of a connection is likely the server, where no handshake was seen.

use std::net::SocketAddr;

/// Ports above the system range that servers of the protocols seen in clusters listen on by default. Those below 1024
/// need no list.
const SERVICES: &[u16] = &[
    1433, 1521, 2379, 3000, 3306, 4317, 4318, 5000, 5432, 5672, 6379, 6443, 8000, 8080, 8081, 8443, 8888,
    9042, 9090, 9092, 9200, 9443, 11211, 15432, 26257, 27017, 50051,
];

/// The end that is likely the server: the one with the better-known port, else the lower port, else the one that was
/// spoken to. A guess to begin with; the content decides.
pub(super) fn likely_server(source: SocketAddr, destination: SocketAddr) -> SocketAddr {
    let rank = |address: SocketAddr| {
        let port = address.port();
        (!(port < 1024 || SERVICES.contains(&port)), port)
    };
    if rank(source) < rank(destination) { source } else { destination }
}
