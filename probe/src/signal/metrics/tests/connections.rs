//! What becomes of connections.

use plainsight_protocols::{Protocol, Timestamp};

use super::*;
use crate::{
    capture::{Closed, ConnectionId, DialError, Failed, Role},
    flow::ConnectionFacts,
};

fn facts(pid: u32, role: Role) -> ConnectionFacts {
    ConnectionFacts {
        connection: ConnectionId(1),
        local: Example::default().server,
        remote: Example::default().client,
        role,
        pid,
        protocol: None,
        from_start: true,
        handshake_ns: None,
    }
}

fn closed(reset: bool) -> Closed {
    Closed {
        connection: ConnectionId(1),
        at: Timestamp::from_nanos(1),
        reset,
        received_bytes: None,
        sent_bytes: None,
        round_trip_ns: Some(300_000),
        retransmits: Some(2),
        lost_calls: [0; 2],
    }
}

fn sum(points: &[Received], metric: &str, role: &str) -> f64 {
    let of_role = |point: &&&Received| point.attribute("plainsight.connection.role") == Some(role);
    of(points, metric).iter().filter(of_role).map(|point| point.sum).sum()
}

#[test]
fn a_connection_is_opened_moves_bytes_and_ends() {
    let store = store(MetricSettings::default());
    let mut recorder = store.recorder();
    let dialled = ConnectionFacts { handshake_ns: Some(200_000), ..facts(1, Role::Client) };
    let accepted = ConnectionFacts { protocol: Some(Protocol::Http), ..facts(1, Role::Server) };
    for connection in [&dialled, &dialled, &accepted] {
        recorder.connection_opened(connection);
    }
    recorder.connection_opened(&ConnectionFacts { from_start: false, ..accepted });
    recorder.connection_moved(&accepted, 100, 5000);
    recorder.connection_closed(&dialled, Some(&closed(true)));
    recorder.connection_closed(&accepted, Some(&closed(false)));
    recorder.hand_over();
    let points = received(&store.collect(at(1)));
    assert_eq!(sum(&points, "plainsight.connection.opened", "client"), 2.0);
    assert_eq!(sum(&points, "plainsight.connection.opened", "server"), 1.0, "one was open before");
    assert_eq!(sum(&points, "plainsight.connection.active", "client"), 1.0);
    assert_eq!(sum(&points, "plainsight.connection.active", "server"), 1.0);
    assert_eq!(sum(&points, "plainsight.connection.received", "server"), 100.0);
    assert_eq!(sum(&points, "plainsight.connection.sent", "server"), 5000.0);
    assert_eq!(sum(&points, "plainsight.connection.retransmits", "client"), 2.0);
    let received_bytes = of(&points, "plainsight.connection.received")[0];
    assert_eq!(received_bytes.attribute("plainsight.protocol"), Some("http"));
    let closed = of(&points, "plainsight.connection.closed");
    let reset: Vec<_> =
        closed.iter().filter(|point| point.attribute("error.type") == Some("connection_reset")).collect();
    assert_eq!(
        (closed.len(), reset.len(), reset[0].attribute("plainsight.connection.role")),
        (2, 1, Some("client"))
    );
    assert_eq!(of(&points, "plainsight.connection.round_trip.duration").len(), 2);
    let handshakes = of(&points, "plainsight.connection.handshake.duration");
    assert_eq!((handshakes.len(), handshakes[0].count), (1, 2));
}

#[test]
fn a_dial_that_failed_is_counted_with_whom_it_was_for_and_why() {
    let store = store(MetricSettings::default());
    let mut recorder = store.recorder();
    let remote = Example::default().server;
    for number in [111, 111, 0] {
        recorder.connection_failed(&Failed {
            connection: ConnectionId(1),
            at: Timestamp::from_nanos(1),
            remote,
            pid: 1,
            error: DialError::from_number(number),
        });
    }
    recorder.hand_over();
    let points = received(&store.collect(at(1)));
    let failed = of(&points, "plainsight.connection.failed");
    let mut told: Vec<_> = failed.iter().map(|point| (point.attribute("error.type"), point.sum)).collect();
    told.sort_by(|left, right| left.0.cmp(&right.0));
    assert_eq!(told, [(Some("cancelled"), 1.0), (Some("connection_refused"), 2.0)]);
    let (address, port) = (remote.ip().to_string(), remote.port().to_string());
    for point in failed {
        assert_eq!(point.attribute("server.address"), Some(&*address));
        assert_eq!(point.attribute("server.port"), Some(&*port));
    }
}

#[test]
fn what_is_open_falls_to_nothing_under_the_name_it_was_opened_under() {
    let settings = MetricSettings { temporality: Temporality::Delta, ..MetricSettings::default() };
    let store = store(settings);
    let mut recorders = [store.recorder(), store.recorder()];
    let connection = facts(1, Role::Server);
    recorders[0].connection_opened(&connection);
    recorders[0].connection_opened(&connection);
    recorders.iter_mut().for_each(MetricRecorder::hand_over);
    let active = |points: &[Received]| {
        let active = of(points, "plainsight.connection.active");
        active.first().map(|point| (point.sum, point.is_delta, point.kind))
    };
    let expected = Some((2.0, false, "updowncounter"));
    assert_eq!(active(&received(&store.collect(at(1)))), expected, "it stays cumulative");
    assert_eq!(active(&received(&store.collect(at(2)))), expected);
    recorders[1].connection_closed(&connection, None);
    recorders[0].connection_closed(&connection, None);
    drop(recorders);
    let points = received(&store.collect(at(3)));
    assert_eq!(active(&points), Some((0.0, false, "updowncounter")), "an end is told");
    assert!(of(&points, "plainsight.connection.closed").is_empty(), "no end was seen");
    assert_eq!(active(&received(&store.collect(at(4)))), None);
}
