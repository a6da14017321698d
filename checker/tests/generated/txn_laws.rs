//! Laws of histories with transactions: valid ones stay valid, what is injected is found, with the injected steps for
//! proof, and nothing else. A long run is `PROPTEST_CASES=100000 cargo test -p ktrial-checker --test generated txn`.

use super::step::{Step, record_at};
use super::txn_generator::{PARTITIONS, valid};
use super::txn_injector::{Spoilt, inject};
use super::{cases, explanations, txn_arbitrary, txn_oracle};
use ktrial_checker::anomaly::AnomalyKind as Kind;
use ktrial_checker::contract::Contract;
use ktrial_checker::history::{Isolation, OpId};
use ktrial_checker::judge;
use ktrial_checker::verdict::{Judgement, Property};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::{BTreeMap, BTreeSet};

proptest! {
    #![proptest_config(cases(10_000))]

    #[test]
    fn judges_of_transactions_agree_with_the_oracle(steps in txn_arbitrary::steps(), is_committed: bool) {
        let isolation = if is_committed { Isolation::ReadCommitted } else { Isolation::ReadUncommitted };
        let (history, _) = record_at(Some(isolation), &steps, 2);
        let contract = Contract { anti_dependencies: true, ..Contract::default() };
        let judgement = judge(&history, &contract);
        let found = judgement.anomalies.iter().filter(|(kind, _)| is_of_transactions(kind));
        let counts: BTreeMap<Kind, u64> = found.map(|(&kind, found)| (kind, found.count)).collect();
        prop_assert_eq!(counts, txn_oracle::count(&steps, isolation), "{:#?}", explanations(&judgement.anomalies));
    }
}

/// Enough for every actor to take part.
const TURNS: usize = 200;

proptest! {
    #![proptest_config(cases(3_000))]

    #[test]
    fn valid_transactions_stay_valid(seed: u64) {
        let (judgement, _) = judged(&valid(seed, TURNS));
        prop_assert!(unexpected(&judgement).is_empty(), "{:#?}", explanations(&judgement.anomalies));
        for property in [Property::Isolation, Property::ExactlyOnce] {
            let verdict = judgement.verdict(property);
            prop_assert!(matches!(verdict.name(), "valid" | "vacuous"), "{property}: {verdict}");
        }
    }

    #[test]
    fn an_anomaly_of_transactions_is_found_with_its_proof_and_nothing_else(
        seed: u64,
        kind in proptest::sample::select(of_transactions()),
    ) {
        let Some(Spoilt { steps, expected, witness }) = inject(kind, valid(seed, TURNS), seed) else { return Ok(()) };
        let (judgement, ops) = judged(&steps);
        prop_assert_eq!(unexpected(&judgement), expected, "{:#?}", explanations(&judgement.anomalies));
        let example = &judgement.anomalies[&kind].examples[0];
        let mut found: Vec<OpId> = example.ops.iter().map(|role| role.op).collect();
        found.sort();
        let op = |step: &Step| ops[steps.iter().position(|other| other == step).expect("the witness is in the history")];
        let mut injected: Vec<OpId> = witness.iter().map(op).collect();
        injected.sort();
        prop_assert_eq!(found, injected, "{:#?}", &example.explain);
    }

    #[test]
    fn a_cycle_of_transactions_is_one_more_than_there_were(
        seed: u64,
        kind in proptest::sample::select(OF_ORDER.to_vec()),
    ) {
        let steps = valid(seed, TURNS);
        let before = judged(&steps).0.count(kind);
        let Some(Spoilt { steps, witness, .. }) = inject(kind, steps, seed) else { return Ok(()) };
        let (judgement, ops) = judged(&steps);
        prop_assert!(unexpected(&judgement).is_empty(), "{:#?}", explanations(&judgement.anomalies));
        prop_assert_eq!(judgement.count(kind), before + 1);
        let op = |step: &Step| ops[steps.iter().position(|other| other == step).expect("the witness is in the history")];
        let injected: Vec<OpId> = witness.iter().map(op).collect();
        let examples = judgement.anomalies[&kind].examples.iter();
        let mut proofs = examples.map(|example| example.ops.iter().map(|role| role.op).collect::<Vec<_>>());
        prop_assert!(before >= 32 || proofs.any(|ops| ops == injected), "{:#?}", explanations(&judgement.anomalies));
    }
}

/// Cycles that valid histories have too, for they break nothing that Kafka promises.
const OF_ORDER: [Kind; 4] =
    [Kind::WriteCycle, Kind::InformationFlowCycle, Kind::ReadSkew, Kind::AntiDependencyCycle];

/// The kinds that no valid history shows.
fn of_transactions() -> Vec<Kind> {
    let of_transactions = Kind::ALL.iter().copied().filter(is_of_transactions);
    of_transactions.filter(|kind| !OF_ORDER.contains(kind)).collect()
}

fn is_of_transactions(kind: &Kind) -> bool {
    matches!(kind.property(), Property::Isolation | Property::ExactlyOnce)
}

fn judged(steps: &[Step]) -> (Judgement, Vec<OpId>) {
    let (history, ops) = record_at(Some(Isolation::ReadCommitted), steps, PARTITIONS);
    (judge(&history, &Contract { anti_dependencies: true, ..Contract::default() }), ops)
}

/// What was found, but for what breaks no promise: records that a restarted worker was handed again, and transactions that
/// run side by side.
fn unexpected(judgement: &Judgement) -> Vec<(Kind, u64)> {
    let found = judgement.anomalies.iter().map(|(&kind, found)| (kind, found.count));
    let is_usual = |kind: Kind| kind == Kind::GroupRedelivery || !kind.breaks_its_property();
    found.filter(|&(kind, _)| !is_usual(kind)).collect()
}

#[test]
fn every_anomaly_of_transactions_can_be_injected_into_many_histories() {
    for kind in of_transactions().into_iter().chain(OF_ORDER) {
        let injected =
            (0..100).filter(|&seed| inject(kind, valid(seed, TURNS), seed).is_some()).count();
        assert!(injected >= 5, "{kind}: only {injected} of 100");
    }
}

#[test]
fn arbitrary_transactions_show_every_kind() {
    let mut runner = TestRunner::deterministic();
    let mut missing: BTreeSet<Kind> =
        Kind::ALL.iter().copied().filter(is_of_transactions).collect();
    for _ in 0..20_000 {
        let steps = txn_arbitrary::steps().new_tree(&mut runner).unwrap().current();
        let shown = txn_oracle::count(&steps, Isolation::ReadCommitted);
        missing.retain(|kind| !shown.contains_key(kind));
    }
    assert_eq!(missing, BTreeSet::new());
}

#[test]
fn generated_transactions_give_every_judge_something_to_do() {
    let (judgement, _) = judged(&valid(1, 10 * TURNS));
    let coverage = judgement.coverage;
    let counters = [
        coverage.transactions,
        coverage.transactions_judged,
        coverage.stable_reads,
        coverage.intervals,
        coverage.intervals_judged,
        coverage.sequence_pairs,
    ];
    assert!(counters.iter().all(|&counter| counter > 20), "{coverage:#?}");
    assert!(coverage.indeterminate > 0 && coverage.failed > 0, "{coverage:#?}");
}
