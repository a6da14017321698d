//! Members of a group: they poll, process and commit, with every outcome, and die, fall asleep or seek back between.

use super::super::step::Step;
use super::clients::{Member, Stray};
use super::features::Feature;
use super::world::World;
use ktrial_checker::history::PositionedBy;

impl World {
    pub(super) fn join_member(&mut self, client: usize) {
        let process = self.open(200 + client, Some(0));
        let positions = vec![None; self.size.partitions as usize];
        self.members.push(Member {
            process,
            positions,
            polled: None,
            is_asleep: false,
            unheard: None,
        });
        self.subscribe(client);
    }

    pub(super) fn member_turn(&mut self) {
        let who = self.random.below(self.members.len());
        let key = self.key();
        match self.random.below(100) {
            0..4 => self.reassign(),
            4..8 => self.restart_member(who),
            8..12 if self.has(Feature::Rewinds) => self.rewind(who, key),
            12..16 if self.has(Feature::Sleepers) => self.sleep_or_wake(who),
            16..19 if self.has(Feature::Deaths) => self.die_committing(who),
            _ => self.work(who, key),
        }
    }

    /// Processes what was polled and mostly commits it, or polls.
    pub(super) fn work(&mut self, who: usize, key: u32) {
        if let Some(key) = self.process(who) {
            if self.random.percent(80) {
                self.commit(who, key);
            }
            return;
        }
        let Some(mut position) = self.members[who].positions[key as usize] else { return };
        let (process, start) = (self.members[who].process, self.logs[key as usize].start);
        if position < start {
            let by = PositionedBy::ResetEarliest;
            self.steps.push(Step::Position { process, key, offset: start, by });
            position = start;
        }
        let records = self.records_from(key, position);
        if let Some(&(last, _)) = records.last() {
            self.members[who].positions[key as usize] = Some(last + 1);
            self.steps.push(Step::Poll { process, key, records: records.clone() });
            self.members[who].polled = Some((key, records));
        }
    }

    /// Processes what was polled, and says of which partition.
    pub(super) fn process(&mut self, who: usize) -> Option<u32> {
        let process = self.members[who].process;
        let (key, records) = self.members[who].polled.take()?;
        if !self.has(Feature::SilentProcessing) {
            self.steps.push(Step::Processed { process, key, records });
        }
        Some(key)
    }

    pub(super) fn commit(&mut self, who: usize, key: u32) {
        let Some((id, offset)) = self.ask_to_commit(who, key) else { return };
        let is_refused = self.members[who].is_asleep;
        match self.random.below(100) {
            0..10 => self.steps.push(Step::CommitFailed { id }),
            10..20 => self.lose_answer(id, key, offset, is_refused),
            _ if is_refused => self.steps.push(Step::CommitFailed { id }),
            _ => {
                self.steps.push(Step::CommitOk { id });
                self.logs[key as usize].committed = Some(offset);
            }
        }
    }

    /// Nobody learns what became of a commit: it has happened, or may yet.
    fn lose_answer(&mut self, id: u32, key: u32, offset: i64, is_refused: bool) {
        self.steps.push(Step::CommitUnknown { id });
        if is_refused {
            return;
        }
        if self.random.percent(50) {
            self.logs[key as usize].committed = Some(offset);
        } else if self.has(Feature::Strays) {
            let generation = self.generation;
            self.strays.push(Stray::Commit { key, offset, generation });
        }
    }

    pub(super) fn ask_to_commit(&mut self, who: usize, key: u32) -> Option<(u32, i64)> {
        let offset = self.members[who].positions[key as usize]?;
        let (id, process) = (self.id(), self.members[who].process);
        self.steps.push(Step::Commit { process, group: 0, key, offset, id });
        Some((id, offset))
    }

    fn die_committing(&mut self, who: usize) {
        let Some(key) = self.process(who) else { return };
        let Some((_, offset)) = self.ask_to_commit(who, key) else { return };
        if !self.members[who].is_asleep && self.random.percent(50) {
            self.logs[key as usize].committed = Some(offset);
        }
        self.restart_member(who);
    }

    /// What the member polled and has not processed it polls again.
    fn rewind(&mut self, who: usize, key: u32) {
        let polled = self.members[who].polled.take_if(|(polled, _)| *polled == key);
        let Member { process, ref mut positions, .. } = self.members[who];
        let Some(position) = &mut positions[key as usize] else { return };
        let unprocessed = polled.map_or(*position, |(_, records)| records[0].0);
        *position = self.random.below(unprocessed as usize + 1) as i64;
        let (offset, by) = (*position, PositionedBy::Seek);
        self.steps.push(Step::Position { process, key, offset, by });
    }
}
