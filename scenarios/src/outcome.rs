//! What one trial says: its hash, its verdicts, what was found and how often rare things happened.
//!
//! An outcome is small and holds no simulated world. It is a line of the results file, so its fields are a wire format.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// Every kind of anomaly a trial can report.
pub const ANOMALIES: [&str; 5] =
    ["lost-write", "duplicate", "reordered", "redelivered", "group-skip"];

/// A promise that Kafka makes and a trial judges.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Property {
    /// Within a partition, records stand in the order in which their producer sent them, each once.
    PartitionOrder,
    /// What was acknowledged is there.
    AckedDurability,
    /// What is in the log is processed at least once by each group.
    AtLeastOnce,
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PartitionOrder => "partition-order",
            Self::AckedDurability => "acked-durability",
            Self::AtLeastOnce => "at-least-once",
        })
    }
}

/// What a trial says of one property.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It held.
    Valid,
    /// It held because there was nothing to judge.
    Vacuous,
    /// It could not be judged.
    Unknown,
    /// It was broken.
    Invalid,
}

/// One thing that went wrong for a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Example {
    /// The record, as `topic-partition@offset` or as the id its producer gave it.
    pub record: String,
    /// When it was found, in simulated nanoseconds.
    pub at_ns: u64,
    /// The proof in sentences: what happened to which record, and when.
    pub evidence: Vec<String>,
}

/// All findings of one kind in one trial.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Anomaly {
    /// The number of findings.
    pub count: u64,
    /// The first few of them.
    pub examples: Vec<Example>,
}

/// A white-box invariant that broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvariantViolation {
    /// The invariant's number, `W4`.
    pub invariant: String,
    /// What was seen.
    pub text: String,
    /// The event that broke it.
    pub event: u64,
    /// When, in simulated nanoseconds.
    pub at_ns: u64,
}

/// What one trial says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrialOutcome {
    /// The seed.
    pub seed: u64,
    /// The hash over all events of the trial.
    pub trace_hash: Digest,
    /// The hash of a second run of the same seed, when `--check-determinism` asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_trace_hash: Option<Digest>,
    /// The verdict on each property that was judged.
    pub verdicts: BTreeMap<Property, Verdict>,
    /// Why verdicts are `unknown`, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_because: Vec<String>,
    /// What went wrong for the clients, by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub anomalies: BTreeMap<String, Anomaly>,
    /// Invariants of the model that broke.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invariant_violations: Vec<InvariantViolation>,
    /// The number of events of the trial.
    pub events: u64,
    /// How long the trial lasted in simulated time, in nanoseconds.
    pub simulated_ns: u64,
    /// The number of records that were acknowledged.
    pub acked_records: u64,
    /// How often each rare thing happened; a rare thing that did not happen has 0.
    pub probes: BTreeMap<String, u64>,
    /// The message of the panic that ended the trial, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub panic: Option<String>,
}

impl TrialOutcome {
    /// The outcome of a trial that ended in a panic: it says nothing but that.
    #[must_use]
    pub fn panicked(seed: u64, message: String) -> Self {
        Self {
            seed,
            trace_hash: Digest::of(message.as_bytes()),
            second_trace_hash: None,
            verdicts: BTreeMap::new(),
            unknown_because: Vec::new(),
            anomalies: BTreeMap::new(),
            invariant_violations: Vec::new(),
            events: 0,
            simulated_ns: 0,
            acked_records: 0,
            probes: BTreeMap::new(),
            panic: Some(message),
        }
    }

    /// Whether a second run of the same seed went another way.
    #[must_use]
    pub fn diverged(&self) -> bool {
        self.second_trace_hash.is_some_and(|second| second != self.trace_hash)
    }
}
