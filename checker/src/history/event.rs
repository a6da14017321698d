//! What a client did or learnt, in 32 bytes: the vocabulary of `klog/1`.
//!
//! A send, a commit and a read of committed offsets are two events, invocation and completion, and overlap freely: a
//! process may have many sends in flight. A completion names its invocation's [`OpId`]. An invocation without completion
//! is *unknown*, as one completed by [`SendUnknown`](What::SendUnknown) is: it may have happened or not, and may
//! happen later.

use super::{GroupId, Key, Offset, OpId, ProcessId, Time, Value};
use serde::{Deserialize, Serialize};

/// One line of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it happened.
    pub time: Time,
    /// Whose it is.
    pub process: ProcessId,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The application called `send()`. The order of these events is the producer's order.
    SendInvoked {
        /// The partition the record goes to.
        key: Key,
        /// The record.
        value: Value,
    },
    /// The send was acknowledged.
    SendOk {
        /// The send.
        op: OpId,
        /// Where the record is, or [`Offset::NONE`] if the acknowledgement does not tell.
        offset: Offset,
    },
    /// The send certainly did not happen and never will.
    SendFailed {
        /// The send.
        op: OpId,
    },
    /// The send may or may not have happened: a time-out, a lost connection.
    SendUnknown {
        /// The send.
        op: OpId,
    },
    /// `poll()` handed records to the application.
    Polled {
        /// When the poll was called.
        poll: PollId,
    },
    /// The process now reads exactly these partitions; the ones it read before keep their position.
    Assigned {
        /// The partitions (their offsets mean nothing here).
        keys: Offsets,
    },
    /// The process will read this partition from here on.
    Positioned {
        /// The partition.
        key: Key,
        /// The next offset to read.
        offset: Offset,
        /// Where the position came from.
        by: PositionedBy,
    },
    /// The application finished processing records it had polled.
    Processed {
        /// The records.
        records: Spans,
    },
    /// The process asked for offsets to be committed.
    CommitInvoked {
        /// The group it commits for.
        group: GroupId,
        /// The next offset to read, by partition.
        offsets: Offsets,
    },
    /// The commit happened.
    CommitOk {
        /// The commit.
        op: OpId,
    },
    /// The commit certainly did not happen.
    CommitFailed {
        /// The commit.
        op: OpId,
    },
    /// The commit may or may not have happened.
    CommitUnknown {
        /// The commit.
        op: OpId,
    },
    /// The process asked for the group's committed offsets.
    CommittedInvoked {
        /// The group.
        group: GroupId,
    },
    /// The committed offsets, [`Offset::NONE`] where nothing is committed.
    CommittedOk {
        /// The request.
        op: OpId,
        /// The answer.
        offsets: Offsets,
    },
    /// The process died: what it held in memory is gone and it does nothing any more.
    Crashed,
    /// The process closed in good order.
    Closed,
    /// This process is a final reader: at rest, it read the partition from its position (or 0) to the log's end.
    Drained {
        /// The partition.
        key: Key,
        /// The log's end: no record at or above.
        end: Offset,
    },
    /// Ground truth at rest: the whole committed log of the partition as its leader has it.
    LogDumped {
        /// The partition.
        key: Key,
        /// Everything in it.
        records: Spans,
    },
}

/// Why a consumer reads on from where it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PositionedBy {
    /// From the group's committed offset.
    Committed,
    /// No committed offset (or it is out of range) and `auto.offset.reset=earliest`.
    ResetEarliest,
    /// No committed offset (or it is out of range) and `auto.offset.reset=latest`.
    ResetLatest,
    /// The log was truncated below the position, and the consumer noticed (KIP-320).
    Truncation,
    /// The application said so.
    Seek,
}

/// Refers to a [`Poll`] of the same history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollId(pub(super) u32);

/// Refers to (partition, offset) pairs of the same history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offsets {
    pub(super) start: u32,
    pub(super) len: u32,
}

/// Refers to record spans of the same history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spans {
    pub(super) start: u32,
    pub(super) len: u32,
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_send_takes_64_bytes_and_a_span_24() {
        assert_eq!(2 * size_of::<Event>(), 64);
        assert_eq!(size_of::<Span>(), 24);
    }
}
