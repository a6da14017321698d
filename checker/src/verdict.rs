//! What a judgement says: per property one of valid < vacuous < unknown < invalid, what was found, what was looked at.

use crate::anomaly::{Anomaly, AnomalyKind, Severity};
use crate::excuse::Excused;
pub use crate::property::Property;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Whether a property holds; greater is worse.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// It holds, and something was there to break it.
    Valid,
    /// Nothing happened that could have broken it.
    Vacuous {
        /// What did not happen.
        reason: String,
    },
    /// The history does not tell.
    Unknown {
        /// What is missing.
        reason: String,
    },
    /// It does not hold.
    Invalid,
}

impl Verdict {
    /// The verdict in one word.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Verdict::Valid => "valid",
            Verdict::Vacuous { .. } => "vacuous",
            Verdict::Unknown { .. } => "unknown",
            Verdict::Invalid => "invalid",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Valid | Verdict::Invalid => f.pad(self.name()),
            Verdict::Vacuous { reason } | Verdict::Unknown { reason } => {
                write!(f, "{} ({reason})", self.name())
            }
        }
    }
}

/// All that was found of one kind of anomaly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// How many there are.
    pub count: u64,
    /// How bad one is under the contract.
    pub severity: Severity,
    /// Some of them, the most telling first, at most [`EXAMPLES_MAX`](crate::anomaly::EXAMPLES_MAX).
    pub examples: Vec<Anomaly>,
}

/// A history, judged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// One verdict per property.
    pub properties: BTreeMap<Property, Verdict>,
    /// What was found. A kind that was not found is absent.
    pub anomalies: BTreeMap<AnomalyKind, Found>,
    /// What would have been found, had not retention or compaction removed it, by kind, partition and excuse.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excused: Vec<Excused>,
    /// What was looked at.
    pub coverage: Coverage,
}

impl Judgement {
    /// The verdict on one property.
    #[must_use]
    pub fn verdict(&self, property: Property) -> &Verdict {
        self.properties.get(&property).expect("every property is judged")
    }

    /// How many anomalies of one kind there are.
    #[must_use]
    pub fn count(&self, kind: AnomalyKind) -> u64 {
        self.anomalies.get(&kind).map_or(0, |found| found.count)
    }

    /// All examples, the worst severity first.
    pub fn worst_first(&self) -> impl Iterator<Item = &Anomaly> {
        [Severity::Error, Severity::Warning, Severity::Info].into_iter().flat_map(move |severity| {
            self.anomalies
                .values()
                .filter(move |found| found.severity == severity)
                .flat_map(|found| &found.examples)
        })
    }
}

/// How much there was to judge: a property that nothing could have broken is not called valid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Sends invoked.
    pub sends: u64,
    /// Sends acknowledged.
    pub acked: u64,
    /// Sends that failed for certain.
    pub failed: u64,
    /// Sends whose outcome the producer never learnt.
    pub indeterminate: u64,
    /// Records in polls, drains and dumps.
    pub records_read: u64,
    /// Offsets at which a record was seen or acknowledged.
    pub slots: u64,
    /// Pairs of successive records of one producer in one partition whose order was compared.
    pub order_pairs: u64,
    /// Steps of a consumer from a known position to the next records.
    pub poll_steps: u64,
    /// Partitions whose whole log was read at rest.
    pub final_reads: u64,
    /// Acknowledged records looked for in a final read.
    pub acked_judged: u64,
    /// (group, partition) pairs with a starting point.
    pub group_partitions: u64,
    /// Records that a group owed to process, from its starting point to where it got.
    pub owed: u64,
    /// Records beyond where a group got, or still in its members' hands, when the history ended.
    pub unreached: u64,
    /// Records that groups processed, once each.
    pub processed: u64,
    /// Commits invoked.
    pub commits: u64,
    /// Appends and reads of a log's bounds that were compared with what was complete before they began.
    pub real_time_checks: u64,
    /// The longest time for which a consumer that polled had been behind the log's end, in nanoseconds.
    pub worst_lag_ns: u64,
    /// (partition or group) that had time to recover after all faults were over.
    pub recoveries: u64,
    /// Transactions that sent something.
    pub transactions: u64,
    /// Transactions whose records were all looked for in a final read.
    pub transactions_judged: u64,
    /// Polls of committed records, by partition, from beyond a record of a transaction.
    pub stable_reads: u64,
    /// Intervals of partitions that committed transactions consumed for their groups.
    pub intervals: u64,
    /// Those of them in partitions that were read at rest.
    pub intervals_judged: u64,
    /// Records that outputs of committed transactions say they were made from.
    pub inputs_named: u64,
    /// Pairs of successive records of one producer in one partition whose sequence numbers were compared.
    pub sequence_pairs: u64,
}

impl Coverage {
    /// The counters that say how much a property was put to the test, in the order of declaration.
    pub fn of(&self, property: Property) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        let names: &[&str] = match property {
            Property::PartitionOrder => &["records_read", "slots", "order_pairs", "poll_steps"],
            Property::AckedDurability => &["acked", "indeterminate", "final_reads", "acked_judged"],
            Property::AtLeastOnce => &["group_partitions", "owed", "unreached", "commits"],
            Property::Linearizability => &["real_time_checks", "worst_lag_ns"],
            Property::Availability => &["recoveries"],
            Property::AtMostOnce => &["group_partitions", "processed", "commits"],
            Property::Isolation => &["transactions", "transactions_judged", "stable_reads"],
            Property::ExactlyOnce => {
                &["intervals", "intervals_judged", "inputs_named", "sequence_pairs"]
            }
        };
        self.counters().into_iter().filter(|(name, _)| names.contains(name))
    }

    /// The counters by name, in the order of declaration.
    #[must_use]
    pub fn counters(&self) -> [(&'static str, u64); 25] {
        [
            ("sends", self.sends),
            ("acked", self.acked),
            ("failed", self.failed),
            ("indeterminate", self.indeterminate),
            ("records_read", self.records_read),
            ("slots", self.slots),
            ("order_pairs", self.order_pairs),
            ("poll_steps", self.poll_steps),
            ("final_reads", self.final_reads),
            ("acked_judged", self.acked_judged),
            ("group_partitions", self.group_partitions),
            ("owed", self.owed),
            ("unreached", self.unreached),
            ("processed", self.processed),
            ("commits", self.commits),
            ("real_time_checks", self.real_time_checks),
            ("worst_lag_ns", self.worst_lag_ns),
            ("recoveries", self.recoveries),
            ("transactions", self.transactions),
            ("transactions_judged", self.transactions_judged),
            ("stable_reads", self.stable_reads),
            ("intervals", self.intervals),
            ("intervals_judged", self.intervals_judged),
            ("inputs_named", self.inputs_named),
            ("sequence_pairs", self.sequence_pairs),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lattice_puts_invalid_above_unknown_above_vacuous_above_valid() {
        let reason = || "r".to_owned();
        let rising = [
            Verdict::Valid,
            Verdict::Vacuous { reason: reason() },
            Verdict::Unknown { reason: reason() },
            Verdict::Invalid,
        ];
        assert!(rising.is_sorted_by(|low, high| low < high));
    }

    #[test]
    fn verdicts_survive_json() {
        let unknown = Verdict::Unknown { reason: "no final read".to_owned() };
        let json = serde_json::to_string(&unknown).unwrap();
        assert_eq!(json, r#"{"verdict":"unknown","reason":"no final read"}"#);
        assert_eq!(serde_json::from_str::<Verdict>(&json).unwrap(), unknown);
    }
}
