//! How fast histories are judged against models, in operations per second.

#[path = "../tests/linearizability/generator.rs"]
mod generator;
#[path = "../tests/generated/random.rs"]
mod random;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use generator::{Shape, logs, queues, registers, stores};
use ktrial_checker::linearizability::models::append_log::{AppendLog, Input, Output};
use ktrial_checker::linearizability::models::key_value::KeyValue;
use ktrial_checker::linearizability::models::queue::Queue;
use ktrial_checker::linearizability::models::register::Register;
use ktrial_checker::linearizability::{Budget, Model, Operation, Verdict, check};
use std::hint::black_box;

/// Only the verdict: a counterexample is made once, however often it is looked at.
const VERDICT_ONLY: Budget = Budget { configurations: 4_000_000, counterexample: 0 };

fn judge<M: Model>(model: &M, operations: &[Operation<M::Input, M::Output>]) -> Verdict {
    check(model, black_box(operations), VERDICT_ONLY)
}

/// A log without offsets, fetched near its end by fifty clients.
fn append_fetch_log(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("log without offsets, 50 clients");
    for operations in [1_000, 10_000, 100_000] {
        let history = logs(1, Shape { clients: 50, operations, crash_percent: 0 }, false);
        assert_eq!(judge(&AppendLog::default(), &history).name(), "valid");
        group.throughput(Throughput::Elements(operations as u64));
        group.sample_size(20);
        group.bench_function(BenchmarkId::new("valid", operations), |bencher| {
            bencher.iter(|| judge(&AppendLog::default(), &history));
        });
    }
    let mut stale = logs(1, Shape { clients: 50, operations: 100_000, crash_percent: 0 }, false);
    let last = stale.iter().filter_map(Operation::returned).max().unwrap_or(0);
    let empty = Output::Fetched { values: vec![], end: Some(0) };
    stale.push(Operation::completed(0_u64, last + 1, Input::Fetch(0), last + 2, empty));
    assert_eq!(judge(&AppendLog::default(), &stale).name(), "invalid");
    group.bench_function(BenchmarkId::new("stale read", 100_000), |bencher| {
        bencher.iter(|| judge(&AppendLog::default(), &stale));
    });
}

/// Eighty operations on a register, many of which were never answered: a hundred such histories at a time.
fn crashed_registers(criterion: &mut Criterion) {
    let shape = Shape { clients: 10, operations: 80, crash_percent: 20 };
    let mut group = criterion.benchmark_group("register, 80 operations, many crashed");
    let histories: Vec<_> = (0..100).map(|seed| registers(seed, shape)).collect();
    group.throughput(Throughput::Elements(80 * 100));
    group.bench_function("a hundred valid", |bencher| {
        bencher.iter(|| {
            histories.iter().map(|history| judge(&Register::default(), history)).collect::<Vec<_>>()
        });
    });
    let mut corrupted = histories.clone();
    corrupted.iter_mut().for_each(|history| read_what_nobody_wrote_last(history));
    group.bench_function("a hundred with a wrong read", |bencher| {
        bencher.iter(|| {
            corrupted.iter().map(|history| judge(&Register::default(), history)).collect::<Vec<_>>()
        });
    });
}

/// Lets the last read see another value: mostly one that was there some time before.
fn read_what_nobody_wrote_last(
    history: &mut [Operation<generator::RegisterInput, generator::RegisterOutput>],
) {
    use ktrial_checker::linearizability::models::register;
    let reads = history.iter_mut().rev().filter_map(|operation| operation.response.as_mut());
    for response in reads {
        if let register::Output::Value(value) = &mut response.output {
            *value = Some(value.map_or(0, |value| (value + 1) % 5));
            return;
        }
    }
}

fn stores_and_queues(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("key-value with append, 50 clients, 10 keys");
    let store = stores(1, Shape { clients: 50, operations: 2_000, crash_percent: 0 }, 10);
    assert_eq!(judge(&KeyValue::default(), &store).name(), "valid");
    group.throughput(Throughput::Elements(2_000));
    group.bench_function("2000", |bencher| {
        bencher.iter(|| judge(&KeyValue::default(), &store));
    });
    group.finish();
    let mut group = criterion.benchmark_group("queue, 20 clients");
    let queue = queues(1, Shape { clients: 20, operations: 2_000, crash_percent: 0 });
    assert_eq!(judge(&Queue::default(), &queue).name(), "valid");
    group.throughput(Throughput::Elements(2_000));
    group.bench_function("2000", |bencher| bencher.iter(|| judge(&Queue::default(), &queue)));
}

criterion_group!(benches, append_fetch_log, crashed_registers, stores_and_queues);
criterion_main!(benches);
