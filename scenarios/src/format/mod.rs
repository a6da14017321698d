//! The scenario file: a question about a Kafka cluster, written as data.
//!
//! A file says what is built (`[cluster]`, `[[topics]]`), who uses it (`[producers]`, `[consumers]`), what goes wrong
//! (`[faults]`, `[network]`, `[disk]`), how it ends (`[end]`), what is expected (`[expect]`), and which smallest change of
//! configuration makes it hold (`[twin]`). Every table and nearly every key has a default, no unknown key is let pass.
//!
//! [`Scenario::from_toml`] reads a file and says where it is wrong; [`Override`] is one `--set KEY=VALUE`.

mod check;
mod clients;
mod cluster;
mod config;
mod duration;
mod end;
mod environment;
mod expectation;
mod faults;
mod nearest;
mod nodes;
mod overrides;
mod parse;
mod settings;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use clients::{Commit, Consumers, Producers};
pub use cluster::{Cluster, Topic};
pub use config::KafkaConfig;
pub use duration::{Duration, DurationError};
pub use end::{End, Heal};
pub use environment::{Disk, Network};
pub use expectation::{AnomalyWord, Expectation, Finding, Twin};
pub use faults::{Damage, Draw, Faults, Severity};
pub use nearest::nearest;
pub use nodes::Nodes;
pub use overrides::{Override, OverrideError};
pub use parse::ScenarioError;
pub use settings::Settings;

use crate::digest::Digest;

/// What a twin's name adds to its scenario's name.
pub const TWIN_SUFFIX: &str = "+twin";

/// A cluster, its users, what goes wrong and what is expected of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// The name it is run by; a file that gives none is called by the file's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The question the scenario asks, in one sentence.
    pub title: String,
    /// What a reader learns from the answer.
    #[serde(default)]
    pub teaches: String,
    /// The brokers and controllers.
    #[serde(default)]
    pub cluster: Cluster,
    /// The topics that are there from the start; at least one.
    #[serde(default)]
    pub topics: Vec<Topic>,
    /// The producers and what they send.
    #[serde(default)]
    pub producers: Producers,
    /// The consumers and how they commit.
    #[serde(default)]
    pub consumers: Consumers,
    /// The network between all nodes.
    #[serde(default)]
    pub network: Network,
    /// The disk of every broker and controller.
    #[serde(default)]
    pub disk: Disk,
    /// What goes wrong.
    #[serde(default)]
    pub faults: Faults,
    /// How a trial ends once the faults are over.
    #[serde(default)]
    pub end: End,
    /// What must hold, what must be found, what may be found.
    #[serde(default)]
    pub expect: Expectation,
    /// The smallest change of configuration that turns the answer round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twin: Option<Twin>,
}

impl Scenario {
    /// The twin as a scenario of its own, named `NAME+twin`; none when the scenario has no twin.
    ///
    /// # Errors
    /// When the twin sets a key that does not exist or a value that is not allowed.
    pub fn twin(&self) -> Result<Option<Self>, OverrideError> {
        let Some(twin) = &self.twin else { return Ok(None) };
        let base = Self { twin: None, ..self.clone() };
        let changed = base.with(&twin.overrides())?;
        let name = format!("{}{TWIN_SUFFIX}", self.name);
        Ok(Some(Self { name, expect: twin.expectation(), ..changed }))
    }

    /// The digest of everything that decides a trial: equal scenarios have equal trials for equal seeds.
    ///
    /// # Panics
    /// Never: a scenario always has a JSON form.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let json = serde_json::to_vec(self).expect("a scenario always has a JSON form");
        Digest::of(&json)
    }

    /// The scenario as a TOML file, every default written out.
    ///
    /// # Panics
    /// Never: a scenario always has a TOML form.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a scenario always has a TOML form")
    }
}
