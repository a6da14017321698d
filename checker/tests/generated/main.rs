//! Laws on generated histories: valid ones stay valid, what is injected is found and nothing else, and on arbitrary tiny
//! histories the judges agree with a straightforward oracle.
//! A long run is `PROPTEST_CASES=100000 cargo test --release -p ktrial-checker --test generated`.

mod arbitrary;
mod expected;
mod feature_laws;
mod generator;
mod injector;
mod klog_laws;
mod online;
mod oracle;
mod random;
mod schema_laws;
mod step;
mod txn_arbitrary;
mod txn_generator;
mod txn_injector;
mod txn_laws;
mod txn_oracle;
mod vocabulary;
mod witness;

use expected::redeliveries;
use generator::{Size, valid};
use injector::Spoilt;
use ktrial_checker::anomaly::AnomalyKind as Kind;
use ktrial_checker::contract::{CleanupPolicy, Contract};
use ktrial_checker::history::OpId;
use ktrial_checker::judge;
use ktrial_checker::verdict::{Found, Judgement, Property};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::{BTreeMap, BTreeSet};
use step::Step;
use witness::difference;

/// A small history with everything in it.
const SMALL: Size =
    Size { partitions: 2, producers: 2, readers: 2, members: 2, turns: 120, poll_max: 5 };

/// As many cases as usual, or as `PROPTEST_CASES` says.
pub fn cases(usual: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    let is_told = std::env::var_os("PROPTEST_CASES").is_some();
    ProptestConfig { cases: if is_told { default.cases } else { usual }, ..default }
}

proptest! {
    #![proptest_config(cases(10_000))]

    #[test]
    fn valid_histories_stay_valid(seed: u64) {
        let steps = valid(seed, SMALL);
        let (judgement, ops) = judged(&steps);
        let difference = difference(redeliveries(&steps), &ops, &judgement.anomalies);
        prop_assert_eq!(difference, None, "{:#?}", explanations(&judgement.anomalies));
        let again = judgement.count(Kind::GroupRedelivery) > 0;
        for (property, verdict) in &judgement.properties {
            if again && *property == Property::AtMostOnce {
                continue;
            }
            prop_assert!(matches!(verdict.name(), "valid" | "vacuous"), "{property}: {verdict}");
        }
    }

    #[test]
    fn judges_agree_with_the_oracle(steps in arbitrary::steps()) {
        let (judgement, _) = judged(&steps);
        let counts: BTreeMap<_, _> = judgement.anomalies.iter().map(|(&kind, found)| (kind, found.count)).collect();
        prop_assert_eq!(counts, oracle::count(&steps), "{:#?}", explanations(&judgement.anomalies));
    }

    #[test]
    fn an_injected_anomaly_is_found_with_its_proof_and_nothing_else(
        seed: u64,
        kind in proptest::sample::select(of_records()),
    ) {
        let Some(Spoilt { steps, mut expected }) = injector::inject(kind, valid(seed, SMALL), seed) else { return Ok(()) };
        expected.extend(redeliveries(&steps));
        let (judgement, ops) = judged(&steps);
        let difference = difference(expected, &ops, &judgement.anomalies);
        prop_assert_eq!(difference, None, "{:#?}", explanations(&judgement.anomalies));
    }
}

/// The kinds that show without any transaction.
fn of_records() -> Vec<Kind> {
    let of_records =
        |kind: &Kind| !matches!(kind.property(), Property::Isolation | Property::ExactlyOnce);
    Kind::ALL.iter().copied().filter(of_records).collect()
}

fn judged(steps: &[Step]) -> (Judgement, Vec<OpId>) {
    let (history, ops) = step::record_at(None, steps, SMALL.partitions);
    (judge(&history, &contract(steps)), ops)
}

/// Logs whose records have message keys are compacted.
fn contract(steps: &[Step]) -> Contract {
    let is_keyed = steps.iter().any(|step| matches!(step, Step::MessageKey { .. }));
    let cleanup_policy = if is_keyed { CleanupPolicy::Compact } else { CleanupPolicy::Delete };
    Contract { cleanup_policy, ..Contract::default() }
}

fn explanations(found: &BTreeMap<Kind, Found>) -> Vec<(Kind, &[String])> {
    found
        .iter()
        .flat_map(|(&kind, found)| {
            found.examples.iter().map(move |example| (kind, &example.explain[..]))
        })
        .collect()
}

#[test]
fn generated_histories_give_every_judge_something_to_do() {
    let mut total = judged(&[]).0.coverage.counters().map(|_| 0);
    for seed in 0..20 {
        for (total, (_, count)) in
            total.iter_mut().zip(judged(&valid(seed, SMALL)).0.coverage.counters())
        {
            *total += count;
        }
    }
    let names = judged(&[]).0.coverage.counters().map(|(name, _)| name);
    let idle: Vec<_> = names
        .into_iter()
        .zip(total)
        .filter(|&(_, total)| total == 0)
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        idle,
        [
            "unreached",
            "transactions",
            "transactions_judged",
            "stable_reads",
            "intervals",
            "intervals_judged",
            "inputs_named",
            "sequence_pairs"
        ],
        "a group catches up before a valid history ends, and nobody uses transactions; all else must happen"
    );
}

#[test]
fn every_kind_can_be_injected_into_most_histories() {
    for kind in of_records() {
        let injected = (0..100)
            .filter(|&seed| injector::inject(kind, valid(seed, SMALL), seed).is_some())
            .count();
        assert!(injected >= 20, "{kind}: only {injected} of 100");
    }
}

#[test]
fn arbitrary_histories_show_every_kind() {
    let mut runner = TestRunner::deterministic();
    let mut missing: BTreeSet<Kind> = of_records().into_iter().collect();
    oracle::UNKNOWN.iter().for_each(|kind| assert!(missing.remove(kind)));
    for _ in 0..20_000 {
        let steps = arbitrary::steps().new_tree(&mut runner).unwrap().current();
        oracle::count(&steps).keys().for_each(|kind| missing.retain(|other| other != kind));
    }
    assert_eq!(missing, BTreeSet::new());
}
