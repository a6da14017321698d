//! How fast histories of transactions are judged, in client operations per second: workers that poll, send and add offsets
//! in transactions side by side, and loaders that fill what they read.
//!
//! Measured by the counters of one core at 3.9 GHz, without link-time optimization, other processes building beside it:
//!
//! ```text
//! order          operations  judging     operations/s  instructions an operation
//! reads             1000032  427ms             2.34 M                       3232
//! serializable      1000032  440ms             2.27 M                       3324
//! ```
//! Processor time and instructions are those of a run that judges once, less those of one that judges nothing.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ktrial_checker::contract::{Contract, TransactionOrder};
use ktrial_checker::history::{
    GroupId, History, Isolation, Key, KeyBounds, Meta, Offset, OpId, PositionedBy, ProcessId, Time,
    Value,
};
use ktrial_checker::judge;
use std::hint::black_box;

/// Worker w reads partition w and writes to the partitions behind those.
const WORKERS: u32 = 8;
const OUTPUTS: u32 = 4;
/// A poll, four sends, an offset, and a commit; four sends of a loader.
const OPERATIONS_A_TURN: u64 = 11;
const SENDS: u64 = 4;

struct World {
    history: History,
    now: u64,
    value: u64,
    ends: Vec<i64>,
    workers: Vec<ProcessId>,
    loader: ProcessId,
    group: GroupId,
}

impl World {
    fn new() -> Self {
        let isolation = Some(Isolation::ReadCommitted);
        let mut history = History::of(Meta { isolation, ..Meta::default() });
        let keys: Vec<Key> = (0..WORKERS + OUTPUTS).map(|n| history.key("t", n)).collect();
        let group = history.group("app");
        let client = history.client("loader");
        let loader = history.open_session(client, None);
        let mut workers = Vec::new();
        for (worker, &input) in keys.iter().take(WORKERS as usize).enumerate() {
            let client = history.client(&format!("worker-{worker}"));
            let process = history.open_session(client, Some(group));
            history.assigned(process, Time(0), [input]);
            let by = PositionedBy::ResetEarliest;
            history.positioned(process, Time(0), input, Offset(0), by);
            workers.push(process);
        }
        let ends = vec![0; keys.len()];
        World { history, now: 0, value: 0, ends, workers, loader, group }
    }

    fn tick(&mut self) -> Time {
        self.now += 1_000;
        Time(self.now)
    }

    fn send(&mut self, process: ProcessId, key: u32) {
        let (asked, answered) = (self.tick(), self.tick());
        self.value += 1;
        let send = self.history.send_invoked(process, asked, Key(key), Value(self.value));
        let end = &mut self.ends[key as usize];
        self.history.send_ok(send, answered, Some(Offset(*end)));
        *end += 1;
    }

    /// Every worker has a transaction open at once.
    fn round(&mut self) {
        for input in 0..WORKERS {
            (0..SENDS).for_each(|_| self.send(self.loader, input));
        }
        let txns: Vec<OpId> = (0..WORKERS).map(|worker| self.begin(worker)).collect();
        for turn in 0..SENDS as u32 {
            for worker in 0..WORKERS {
                self.send(self.workers[worker as usize], WORKERS + (worker + turn) % OUTPUTS);
            }
        }
        for (worker, txn) in (0..WORKERS).zip(txns) {
            self.commit(worker, txn);
        }
        self.ends[WORKERS as usize..].iter_mut().for_each(|end| *end += i64::from(WORKERS));
    }

    fn begin(&mut self, worker: u32) -> OpId {
        let (process, end) = (self.workers[worker as usize], self.ends[worker as usize]);
        let began = self.tick();
        let txn = self.history.txn_begun(process, began);
        let first_value = self.value + 1 - u64::from(WORKERS - worker) * SENDS;
        let records = (0..SENDS)
            .map(|n| (Key(worker), Offset(end - (SENDS - n) as i64), Value(first_value + n)));
        let (asked, answered) = (Time(self.now + 1_000), Time(self.now + 2_000));
        self.now += 2_000;
        let poll = self.history.polled(process, asked, answered, records);
        let last_stable_offset = Offset(end);
        let told = KeyBounds { last_stable_offset, ..KeyBounds::of(Key(worker)) };
        self.history.bounds_told(poll, [told]);
        txn
    }

    fn commit(&mut self, worker: u32, txn: OpId) {
        let (added, asked, answered) = (self.tick(), self.tick(), self.tick());
        let next = (Key(worker), Offset(self.ends[worker as usize]));
        self.history.txn_offsets(txn, added, self.group, [next]);
        self.history.txn_committed(txn, answered, Some(asked));
    }
}

fn judging(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("transactions");
    let contracts = [TransactionOrder::Reads, TransactionOrder::Serializable];
    for rounds in [1_000, 11_364] {
        let mut world = World::new();
        (0..rounds).for_each(|_| world.round());
        let operations = rounds * u64::from(WORKERS) * OPERATIONS_A_TURN;
        group.throughput(Throughput::Elements(operations)).sample_size(10);
        for transaction_order in contracts {
            let contract = Contract { transaction_order, ..Contract::default() };
            let name = format!("{transaction_order:?}");
            group.bench_function(BenchmarkId::new(name, operations), |bencher| {
                bencher.iter(|| judge(black_box(&world.history), &contract));
            });
        }
    }
}

criterion_group!(benches, judging);
criterion_main!(benches);
