//! What goes wrong: a preset of the kernel with changes, faults drawn in a mix of one's own, or faults that are written out.
//!
//! The kinds of faults and what they do are the kernel's ([`Recipe`]); this is how a scenario asks for them.

use std::collections::BTreeMap;

use ktrial_sim::fault::Span;
use ktrial_sim::fault::profile::{CoreRule, Intensity, Swarm, When};
use ktrial_sim::fault::{Budget, FaultPlan, FaultProfile, PlannedFault, Preset, Recipe, generate};
use ktrial_sim::random::Streams;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Duration, Heal, Scenario};

/// The faults of a trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Faults {
    /// A ready-made profile, to which the other keys are changes.
    #[serde(with = "preset_name")]
    #[schemars(with = "PresetName")]
    pub preset: Preset,
    /// No fault begins before this; the preset's own time if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Duration>,
    /// Faults begin for this long and are healed at its end; the preset's own time if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
    /// How many faults may be in force at once; the preset's own number if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrent: Option<u32>,
    /// Whether each seed draws a mix and intensity of its own; the preset's own choice if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub swarm: Option<bool>,
    /// How much may be destroyed; the preset's own budget if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Damage>,
    /// Faults that are drawn at random, by kind; they replace the preset's of the same kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<RecipeName, Draw>")]
    pub draw: BTreeMap<Recipe, Draw>,
    /// Faults that strike on every seed, as `ktrial schema plan` describes them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub explicit: Vec<PlannedFault>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            preset: Preset::None,
            start: None,
            duration: None,
            concurrent: None,
            swarm: None,
            budget: None,
            draw: BTreeMap::new(),
            explicit: Vec::new(),
        }
    }
}

/// How often a kind of fault strikes whom, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Draw {
    /// The mean time between two such faults, over all targets together.
    pub every: Duration,
    /// Whose nodes are struck: `brokers`, `controllers`, `producers`, `consumers`; the other end of a link is any node.
    #[serde(default = "brokers")]
    pub targets: Vec<String>,
    /// The shortest time it lasts. Of no use for what happens at one instant.
    #[serde(default = "lasts_min")]
    pub lasts_min: Duration,
    /// The longest time it lasts.
    #[serde(default = "lasts_max")]
    pub lasts_max: Duration,
    /// The shortest time between the end of one and the beginning of the next on the same node.
    #[serde(default)]
    pub apart: Duration,
    /// How hard it is, in the kind's own unit; as usual if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
}

fn brokers() -> Vec<String> {
    vec!["brokers".to_owned()]
}

const fn lasts_min() -> Duration {
    Duration::from_millis(200)
}

const fn lasts_max() -> Duration {
    Duration::from_secs(2)
}

/// How hard a fault is: the least and the greatest, evenly drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Severity {
    /// The least.
    pub min: u64,
    /// The greatest.
    pub max: u64,
}

/// How much the faults of one trial may destroy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Damage {
    /// How many brokers may have lost data at once.
    pub copies: u32,
    /// How long a broker gets to restore its copies before the next may lose data.
    pub restore_time: Duration,
    /// Whether nothing else may take copies away meanwhile.
    #[serde(default)]
    pub exclusive: bool,
    /// Whether a trial leaves out what would harm the last sound copy of a committed record, however few there are.
    #[serde(default = "spares_last_copy")]
    pub spares_last_copy: bool,
}

const fn spares_last_copy() -> bool {
    true
}

impl Scenario {
    /// Whether trials leave out faults that would harm the last sound copy of a committed record.
    #[must_use]
    pub fn spares_last_copy(&self) -> bool {
        match self.faults.budget {
            Some(damage) => damage.spares_last_copy,
            None => self.faults.preset.profile().budget.is_some(),
        }
    }

    /// The profile that the kernel draws this scenario's faults from.
    #[must_use]
    pub fn fault_profile(&self) -> FaultProfile {
        let Faults { preset, start, duration, concurrent, swarm, budget, draw, explicit: _ } =
            &self.faults;
        let mut profile = preset.profile();
        let length_ms = duration.map_or(profile.until_ms - profile.from_ms, Duration::millis);
        profile.from_ms = start.map_or(profile.from_ms, Duration::millis);
        profile.until_ms = profile.from_ms.saturating_add(length_ms);
        profile.max_concurrent = concurrent.or(profile.max_concurrent);
        profile.swarm = swarm.map_or(profile.swarm, |on| on.then_some(MIXED));
        profile.budget = budget.map(Damage::budget).or(profile.budget);
        profile.draw.extend(draw.iter().map(|(recipe, draw)| (*recipe, draw.intensity(*recipe))));
        if self.end.heal == Heal::Core {
            let deadline_ms = self.end.deadline.millis();
            profile.core = Some(CoreRule { majority_of: brokers(), deadline_ms });
        }
        profile
    }

    /// The faults of one seed: those drawn, then those written out, numbered on.
    #[must_use]
    pub fn fault_plan(&self, streams: &Streams) -> FaultPlan {
        let mut plan = generate(&self.fault_profile(), &self.nodes().fleet(), streams);
        let next = plan.faults.iter().map(|fault| fault.id + 1).max().unwrap_or(1);
        let explicit = self.faults.explicit.iter().cloned().zip(next..);
        plan.faults.extend(explicit.map(|(fault, id)| PlannedFault { id, ..fault }));
        plan
    }
}

/// Half of the kinds in each seed, up to four times as often or as rarely.
const MIXED: Swarm = Swarm { on_percent: 50, stretch: 4 };

impl Damage {
    fn budget(self) -> Budget {
        Budget {
            max_copies_harmed: self.copies,
            spacing_ms: self.restore_time.millis(),
            exclusive: self.exclusive,
        }
    }
}

impl Draw {
    fn intensity(&self, recipe: Recipe) -> Intensity {
        let lasts = Span { min: self.lasts_min.millis(), max: self.lasts_max.millis() };
        Intensity {
            targets: self.targets.clone(),
            when: When::MeanIntervalMs(self.every.millis()),
            on_ms: (!recipe.is_instantaneous()).then_some(lasts),
            min_off_ms: self.apart.millis(),
            severity: self.severity.map(|Severity { min, max }| Span { min, max }),
        }
    }
}

/// Presets are written by name.
mod preset_name {
    use ktrial_sim::fault::Preset;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        preset: &Preset,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(preset.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Preset, D::Error> {
        let name = String::deserialize(deserializer)?;
        Preset::named(&name).ok_or_else(|| {
            let valid = Preset::ALL.map(Preset::name).join("`, `");
            D::Error::custom(format!("unknown variant `{name}`, expected one of `{valid}`"))
        })
    }
}

/// The schema of a preset's name.
struct PresetName;

impl JsonSchema for PresetName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Preset".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names = Preset::ALL.map(Preset::name);
        schemars::json_schema!({ "type": "string", "enum": names, "description": "A ready-made profile." })
    }
}

/// The schema of the name of a kind of fault that can be drawn.
struct RecipeName;

impl JsonSchema for RecipeName {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Recipe".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names = Recipe::ALL.map(Recipe::name);
        schemars::json_schema!({ "type": "string", "enum": names, "description": "A kind of fault." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(faults: &str) -> FaultProfile {
        let text = format!("title = 't'\n[[topics]]\nname = 'a'\n[faults]\n{faults}");
        Scenario::from_toml("t", &text).expect("valid").fault_profile()
    }

    #[test]
    fn a_preset_is_taken_as_it_is() {
        assert_eq!(profile("preset = 'swarm'"), Preset::Swarm.profile());
    }

    #[test]
    fn the_keys_change_the_preset() {
        let profile = profile("preset = 'crashes'\nstart = '2s'\nduration = '5s'\nswarm = true\n");
        assert_eq!((profile.from_ms, profile.until_ms, profile.swarm), (2_000, 7_000, Some(MIXED)));
        assert_eq!(profile.draw, Preset::Crashes.profile().draw);
    }

    #[test]
    fn a_draw_replaces_the_presets_of_its_kind_and_adds_others() {
        let profile = profile(
            "preset = 'crashes'\n[faults.draw]\ncrash = { every = '7s' }\nconnection-reset = { every = '1s' }",
        );
        assert_eq!(profile.draw[&Recipe::Crash].when, When::MeanIntervalMs(7_000));
        assert_eq!(profile.draw[&Recipe::ConnectionReset].on_ms, None, "it happens at one instant");
        assert_eq!(profile.draw[&Recipe::Pause], Preset::Crashes.profile().draw[&Recipe::Pause]);
    }

    #[test]
    fn the_last_copy_is_spared_by_whatever_budget_does_not_say_otherwise() {
        let spares = |faults: &str| {
            let text = format!("title = 't'\n[[topics]]\nname = 'a'\n[faults]\n{faults}");
            Scenario::from_toml("t", &text).expect("valid").spares_last_copy()
        };
        assert!(!spares("preset = 'crashes'"), "no budget, no mercy");
        assert!(spares("preset = 'power'"));
        assert!(spares("budget = { copies = 1, restore-time = '1s' }"));
        assert!(!spares("budget = { copies = 1, restore-time = '1s', spares-last-copy = false }"));
    }

    #[test]
    fn faults_written_out_are_numbered_after_those_drawn() {
        let explicit = "id = 1\nbegin = { at_ns = 5 }\nheal = { after_ns = 7 }\nkind = { crash = { node = 2 } }";
        let text = format!(
            "title = 't'\n[[topics]]\nname = 'a'\n[faults]\npreset = 'blackout'\n[[faults.explicit]]\n{explicit}"
        );
        let scenario = Scenario::from_toml("t", &text).expect("valid");
        let plan = scenario.fault_plan(&Streams::new(3));
        assert!(plan.faults.len() > 1, "{plan:?}");
        let ids: Vec<_> = plan.faults.iter().map(|fault| fault.id).collect();
        assert!(ids.is_sorted_by(|low, high| low < high), "{ids:?}");
        assert_eq!(plan.faults.last().map(|fault| fault.kind.name()), Some("crash"));
    }
}
