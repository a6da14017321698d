//! Valid histories with transactions: sources that write outside any, loaders that write inside, workers that consume,
//! process and produce, and readers of committed records. Transactions commit, abort, time out, lose their answer or their
//! process; markers lag behind decisions; a restarted producer fences its earlier life.

use super::random::Random;
use super::step::{Records, Step};
use ktrial_checker::history::PositionedBy;
use std::collections::BTreeSet;

/// Partitions 0 and 1 are the workers' input, the others their output.
pub const INPUTS: u32 = 2;
pub const PARTITIONS: u32 = 4;
/// Processes 0, 1 and 2 do nothing: injectors act as them.
pub const SPARES: u32 = 3;

/// A valid history of this many turns.
pub fn valid(seed: u64, turns: usize) -> Vec<Step> {
    let mut world = World::new(seed);
    for _ in 0..turns {
        world.turn();
    }
    world.come_to_rest();
    world.steps
}

struct World {
    random: Random,
    steps: Vec<Step>,
    logs: Vec<Vec<Entry>>,
    txns: Vec<Txn>,
    actors: Vec<Actor>,
    committed: Vec<Option<i64>>,
    processes: u32,
    producers: u32,
    values: u64,
    questions: u32,
}

#[derive(Clone, Copy)]
enum Entry {
    Record { value: u64, txn: Option<u32> },
    Marker,
}

#[derive(Default)]
struct Txn {
    /// Whether it is committed, once it is decided.
    fate: Option<bool>,
    /// Where it wrote and its marker is still to come.
    unmarked: BTreeSet<u32>,
    offset: Option<(u32, i64)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Source,
    Loader,
    Worker,
    Reader,
}

struct Actor {
    part: Part,
    client: u32,
    process: u32,
    producer: u32,
    epoch: i16,
    /// The next sequence number, by partition.
    sequences: Vec<i32>,
    /// What a worker consumes.
    input: u32,
    /// The next offset to read, by partition.
    positions: Vec<i64>,
    txn: Option<u32>,
    is_asked: bool,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut world = World {
            random: Random(seed),
            steps: Vec::new(),
            logs: vec![Vec::new(); PARTITIONS as usize],
            txns: Vec::new(),
            actors: Vec::new(),
            committed: vec![None; INPUTS as usize],
            processes: 0,
            producers: 0,
            values: 0,
            questions: 0,
        };
        for spare in 0..SPARES {
            world.open(900 + spare, None);
        }
        let parts =
            [Part::Source, Part::Loader, Part::Loader, Part::Worker, Part::Worker, Part::Reader];
        for (client, part) in (0..).zip(parts) {
            world.producers += 1;
            let (producer, input, positions) = (world.producers, client % INPUTS, vec![0; 4]);
            let sequences = vec![0; 4];
            let (process, epoch, txn, is_asked) = (0, -1, None, false);
            world.actors.push(Actor {
                part,
                client,
                process,
                producer,
                epoch,
                sequences,
                input,
                positions,
                txn,
                is_asked,
            });
            world.start(client as usize);
        }
        world
    }

    fn open(&mut self, client: u32, group: Option<u32>) -> u32 {
        self.steps.push(Step::Open { client, group });
        self.processes += 1;
        self.processes - 1
    }

    /// A new life: a new process, the next epoch, the group's committed offset.
    fn start(&mut self, who: usize) {
        let (part, client) = (self.actors[who].part, self.actors[who].client);
        let process = self.open(client, (part == Part::Worker).then_some(0));
        if part == Part::Source {
            self.producers += 1;
            (self.actors[who].producer, self.actors[who].epoch) = (self.producers, -1);
        }
        let actor = &mut self.actors[who];
        (actor.process, actor.epoch) = (process, actor.epoch + 1);
        actor.sequences.fill(0);
        let (producer, epoch) = (actor.producer, actor.epoch);
        match part {
            Part::Reader => self.read_all(who),
            _ => self.steps.push(Step::Init { process, producer, epoch }),
        }
        if part == Part::Worker {
            self.take(who);
        }
    }

    fn restart(&mut self, who: usize) {
        self.steps.push(Step::Crash { process: self.actors[who].process });
        self.actors[who].is_asked = false;
        if let Some(txn) = self.actors[who].txn.take() {
            self.decide(txn, false);
        }
        self.mark_all();
        self.start(who);
    }

    fn read_all(&mut self, who: usize) {
        let process = self.actors[who].process;
        self.actors[who].positions.fill(0);
        self.steps.push(Step::Assign { process, keys: (0..PARTITIONS).collect() });
        for key in 0..PARTITIONS {
            self.steps.push(Step::Position { process, key, offset: 0, by: PositionedBy::Seek });
        }
    }

    /// A worker gets its input partition and asks where to begin.
    fn take(&mut self, who: usize) {
        let (process, key) = (self.actors[who].process, self.actors[who].input);
        self.steps.push(Step::Assign { process, keys: vec![key] });
        self.questions += 1;
        let (id, offset) = (self.questions, self.committed[key as usize]);
        self.steps.push(Step::Ask { process, group: 0, id });
        self.steps.push(Step::Answer { id, key, offset });
        self.rewind(who);
    }

    fn rewind(&mut self, who: usize) {
        let (process, key) = (self.actors[who].process, self.actors[who].input);
        let (offset, by) = match self.committed[key as usize] {
            Some(offset) => (offset, PositionedBy::Committed),
            None => (0, PositionedBy::ResetEarliest),
        };
        self.actors[who].positions[key as usize] = offset;
        self.steps.push(Step::Position { process, key, offset, by });
    }

    fn turn(&mut self) {
        if self.random.percent(30) {
            self.mark_one();
        }
        let who = self.random.below(self.actors.len());
        match self.actors[who].part {
            Part::Source => self.source_turn(who),
            Part::Reader if self.random.percent(3) => self.restart(who),
            Part::Reader => {
                let key = self.random.below(PARTITIONS as usize) as u32;
                self.poll(who, key);
            }
            Part::Loader | Part::Worker => self.transactor_turn(who),
        }
    }

    fn source_turn(&mut self, who: usize) {
        let key = self.random.below(PARTITIONS as usize) as u32;
        let value = self.send(who, key);
        if self.random.percent(5) {
            self.steps.push(Step::GiveUp { value });
            return self.restart(who);
        }
        let offset = self.append(key, value, None);
        let answer = Step::Ack { value, offset: Some(offset) };
        self.steps.push(if self.random.percent(90) { answer } else { Step::GiveUp { value } });
    }

    fn send(&mut self, who: usize, key: u32) -> u64 {
        self.values += 1;
        let (value, actor) = (self.values, &mut self.actors[who]);
        let sequence = actor.sequences[key as usize];
        actor.sequences[key as usize] += 1;
        self.steps.push(Step::Send { process: actor.process, key, value });
        self.steps.push(Step::Sequence { sequence });
        value
    }

    fn append(&mut self, key: u32, value: u64, txn: Option<u32>) -> i64 {
        let log = &mut self.logs[key as usize];
        log.push(Entry::Record { value, txn });
        log.len() as i64 - 1
    }

    fn transactor_turn(&mut self, who: usize) {
        match self.actors[who].txn {
            Some(txn) if self.actors[who].is_asked => self.answer(who, txn),
            Some(txn) => self.work(who, txn),
            None => match self.random.below(100) {
                0..4 => self.restart(who),
                4..8 if self.actors[who].part == Part::Worker => self.swap_inputs(),
                8..30 if self.actors[who].part == Part::Worker => {
                    self.poll(who, self.actors[who].input)
                }
                _ => self.begin(who),
            },
        }
    }

    /// A producer begins when the markers of its last transaction are written.
    fn begin(&mut self, who: usize) {
        self.mark_all();
        let (txn, process) = (self.txns.len() as u32, self.actors[who].process);
        self.txns.push(Txn::default());
        self.actors[who].txn = Some(txn);
        self.steps.push(Step::Begin { process, txn });
    }

    fn work(&mut self, who: usize, txn: u32) {
        let is_worker = self.actors[who].part == Part::Worker;
        match self.random.below(100) {
            0..25 if is_worker => self.poll(who, self.actors[who].input),
            0..55 => self.produce(who, txn),
            55..60 => self.restart(who),
            60..70 => self.abort(who, txn),
            _ => self.ask(who, txn),
        }
    }

    fn produce(&mut self, who: usize, txn: u32) {
        let first = if self.actors[who].part == Part::Worker { INPUTS } else { 0 };
        let key = first + self.random.below((PARTITIONS - first) as usize) as u32;
        let value = self.send(who, key);
        let offset = self.append(key, value, Some(txn));
        self.txns[txn as usize].unmarked.insert(key);
        if self.random.percent(95) {
            self.steps.push(Step::Ack { value, offset: Some(offset) });
        } else {
            self.steps.push(Step::GiveUp { value });
            self.abort(who, txn);
        }
    }

    fn add_offset(&mut self, who: usize, txn: u32) {
        let Actor { part, input: key, ref positions, .. } = self.actors[who];
        if part == Part::Worker {
            let offset = positions[key as usize];
            self.steps.push(Step::AddOffset { txn, group: 0, key, offset });
            self.txns[txn as usize].offset = Some((key, offset));
        }
    }

    fn abort(&mut self, who: usize, txn: u32) {
        if self.random.percent(50) {
            self.add_offset(who, txn);
        }
        self.decide(txn, false);
        self.actors[who].txn = None;
        self.steps.push(Step::TxnAborted { txn });
        if self.actors[who].part == Part::Worker {
            self.rewind(who);
        }
    }

    /// A commit is decided while its producer waits, or never arrives and the coordinator aborts.
    fn ask(&mut self, who: usize, txn: u32) {
        self.add_offset(who, txn);
        self.steps.push(Step::AskCommit { txn });
        let arrives = self.random.percent(93);
        self.decide(txn, arrives);
        self.actors[who].is_asked = true;
    }

    fn answer(&mut self, who: usize, txn: u32) {
        (self.actors[who].txn, self.actors[who].is_asked) = (None, false);
        if self.txns[txn as usize].fate == Some(true) && self.random.percent(85) {
            self.steps.push(Step::TxnCommitted { txn });
        } else {
            self.steps.push(Step::TxnUnknown { txn });
            self.restart(who);
        }
    }

    fn decide(&mut self, txn: u32, is_committed: bool) {
        let decided = &mut self.txns[txn as usize];
        if decided.fate.is_some() {
            return;
        }
        decided.fate = Some(is_committed);
        if let Some((key, offset)) = decided.offset.filter(|_| is_committed) {
            self.committed[key as usize] = Some(offset);
        }
        for key in self.txns[txn as usize].unmarked.clone() {
            if self.random.percent(50) {
                self.mark(txn, key);
            }
        }
    }

    fn mark(&mut self, txn: u32, key: u32) {
        self.logs[key as usize].push(Entry::Marker);
        self.txns[txn as usize].unmarked.remove(&key);
    }

    /// The markers that decided transactions still owe.
    fn owed(&self) -> Vec<(u32, u32)> {
        let decided = (0..).zip(&self.txns).filter(|(_, txn)| txn.fate.is_some());
        decided.flat_map(|(id, txn)| txn.unmarked.iter().map(move |&key| (id, key))).collect()
    }

    fn mark_one(&mut self) {
        if let Some(&(txn, key)) = self.owed().first() {
            self.mark(txn, key);
        }
    }

    /// Writes all markers, among them those that a producer waits for.
    fn mark_all(&mut self) {
        self.owed().into_iter().for_each(|(txn, key)| self.mark(txn, key));
    }

    /// Workers without open transactions exchange their partitions.
    fn swap_inputs(&mut self) {
        let workers: Vec<_> =
            (0..self.actors.len()).filter(|&who| self.actors[who].part == Part::Worker).collect();
        if workers.iter().any(|&who| self.actors[who].txn.is_some()) {
            return;
        }
        for &who in &workers {
            self.actors[who].input = INPUTS - 1 - self.actors[who].input;
            self.take(who);
        }
    }

    fn poll(&mut self, who: usize, key: u32) {
        let (process, position) =
            (self.actors[who].process, self.actors[who].positions[key as usize]);
        let most = 1 + self.random.below(4);
        let records: Records = self
            .stable(key)
            .into_iter()
            .filter(|&(offset, _)| offset >= position)
            .take(most)
            .collect();
        if let Some(&(last, _)) = records.last() {
            self.actors[who].positions[key as usize] = last + 1;
            self.steps.push(Step::Poll { process, key, records });
        }
    }

    /// The committed records below the last stable offset.
    fn stable(&self, key: u32) -> Records {
        let is_stable = |entry: &&Entry| match **entry {
            Entry::Record { txn: Some(txn), .. } => {
                let txn = &self.txns[txn as usize];
                txn.fate.is_some() && !txn.unmarked.contains(&key)
            }
            Entry::Record { txn: None, .. } | Entry::Marker => true,
        };
        let committed = |(offset, entry): (i64, &Entry)| match *entry {
            Entry::Record { value, txn } => {
                let is_committed = txn.is_none_or(|txn| self.txns[txn as usize].fate == Some(true));
                is_committed.then_some((offset, value))
            }
            Entry::Marker => None,
        };
        let stable = self.logs[key as usize].iter().take_while(is_stable);
        (0..).zip(stable).filter_map(committed).collect()
    }

    fn come_to_rest(&mut self) {
        for who in 0..self.actors.len() {
            match self.actors[who].txn {
                Some(txn) if self.actors[who].is_asked => self.answer(who, txn),
                Some(txn) => self.abort(who, txn),
                None => {}
            }
        }
        self.mark_all();
        for key in 0..PARTITIONS {
            let process = self.open(300, None);
            for records in self.stable(key).chunks(3) {
                self.steps.push(Step::Poll { process, key, records: records.to_vec() });
            }
            let end = self.logs[key as usize].len() as i64;
            self.steps.push(Step::Drain { process, key, end });
        }
    }
}
