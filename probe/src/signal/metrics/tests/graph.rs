//! Who asks whom.

use std::net::{Ipv4Addr, SocketAddr};

use plainsight_protocols::{Protocol, Side};

use super::*;

const REQUESTS: &str = "traces_service_graph_request_total";
const FAILED: &str = "traces_service_graph_request_failed_total";
const SERVER_SECONDS: &str = "traces_service_graph_request_server_seconds";
const CLIENT_SECONDS: &str = "traces_service_graph_request_client_seconds";

fn end(last: u8, port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(10, 0, 0, last), port))
}

/// A request from port 40,000 and some of one host to a server at another, seen from one side.
fn seen(side: Side, pid: u32, number: u16) -> Example {
    Example {
        side,
        pid,
        client: end(1, 40_000 + number),
        server: end(2, 8080),
        ..served(pid, "/", 200, 1_000_000)
    }
}

fn observe(recorder: &mut MetricRecorder, connection: u64, example: &Example) {
    example.observe(|observed| {
        let observed =
            crate::flow::Observed { connection: crate::capture::ConnectionId(connection), ..*observed };
        recorder.record(&observed, None);
    });
}

/// Client, server, type and number of what was counted.
fn edges<'a>(points: &'a [Received], metric: &str) -> Vec<(&'a str, &'a str, &'a str, u64)> {
    let edge = |point: &'a Received| {
        let text = |name| point.attribute(name).unwrap_or_default();
        (
            text("client"),
            text("server"),
            text("connection_type"),
            point.count + point.sum as u64 * u64::from(point.count == 0),
        )
    };
    let mut edges: Vec<_> = of(points, metric).into_iter().map(edge).collect();
    edges.sort_unstable();
    edges
}

#[test]
fn an_edge_whose_two_ends_are_on_this_node_is_counted_once_by_the_server() {
    let store = store(MetricSettings::default());
    let mut recorders = [store.recorder(), store.recorder()];
    for number in 0..3 {
        observe(&mut recorders[0], 1 + u64::from(number), &seen(Side::Client, 7, number));
        observe(&mut recorders[1], 11 + u64::from(number), &seen(Side::Server, 9, number));
    }
    // The client's part comes a hand-over earlier than the server's.
    recorders[0].hand_over();
    store.absorb(at(1));
    recorders[1].hand_over();
    store.absorb(at(2));
    let points = received(&store.collect(at(4)));
    assert_eq!(edges(&points, REQUESTS), [("service-7", "service-9", "", 3)]);
    assert_eq!(edges(&points, SERVER_SECONDS), [("service-7", "service-9", "", 3)]);
    assert_eq!(edges(&points, CLIENT_SECONDS), [("service-7", "service-9", "", 3)]);
    assert!(edges(&points, FAILED).is_empty());
    let point = of(&points, REQUESTS)[0];
    assert_eq!(point.service, "plainsight", "the graph is the probe's");
    assert_eq!(point.attribute("client_service_namespace"), Some("shop"));

    // The same connections go on.
    for number in 0..3 {
        observe(&mut recorders[0], 1 + u64::from(number), &seen(Side::Client, 7, number));
        observe(&mut recorders[1], 11 + u64::from(number), &seen(Side::Server, 9, number));
    }
    drop(recorders);
    let points = received(&store.finish(at(5)));
    assert_eq!(edges(&points, REQUESTS), [("service-7", "service-9", "", 6)]);
}

#[test]
fn an_end_that_is_not_here_is_named_by_who_knows_its_address_and_else_by_no_address() {
    let named = |address: IpAddr| {
        (address == IpAddr::from([10, 0, 0, 2])).then(|| Peer {
            name: "checkout".into(),
            namespace: None,
            is_observed: false,
        })
    };
    let store = store_with(MetricSettings::default(), |pid| Some(resource(&format!("service-{pid}"))), named);
    let mut recorder = store.recorder();
    observe(&mut recorder, 1, &seen(Side::Client, 7, 1));
    observe(&mut recorder, 2, &seen(Side::Server, 9, 2));
    let elsewhere = Example { server: SocketAddr::from(([203, 0, 113, 5], 443)), ..seen(Side::Client, 7, 3) };
    observe(&mut recorder, 3, &elsewhere);
    let database = Example { server: end(5, 6379), protocol: Protocol::Redis, ..seen(Side::Client, 7, 4) };
    observe(&mut recorder, 4, &database);
    let broker = Example { server: end(6, 9092), protocol: Protocol::Kafka, ..seen(Side::Client, 7, 5) };
    observe(&mut recorder, 5, &broker);
    let question = Example { server: end(6, 53), protocol: Protocol::Dns, ..seen(Side::Client, 7, 6) };
    observe(&mut recorder, 6, &question);
    recorder.hand_over();
    let points = received(&store.finish(at(5)));
    assert_eq!(
        edges(&points, REQUESTS),
        [
            ("service-7", "checkout", "", 1),
            ("service-7", "internet", "virtual_node", 1),
            ("service-7", "kafka", "messaging_system", 1),
            ("service-7", "redis", "database", 1),
            ("user", "service-9", "virtual_node", 1),
        ]
    );
}

#[test]
fn an_edge_to_a_node_with_a_probe_of_its_own_is_left_to_that_one() {
    let peer = |_| Some(Peer { name: "checkout".into(), namespace: None, is_observed: true });
    let store = store_with(MetricSettings::default(), |pid| Some(resource(&format!("service-{pid}"))), peer);
    let mut recorder = store.recorder();
    observe(&mut recorder, 1, &seen(Side::Client, 7, 1));
    observe(&mut recorder, 2, &seen(Side::Server, 9, 2));
    recorder.hand_over();
    let points = received(&store.finish(at(5)));
    assert_eq!(edges(&points, REQUESTS), [("checkout", "service-9", "", 1)]);
    assert_eq!(edges(&points, CLIENT_SECONDS), [("service-7", "checkout", "", 1)]);
}

#[test]
fn failed_requests_are_counted_beside() {
    let store = store(MetricSettings::default());
    let mut recorder = store.recorder();
    for status in [200, 503, 500] {
        observe(
            &mut recorder,
            2,
            &Example { client: end(1, 40_000), server: end(2, 80), ..served(9, "/", status, 1000) },
        );
    }
    recorder.hand_over();
    let points = received(&store.finish(at(5)));
    assert_eq!(edges(&points, REQUESTS), [("user", "service-9", "virtual_node", 3)]);
    assert_eq!(edges(&points, FAILED), [("user", "service-9", "virtual_node", 2)]);
}

#[test]
fn more_connections_than_are_remembered_are_counted_all_the_same() {
    let store = store(MetricSettings::default());
    let mut recorder = store.recorder();
    for number in 0..150_000_u32 {
        let client =
            SocketAddr::from((Ipv4Addr::from(0x0a01_0000 + number / 50_000), (number % 50_000) as u16));
        observe(&mut recorder, u64::from(number), &Example { client, ..seen(Side::Server, 9, 0) });
    }
    recorder.hand_over();
    let points = received(&store.finish(at(1)));
    assert_eq!(edges(&points, REQUESTS), [("user", "service-9", "virtual_node", 150_000)]);
    assert!(store.status().hurried_edges > 0, "they could not all wait");
}

#[test]
fn the_graph_can_be_switched_off() {
    let store = store(MetricSettings { service_graph: false, ..MetricSettings::default() });
    let mut recorder = store.recorder();
    observe(&mut recorder, 1, &seen(Side::Server, 9, 1));
    assert!(recorder.deltas.edges.is_empty());
    recorder.hand_over();
    let points = received(&store.finish(at(5)));
    assert!(points.iter().all(|point| !point.metric.starts_with("traces_")), "{points:?}");
}
