//! A plan from a profile, a fleet and a seed.
//!
//! Each recipe draws on its own stream, and each of its targets on one of its own, so that taking a recipe out of the
//! profile, or a node out of the fleet, leaves the *draws* of all others as they were. What then comes into the plan is
//! for admission to say; it can admit a drawn fault that had no place before.

use super::admission::Admission;
use super::fleet::Fleet;
use super::occurrence::{Ballot, Occurrence};
use super::plan::{Anchor, CorePhase, FaultPlan, Heal, PlannedFault};
use super::profile::{CoreRule, FaultProfile, Intensity, ProbeRule, Swarm, When};
use super::recipe::Recipe;
use super::spell::Spell;
use crate::node_id::NodeId;
use crate::random::{Address, Purpose, Stream, Streams};
use crate::time::{Duration, Instant};

/// The stream number of the choice of the core, beside those of the recipes.
const CORE: u64 = 255;

/// Draws the faults of one trial.
///
/// # Panics
/// If the profile is not [valid](FaultProfile::validate) for the fleet.
pub fn generate(profile: &FaultProfile, fleet: &Fleet, streams: &Streams) -> FaultPlan {
    let draw = |&recipe| Draw::of(recipe, profile, fleet, streams);
    let mut draws: Vec<Draw> = profile.draw.keys().filter_map(draw).collect();
    let mut occurrences: Vec<(Recipe, Vec<Spell>)> =
        draws.iter_mut().flat_map(Draw::timed).collect();
    occurrences.sort_by_key(|(recipe, spells)| (!recipe.harms_copies(), spells[0].begin, *recipe));
    let mut admission = Admission::new(profile);
    for (recipe, spells) in occurrences {
        admission.offer(recipe, spells);
    }
    let timed = admission.into_spells().into_iter().map(|spell| spell.planned(0));
    let anchored = draws.iter_mut().flat_map(Draw::anchored);
    let numbered = timed.chain(anchored).zip(1..).map(|(fault, id)| PlannedFault { id, ..fault });
    let core = profile.core.as_ref().map(|rule| core_phase(rule, profile, fleet, streams));
    FaultPlan { faults: numbered.collect(), core }
}

/// One recipe of this seed, with its streams.
struct Draw<'a> {
    recipe: Recipe,
    profile: &'a FaultProfile,
    intensity: &'a Intensity,
    stretch: Stretch,
    stream: Stream,
    voters: Vec<Voter>,
}

/// A node that can be struck, or be the other end of a struck link.
struct Voter {
    node: NodeId,
    is_target: bool,
    stream: Stream,
}

/// How much longer this seed makes the intervals of a recipe, as a fraction.
struct Stretch {
    numerator: u64,
    denominator: u64,
}

impl<'a> Draw<'a> {
    /// The draw of `recipe`; nothing if this seed leaves it out.
    fn of(
        recipe: Recipe,
        profile: &'a FaultProfile,
        fleet: &Fleet,
        streams: &Streams,
    ) -> Option<Self> {
        let intensity = &profile.draw[&recipe];
        let mut stream = streams.stream(Address::new(Purpose::FaultPlan, (recipe as u64) << 32));
        let stretch = Stretch::draw(profile.swarm, &mut stream)?;
        let voter = |node| Voter {
            node,
            is_target: fleet.plays(node, &intensity.targets),
            stream: node_stream(streams, recipe as u64, node),
        };
        let votes = |node: &NodeId| recipe.hits_a_link() || fleet.plays(*node, &intensity.targets);
        let voters = fleet.nodes().iter().copied().filter(votes).map(voter).collect();
        Some(Draw { recipe, profile, intensity, stretch, stream, voters })
    }

    /// The occurrences at random times, by begin.
    fn timed(&mut self) -> Vec<(Recipe, Vec<Spell>)> {
        let When::MeanIntervalMs(mean_ms) = self.intensity.when else { return vec![] };
        let Stretch { numerator, denominator } = self.stretch;
        let mean = Duration::from_millis(mean_ms).scaled(numerator, denominator).as_nanos();
        let until = at_ms(self.profile.until_ms);
        let mut occurrences = Vec::new();
        let mut begin = at_ms(self.profile.from_ms);
        loop {
            begin += Duration::from_nanos(self.stream.exponential(mean).max(1));
            if begin >= until {
                return occurrences;
            }
            let spells = self.occurrence_at(begin);
            occurrences.extend(self.within_window(spells).map(|spells| (self.recipe, spells)));
        }
    }

    fn occurrence_at(&mut self, begin: Instant) -> Vec<Spell> {
        let Intensity { on_ms, severity, .. } = *self.intensity;
        let occurrence = Occurrence::draw(self.recipe, on_ms, severity, &mut self.stream);
        let cast = |voter: &mut Voter| Ballot::cast(voter.node, voter.is_target, &mut voter.stream);
        let ballots = self.voters.iter_mut().map(cast).collect();
        occurrence.spells(self.recipe, begin, ballots)
    }

    /// The spells as far as the window allows: healed at its end unless a core phase follows, but never cut below the
    /// stability window; nothing if that is not possible.
    fn within_window(&self, mut spells: Vec<Spell>) -> Option<Vec<Spell>> {
        let until = at_ms(self.profile.until_ms);
        let shortest = Duration::from_millis(self.intensity.on_ms.map_or(0, |on| on.min));
        if self.profile.core.is_none() {
            spells.iter_mut().for_each(|spell| spell.end = spell.end.min(until));
        }
        let fits = |spell: &Spell| spell.begin < until && spell.begin + shortest <= spell.end;
        (!spells.is_empty() && spells.iter().all(fits)).then_some(spells)
    }

    /// The faults that follow hits of a probe, node by node.
    fn anchored(&mut self) -> Vec<PlannedFault> {
        let When::AfterProbe(rule) = &self.intensity.when else { return vec![] };
        let mut faults = Vec::new();
        for voter in &mut self.voters {
            let mut nth = 0;
            for _ in 0..rule.times {
                nth += self.stretch.of(voter.stream.between(rule.hits.min, rule.hits.max)).max(1);
                faults.push(after_probe(self.recipe, self.intensity, rule, voter, nth));
            }
        }
        faults
    }
}

impl Stretch {
    /// What this seed makes of a recipe; `None` if it leaves it out. Always three draws.
    fn draw(swarm: Option<Swarm>, stream: &mut Stream) -> Option<Self> {
        let Swarm { on_percent, stretch } = swarm.unwrap_or(Swarm { on_percent: 100, stretch: 1 });
        let is_on = stream.chance(u64::from(on_percent), 100);
        let numerator = stream.between(1, u64::from(stretch));
        let denominator = stream.between(1, u64::from(stretch));
        is_on.then_some(Stretch { numerator, denominator })
    }

    fn of(&self, count: u64) -> u64 {
        count * self.numerator / self.denominator
    }
}

fn after_probe(
    recipe: Recipe,
    intensity: &Intensity,
    rule: &ProbeRule,
    voter: &mut Voter,
    nth: u64,
) -> PlannedFault {
    let Voter { node, is_target, stream } = voter;
    let after = Duration::from_millis(stream.between(rule.delay_ms.min, rule.delay_ms.max));
    let occurrence = Occurrence::draw(recipe, intensity.on_ms, intensity.severity, stream);
    let ballot = Ballot::cast(*node, *is_target, stream);
    let kind = occurrence.fault(recipe, &[ballot]).expect("a recipe after a probe hits one node");
    let heal =
        if kind.is_instantaneous() { Heal::Instantaneous } else { Heal::After(occurrence.length) };
    let begin = Anchor::Probe { name: rule.name.clone(), node: Some(*node), nth, after };
    PlannedFault { id: 0, begin, heal, kind }
}

/// Of each role named a majority or more, by ballot; of the rest all.
fn core_phase(
    rule: &CoreRule,
    profile: &FaultProfile,
    fleet: &Fleet,
    streams: &Streams,
) -> CorePhase {
    let mut core = fleet.nodes().clone();
    let mut sizes = streams.stream(Address::new(Purpose::FaultPlan, CORE << 32));
    for role in &rule.majority_of {
        let members = fleet.role(role).expect("a valid profile names only roles of the fleet");
        let mut ranked: Vec<(u64, NodeId)> = members
            .iter()
            .map(|&node| (node_stream(streams, CORE, node).next_u64(), node))
            .collect();
        ranked.sort_unstable();
        let size = sizes.between(members.len() as u64 / 2 + 1, members.len() as u64) as usize;
        ranked[size..].iter().for_each(|(_, node)| {
            core.remove(node);
        });
    }
    let deadline = Duration::from_millis(rule.deadline_ms);
    CorePhase { heal_at: at_ms(profile.until_ms), core: core.into_iter().collect(), deadline }
}

fn node_stream(streams: &Streams, recipe: u64, node: NodeId) -> Stream {
    streams.stream(Address::new(Purpose::FaultPlan, recipe << 32 | (u64::from(node.0) + 1)))
}

fn at_ms(ms: u64) -> Instant {
    Instant::START + Duration::from_millis(ms)
}
