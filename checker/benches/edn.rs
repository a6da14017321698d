//! How fast Jepsen's histories are read, converted and judged by its rules, in client operations (an invocation and its
//! completion, two maps) per second.

#[path = "../tests/generated/generator/mod.rs"]
mod generator;
#[path = "../tests/generated/random.rs"]
mod random;
#[path = "../tests/generated/step.rs"]
mod step;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use generator::{Features, Size, valid_with};
use ktrial_checker::import::{self, Format};
use ktrial_checker::jepsen::compat::{self, Options};
use ktrial_checker::jepsen::{Kind, Ops};
use ktrial_checker::notation::{Tokens, convert, edn};
use std::hint::black_box;

/// A trial's worth of clients.
const SIZE: Size =
    Size { partitions: 6, producers: 4, readers: 1, members: 2, turns: 30_000, poll_max: 50 };

fn operations(ops: &Ops) -> u64 {
    ops.list.iter().filter(|op| op.kind == Kind::Invoke).count() as u64
}

fn files(criterion: &mut Criterion) {
    let ops =
        Ops::of_history(&step::record(&valid_with(1, SIZE, Features::PLAIN), SIZE.partitions))
            .one_at_a_time();
    let mut file = Vec::new();
    ops.write_edn(&mut file).expect("a vector takes everything");
    let mut group = criterion.benchmark_group("edn");
    group.throughput(Throughput::Elements(operations(&ops)));
    group.bench_function("tokens", |bencher| {
        bencher.iter(|| {
            let (mut forms, mut tokens) = (edn::Forms::new(black_box(&file[..])), Tokens::new());
            while forms.next(&mut tokens).expect("just written") {
                black_box(tokens.row().len());
            }
        });
    });
    group.bench_function("history", |bencher| {
        bencher
            .iter(|| import::read(Some(Format::Edn), black_box(&file[..])).expect("just written"));
    });
    group.bench_function("klog", |bencher| {
        bencher.iter(|| {
            convert::edn_to_klog(black_box(&file[..]), std::io::sink()).expect("just written")
        });
    });
    group.bench_function("operations", |bencher| {
        bencher.iter(|| Ops::read_edn(black_box(&file[..])).expect("just written"));
    });
    group.bench_function("judged by Jepsen's rules", |bencher| {
        bencher.iter(|| compat::judge(black_box(&ops), &Options::default()).validity());
    });
}

criterion_group!(benches, files);
criterion_main!(benches);
