//! What a campaign says of its scenario: did everything that was expected come true?

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tally::Tally;
use crate::format::{Expectation, Finding};
use crate::outcome::Property;
use crate::violation::Violation;

/// The answer, from the best to the worst; of several campaigns the worst answer counts.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Conclusion {
    /// Everything that was expected came true.
    Held,
    /// No seed ran.
    NothingRan,
    /// Nothing was wrong, but not everything could be judged.
    Inconclusive,
    /// Something was found that should not be, or not found that should.
    Violated,
    /// Two runs of one seed differ: a mistake in ktrial.
    Diverged,
    /// A trial panicked: a mistake in ktrial.
    Panicked,
}

/// The answer and the reasons for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    /// The answer.
    pub conclusion: Conclusion,
    /// Why it is not `held`, a sentence each.
    pub reasons: Vec<String>,
}

/// Measures a campaign's sum against what was expected.
#[must_use]
pub fn judge(expect: &Expectation, tally: &Tally) -> Judgement {
    if tally.seeds_run() == 0 {
        let reasons = vec!["no seed was selected".to_owned()];
        return Judgement { conclusion: Conclusion::NothingRan, reasons };
    }
    let violations = tally
        .violations
        .iter()
        .map(|(violation, (seeds, first))| of_violation(violation, *seeds, *first));
    let properties = expect.holds.iter().filter_map(|property| of_property(*property, tally));
    let findings = expect.finds.iter().filter_map(|finding| of_finding(finding, tally));
    let answers: Vec<_> = violations.chain(findings).chain(properties).collect();
    let conclusion =
        answers.iter().map(|(conclusion, _)| *conclusion).max().unwrap_or(Conclusion::Held);
    Judgement { conclusion, reasons: answers.into_iter().map(|(_, reason)| reason).collect() }
}

fn of_violation(violation: &Violation, seeds: u64, first: u64) -> (Conclusion, String) {
    let conclusion = match violation {
        Violation::Panic => Conclusion::Panicked,
        Violation::Divergence => Conclusion::Diverged,
        Violation::Invariant(_)
        | Violation::Stuck
        | Violation::Property(_)
        | Violation::Anomaly(_) => Conclusion::Violated,
    };
    (conclusion, format!("{violation} on {}, first {first}", seeds_of(seeds)))
}

/// What keeps a property that was to hold from being judged, if anything does.
fn of_property(property: Property, tally: &Tally) -> Option<(Conclusion, String)> {
    let counts = tally.verdicts.get(&property).copied().unwrap_or_default();
    let reason = if counts.unknown > 0 {
        format!("{property} could not be judged on {}", seeds_of(counts.unknown))
    } else if counts.valid + counts.invalid == 0 {
        format!("{property} had nothing to judge on any seed")
    } else {
        return None;
    };
    Some((Conclusion::Inconclusive, reason))
}

/// What is missing of an anomaly that had to be found, if anything is.
fn of_finding(finding: &Finding, tally: &Tally) -> Option<(Conclusion, String)> {
    let Finding { anomaly, within_seeds } = finding;
    let meant = tally.anomalies.iter().filter(|(kind, _)| anomaly.means(**kind));
    let first = meant.map(|(_, counts)| counts.first_seed).min();
    let found_after = first.map(|first| (tally.traces.range(..=first).count() as u64, first));
    let run = tally.seeds_run();
    match found_after {
        Some((seeds, _)) if seeds <= *within_seeds => None,
        Some((seeds, first)) => {
            let reason = format!(
                "{anomaly} was found only after {}, on seed {first}; it had to be within {within_seeds}",
                seeds_of(seeds)
            );
            Some((Conclusion::Violated, reason))
        }
        None if run < *within_seeds => {
            let reason =
                format!("{anomaly} was not found on {}; it may take {within_seeds}", seeds_of(run));
            Some((Conclusion::Inconclusive, reason))
        }
        None => {
            let reason = format!(
                "{anomaly} had to be found within {within_seeds} seeds and was not on {run}"
            );
            Some((Conclusion::Violated, reason))
        }
    }
}

/// A number of seeds in words.
fn seeds_of(count: u64) -> String {
    if count == 1 { "1 seed".to_owned() } else { format!("{count} seeds") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::format::AnomalyWord;
    use crate::outcome::{Anomaly, AnomalyKind, InvariantViolation, TrialOutcome, Verdict};

    fn quiet(seed: u64) -> TrialOutcome {
        let verdicts = [(Property::AckedDurability, Verdict::Valid)].into();
        TrialOutcome { verdicts, ..TrialOutcome::new(seed, Digest::empty()) }
    }

    fn lossy(seed: u64) -> TrialOutcome {
        let lost = Anomaly { count: 1, examples: Vec::new() };
        TrialOutcome { anomalies: [(AnomalyKind::LostWrite, lost)].into(), ..quiet(seed) }
    }

    fn conclude(
        expect: &Expectation,
        outcomes: impl IntoIterator<Item = TrialOutcome>,
    ) -> (Conclusion, String) {
        let mut tally = Tally::default();
        for outcome in outcomes {
            tally.add(expect, outcome);
        }
        let judgement = judge(expect, &tally);
        (judgement.conclusion, judgement.reasons.join("\n"))
    }

    fn answer(conclusion: Conclusion, reason: &str) -> (Conclusion, String) {
        (conclusion, reason.to_owned())
    }

    fn durability() -> Expectation {
        Expectation { holds: vec![Property::AckedDurability], ..Expectation::default() }
    }

    fn loss_within(within_seeds: u64) -> Expectation {
        let finds = vec![Finding { anomaly: AnomalyWord::Loss, within_seeds }];
        Expectation { finds, ..Expectation::default() }
    }

    #[test]
    fn a_property_holds_when_it_is_valid_or_vacuous_but_not_always_vacuous() {
        let verdict = |seed, verdict| TrialOutcome {
            verdicts: [(Property::AckedDurability, verdict)].into(),
            ..quiet(seed)
        };
        let valid_and_vacuous = [verdict(0, Verdict::Valid), verdict(1, Verdict::Vacuous)];
        assert_eq!(conclude(&durability(), valid_and_vacuous), answer(Conclusion::Held, ""));
        assert_eq!(
            conclude(&durability(), [verdict(0, Verdict::Vacuous)]),
            answer(Conclusion::Inconclusive, "acked-durability had nothing to judge on any seed")
        );
        assert_eq!(
            conclude(&durability(), [verdict(0, Verdict::Unknown), verdict(1, Verdict::Valid)]),
            answer(Conclusion::Inconclusive, "acked-durability could not be judged on 1 seed")
        );
        assert_eq!(
            conclude(&durability(), [verdict(6, Verdict::Invalid), verdict(7, Verdict::Unknown)]).0,
            Conclusion::Violated
        );
    }

    #[test]
    fn an_anomaly_nobody_expected_is_a_violation_and_an_allowed_one_is_not() {
        let (conclusion, reason) =
            conclude(&Expectation::default(), [quiet(0), lossy(1), lossy(2)]);
        assert_eq!(
            (conclusion, &reason[..]),
            (Conclusion::Violated, "lost-write was found on 2 seeds, first 1")
        );
        let allows = vec![AnomalyWord::Kind(AnomalyKind::LostWrite)];
        let allowing = Expectation { allows, ..Expectation::default() };
        assert_eq!(conclude(&allowing, [lossy(1)]), answer(Conclusion::Held, ""));
    }

    #[test]
    fn an_anomaly_that_must_be_found_is_judged_only_after_its_seeds() {
        let quiet_seeds = |count| (0..count).map(quiet);
        assert_eq!(
            conclude(&loss_within(5), quiet_seeds(4).chain([lossy(4)])),
            answer(Conclusion::Held, "")
        );
        assert_eq!(conclude(&loss_within(5), quiet_seeds(4)).0, Conclusion::Inconclusive);
        assert_eq!(conclude(&loss_within(5), quiet_seeds(5)).0, Conclusion::Violated);
        assert_eq!(
            conclude(&loss_within(5), quiet_seeds(5).chain([lossy(5)])).0,
            Conclusion::Violated
        );
    }

    #[test]
    fn a_broken_invariant_is_always_a_violation() {
        let broken = InvariantViolation {
            invariant: "W4".to_owned(),
            text: "high watermark 3 is not on broker 2".to_owned(),
            event: 412,
            at_ns: 1,
        };
        let outcome =
            TrialOutcome { invariant_violations: vec![broken.clone(), broken], ..quiet(8) };
        let expected = answer(Conclusion::Violated, "invariant W4 broke on 1 seed, first 8");
        assert_eq!(conclude(&durability(), [outcome]), expected);
    }

    #[test]
    fn our_own_mistakes_outrank_what_was_found() {
        let diverged = TrialOutcome { second_trace_hash: Some(Digest(1)), ..quiet(1) };
        let panicked = TrialOutcome::panicked(2, "index out of bounds".to_owned());
        let expect = Expectation::default();
        assert_eq!(conclude(&expect, [lossy(0), diverged.clone()]).0, Conclusion::Diverged);
        assert_eq!(conclude(&expect, [lossy(0), diverged, panicked]).0, Conclusion::Panicked);
        assert_eq!(conclude(&expect, []).0, Conclusion::NothingRan);
    }
}
