//! The fault profile: what a generator may draw, how often, how hard, within which budget.
//!
//! In a scenario file:
//!
//! ```toml
//! from-ms = 1000
//! until-ms = 30000
//! max-concurrent = 3
//! swarm = { on-percent = 50, stretch = 4 }
//! budget = { max-copies-harmed = 1, spacing-ms = 10000, exclusive = true }
//! core = { majority-of = ["servers"], deadline-ms = 30000 }
//!
//! [draw.crash]
//! targets = ["servers"]
//! when = { mean-interval-ms = 4000 }
//! on-ms = { min = 500, max = 8000 }
//! min-off-ms = 2000
//!
//! [draw.slow-link]
//! when = { mean-interval-ms = 6000 }
//! on-ms = { min = 1000, max = 5000 }
//! severity = { min = 20, max = 200 }
//! ```
//!
//! The minima of `on-ms` and `min-off-ms` are stability windows: a state lasts long enough for the system to notice it and
//! act on it (TigerBeetle's term). Swarm testing gives each seed its own mix: faults that are always there together hide each
//! other.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::budget::Budget;
use super::fleet::Fleet;
use super::recipe::Recipe;
use super::span::Span;

/// What may break in a trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FaultProfile {
    /// No fault begins before this time, in milliseconds.
    #[serde(default)]
    pub from_ms: u64,
    /// No fault begins from this time on, in milliseconds. Without a core phase all are healed by then.
    pub until_ms: u64,
    /// How many faults may be in force at once; a swizzle counts once for each node it clogs. No limit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrent: Option<u32>,
    /// Whether each seed draws its own mix of recipes and intensities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swarm: Option<Swarm>,
    /// What may be harmed; anything goes if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Whether a core is healed at the end of the window, and progress demanded of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<CoreRule>,
    /// The recipes that may be drawn.
    #[serde(default)]
    pub draw: BTreeMap<Recipe, Intensity>,
}

/// How often and how hard a recipe is drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Intensity {
    /// The roles whose nodes are victims; every node of the fleet if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// When the faults begin.
    pub when: When,
    /// How long each lasts, in milliseconds, evenly drawn; absent for what happens at one instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_ms: Option<Span>,
    /// How long a node stays free of faults of its kind ([`Recipe`] table) after one, in milliseconds.
    #[serde(default)]
    pub min_off_ms: u64,
    /// How hard, evenly drawn; in the recipe's unit, [usual](Recipe::usual_severity) if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Span>,
}

/// When the faults of a recipe begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum When {
    /// At random times, so many milliseconds apart on average over all targets together.
    MeanIntervalMs(u64),
    /// After hits of a probe on the victim itself ("when it has just become leader").
    AfterProbe(ProbeRule),
}

/// Which hits of a probe are followed by a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ProbeRule {
    /// The probe's name, as the actor gives it.
    pub name: String,
    /// From one such hit to the next, in hits of the same node: 1 is every hit.
    pub hits: Span,
    /// From the hit to the begin of the fault, in milliseconds.
    pub delay_ms: Span,
    /// How many faults each node suffers at most.
    pub times: u32,
}

/// Swarm testing: how much seeds differ.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Swarm {
    /// In how many seeds of a hundred each recipe is on.
    pub on_percent: u32,
    /// By which factor mean intervals may be longer or shorter than the profile says; 1 leaves them alone.
    pub stretch: u32,
}

/// Which core is healed at the end of the window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CoreRule {
    /// Roles of which each seed draws a majority, or more; nodes of no such role are always in the core.
    pub majority_of: Vec<String>,
    /// Simulated milliseconds within which the core must make progress.
    pub deadline_ms: u64,
}

/// What is wrong with a profile. `field` is the path as written in a file: `draw.crash.on-ms`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// A role that the fleet does not have.
    #[error("{field}: there is no role \"{role}\"; the fleet has {known}")]
    UnknownRole {
        /// Where it is named.
        field: String,
        /// The name.
        role: String,
        /// The roles there are, as a list.
        known: String,
    },
    /// A smallest and a largest value that are not in order, or beyond what makes sense.
    #[error("{field}: min is not above max, and both are between {min} and {max}")]
    OutOfRange {
        /// Which one.
        field: String,
        /// The smallest that makes sense.
        min: u64,
        /// The largest that makes sense.
        max: u64,
    },
    /// A value that is wrong, missing or of no use.
    #[error("{field}: {reason}")]
    Wrong {
        /// Which one.
        field: String,
        /// What is wrong and what would be right.
        reason: &'static str,
    },
}

impl FaultProfile {
    /// A profile of which nothing is drawn.
    pub fn nothing() -> Self {
        FaultProfile {
            from_ms: 0,
            until_ms: 1,
            max_concurrent: None,
            swarm: None,
            budget: None,
            core: None,
            draw: BTreeMap::new(),
        }
    }

    /// Checks that plans can be drawn from this profile for `fleet`.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self, fleet: &Fleet) -> Result<(), ProfileError> {
        require(self.from_ms < self.until_ms, "until-ms", "is later than from-ms")?;
        require(
            self.max_concurrent != Some(0),
            "max-concurrent",
            "is at least 1; leave out `draw` for no faults at all",
        )?;
        if let Some(swarm) = &self.swarm {
            require(
                (1..=100).contains(&swarm.on_percent),
                "swarm.on-percent",
                "is between 1 and 100",
            )?;
            require(swarm.stretch >= 1, "swarm.stretch", "is at least 1")?;
        }
        if let Some(core) = &self.core {
            require(core.deadline_ms > 0, "core.deadline-ms", "is above 0")?;
            require_roles(&core.majority_of, "core.majority-of", fleet)?;
        }
        self.draw
            .iter()
            .try_for_each(|(&recipe, intensity)| self.validate_draw(recipe, intensity, fleet))
    }

    fn validate_draw(
        &self,
        recipe: Recipe,
        intensity: &Intensity,
        fleet: &Fleet,
    ) -> Result<(), ProfileError> {
        let field = |name: &str| format!("draw.{recipe}.{name}");
        require_roles(&intensity.targets, &field("targets"), fleet)?;
        validate_length(recipe, intensity.on_ms, &field("on-ms"))?;
        if let Some(severity) = intensity.severity {
            let has_severity = recipe.usual_severity().is_some();
            require(has_severity, &field("severity"), "this fault has no severity")?;
            require_span(severity, recipe.severity_limits(), &field("severity"))?;
        }
        match &intensity.when {
            When::MeanIntervalMs(mean) => {
                require(*mean > 0, &field("when.mean-interval-ms"), "is above 0")
            }
            When::AfterProbe(rule) => self.validate_probe(recipe, rule, &field("when.after-probe")),
        }
    }

    /// A fault whose begin is not known beforehand cannot be weighed against a budget.
    fn validate_probe(
        &self,
        recipe: Recipe,
        rule: &ProbeRule,
        field: &str,
    ) -> Result<(), ProfileError> {
        require(recipe.hits_one_node(), field, "only faults of a single node can follow a probe")?;
        require_span(rule.hits, SOME, &format!("{field}.hits"))?;
        require_span(rule.delay_ms, Span { min: 0, ..SOME }, &format!("{field}.delay-ms"))?;
        require(rule.times > 0, &format!("{field}.times"), "is at least 1")?;
        let weighed = self.budget.is_some_and(|budget| budget.exclusive || recipe.harms_copies());
        require(
            !weighed,
            field,
            "is not possible under this budget: the time of the fault is not known beforehand",
        )
    }
}

fn validate_length(recipe: Recipe, on_ms: Option<Span>, field: &str) -> Result<(), ProfileError> {
    match on_ms {
        None => require(recipe.is_instantaneous(), field, "is missing: the fault lasts"),
        Some(_) if recipe.is_instantaneous() => {
            require(false, field, "is of no use: the fault happens at one instant")
        }
        Some(on) => require_span(on, SOME, field),
    }
}

/// Anything above zero that leaves room to calculate; of milliseconds, seven weeks.
const SOME: Span = Span { min: 1, max: u32::MAX as u64 };

fn require_span(span: Span, limits: Span, field: &str) -> Result<(), ProfileError> {
    let holds = limits.min <= span.min && span.min <= span.max && span.max <= limits.max;
    let Span { min, max } = limits;
    if holds { Ok(()) } else { Err(ProfileError::OutOfRange { field: field.to_owned(), min, max }) }
}

fn require(holds: bool, field: &str, reason: &'static str) -> Result<(), ProfileError> {
    if holds { Ok(()) } else { Err(ProfileError::Wrong { field: field.to_owned(), reason }) }
}

fn require_roles(roles: &[String], field: &str, fleet: &Fleet) -> Result<(), ProfileError> {
    match roles.iter().find(|role| fleet.role(role).is_none()) {
        None => Ok(()),
        Some(role) => {
            let known = fleet.roles().collect::<Vec<_>>().join(", ");
            Err(ProfileError::UnknownRole { field: field.to_owned(), role: role.clone(), known })
        }
    }
}
