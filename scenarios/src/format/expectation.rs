//! What is expected of a scenario's trials, and of its twin's.

use std::{fmt, iter};

use schemars::JsonSchema;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Override, Settings};
use crate::outcome::{AnomalyKind, Property, PropertyName};

/// What must hold, what must be found and what may be found. Any other finding is a violation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Expectation {
    /// Properties that must hold on every seed.
    #[schemars(with = "Vec<PropertyName>")]
    pub holds: Vec<Property>,
    /// Anomalies that must be found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub finds: Vec<Finding>,
    /// Anomalies that may be found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allows: Vec<AnomalyWord>,
}

impl Expectation {
    /// Whether an anomaly of this kind is no violation. What breaks no property is counted and never one.
    #[must_use]
    pub fn tolerates(&self, kind: AnomalyKind) -> bool {
        if !kind.breaks_its_property() {
            return true;
        }
        let found = self.finds.iter().map(|finding| finding.anomaly);
        found.chain(self.allows.iter().copied()).any(|word| word.means(kind))
    }
}

/// An anomaly that must be found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Finding {
    /// The anomaly: `duplicate`, or `loss` for any shape that the loss of an acknowledged record takes.
    pub anomaly: AnomalyWord,
    /// The number of seeds after which not to have found it is a violation.
    #[schemars(range(min = 1))]
    pub within_seeds: u64,
}

/// What an expectation calls an anomaly: one kind, or `loss` for any shape that the loss of an acknowledged record takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnomalyWord {
    /// Any kind of loss: the record is overwritten, cut off, missing amid others, or never seen.
    Loss,
    /// This kind.
    Kind(AnomalyKind),
}

impl AnomalyWord {
    const LOSS: &str = "loss";

    /// Whether the word means an anomaly of this kind.
    #[must_use]
    pub fn means(self, kind: AnomalyKind) -> bool {
        match self {
            Self::Loss => kind.is_loss(),
            Self::Kind(meant) => meant == kind,
        }
    }

    /// Every word.
    pub fn all() -> impl Iterator<Item = Self> {
        iter::once(Self::Loss).chain(AnomalyKind::ALL.iter().copied().map(Self::Kind))
    }

    /// The word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Loss => Self::LOSS,
            Self::Kind(kind) => kind.name(),
        }
    }
}

impl fmt::Display for AnomalyWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for AnomalyWord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for AnomalyWord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::all().find(|word| word.name() == text).ok_or_else(|| {
            let valid: Vec<_> = Self::all().map(Self::name).collect();
            D::Error::custom(format!(
                "unknown variant `{text}`, expected one of `{}`",
                valid.join("`, `")
            ))
        })
    }
}

impl JsonSchema for AnomalyWord {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Anomaly".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<_> = Self::all().map(Self::name).collect();
        schemars::json_schema!({
            "type": "string",
            "enum": names,
            "description": "A kind of anomaly, or `loss` for any shape that the loss of an acknowledged record takes."
        })
    }
}

/// The smallest change of configuration that turns the scenario's answer round: what was lost is kept, or the reverse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Twin {
    /// What is changed, written as for `--set`: `{ "producer.acks" = "all" }`.
    pub set: Settings,
    /// Why the change helps, in one sentence.
    #[serde(default)]
    pub because: String,
    /// Properties that must hold on every seed of the twin.
    #[schemars(with = "Vec<PropertyName>")]
    pub holds: Vec<Property>,
    /// Anomalies that must be found in the twin of a scenario that holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finds: Vec<Finding>,
    /// Anomalies that may be found in the twin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allows: Vec<AnomalyWord>,
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
