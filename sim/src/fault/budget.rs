//! The damage budget: how many copies of the data faults may harm, kept apart from what faults there are.
//!
//! ```text
//!   harmed node  |--- in force ---|-- spacing --|            counts as harmed until here
//!   exclusive    |<- spacing ->|--- in force ---|-- spacing --|   nothing else takes copies away in between
//! ```
//!
//! A system that keeps n copies may be asked to survive the harm of n-1 of them, if it gets time to restore them in between.
//! Within the budget, lost data is a finding; beyond it (no budget) only its *silent* loss is. Bit rot and flushes that mark
//! pages clean harm for good, since nothing tells the node to restore them.
//!
//! The budget is kept when a plan is drawn. Only the trial knows where the copies are, so its observer may refuse a
//! fault that is about to begin ([`Observer::permits`](crate::observer::Observer::permits)). (The idea of a mask that decides
//! what may be harmed is TigerBeetle's fault atlas.)

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::kind::{Fault, FlushErrorMode};
use super::spell::Spell;
use crate::node_id::NodeId;
use crate::time::{Duration, Instant};

/// How much may be harmed, and how fast again.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Budget {
    /// How many nodes may count as harmed at once, each being one copy; usually the number of copies less one.
    pub max_copies_harmed: u32,
    /// How long after its heal a node still counts as harmed, in milliseconds: the time it needs to restore its copies.
    pub spacing_ms: u64,
    /// Whether nothing else may take copies away ([`takes_copies_away`]) while a node counts as harmed, or so long before.
    #[serde(default)]
    pub exclusive: bool,
}

/// Whether a fault can make the copies of a node unreachable, or let them fall behind.
pub fn takes_copies_away(fault: &Fault) -> bool {
    match fault {
        Fault::Crash { .. }
        | Fault::Shutdown { .. }
        | Fault::PowerLoss { .. }
        | Fault::Pause { .. }
        | Fault::Partition { .. }
        | Fault::Isolate { .. }
        | Fault::FlappingLink { .. }
        | Fault::SlowLink { .. }
        | Fault::SlowDisk { .. }
        | Fault::DiskStall { .. }
        | Fault::WriteError { .. }
        | Fault::FlushError { .. }
        | Fault::FullDisk { .. }
        | Fault::DiskLoss { .. }
        | Fault::SlowCpu { .. } => true,
        Fault::ConnectionReset { .. }
        | Fault::OneSidedClose { .. }
        | Fault::BitRot { .. }
        | Fault::ClockJump { .. }
        | Fault::ClockDrift { .. } => false,
    }
}

impl Budget {
    /// Whether `spell` may be added to `others`, which keep the budget.
    pub fn admits<'a>(
        &self,
        others: impl Iterator<Item = &'a Spell> + Clone,
        spell: &Spell,
    ) -> bool {
        self.leaves_copies(others.clone(), spell)
            && (!self.exclusive || self.is_alone(others, spell))
    }

    /// The time in which the nodes of `spell` count as harmed, if it harms any.
    fn harm(&self, spell: &Spell) -> Option<(Instant, Instant)> {
        let end =
            if harms_for_good(&spell.fault) { Instant::NEVER } else { spell.end + self.spacing() };
        spell.fault.harms_copies().then_some((spell.begin, end))
    }

    /// Whether at every moment few enough nodes count as harmed. The number grows only where a harm begins.
    fn leaves_copies<'a>(
        &self,
        others: impl Iterator<Item = &'a Spell> + Clone,
        spell: &Spell,
    ) -> bool {
        let Some((begin, end)) = self.harm(spell) else { return true };
        let harms = others.filter_map(|other| Some((self.harm(other)?, other)));
        let within = harms
            .clone()
            .map(|((start, _), _)| start)
            .filter(|&start| begin <= start && start <= end);
        within.chain([begin]).all(|moment| {
            let at_moment =
                harms.clone().filter(|((from, to), _)| *from <= moment && moment <= *to);
            let harmed: BTreeSet<NodeId> =
                at_moment.flat_map(|(_, other)| other.nodes()).chain(spell.nodes()).collect();
            harmed.len() as u64 <= u64::from(self.max_copies_harmed)
        })
    }

    /// Whether no harm shares its time, and the spacing before it, with a fault that takes copies away.
    fn is_alone<'a>(&self, mut others: impl Iterator<Item = &'a Spell>, spell: &Spell) -> bool {
        others.all(|other| !self.disturbs(other, spell) && !self.disturbs(spell, other))
    }

    fn disturbs(&self, spell: &Spell, harm: &Spell) -> bool {
        self.harm(harm).is_some_and(|(begin, end)| {
            let ready =
                Instant::from_nanos(begin.as_nanos().saturating_sub(self.spacing().as_nanos()));
            takes_copies_away(&spell.fault) && spell.overlaps(ready, end)
        })
    }

    fn spacing(&self) -> Duration {
        Duration::from_millis(self.spacing_ms)
    }
}

/// Whether nothing tells the node that its data is gone, so that it does not restore it.
fn harms_for_good(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::BitRot { .. } | Fault::FlushError { mode: FlushErrorMode::MarksClean, .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE_COPY: Budget = Budget { max_copies_harmed: 1, spacing_ms: 10, exclusive: false };

    fn spell(fault: Fault, from_ms: u64, to_ms: u64) -> Spell {
        let at = |ms| Instant::START + Duration::from_millis(ms);
        Spell { begin: at(from_ms), end: at(to_ms), fault }
    }

    fn power_loss(nodes: &[u16], from_ms: u64, to_ms: u64) -> Spell {
        spell(
            Fault::PowerLoss { nodes: nodes.iter().copied().map(NodeId).collect() },
            from_ms,
            to_ms,
        )
    }

    #[test]
    fn a_second_copy_waits_until_the_first_is_restored() {
        let first = [power_loss(&[1], 100, 200)];
        assert!(!ONE_COPY.admits(first.iter(), &power_loss(&[2], 205, 300)));
        assert!(ONE_COPY.admits(first.iter(), &power_loss(&[2], 211, 300)));
        assert!(
            ONE_COPY.admits(first.iter(), &power_loss(&[1], 205, 300)),
            "the same copy is harmed again"
        );
    }

    #[test]
    fn a_harm_is_refused_for_what_comes_after_it() {
        let later = [power_loss(&[1], 100, 200)];
        assert!(!ONE_COPY.admits(later.iter(), &power_loss(&[2], 50, 95)));
        assert!(ONE_COPY.admits(later.iter(), &power_loss(&[2], 50, 89)));
    }

    #[test]
    fn a_correlated_power_loss_harms_every_node_it_names() {
        assert!(!ONE_COPY.admits([].iter(), &power_loss(&[1, 2], 100, 200)));
        let two = Budget { max_copies_harmed: 2, ..ONE_COPY };
        assert!(two.admits([].iter(), &power_loss(&[1, 2], 100, 200)));
        assert!(!two.admits([power_loss(&[3], 150, 160)].iter(), &power_loss(&[1, 2], 100, 200)));
    }

    #[test]
    fn an_exclusive_harm_keeps_its_distance_from_what_takes_copies_away() {
        let exclusive = Budget { exclusive: true, ..ONE_COPY };
        let crash = |from_ms, to_ms| spell(Fault::Crash { node: NodeId(2) }, from_ms, to_ms);
        let harm = power_loss(&[1], 100, 200);
        for (from_ms, to_ms, admitted) in
            [(50, 89, true), (50, 95, false), (120, 130, false), (211, 220, true)]
        {
            assert_eq!(
                exclusive.admits([crash(from_ms, to_ms)].iter(), &harm),
                admitted,
                "crash {from_ms}..{to_ms}"
            );
            assert_eq!(exclusive.admits([harm.clone()].iter(), &crash(from_ms, to_ms)), admitted);
        }
        assert!(
            ONE_COPY.admits([crash(120, 130)].iter(), &harm),
            "only an exclusive budget asks for it"
        );
    }

    #[test]
    fn rot_harms_for_good() {
        let rot = spell(Fault::BitRot { node: NodeId(1), sectors: 1 }, 5, 5);
        assert!(!ONE_COPY.admits([rot].iter(), &power_loss(&[2], 1_000_000, 1_000_001)));
    }
}
