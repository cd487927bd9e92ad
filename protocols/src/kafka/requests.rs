//! What requests hold, from Kafka's message schemas (`clients/src/main/resources/common/message/*Request.json`).

use super::schema::{
    Field,
    Kind::{
        Acks, Array, Bytes, Cut, Forgotten, Group, GroupList, Groups, Key, KeyList, KeyType, Numbers,
        Partition, PartitionList, Partitions, Records, Session, SessionEpoch, Skip, Text, Texts, Topic,
        TopicId, TopicList, Topics, Transaction, Word,
    },
    all, between, since, until,
};

/// Nothing is known but the header.
pub(super) static NOT_READ: &[Field] = &[all(Cut)];

pub(super) static PRODUCE: &[Field] = &[
    since(3, Transaction),
    all(Acks),
    all(Skip(4)), // timeout
    all(Topics(&[until(12, Topic), since(13, TopicId), all(Partitions(&[all(Partition), all(Records)]))])),
];

pub(super) static FETCH: &[Field] = &[
    until(14, Skip(4)), // replica
    all(Skip(8)),       // longest wait, fewest bytes
    since(3, Skip(4)),  // most bytes
    since(4, Skip(1)),  // isolation
    since(7, Session),
    since(7, SessionEpoch),
    all(Topics(&[
        until(12, Topic),
        since(13, TopicId),
        all(Partitions(&[
            all(Partition),
            since(9, Skip(4)),  // leader epoch
            all(Skip(8)),       // offset
            since(12, Skip(4)), // last epoch
            since(5, Skip(8)),  // log start
            all(Skip(4)),       // most bytes
        ])),
    ])),
    since(7, Forgotten(&[until(12, Text), since(13, Skip(16)), all(Numbers(4))])),
    since(11, Text), // rack
];

pub(super) static LIST_OFFSETS: &[Field] = &[
    all(Skip(4)),
    since(2, Skip(1)),
    all(Topics(&[
        all(Topic),
        all(Partitions(&[all(Partition), since(4, Skip(4)), all(Skip(8)), until(0, Skip(4))])),
    ])),
    since(10, Skip(4)),
];

pub(super) static METADATA: &[Field] = &[
    all(Topics(&[since(10, TopicId), all(Topic)])),
    since(4, Skip(1)),
    between(8, 10, Skip(1)),
    since(8, Skip(1)),
];

pub(super) static OFFSET_COMMIT: &[Field] = &[
    all(Group),
    since(1, Skip(4)), // generation
    since(1, Text),    // member
    since(7, Text),    // instance
    between(2, 4, Skip(8)),
    all(Topics(&[
        until(9, Topic),
        since(10, TopicId),
        all(Partitions(&[
            all(Partition),
            all(Skip(8)),
            since(6, Skip(4)),
            between(1, 1, Skip(8)),
            all(Text),
        ])),
    ])),
];

pub(super) static OFFSET_FETCH: &[Field] = &[
    until(7, Group),
    until(7, Topics(&[all(Topic), all(PartitionList)])),
    since(
        8,
        Groups(&[
            all(Group),
            since(9, Text),
            since(9, Skip(4)),
            all(Topics(&[until(9, Topic), since(10, TopicId), all(PartitionList)])),
        ]),
    ),
    since(7, Skip(1)),
];

pub(super) static FIND_COORDINATOR: &[Field] = &[until(3, Key), since(1, KeyType), since(4, KeyList)];

pub(super) static JOIN_GROUP: &[Field] = &[
    all(Group),
    all(Skip(4)),
    since(1, Skip(4)),
    all(Text), // member
    since(5, Text),
    all(Text), // protocol type
    all(Array(&[all(Text), all(Bytes)])),
    since(8, Text),
];

pub(super) static HEARTBEAT: &[Field] = &[all(Group), all(Skip(4)), all(Text), since(3, Text)];

pub(super) static LEAVE_GROUP: &[Field] =
    &[all(Group), until(2, Text), since(3, Array(&[all(Text), all(Text), since(5, Text)]))];

pub(super) static SYNC_GROUP: &[Field] = &[
    all(Group),
    all(Skip(4)),
    all(Text),
    since(3, Text),
    since(5, Text),
    since(5, Text),
    all(Array(&[all(Text), all(Bytes)])),
];

pub(super) static DESCRIBE_GROUPS: &[Field] = &[all(GroupList), since(3, Skip(1))];

pub(super) static LIST_GROUPS: &[Field] = &[since(4, Texts), since(5, Texts)];

pub(super) static SASL_HANDSHAKE: &[Field] = &[all(Word)];

pub(super) static SASL_AUTHENTICATE: &[Field] = &[all(Bytes)];

pub(super) static API_VERSIONS: &[Field] = &[since(3, Word), since(3, Word)];

pub(super) static CREATE_TOPICS: &[Field] = &[
    all(Topics(&[
        all(Topic),
        all(Skip(6)), // partitions, replicas
        all(Array(&[all(Skip(4)), all(Numbers(4))])),
        all(Array(&[all(Text), all(Text)])),
    ])),
    all(Skip(4)),
    since(1, Skip(1)),
];

pub(super) static DELETE_TOPICS: &[Field] =
    &[since(6, Topics(&[all(Topic), all(TopicId)])), until(5, TopicList), all(Skip(4))];

pub(super) static DELETE_RECORDS: &[Field] =
    &[all(Topics(&[all(Topic), all(Partitions(&[all(Partition), all(Skip(8))]))])), all(Skip(4))];

pub(super) static INIT_PRODUCER_ID: &[Field] = &[
    all(Transaction),
    all(Skip(4)),
    since(3, Skip(10)), // producer and its epoch
    since(6, Skip(2)),  // two-phase commit, kept transaction
];

pub(super) static OFFSET_FOR_LEADER_EPOCH: &[Field] = &[
    since(3, Skip(4)),
    all(Topics(&[all(Topic), all(Partitions(&[all(Partition), since(2, Skip(4)), all(Skip(4))]))])),
];

pub(super) static ADD_PARTITIONS_TO_TXN: &[Field] = &[
    since(4, Array(&[all(Transaction), all(Skip(11)), all(Topics(&[all(Topic), all(PartitionList)]))])),
    until(3, Transaction),
    until(3, Skip(10)),
    until(3, Topics(&[all(Topic), all(PartitionList)])),
];

pub(super) static ADD_OFFSETS_TO_TXN: &[Field] = &[all(Transaction), all(Skip(10)), all(Group)];

pub(super) static END_TXN: &[Field] = &[all(Transaction), all(Skip(11))];

pub(super) static TXN_OFFSET_COMMIT: &[Field] = &[
    all(Transaction),
    all(Group),
    all(Skip(10)),
    since(3, Skip(4)),
    since(3, Text),
    since(3, Text),
    all(Topics(&[
        all(Topic),
        all(Partitions(&[all(Partition), all(Skip(8)), since(2, Skip(4)), all(Text)])),
    ])),
];

pub(super) static CREATE_PARTITIONS: &[Field] =
    &[all(Topics(&[all(Topic), all(Skip(4)), all(Array(&[all(Numbers(4))]))])), all(Skip(5))];

pub(super) static DELETE_GROUPS: &[Field] = &[all(GroupList)];

pub(super) static OFFSET_DELETE: &[Field] =
    &[all(Group), all(Topics(&[all(Topic), all(Partitions(&[all(Partition)]))]))];

pub(super) static DESCRIBE_CLUSTER: &[Field] = &[all(Skip(1)), since(1, Skip(1)), since(2, Skip(1))];

pub(super) static CONSUMER_GROUP_HEARTBEAT: &[Field] = &[
    all(Group),
    all(Text),
    all(Skip(4)),
    all(Text),
    all(Text),
    all(Skip(4)),
    all(TopicList),
    since(1, Text),
    all(Text),
    all(Array(&[all(Skip(16)), all(Numbers(4))])),
];

pub(super) static GROUP_DESCRIBE: &[Field] = &[all(GroupList), all(Skip(1))];

pub(super) static GET_TELEMETRY_SUBSCRIPTIONS: &[Field] = &[all(Skip(16))];

pub(super) static PUSH_TELEMETRY: &[Field] = &[all(Skip(22)), all(Bytes)];

pub(super) static DESCRIBE_TOPIC_PARTITIONS: &[Field] = &[all(Topics(&[all(Topic)])), all(Cut)];

pub(super) static SHARE_GROUP_HEARTBEAT: &[Field] =
    &[all(Group), all(Text), all(Skip(4)), all(Text), all(TopicList)];

pub(super) static SHARE_FETCH: &[Field] = &[
    all(Group),
    all(Text),
    all(Skip(16)),
    since(1, Skip(8)),
    since(2, Skip(1)),
    all(Topics(&[
        all(TopicId),
        all(Partitions(&[all(Partition), until(0, Skip(4)), all(Array(&[all(Skip(16)), all(Numbers(1))]))])),
    ])),
    all(Forgotten(&[all(Skip(16)), all(Numbers(4))])),
];

pub(super) static SHARE_ACKNOWLEDGE: &[Field] = &[
    all(Group),
    all(Text),
    all(Skip(4)),
    since(2, Skip(1)),
    all(Topics(&[
        all(TopicId),
        all(Partitions(&[all(Partition), all(Array(&[all(Skip(16)), all(Numbers(1))]))])),
    ])),
];

/// Requests that begin with a group and go on with what is of no interest.
pub(super) static GROUP_FIRST: &[Field] = &[all(Group), all(Cut)];

pub(super) static DESCRIBE_SHARE_GROUP_OFFSETS: &[Field] = &[all(Groups(&[all(Group), all(Cut)]))];
