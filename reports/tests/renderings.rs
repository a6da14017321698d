//! What the reports look like. The campaigns are put together by hand: nothing is simulated here.

use std::collections::BTreeMap;

use ktrial_reports::{Look, campaigns, catalogue, replay, trace_line};
use ktrial_scenarios::campaign::{Campaign, Case, SeedRange, Tally, Timing, judge};
use ktrial_scenarios::catalogue::ENTRIES;
use ktrial_scenarios::catalogue::find;
use ktrial_scenarios::digest::Digest;
use ktrial_scenarios::divergence::Divergence;
use ktrial_scenarios::outcome::{
    Anomaly, AnomalyKind, Example, InvariantViolation, Property, TrialOutcome, Verdict,
};
use ktrial_scenarios::run::TraceLine;
use ktrial_scenarios::violation::violations;

const PLAIN: Look = Look { width: 100, ascii: false, color: false };

fn outcome(seed: u64) -> TrialOutcome {
    let verdicts = Property::ALL.map(|property| (property, Verdict::Valid)).into();
    let probes = [("isr-shrunk".to_owned(), 2), ("unclean-election".to_owned(), 0)].into();
    let (events, acked_records, simulated_ns) = (12_345, 400, 6_500_000_000);
    let base = TrialOutcome::new(seed, Digest(u128::from(seed)));
    TrialOutcome { verdicts, probes, events, acked_records, simulated_ns, ..base }
}

fn lossy(seed: u64) -> TrialOutcome {
    let example = Example {
        record: format!("orders-0@{seed}"),
        at_ns: 1_204_000_000,
        allowed_by: Some("acks=1".to_owned()),
        evidence: vec![
            "producer-5 was told at 1.101000s that broker 1 has v17 at orders-0@42.".to_owned(),
            "The final read of orders-0 found v23 at offset 42, which producer-6 sent at 1.150000s \
             to broker 2, the leader of the next epoch."
                .to_owned(),
        ],
    };
    let lost = Anomaly { count: 3, examples: vec![example] };
    let mut outcome = outcome(seed);
    outcome.verdicts.insert(Property::AckedDurability, Verdict::Invalid);
    TrialOutcome { anomalies: [(AnomalyKind::LostWrite, lost)].into(), ..outcome }
}

fn broken(seed: u64) -> TrialOutcome {
    let violation = InvariantViolation {
        invariant: "W4".to_owned(),
        text: "broker 3 is in the in-sync replicas of orders-1 and lacks offset 12, which is below the \
               leader's high watermark 14"
            .to_owned(),
        event: 412,
        at_ns: 2_000_000_001,
    };
    TrialOutcome { invariant_violations: vec![violation], ..outcome(seed) }
}

fn campaign(name: &str, outcomes: impl IntoIterator<Item = TrialOutcome>) -> Campaign {
    let scenario = find(name).expect("a scenario of the catalogue");
    let mut tally = Tally::default();
    for outcome in outcomes {
        tally.add(&scenario.expect, outcome);
    }
    let timing = Timing {
        wall_ms: 1_250,
        events_per_second: 1_975_200,
        trials_per_second: 160,
        acked_records_per_second: 64_000,
    };
    Campaign {
        judgement: judge(&scenario.expect, &tally),
        seeds: SeedRange { from: 0, to: tally.seeds_run() },
        tally,
        bundles: BTreeMap::new(),
        timing,
        case: Case { source: scenario.name.clone(), scenario, changes: Vec::new() },
    }
}

fn as_expected() -> [Campaign; 3] {
    [
        campaign("acks-all-survives", (0..200).map(outcome)),
        campaign(
            "acks-one-loses",
            (0..200).map(|seed| if seed % 7 == 3 { lossy(seed) } else { outcome(seed) }),
        ),
        campaign("acks-one-loses+twin", (0..200).map(outcome)),
    ]
}

#[test]
fn a_run_in_which_all_was_as_expected_is_a_table_and_a_line() {
    insta::assert_snapshot!(campaigns(&as_expected(), false, &PLAIN));
}

#[test]
fn one_scenario_is_shown_with_evidence() {
    insta::assert_snapshot!(campaigns(&as_expected()[1..2], false, &PLAIN));
}

#[test]
fn a_violation_says_what_happened_and_how_to_replay_it() {
    let outcomes = (0..10).map(|seed| match seed {
        4 => broken(seed),
        8 => lossy(seed),
        9 => TrialOutcome {
            stuck: Some("producer-5 has 12 records open".to_owned()),
            ..outcome(seed)
        },
        _ => outcome(seed),
    });
    insta::assert_snapshot!(campaigns(&[campaign("acks-all-survives", outcomes)], false, &PLAIN));
}

#[test]
fn mistakes_of_our_own_are_called_bugs() {
    let diverged = TrialOutcome { second_trace_hash: Some(Digest(77)), ..outcome(1) };
    let panicked = TrialOutcome::panicked(2, "index out of bounds".to_owned());
    let mut campaign = campaign("acks-all-survives", [outcome(0), diverged, panicked]);
    let line = |event, what: &str| {
        let (at_ns, node, what) = (1_204_000_000, "broker-1".to_owned(), what.to_owned());
        Some(TraceLine { event, cause: Some(407), at_ns, node, what })
    };
    let failure = campaign.tally.failures.get_mut(&1).expect("seed 1 diverged");
    failure.divergence = Some(Divergence {
        last_common: line(411, "appends orders-0@42"),
        first: line(412, "acknowledges orders-0@42"),
        second: None,
    });
    insta::assert_snapshot!(campaigns(&[campaign], false, &PLAIN));
}

#[test]
fn what_could_not_be_judged_is_open() {
    let unread = |seed| {
        let mut outcome = outcome(seed);
        outcome.verdicts.insert(Property::AtLeastOnce, Verdict::Unknown);
        outcome.unknown_because.push("at-least-once: the log was not read to its end".to_owned());
        outcome
    };
    insta::assert_snapshot!(campaigns(
        &[campaign("acks-one-loses+twin", (0..5).map(unread))],
        false,
        &PLAIN
    ));
}

#[test]
fn ascii_is_ascii_and_fits_the_width() {
    let narrow = Look { width: 60, ascii: true, color: false };
    let report = campaigns(&as_expected(), true, &narrow);
    assert!(report.is_ascii(), "{report}");
    let commands = |line: &&str| !line.contains("ktrial replay");
    let widest = report.lines().filter(commands).map(str::len).max();
    assert!(widest <= Some(60), "{report}");
}

#[test]
fn colours_add_nothing_but_colour() {
    let colored = campaigns(&as_expected(), true, &Look { color: true, ..PLAIN });
    let mut parts = colored.split("\u{1b}[");
    let mut plain = parts.next().expect("there is always a first part").to_owned();
    for part in parts {
        plain += part.split_once('m').expect("a colour ends in m").1;
    }
    assert_eq!(plain, campaigns(&as_expected(), true, &PLAIN));
    assert!(colored.len() > plain.len());
}

#[test]
fn equal_campaigns_have_equal_reports() {
    assert_eq!(campaigns(&as_expected(), true, &PLAIN), campaigns(&as_expected(), true, &PLAIN));
}

#[test]
fn the_catalogue_is_a_list_of_questions() {
    let scenarios: Vec<_> =
        ENTRIES.iter().map(ktrial_scenarios::catalogue::Entry::scenario).collect();
    insta::assert_snapshot!(catalogue(&scenarios, &Look { width: 72, ..PLAIN }));
}

#[test]
fn a_replay_says_whether_it_went_as_before() {
    let outcome = lossy(3);
    let scenario = find("acks-one-loses+twin").expect("a twin");
    let violations = violations(&scenario.expect, &outcome);
    let same = replay(&outcome, &violations, outcome.trace_hash, &PLAIN);
    insta::assert_snapshot!(same);
    let diverged = replay(&outcome, &violations, Digest(99), &PLAIN);
    assert!(diverged.contains("DIVERGED: it was 00000000000000000000000000000063"), "{diverged}");
}

#[test]
fn a_trace_line_has_time_node_event_and_cause() {
    let line = |event, cause, at_ns, node: &str, what: &str| {
        let line = TraceLine { event, cause, at_ns, node: node.to_owned(), what: what.to_owned() };
        trace_line(&line, &PLAIN)
    };
    let lines = [
        line(1, None, 0, "broker-1", "boots"),
        line(412, Some(409), 1_204_000_000, "broker-1", "acknowledges orders-0@42"),
        line(1_930, Some(412), 12_000_001_000, "controller-4", "fences broker-1"),
    ];
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_summary_has_what_scripts_ask_for() {
    let campaigns = [campaign(
        "acks-one-loses",
        (0..3).map(|seed| if seed == 1 { lossy(seed) } else { broken(seed) }),
    )];
    let summary = ktrial_scenarios::campaign::Summary::of(&campaigns);
    let mut json = serde_json::to_value(&summary).expect("JSON");
    // The digests change with every change of the catalogue's file.
    for key in ["scenario_digest", "campaign_hash"] {
        json["scenarios"][0][key] = "(a digest)".into();
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).expect("JSON"));
}
