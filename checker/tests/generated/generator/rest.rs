//! The end of a history: all faults are over, everybody catches up, and the logs are read at rest.

use super::super::step::{Records, Step};
use super::world::World;
use ktrial_checker::contract::Contract;
use ktrial_checker::history::PositionedBy;

/// More than two clocks may be apart.
const MARGIN_MS: u64 = 1_000;

impl World {
    pub(super) fn come_to_rest(&mut self) {
        self.flush();
        for who in 0..self.members.len() {
            if self.members[who].is_asleep {
                self.wake(who);
            }
        }
        self.recover();
        for who in 0..self.members.len() {
            (0..self.size.partitions).for_each(|key| self.catch_up(who, key));
        }
        for key in 0..self.size.partitions {
            while self.read_beside(key) {}
        }
        self.wait_for_recovery();
        (0..self.size.partitions).for_each(|key| self.drain(key));
    }

    /// All faults are over, and every partition takes a record once it had time to recover.
    fn recover(&mut self) {
        let process = self.open(400, None);
        self.steps.push(Step::Heal { process });
        self.wait_for_recovery();
        for key in 0..if self.producers.is_empty() { 0 } else { self.size.partitions } {
            self.values += 1;
            let (value, process) = (self.values, self.producers[0].process);
            let offset = Some(self.append_record(process, key, value));
            self.steps.push(Step::Send { process, key, value });
            self.steps.push(Step::Ack { value, offset });
        }
    }

    fn wait_for_recovery(&mut self) {
        self.steps.push(Step::Wait { ms: Contract::DEFAULT_RECOVERY_MS + MARGIN_MS });
    }

    fn catch_up(&mut self, who: usize, key: u32) {
        let before = |world: &World| {
            (world.members[who].positions[key as usize], world.members[who].polled.is_some())
        };
        while {
            let state = before(self);
            self.work(who, key);
            state != before(self) || state.1
        } {}
    }

    fn drain(&mut self, key: u32) {
        let process = self.open(300, None);
        let (start, end) = (self.logs[key as usize].start, self.logs[key as usize].end());
        if start > 0 {
            let by = PositionedBy::ResetEarliest;
            self.steps.push(Step::Position { process, key, offset: start, by });
        }
        let records: Records = self.logs[key as usize].records();
        let polls =
            records.chunks(3).map(|chunk| Step::Poll { process, key, records: chunk.to_vec() });
        self.steps.extend(polls);
        if self.random.percent(50) {
            self.steps.push(Step::Dump { process, key, records: records.clone() });
        }
        self.steps.push(Step::Drain { process, key, end });
    }
}
