//! What happens in the logs while nobody asks: deletion, compaction, elections, late arrivals.

use super::super::step::{Step, Told};
use super::clients::Stray;
use super::features::Feature;
use super::world::World;

/// What happens to a partition.
type Turn = fn(&mut World, u32);

impl World {
    pub(super) fn broker_turn(&mut self) {
        let turns: [(bool, Turn); 4] = [
            (self.has(Feature::Retention), World::delete_records),
            (self.has(Feature::Compaction), World::compact),
            (self.has(Feature::Elections), World::elect),
            (!self.strays.is_empty(), World::arrive),
        ];
        let turns: Vec<_> = turns.into_iter().filter(|&(is_possible, _)| is_possible).collect();
        if !turns.is_empty() {
            let (key, turn) = (self.key(), turns[self.random.below(turns.len())].1);
            turn(self, key);
        }
    }

    fn delete_records(&mut self, key: u32) {
        let log = &mut self.logs[key as usize];
        log.start += self.random.below((log.end() - log.start) as usize / 4 + 1) as i64;
    }

    fn compact(&mut self, key: u32) {
        let log = &mut self.logs[key as usize];
        let dirty = self.random.below(log.end() as usize + 1);
        log.compact(dirty, &self.message_keys);
    }

    /// The new leader does not know yet how far the old one's high watermark was.
    fn elect(&mut self, key: u32) {
        let log = &mut self.logs[key as usize];
        log.leader_epoch += 1;
        let known = (log.high_watermark - log.start).max(0);
        log.high_watermark = log.start + self.random.below(known as usize + 1) as i64;
    }

    /// A stray takes effect, unless it comes too late: a record behind what its producer sent later, a commit of an
    /// earlier generation.
    fn arrive(&mut self, _: u32) {
        let which = self.random.below(self.strays.len());
        match self.strays.swap_remove(which) {
            Stray::Send { process, send } => {
                let last = self.last_appended.get(&(process, send.key));
                if last.is_none_or(|&last| last < send.value) {
                    self.append_record(process, send.key, send.value);
                }
            }
            Stray::Commit { key, offset, generation } if generation == self.generation => {
                self.logs[key as usize].committed = Some(offset);
            }
            Stray::Commit { .. } => {}
        }
    }

    /// Appends a record, behind control records if there are any.
    pub(super) fn append_record(&mut self, process: u32, key: u32, value: u64) -> i64 {
        while self.has(Feature::ControlRecords) && self.random.percent(10) {
            self.logs[key as usize].append(super::log::NO_RECORD);
        }
        self.last_appended.insert((process, key), value);
        self.logs[key as usize].append(value)
    }

    /// What the response behind the last poll told, which returned records below `end`.
    pub(super) fn tell(&mut self, key: u32, end: i64) {
        let (log, lags) = (&mut self.logs[key as usize], self.features.has(Feature::Elections));
        let known = log.high_watermark.max(end);
        let unknown = if lags { self.random.below((log.end() - known) as usize + 1) } else { 0 };
        log.high_watermark = log.end() - unknown as i64;
        let (epoch, start, high_watermark) = (log.leader_epoch, log.start, log.high_watermark);
        let told = Told { epoch, start, high_watermark, last_stable_offset: None };
        self.steps.push(Step::Told { key, told });
    }
}
