//! Fetch sessions: later requests name only what changed.

use super::*;

/// A fetch of version 11 in a session; each topic with its partitions.
fn fetch(id: i32, session: i32, epoch: i32, topics: &[(&str, &[i32])], forgotten: &[&str]) -> Vec<u8> {
    let mut body = vec![0xff; 4];
    body.extend_from_slice(&[0, 0, 1, 0xf4, 0, 0, 0, 1, 0, 0x10, 0, 0, 0]);
    body.extend_from_slice(&session.to_be_bytes());
    body.extend_from_slice(&epoch.to_be_bytes());
    body.extend_from_slice(&u32::try_from(topics.len()).expect("few").to_be_bytes());
    for (topic, partitions) in topics {
        body.extend(text(topic));
        body.extend_from_slice(&u32::try_from(partitions.len()).expect("few").to_be_bytes());
        for partition in *partitions {
            body.extend_from_slice(&partition.to_be_bytes());
            body.extend_from_slice(&[0; 24]);
        }
    }
    body.extend_from_slice(&u32::try_from(forgotten.len()).expect("few").to_be_bytes());
    for topic in forgotten {
        body.extend(text(topic));
        body.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0]);
    }
    body.extend(text("rack"));
    ask(1, 11, id, &body)
}

/// Its answer, with as many bytes of records of each topic's partition 0 as are given.
fn fetched(id: i32, error: i16, session: i32, topics: &[(&str, usize)]) -> Vec<u8> {
    let mut body = vec![0; 4];
    body.extend_from_slice(&error.to_be_bytes());
    body.extend_from_slice(&session.to_be_bytes());
    body.extend_from_slice(&u32::try_from(topics.len()).expect("few").to_be_bytes());
    for (topic, records) in topics {
        body.extend(text(topic));
        body.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        body.extend_from_slice(&[0; 24]);
        body.extend_from_slice(&[0xff; 8]);
        body.extend(framed(&vec![0x55; *records]));
    }
    answer(id, &body)
}

#[test]
fn an_empty_request_goes_on_with_what_the_session_was_opened_for() {
    let mut wire = Wire::new();
    wire.bytes(ASK, &fetch(1, 0, 0, &[("orders", &[2])], &[]))
        .bytes(ANSWER, &fetched(1, 0, 9, &[("orders", 20)]));
    wire.bytes(ASK, &fetch(2, 9, 1, &[], &[])).bytes(ANSWER, &fetched(2, 0, 9, &[]));
    wire.bytes(ASK, &fetch(3, 9, 2, &[("orders", &[2])], &[])).bytes(ANSWER, &fetched(3, 0, 9, &[]));
    assert_eq!(wire.summaries(), ["Fetch orders[2]"; 3]);
    assert_eq!(wire.recorder.seen[1].name, "poll orders");
}

#[test]
fn of_several_topics_none_is_the_destination() {
    let mut wire = Wire::new();
    wire.bytes(ASK, &fetch(1, 0, 0, &[("orders", &[0]), ("payments", &[0, 1])], &[]));
    wire.bytes(ANSWER, &fetched(1, 0, 9, &[("orders", 20)]));
    wire.bytes(ASK, &fetch(2, 9, 1, &[("orders", &[0])], &[])).bytes(ANSWER, &fetched(2, 0, 9, &[]));
    for seen in &wire.recorder.seen {
        assert_eq!((seen.name.as_str(), seen.summary.as_str()), ("poll", "Fetch orders, payments"));
        assert_eq!(seen.attribute("messaging.destination.name"), None);
        assert_eq!(seen.attribute("plainsight.kafka.topics"), Some("2"));
        assert_eq!(seen.attribute("plainsight.kafka.topic_names"), Some("orders|payments"));
    }
}

#[test]
fn a_session_that_changed_or_was_never_seen_to_open_names_what_messages_came_from() {
    for opened in [true, false] {
        let mut wire = Wire::new();
        wire.bytes(ASK, &heartbeat(1, "g")).bytes(ANSWER, &beat(1, 0));
        if opened {
            wire.bytes(ASK, &fetch(2, 0, 0, &[("orders", &[0])], &[])).bytes(ANSWER, &fetched(2, 0, 9, &[]));
            wire.bytes(ASK, &fetch(3, 9, 1, &[("payments", &[0])], &["orders"]));
            wire.bytes(ANSWER, &fetched(3, 0, 9, &[]));
        }
        wire.recorder.seen.clear();
        wire.bytes(ASK, &fetch(4, 9, 2, &[], &[])).bytes(ANSWER, &fetched(4, 0, 9, &[("payments", 40)]));
        wire.bytes(ASK, &fetch(5, 9, 3, &[], &[])).bytes(ANSWER, &fetched(5, 0, 9, &[]));
        assert_eq!(wire.summaries(), ["Fetch payments[0]", "Fetch"]);
        assert_eq!(wire.recorder.seen[0].name, "poll payments");
        assert_eq!(wire.recorder.seen[1].name, "poll");
    }
}

#[test]
fn a_lost_request_ends_what_is_known_of_a_session() {
    let mut wire = Wire::new();
    wire.bytes(ASK, &fetch(1, 0, 0, &[("orders", &[0])], &[])).bytes(ANSWER, &fetched(1, 0, 9, &[]));
    wire.lost(ASK, 80, 1).lost(ANSWER, 18, 1);
    wire.bytes(ASK, &fetch(3, 9, 2, &[], &[])).bytes(ANSWER, &fetched(3, 0, 9, &[]));
    assert_eq!(wire.recorder.seen[1].attribute("messaging.destination.name"), None);
    assert_eq!(wire.recorder.unobserved, 1);
}

#[test]
fn an_error_behind_the_session_or_of_a_partition_is_reported() {
    let mut wire = Wire::new();
    wire.bytes(ASK, &fetch(1, 9, 5, &[], &[])).bytes(ANSWER, &fetched(1, 70, 0, &[]));
    assert_eq!(wire.recorder.seen[0].summary, "Fetch FETCH_SESSION_ID_NOT_FOUND");
}

#[test]
fn of_a_large_fetch_the_first_bytes_are_read_and_the_rest_is_counted() {
    let mut wire = Wire::new();
    wire.bytes(ASK, &fetch(1, 0, 0, &[("orders", &[0])], &[]));
    let response = fetched(1, 0, 9, &[("orders", 3_000_000)]);
    for (index, piece) in response.chunks(100_000).enumerate() {
        wire.bytes(ANSWER, piece);
        assert!(wire.conversation.held_bytes() < 10_000, "{index}");
    }
    let seen = &wire.recorder.seen[0];
    assert_eq!((seen.summary.as_str(), seen.outcome), ("Fetch orders[0]", Outcome::Complete));
    assert_eq!(seen.response_bytes, response.len() as u64);
}
