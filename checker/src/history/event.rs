//! What a client did or learnt, in 32 bytes: the vocabulary of `klog/1`.
//!
//! A send, a commit, a read of committed offsets or of a log's bounds are two events, invocation and completion, and
//! overlap freely: a process may have many sends in flight. A completion names its invocation's [`OpId`]. An invocation
//! without completion is *unknown*, as one completed by [`SendUnknown`](What::SendUnknown) is: it may have happened or not,
//! and may happen later.

use super::attached::{Bounds, LogEntries, Offsets, PollId, ProducerRef, Spans};
use super::{Generation, GroupId, Key, Offset, OpId, ProcessId, Time, Value};
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
    /// `initTransactions()` returned, or an idempotent producer got its id: the process sends as this producer now.
    ProducerInitialized {
        /// Who it is.
        producer: ProducerRef,
    },
    /// The process began a transaction. What it sends and polls until the transaction is decided belongs to it; an
    /// acknowledged send is committed only if its transaction is.
    TxnBegun,
    /// `sendOffsetsToTransaction()` returned: these offsets are committed if the process's open transaction is.
    TxnOffsets {
        /// The group they are committed for.
        group: GroupId,
        /// The next offset to read, by partition.
        offsets: Offsets,
    },
    /// The transaction was committed.
    TxnCommitted {
        /// The transaction.
        txn: OpId,
        /// When the commit was asked for, or [`Time::NONE`].
        commit_invoked_at: Time,
    },
    /// The transaction was aborted, or never asked to be committed and never will be.
    TxnAborted {
        /// The transaction.
        txn: OpId,
    },
    /// The transaction may be committed or aborted, now or later.
    TxnUnknown {
        /// The transaction.
        txn: OpId,
        /// When the commit was asked for, or [`Time::NONE`].
        commit_invoked_at: Time,
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
    /// The process joins its group to read of these partitions what the group gives it. It holds what
    /// [`Rebalanced`](What::Rebalanced) says, or, if the process reports no rebalances, nobody knows what.
    Subscribed {
        /// The partitions (their offsets mean nothing here).
        keys: Offsets,
    },
    /// A group's rebalance gave the process partitions or took them.
    Rebalanced {
        /// Which way.
        kind: RebalanceKind,
        /// Of which generation, or [`Generation::NONE`].
        generation: Generation,
        /// The partitions (their offsets mean nothing here).
        keys: Offsets,
    },
    /// The process acts as a member of this generation from here on.
    Joined {
        /// The generation.
        generation: Generation,
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
    /// The process asked where logs begin or end (`ListOffsets`).
    ListOffsetsInvoked {
        /// For which bound.
        of: LogBound,
        /// Of which partitions (their offsets mean nothing here).
        keys: Offsets,
    },
    /// The bounds, exact at some moment between invocation and completion.
    ListOffsetsOk {
        /// The request.
        op: OpId,
        /// The answer.
        offsets: Offsets,
    },
    /// What the response behind an operation told of the logs. Follows the operation's completion at once.
    BoundsTold {
        /// The poll, send or transaction.
        op: OpId,
        /// What was told.
        bounds: Bounds,
    },
    /// Where the consumer stood after an operation. Follows the operation's completion at once.
    PositionsTold {
        /// The poll or transaction.
        op: OpId,
        /// The next offset to read, by partition.
        offsets: Offsets,
    },
    /// The process died: what it held in memory is gone and it does nothing any more.
    Crashed,
    /// The process closed in good order.
    Closed,
    /// All faults are over: from here on the log owes progress.
    Healed,
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
        /// Every committed record in it.
        records: Spans,
    },
    /// Ground truth at rest: what else the partition's log holds, and who wrote it.
    LogAnnotated {
        /// The partition.
        key: Key,
        /// Markers, aborted records, and committed ones whose producer is known, in the order of their offsets.
        entries: LogEntries,
    },
}

impl What {
    /// The operation that this event completes, if it completes one that was invoked by an earlier event.
    #[must_use]
    pub fn completes(self) -> Option<OpId> {
        match self {
            What::SendOk { op, .. }
            | What::SendFailed { op }
            | What::SendUnknown { op }
            | What::TxnCommitted { txn: op, .. }
            | What::TxnAborted { txn: op }
            | What::TxnUnknown { txn: op, .. }
            | What::CommitOk { op }
            | What::CommitFailed { op }
            | What::CommitUnknown { op }
            | What::CommittedOk { op, .. }
            | What::ListOffsetsOk { op, .. } => Some(op),
            _ => None,
        }
    }

    /// The operation that this event tells more of, if it is such an event.
    #[must_use]
    pub fn tells_of(self) -> Option<OpId> {
        match self {
            What::BoundsTold { op, .. } | What::PositionsTold { op, .. } => Some(op),
            _ => None,
        }
    }

    /// Whether this event invokes an operation that a later event completes.
    #[must_use]
    pub fn is_invocation(self) -> bool {
        matches!(
            self,
            What::SendInvoked { .. }
                | What::TxnBegun
                | What::CommitInvoked { .. }
                | What::CommittedInvoked { .. }
                | What::ListOffsetsInvoked { .. }
        )
    }
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

/// What a rebalance did to a member, as `ConsumerRebalanceListener` hears it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RebalanceKind {
    /// The partitions are the member's from here on, beside those it has; it has no position in them yet.
    Assigned,
    /// The member gave the partitions up, after a last chance to commit.
    Revoked,
    /// The partitions were taken without that chance; another member may have them already.
    Lost,
    /// Something happened to the partitions, nobody told what: their positions mean nothing any more.
    Unknown,
}

/// A bound of a log that `ListOffsets` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogBound {
    /// The log start offset.
    Earliest,
    /// The high watermark.
    Latest,
    /// The last stable offset: the end for a reader with `isolation.level=read_committed`.
    #[serde(rename = "lso")]
    LastStable,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_send_takes_64_bytes() {
        assert_eq!(2 * size_of::<Event>(), 64);
    }
}
