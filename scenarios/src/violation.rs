//! What is wrong with one trial, measured against what was expected of it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::format::Expectation;
use crate::outcome::{AnomalyKind, AnomalyName, Property, PropertyName, TrialOutcome, Verdict};

/// One thing that should not have been.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Violation {
    /// The trial ended in a panic: a mistake in ktrial.
    Panic,
    /// A second run of the seed went another way: a mistake in ktrial.
    Divergence,
    /// An invariant of the model broke.
    Invariant(String),
    /// No progress was made though all was healed.
    Stuck,
    /// A property that was to hold did not.
    #[schemars(with = "PropertyName")]
    Property(Property),
    /// An anomaly was found that is neither expected nor allowed.
    #[schemars(with = "AnomalyName")]
    Anomaly(AnomalyKind),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panic => f.write_str("ktrial panicked"),
            Self::Divergence => f.write_str("two runs of the seed differ"),
            Self::Invariant(invariant) => write!(f, "invariant {invariant} broke"),
            Self::Stuck => f.write_str("no progress after healing"),
            Self::Property(property) => write!(f, "{property} does not hold"),
            Self::Anomaly(anomaly) => write!(f, "{anomaly} was found"),
        }
    }
}

/// Everything that is wrong with a trial; nothing when it is as expected.
#[must_use]
pub fn violations(expect: &Expectation, outcome: &TrialOutcome) -> Vec<Violation> {
    let panic = outcome.panic.iter().map(|_| Violation::Panic);
    let divergence = outcome.diverged().then_some(Violation::Divergence);
    let broken = outcome.invariant_violations.iter().map(|broken| broken.invariant.clone());
    let anomalies = outcome.anomalies.keys().copied().filter(|kind| !expect.tolerates(*kind));
    let invalid = |property: &&Property| outcome.verdicts.get(property) == Some(&Verdict::Invalid);
    let properties = expect.holds.iter().filter(invalid).copied();
    let mut violations: Vec<_> = panic
        .chain(divergence)
        .chain(broken.map(Violation::Invariant))
        .chain(outcome.stuck.iter().map(|_| Violation::Stuck))
        .chain(properties.map(Violation::Property))
        .chain(anomalies.map(Violation::Anomaly))
        .collect();
    violations.dedup();
    violations
}
