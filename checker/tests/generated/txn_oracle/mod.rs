//! The claims of the judges of transactions once more, as definitions: quantifiers over all steps, quadratic and worse.
//!
//! Covered, with exact counts: `early-read`, `aborted-transaction-read`, `aborted-visible`, `last-stable-offset-passed`,
//! `torn-transaction`, `lost-transaction` ([`isolation`]); `zombie-write`, `fenced-commit`, `transaction-interleaving`,
//! `sequence-gap`, `sequence-duplicate` ([`producers`]); `double-processing`, `skipped-input`, `offset-without-output`,
//! `duplicate-output`, `missing-output` ([`processing`]); and, by plain reachability, `write-cycle`,
//! `information-flow-cycle`, `read-cycle`, `read-skew`, `anti-dependency-cycle` ([`cycles`]). That is every kind that breaks
//! isolation or exactly-once. What the logs hold, and who ended how, is in [`known`].

mod cycles;
mod isolation;
mod known;
mod processing;
mod producers;

use super::step::Step;
use known::Known;
use ktrial_checker::anomaly::AnomalyKind as Kind;
use ktrial_checker::history::Isolation;
use std::collections::BTreeMap;

/// How many anomalies of transactions of each kind the steps show.
pub fn count(steps: &[Step], isolation: Isolation) -> BTreeMap<Kind, u64> {
    let known = Known::new(steps, isolation);
    let mut counts = BTreeMap::new();
    let found = [known.isolation(), known.producers(), known.processing(), known.cycles()];
    found.into_iter().flatten().for_each(|kind| *counts.entry(kind).or_default() += 1);
    counts
}
