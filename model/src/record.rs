//! Records and batches: what producers send, logs hold and replicas copy. Payload bytes are not simulated, sizes are.

use std::sync::Arc;

use crate::ids::{GroupId, LeaderEpoch, Offset, RecordId, RecordKey, TopicPartition};

/// Bytes of a batch's header in message format v2 (`RecordBatch.RECORD_BATCH_OVERHEAD`).
pub const BATCH_OVERHEAD_BYTES: u32 = 61;

/// One record.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Decides the partition and, later, compaction.
    pub key: Option<RecordKey>,
    /// What the record says.
    pub value: RecordValue,
    /// Key, value and per-record overhead, in bytes.
    pub size_bytes: u32,
    /// `CreateTime`: the producer's wall clock, in milliseconds.
    pub timestamp_ms: i64,
}

/// What a record says.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum RecordValue {
    /// An application's record.
    Data(RecordId),
    /// A committed offset, in `__consumer_offsets`.
    OffsetCommit(OffsetCommitValue),
}

/// The value of a record in `__consumer_offsets` (`OffsetCommitValue`).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct OffsetCommitValue {
    /// Whose offset.
    pub group: GroupId,
    /// Of which partition.
    pub partition: TopicPartition,
    /// The next offset to read.
    pub offset: Offset,
    /// Epoch of the last record read, if known (KIP-320).
    pub leader_epoch: Option<LeaderEpoch>,
}

/// A record batch, the unit of appending and replicating (message format v2). The records are shared between the
/// producer, every log and every response that carries them; offset and epoch are the leader's stamp.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    /// Offset of the first record. Zero until a leader has appended the batch.
    pub base_offset: Offset,
    /// Epoch of the leader that appended it; not covered by the checksum (`partitionLeaderEpoch`).
    pub leader_epoch: LeaderEpoch,
    /// Header and records, in bytes.
    pub size_bytes: u32,
    /// At least one record.
    pub records: Arc<[Record]>,
}

impl Batch {
    /// A producer's batch: no offset, no epoch yet.
    ///
    /// # Panics
    /// If there are no records: Kafka refuses such a batch from a client.
    pub fn new(records: Arc<[Record]>) -> Self {
        assert!(!records.is_empty(), "a client's batch has at least one record");
        let size_bytes =
            BATCH_OVERHEAD_BYTES + records.iter().map(|record| record.size_bytes).sum::<u32>();
        Batch { base_offset: Offset::ZERO, leader_epoch: LeaderEpoch(0), size_bytes, records }
    }

    /// The same records as a leader stamps them on append.
    pub fn stamped(&self, base_offset: Offset, leader_epoch: LeaderEpoch) -> Self {
        Batch { base_offset, leader_epoch, ..self.clone() }
    }

    /// How many records.
    pub fn count(&self) -> u64 {
        self.records.len() as u64
    }

    /// Offset of the last record.
    pub fn last_offset(&self) -> Offset {
        self.base_offset + (self.count() - 1)
    }

    /// The offset after the last record.
    pub fn next_offset(&self) -> Offset {
        self.base_offset + self.count()
    }
}
