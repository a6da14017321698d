//! What a trial costs besides its events: its set-up, and a fork of it in the middle of its run.
//!
//! `cargo bench -p ktrial-scenarios` runs both on the flagship scenario with three partitions. Asked are at most 100 µs for a
//! set-up and less than 50 µs for a fork.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ktrial_scenarios::catalogue;
use ktrial_scenarios::trial::{Trial, World};

/// Events after which a trial is in the middle of its run: about half of them all.
const MIDDLE: u64 = 10_000;

fn flagship() -> Trial {
    let mut scenario = catalogue::find("acks-all-survives").expect("it is in the catalogue");
    scenario.topics[0].partitions = 3;
    Trial::new(&scenario)
}

fn in_the_middle(trial: &Trial) -> World<()> {
    let mut world = trial.world(1, ());
    while world.events() < MIDDLE {
        assert!(world.step(), "the trial is longer");
    }
    world
}

fn set_up(criterion: &mut Criterion) {
    let (trial, mut seed) = (flagship(), 0);
    criterion.bench_function("set-up of a trial", |bencher| {
        bencher.iter_with_large_drop(|| {
            seed += 1;
            trial.world(black_box(seed), ())
        });
    });
}

fn fork(criterion: &mut Criterion) {
    let world = in_the_middle(&flagship());
    criterion.bench_function("fork in the middle of a trial", |bencher| {
        bencher.iter_with_large_drop(|| black_box(&world).clone());
    });
}

criterion_group!(benches, set_up, fork);
criterion_main!(benches);
