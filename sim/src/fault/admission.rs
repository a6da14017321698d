//! Which of the drawn occurrences come into a plan: those that leave the budget, the limit and the stability windows whole.
//!
//! What harms copies is admitted first, the rest around it, each in the order of time: a budgeted harm is rare, and would
//! else find no place. An occurrence comes in whole or not at all.

use super::kind::Fault;
use super::profile::FaultProfile;
use super::recipe::Recipe;
use super::spell::Spell;
use crate::time::Duration;

/// The spells admitted so far, with the recipes they come from.
pub(super) struct Admission<'a> {
    profile: &'a FaultProfile,
    admitted: Vec<(Recipe, Spell)>,
}

/// What of a node a fault occupies: two of a kind at once make no sense.
#[derive(PartialEq, Eq)]
enum Part {
    Process,
    Disk,
    Clock,
    Cpu,
    Network,
}

impl<'a> Admission<'a> {
    /// Nothing admitted yet.
    pub(super) fn new(profile: &'a FaultProfile) -> Self {
        Admission { profile, admitted: Vec::new() }
    }

    /// Admits the spells of one occurrence if all of them fit.
    pub(super) fn offer(&mut self, recipe: Recipe, spells: Vec<Spell>) {
        let before = self.admitted.len();
        for spell in spells {
            if !self.fits(recipe, &spell) {
                self.admitted.truncate(before);
                return;
            }
            self.admitted.push((recipe, spell));
        }
    }

    /// What was admitted, by begin.
    pub(super) fn into_spells(mut self) -> Vec<Spell> {
        self.admitted.sort_by_key(|(recipe, spell)| (spell.begin, *recipe));
        self.admitted.into_iter().map(|(_, spell)| spell).collect()
    }

    fn fits(&self, recipe: Recipe, spell: &Spell) -> bool {
        self.is_stable(recipe, spell)
            && self.leaves_room(spell)
            && self.profile.budget.is_none_or(|budget| budget.admits(self.spells(), spell))
    }

    /// Whether the same part of the same node is whole before and after, as long as the earlier fault's recipe asks.
    fn is_stable(&self, recipe: Recipe, spell: &Spell) -> bool {
        self.admitted.iter().all(|(other_recipe, other)| {
            let first = if other.begin <= spell.begin { *other_recipe } else { recipe };
            let off = Duration::from_millis(self.profile.draw[&first].min_off_ms);
            let apart = other.end + off < spell.begin || spell.end + off < other.begin;
            apart || !collide(&other.fault, &spell.fault)
        })
    }

    /// Whether at no moment too many faults are in force. The number grows only where one begins.
    fn leaves_room(&self, spell: &Spell) -> bool {
        let Some(limit) = self.profile.max_concurrent else { return true };
        let shares_time = |other: &&Spell| other.begin < spell.end && spell.begin < other.end;
        let rivals: Vec<&Spell> = self
            .spells()
            .filter(|other| !other.fault.is_instantaneous())
            .filter(shares_time)
            .collect();
        let in_force = |moment| {
            rivals.iter().filter(|other| other.begin <= moment && moment < other.end).count() as u64
        };
        let moments = rivals.iter().map(|other| other.begin.max(spell.begin));
        spell.fault.is_instantaneous()
            || moments.chain([spell.begin]).all(|moment| in_force(moment) < u64::from(limit))
    }

    fn spells(&self) -> impl Iterator<Item = &Spell> + Clone {
        self.admitted.iter().map(|(_, spell)| spell)
    }
}

/// Whether two faults occupy the same part of a node; of the network: whether they are the same cut twice.
fn collide(a: &Fault, b: &Fault) -> bool {
    let part = part_of(a);
    if part != part_of(b) {
        return false;
    }
    match part {
        Part::Network => a.name() == b.name() && a.nodes() == b.nodes(),
        Part::Process | Part::Disk | Part::Clock | Part::Cpu => !a.nodes().is_disjoint(&b.nodes()),
    }
}

fn part_of(fault: &Fault) -> Part {
    match fault {
        Fault::Crash { .. }
        | Fault::Shutdown { .. }
        | Fault::PowerLoss { .. }
        | Fault::Pause { .. }
        | Fault::DiskLoss { .. } => Part::Process,
        Fault::Partition { .. }
        | Fault::Isolate { .. }
        | Fault::FlappingLink { .. }
        | Fault::SlowLink { .. }
        | Fault::ConnectionReset { .. }
        | Fault::OneSidedClose { .. } => Part::Network,
        Fault::SlowDisk { .. }
        | Fault::DiskStall { .. }
        | Fault::WriteError { .. }
        | Fault::FlushError { .. }
        | Fault::FullDisk { .. }
        | Fault::BitRot { .. } => Part::Disk,
        Fault::ClockJump { .. } | Fault::ClockDrift { .. } => Part::Clock,
        Fault::SlowCpu { .. } => Part::Cpu,
    }
}
