//! Who has which partition: members that assign themselves, or a coordinator that rebalances eagerly or cooperatively, and
//! where a member begins that gets a partition.

use super::super::step::Step;
use super::features::Feature;
use super::world::World;
use ktrial_checker::history::{PositionedBy, RebalanceKind};

impl World {
    fn is_managed(&self) -> bool {
        self.has(Feature::EagerRebalances) || self.has(Feature::CooperativeRebalances)
    }

    pub(super) fn subscribe(&mut self, who: usize) {
        if self.is_managed() {
            let (process, keys) = (self.members[who].process, (0..self.size.partitions).collect());
            self.steps.push(Step::Subscribe { process, keys });
        }
    }

    /// A partition changes its owner, or none does.
    pub(super) fn reassign(&mut self) {
        let (awake, key) = (self.awake(), self.key());
        let mut owners = self.owners.clone();
        owners[key as usize] = awake[self.random.below(awake.len())];
        self.rebalance(owners);
    }

    fn awake(&self) -> Vec<usize> {
        (0..self.members.len()).filter(|&who| !self.members[who].is_asleep).collect()
    }

    /// The members that are awake get what `owners` says.
    pub(super) fn rebalance(&mut self, owners: Vec<usize>) {
        self.generation += 1;
        self.owners = owners;
        let awake = self.awake();
        awake.iter().for_each(|&who| self.give_up(who));
        awake.iter().for_each(|&who| self.take(who));
    }

    /// The member loses what it must, after a last chance to commit if somebody tells it.
    fn give_up(&mut self, who: usize) {
        let is_eager = self.is_managed() && !self.has(Feature::CooperativeRebalances);
        let has = |key: &u32| self.members[who].positions[*key as usize].is_some();
        let goes = |key: &u32| is_eager || self.owners[*key as usize] != who;
        let lost: Vec<u32> = (0..self.size.partitions).filter(has).filter(goes).collect();
        if lost.is_empty() {
            return;
        }
        if self.is_managed() {
            let polled = self.members[who].polled.as_ref();
            if polled.is_some_and(|(key, _)| lost.contains(key)) && self.random.percent(50) {
                let key = self.process(who).expect("something is polled");
                self.commit(who, key);
            }
            let (process, generation) = (self.members[who].process, self.generation - 1);
            let (kind, keys) = (RebalanceKind::Revoked, lost.clone());
            self.steps.push(Step::Rebalance { process, kind, generation, keys });
        }
        self.forget(who, &lost);
        if !self.is_managed() {
            self.assign(who);
        }
    }

    pub(super) fn forget(&mut self, who: usize, lost: &[u32]) {
        let member = &mut self.members[who];
        lost.iter().for_each(|&key| member.positions[key as usize] = None);
        member.polled.take_if(|(key, _)| lost.contains(key));
    }

    /// The member gets what is its own and it does not have yet.
    fn take(&mut self, who: usize) {
        let is_new = |key: &u32| {
            self.owners[*key as usize] == who
                && self.members[who].positions[*key as usize].is_none()
        };
        let keys: Vec<u32> = (0..self.size.partitions).filter(is_new).collect();
        keys.iter().for_each(|&key| self.members[who].positions[key as usize] = Some(0));
        let (process, generation) = (self.members[who].process, self.generation);
        match (self.is_managed(), keys.is_empty()) {
            (false, true) => {}
            (false, false) => self.assign(who),
            (true, true) => self.steps.push(Step::Join { process, generation }),
            (true, false) => {
                let (kind, keys) = (RebalanceKind::Assigned, keys.clone());
                self.steps.push(Step::Rebalance { process, kind, generation, keys });
            }
        }
        keys.into_iter().for_each(|key| self.resume(who, key));
    }

    fn assign(&mut self, who: usize) {
        let (process, positions) = (self.members[who].process, &self.members[who].positions);
        let had = (0..).zip(positions).filter(|(_, position)| position.is_some());
        let keys = had.map(|(key, _)| key).collect();
        self.steps.push(Step::Assign { process, keys });
    }

    /// Begins at the committed offset. Not everybody tells so.
    fn resume(&mut self, who: usize, key: u32) {
        let (id, process) = (self.id(), self.members[who].process);
        let (committed, start) = (self.logs[key as usize].committed, self.logs[key as usize].start);
        if self.random.percent(85) {
            self.steps.push(Step::Ask { process, group: 0, id });
            self.steps.push(Step::Answer { id, key, offset: committed });
        }
        let (offset, by) = match committed {
            Some(offset) => (offset, PositionedBy::Committed),
            None => (start, PositionedBy::ResetEarliest),
        };
        if committed.is_none() || self.random.percent(90) {
            self.steps.push(Step::Position { process, key, offset, by });
        }
        self.members[who].positions[key as usize] = Some(offset);
    }

    /// The process dies, and the next one gets the partitions again, or another member does.
    pub(super) fn restart_member(&mut self, who: usize) {
        self.steps.push(Step::Crash { process: self.members[who].process });
        self.members[who].process = self.open(200 + who, Some(0));
        self.members[who].positions.fill(None);
        (self.members[who].polled, self.members[who].is_asleep) = (None, false);
        self.members[who].unheard = None;
        self.subscribe(who);
        match self.random.percent(70) {
            true => self.rebalance(self.owners.clone()),
            false => self.reassign(),
        }
    }

    /// The member is taken for dead and loses what it has without a word, or learns that it did.
    pub(super) fn sleep_or_wake(&mut self, who: usize) {
        if self.members[who].is_asleep {
            return self.wake(who);
        }
        let mut others = self.awake();
        others.retain(|&other| other != who);
        if others.is_empty() {
            return;
        }
        self.members[who].is_asleep = true;
        if let Some((id, key, offset)) = self
            .process(who)
            .and_then(|key| self.ask_to_commit(who, key).map(|(id, offset)| (id, key, offset)))
        {
            self.logs[key as usize].committed = Some(offset);
            self.members[who].unheard = Some(id);
        }
        let owners = self.owners.clone().into_iter();
        let heir = others[self.random.below(others.len())];
        self.rebalance(owners.map(|owner| if owner == who { heir } else { owner }).collect());
    }

    pub(super) fn wake(&mut self, who: usize) {
        self.members[who].is_asleep = false;
        let unheard = self.members[who].unheard.take();
        self.steps.extend(unheard.map(|id| Step::CommitOk { id }));
        let positions = &self.members[who].positions;
        let had = (0..).zip(positions).filter(|(_, position)| position.is_some());
        let keys: Vec<u32> = had.map(|(key, _)| key).collect();
        self.forget(who, &keys);
        if self.is_managed() {
            let (process, generation) = (self.members[who].process, self.generation);
            let kind = RebalanceKind::Lost;
            self.steps.push(Step::Rebalance { process, kind, generation, keys });
        } else {
            self.assign(who);
        }
    }
}
