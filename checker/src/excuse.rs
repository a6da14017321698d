//! Records that are gone, and rightly so: a log keeps no record longer than it was told to.
//!
//! An excuse is found for each record by itself and never stands for a whole log: what is excused is counted here, what is
//! not is an [`Anomaly`](crate::anomaly::Anomaly), and the one says nothing of the other.

use crate::anomaly::AnomalyKind;
use crate::counted::{are, counted};
use crate::history::Offset;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What may take a record out of a log that kept its promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Excuse {
    /// The log begins above it: `retention.ms`, `retention.bytes` or `DeleteRecords` moved the log start offset.
    Retention,
    /// `cleanup.policy=compact`, and the log has a later record with the same message key, or had one that was a tombstone.
    Compaction,
}

impl Excuse {
    /// What takes the records away, as Kafka calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Excuse::Retention => "retention or DeleteRecords",
            Excuse::Compaction => "cleanup.policy=compact",
        }
    }
}

/// The records of one partition that one excuse keeps from being anomalies of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excused {
    /// What each of them would be otherwise.
    pub kind: AnomalyKind,
    /// What excuses them.
    pub excuse: Excuse,
    /// The partition, as `topic-partition`.
    pub key: String,
    /// How many there are.
    pub count: u64,
    /// The lowest and the highest of their offsets; none if no acknowledgement told one.
    pub offsets: Option<(Offset, Offset)>,
    /// How the excuse is known, of the first of them.
    pub because: String,
}

impl fmt::Display for Excused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Excused { kind, excuse, key, count, because, .. } = self;
        let (record, fate) = match kind {
            AnomalyKind::UnstableRead => ("read record", "gone"),
            AnomalyKind::GroupSkip => ("record", "not processed by a group"),
            AnomalyKind::PollSkip | AnomalyKind::InternalSkip => {
                ("record", "passed over by a consumer")
            }
            _ => ("acknowledged record", "gone"),
        };
        let (records, are) = (counted(*count, record), are(*count));
        write!(f, "{records} of {key}{} {are} {fate}", self.place())?;
        write!(f, ", excused by {}: {because}", excuse.name())
    }
}

impl Excused {
    fn place(&self) -> String {
        match self.offsets {
            Some((Offset(first), Offset(last))) if first == last => format!(" at offset {first}"),
            Some((first, last)) => format!(" at offsets {first} to {last}"),
            None => String::new(),
        }
    }
}
