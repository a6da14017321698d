//! The sum of a campaign's outcomes. Adding is independent of order, so parts of a campaign can be joined.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::divergence::Divergence;
use crate::format::{Expectation, Scenario};
use crate::outcome::{AnomalyKind, Example, Property, TrialOutcome, Verdict};
use crate::violation::{Violation, violations};

/// How many failing trials are kept with all they found; the others are only counted.
pub const FAILURES_KEPT: usize = 20;

/// The number of seeds with each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerdictCounts {
    /// Seeds on which the property held.
    pub valid: u64,
    /// Seeds on which it was broken.
    pub invalid: u64,
    /// Seeds on which it could not be judged.
    pub unknown: u64,
    /// Seeds on which there was nothing to judge.
    pub vacuous: u64,
}

impl VerdictCounts {
    fn add(&mut self, verdict: Verdict) {
        let count = match verdict {
            Verdict::Valid => &mut self.valid,
            Verdict::Vacuous => &mut self.vacuous,
            Verdict::Unknown => &mut self.unknown,
            Verdict::Invalid => &mut self.invalid,
        };
        *count += 1;
    }
}

/// How often an anomaly was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AnomalyCounts {
    /// Seeds on which it was found.
    pub seeds: u64,
    /// Findings on all seeds together.
    pub count: u64,
    /// The first seed on which it was found.
    pub first_seed: u64,
}

/// A trial that was not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What is wrong with it.
    pub violations: Vec<Violation>,
    /// All it said.
    pub outcome: TrialOutcome,
    /// Where two runs of it part ways, if they do and it was looked for.
    pub divergence: Option<Divergence>,
}

/// The sum of a campaign's outcomes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The trace hash of each seed that ran.
    pub traces: BTreeMap<u64, Digest>,
    /// The verdicts on each property.
    pub verdicts: BTreeMap<Property, VerdictCounts>,
    /// What was found, by kind.
    pub anomalies: BTreeMap<AnomalyKind, AnomalyCounts>,
    /// The first example of each kind of anomaly, from its first seed.
    pub examples: BTreeMap<AnomalyKind, Example>,
    /// Why verdicts are unknown, with the number of seeds.
    pub unknown_because: BTreeMap<String, u64>,
    /// What was wrong, with the number of seeds and the first of them.
    pub violations: BTreeMap<Violation, (u64, u64)>,
    /// The failing trials with the lowest seeds, by seed; at most [`FAILURES_KEPT`].
    pub failures: BTreeMap<u64, Failure>,
    /// The number of failing seeds.
    pub failing_seeds: u64,
    /// Events of all trials.
    pub events: u64,
    /// Records acknowledged in all trials.
    pub acked_records: u64,
    /// How often each rare thing happened; 0 for those that never did.
    pub probes: BTreeMap<String, u64>,
}

impl Tally {
    /// Adds the outcome of a seed that is not yet in the sum, and says whether it failed.
    ///
    /// # Panics
    /// When the seed was added before.
    pub fn add(&mut self, expect: &Expectation, outcome: TrialOutcome) -> bool {
        let before = self.traces.insert(outcome.seed, outcome.trace_hash);
        assert_eq!(before, None, "seed {} counts once", outcome.seed);
        self.events += outcome.events;
        self.acked_records += outcome.acked_records;
        for (property, verdict) in &outcome.verdicts {
            self.verdicts.entry(*property).or_default().add(*verdict);
        }
        for (probe, count) in &outcome.probes {
            *self.probes.entry(probe.clone()).or_default() += count;
        }
        for reason in &outcome.unknown_because {
            *self.unknown_because.entry(reason.clone()).or_default() += 1;
        }
        self.add_anomalies(&outcome);
        self.add_failure(violations(expect, &outcome), outcome)
    }

    fn add_anomalies(&mut self, outcome: &TrialOutcome) {
        let seed = outcome.seed;
        for (kind, anomaly) in &outcome.anomalies {
            let fresh = AnomalyCounts { seeds: 0, count: 0, first_seed: seed };
            let counts = self.anomalies.entry(*kind).or_insert(fresh);
            let first = counts.seeds == 0 || seed < counts.first_seed;
            counts.seeds += 1;
            counts.count += anomaly.count;
            counts.first_seed = counts.first_seed.min(seed);
            if let (true, Some(example)) = (first, anomaly.examples.first()) {
                self.examples.insert(*kind, example.clone());
            }
        }
    }

    fn add_failure(&mut self, violations: Vec<Violation>, outcome: TrialOutcome) -> bool {
        let seed = outcome.seed;
        for violation in &violations {
            let (seeds, first) = self.violations.entry(violation.clone()).or_insert((0, seed));
            *seeds += 1;
            *first = (*first).min(seed);
        }
        let failed = !violations.is_empty();
        if failed {
            self.failing_seeds += 1;
            self.failures.insert(seed, Failure { violations, outcome, divergence: None });
            if self.failures.len() > FAILURES_KEPT {
                self.failures.pop_last();
            }
        }
        failed
    }

    /// The number of seeds that ran.
    #[must_use]
    pub fn seeds_run(&self) -> u64 {
        self.traces.len() as u64
    }

    /// The digest of the scenario and of each seed with its trace hash, in the order of the seeds.
    #[must_use]
    pub fn campaign_hash(&self, scenario: &Scenario) -> Digest {
        let start = Digest::empty().and(&scenario.digest().0.to_le_bytes());
        self.traces.iter().fold(start, |hash, (seed, trace)| {
            hash.and(&seed.to_le_bytes()).and(&trace.0.to_le_bytes())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Anomaly;

    fn lossy(seed: u64, count: u64) -> TrialOutcome {
        let example = Example {
            record: format!("orders-0@{seed}"),
            at_ns: seed,
            allowed_by: None,
            evidence: Vec::new(),
        };
        let anomaly = Anomaly { count, examples: vec![example] };
        TrialOutcome {
            anomalies: [(AnomalyKind::LostWrite, anomaly)].into(),
            verdicts: [(Property::AckedDurability, Verdict::Invalid)].into(),
            probes: [("isr-shrunk".to_owned(), seed)].into(),
            events: 10,
            ..TrialOutcome::new(seed, Digest::empty())
        }
    }

    #[test]
    fn the_sum_does_not_depend_on_the_order() {
        let sum = |seeds: &[u64]| {
            let mut tally = Tally::default();
            for seed in seeds {
                assert!(
                    tally.add(&Expectation::default(), lossy(*seed, 2)),
                    "a lost write is not expected"
                );
            }
            tally
        };
        let tally = sum(&[9, 3, 5]);
        assert_eq!(tally, sum(&[3, 5, 9]));
        let expected = AnomalyCounts { seeds: 3, count: 6, first_seed: 3 };
        assert_eq!(tally.anomalies[&AnomalyKind::LostWrite], expected);
        assert_eq!(tally.examples[&AnomalyKind::LostWrite].record, "orders-0@3");
        assert_eq!(tally.violations[&Violation::Anomaly(AnomalyKind::LostWrite)], (3, 3));
        assert_eq!((tally.probes["isr-shrunk"], tally.events), (17, 30));
    }

    #[test]
    fn the_failures_with_the_lowest_seeds_are_kept() {
        let mut tally = Tally::default();
        for seed in (0..30).rev() {
            tally.add(&Expectation::default(), lossy(seed, 1));
        }
        assert_eq!(tally.failing_seeds, 30);
        assert!(tally.failures.keys().copied().eq(0..FAILURES_KEPT as u64));
    }

    #[test]
    #[should_panic(expected = "seed 4 counts once")]
    fn a_seed_counts_once() {
        let mut tally = Tally::default();
        tally.add(&Expectation::default(), lossy(4, 1));
        tally.add(&Expectation::default(), lossy(4, 1));
    }
}
