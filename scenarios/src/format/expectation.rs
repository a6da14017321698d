//! What is expected of a scenario's trials, and of its twin's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Override, Settings};
use crate::outcome::Property;

/// What must hold, what must be found and what may be found. Any other finding is a violation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Expectation {
    /// Properties that must hold on every seed.
    pub holds: Vec<Property>,
    /// Anomalies that must be found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub finds: Vec<Finding>,
    /// Anomalies that may be found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allows: Vec<String>,
}

impl Expectation {
    /// Whether an anomaly of this kind is no violation.
    #[must_use]
    pub fn tolerates(&self, anomaly: &str) -> bool {
        let found = self.finds.iter().any(|finding| finding.anomaly == anomaly);
        found || self.allows.iter().any(|allowed| allowed == anomaly)
    }
}

/// An anomaly that must be found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The anomaly's kind, `lost-write`.
    pub anomaly: String,
    /// The number of seeds after which not to have found it is a violation.
    #[schemars(range(min = 1))]
    pub within_seeds: u64,
}

/// The smallest change of configuration that turns the scenario's answer round: what was lost is kept, or the reverse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Twin {
    /// What is changed, written as for `--set`: `{ "producer.acks" = "all" }`.
    pub set: Settings,
    /// Why the change helps, in one sentence.
    #[serde(default)]
    pub because: String,
    /// Properties that must hold on every seed of the twin.
    pub holds: Vec<Property>,
    /// Anomalies that must be found in the twin of a scenario that holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finds: Vec<Finding>,
    /// Anomalies that may be found in the twin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allows: Vec<String>,
}

impl Twin {
    /// The change as overrides.
    #[must_use]
    pub fn overrides(&self) -> Vec<Override> {
        self.set.iter().map(|(key, value)| Override::new(key, value)).collect()
    }

    /// What is expected of the twin's trials.
    #[must_use]
    pub fn expectation(&self) -> Expectation {
        let Self { holds, finds, allows, .. } = self.clone();
        Expectation { holds, finds, allows }
    }
}
