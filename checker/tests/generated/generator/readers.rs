//! Readers outside groups: they read from the beginning, seek, ask for a log's bounds, and die.

use super::super::step::Step;
use super::clients::Reader;
use super::world::World;
use ktrial_checker::history::{LogBound, PositionedBy};

impl World {
    pub(super) fn join_reader(&mut self, client: usize) {
        let process = self.open(100 + client, None);
        self.readers.push(Reader { process, positions: vec![] });
        self.start_reader(client);
    }

    pub(super) fn reader_turn(&mut self) {
        let who = self.random.below(self.readers.len());
        let key = self.key();
        match self.random.below(100) {
            0..70 => self.read(who, key),
            70..90 => self.ask(who, key),
            90..96 => {
                let offset = self.random.below(self.logs[key as usize].end() as usize + 1) as i64;
                self.seek(who, key, offset, PositionedBy::Seek);
            }
            _ => {
                self.steps.push(Step::Crash { process: self.readers[who].process });
                self.readers[who].process = self.open(100 + who, None);
                self.start_reader(who);
            }
        }
    }

    fn start_reader(&mut self, who: usize) {
        let process = self.readers[who].process;
        self.steps.push(Step::Assign { process, keys: (0..self.size.partitions).collect() });
        self.readers[who].positions = vec![0; self.size.partitions as usize];
        (0..self.size.partitions).for_each(|key| self.seek(who, key, 0, PositionedBy::Seek));
    }

    fn seek(&mut self, who: usize, key: u32, offset: i64, by: PositionedBy) {
        let process = self.readers[who].process;
        self.readers[who].positions[key as usize] = offset;
        self.steps.push(Step::Position { process, key, offset, by });
    }

    fn read(&mut self, who: usize, key: u32) {
        let start = self.logs[key as usize].start;
        if self.readers[who].positions[key as usize] < start {
            self.seek(who, key, start, PositionedBy::ResetEarliest);
        }
        let Reader { process, ref positions } = self.readers[who];
        let records = self.records_from(key, positions[key as usize]);
        if let Some(&(last, _)) = records.last() {
            self.readers[who].positions[key as usize] = last + 1;
            self.steps.push(Step::Poll { process, key, records });
            if self.random.percent(50) {
                self.tell(key, last + 1);
            }
        }
    }

    /// Asks where the log begins or ends. What happens between question and answer may be counted or not.
    fn ask(&mut self, who: usize, key: u32) {
        let (id, process) = (self.id(), self.readers[who].process);
        let log = &self.logs[key as usize];
        let (of, offset) = match self.random.percent(60) {
            true => (LogBound::Latest, log.end()),
            false => (LogBound::Earliest, log.start),
        };
        self.steps.push(Step::AskBound { process, key, of, id });
        if self.random.percent(50) && !self.producers.is_empty() {
            self.producer_turn();
        }
        self.steps.push(Step::AnswerBound { id, key, offset });
    }
}
