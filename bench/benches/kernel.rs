//! The parts of the kernel alone: randomness, trace hash, event queue, messages, forks, set-up.
//!
//! `cargo bench` in this folder.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use ktrial_bench::Ring;
use ktrial_bench::on_ktrial::world;
use ktrial_sim::queue::EventQueue;
use ktrial_sim::random::{Address, Purpose, Streams};
use ktrial_sim::time::{Duration, Instant};
use ktrial_sim::trace::{EventId, TraceHasher};

const ENDLESS: u64 = u64::MAX;

fn random(c: &mut Criterion) {
    let streams = Streams::new(1);
    let mut stream = streams.stream(Address::new(Purpose::LinkLatency, 0));
    let mut group = c.benchmark_group("random");
    group.bench_function("64 bits", |b| b.iter(|| stream.next_u64()));
    group.bench_function("exponential", |b| b.iter(|| stream.exponential(black_box(50_000))));
    group.bench_function("a new stream and its first draw", |b| {
        let mut entity = 0;
        b.iter(|| {
            entity = (entity + 1) % (1 << 32);
            streams.stream(Address::new(Purpose::LinkLatency, entity)).next_u64()
        });
    });
}

fn trace_hash(c: &mut Criterion) {
    let mut hasher = TraceHasher::new();
    c.bench_function("trace hash/word", |b| b.iter(|| hasher.word(black_box(7))));
    black_box(hasher.hash());
}

/// The hold model: take the next event, schedule another; the number of waiting events stays.
fn queue(c: &mut Criterion) {
    let mut group = c.benchmark_group("queue, pop and schedule");
    for waiting in [64, 512, 4_096] {
        let mut stream = Streams::new(1).stream(Address::new(Purpose::Scenario, 0));
        let mut queue = EventQueue::new();
        for event in 0..waiting {
            let at = Instant::from_nanos(stream.exponential(1_000_000));
            queue.schedule(at, 0, EventId(0), [event; 6]);
        }
        group.bench_function(waiting.to_string(), |b| {
            b.iter(|| {
                let due = queue.pop().expect("as many as were put in");
                let at = due.at + Duration::from_nanos(stream.exponential(1_000_000));
                queue.schedule(at, 0, due.id, due.what);
            });
        });
    }
}

fn send_and_deliver(c: &mut Criterion) {
    let mut group = c.benchmark_group("send and deliver");
    group.throughput(Throughput::Elements(1));
    for nodes in [5, 50, 500] {
        let mut sim = world(1, Ring { nodes, rounds: ENDLESS });
        group.bench_function(format!("{nodes} nodes"), |b| b.iter(|| sim.step()));
    }
}

fn fork(c: &mut Criterion) {
    let mut group = c.benchmark_group("fork");
    for nodes in [5, 50] {
        let mut sim = world(1, Ring { nodes, rounds: ENDLESS });
        (0..100_000).for_each(|_| _ = sim.step());
        let name = format!("{nodes} nodes");
        group.bench_function(name, |b| {
            b.iter_batched(|| (), |()| sim.clone(), BatchSize::SmallInput)
        });
    }
}

fn set_up(c: &mut Criterion) {
    let mut group = c.benchmark_group("set-up");
    for nodes in [5, 50] {
        let mut seed = 0;
        group.bench_function(format!("{nodes} nodes"), |b| {
            b.iter_with_large_drop(|| {
                seed += 1;
                world(seed, Ring { nodes, rounds: ENDLESS })
            });
        });
    }
}

criterion_group!(kernel, random, trace_hash, queue, send_and_deliver, fork, set_up);
criterion_main!(kernel);
