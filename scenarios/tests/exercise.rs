//! What each scenario of the catalogue exercises: the verdicts of all properties, and what is found, over a few seeds.
//!
//! A property that is vacuous on every seed is not exercised, whatever its scenario says; one that is unknown could not be
//! told. The table is there to be read when it changes.

use std::collections::BTreeMap;

use ktrial_scenarios::catalogue;
use ktrial_scenarios::format::Scenario;
use ktrial_scenarios::outcome::{Property, TrialOutcome, Verdict};
use ktrial_scenarios::run::RunTrial;
use ktrial_scenarios::trial::Trial;

/// How many seeds of each scenario and of each twin run.
const SEEDS: u64 = 20;

/// A scenario's outcomes, and on which seeds a log went back while the trial ran.
fn outcomes(scenario: &Scenario) -> Vec<(TrialOutcome, bool)> {
    let trial = Trial::new(scenario);
    let outcome = |seed| {
        let mut world = trial.world(seed, ());
        let stuck = trial.run_to_end(&mut world);
        let went_back = world.observer().0.recorder.went_back().is_some();
        (trial.outcome(seed, &world, stuck), went_back)
    };
    (0..SEEDS).map(outcome).collect()
}

/// `17 -3`: valid on 17 seeds, vacuous on 3.
fn cell(outcomes: &[(TrialOutcome, bool)], property: Property) -> String {
    let mut counts: BTreeMap<Verdict, u64> = BTreeMap::new();
    for (outcome, _) in outcomes {
        *counts.entry(outcome.verdicts[&property]).or_default() += 1;
    }
    let sign = |verdict: &Verdict| match verdict {
        Verdict::Valid => "",
        Verdict::Vacuous => "-",
        Verdict::Unknown => "?",
        Verdict::Invalid => "!",
    };
    counts
        .iter()
        .map(|(verdict, count)| format!("{}{count}", sign(verdict)))
        .collect::<Vec<_>>()
        .join(" ")
}

fn found(outcomes: &[(TrialOutcome, bool)]) -> String {
    let mut seeds: BTreeMap<&str, u64> = BTreeMap::new();
    for kind in outcomes.iter().flat_map(|(outcome, _)| outcome.anomalies.keys()) {
        *seeds.entry(kind.name()).or_default() += 1;
    }
    seeds.iter().map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>().join(", ")
}

fn paragraph(name: &str, outcomes: &[(TrialOutcome, bool)]) -> String {
    let line = |(word, rest): (&str, String)| format!("    {word:16} {rest}\n");
    let verdicts = Property::ALL.map(|property| (property.name(), cell(outcomes, property)));
    let found = Some(("found", found(outcomes))).filter(|(_, found)| !found.is_empty());
    format!("{name}\n{}", verdicts.into_iter().chain(found).map(line).collect::<String>())
}

#[test]
fn what_each_scenario_exercises() {
    let mut table = format!("Of {SEEDS} seeds: n valid, -n vacuous, ?n unknown, !n invalid.\n");
    for scenario in catalogue::all() {
        let outcomes = outcomes(&scenario);
        table += "\n";
        table += &paragraph(&scenario.name, &outcomes);
        for (outcome, went_back) in &outcomes {
            assert!(!went_back || has_gone_back(outcome), "{} {}", scenario.name, outcome.seed);
        }
    }
    insta::assert_snapshot!(table);
}

/// Whether the whole history, too, says that a log went back: a record is lost, or two contradict each other.
fn has_gone_back(outcome: &TrialOutcome) -> bool {
    let of_the_log =
        [Property::AckedDurability, Property::Linearizability, Property::PartitionOrder];
    outcome
        .anomalies
        .keys()
        .any(|kind| of_the_log.contains(&kind.property()) && kind.breaks_its_property())
}

/// On these seeds a consumer has records in hand, which it was sent before their log was cut off, when the last records that the
/// log still holds are processed.
#[test]
fn no_trial_ends_while_a_group_has_records_in_hand() {
    let trial = Trial::new(&catalogue::find("unclean-election-loses").expect("a scenario"));
    for seed in [116, 662, 665] {
        let outcome = trial.run(seed);
        assert_eq!(outcome.verdicts[&Property::AtLeastOnce], Verdict::Valid, "{seed}");
    }
}
