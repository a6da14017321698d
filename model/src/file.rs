//! What lies on a node's disk: file names and the entries files consist of.
//!
//! Nothing is encoded: a file is a sequence of typed entries with sizes. The disk decides which of them a power loss
//! leaves intact; recovery has to cope, as `LogLoader` does.

use crate::ids::{BrokerEpoch, LeaderEpoch, Offset, TopicPartition};
use crate::metadata::MetadataRecord;
use crate::record::Batch;

/// A file on a broker's or the controller's disk.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FileName {
    /// A log segment (`00000000000000000042.log`), by its base offset.
    Segment(TopicPartition, Offset),
    /// `leader-epoch-checkpoint` of a log.
    LeaderEpochCheckpoint(TopicPartition),
    /// `replication-offset-checkpoint`: the high watermark of every local log.
    HighWatermarkCheckpoint,
    /// `recovery-point-offset-checkpoint`: up to where each log is known to be flushed.
    RecoveryPointCheckpoint,
    /// `.kafka_cleanshutdown`.
    CleanShutdown,
    /// The controller's `__cluster_metadata` log.
    MetadataLog,
}

impl FileName {
    /// The base offset if this is a segment of `partition`.
    pub fn segment_base(self, partition: TopicPartition) -> Option<Offset> {
        match self {
            FileName::Segment(owner, base) if owner == partition => Some(base),
            _ => None,
        }
    }
}

/// One entry of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FileEntry {
    /// In a segment.
    Batch(Batch),
    /// In a leader-epoch checkpoint: the epoch and the offset it starts at.
    EpochStart(LeaderEpoch, Offset),
    /// In an offset checkpoint.
    CheckpointedOffset(TopicPartition, Offset),
    /// In the clean-shutdown file (KIP-966).
    CleanShutdown(BrokerEpoch),
    /// In the metadata log.
    Metadata(Box<MetadataRecord>),
}

/// Bytes of one line of a checkpoint file, roughly.
pub const CHECKPOINT_LINE_BYTES: u32 = 32;
