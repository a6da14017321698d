//! Measures by what, and on how many seeds, each mutant of the model is caught.
//!
//! ```text
//! cargo run --release -p ktrial-scenarios --features mutants --example mutants -- SCENARIO|FILE FROM..TO [MUTANT...]
//! ```
//!
//! A line per mutant, and one for the healthy cluster: on how many seeds something was wrong, and for each thing that
//! was wrong on how many and on which first.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ktrial_model::mutant::{Mutant, Mutation};
use ktrial_scenarios::catalogue;
use ktrial_scenarios::format::Scenario;
use ktrial_scenarios::run::RunTrial;
use ktrial_scenarios::trial::Trial;
use ktrial_scenarios::violation::{Violation, violations};

/// What was wrong, on how many seeds, and the first of them.
type Caught = BTreeMap<Violation, (u64, u64)>;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [scenario, seeds, mutants @ ..] = &words[..] else {
        panic!("usage: mutants SCENARIO|FILE FROM..TO [MUTANT...]")
    };
    let scenario = read(scenario);
    let (from, to) = seeds.split_once("..").expect("seeds are FROM..TO");
    let seeds = from.parse().expect("a number")..to.parse().expect("a number");
    if mutants.is_empty() {
        print("none", &scenario, Mutation::default(), seeds.clone());
    }
    for &mutant in Mutant::ALL {
        if mutants.is_empty() || mutants.iter().any(|name| name == mutant.name()) {
            print(mutant.name(), &scenario, Mutation::of(mutant), seeds.clone());
        }
    }
}

fn read(name: &str) -> Scenario {
    catalogue::find(name).unwrap_or_else(|| {
        let text = std::fs::read_to_string(name).expect("a scenario's name or file");
        Scenario::from_toml(name, &text).expect("a valid scenario")
    })
}

fn print(name: &str, scenario: &Scenario, mutation: Mutation, seeds: Range<u64>) {
    let trial = Trial::new(scenario).with_mutation(mutation);
    let mut caught = Caught::new();
    let mut seeds_caught = 0;
    for seed in seeds {
        let found = catch_unwind(AssertUnwindSafe(|| trial.run(seed))).map_or_else(
            |_| vec![Violation::Panic],
            |outcome| violations(&scenario.expect, &outcome),
        );
        seeds_caught += u64::from(!found.is_empty());
        for violation in found {
            caught.entry(violation).or_insert((0, seed)).0 += 1;
        }
    }
    let told = |(violation, (seeds, first)): (Violation, (u64, u64))| {
        format!("{violation}: {seeds} (first {first})")
    };
    let told: Vec<String> = caught.into_iter().map(told).collect();
    println!("{name}: {seeds_caught} seeds; {}", told.join("; "));
}
