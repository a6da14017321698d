//! How a trial ends: the faults are healed and progress is demanded.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Duration;

/// The end of a trial, once the faults are over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct End {
    /// Which faults are healed.
    pub heal: Heal,
    /// The simulated time after healing within which producers and consumers must be done.
    pub deadline: Duration,
}

impl Default for End {
    fn default() -> Self {
        Self { heal: Heal::All, deadline: Duration::from_secs(120) }
    }
}

/// Which faults are healed before progress is demanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Heal {
    /// Every fault.
    All,
    /// Those of a core large enough to make progress; the rest become permanent.
    Core,
}
