//! Metrics of TCP connections.
//!
//! Which connections are open is kept by process, and read when metrics are collected: a process may be known better by
//! then than when it opened one, and what it opened must end under the same name. Bytes are those of the calls seen; on a
//! connection that nobody copies bytes of any longer, what the kernel counted until its end, which is told then.

use plainsight_protocols::MetricAttribute;

use super::{
    key::{self, Stored},
    recorder::MetricRecorder,
    settings::{PROTOCOL, ROLE, TRANSPORT},
    table::{Family, Measure},
};
use crate::{
    capture::{Closed, Failed, Role},
    flow::ConnectionFacts,
};

/// `error.type` of a connection that was reset.
const RESET: &str = "connection_reset";

impl MetricRecorder {
    /// A connection was dialled and did not come to be.
    pub fn connection_failed(&mut self, failed: &Failed) {
        let attributes = [
            (TRANSPORT, Some(Stored::Text("tcp"))),
            (MetricAttribute::ServerAddress as u8, Some(Stored::Address(failed.remote.ip()))),
            (MetricAttribute::ServerPort as u8, Some(Stored::Integer(failed.remote.port().into()))),
            (MetricAttribute::ErrorType as u8, Some(Stored::Text(failed.error.name()))),
        ];
        self.add(failed.pid, Family::FailedDial, &attributes, [Some((Measure::Count, 1))]);
    }

    /// A connection carried its first bytes.
    pub fn connection_opened(&mut self, connection: &ConnectionFacts) {
        *self.deltas.active.entry((connection.pid, role(connection))).or_default() += 1;
        // One that was open before the observation began was not opened now.
        if connection.from_start {
            let handshake = connection.handshake_ns.map(|nanos| (Measure::Handshake, nanos));
            let measures = [Some((Measure::Opened, 1)), handshake];
            self.add(connection.pid, Family::Connection, &attributes(connection), measures);
        }
    }

    /// It moved bytes.
    pub fn connection_moved(&mut self, connection: &ConnectionFacts, received: u64, sent: u64) {
        let measures = [(Measure::Received, received), (Measure::Sent, sent)]
            .map(|measure| Some(measure).filter(|(_, bytes)| *bytes > 0));
        self.add(connection.pid, Family::Connection, &attributes(connection), measures);
    }

    /// It ended, or is no longer followed.
    pub fn connection_closed(&mut self, connection: &ConnectionFacts, closed: Option<&Closed>) {
        *self.deltas.active.entry((connection.pid, role(connection))).or_default() -= 1;
        let Some(closed) = closed else { return };
        let measures = [
            Some((Measure::Closed, 1)),
            closed.round_trip_ns.filter(|&nanos| nanos > 0).map(|nanos| (Measure::RoundTrip, nanos)),
            closed
                .retransmits
                .filter(|&count| count > 0)
                .map(|count| (Measure::Retransmits, u64::from(count))),
        ];
        let mut attributes = attributes(connection);
        attributes[3].1 = closed.reset.then_some(Stored::Text(RESET));
        self.add(connection.pid, Family::Connection, &attributes, measures);
    }
}

/// A connection's attributes; the last is for how it ended.
fn attributes(connection: &ConnectionFacts) -> [(u8, Option<Stored<'static>>); 4] {
    [
        (TRANSPORT, Some(Stored::Text("tcp"))),
        (ROLE, Some(Stored::Text(role_name(role(connection))))),
        (PROTOCOL, connection.protocol.map(|protocol| Stored::Text(protocol.name()))),
        (MetricAttribute::ErrorType as u8, None),
    ]
}

const fn role(connection: &ConnectionFacts) -> u8 {
    match connection.role {
        Role::Client => 0,
        Role::Server => 1,
        Role::Unknown => 2,
    }
}

/// The name of a role by its number.
const fn role_name(role: u8) -> &'static str {
    match role {
        0 => "client",
        1 => "server",
        _ => "unknown",
    }
}

/// The attributes of connections in a role that are open.
pub(super) fn active_key(role: u8) -> Vec<u8> {
    let mut key = Vec::new();
    key::push(&mut key, TRANSPORT, Stored::Text("tcp"));
    key::push(&mut key, ROLE, Stored::Text(role_name(role)));
    key
}
