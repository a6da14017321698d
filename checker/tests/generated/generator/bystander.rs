//! Another group, whose only member reads beside everybody else, commits nothing and tells nothing of what it processes.

use super::super::step::Step;
use super::clients::Reader;
use super::features::Feature;
use super::world::World;
use ktrial_checker::history::PositionedBy;

/// Neither the group that works nor one that an injector adds.
const BYSTANDERS: u32 = 2;

impl World {
    pub(super) fn join_bystander(&mut self) {
        if !self.has(Feature::SilentBystander) {
            return;
        }
        let process = self.open(500, Some(BYSTANDERS));
        let keys = 0..self.size.partitions;
        self.steps.push(Step::Assign { process, keys: keys.clone().collect() });
        self.bystander = Some(Reader { process, positions: vec![0; keys.len()] });
        keys.for_each(|key| self.begin_beside(key));
    }

    /// Reads on, and says whether there was anything.
    pub(super) fn read_beside(&mut self, key: u32) -> bool {
        let Some(Reader { process, positions }) = &self.bystander else { return false };
        let (process, position) = (*process, positions[key as usize]);
        if position < self.logs[key as usize].start {
            self.begin_beside(key);
            return true;
        }
        let records = self.records_from(key, position);
        let Some(&(last, _)) = records.last() else { return false };
        self.move_beside(key, last + 1);
        self.steps.push(Step::Poll { process, key, records });
        true
    }

    fn begin_beside(&mut self, key: u32) {
        let (offset, by) = (self.logs[key as usize].start, PositionedBy::ResetEarliest);
        let Some(process) = self.move_beside(key, offset) else { return };
        self.steps.push(Step::Position { process, key, offset, by });
    }

    fn move_beside(&mut self, key: u32, offset: i64) -> Option<u32> {
        let bystander = self.bystander.as_mut()?;
        bystander.positions[key as usize] = offset;
        Some(bystander.process)
    }
}
