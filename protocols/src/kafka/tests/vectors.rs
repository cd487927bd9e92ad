//! Every version of the kinds of requests that are read, as another implementation writes them.

use super::*;

/// What all versions of a kind must say. The test data name topic `orders`, partition 3, group `billing`, transaction
/// `tx-1`, and one error each.
struct Expected {
    kind: &'static str,
    topic: bool,
    partition: bool,
    group: bool,
    transaction: bool,
    error: Option<&'static str>,
}

fn expected() -> Vec<Expected> {
    let rows = [
        ("Produce", "tp-x", "NOT_LEADER_OR_FOLLOWER"),
        ("Fetch", "tp--", "OFFSET_OUT_OF_RANGE"),
        ("ListOffsets", "tp--", "UNKNOWN_TOPIC_OR_PARTITION"),
        ("Metadata", "t---", "LEADER_NOT_AVAILABLE"),
        ("OffsetCommit", "tpg-", "ILLEGAL_GENERATION"),
        ("OffsetFetch", "tpg-", "GROUP_AUTHORIZATION_FAILED"),
        ("FindCoordinator", "--g-", "COORDINATOR_NOT_AVAILABLE"),
        ("JoinGroup", "--g-", "MEMBER_ID_REQUIRED"),
        ("SyncGroup", "--g-", "REBALANCE_IN_PROGRESS"),
        ("Heartbeat", "--g-", "UNKNOWN_MEMBER_ID"),
        ("LeaveGroup", "--g-", "NOT_COORDINATOR"),
        ("DescribeGroups", "--g-", "NOT_COORDINATOR"),
        ("ListGroups", "----", "COORDINATOR_LOAD_IN_PROGRESS"),
        ("SaslHandshake", "----", "UNSUPPORTED_SASL_MECHANISM"),
        ("SaslAuthenticate", "----", "SASL_AUTHENTICATION_FAILED"),
        ("ApiVersions", "----", ""),
        ("CreateTopics", "t---", "TOPIC_ALREADY_EXISTS"),
        ("DeleteTopics", "t---", "TOPIC_DELETION_DISABLED"),
        ("DeleteRecords", "tp--", "POLICY_VIOLATION"),
        ("InitProducerId", "---x", "CONCURRENT_TRANSACTIONS"),
        ("OffsetForLeaderEpoch", "tp--", "UNKNOWN_LEADER_EPOCH"),
        ("AddPartitionsToTxn", "tp-x", "INVALID_PRODUCER_ID_MAPPING"),
        ("AddOffsetsToTxn", "--gx", "INVALID_TXN_STATE"),
        ("EndTxn", "---x", "PRODUCER_FENCED"),
        ("TxnOffsetCommit", "tpgx", "FENCED_INSTANCE_ID"),
        ("CreatePartitions", "t---", "INVALID_PARTITIONS"),
        ("DeleteGroups", "--g-", "NON_EMPTY_GROUP"),
        ("OffsetDelete", "tpg-", "GROUP_ID_NOT_FOUND"),
        ("DescribeCluster", "----", "CLUSTER_AUTHORIZATION_FAILED"),
        ("ConsumerGroupHeartbeat", "t-g-", "FENCED_MEMBER_EPOCH"),
        ("ConsumerGroupDescribe", "--g-", "GROUP_ID_NOT_FOUND"),
        ("GetTelemetrySubscriptions", "----", "INVALID_REQUEST"),
        ("PushTelemetry", "----", "UNKNOWN_SUBSCRIPTION_ID"),
        ("DescribeTopicPartitions", "t---", "TOPIC_AUTHORIZATION_FAILED"),
        ("ShareGroupHeartbeat", "t-g-", "UNKNOWN_MEMBER_ID"),
        ("ShareFetch", "tpg-", "SHARE_SESSION_NOT_FOUND"),
        ("ShareAcknowledge", "tpg-", "INVALID_RECORD_STATE"),
        ("DescribeConfigs", "----", "INVALID_CONFIG"),
        ("IncrementalAlterConfigs", "----", "INVALID_CONFIG"),
        ("CreateDelegationToken", "----", "DELEGATION_TOKEN_AUTH_DISABLED"),
        ("ElectLeaders", "----", "PREFERRED_LEADER_NOT_AVAILABLE"),
        ("Vote", "----", "INCONSISTENT_VOTER_SET"),
        ("BrokerHeartbeat", "----", "STALE_BROKER_EPOCH"),
        ("AlterPartitionReassignments", "----", "NO_REASSIGNMENT_IN_PROGRESS"),
        ("AlterUserScramCredentials", "----", "UNACCEPTABLE_CREDENTIAL"),
    ];
    rows.into_iter()
        .map(|(kind, says, error)| Expected {
            kind,
            topic: says.contains('t'),
            partition: says.contains('p'),
            group: says.contains('g'),
            transaction: says.contains('x'),
            error: Some(error).filter(|error| !error.is_empty()),
        })
        .collect()
}

/// A connection that has spoken Kafka, on which the id of the topic is known.
fn spoken() -> Wire {
    let mut wire = Wire::new();
    let (request, response) = vector("ApiVersions", 3);
    wire.bytes(ASK, request).bytes(ANSWER, response);
    let (request, response) = vector("Metadata", 13);
    wire.bytes(ASK, request).bytes(ANSWER, response);
    wire.recorder.seen.clear();
    wire
}

#[test]
fn every_version_says_the_same_about_topic_partition_group_transaction_and_error() {
    let expected = expected();
    for (kind, version, request, response) in VECTORS.iter() {
        let row = expected.iter().find(|row| row.kind == *kind);
        let row = row.unwrap_or_else(|| panic!("{kind} is expected"));
        let mut wire = spoken();
        wire.bytes(ASK, request).bytes(ANSWER, response);
        let [seen] = &wire.recorder.seen[..] else { panic!("{kind} {version}: {:#?}", wire.recorder) };
        assert_eq!(seen.outcome, Outcome::Complete, "{kind} {version}");
        let when = |wanted, value| if wanted { Some(value) } else { None };
        // The transactional id came with version 3 of Produce, the oldest that there is a vector of.
        for (name, value) in [
            ("plainsight.kafka.api", Some(kind.as_str())),
            ("plainsight.kafka.api_version", Some(version.to_string().as_str())),
            ("messaging.client.id", Some("tester")),
            ("messaging.destination.name", when(row.topic, "orders")),
            ("messaging.destination.partition.id", when(row.partition, "3")),
            ("messaging.consumer.group.name", when(row.group, "billing")),
            ("plainsight.kafka.transactional_id", when(row.transaction, "tx-1")),
        ] {
            assert_eq!(seen.attribute(name), value, "{kind} {version}: {name} of {seen:#?}");
        }
        assert_eq!(seen.error(), row.error, "{kind} {version}: {seen:#?}");
        assert_eq!((seen.request_bytes, seen.response_bytes), (request.len() as u64, response.len() as u64));
    }
}

#[test]
fn whole_requests_are_read_to_their_last_byte() {
    use crate::kafka::{frame, schema};
    for (kind, version, request, _) in VECTORS.iter() {
        let head = frame::request(request, request.len() as u64).expect("a request");
        let api = head.api.expect("a known kind");
        assert_eq!(api.name, *kind);
        let end = schema::walk(api.request, *version, head.flexible, head.body, &mut |_| {});
        let read = matches!(end, schema::End::Whole) || (end == schema::End::Cut && head.key >= 29);
        assert!(read, "{kind} {version}: {end:?}");
    }
}

#[test]
fn whole_responses_are_read_as_far_as_they_are_described() {
    use crate::kafka::{frame, schema};
    for (kind, version, request, response) in VECTORS.iter() {
        let head = frame::request(request, request.len() as u64).expect("a request");
        let api = head.api.expect("a known kind");
        let body =
            frame::response_body(response, response.len() as u64, head.key, head.flexible).expect("a body");
        let end = schema::walk(api.response, *version, head.flexible, body, &mut |_| {});
        assert!(matches!(end, schema::End::Whole | schema::End::Cut), "{kind} {version}: {end:?}");
    }
}

#[test]
fn nothing_of_a_credential_is_ever_in_the_text() {
    for version in 0..=2 {
        let mut wire = spoken();
        let (request, response) = vector("SaslAuthenticate", version);
        wire.bytes(ASK, request).bytes(ANSWER, response);
        let all = format!("{:?}", wire.recorder.seen);
        assert!(!all.contains("hunter2") && !all.contains("user"), "{all}");
    }
}

#[test]
fn a_message_cut_anywhere_never_says_anything_wrong() {
    for (kind, version, request, response) in VECTORS.iter() {
        let row = expected().into_iter().find(|row| row.kind == *kind).expect("expected");
        for cut in (8..request.len()).step_by(5) {
            let mut wire = spoken();
            wire.bytes(ASK, &request[..cut]).not_copied(ASK, (request.len() - cut) as u64);
            let answer = cut.min(response.len() - 1).max(8);
            wire.bytes(ANSWER, &response[..answer]).not_copied(ANSWER, (response.len() - answer) as u64);
            let recorder = wire.close(CloseReason::Closed);
            for seen in &recorder.seen {
                let allowed = |name: &str, value: &str| {
                    assert!(
                        seen.attribute(name).is_none_or(|said| said == value),
                        "{kind} {version}: {seen:#?}"
                    );
                };
                allowed("messaging.destination.name", "orders");
                allowed("messaging.destination.partition.id", "3");
                allowed("messaging.consumer.group.name", "billing");
                assert!(seen.error().is_none() || seen.error() == row.error, "{kind} {version}: {seen:#?}");
            }
        }
    }
}
