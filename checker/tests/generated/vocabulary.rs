//! Arbitrary histories that use every word there is, sense or nonsense: for what must hold of any history whatever.

use ktrial_checker::history::{
    Clock, CommitSemantics, Generation, History, Isolation, Key, KeyBounds, LeaderEpoch, LogBound,
    LogEntry, LogEntryKind, Meta, Offset, OpId, Order, PositionedBy, ProcessId, Producer,
    RebalanceKind, Source, SubVia, Time, Value,
};
use proptest::prelude::*;

/// Up to 60 events by four processes over three partitions.
pub fn histories() -> impl Strategy<Value = History> {
    let dice = proptest::collection::vec(any::<[u8; 6]>(), 0..60);
    (any::<[u8; 6]>(), dice).prop_map(|(meta, dice)| Scribe::write(meta, &dice))
}

struct Scribe {
    history: History,
    values: Vec<Value>,
    sends: Vec<OpId>,
    txns: Vec<OpId>,
    commits: Vec<OpId>,
    questions: Vec<OpId>,
    listings: Vec<OpId>,
    /// What was completed last, if more may be told of it.
    completed: Option<OpId>,
    now: u64,
}

impl Scribe {
    fn write(meta: [u8; 6], dice: &[[u8; 6]]) -> History {
        let mut history = History::of(arbitrary_meta(meta));
        history.key("a topic", 0);
        history.key("t-1", 7);
        history.key("t", 0);
        let group = history.group("\"app\"\n");
        history.name_series(5, "producer-5");
        for name in ["alice", "bob", "\u{e4}\\"] {
            let client = history.client(name);
            history.open_session(client, (name == "bob").then_some(group));
            history.open_session(client, None);
        }
        let values = ["order 17", "\"quoted\"\u{1}", "17", ""];
        let named = values.map(|name| history.value_named(name));
        let numbers = [0, 17, (5 << 32) + 3, (1 << 62) - 1, u64::MAX].map(Value);
        let mut scribe = Scribe {
            history,
            values: named.into_iter().chain(numbers).collect(),
            sends: Vec::new(),
            txns: Vec::new(),
            commits: Vec::new(),
            questions: Vec::new(),
            listings: Vec::new(),
            completed: None,
            now: 0,
        };
        dice.iter().for_each(|&dice| scribe.event(dice));
        scribe.history
    }

    fn event(&mut self, [what, who, dice @ ..]: [u8; 6]) {
        self.now += u64::from(dice[3]);
        let process = ProcessId(u32::from(who % 6));
        let told = self.completed.take();
        match what % 8 {
            0..2 => self.send(process, dice),
            2 => self.complete_send(dice),
            3 => self.transaction(process, dice),
            4 => self.consumer(process, dice),
            5 => self.commit(process, dice),
            6 => self.log(process, dice),
            _ => match told {
                Some(op) => self.more(op, dice),
                None => self.once(process, dice),
            },
        }
    }

    fn send(&mut self, process: ProcessId, dice: [u8; 4]) {
        let (key, value, time) = (key(dice[0]), self.value(dice[1]), self.time());
        self.sends.push(self.history.send_invoked(process, time, key, value));
        self.detail(dice[2]);
    }

    fn detail(&mut self, dice: u8) {
        let key = match dice % 4 {
            0 => None,
            1 => Some(self.history.message_key_named("alice")),
            _ => Some(ktrial_checker::history::MessageKey(u64::from(dice))),
        };
        let sequence = dice.is_multiple_of(3).then_some(i32::from(dice));
        if key.is_some() || sequence.is_some() {
            self.history.send_told(key, sequence);
        }
        if dice.is_multiple_of(5) {
            self.history.send_is_tombstone();
        }
        let inputs = (0..dice % 3).map(|n| (self::key(n), offset(dice / 2)));
        self.history.send_made_from(inputs);
    }

    fn complete_send(&mut self, dice: [u8; 4]) {
        let (Some(op), time) = (take(&mut self.sends, dice[0]), self.time()) else { return };
        match dice[1] % 4 {
            0 => self.history.send_failed(op, time),
            1 => self.history.send_unknown(op, time),
            _ => {
                self.history.send_ok(op, time, (dice[1] > 9).then_some(offset(dice[2])));
                self.detail(dice[3]);
            }
        }
        self.completed = Some(op);
    }

    fn transaction(&mut self, process: ProcessId, dice: [u8; 4]) {
        let time = self.time();
        let invoked = dice[2].is_multiple_of(2).then_some(Time(u64::from(dice[2])));
        let group = self.history.group("another");
        match (dice[0] % 5, self.txns.last().copied()) {
            (1, Some(txn)) => {
                self.history.txn_offsets(txn, time, group, [(key(dice[1]), offset(dice[2]))]);
            }
            (2, Some(txn)) => self.history.txn_committed(txn, time, invoked),
            (3, Some(txn)) => self.history.txn_aborted(txn, time),
            (4, Some(txn)) => self.history.txn_unknown(txn, time, invoked),
            // One at a time, whoever it belongs to: the file knows a transaction by its process being in it.
            (_, None) => return self.txns.push(self.history.txn_begun(process, time)),
            (_, Some(_)) => return self.initialize(process, dice),
        }
        if dice[0] % 5 > 1 {
            self.completed = self.txns.pop();
        }
    }

    fn initialize(&mut self, process: ProcessId, dice: [u8; 4]) {
        let id = self.history.transactional_id("app \"1\"");
        let producer = Producer {
            invoked_at: if dice[1].is_multiple_of(2) {
                Time::NONE
            } else {
                Time(u64::from(dice[1]))
            },
            id: i64::from(dice[2]),
            transactional_id: dice[3].is_multiple_of(2).then_some(id),
            epoch: i16::from(dice[3]),
        };
        let time = self.time();
        self.history.producer_initialized(process, time, producer);
    }

    fn consumer(&mut self, process: ProcessId, dice: [u8; 4]) {
        let time = self.time();
        let generation = (dice[1] > 9).then_some(Generation(i32::from(dice[1])));
        match dice[0] % 8 {
            0 => self.history.assigned(process, time, keys(dice[1])),
            1 => self.history.subscribed(process, time, keys(dice[1])),
            2 => {
                let kind = pick(
                    dice[2],
                    [
                        RebalanceKind::Assigned,
                        RebalanceKind::Revoked,
                        RebalanceKind::Lost,
                        RebalanceKind::Unknown,
                    ],
                );
                self.history.rebalanced(process, time, kind, generation, keys(dice[3]));
            }
            3 => self.history.joined(process, time, Generation(i32::from(dice[1]))),
            4 => {
                let by = pick(
                    dice[1],
                    [
                        PositionedBy::Committed,
                        PositionedBy::ResetEarliest,
                        PositionedBy::ResetLatest,
                        PositionedBy::Truncation,
                        PositionedBy::Seek,
                    ],
                );
                self.history.positioned(process, time, key(dice[2]), offset(dice[3]), by);
            }
            5 => {
                let records = self.records(dice);
                self.history.processed(process, time, records);
            }
            _ => {
                let records = self.records(dice);
                let poll = self.history.polled(process, Time(time.0 / 2), time, records);
                self.completed = Some(poll);
            }
        }
    }

    /// Up to 15 records of two partitions, with a gap.
    fn records(&mut self, [_, a, b, c]: [u8; 4]) -> Vec<(Key, Offset, Value)> {
        let gap = |place: i64| if place > i64::from(b % 8) { i64::from(c % 5) } else { 0 };
        let record = |n: i64| {
            let place = i64::from(b) + n + gap(n);
            (key(a), Offset(place), self.values[(n as usize + a as usize) % self.values.len()])
        };
        let mut records: Vec<_> = (0..i64::from(c % 16)).map(record).collect();
        records.extend((c % 3 == 0).then_some((key(a / 2), Offset(99), self.values[0])));
        records
    }

    fn commit(&mut self, process: ProcessId, dice: [u8; 4]) {
        let time = self.time();
        let group = self.history.group("another");
        let offsets = keys(dice[1]).into_iter().map(|key| (key, offset(dice[2] / 2)));
        match dice[0] % 5 {
            0 => self.commits.push(self.history.commit_invoked(process, time, group, offsets)),
            1 => self.questions.push(self.history.committed_invoked(process, time, group)),
            2 => {
                let Some(op) = take(&mut self.questions, dice[3]) else { return };
                let answer =
                    |(key, offset): (Key, Offset)| (key, (offset.0 % 2 == 0).then_some(offset));
                self.history.committed_ok(op, time, offsets.map(answer));
            }
            how => {
                let Some(op) = take(&mut self.commits, dice[3]) else { return };
                match (how, dice[2] % 2) {
                    (3, _) => self.history.commit_ok(op, time),
                    (_, 0) => self.history.commit_failed(op, time),
                    _ => self.history.commit_unknown(op, time),
                }
            }
        }
    }

    fn log(&mut self, process: ProcessId, dice: [u8; 4]) {
        let time = self.time();
        match dice[0] % 4 {
            0 => {
                let of =
                    pick(dice[1], [LogBound::Earliest, LogBound::Latest, LogBound::LastStable]);
                let keys = [key(dice[2])]
                    .into_iter()
                    .chain(dice[3].is_multiple_of(2).then(|| key(dice[2] / 2)));
                self.listings.push(self.history.list_offsets_invoked(process, time, of, keys));
            }
            1 => {
                let Some(op) = take(&mut self.listings, dice[1]) else { return };
                self.history.list_offsets_ok(op, time, [(key(dice[2]), offset(dice[3]))]);
                self.completed = Some(op);
            }
            2 => self.history.drained(process, time, key(dice[1]), offset(dice[2])),
            _ => self.dump(process, dice),
        }
    }

    /// A log at rest: offsets in order, each a record, a marker or an aborted record.
    fn dump(&mut self, process: ProcessId, [_, a, b, c]: [u8; 4]) {
        let entry = |n: u8| LogEntry {
            offset: Offset(i64::from(n)),
            value: (n % 3 < 2).then(|| self.values[usize::from(n) % self.values.len()]),
            producer_id: i64::from(b) - 1,
            producer_epoch: i16::from(b % 4) - 1,
            kind: pick(
                n,
                [
                    LogEntryKind::Data,
                    LogEntryKind::AbortedData,
                    if b % 2 == 0 { LogEntryKind::Abort } else { LogEntryKind::Commit },
                ],
            ),
        };
        let entries: Vec<LogEntry> = (0..c % 12).map(entry).collect();
        let is_data = |entry: &&LogEntry| entry.kind == LogEntryKind::Data;
        let records: Vec<_> = entries
            .iter()
            .filter(is_data)
            .filter_map(|entry| Some((entry.offset, entry.value?)))
            .collect();
        let time = self.time();
        self.history.log_dumped(process, time, key(a), records);
        let notes: Vec<_> = entries
            .iter()
            .filter(|entry| !is_data(entry) || entry.producer_id >= 0)
            .copied()
            .collect();
        if !notes.is_empty() {
            self.history.log_annotated(notes);
        }
    }

    fn more(&mut self, op: OpId, dice: [u8; 4]) {
        if dice[0] % 3 < 2 {
            let bound = |dice: u8| if dice.is_multiple_of(4) { Offset::NONE } else { offset(dice) };
            let told = KeyBounds {
                high_watermark: Offset(i64::from(dice[1])),
                last_stable_offset: bound(dice[2]),
                log_start_offset: bound(dice[3]),
                leader_epoch: LeaderEpoch(i32::from(dice[2] % 3) - 1),
                ..KeyBounds::of(key(dice[0]))
            };
            self.history.bounds_told(op, [told]);
        }
        if !dice[0].is_multiple_of(3) {
            self.history
                .positions_told(op, keys(dice[1]).into_iter().map(|key| (key, offset(dice[2]))));
        }
    }

    fn once(&mut self, process: ProcessId, dice: [u8; 4]) {
        let time = self.time();
        match dice[0] % 3 {
            0 => self.history.crashed(process, time),
            1 => self.history.closed(process, time),
            _ => self.history.healed(process, time),
        }
    }

    fn time(&self) -> Time {
        Time(self.now)
    }

    fn value(&self, dice: u8) -> Value {
        self.values[usize::from(dice) % self.values.len()]
    }
}

fn arbitrary_meta(dice: [u8; 6]) -> Meta {
    Meta {
        source: pick(dice[0], [Source::Sim, Source::Jepsen, Source::Verifiable, Source::App]),
        clock: pick(dice[1], [Clock::Global, Clock::PerProcess, Clock::Wall]),
        clock_error_ns: u64::from(dice[1]),
        order: pick(dice[2], [Order::Total, Order::PerProcess]),
        commit_semantics: pick(dice[3], [CommitSemantics::Next, CommitSemantics::Last]),
        reads_only: dice[4].is_multiple_of(2),
        seed: (dice[4] > 99).then_some(u64::from(dice[4]) << 56),
        isolation: pick(
            dice[5],
            [None, Some(Isolation::ReadCommitted), Some(Isolation::ReadUncommitted)],
        ),
        sub_via: pick(dice[5] / 3, [None, Some(SubVia::Assign), Some(SubVia::Subscribe)]),
    }
}

fn key(dice: u8) -> Key {
    Key(u32::from(dice % 3))
}

fn keys(dice: u8) -> Vec<Key> {
    (0..3).filter(|key| dice >> key & 1 == 1).map(Key).collect()
}

/// An offset from 1, so that it is one under either meaning of a committed offset.
fn offset(dice: u8) -> Offset {
    Offset(i64::from(dice) + 1)
}

fn pick<T: Clone, const N: usize>(dice: u8, from: [T; N]) -> T {
    from[usize::from(dice) % N].clone()
}

fn take(from: &mut Vec<OpId>, dice: u8) -> Option<OpId> {
    (!from.is_empty()).then(|| from.swap_remove(usize::from(dice) % from.len()))
}
