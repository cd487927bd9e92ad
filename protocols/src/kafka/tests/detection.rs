//! What is taken for Kafka, when, and what is not.

use proptest::prelude::*;

use super::{recorded::RECORDED, *};
use crate::{Detection, kafka::ENTRY};

fn is_kafka(wire: &Wire) -> bool {
    wire.conversation.state() == State::Parsing(Protocol::Kafka)
}

#[test]
fn the_first_request_of_a_client_is_enough() {
    for connection in RECORDED.iter() {
        let mut wire = Wire::new();
        wire.bytes(ASK, &connection.segments[0].1);
        assert!(is_kafka(&wire), "{}", connection.name);
    }
}

#[test]
fn the_first_answer_of_a_broker_is_enough() {
    for version in 0..=4 {
        let (request, response) = vector("ApiVersions", version);
        let mut wire = Wire::joined();
        wire.bytes(ANSWER, response);
        assert!(is_kafka(&wire), "{version}");
        wire.bytes(ASK, request).bytes(ANSWER, response);
        assert_eq!(wire.summaries(), ["ApiVersions"], "{version}");
    }
}

#[test]
fn every_kind_of_request_in_every_version_is_recognised_with_its_answer() {
    for (kind, version, request, response) in VECTORS.iter() {
        let mut wire = Wire::joined();
        wire.bytes(ASK, request).bytes(ANSWER, response);
        assert!(is_kafka(&wire), "{kind} {version}");
        assert_eq!(wire.recorder.seen.len(), 1, "{kind} {version}");
    }
}

#[test]
fn a_large_batch_is_recognised_by_its_first_bytes() {
    let request = produce(77, 1, "orders", &batch(900, &[7; 100_000]));
    let mut wire = Wire::joined();
    wire.bytes(ASK, &request[..4096]);
    assert!(is_kafka(&wire));
}

#[test]
fn directions_that_were_swapped_are_put_right() {
    let mut wire = Wire::joined();
    wire.bytes(ANSWER, &heartbeat(1, "billing")).bytes(ASK, &beat(1, 0));
    assert!(wire.conversation.reversed());
    assert_eq!(wire.summaries(), ["Heartbeat group billing"]);
}

#[test]
fn requests_of_versions_newer_than_the_table_are_recognised_and_named() {
    let mut wire = Wire::new();
    let (mut request, response) = (vector("ApiVersions", 4).0.to_vec(), vector("ApiVersions", 3).1);
    request[7] = 6;
    wire.bytes(ASK, &request);
    wire.bytes(ANSWER, &answer(1004, &35_i16.to_be_bytes()));
    wire.bytes(ASK, vector("ApiVersions", 3).0).bytes(ANSWER, response);
    let mut fetch = vector("Fetch", 18).0.to_vec();
    fetch[7] = 40;
    wire.bytes(ASK, &fetch).bytes(ANSWER, vector("Fetch", 18).1);
    wire.bytes(ASK, &ask(140, 0, 9, &[1, 2, 3])).bytes(ANSWER, &answer(9, &[4, 5, 6]));
    assert_eq!(wire.summaries(), ["ApiVersions UNSUPPORTED_VERSION", "ApiVersions", "Fetch", "Api140"]);
    assert_eq!(wire.recorder.seen[2].name, "poll", "nothing is read of a body that is not described");
}

#[test]
fn other_protocols_are_not_taken_for_it() {
    let postgresql =
        b"\x00\x00\x00\x2a\x00\x03\x00\x00user\x00postgres\x00database\x00postgres\x00\x00\x00\x00";
    let zookeeper =
        [&[0, 0, 0, 44][..], &[0; 12], &[0, 0, 0x75, 0x30], &[0; 8], &[0, 0, 0, 16], &[0; 16]].concat();
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x12\x04\x00\x00\x00\x00\x00",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"SSH-2.0-OpenSSH_10.2\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
        postgresql,
        b"\x4a\x00\x00\x00\x0a8.0.36\x00\x0b\x00\x00\x00",
        // MongoDB's OP_MSG, little-endian
        b"\x3f\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xdd\x07\x00\x00\x00\x00\x00\x00\x00\x2a\x00\x00\x00\x02",
        // DNS over TCP
        b"\x00\x1d\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01",
        &zookeeper,
        // ZooKeeper's ping
        b"\x00\x00\x00\x08\xff\xff\xff\xfe\x00\x00\x00\x0b",
        // ZooKeeper's read of a node
        b"\x00\x00\x00\x12\x00\x00\x00\x01\x00\x00\x00\x04\x00\x00\x00\x05/node\x00",
        // Thrift in frames
        b"\x00\x00\x00\x1a\x80\x01\x00\x01\x00\x00\x00\x04ping\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00",
        // SMPP's bind
        b"\x00\x00\x00\x2f\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x01SMPP3TEST\x00secret08\x00SUBMIT1\x00\x00\x01",
        // A TPKT of the remote desktop protocol, and AMQP
        b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x03\x00\x00\x00",
        b"AMQP\x00\x00\x09\x01",
        b"\x80\x01\x00\x00\x00\x00\x00\x00",
    ] {
        let found = (ENTRY.detect)(ASK, bytes);
        assert!(matches!(found, Detection::No), "{}: {found:?}", bytes.escape_ascii());
    }
}

#[test]
fn zeros_and_ones_are_not_taken_for_it() {
    for length in 0..200_usize {
        for fill in [0, 1, 0xff] {
            let frame = framed(&vec![fill; length]);
            let found = (ENTRY.detect)(ASK, &frame);
            assert!(
                !matches!(found, Detection::Found(_) | Detection::Likely(_)),
                "{length} of {fill}: {found:?}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_not_taken_for_it(bytes in prop::collection::vec(any::<u8>(), 0..600), to_server in any::<bool>()) {
        let found = (ENTRY.detect)(if to_server { ASK } else { ANSWER }, &bytes);
        prop_assert!(!matches!(found, Detection::Found(_) | Detection::Likely(Direction::ToServer)), "{:?}", found);
    }

    /// Small numbers and their lengths, as other binary protocols have them.
    #[test]
    fn small_numbers_in_frames_are_not_taken_for_it(numbers in prop::collection::vec((0_u32..40, 1_usize..5), 2..40)) {
        let mut body = Vec::new();
        for (number, width) in numbers {
            body.extend_from_slice(&number.to_be_bytes()[4 - width..]);
        }
        let found = (ENTRY.detect)(ASK, &framed(&body));
        prop_assert!(!matches!(found, Detection::Found(_)), "{:?}", found);
    }
}

#[test]
fn bytes_that_are_none_of_its_messages_end_the_parsing() {
    let mut wire = Wire::new();
    wire.bytes(ASK, &heartbeat(1, "g")).bytes(ANSWER, &beat(1, 0));
    wire.bytes(ASK, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(!is_kafka(&wire));
}

#[test]
fn an_answer_that_carries_another_number_than_the_request_tells_nothing() {
    // A list of groups, whose request has neither an id nor a body: two bytes of a kind are all there is to it.
    let request = [0, 0, 0, 0x6f, 0, 7, 0, 0, 0, 0, 0, 1, 0, 0];
    for (number, near) in [(1_u32, true), (200, true), (0x0013_0f03, false)] {
        let response = [&[0, 0, 0, 5][..], &number.to_be_bytes(), &[0]].concat();
        assert_eq!((ENTRY.agree)(ASK, &request, &response), near, "{number}");
    }
}

#[test]
fn a_kind_that_has_no_room_for_an_id_does_not_say_that_it_has_none() {
    let request = [0, 0, 0, 12, 0, 7, 0, 0, 0, 0, 0, 1, 0x14, 0, 0, 0x0e];
    assert_eq!((ENTRY.detect)(ASK, &request), Detection::No);
}
