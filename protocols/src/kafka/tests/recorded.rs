//! What real clients said to a broker, as recorded.

use super::*;

pub(super) struct Connection {
    pub(super) name: &'static str,
    pub(super) segments: Vec<(Direction, Vec<u8>)>,
}

pub(super) static RECORDED: LazyLock<Vec<Connection>> = LazyLock::new(|| {
    let mut connections: Vec<Connection> = Vec::new();
    for line in include_str!("recorded.txt").lines() {
        match line.split_once(' ') {
            Some(("=", name)) => connections.push(Connection { name, segments: Vec::new() }),
            Some((side @ (">" | "<"), bytes)) => {
                let direction = if side == ">" { ASK } else { ANSWER };
                let connection = connections.last_mut().expect("a connection has begun");
                connection.segments.push((direction, unhex(bytes)));
            }
            _ => {}
        }
    }
    connections
});

pub(super) fn recorded(name: &str) -> &'static Connection {
    RECORDED.iter().find(|connection| connection.name == name).expect("a recording of this name")
}

fn replay(name: &str) -> Recorder {
    let mut wire = Wire::new();
    for (direction, bytes) in &recorded(name).segments {
        wire.bytes(*direction, bytes);
    }
    let recorder = wire.close(CloseReason::Closed);
    assert_eq!((recorder.unobserved, &recorder.limits[..]), (0, &[][..]), "{name}");
    recorder
}

fn lines(name: &str) -> Vec<String> {
    let recorder = replay(name);
    let seen = recorder.seen.iter();
    seen.map(|seen| {
        if seen.outcome == Outcome::Complete { seen.summary.clone() } else { format!("{} !", seen.summary) }
    })
    .collect()
}

/// What librdkafka says first: it asks for the newest version, the mock knows only the oldest.
const HELLO: [&str; 2] = ["ApiVersions UNSUPPORTED_VERSION", "ApiVersions"];

fn after_hello(name: &str) -> Vec<String> {
    let mut lines = lines(name);
    assert_eq!(lines[..2], HELLO, "{name}");
    lines.split_off(2)
}

#[test]
fn a_producer_is_seen_with_its_topics_partitions_and_batches() {
    let expected = [
        "Metadata orders",
        "InitProducerId",
        "GetTelemetrySubscriptions",
        "Produce orders[1] 3 records",
        "Metadata payments",
        "Produce payments[3] 1 record",
    ];
    assert_eq!(after_hello("librdkafka producer"), expected);
}

#[test]
fn batches_that_nobody_acknowledges_are_complete_even_if_an_answer_comes_after_all() {
    let expected = [
        "Metadata logs",
        "Produce logs[3] 1 record",
        "GetTelemetrySubscriptions",
        "Produce logs[3] 1 record",
    ];
    assert_eq!(after_hello("librdkafka without acknowledgement"), expected);
}

#[test]
fn a_member_of_a_group_is_seen_by_name() {
    let expected = [
        "Metadata",
        "JoinGroup group billing",
        "Metadata orders",
        "SyncGroup group billing",
        "Heartbeat group billing",
        "OffsetFetch orders group billing",
        "OffsetCommit orders[1] group billing",
        "LeaveGroup group billing",
    ];
    assert_eq!(after_hello("librdkafka group"), expected);
}

#[test]
fn fetches_by_topic_id_have_the_name_that_metadata_gave() {
    let lines = after_hello("librdkafka consumer");
    let fetches: Vec<_> = lines.iter().filter(|line| line.starts_with("Fetch")).collect();
    assert_eq!(fetches, ["Fetch orders"; 4]);
    let seen = replay("librdkafka consumer").seen;
    let fetch = seen.iter().find(|seen| seen.summary.starts_with("Fetch")).expect("a fetch");
    assert_eq!(fetch.attribute("plainsight.kafka.api_version"), Some("16"));
    assert_eq!(fetch.name, "poll orders");
}

#[test]
fn a_transaction_is_seen_with_its_id() {
    let seen = replay("librdkafka transaction coordinator").seen;
    let of: Vec<_> = seen
        .iter()
        .filter_map(|seen| Some((&seen.summary[..6], seen.attribute("plainsight.kafka.transactional_id")?)))
        .collect();
    assert_eq!(of, [("InitPr", "tx-7"), ("AddPar", "tx-7"), ("EndTxn", "tx-7")]);
    let seen = replay("librdkafka transactional producer").seen;
    let produce = seen.last().expect("a batch");
    assert_eq!(produce.summary, "Produce orders[3] 1 record");
    assert_eq!(produce.attribute("plainsight.kafka.transactional_id"), Some("tx-7"));
}

#[test]
fn the_trace_of_a_single_message_is_that_of_its_header() {
    let seen = replay("aiokafka producer").seen;
    let traced = seen.iter().filter(|seen| seen.trace_parent.is_some());
    let traced: Vec<_> =
        traced.map(|seen| (seen.name.as_str(), seen.attribute("messaging.kafka.offset"))).collect();
    assert_eq!(traced, [("send clicks", Some("0")), ("send clicks", Some("1")), ("send clicks", Some("2"))]);
}

#[test]
fn another_client_is_seen_as_well() {
    let expected = [
        "ApiVersions",
        "Metadata clicks",
        "FindCoordinator group stats",
        "ListOffsets clicks",
        "Fetch clicks",
        "Fetch clicks",
        "Fetch clicks",
        "Fetch clicks",
        "Fetch clicks connection_closed !",
    ];
    assert_eq!(lines("aiokafka consumer"), expected);
    assert_eq!(lines("aiokafka group").len(), 9);
}
