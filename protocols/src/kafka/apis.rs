//! The kinds of requests: keys, names, versions (<https://kafka.apache.org/protocol#protocol_api_keys>), as of Kafka
//! 4.1, with the versions that 4.2 added where they are known, and those that 4.0 removed.

use super::{requests as ask, responses as answer, schema::Field};

/// One kind of request.
#[derive(Debug)]
pub(super) struct Api {
    /// Kafka's name of it.
    pub(super) name: &'static str,
    /// The first version with compact lengths and tagged fields, and so with the newer headers.
    flexible: i16,
    /// The newest version that the descriptions below are true of.
    pub(super) highest: i16,
    /// What its request holds.
    pub(super) request: &'static [Field],
    /// What its response holds.
    pub(super) response: &'static [Field],
}

impl Api {
    /// Whether a version has compact lengths and tagged fields.
    pub(super) const fn is_flexible(&self, version: i16) -> bool {
        version >= self.flexible
    }

    /// Whether the descriptions are true of a version.
    pub(super) const fn describes(&self, version: i16) -> bool {
        version >= 0 && version <= self.highest
    }
}

/// The kind that a key stands for, `None` if it is newer than the table.
pub(super) fn api(key: i16) -> Option<&'static Api> {
    usize::try_from(key).ok().and_then(|key| APIS.get(key))
}

pub(super) const PRODUCE: i16 = 0;
pub(super) const FETCH: i16 = 1;
pub(super) const METADATA: i16 = 3;
pub(super) const CONTROLLED_SHUTDOWN: i16 = 7;
pub(super) const OFFSET_COMMIT: i16 = 8;
pub(super) const SASL_HANDSHAKE: i16 = 17;
pub(super) const API_VERSIONS: i16 = 18;
pub(super) const CREATE_TOPICS: i16 = 19;
pub(super) const TXN_OFFSET_COMMIT: i16 = 28;
pub(super) const DESCRIBE_TOPIC_PARTITIONS: i16 = 75;
pub(super) const SHARE_FETCH: i16 = 78;
pub(super) const SHARE_ACKNOWLEDGE: i16 = 79;

/// No version is flexible.
const NEVER: i16 = i16::MAX;

const fn row(
    name: &'static str,
    flexible: i16,
    highest: i16,
    request: &'static [Field],
    response: &'static [Field],
) -> Api {
    Api { name, flexible, highest, request, response }
}

/// By key. The columns: name, first flexible version, highest version, request, response.
#[rustfmt::skip]
static APIS: [Api; 93] = [
    row("Produce", 9, 13, ask::PRODUCE, answer::PRODUCE),
    row("Fetch", 12, 18, ask::FETCH, answer::FETCH),
    row("ListOffsets", 6, 11, ask::LIST_OFFSETS, answer::LIST_OFFSETS),
    row("Metadata", 9, 13, ask::METADATA, answer::METADATA),
    row("LeaderAndIsr", 4, 7, ask::NOT_READ, answer::ERROR),
    row("StopReplica", 2, 4, ask::NOT_READ, answer::ERROR),
    row("UpdateMetadata", 6, 8, ask::NOT_READ, answer::ERROR),
    row("ControlledShutdown", 3, 3, ask::NOT_READ, answer::ERROR),
    row("OffsetCommit", 8, 10, ask::OFFSET_COMMIT, answer::OFFSET_COMMIT),
    row("OffsetFetch", 6, 10, ask::OFFSET_FETCH, answer::OFFSET_FETCH),
    row("FindCoordinator", 3, 6, ask::FIND_COORDINATOR, answer::FIND_COORDINATOR),
    row("JoinGroup", 6, 9, ask::JOIN_GROUP, answer::PAUSE2_ERROR),
    row("Heartbeat", 4, 4, ask::HEARTBEAT, answer::HEARTBEAT),
    row("LeaveGroup", 4, 5, ask::LEAVE_GROUP, answer::LEAVE_GROUP),
    row("SyncGroup", 4, 5, ask::SYNC_GROUP, answer::PAUSE1_ERROR),
    row("DescribeGroups", 5, 6, ask::DESCRIBE_GROUPS, answer::PAUSE1_ERRORS),
    row("ListGroups", 3, 5, ask::LIST_GROUPS, answer::PAUSE1_ERROR),
    row("SaslHandshake", NEVER, 1, ask::SASL_HANDSHAKE, answer::ERROR),
    row("ApiVersions", 3, 4, ask::API_VERSIONS, answer::ERROR),
    row("CreateTopics", 5, 7, ask::CREATE_TOPICS, answer::CREATE_TOPICS),
    row("DeleteTopics", 4, 6, ask::DELETE_TOPICS, answer::DELETE_TOPICS),
    row("DeleteRecords", 2, 2, ask::DELETE_RECORDS, answer::DELETE_RECORDS),
    row("InitProducerId", 2, 6, ask::INIT_PRODUCER_ID, answer::PAUSE_ERROR),
    row("OffsetForLeaderEpoch", 4, 4, ask::OFFSET_FOR_LEADER_EPOCH, answer::OFFSET_FOR_LEADER_EPOCH),
    row("AddPartitionsToTxn", 3, 5, ask::ADD_PARTITIONS_TO_TXN, answer::ADD_PARTITIONS_TO_TXN),
    row("AddOffsetsToTxn", 3, 4, ask::ADD_OFFSETS_TO_TXN, answer::PAUSE_ERROR),
    row("EndTxn", 3, 5, ask::END_TXN, answer::PAUSE_ERROR),
    row("WriteTxnMarkers", 1, 2, ask::NOT_READ, ask::NOT_READ),
    row("TxnOffsetCommit", 3, 5, ask::TXN_OFFSET_COMMIT, answer::PAUSE_TOPICS),
    row("DescribeAcls", 2, 3, ask::NOT_READ, answer::PAUSE_ERROR),
    row("CreateAcls", 2, 3, ask::NOT_READ, answer::PAUSE_ERRORS),
    row("DeleteAcls", 2, 3, ask::NOT_READ, answer::PAUSE_ERRORS),
    row("DescribeConfigs", 4, 4, ask::NOT_READ, answer::PAUSE_ERRORS),
    row("AlterConfigs", 2, 2, ask::NOT_READ, answer::ALTER_CONFIGS),
    row("AlterReplicaLogDirs", 2, 2, ask::NOT_READ, answer::PAUSE_TOPICS),
    row("DescribeLogDirs", 2, 5, ask::NOT_READ, answer::DESCRIBE_LOG_DIRS),
    row("SaslAuthenticate", 2, 2, ask::SASL_AUTHENTICATE, answer::ERROR),
    row("CreatePartitions", 2, 3, ask::CREATE_PARTITIONS, answer::CREATE_PARTITIONS),
    row("CreateDelegationToken", 2, 3, ask::NOT_READ, answer::ERROR),
    row("RenewDelegationToken", 2, 2, ask::NOT_READ, answer::ERROR),
    row("ExpireDelegationToken", 2, 2, ask::NOT_READ, answer::ERROR),
    row("DescribeDelegationToken", 2, 3, ask::NOT_READ, answer::ERROR),
    row("DeleteGroups", 2, 2, ask::DELETE_GROUPS, answer::DELETE_GROUPS),
    row("ElectLeaders", 2, 2, ask::NOT_READ, answer::ELECT_LEADERS),
    row("IncrementalAlterConfigs", 1, 1, ask::NOT_READ, answer::ALTER_CONFIGS),
    row("AlterPartitionReassignments", 0, 1, ask::NOT_READ, answer::ALTER_PARTITION_REASSIGNMENTS),
    row("ListPartitionReassignments", 0, 0, ask::NOT_READ, answer::PAUSE_ERROR),
    row("OffsetDelete", NEVER, 0, ask::OFFSET_DELETE, answer::OFFSET_DELETE),
    row("DescribeClientQuotas", 1, 1, ask::NOT_READ, answer::PAUSE_ERROR),
    row("AlterClientQuotas", 1, 1, ask::NOT_READ, answer::PAUSE_ERRORS),
    row("DescribeUserScramCredentials", 0, 0, ask::NOT_READ, answer::PAUSE_ERROR),
    row("AlterUserScramCredentials", 0, 0, ask::NOT_READ, answer::NAMED_ERRORS),
    row("Vote", 0, 2, ask::NOT_READ, answer::ERROR),
    row("BeginQuorumEpoch", 1, 1, ask::NOT_READ, answer::ERROR),
    row("EndQuorumEpoch", 1, 1, ask::NOT_READ, answer::ERROR),
    row("DescribeQuorum", 0, 2, ask::NOT_READ, answer::ERROR),
    row("AlterPartition", 0, 3, ask::NOT_READ, answer::PAUSE_ERROR),
    row("UpdateFeatures", 0, 2, ask::NOT_READ, answer::PAUSE_ERROR),
    row("Envelope", 0, 0, ask::NOT_READ, ask::NOT_READ),
    row("FetchSnapshot", 0, 1, ask::NOT_READ, answer::PAUSE_ERROR),
    row("DescribeCluster", 0, 2, ask::DESCRIBE_CLUSTER, answer::PAUSE_ERROR),
    row("DescribeProducers", 0, 0, ask::NOT_READ, ask::NOT_READ),
    row("BrokerRegistration", 0, 4, ask::NOT_READ, answer::PAUSE_ERROR),
    row("BrokerHeartbeat", 0, 1, ask::NOT_READ, answer::PAUSE_ERROR),
    row("UnregisterBroker", 0, 0, ask::NOT_READ, answer::PAUSE_ERROR),
    row("DescribeTransactions", 0, 0, ask::NOT_READ, answer::PAUSE_ERRORS),
    row("ListTransactions", 0, 2, ask::NOT_READ, answer::PAUSE_ERROR),
    row("AllocateProducerIds", 0, 0, ask::NOT_READ, answer::PAUSE_ERROR),
    row("ConsumerGroupHeartbeat", 0, 1, ask::CONSUMER_GROUP_HEARTBEAT, answer::PAUSE_ERROR),
    row("ConsumerGroupDescribe", 0, 1, ask::GROUP_DESCRIBE, answer::PAUSE_ERRORS),
    row("ControllerRegistration", 0, 0, ask::NOT_READ, answer::PAUSE_ERROR),
    row("GetTelemetrySubscriptions", 0, 0, ask::GET_TELEMETRY_SUBSCRIPTIONS, answer::PAUSE_ERROR),
    row("PushTelemetry", 0, 0, ask::PUSH_TELEMETRY, answer::PAUSE_ERROR),
    row("AssignReplicasToDirs", 0, 0, ask::NOT_READ, answer::PAUSE_ERROR),
    row("ListConfigResources", 0, 1, ask::NOT_READ, answer::PAUSE_ERROR),
    row("DescribeTopicPartitions", 0, 0, ask::DESCRIBE_TOPIC_PARTITIONS, answer::DESCRIBE_TOPIC_PARTITIONS),
    row("ShareGroupHeartbeat", 0, 1, ask::SHARE_GROUP_HEARTBEAT, answer::PAUSE_ERROR),
    row("ShareGroupDescribe", 0, 1, ask::GROUP_DESCRIBE, answer::PAUSE_ERRORS),
    row("ShareFetch", 0, 2, ask::SHARE_FETCH, answer::SHARE_FETCH),
    row("ShareAcknowledge", 0, 2, ask::SHARE_ACKNOWLEDGE, answer::PAUSE_ERROR),
    row("AddRaftVoter", 0, 1, ask::NOT_READ, answer::PAUSE_ERROR),
    row("RemoveRaftVoter", 0, 0, ask::NOT_READ, answer::PAUSE_ERROR),
    row("UpdateRaftVoter", 0, 0, ask::NOT_READ, answer::PAUSE_ERROR),
    row("InitializeShareGroupState", 0, 0, ask::NOT_READ, ask::NOT_READ),
    row("ReadShareGroupState", 0, 0, ask::NOT_READ, ask::NOT_READ),
    row("WriteShareGroupState", 0, 1, ask::NOT_READ, ask::NOT_READ),
    row("DeleteShareGroupState", 0, 0, ask::NOT_READ, ask::NOT_READ),
    row("ReadShareGroupStateSummary", 0, 1, ask::NOT_READ, ask::NOT_READ),
    row("StreamsGroupHeartbeat", 0, 1, ask::GROUP_FIRST, answer::PAUSE_ERROR),
    row("StreamsGroupDescribe", 0, 1, ask::GROUP_DESCRIBE, answer::PAUSE_ERRORS),
    row("DescribeShareGroupOffsets", 0, 1, ask::DESCRIBE_SHARE_GROUP_OFFSETS, ask::NOT_READ),
    row("AlterShareGroupOffsets", 0, 0, ask::GROUP_FIRST, answer::PAUSE_ERROR),
    row("DeleteShareGroupOffsets", 0, 0, ask::GROUP_FIRST, answer::PAUSE_ERROR),
];
