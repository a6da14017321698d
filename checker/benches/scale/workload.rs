//! A large valid history, recorded as it happens: fifty clients of a log without a fault.
//!
//! Producers send batches and keep one in flight, readers and the members of a group poll what was appended since, the
//! members process and commit it, and some clients only ask where logs begin and end. Halfway, a producer and a member die
//! and come back; at the end all is read to the end. Every turn takes a millisecond.

use super::random::Random;
use ktrial_checker::history::{
    Generation, GroupId, History, Key, KeyBounds, LeaderEpoch, LogBound, Offset, OpId,
    PositionedBy, ProcessId, RebalanceKind, Time, Value,
};

const PRODUCERS: usize = 28;
const READERS: usize = 10;
const MEMBERS: usize = 10;
const ASKERS: usize = 2;
const CLIENTS: usize = PRODUCERS + READERS + MEMBERS + ASKERS;
/// The most records of a batch, and of what one partition gives a poll.
const BATCH_MAX: usize = 8;
const POLL_MAX: i64 = 100;

/// A history and how much is in it.
pub struct Workload {
    pub history: History,
    /// Sends, polls, commits and questions.
    pub operations: u64,
    /// Runs of records of one partition that one poll returned, or a client processed.
    pub spans: u64,
    /// Offsets of all logs.
    pub slots: u64,
}

/// What `operations` or a few more are.
pub fn record(operations: u64, partitions: u32) -> Workload {
    let mut world = World::new(partitions);
    while world.operations < operations / 2 {
        world.turn();
    }
    world.restart();
    while world.operations < operations {
        world.turn();
    }
    world.come_to_rest();
    let slots = world.ends.iter().map(|&end| end as u64).sum();
    let World { history, operations, spans, .. } = world;
    Workload { history, operations, spans, slots }
}

struct World {
    history: History,
    random: Random,
    time: u64,
    operations: u64,
    spans: u64,
    group: GroupId,
    /// By partition: where the log ends, and what the group committed.
    ends: Vec<i64>,
    committed: Vec<i64>,
    producers: Vec<Producer>,
    readers: Vec<Consumer>,
    members: Vec<Consumer>,
    askers: Vec<ProcessId>,
}

struct Producer {
    process: ProcessId,
    in_flight: Vec<(OpId, i64)>,
}

/// Reads every n-th partition, where there are n of its kind.
struct Consumer {
    process: ProcessId,
    keys: Vec<Key>,
    positions: Vec<i64>,
    polled: Vec<(Key, Offset, Value)>,
}

impl World {
    fn new(partitions: u32) -> Self {
        let mut history = History::new();
        (0..partitions)
            .for_each(|partition| assert_eq!(history.key("orders", partition).0, partition));
        let group = history.group("app");
        let none = vec![0; partitions as usize];
        let mut world = World {
            history,
            random: Random(1),
            time: 0,
            operations: 0,
            spans: 0,
            group,
            ends: none.clone(),
            committed: none,
            producers: Vec::new(),
            readers: Vec::new(),
            members: Vec::new(),
            askers: Vec::new(),
        };
        for number in 0..PRODUCERS {
            let process = world.open("producer", number, None);
            world.producers.push(Producer { process, in_flight: Vec::new() });
        }
        world.readers = (0..READERS).map(|number| world.consumer("reader", number, None)).collect();
        let group = Some(world.group);
        world.members = (0..MEMBERS).map(|number| world.consumer("app", number, group)).collect();
        world.askers = (0..ASKERS).map(|number| world.open("asker", number, None)).collect();
        world
    }

    fn open(&mut self, client: &str, number: usize, group: Option<GroupId>) -> ProcessId {
        let client = self.history.client(&format!("{client}-{number}"));
        self.history.open_session(client, group)
    }

    fn now(&self) -> Time {
        Time(self.time)
    }

    fn consumer(&mut self, client: &str, number: usize, group: Option<GroupId>) -> Consumer {
        let process = self.open(client, number, group);
        let of_kind = if group.is_some() { MEMBERS } else { READERS };
        let keys: Vec<Key> =
            (0..self.ends.len() as u32).map(Key).skip(number).step_by(of_kind).collect();
        self.assign(process, &keys, group);
        let positions = keys.iter().map(|key| self.start(process, *key, group)).collect();
        Consumer { process, keys, positions, polled: Vec::new() }
    }

    fn assign(&mut self, process: ProcessId, keys: &[Key], group: Option<GroupId>) {
        let (now, keys) = (self.now(), keys.iter().copied());
        match group {
            None => self.history.assigned(process, now, keys),
            Some(_) => {
                let generation = Some(Generation(1 + i32::from(self.time > 0)));
                let kind = RebalanceKind::Assigned;
                self.history.rebalanced(process, now, kind, generation, keys);
            }
        }
    }

    /// Where the process begins to read the partition: where its group got to, or at the beginning.
    fn start(&mut self, process: ProcessId, key: Key, group: Option<GroupId>) -> i64 {
        let (now, committed) = (self.now(), self.committed[key.0 as usize]);
        let (offset, by) = match group {
            Some(group) => {
                self.operations += 1;
                let asked = self.history.committed_invoked(process, now, group);
                let known = (committed > 0).then_some(Offset(committed));
                self.history.committed_ok(asked, now, [(key, known)]);
                let by = known.map_or(PositionedBy::ResetEarliest, |_| PositionedBy::Committed);
                (committed, by)
            }
            None => (0, PositionedBy::Seek),
        };
        self.history.positioned(process, now, key, Offset(offset), by);
        offset
    }

    fn turn(&mut self) {
        const READER: usize = PRODUCERS + READERS;
        const MEMBER: usize = READER + MEMBERS;
        self.time += 1_000_000;
        match self.random.below(CLIENTS) {
            who @ 0..PRODUCERS => self.produce(who),
            who @ PRODUCERS..READER => self.read(who - PRODUCERS),
            who @ READER..MEMBER => self.work(who - READER),
            who => self.ask(who - MEMBER),
        }
    }

    /// The batch in flight is acknowledged, and the next one sent.
    fn produce(&mut self, who: usize) {
        self.acknowledge(who);
        let key = self.random.below(self.ends.len());
        for _ in 0..=self.random.below(BATCH_MAX) {
            self.operations += 1;
            let (process, offset) = (self.producers[who].process, self.ends[key]);
            self.ends[key] += 1;
            let value = self.value(key, offset);
            let send = self.history.send_invoked(process, self.now(), Key(key as u32), value);
            self.producers[who].in_flight.push((send, offset));
        }
    }

    fn acknowledge(&mut self, who: usize) {
        let now = self.now();
        for (send, offset) in self.producers[who].in_flight.drain(..) {
            self.history.send_ok(send, now, Some(Offset(offset)));
        }
    }

    fn value(&self, key: usize, offset: i64) -> Value {
        Value(offset as u64 * self.ends.len() as u64 + key as u64)
    }

    fn read(&mut self, who: usize) {
        let mut reader = std::mem::replace(&mut self.readers[who], Consumer::nobody());
        let poll = self.poll(&mut reader);
        if let (Some(poll), true) = (poll, self.random.percent(10)) {
            let told = reader.keys.iter().map(|&key| KeyBounds {
                leader_epoch: LeaderEpoch(0),
                high_watermark: Offset(self.ends[key.0 as usize]),
                log_start_offset: Offset(0),
                ..KeyBounds::of(key)
            });
            self.history.bounds_told(poll, told.collect::<Vec<_>>());
        }
        self.readers[who] = reader;
    }

    /// Polls what was appended since, from all partitions that are the consumer's.
    fn poll(&mut self, consumer: &mut Consumer) -> Option<OpId> {
        consumer.polled.clear();
        for (key, position) in consumer.keys.iter().zip(&mut consumer.positions) {
            let end = self.ends[key.0 as usize].min(*position + POLL_MAX);
            self.spans += u64::from(*position < end);
            let records = (*position..end)
                .map(|offset| (*key, Offset(offset), self.value(key.0 as usize, offset)));
            consumer.polled.extend(records);
            *position = end;
        }
        if consumer.polled.is_empty() {
            return None;
        }
        self.operations += 1;
        let (asked, records) = (Time(self.time - 500_000), consumer.polled.iter().copied());
        Some(self.history.polled(consumer.process, asked, self.now(), records))
    }

    /// Polls, or processes what was polled and commits it.
    fn work(&mut self, who: usize) {
        let mut member = std::mem::replace(&mut self.members[who], Consumer::nobody());
        if member.polled.is_empty() {
            self.poll(&mut member);
        } else {
            self.process(&mut member);
        }
        self.members[who] = member;
    }

    fn process(&mut self, member: &mut Consumer) {
        let now = self.now();
        self.history.processed(member.process, now, member.polled.drain(..));
        self.spans += member.keys.len() as u64;
        self.operations += 1;
        let at = |(&key, &position): (&Key, &i64)| (key, Offset(position));
        let offsets = member.keys.iter().zip(&member.positions).map(at);
        let commit = self.history.commit_invoked(member.process, now, self.group, offsets);
        self.history.commit_ok(commit, now);
        for (key, &position) in member.keys.iter().zip(&member.positions) {
            self.committed[key.0 as usize] = position;
        }
    }

    fn ask(&mut self, who: usize) {
        self.operations += 1;
        let (key, process) = (self.random.below(self.ends.len()), self.askers[who]);
        let (of, offset) = match self.random.percent(70) {
            true => (LogBound::Latest, self.ends[key]),
            false => (LogBound::Earliest, 0),
        };
        let (key, asked) = (Key(key as u32), Time(self.time - 500_000));
        let question = self.history.list_offsets_invoked(process, asked, of, [key]);
        self.history.list_offsets_ok(question, self.now(), [(key, Offset(offset))]);
    }

    /// A producer dies with a batch in flight, a member with what it polled, and both come back.
    fn restart(&mut self) {
        self.history.crashed(self.producers[0].process, self.now());
        let process = self.open("producer", 0, None);
        self.producers[0] = Producer { process, in_flight: Vec::new() };
        self.history.crashed(self.members[0].process, self.now());
        self.members[0] = self.consumer("app", 0, Some(self.group));
        self.history.healed(process, self.now());
    }

    fn come_to_rest(&mut self) {
        self.time += 1_000_000;
        (0..PRODUCERS).for_each(|who| self.acknowledge(who));
        let is_behind = |consumer: &Consumer, ends: &[i64]| {
            let behind = |(key, &at): (&Key, &i64)| at < ends[key.0 as usize];
            !consumer.polled.is_empty() || consumer.keys.iter().zip(&consumer.positions).any(behind)
        };
        for who in 0..MEMBERS {
            while is_behind(&self.members[who], &self.ends) {
                self.time += 1_000_000;
                self.work(who);
            }
        }
        for who in 0..READERS {
            self.readers[who].polled.clear();
            while is_behind(&self.readers[who], &self.ends) {
                self.time += 1_000_000;
                self.read(who);
                self.readers[who].polled.clear();
            }
        }
        self.drained();
    }

    fn drained(&mut self) {
        let now = self.now();
        for reader in &self.readers {
            for (&key, &position) in reader.keys.iter().zip(&reader.positions) {
                self.history.drained(reader.process, now, key, Offset(position));
            }
        }
    }
}

impl Consumer {
    /// Stands in for a consumer while it acts.
    fn nobody() -> Self {
        Consumer {
            process: ProcessId(0),
            keys: Vec::new(),
            positions: Vec::new(),
            polled: Vec::new(),
        }
    }
}
