//! A spell: one fault in force over one interval of simulated time. What generation and the damage budget reason about.

use std::collections::BTreeSet;

use super::kind::Fault;
use super::plan::{Anchor, FaultPlan, Heal, PlannedFault};
use crate::node_id::NodeId;
use crate::time::Instant;

/// A fault and the time it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spell {
    /// When it begins.
    pub begin: Instant,
    /// When it is whole again: its begin if it happens at one instant, [`Instant::NEVER`] if it never heals.
    pub end: Instant,
    /// What breaks.
    pub fault: Fault,
}

impl Spell {
    /// The spell of a planned fault that begins at `begin`.
    pub fn of(planned: &PlannedFault, begin: Instant) -> Self {
        Spell { begin, end: planned.heal.of(begin), fault: planned.kind.clone() }
    }

    /// Whether both are in force at some instant; a fault that happens at once is in force at its begin.
    pub fn overlaps(&self, begin: Instant, end: Instant) -> bool {
        self.begin <= end && begin <= self.end
    }

    /// The planned fault that gives this spell.
    pub fn planned(self, id: u32) -> PlannedFault {
        let heal = match self.end {
            _ if self.fault.is_instantaneous() => Heal::Instantaneous,
            Instant::NEVER => Heal::Never,
            end => Heal::After(end - self.begin),
        };
        PlannedFault { id, begin: Anchor::At(self.begin), heal, kind: self.fault }
    }

    /// The nodes its fault names.
    pub fn nodes(&self) -> BTreeSet<NodeId> {
        self.fault.nodes()
    }
}

impl FaultPlan {
    /// The spells of the faults that begin at a time; those with a logical anchor have none yet.
    pub fn spells(&self) -> impl Iterator<Item = Spell> + '_ {
        self.faults.iter().filter_map(|fault| match fault.begin {
            Anchor::At(begin) => Some(Spell::of(fault, begin)),
            Anchor::Message { .. } | Anchor::Probe { .. } => None,
        })
    }
}
