//! Each deliberate defect of the model is caught, by the invariant or the anomaly that is there for it, and the healthy
//! cluster is as expected on the same seeds.
//!
//! The scenarios are `tests/mutants/*.toml`: the flagship as it was when its seeds were chosen, and a small one of its own
//! for what the flagship does not bring about. `examples/mutants.rs` measures on which seeds a mutant is caught.

use std::collections::BTreeSet;
use std::ops::Range;

use ktrial_model::mutant::{Mutant, Mutation};
use ktrial_scenarios::format::Scenario;
use ktrial_scenarios::outcome::AnomalyKind;
use ktrial_scenarios::run::RunTrial;
use ktrial_scenarios::trial::Trial;
use ktrial_scenarios::violation::{Violation, violations};

/// A mutant, where it is put on trial, and what catches it on at least one of the seeds.
struct Canary {
    mutant: Mutant,
    scenario: &'static str,
    seeds: Range<u64>,
    caught_by: Violation,
}

fn canary(
    mutant: Mutant,
    scenario: &'static str,
    seeds: Range<u64>,
    caught_by: Violation,
) -> Canary {
    Canary { mutant, scenario, seeds, caught_by }
}

fn canaries() -> Vec<Canary> {
    let broken = |invariant: &str| Violation::Invariant(invariant.to_owned());
    use Mutant::*;
    vec![
        canary(AckBeforeHighWatermark, "flagship", 0..1, broken("W19")),
        canary(SkipTruncation, "flagship", 20..30, broken("W1")),
        canary(IgnoreLeaderEpochs, "flagship", 20..30, broken("W1")),
        canary(CountFencedFollower, "flagship", 0..8, broken("W11")),
        canary(
            ForgetTheFlush,
            "power-loss-everywhere",
            0..5,
            Violation::Anomaly(AnomalyKind::TruncatedTail),
        ),
        canary(LoseACheckpointEntry, "flagship", 0..1, broken("W17")),
        canary(HighWatermarkFromLogEnd, "flagship", 0..1, broken("W14")),
        canary(ExpandIsrBeforeHighWatermark, "slow-catch-up", 0..3, broken("W3")),
        canary(ShrinkIsrUnpersisted, "leader-alone", 0..3, broken("W4")),
        canary(SkipRecoveryScan, "slow-catch-up", 0..3, broken("W16")),
        canary(KeepEpochCacheOnTruncate, "power-loss-everywhere", 0..5, broken("W8")),
        canary(
            ClassifyTimeoutAsFailed,
            "power-loss-everywhere",
            0..5,
            Violation::Anomaly(AnomalyKind::AbortedRead),
        ),
        canary(
            CommitOffsetBeforeHighWatermark,
            "coordinator-failover",
            0..3,
            Violation::Anomaly(AnomalyKind::CommittedOffsetRegression),
        ),
        canary(
            SkipOffsetReplay,
            "coordinator-failover",
            0..3,
            Violation::Anomaly(AnomalyKind::CommittedOffsetRegression),
        ),
        canary(AcceptFencedIsrMember, "fenced-follower", 0..4, broken("W11")),
        canary(ElectOutOfIsr, "power-loss-everywhere", 0..3, broken("W2")),
        canary(ForgetPartitionEpochCheck, "deaf-leader", 0..5, broken("W3")),
        canary(KeepUncleanBrokerInIsr, "power-loss-everywhere", 0..3, broken("W13")),
        canary(SkipMetadataFlush, "controller-power-loss", 0..5, broken("W10")),
    ]
}

fn scenario(name: &str) -> Scenario {
    let file = format!("{}/tests/mutants/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&file).expect(&file);
    Scenario::from_toml(name, &text).unwrap_or_else(|error| panic!("{name}: {error:?}"))
}

/// What is wrong with any of these seeds.
fn found(scenario: &Scenario, mutation: Mutation, seeds: Range<u64>) -> BTreeSet<Violation> {
    let trial = Trial::new(scenario).with_mutation(mutation);
    seeds.flat_map(|seed| violations(&scenario.expect, &trial.run(seed))).collect()
}

#[test]
fn every_mutant_is_caught_by_the_rule_that_is_there_for_it() {
    for Canary { mutant, scenario: name, seeds, caught_by } in canaries() {
        let found = found(&scenario(name), Mutation::of(mutant), seeds.clone());
        let mutant = mutant.name();
        assert!(found.contains(&caught_by), "{mutant} in {name} {seeds:?}: {found:?}");
    }
}

#[test]
fn without_a_mutant_nothing_is_found_on_the_same_seeds() {
    let trials: BTreeSet<(&str, u64)> = canaries()
        .iter()
        .flat_map(|canary| canary.seeds.clone().map(|seed| (canary.scenario, seed)))
        .collect();
    for (name, seed) in trials {
        let found = found(&scenario(name), Mutation::default(), seed..seed + 1);
        assert!(found.is_empty(), "{name} {seed}: {found:?}");
    }
}

#[test]
fn no_mutant_is_left_out() {
    let tried: Vec<Mutant> = canaries().iter().map(|canary| canary.mutant).collect();
    assert_eq!(tried, Mutant::ALL);
}
