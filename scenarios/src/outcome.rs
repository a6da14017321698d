//! What one trial says: its hash, its verdicts, what was found and how often rare things happened.
//!
//! An outcome is small and holds no simulated world. It is a line of the results file, so its fields are a wire format.

use std::collections::BTreeMap;

pub use ktrial_checker::anomaly::AnomalyKind;
use ktrial_checker::verdict;
pub use ktrial_checker::verdict::Property;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

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

impl Verdict {
    /// The word: `valid`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Vacuous => "vacuous",
            Self::Unknown => "unknown",
            Self::Invalid => "invalid",
        }
    }
}

impl From<&verdict::Verdict> for Verdict {
    fn from(verdict: &verdict::Verdict) -> Self {
        match verdict {
            verdict::Verdict::Valid => Self::Valid,
            verdict::Verdict::Vacuous { .. } => Self::Vacuous,
            verdict::Verdict::Unknown { .. } => Self::Unknown,
            verdict::Verdict::Invalid => Self::Invalid,
        }
    }
}

/// One thing that went wrong for a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Example {
    /// The record, as `topic-partition@offset`.
    pub record: String,
    /// When the last of the operations that prove it was recorded, in simulated nanoseconds.
    pub at_ns: u64,
    /// The setting that allowed it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_by: Option<String>,
    /// The proof in sentences: what happened to which record, and when.
    pub evidence: Vec<String>,
}

impl Example {
    fn of(anomaly: &ktrial_checker::anomaly::Anomaly) -> Self {
        let offset =
            anomaly.offsets.first().map_or_else(String::new, |offset| format!("@{offset}"));
        Self {
            record: format!("{}{offset}", anomaly.key),
            at_ns: anomaly.ops.iter().map(|op| op.time.0).max().unwrap_or(0),
            allowed_by: anomaly.allowed_by.clone(),
            evidence: anomaly.explain.clone(),
        }
    }
}

/// How many examples of one kind an outcome keeps.
const EXAMPLES_KEPT: usize = 3;

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
    #[schemars(with = "BTreeMap<PropertyName, Verdict>")]
    pub verdicts: BTreeMap<Property, Verdict>,
    /// Why verdicts are `unknown`, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_because: Vec<String>,
    /// What went wrong for the clients, by kind.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<AnomalyName, Anomaly>")]
    pub anomalies: BTreeMap<AnomalyKind, Anomaly>,
    /// Invariants of the model that broke.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub invariant_violations: Vec<InvariantViolation>,
    /// What made no progress though all was healed, if anything did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck: Option<String>,
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
    /// The outcome of a trial of which nothing but its trace is known yet.
    #[must_use]
    pub fn new(seed: u64, trace_hash: Digest) -> Self {
        Self {
            seed,
            trace_hash,
            second_trace_hash: None,
            verdicts: BTreeMap::new(),
            unknown_because: Vec::new(),
            anomalies: BTreeMap::new(),
            invariant_violations: Vec::new(),
            stuck: None,
            events: 0,
            simulated_ns: 0,
            acked_records: 0,
            probes: BTreeMap::new(),
            panic: None,
        }
    }

    /// The outcome of a trial that ended in a panic: it says nothing but that.
    #[must_use]
    pub fn panicked(seed: u64, message: String) -> Self {
        let trace_hash = Digest::of(message.as_bytes());
        Self { panic: Some(message), ..Self::new(seed, trace_hash) }
    }

    /// Takes over what the checker found: verdicts, the reasons of the unknown ones, anomalies with a few examples each.
    pub fn take_judgement(&mut self, judgement: &verdict::Judgement) {
        for (property, verdict) in &judgement.properties {
            self.verdicts.insert(*property, verdict.into());
            if let verdict::Verdict::Unknown { reason } = verdict {
                self.unknown_because.push(format!("{property}: {reason}"));
            }
        }
        for (kind, found) in &judgement.anomalies {
            let examples = found.examples.iter().take(EXAMPLES_KEPT).map(Example::of).collect();
            self.anomalies.insert(*kind, Anomaly { count: found.count, examples });
        }
    }

    /// Whether a second run of the same seed went another way.
    #[must_use]
    pub fn diverged(&self) -> bool {
        self.second_trace_hash.is_some_and(|second| second != self.trace_hash)
    }
}

/// The schema of a property's name.
pub(crate) struct PropertyName;

impl JsonSchema for PropertyName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Property".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names = Property::ALL.map(Property::name);
        schemars::json_schema!({ "type": "string", "enum": names, "description": "What a log promises." })
    }
}

/// The schema of the name of a kind of anomaly.
pub(crate) struct AnomalyName;

impl JsonSchema for AnomalyName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AnomalyKind".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<_> = AnomalyKind::ALL.iter().map(|kind| kind.name()).collect();
        schemars::json_schema!({ "type": "string", "enum": names, "description": "What can be wrong with a log." })
    }
}

#[cfg(test)]
mod tests {
    use ktrial_checker::anomaly::{self, OpRole, Role, Severity};
    use ktrial_checker::history::{Offset, OpId, Time};

    use super::*;

    #[test]
    fn a_judgement_becomes_words_reasons_and_examples() {
        let at = |time, role| OpRole { op: OpId(0), time: Time(time), role };
        let lost = anomaly::Anomaly {
            kind: AnomalyKind::LostWrite,
            severity: Severity::Warning,
            allowed_by: Some("acks=1".to_owned()),
            prevented_by: None,
            key: "orders-0".to_owned(),
            offsets: vec![Offset(42)],
            ops: vec![at(7, Role::Writer), at(9, Role::Reader)],
            missing: Vec::new(),
            explain: vec!["it was there and is gone".to_owned()],
        };
        let found =
            verdict::Found { count: 5, severity: Severity::Warning, examples: vec![lost; 4] };
        let unread = verdict::Verdict::Unknown { reason: "nobody read to the end".to_owned() };
        let judgement = verdict::Judgement {
            properties: [
                (Property::AckedDurability, verdict::Verdict::Invalid),
                (Property::AtLeastOnce, unread),
            ]
            .into(),
            anomalies: [(AnomalyKind::LostWrite, found)].into(),
            ..verdict::Judgement::default()
        };
        let mut outcome = TrialOutcome::new(0, Digest::empty());
        outcome.take_judgement(&judgement);
        assert_eq!(outcome.verdicts[&Property::AckedDurability], Verdict::Invalid);
        assert_eq!(outcome.unknown_because, ["at-least-once: nobody read to the end"]);
        let anomaly = &outcome.anomalies[&AnomalyKind::LostWrite];
        assert_eq!((anomaly.count, anomaly.examples.len()), (5, EXAMPLES_KEPT));
        assert_eq!(
            (&anomaly.examples[0].record[..], anomaly.examples[0].at_ns),
            ("orders-0@42", 9)
        );
    }
}
