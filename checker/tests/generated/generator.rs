//! Valid histories: a perfect log with pipelining producers, readers that seek, a group that crashes, commits with every
//! outcome and hands partitions over, control records that take offsets, sends nobody hears of, questions for a log's
//! bounds, and an end of all faults after which everything works.

use super::random::Random;
use super::step::{Records, Step, Told};
use ktrial_checker::contract::Contract;
use ktrial_checker::history::{LogBound, PositionedBy, RebalanceKind};
use std::collections::VecDeque;

/// How large a history is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub partitions: u32,
    pub producers: usize,
    pub readers: usize,
    pub members: usize,
    pub turns: usize,
    /// The most records a poll returns.
    pub poll_max: usize,
}

/// A valid history of this size.
pub fn valid(seed: u64, size: Size) -> Vec<Step> {
    let mut world = World::new(seed, size);
    for _ in 0..size.turns {
        world.turn();
    }
    world.come_to_rest();
    world.steps
}

/// Stands in a log where a control record lies.
const CONTROL: u64 = 0;

struct World {
    random: Random,
    size: Size,
    steps: Vec<Step>,
    logs: Vec<Vec<u64>>,
    producers: Vec<Producer>,
    readers: Vec<Reader>,
    members: Vec<Member>,
    committed: Vec<Option<i64>>,
    processes: u32,
    values: u64,
    ids: u32,
    /// Whether members say of which generation they are.
    tells_generations: bool,
}

struct Producer {
    process: u32,
    in_flight: VecDeque<InFlight>,
}

struct InFlight {
    value: u64,
    key: u32,
    appended: Option<i64>,
}

struct Reader {
    process: u32,
    positions: Vec<i64>,
}

struct Member {
    process: u32,
    /// The next offset to poll of each partition that is this member's.
    positions: Vec<Option<i64>>,
    polled: Option<(u32, Records)>,
}

impl World {
    fn new(seed: u64, size: Size) -> Self {
        let partitions = size.partitions as usize;
        let (logs, committed) = (vec![Vec::new(); partitions], vec![None; partitions]);
        let (producers, readers, members) = (Vec::new(), Vec::new(), Vec::new());
        let (random, steps) = (Random(seed), Vec::new());
        let (processes, values, ids) = (0, CONTROL, 0);
        let mut world = World {
            random,
            size,
            steps,
            logs,
            producers,
            readers,
            members,
            committed,
            processes,
            values,
            ids,
            tells_generations: seed.is_multiple_of(2),
        };
        world.start();
        world
    }

    fn start(&mut self) {
        for client in 0..self.size.producers {
            let process = self.open(client, None);
            self.producers.push(Producer { process, in_flight: VecDeque::new() });
        }
        for client in 0..self.size.readers {
            let process = self.open(100 + client, None);
            self.readers.push(Reader { process, positions: vec![] });
            self.start_reader(client);
        }
        for client in 0..self.size.members {
            let process = self.open(200 + client, Some(0));
            let positions = vec![None; self.size.partitions as usize];
            self.members.push(Member { process, positions, polled: None });
        }
        for key in 0..if self.size.members > 0 { self.size.partitions } else { 0 } {
            self.take_over(key as usize % self.size.members, key);
        }
    }

    fn turn(&mut self) {
        match self.random.below(10) {
            0..5 if self.size.producers > 0 => self.producer_turn(),
            5..7 if self.size.readers > 0 => self.reader_turn(),
            7..10 if self.size.members > 0 => self.member_turn(),
            _ => {}
        }
    }

    fn open(&mut self, client: usize, group: Option<u32>) -> u32 {
        self.steps.push(Step::Open { client: client as u32, group });
        self.processes += 1;
        self.processes - 1
    }

    fn id(&mut self) -> u32 {
        self.ids += 1;
        self.ids
    }

    fn key(&mut self) -> u32 {
        self.random.below(self.size.partitions as usize) as u32
    }

    fn producer_turn(&mut self) {
        let who = self.random.below(self.producers.len());
        match self.random.below(100) {
            0..35 if self.producers[who].in_flight.len() < 5 => self.send(who),
            35..70 => self.append(who),
            70..98 => self.complete(who),
            _ => self.restart_producer(who),
        }
    }

    fn send(&mut self, who: usize) {
        let key = self.key();
        self.values += 1;
        let (value, process) = (self.values, self.producers[who].process);
        self.steps.push(Step::Send { process, key, value });
        self.producers[who].in_flight.push_back(InFlight { value, key, appended: None });
    }

    fn append(&mut self, who: usize) {
        let Some(next) =
            self.producers[who].in_flight.iter_mut().find(|send| send.appended.is_none())
        else {
            return;
        };
        let log = &mut self.logs[next.key as usize];
        if self.random.percent(5) {
            log.push(CONTROL);
        }
        next.appended = Some(log.len() as i64);
        log.push(next.value);
    }

    fn complete(&mut self, who: usize) {
        let Some(InFlight { value, appended, .. }) = self.producers[who].in_flight.pop_front()
        else {
            return;
        };
        let luck = self.random.below(100);
        self.steps.push(match appended {
            Some(_) if luck < 10 => Step::GiveUp { value },
            Some(_) if luck < 15 => Step::Ack { value, offset: None },
            Some(offset) => Step::Ack { value, offset: Some(offset) },
            None if luck < 50 => Step::Fail { value },
            None => Step::GiveUp { value },
        });
    }

    fn restart_producer(&mut self, who: usize) {
        self.steps.push(Step::Crash { process: self.producers[who].process });
        let process = self.open(who, None);
        self.producers[who] = Producer { process, in_flight: VecDeque::new() };
    }

    fn reader_turn(&mut self) {
        let who = self.random.below(self.readers.len());
        let key = self.key();
        match self.random.below(100) {
            0..70 => self.read(who, key),
            70..90 => self.ask(who, key),
            90..96 => {
                let offset = self.random.below(self.logs[key as usize].len() + 1) as i64;
                self.seek(who, key, offset);
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
        (0..self.size.partitions).for_each(|key| self.seek(who, key, 0));
    }

    fn seek(&mut self, who: usize, key: u32, offset: i64) {
        let process = self.readers[who].process;
        self.readers[who].positions[key as usize] = offset;
        self.steps.push(Step::Position { process, key, offset, by: PositionedBy::Seek });
    }

    fn read(&mut self, who: usize, key: u32) {
        let (process, position) =
            (self.readers[who].process, self.readers[who].positions[key as usize]);
        let records = self.records_from(key, position);
        if let Some(&(last, _)) = records.last() {
            self.readers[who].positions[key as usize] = last + 1;
            self.steps.push(Step::Poll { process, key, records });
            if self.random.percent(50) {
                self.tell(key);
            }
        }
    }

    /// Asks where the log begins or ends. What is appended between question and answer may be counted or not.
    fn ask(&mut self, who: usize, key: u32) {
        let (id, process) = (self.id(), self.readers[who].process);
        let end = self.logs[key as usize].len() as i64;
        let (of, offset) = match self.random.percent(60) {
            true => (LogBound::Latest, end),
            false => (LogBound::Earliest, 0),
        };
        self.steps.push(Step::AskBound { process, key, of, id });
        if self.random.percent(50) && !self.producers.is_empty() {
            self.producer_turn();
        }
        self.steps.push(Step::AnswerBound { id, key, offset });
    }

    /// What the response behind the last poll told.
    fn tell(&mut self, key: u32) {
        let high_watermark = self.logs[key as usize].len() as i64;
        let told = Told { epoch: 0, start: 0, high_watermark };
        self.steps.push(Step::Told { key, told });
    }

    fn records_from(&mut self, key: u32, position: i64) -> Records {
        let max = 1 + self.random.below(self.size.poll_max);
        let log = (position..).zip(&self.logs[key as usize][position as usize..]);
        log.filter(|&(_, &value)| value != CONTROL)
            .map(|(offset, &value)| (offset, value))
            .take(max)
            .collect()
    }

    fn member_turn(&mut self) {
        let who = self.random.below(self.members.len());
        let key = self.key();
        match self.random.below(100) {
            0..90 => self.work(who, key),
            90..95 => self.take_over(who, key),
            _ => self.restart_member(who),
        }
    }

    /// Processes what was polled and mostly commits it, or polls.
    fn work(&mut self, who: usize, key: u32) {
        let process = self.members[who].process;
        if let Some((key, records)) = self.members[who].polled.take() {
            self.steps.push(Step::Processed { process, key, records });
            if self.random.percent(80) {
                self.commit(who, key);
            }
            return;
        }
        let Some(position) = self.members[who].positions[key as usize] else { return };
        let records = self.records_from(key, position);
        if let Some(&(last, _)) = records.last() {
            self.members[who].positions[key as usize] = Some(last + 1);
            self.steps.push(Step::Poll { process, key, records: records.clone() });
            self.members[who].polled = Some((key, records));
        }
    }

    fn commit(&mut self, who: usize, key: u32) {
        let Some(offset) = self.members[who].positions[key as usize] else { return };
        let (id, process) = (self.id(), self.members[who].process);
        self.steps.push(Step::Commit { process, group: 0, key, offset, id });
        let (outcome, applied) = match self.random.below(100) {
            0..10 => (Step::CommitFailed { id }, false),
            10..20 => (Step::CommitUnknown { id }, self.random.percent(50)),
            _ => (Step::CommitOk { id }, true),
        };
        self.steps.push(outcome);
        if applied {
            self.committed[key as usize] = Some(offset);
        }
    }

    /// The member gets the partition, whoever had it before loses it, and reading goes on from the committed offset.
    fn take_over(&mut self, who: usize, key: u32) {
        if let Some(old) =
            self.members.iter().position(|member| member.positions[key as usize].is_some())
        {
            self.members[old].positions[key as usize] = None;
            self.members[old].polled.take_if(|(polled, _)| *polled == key);
            self.assign(old);
        }
        self.members[who].positions[key as usize] = Some(0);
        self.assign(who);
        self.resume(who, key);
    }

    fn assign(&mut self, who: usize) {
        let Member { process, positions, .. } = &self.members[who];
        let keys = (0..)
            .zip(positions)
            .filter(|(_, position)| position.is_some())
            .map(|(key, _)| key)
            .collect();
        self.steps.push(Step::Assign { process: *process, keys });
    }

    fn resume(&mut self, who: usize, key: u32) {
        let (id, process, committed) =
            (self.id(), self.members[who].process, self.committed[key as usize]);
        if self.tells_generations {
            let (kind, generation) = (RebalanceKind::Assigned, id as i32);
            self.steps.push(Step::Rebalance { process, kind, generation, keys: vec![key] });
        }
        self.steps.push(Step::Ask { process, group: 0, id });
        self.steps.push(Step::Answer { id, key, offset: committed });
        let (offset, by) = match committed {
            Some(offset) => (offset, PositionedBy::Committed),
            None => (0, PositionedBy::ResetEarliest),
        };
        self.steps.push(Step::Position { process, key, offset, by });
        self.members[who].positions[key as usize] = Some(offset);
    }

    fn restart_member(&mut self, who: usize) {
        self.steps.push(Step::Crash { process: self.members[who].process });
        self.members[who].process = self.open(200 + who, Some(0));
        self.members[who].polled = None;
        self.assign(who);
        for key in 0..self.size.partitions {
            if self.members[who].positions[key as usize].is_some() {
                self.resume(who, key);
            }
        }
    }

    fn come_to_rest(&mut self) {
        for who in 0..self.producers.len() {
            while !self.producers[who].in_flight.is_empty() {
                self.append(who);
                self.complete(who);
            }
        }
        self.recover();
        for who in 0..self.members.len() {
            for key in 0..self.size.partitions {
                self.catch_up(who, key);
            }
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
            let (value, log) = (self.values, &mut self.logs[key as usize]);
            let offset = Some(log.len() as i64);
            log.push(value);
            self.steps.push(Step::Send { process: self.producers[0].process, key, value });
            self.steps.push(Step::Ack { value, offset });
        }
    }

    fn wait_for_recovery(&mut self) {
        self.steps.push(Step::Wait { ms: Contract::DEFAULT_RECOVERY_MS + 1 });
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
        let log = (0..).zip(&self.logs[key as usize]).filter(|&(_, &value)| value != CONTROL);
        let records: Records = log.map(|(offset, &value)| (offset, value)).collect();
        let polls =
            records.chunks(3).map(|chunk| Step::Poll { process, key, records: chunk.to_vec() });
        self.steps.extend(polls);
        if self.random.percent(50) {
            self.steps.push(Step::Dump { process, key, records: records.clone() });
        }
        let end = self.logs[key as usize].len() as i64;
        self.steps.push(Step::Drain { process, key, end });
    }
}
