//! The catalogue keeps its word: every scenario finds what it says it finds, and every twin, one change away, does not.
//!
//! Seeds are fixed, so nothing here is left to chance: what is found on one seed in ten is found on these on every machine.

use ktrial_scenarios::campaign::{Campaign, Case, Conclusion, Folders, Options, SeedRange, run};
use ktrial_scenarios::catalogue;
use ktrial_scenarios::trial::Trial;

/// How many seeds of each scenario and of each twin run.
const SEEDS: u64 = 60;

fn campaign(name: &str) -> Campaign {
    let scenario = catalogue::find(name).expect("a scenario of the catalogue");
    let trial = Trial::new(&scenario);
    let case = Case { scenario, source: name.to_owned(), changes: Vec::new() };
    let options = Options {
        seeds: SeedRange { from: 0, to: SEEDS },
        partition: None,
        jobs: 1,
        max_fail: None,
        budget: None,
        check_determinism: false,
    };
    run(&case, &trial, &options, Folders::default(), &mut |_| {}).expect("no file is used")
}

/// Runs a scenario and its twin and asserts that both are as the scenario's file expects.
fn assert_as_expected(name: &str) {
    for name in [name.to_owned(), format!("{name}+twin")] {
        let judgement = campaign(&name).judgement;
        assert_eq!(judgement.conclusion, Conclusion::Held, "{name}: {:#?}", judgement.reasons);
    }
}

#[test]
fn acks_all_survives_what_acks_one_does_not() {
    assert_as_expected("acks-all-survives");
}

#[test]
fn acks_one_loses_the_records_of_a_leader_that_dies() {
    assert_as_expected("acks-one-loses");
}

#[test]
fn acks_zero_loses_what_was_only_sent() {
    assert_as_expected("acks-zero-loses");
}

#[test]
fn a_minimum_of_one_in_sync_replica_loses_what_the_leader_had_alone() {
    assert_as_expected("min-isr-one-loses");
}

#[test]
fn an_unclean_election_loses_what_the_new_leader_lacks() {
    assert_as_expected("unclean-election-loses");
}

#[test]
fn power_lost_everywhere_takes_what_nobody_has_flushed() {
    assert_as_expected("power-loss-everywhere-loses");
}

#[test]
fn a_retry_duplicates_a_record_whose_answer_was_lost() {
    assert_as_expected("retry-duplicates");
}

#[test]
fn a_retry_with_five_requests_in_flight_reorders() {
    assert_as_expected("retry-reorders");
}

#[test]
fn a_zombie_leader_loses_what_it_acknowledges_alone() {
    assert_as_expected("zombie-leader-loses-acks-one");
}

#[test]
fn a_commit_before_processing_loses_what_was_not_processed() {
    assert_as_expected("commit-before-processing-loses");
}

#[test]
fn a_commit_after_processing_duplicates_what_was_not_committed() {
    assert_as_expected("commit-after-processing-duplicates");
}

#[test]
fn a_reset_to_latest_skips_what_was_there_before() {
    assert_as_expected("latest-reset-skips");
}

#[test]
fn the_flagship_reaches_the_rare_states_it_is_there_for() {
    let probes = campaign("acks-all-survives").tally.probes;
    let rare = [
        "clean-election",
        "elected-from-elr",
        "isr-shrink-proposed",
        "isr-expand-proposed",
        "diverging-epoch",
        "fenced-leader-epoch",
        "leader-began-with-uncommitted-records",
        "produce-lost-leader",
        "controller-restarted",
        "recovered-torn-tail",
        "controlled-shutdown",
        "clean-boot",
        "segment-rolled",
        "connection-timed-out",
    ];
    for name in rare {
        assert!(probes.get(name).is_some_and(|&hits| hits > 0), "{name} was never reached");
    }
}
