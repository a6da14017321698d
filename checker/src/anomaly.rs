//! What can be wrong with a log, by name, and the evidence that it is.

use crate::history::{Offset, OpId, Time, Value};
use crate::property::Property;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $name:literal $property:ident;)*) => {
        /// A kind of anomaly. Its name is what scenarios, reports and people call it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum AnomalyKind {
            $($(#[$doc])* #[serde(rename = $name)] $kind,)*
        }

        impl AnomalyKind {
            /// All kinds, by property.
            pub const ALL: &[AnomalyKind] = &[$(AnomalyKind::$kind),*];

            /// The kind's name: `lost-write`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(AnomalyKind::$kind => $name,)* }
            }

            /// The property it belongs to.
            #[must_use]
            pub const fn property(self) -> Property {
                match self { $(AnomalyKind::$kind => Property::$property,)* }
            }
        }
    };
}

kinds! {
    /// Two readers saw different records at one offset.
    Divergence "divergence" PartitionOrder;
    /// A reader got a record that nobody sent.
    Phantom "phantom" PartitionOrder;
    /// A reader got bytes that are no record.
    Corrupt "corrupt" PartitionOrder;
    /// A reader got a record that was sent to another partition.
    WrongPartition "wrong-partition" PartitionOrder;
    /// One send, two offsets.
    Duplicate "duplicate" PartitionOrder;
    /// A reader got a record whose send had certainly failed.
    AbortedRead "aborted-read" PartitionOrder;
    /// An acknowledgement named an offset at which the log has another record.
    AckedOffsetConflict "acked-offset-conflict" PartitionOrder;
    /// A reader got a record before it was sent.
    ReadBeforeSend "read-before-send" PartitionOrder;
    /// A reader got a record that the final log does not have, though nobody was promised it would.
    UnstableRead "unstable-read" PartitionOrder;
    /// A producer's later record lies before its earlier one, and both were acknowledged.
    OutOfOrder "out-of-order" PartitionOrder;
    /// Two of a producer's records lie against the order it sent them in, and it was not told of both that they succeeded.
    LateAppend "late-append" PartitionOrder;
    /// The records of one message key went to one partition of their topic and then to another.
    MessageKeyMoved "message-key-moved" PartitionOrder;
    /// A consumer's reads jumped over a record.
    PollSkip "poll-skip" PartitionOrder;
    /// A consumer's reads went back.
    NonmonotonicPoll "nonmonotonic-poll" PartitionOrder;
    /// One poll handed out records and left out one between them.
    InternalSkip "internal-skip" PartitionOrder;
    /// One poll handed out records of a partition backwards.
    InternalNonmonotonic "internal-nonmonotonic" PartitionOrder;
    /// An acknowledged record is gone and another one has its offset.
    LostWrite "lost-write" AckedDurability;
    /// An acknowledged record is gone from amid records that are there, at rest or in one poll.
    Hole "hole" AckedDurability;
    /// An acknowledged record is gone and the log ends at or before its offset.
    TruncatedTail "truncated-tail" AckedDurability;
    /// An acknowledged record never appeared though the log was read to its end.
    DrainedUnseen "drained-unseen" AckedDurability;
    /// A consumer committed past a record that its group had not received.
    CommitBeyondDelivery "commit-beyond-delivery" AtLeastOnce;
    /// A consumer committed past a record that its group had received and not yet processed.
    CommitBeyondProcessing "commit-beyond-processing" AtLeastOnce;
    /// A group moved past a record and never processed it.
    GroupSkip "group-skip" AtLeastOnce;
    /// A group was given committed offsets older than ones it had committed.
    CommittedOffsetRegression "committed-offset-regression" AtLeastOnce;
    /// A group was given a committed offset that no commit in force had written.
    PhantomCommit "phantom-commit" AtLeastOnce;
    /// A member began to read a partition beyond every offset that its group may have committed.
    StartBeyondCommit "start-beyond-commit" AtLeastOnce;
    /// A reset to the log's end made a group pass over a record.
    SkippedByReset "skipped-by-reset" AtLeastOnce;
    /// A group processed a record twice.
    GroupRedelivery "group-redelivery" AtMostOnce;
    /// Two members of a group had a partition at once, and commits of both were accepted.
    OwnershipOverlap "ownership-overlap" AtMostOnce;
    /// A commit of a member was accepted after a later generation of its group had read the partition.
    FencingViolation "fencing-violation" AtMostOnce;
    /// A record lies below one that was in the log before it was sent.
    BackdatedAppend "backdated-append" Linearizability;
    /// Somebody who asked where a log ends was told an offset that the log had passed before.
    StaleEnd "stale-end" Linearizability;
    /// A leader told a session a lower high watermark than before, in one leader epoch.
    HighWatermarkRegression "high-watermark-regression" Linearizability;
    /// A log began at a lower offset than before.
    LogStartRegression "log-start-regression" Linearizability;
    /// One response put the bounds of a log in the wrong order.
    BoundsDisorder "bounds-disorder" Linearizability;
    /// A reader got a record at or above the bound that its own response told.
    ReadBeyondBound "read-beyond-bound" Linearizability;
    /// After all faults were over, a partition took no record for longer than recovery may take.
    StuckPartition "stuck-partition" Availability;
    /// After all faults were over, a group left records alone for longer than recovery may take.
    StuckGroup "stuck-group" Availability;
    /// A reader got a record of a transaction before its commit was asked for.
    EarlyRead "early-read" Isolation;
    /// A reader got a record of an aborted transaction.
    AbortedTransactionRead "aborted-transaction-read" Isolation;
    /// The log at rest shows a record of an aborted transaction.
    AbortedVisible "aborted-visible" Isolation;
    /// A reader of committed records read on beyond a transaction still undecided.
    LastStableOffsetPassed "last-stable-offset-passed" Isolation;
    /// Of a committed transaction, the logs at rest hold some records and lack others.
    TornTransaction "torn-transaction" Isolation;
    /// Of a committed transaction, the logs at rest hold nothing.
    LostTransaction "lost-transaction" Isolation;
    /// Transactions lie one way in one partition and the other way in another.
    WriteCycle "write-cycle" Isolation;
    /// Transactions come before each other, by their records' order in one place and by reading in another.
    InformationFlowCycle "information-flow-cycle" Isolation;
    /// Transactions have read from each other.
    ReadCycle "read-cycle" Isolation;
    /// A transaction saw another one and missed a third that comes before that one.
    ReadSkew "read-skew" Isolation;
    /// Transactions come before each other, twice or more often because one missed what the next one wrote.
    AntiDependencyCycle "anti-dependency-cycle" Isolation;
    /// Two committed transactions consumed the same records for a group.
    DoubleProcessing "double-processing" ExactlyOnce;
    /// A group's committed transactions moved past records that none of them consumed.
    SkippedInput "skipped-input" ExactlyOnce;
    /// The offsets of an aborted transaction moved its group on.
    OffsetWithoutOutput "offset-without-output" ExactlyOnce;
    /// Two committed transactions of a group made outputs of one record.
    DuplicateOutput "duplicate-output" ExactlyOnce;
    /// A committed transaction consumed a record and made no output of it, though its outputs name what they were made from.
    MissingOutput "missing-output" ExactlyOnce;
    /// An older life of a producer wrote after a newer one.
    ZombieWrite "zombie-write" ExactlyOnce;
    /// An older life of a producer committed a transaction after a newer one was initialized.
    FencedCommit "fenced-commit" ExactlyOnce;
    /// Two transactions of one `transactional.id` interleave in a partition.
    TransactionInterleaving "transaction-interleaving" ExactlyOnce;
    /// The log skips a sequence number of an idempotent producer.
    SequenceGap "sequence-gap" ExactlyOnce;
    /// The log holds a sequence number of an idempotent producer twice.
    SequenceDuplicate "sequence-duplicate" ExactlyOnce;
}

impl AnomalyKind {
    /// The kind of this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<AnomalyKind> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Whether it is one of the shapes that the loss of an acknowledged record takes.
    #[must_use]
    pub const fn is_loss(self) -> bool {
        matches!(self.property(), Property::AckedDurability)
    }

    /// Whether one such anomaly makes its property invalid under every contract. The others are counted: a commit before processing does
    /// harm only if the process then dies, a start beyond the commits does if the records between were never
    /// processed, which is a skip of its own, a request that its producer has given up on may still arrive, behind what was
    /// sent since, message keys move when partitions are added, and nobody orders transactions that run side by side, unless the
    /// [contract](crate::contract::Contract::breaks) does.
    #[must_use]
    pub const fn breaks_its_property(self) -> bool {
        !matches!(
            self,
            AnomalyKind::CommitBeyondProcessing
                | AnomalyKind::StartBeyondCommit
                | AnomalyKind::LateAppend
                | AnomalyKind::MessageKeyMoved
                | AnomalyKind::WriteCycle
                | AnomalyKind::InformationFlowCycle
                | AnomalyKind::ReadSkew
                | AnomalyKind::AntiDependencyCycle
        )
    }
}

impl fmt::Display for AnomalyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How bad an anomaly is under a [`Contract`](crate::contract::Contract).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth counting; breaks no property.
    Info,
    /// Breaks the property, but the configuration never promised otherwise.
    Warning,
    /// Breaks a promise.
    Error,
}

/// One anomaly with the fewest operations that prove it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anomaly {
    /// What it is.
    pub kind: AnomalyKind,
    /// How bad it is.
    pub severity: Severity,
    /// The setting that permits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_by: Option<String>,
    /// The smallest change of the configuration that prevents it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prevented_by: Option<String>,
    /// The partition, as `topic-partition`.
    pub key: String,
    /// The offsets it is about.
    pub offsets: Vec<Offset>,
    /// The operations that prove it.
    pub ops: Vec<OpRole>,
    /// The records concerned that were not seen where they belong, at most [`EXAMPLES_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<(Offset, Value)>,
    /// The proof, in sentences.
    pub explain: Vec<String>,
}

impl Anomaly {
    /// The earliest operation of the proof.
    #[must_use]
    pub fn first_op(&self) -> Option<OpId> {
        self.ops.iter().map(|role| role.op).min()
    }
}

/// An operation and its part in an anomaly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpRole {
    /// The operation.
    pub op: OpId,
    /// When it was recorded.
    pub time: Time,
    /// Its part.
    pub role: Role,
}

/// The part an operation has in an anomaly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Sent the record.
    Writer,
    /// Told its producer that the record is in the log.
    Acknowledgement,
    /// Sent the record that lies where another one should.
    Overwriter,
    /// Sent the record that was sent later and lies before.
    Overtaker,
    /// Read the record, or read where it should have been.
    Reader,
    /// Read before that.
    EarlierReader,
    /// Read the log to its end.
    FinalReader,
    /// Committed offsets.
    Committer,
    /// Processed the record.
    Processor,
    /// Was positioned or assigned.
    Owner,
    /// Declared all faults over.
    Healer,
    /// Said how a transaction ended.
    TransactionEnd,
    /// Began a transaction.
    Transaction,
    /// Acted as a producer of which a newer life was known.
    Zombie,
}

/// The most examples kept of one kind; counts are always full.
pub const EXAMPLES_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kebab_case_unique_and_found_again() {
        for &kind in AnomalyKind::ALL {
            assert!(
                kind.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'),
                "{kind}"
            );
            assert_eq!(AnomalyKind::by_name(kind.name()), Some(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
        assert_eq!(AnomalyKind::by_name("lost-writes"), None);
    }
}
