//! How fast histories are recorded, cloned and judged, in client operations per second.

#[path = "../tests/generated/generator/mod.rs"]
mod generator;
#[path = "../tests/generated/random.rs"]
mod random;
#[path = "../tests/generated/step.rs"]
mod step;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use generator::{Features, Size, valid_with};
use ktrial_checker::contract::Contract;
use ktrial_checker::history::{History, Key, Offset, Time, Value};
use ktrial_checker::import::{self, Format};
use ktrial_checker::judge;
use ktrial_checker::klog;
use ktrial_checker::notation::convert::klog_to_edn;
use ktrial_checker::online::Sweep;
use std::collections::VecDeque;
use std::hint::black_box;

/// A trial's worth of clients over six partitions; about one operation per turn is recorded in three.
fn size(turns: usize) -> Size {
    Size { partitions: 6, producers: 4, readers: 1, members: 2, turns, poll_max: 50 }
}

/// Sends, polls, commits: what a client waits for.
fn operations(steps: &[step::Step]) -> u64 {
    use step::Step as S;
    let is_operation = |step: &&S| {
        matches!(step, S::Send { .. } | S::Poll { .. } | S::Commit { .. } | S::Ask { .. })
    };
    steps.iter().filter(is_operation).count() as u64
}

fn judging(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("judge");
    for turns in [30_000, 300_000, 3_000_000] {
        let steps = valid_with(1, size(turns), Features::PLAIN);
        let history = step::record(&steps, 6);
        group.throughput(Throughput::Elements(operations(&steps)));
        group.sample_size(if turns > 1_000_000 { 10 } else { 50 });
        group.bench_function(BenchmarkId::from_parameter(operations(&steps)), |bencher| {
            bencher.iter(|| judge(black_box(&history), &Contract::default()));
        });
    }
}

fn files(criterion: &mut Criterion) {
    let steps = valid_with(1, size(30_000), Features::PLAIN);
    let history = step::record(&steps, 6);
    let mut file = Vec::new();
    klog::write(&history, &mut file).expect("a vector takes everything");
    let mut group = criterion.benchmark_group("klog");
    group.throughput(Throughput::Elements(operations(&steps)));
    group.bench_function("read", |bencher| {
        bencher.iter(|| klog::read(black_box(&file[..])).expect("just written"))
    });
    group.bench_function("write", |bencher| {
        bencher.iter(|| {
            klog::write(&history, Vec::with_capacity(file.len()))
                .expect("a vector takes everything")
        });
    });
}

/// A producer with 50 sends in flight: two lines an operation, and nothing else.
fn sends(count: u64) -> History {
    const IN_FLIGHT: usize = 50;
    let mut history = History::new();
    let keys: Vec<Key> = (0..6).map(|partition| history.key("orders", partition)).collect();
    let client = history.client("producer");
    let process = history.open_session(client, None);
    let mut open = VecDeque::new();
    for n in 0..count {
        let key = keys[n as usize % keys.len()];
        open.push_back(history.send_invoked(process, Time(1000 * n), key, Value(n)));
        if open.len() > IN_FLIGHT {
            let send = open.pop_front().expect("it is longer than that");
            history.send_ok(send, Time(1000 * n + 500), Some(Offset(n as i64 / 6)));
        }
    }
    history
}

fn plain_files(criterion: &mut Criterion) {
    const SENDS: u64 = 100_000;
    let (mut lines, mut edn) = (Vec::new(), Vec::new());
    klog::write(&sends(SENDS), &mut lines).expect("a vector takes everything");
    klog_to_edn(&lines[..], &mut edn).expect("what was written can be read");
    let mut group = criterion.benchmark_group("sends");
    group.throughput(Throughput::Elements(SENDS)).sample_size(20);
    for (format, file) in [(Format::Klog, &lines), (Format::Edn, &edn)] {
        group.bench_function(BenchmarkId::new("read", format), |bencher| {
            bencher.iter(|| import::read(Some(format), black_box(&file[..])).expect("just written"))
        });
    }
}

fn recording(criterion: &mut Criterion) {
    let mut history = History::new();
    let (key, client) = (history.key("t", 0), history.client("producer"));
    let process = history.open_session(client, None);
    let mut group = criterion.benchmark_group("record");
    group.throughput(Throughput::Elements(1));
    group.bench_function("send and its acknowledgement", |bencher| {
        let (mut written, mut time) = (history.clone(), 0);
        bencher.iter(|| {
            time += 1;
            let send = written.send_invoked(process, Time(time), key, Value(time));
            written.send_ok(send, Time(time), Some(Offset(time as i64)));
            if time % 10_000 == 0 {
                written = history.clone();
            }
        });
    });
    let trial = step::record(&valid_with(1, size(30_000), Features::PLAIN), 6);
    group.bench_function("clone of a trial's history", |bencher| {
        bencher.iter(|| black_box(&trial).clone())
    });
    assert_eq!(key, Key(0));
}

/// Nanoseconds per event of a sweep that follows a history as it grows.
fn online(criterion: &mut Criterion) {
    let trial = step::record(&valid_with(1, size(300_000), Features::PLAIN), 6);
    let mut group = criterion.benchmark_group("online");
    group.sample_size(50);
    for (name, history) in [("trial", trial), ("sends", sends(100_000))] {
        group.throughput(Throughput::Elements(history.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| Sweep::default().follow(black_box(&history)))
        });
    }
}

criterion_group!(benches, judging, files, plain_files, recording, online);
criterion_main!(benches);
