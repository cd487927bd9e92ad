//! What an exchange says in OpenTelemetry's terms.

use super::*;

fn one(request: &[u8], response: &[u8]) -> Seen {
    let mut wire = Wire::new();
    wire.bytes(ASK, request).bytes(ANSWER, response);
    assert_eq!(wire.recorder.seen.len(), 1, "{:#?}", wire.recorder);
    wire.recorder.seen.remove(0)
}

#[test]
fn a_batch_that_was_sent_has_all_that_the_conventions_ask_for() {
    let seen = one(&produce(1, -1, "orders", &batch(3, &[9; 60])), &produced(1, "orders", 0, 41));
    assert_eq!((seen.name.as_str(), seen.summary.as_str()), ("send orders", "Produce orders[3] 3 records"));
    let expected = [
        ("messaging.system", "kafka"),
        ("messaging.operation.name", "send"),
        ("messaging.operation.type", "send"),
        ("messaging.destination.name", "orders"),
        ("messaging.destination.partition.id", "3"),
        ("messaging.batch.message_count", "3"),
        ("messaging.client.id", "tester"),
        ("plainsight.kafka.api", "Produce"),
        ("plainsight.kafka.api_version", "7"),
        ("plainsight.kafka.acks", "all"),
        ("server.address", "10.0.0.9"),
        ("server.port", "8080"),
    ];
    for (side, attributes) in [("10.0.0.7", &seen.server), ("10.0.0.9", &seen.client)] {
        let mut attributes = attributes.clone();
        for (name, value) in expected {
            assert_eq!(attributes.remove(name).as_deref(), Some(value), "{name}");
        }
        assert_eq!(attributes.remove("network.peer.address").as_deref(), Some(side));
        assert!(attributes.remove("network.peer.port").is_some());
        assert!(attributes.is_empty(), "{attributes:?}");
    }
    assert_eq!(seen.errors, [None, None]);
}

#[test]
fn a_single_message_has_its_offset_and_no_count() {
    let seen = one(&produce(1, 1, "orders", &batch(1, &[9; 20])), &produced(1, "orders", 0, 41));
    assert_eq!(seen.attribute("messaging.kafka.offset"), Some("41"));
    assert_eq!(seen.attribute("messaging.batch.message_count"), None);
    assert_eq!(seen.summary, "Produce orders[3] 1 record");
}

#[test]
fn an_error_of_a_partition_is_the_error_of_the_exchange_on_both_sides() {
    let seen = one(&produce(1, 1, "orders", &batch(1, &[9; 20])), &produced(1, "orders", 19, -1));
    assert_eq!(seen.errors, [Some("NOT_ENOUGH_REPLICAS".to_owned()), Some("NOT_ENOUGH_REPLICAS".to_owned())]);
    assert_eq!(seen.attribute("plainsight.kafka.error_code"), Some("19"));
    assert_eq!(seen.attribute("messaging.kafka.offset"), None);
    assert_eq!(seen.summary, "Produce orders[3] 1 record NOT_ENOUGH_REPLICAS");
}

#[test]
fn an_error_newer_than_the_table_is_an_error_without_a_name() {
    let seen = one(&heartbeat(1, "g"), &beat(1, 4711));
    assert_eq!((seen.error(), seen.attribute("plainsight.kafka.error_code")), (Some("_OTHER"), Some("4711")));
    assert_eq!(one(&heartbeat(1, "g"), &beat(1, -1)).error(), Some("UNKNOWN_SERVER_ERROR"));
}

#[test]
fn without_acknowledgement_the_exchange_is_over_with_its_request() {
    let mut wire = Wire::new();
    let request = produce(1, 0, "logs", &batch(2, &[9; 40]));
    let (first, rest) = request.split_at(30);
    wire.bytes(ASK, first).bytes(ASK, rest);
    let seen = &wire.recorder.seen[0];
    assert_eq!((seen.outcome, seen.response_bytes), (Outcome::Complete, 0));
    assert_eq!(seen.ended, Some(seen.started + MICROSECOND));
    assert_eq!(seen.attribute("plainsight.kafka.acks"), Some("0"));
    assert_eq!(seen.error(), None);
    // The next answer belongs to the next request.
    wire.bytes(ASK, &heartbeat(2, "g")).bytes(ANSWER, &beat(2, 0));
    let recorder = wire.close(CloseReason::Closed);
    assert_eq!(recorder.seen.len(), 2);
    assert_eq!(recorder.seen[0].offsets, [Some(0), None]);
    assert_eq!(recorder.seen[1].offsets, [Some(request.len() as u64), Some(0)]);
    assert_eq!(recorder.seen[1].outcome, Outcome::Complete);
}

#[test]
fn several_topics_are_counted_and_the_first_ones_named() {
    let names = ["a-topic", "b-topic", "c-topic", "d-topic", "e-topic", "f-topic"];
    let mut body = vec![0, 0, 0, 6];
    body.extend(names.iter().flat_map(|name| text(name)));
    let seen = one(&ask(3, 0, 1, &body), &answer(1, &[0; 8]));
    assert_eq!(seen.name, "Metadata");
    assert_eq!(seen.summary, "Metadata a-topic, b-topic, c-topic, d-topic +2");
    assert_eq!(seen.attribute("plainsight.kafka.topics"), Some("6"));
    assert_eq!(seen.attribute("plainsight.kafka.topic_names"), Some("a-topic|b-topic|c-topic|d-topic"));
    assert_eq!(seen.attribute("messaging.destination.name"), None);
}

#[test]
fn a_topic_id_that_nobody_named_is_no_name() {
    let mut wire = Wire::new();
    let (request, response) = vector("Fetch", 17);
    wire.bytes(ASK, request).bytes(ANSWER, response);
    let seen = &wire.recorder.seen[0];
    assert_eq!((seen.name.as_str(), seen.summary.as_str()), ("poll", "Fetch 1 topic OFFSET_OUT_OF_RANGE"));
    assert_eq!(seen.attribute("messaging.destination.name"), None);
}

#[test]
fn a_topic_id_is_named_by_the_metadata_of_another_connection() {
    let settings = Settings::default();
    let mut first = Wire::with(settings.clone(), true);
    let (request, response) = vector("Metadata", 10);
    first.bytes(ASK, request).bytes(ANSWER, response);
    let mut second = Wire::with(settings, true);
    let (request, response) = vector("Fetch", 13);
    second.bytes(ASK, request).bytes(ANSWER, response);
    assert_eq!(second.recorder.seen[0].name, "poll orders");
    // What was not on this connection is not said of it.
    assert_eq!(second.recorder.seen[0].attribute("messaging.kafka.cluster.id"), None);
    assert_eq!(first.recorder.seen[0].attribute("messaging.kafka.cluster.id"), Some("cluster-x"));
}

#[test]
fn text_that_is_none_becomes_harmless() {
    let mut wire = Wire::new();
    wire.bytes(ASK, &heartbeat(1, "g")).bytes(ANSWER, &beat(1, 0));
    wire.bytes(ASK, &heartbeat(2, "bill\u{1b}[2Jing\n")).bytes(ANSWER, &beat(2, 0));
    assert_eq!(wire.summaries()[1], "Heartbeat group bill\u{fffd}[2Jing\u{fffd}");
}

#[test]
fn the_tokens_of_an_old_authentication_are_passed_over_and_never_shown() {
    let mut wire = Wire::new();
    wire.bytes(ASK, &ask(17, 0, 1, &text("PLAIN")));
    wire.bytes(ANSWER, &answer(1, &[&[0, 0, 0, 0, 0, 1][..], &text("PLAIN")].concat()));
    wire.bytes(ASK, &framed(b"\0alice\0hunter2hunter2")).bytes(ANSWER, &framed(b""));
    wire.bytes(ASK, &heartbeat(2, "g")).bytes(ANSWER, &beat(2, 0));
    assert_eq!(wire.summaries(), ["SaslHandshake", "Heartbeat group g"]);
    let recorder = wire.close(CloseReason::Closed);
    assert_eq!((recorder.seen.len(), recorder.unobserved), (2, 0));
    assert!(!format!("{recorder:?}").contains("hunter2"));
}

#[test]
fn a_response_whose_request_was_lost_says_so() {
    let mut wire = Wire::new();
    wire.bytes(ASK, &heartbeat(1, "g")).bytes(ANSWER, &beat(1, 0));
    wire.lost(ASK, 40, 1).bytes(ANSWER, &beat(2, 27)).pass(20 * MILLISECOND);
    let seen = &wire.recorder.seen[1];
    assert_eq!((seen.outcome, seen.name.as_str(), seen.summary.as_str()), (Outcome::Partial, "kafka", "?"));
    assert_eq!(seen.error(), None, "where the error stands depends on what was asked");
}

#[test]
fn requests_in_flight_are_told_apart_by_their_ids() {
    let mut wire = Wire::new();
    for id in 1..=5 {
        wire.bytes(ASK, &heartbeat(id, &format!("group-{id}")));
    }
    for id in [2, 1, 3, 5, 4] {
        wire.bytes(ANSWER, &beat(id, i16::try_from(id).expect("small")));
    }
    let seen = &wire.recorder.seen;
    assert_eq!(seen.len(), 5);
    assert_eq!(seen[0].summary, "Heartbeat group group-2 CORRUPT_MESSAGE");
    assert_eq!(seen[1].summary, "Heartbeat group group-1 OFFSET_OUT_OF_RANGE");
    assert!(seen.iter().all(|seen| seen.outcome == Outcome::Complete));
}
