//! What events refer to because it does not fit into 32 bytes: polls, records, offsets, bounds, producers, details.

use super::{Key, LeaderEpoch, MessageKey, Offset, OpId, Time, TransactionalId, Value};
use serde::{Deserialize, Serialize};

macro_rules! range_of {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            pub(super) start: u32,
            pub(super) len: u32,
        }
    };
}

range_of! {
    /// Refers to (partition, offset) pairs of the same history.
    Offsets
}
range_of! {
    /// Refers to record spans of the same history.
    Spans
}
range_of! {
    /// Refers to [`KeyBounds`] of the same history.
    Bounds
}
range_of! {
    /// Refers to [`LogEntry`]s of the same history.
    LogEntries
}

/// Refers to a [`Poll`] of the same history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollId(pub(super) u32);

/// Refers to a [`Producer`] of the same history; one told of later is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProducerRef(pub(super) u32);

/// A poll that returned records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    /// When `poll()` was called.
    pub invoked_at: Time,
    /// What it returned.
    pub records: Spans,
}

/// Records of one partition at consecutive offsets. A gap (a control batch, a record not returned) begins a new span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The partition.
    pub key: Key,
    /// The number of records, at least 1.
    pub len: u32,
    /// The first record's offset.
    pub base: Offset,
    pub(super) values: u32,
}

impl Span {
    /// The offset after the last record.
    #[must_use]
    pub fn end(&self) -> Offset {
        Offset(self.base.0 + i64::from(self.len))
    }
}

/// What a fetch or produce response told of one partition; [`Offset::NONE`] or [`LeaderEpoch::NONE`] where it did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyBounds {
    /// The partition.
    pub key: Key,
    /// The epoch of the leader that answered.
    pub leader_epoch: LeaderEpoch,
    /// Records below are committed.
    pub high_watermark: Offset,
    /// Below, every transaction is decided.
    pub last_stable_offset: Offset,
    /// Records below are gone by retention or `DeleteRecords`.
    pub log_start_offset: Offset,
}

impl KeyBounds {
    /// Nothing told of `key` yet.
    #[must_use]
    pub fn of(key: Key) -> Self {
        KeyBounds {
            key,
            leader_epoch: LeaderEpoch::NONE,
            high_watermark: Offset::NONE,
            last_stable_offset: Offset::NONE,
            log_start_offset: Offset::NONE,
        }
    }
}

/// A producer as brokers know it: an id, and an epoch that fences its earlier lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Producer {
    /// When the process asked for it, or [`Time::NONE`].
    pub invoked_at: Time,
    /// The `producerId`.
    pub id: i64,
    /// The `transactional.id`, unless the producer is only idempotent.
    pub transactional_id: Option<TransactionalId>,
    /// The `producerEpoch`.
    pub epoch: i16,
}

/// What else is known of a send, told with its invocation or with its acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendDetail {
    /// The event it was told with.
    pub(super) told_with: OpId,
    /// The record's key.
    pub message_key: Option<MessageKey>,
    /// The sequence number of an idempotent producer's record in its partition.
    pub sequence: Option<i32>,
}

/// The records that a send's record was made from, told with its invocation or with its acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SendInputs {
    /// The event it was told with.
    pub(super) told_with: OpId,
    /// Where the records are.
    pub(super) inputs: Offsets,
}

/// An entry of a dumped log that is more, or other, than a committed record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Where it is.
    pub offset: Offset,
    /// The record; `None` in a marker.
    pub value: Option<Value>,
    /// The `producerId` of its writer, or -1.
    pub producer_id: i64,
    /// The `producerEpoch` of its writer, or -1.
    pub producer_epoch: i16,
    /// What it is.
    pub kind: LogEntryKind,
}

/// What an entry of a log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogEntryKind {
    /// A committed record.
    Data,
    /// A transaction's end: committed.
    Commit,
    /// A transaction's end: aborted.
    Abort,
    /// A record of an aborted transaction.
    AbortedData,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_takes_24_bytes() {
        assert_eq!(size_of::<Span>(), 24);
    }
}
