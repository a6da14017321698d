//! What actors tell the world outside: the client history, ghost state for the invariant monitor, and lines of a trace.
//!
//! Notes never flow back: no actor reads one. The kernel stamps each with trial time, event and node.

use crate::controller::partition_change_builder::Elected;
use crate::error_code::ErrorCode;
use crate::ids::{
    BrokerEpoch, BrokerId, GroupId, LeaderEpoch, Offset, RecordId, RecordKey, TopicPartition,
};
use crate::log::EpochStart;
use crate::metadata::{BrokerState, PartitionState};
use crate::record::Batch;

/// Something worth knowing outside the system.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each variant's sentence says what its fields are")]
pub enum Note {
    // What the application of a producer sees.
    /// The application called `send()`.
    SendInvoked { record: RecordId, partition: TopicPartition, key: Option<RecordKey> },
    /// The callback came with success; no offset with acks=0.
    SendOk { record: RecordId, offset: Option<Offset> },
    /// The callback came with an error and the record is certainly not in the log.
    SendFailed { record: RecordId, error: ErrorCode },
    /// The callback came with an error, and the record may be in the log.
    SendUnknown { record: RecordId, error: ErrorCode },

    // What the application of a consumer sees and does.
    /// The consumer begins to read a partition at a position.
    PositionResolved {
        group: GroupId,
        partition: TopicPartition,
        position: Offset,
        source: PositionSource,
    },
    /// `poll()` handed out records of one partition.
    Polled { group: GroupId, partition: TopicPartition, records: Vec<(Offset, RecordId)> },
    /// The application is done with a record.
    Processed { group: GroupId, partition: TopicPartition, offset: Offset, record: RecordId },
    /// A commit was sent.
    CommitInvoked { group: GroupId, commit: u32, offsets: Vec<(TopicPartition, Offset)> },
    /// A commit was acknowledged, refused, or its outcome is not known (`None`).
    CommitEnded { group: GroupId, commit: u32, error: Option<ErrorCode> },
    /// The group's committed offsets were asked for.
    CommittedInvoked { group: GroupId },
    /// They are these, of all partitions asked for; `None` where the group has committed nothing.
    CommittedFetched { group: GroupId, offsets: Vec<(TopicPartition, Option<Offset>)> },
    /// The reader of the final log got records of one partition.
    FinalRead { partition: TopicPartition, records: Vec<(Offset, RecordId)> },
    /// The reader of the final log has read a partition up to where its log ended when it asked.
    Drained { partition: TopicPartition, end: Offset },

    // What happens to a replica's log.
    /// The log was opened at boot, and trusted as it was found if the shutdown before was clean.
    LogLoaded {
        partition: TopicPartition,
        clean: bool,
        log_end_offset: Offset,
        high_watermark: Offset,
    },
    /// A batch was appended, by the leader or by a follower.
    Appended { partition: TopicPartition, batch: Batch, as_leader: bool },
    /// Everything below the recovery point is durable, and so is every cut made so far.
    Flushed { partition: TopicPartition, recovery_point: Offset },
    /// The log was cut; its leader epoch cache is now this.
    Truncated {
        partition: TopicPartition,
        log_end_offset: Offset,
        high_watermark_before: Offset,
        epochs: Vec<EpochStart>,
    },
    /// The replica's high watermark moved.
    HighWatermark {
        partition: TopicPartition,
        high_watermark: Offset,
        leader_epoch: LeaderEpoch,
        as_leader: bool,
    },
    /// The replica now leads; the epoch is in its leader epoch cache, which is this.
    BecameLeader {
        partition: TopicPartition,
        leader_epoch: LeaderEpoch,
        log_end_offset: Offset,
        epochs: Vec<EpochStart>,
    },
    /// The replica now follows.
    BecameFollower {
        partition: TopicPartition,
        leader_epoch: LeaderEpoch,
        leader: Option<BrokerId>,
    },
    /// The leader's view of the in-sync replicas: committed, and the maximal one while a change is pending.
    InSyncReplicas {
        partition: TopicPartition,
        leader_epoch: LeaderEpoch,
        isr: Vec<BrokerId>,
        maximal_isr: Vec<BrokerId>,
    },
    /// A produce request with acks=all was answered without error.
    AcksAllCompleted {
        partition: TopicPartition,
        required_offset: Offset,
        high_watermark: Offset,
        maximal_isr: u32,
        min_isr: u32,
    },
    /// The high-watermark checkpoint file was written with these entries.
    HighWatermarkCheckpoint { entries: Vec<(TopicPartition, Offset)>, local_partitions: u32 },
    /// A broker has everything on disk and its clean-shutdown file in place; all that is left is to end.
    CleanShutdown,

    /// A broker's process started; it will register as this incarnation.
    BrokerStarted { incarnation: u64 },

    // What the controller decides.
    /// A broker's incarnation was registered, which may have ended since it asked.
    BrokerRegistered {
        broker: BrokerId,
        incarnation: u64,
        broker_epoch: BrokerEpoch,
        unclean: bool,
    },
    /// A broker was fenced, unfenced or began its controlled shutdown.
    BrokerChanged { broker: BrokerId, state: BrokerState },
    /// A partition has a new state.
    PartitionChanged { partition: TopicPartition, state: Box<PartitionState>, elected: Elected },
}

/// Where a consumer's position comes from.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum PositionSource {
    /// The group's committed offset.
    Committed,
    /// `auto.offset.reset = earliest`.
    ResetEarliest,
    /// `auto.offset.reset = latest`.
    ResetLatest,
    /// The log was truncated below the position (KIP-320).
    Truncation,
}
