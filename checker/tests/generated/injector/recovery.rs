//! What does not recover once all faults are over.

use super::super::step::{Records, Step, groups};
use super::edit::{Acked, Injector};
use ktrial_checker::anomaly::{AnomalyKind as Kind, Role};
use ktrial_checker::history::{PositionedBy, RebalanceKind};
use std::collections::{BTreeMap, BTreeSet};

impl Injector {
    /// What is sent to a partition after all faults are over is never acknowledged.
    pub(super) fn never_answer(&mut self) -> Option<()> {
        let healed = self.healed()?;
        let key = self.random.below(2) as u32;
        let mut acked = self.acked();
        acked.retain(|acked| acked.key == key && acked.sent > healed);
        for &Acked { acked, value, .. } in &acked {
            self.steps[acked] = Step::GiveUp { value };
        }
        let first = acked.iter().map(|acked| acked.sent).min()?;
        let ops = [(healed, Role::Healer), (first, Role::Writer)];
        self.expect(Kind::StuckPartition, key, &[], &ops, &[])
    }

    /// After all faults are over, a group does nothing more in one partition.
    pub(super) fn stand_still(&mut self) -> Option<()> {
        /// The most records that a judge names.
        const NAMED_MAX: usize = 8;
        let healed = self.healed()?;
        let key = self.random.below(2) as u32;
        let mut gone = self.work_of_members(key);
        gone.retain(|&at| at > healed);
        if gone.is_empty() {
            return None;
        }
        let commits: BTreeSet<_> =
            gone.iter().filter_map(|&at| commit_id(&self.steps[at])).collect();
        let is_answer = |step: &Step| match step {
            Step::CommitOk { id } | Step::CommitFailed { id } | Step::CommitUnknown { id } => {
                commits.contains(id)
            }
            _ => false,
        };
        let gone: BTreeSet<_> = gone.into_iter().collect();
        let mut places = 0..;
        self.steps.retain(|step| {
            let is_gone = places.next().is_some_and(|at| gone.contains(&at));
            !is_gone && !is_answer(step)
        });
        let reached = self.moves(key).map(|(offset, _)| offset).max().unwrap_or(0);
        let left: Records =
            self.log(key).into_iter().filter(|&(offset, _)| offset >= reached).collect();
        let named = &left[..left.len().min(NAMED_MAX)];
        let ops = [(healed, Role::Healer), (self.last_given(key)?, Role::Owner)];
        self.expect(Kind::StuckGroup, key, &[reached], &ops, named)
    }

    fn healed(&self) -> Option<usize> {
        self.find(|step| matches!(step, Step::Heal { .. })).first().copied()
    }

    /// The steps of members in a partition, but for their being given it.
    fn work_of_members(&self, of: u32) -> Vec<usize> {
        let group_of = groups(&self.steps);
        self.find(|step| match *step {
            Step::Poll { process, key, .. }
            | Step::Processed { process, key, .. }
            | Step::Position { process, key, .. }
            | Step::Commit { process, key, .. } => {
                key == of && group_of[process as usize] == Some(0)
            }
            _ => false,
        })
    }

    /// How group 0 moves on in a partition, by processing (or polling, if nobody tells of processing) and by committing:
    /// to where, by which steps.
    pub(super) fn moves(&self, of: u32) -> impl Iterator<Item = (i64, usize)> {
        let is_reported = self.steps.iter().any(|step| matches!(step, Step::Processed { .. }));
        let (group_of, mut commits) = (groups(&self.steps), BTreeMap::new());
        self.steps.iter().enumerate().filter_map(move |(at, step)| match *step {
            Step::Poll { process, key, ref records }
            | Step::Processed { process, key, ref records }
                if key == of && group_of[process as usize] == Some(0) =>
            {
                let counts = is_reported == matches!(step, Step::Processed { .. });
                records.last().filter(|_| counts).map(|record| (record.0 + 1, at))
            }
            Step::Position { key, offset, by: PositionedBy::Committed, .. } => {
                (key == of).then_some((offset, at))
            }
            Step::Commit { group: 0, key, offset, id, .. } if key == of => {
                commits.insert(id, (offset, at));
                None
            }
            Step::CommitOk { id } => commits.get(&id).copied(),
            _ => None,
        })
    }

    /// The step that gave a member the partition last.
    fn last_given(&self, key: u32) -> Option<usize> {
        let group_of = groups(&self.steps);
        self.steps.iter().rposition(|step| match step {
            Step::Assign { process, keys }
            | Step::Rebalance { process, kind: RebalanceKind::Assigned, keys, .. } => {
                keys.contains(&key) && group_of[*process as usize] == Some(0)
            }
            _ => false,
        })
    }
}

fn commit_id(step: &Step) -> Option<u32> {
    match *step {
        Step::Commit { id, .. } => Some(id),
        _ => None,
    }
}
