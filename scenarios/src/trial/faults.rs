//! Which faults strike a seed: drawn from the scenario's profile, written out in it, or fixed by a bundle.

use std::collections::BTreeMap;

use ktrial_model::message::Message;
use ktrial_model::probe::Probe;
use ktrial_sim::actor::{Message as _, ProbeSet};
use ktrial_sim::fault::{
    Budget, CoreRule, FaultPlan, FaultProfile, Intensity, PlannedFault, Recipe, Span, Swarm, When,
    generate,
};
use ktrial_sim::random::Streams;
use ktrial_sim::time::{Duration, Instant};

use super::topology::Topology;
use crate::format::{Damage, Faults, Heal, Scenario};

/// Where a trial's fault plan comes from.
#[derive(Clone, Debug)]
pub enum FaultSource {
    /// Drawn anew for every seed, beside faults that every seed has.
    Drawn {
        /// What may be drawn.
        profile: Option<Box<FaultProfile>>,
        /// By which nodes.
        topology: Box<Topology>,
        /// What every seed has.
        explicit: Vec<PlannedFault>,
        /// The end of the fault window.
        until: Instant,
    },
    /// The same for every seed.
    Fixed(FaultPlan),
}

/// After a node without power is back, how long until the next may lose its power: its session ends (9 s), it catches up.
const POWER_LOSS_SPACING_MS: u64 = 20_000;

impl FaultSource {
    /// The faults of a scenario.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub fn of(scenario: &Scenario, topology: &Topology) -> Result<Self, String> {
        let faults = &scenario.faults;
        let until = Instant::START + window_end(faults);
        let explicit = explicit(faults)?;
        let written = FaultPlan { faults: explicit.clone(), core: None };
        written.validate(&topology.fleet).map_err(|error| error.to_string())?;
        written
            .validate_moments(Message::KINDS, Probe::NAMES)
            .map_err(|error| error.to_string())?;
        let profile = profile(scenario, topology);
        if let Some(profile) = &profile {
            profile.validate(&topology.fleet).map_err(|error| error.to_string())?;
        }
        let profile = profile.map(Box::new);
        Ok(FaultSource::Drawn { profile, topology: Box::new(topology.clone()), explicit, until })
    }

    /// The plan of one seed.
    pub fn plan(&self, seed: u64) -> FaultPlan {
        match self {
            FaultSource::Fixed(plan) => plan.clone(),
            FaultSource::Drawn { profile, topology, explicit, .. } => {
                let mut plan = match profile {
                    Some(profile) => generate(profile, &topology.fleet, &Streams::new(seed)),
                    None => FaultPlan::default(),
                };
                let next_id = plan.faults.iter().map(|fault| fault.id + 1).max().unwrap_or(0);
                plan.faults.extend(explicit.iter().zip(next_id..).map(|(fault, id)| {
                    PlannedFault { id, ..fault.clone() }
                }));
                plan
            }
        }
    }

    /// When the last fault has healed, or the core has.
    pub fn healed_at(&self, plan: &FaultPlan) -> Instant {
        if let Some(core) = &plan.core {
            return core.heal_at;
        }
        match self {
            FaultSource::Drawn { until, .. } => *until,
            FaultSource::Fixed(plan) => {
                let ends = plan.faults.iter().filter_map(|fault| fault.interval());
                let heals = ends.map(|(_, end)| end).filter(|&end| end != Instant::NEVER);
                heals.max().unwrap_or(Instant::START)
            }
        }
    }
}

fn window_end(faults: &Faults) -> Duration {
    Duration::from_nanos(faults.start.nanos) + Duration::from_nanos(faults.duration.nanos)
}

fn explicit(faults: &Faults) -> Result<Vec<PlannedFault>, String> {
    let read = |(index, value): (usize, &serde_json::Value)| {
        let mut value = value.clone();
        if let Some(object) = value.as_object_mut() {
            object.entry("id").or_insert(index.into());
        }
        serde_json::from_value(value).map_err(|error| format!("faults.explicit[{index}]: {error}"))
    };
    faults.explicit.iter().enumerate().map(read).collect()
}

/// The profile to draw from; `None` if nothing is drawn.
fn profile(scenario: &Scenario, topology: &Topology) -> Option<FaultProfile> {
    let faults = &scenario.faults;
    let mix = faults.mix();
    let total: u64 = mix.values().map(|&weight| u64::from(weight)).sum();
    if total == 0 {
        return None;
    }
    let targets: Vec<String> = faults.targets.iter().map(|target| role(*target)).collect();
    let intensity = |(kind, weight): (&crate::format::FaultKind, &u32)| {
        let recipe = recipe(*kind);
        let on_ms = Span { min: millis(faults.length_min), max: millis(faults.length_max) };
        let mean_interval = (millis(faults.gap) * total / u64::from(*weight)).max(1);
        let intensity = Intensity {
            targets: targets.clone(),
            when: When::MeanIntervalMs(mean_interval),
            on_ms: (!recipe.is_instantaneous()).then_some(on_ms),
            min_off_ms: millis(faults.length_min),
            severity: None,
        };
        (recipe, intensity)
    };
    let draw: BTreeMap<Recipe, Intensity> = mix.iter().map(intensity).collect();
    let until_ms = window_end(faults).as_millis();
    Some(FaultProfile {
        from_ms: millis(faults.start),
        until_ms,
        max_concurrent: None,
        swarm: faults.swarm.then_some(Swarm { on_percent: 60, stretch: 3 }),
        budget: (faults.damage == Damage::WithinReplication).then_some(Budget {
            max_copies_harmed: 1,
            spacing_ms: POWER_LOSS_SPACING_MS,
            exclusive: false,
        }),
        core: (scenario.end.heal == Heal::Core).then(|| CoreRule {
            majority_of: vec!["brokers".to_owned()],
            deadline_ms: millis(scenario.end.deadline),
        }),
        draw,
    })
    .filter(|_| !topology.fleet.nodes().is_empty())
}

fn millis(duration: crate::format::Duration) -> u64 {
    duration.nanos / 1_000_000
}

/// The kinds of a scenario are recipes of the same name.
fn recipe(kind: crate::format::FaultKind) -> Recipe {
    let name = serde_json::to_value(kind).expect("a kind has a name");
    serde_json::from_value(name).expect("every kind is a recipe")
}

fn role(target: crate::format::Target) -> String {
    let name = serde_json::to_value(target).expect("a target has a name");
    name.as_str().expect("a name is a string").to_owned()
}
