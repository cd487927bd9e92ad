//! What responses hold, from Kafka's message schemas (`clients/src/main/resources/common/message/*Response.json`).
//!
//! Of lists whose elements are of no interest beyond their error, the first element is read.

use super::schema::{
    Field,
    Kind::{
        Array, BaseOffset, Cluster, Cut, Error, LearnedId, Numbers, Partition, Partitions, Records, Session,
        Skip, Text, Topic, TopicId, Topics,
    },
    all, between, since, until,
};

/// The error stands first.
pub(super) static ERROR: &[Field] = &[all(Error), all(Cut)];
/// The error stands behind the time that the client is to pause.
pub(super) static PAUSE_ERROR: &[Field] = &[all(Skip(4)), all(Error), all(Cut)];
/// The same, the pause from version 1 on.
pub(super) static PAUSE1_ERROR: &[Field] = &[since(1, Skip(4)), all(Error), all(Cut)];
/// The same, the pause from version 2 on.
pub(super) static PAUSE2_ERROR: &[Field] = &[since(2, Skip(4)), all(Error), all(Cut)];
/// A list of results, each with its error first.
pub(super) static PAUSE_ERRORS: &[Field] = &[all(Skip(4)), all(Array(&[all(Error), all(Cut)]))];
/// The same, the pause from version 1 on.
pub(super) static PAUSE1_ERRORS: &[Field] = &[since(1, Skip(4)), all(Array(&[all(Error), all(Cut)]))];
/// A list of results, each with a name, its error, and perhaps words about it.
pub(super) static NAMED_ERRORS: &[Field] = &[all(Skip(4)), all(Array(&[all(Text), all(Error), all(Cut)]))];

pub(super) static PRODUCE: &[Field] = &[
    all(Topics(&[
        until(12, Topic),
        since(13, TopicId),
        all(Partitions(&[
            all(Partition),
            all(Error),
            all(BaseOffset),
            since(2, Skip(8)), // append time
            since(5, Skip(8)), // log start
            since(8, Array(&[all(Skip(4)), all(Text)])),
            since(8, Text),
        ])),
    ])),
    since(1, Skip(4)),
];

pub(super) static FETCH: &[Field] = &[
    since(1, Skip(4)),
    since(7, Error),
    since(7, Session),
    all(Topics(&[
        until(12, Topic),
        since(13, TopicId),
        all(Partitions(&[
            all(Partition),
            all(Error),
            all(Skip(8)),      // high watermark
            since(4, Skip(8)), // last stable offset
            since(5, Skip(8)), // log start
            since(4, Array(&[all(Skip(16))])),
            since(11, Skip(4)),
            all(Records),
        ])),
    ])),
];

pub(super) static LIST_OFFSETS: &[Field] = &[
    since(2, Skip(4)),
    all(Topics(&[
        all(Topic),
        all(Partitions(&[
            all(Partition),
            all(Error),
            until(0, Numbers(8)),
            since(1, Skip(16)),
            since(4, Skip(4)),
        ])),
    ])),
];

/// The errors of partitions are left aside: they say how the cluster is, not that the request failed.
pub(super) static METADATA: &[Field] = &[
    since(3, Skip(4)),
    all(Array(&[all(Skip(4)), all(Text), all(Skip(4)), since(1, Text)])),
    since(2, Cluster),
    since(1, Skip(4)),
    all(Topics(&[
        all(Error),
        all(Topic),
        since(10, LearnedId),
        since(1, Skip(1)),
        all(Array(&[
            all(Skip(10)), // error, partition, leader
            since(7, Skip(4)),
            all(Numbers(4)),
            all(Numbers(4)),
            since(5, Numbers(4)),
        ])),
        since(8, Skip(4)),
    ])),
    between(8, 10, Skip(4)),
    since(13, Error),
];

pub(super) static OFFSET_COMMIT: &[Field] = &[
    since(3, Skip(4)),
    all(Topics(&[until(9, Topic), since(10, TopicId), all(Partitions(&[all(Partition), all(Error)]))])),
];

pub(super) static OFFSET_FETCH: &[Field] = &[
    since(3, Skip(4)),
    until(
        7,
        Topics(&[
            all(Topic),
            all(Partitions(&[all(Partition), all(Skip(8)), since(5, Skip(4)), all(Text), all(Error)])),
        ]),
    ),
    between(2, 7, Error),
    since(
        8,
        Array(&[
            all(Text),
            all(Topics(&[
                until(9, Topic),
                since(10, TopicId),
                all(Partitions(&[all(Partition), all(Skip(12)), all(Text), all(Error)])),
            ])),
            all(Error),
        ]),
    ),
];

pub(super) static FIND_COORDINATOR: &[Field] = &[
    since(1, Skip(4)),
    until(3, Error),
    between(1, 3, Text),
    until(3, Skip(4)),
    until(3, Text),
    until(3, Skip(4)),
    since(4, Array(&[all(Text), all(Skip(4)), all(Text), all(Skip(4)), all(Error), all(Text)])),
];

pub(super) static HEARTBEAT: &[Field] = &[since(1, Skip(4)), all(Error)];

pub(super) static LEAVE_GROUP: &[Field] =
    &[since(1, Skip(4)), all(Error), since(3, Array(&[all(Text), all(Text), all(Error)]))];

pub(super) static CREATE_TOPICS: &[Field] = &[
    since(2, Skip(4)),
    all(Topics(&[
        all(Topic),
        since(7, LearnedId),
        all(Error),
        since(1, Text),
        since(5, Skip(6)), // partitions, replicas
        since(5, Array(&[all(Text), all(Text), all(Skip(3))])),
    ])),
];

pub(super) static DELETE_TOPICS: &[Field] =
    &[since(1, Skip(4)), all(Topics(&[all(Topic), since(6, Skip(16)), all(Error), since(5, Text)]))];

pub(super) static DELETE_RECORDS: &[Field] =
    &[all(Skip(4)), all(Topics(&[all(Topic), all(Partitions(&[all(Partition), all(Skip(8)), all(Error)]))]))];

pub(super) static OFFSET_FOR_LEADER_EPOCH: &[Field] = &[
    since(2, Skip(4)),
    all(Topics(&[
        all(Topic),
        all(Partitions(&[all(Error), all(Partition), since(1, Skip(4)), all(Skip(8))])),
    ])),
];

pub(super) static ADD_PARTITIONS_TO_TXN: &[Field] = &[
    all(Skip(4)),
    since(4, Error),
    since(4, Array(&[all(Text), all(Topics(&[all(Topic), all(Partitions(&[all(Partition), all(Error)]))]))])),
    until(3, Topics(&[all(Topic), all(Partitions(&[all(Partition), all(Error)]))])),
];

/// Transactions' offsets, and the moving of replicas between directories.
pub(super) static PAUSE_TOPICS: &[Field] =
    &[all(Skip(4)), all(Topics(&[all(Topic), all(Partitions(&[all(Partition), all(Error)]))]))];

pub(super) static ALTER_CONFIGS: &[Field] =
    &[all(Skip(4)), all(Array(&[all(Error), all(Text), all(Skip(1)), all(Text)]))];

pub(super) static DESCRIBE_LOG_DIRS: &[Field] =
    &[all(Skip(4)), since(3, Error), all(Array(&[all(Error), all(Cut)]))];

pub(super) static CREATE_PARTITIONS: &[Field] =
    &[all(Skip(4)), all(Topics(&[all(Topic), all(Error), all(Text)]))];

pub(super) static DELETE_GROUPS: &[Field] = &[all(Skip(4)), all(Array(&[all(Text), all(Error)]))];

pub(super) static ELECT_LEADERS: &[Field] = &[
    all(Skip(4)),
    since(1, Error),
    all(Topics(&[all(Topic), all(Partitions(&[all(Partition), all(Error), all(Text)]))])),
];

pub(super) static ALTER_PARTITION_REASSIGNMENTS: &[Field] = &[
    all(Skip(4)),
    since(1, Skip(1)),
    all(Error),
    all(Text),
    all(Topics(&[all(Topic), all(Partitions(&[all(Partition), all(Error), all(Text)]))])),
];

pub(super) static OFFSET_DELETE: &[Field] =
    &[all(Error), all(Skip(4)), all(Topics(&[all(Topic), all(Partitions(&[all(Partition), all(Error)]))]))];

pub(super) static DESCRIBE_TOPIC_PARTITIONS: &[Field] =
    &[all(Skip(4)), all(Topics(&[all(Error), all(Topic), all(LearnedId), all(Cut)]))];

pub(super) static SHARE_FETCH: &[Field] = &[
    all(Skip(4)),
    all(Error),
    all(Text),
    since(1, Skip(4)),
    all(Topics(&[all(TopicId), all(Partitions(&[all(Partition), all(Error), all(Cut)]))])),
    all(Cut),
];
