//! The same seed gives the same trial: on one thread and on two, forked and not, drawn and from its bundle.

use ktrial_scenarios::bundle::Bundle;
use ktrial_scenarios::campaign::{Campaign, Case, Folders, Options, SeedRange, run};
use ktrial_scenarios::catalogue;
use ktrial_scenarios::outcome::TrialOutcome;
use ktrial_scenarios::run::RunTrial;
use ktrial_scenarios::trial::{Trial, World};
use ktrial_scenarios::violation::violations;
use ktrial_sim::time::{Duration, Instant};
use proptest::prelude::*;

fn trial(name: &str) -> Trial {
    Trial::new(&catalogue::find(name).expect("a scenario of the catalogue"))
}

fn campaign(jobs: usize) -> Campaign {
    let scenario = catalogue::find("acks-one-loses").expect("a scenario of the catalogue");
    let case = Case { scenario, source: "acks-one-loses".to_owned(), changes: Vec::new() };
    let options = Options {
        seeds: SeedRange { from: 0, to: 24 },
        partition: None,
        jobs,
        max_fail: None,
        budget: None,
        check_determinism: true,
    };
    run(&case, &trial("acks-one-loses"), &options, Folders::default(), &mut |_| {})
        .expect("no file is used")
}

/// Runs a world that is under way to its end.
fn finish(trial: &Trial, seed: u64, mut world: World<()>) -> TrialOutcome {
    let stuck = trial.run_to_end(&mut world);
    trial.outcome(seed, &world, stuck)
}

#[test]
fn two_threads_find_what_one_finds() {
    let (one, two) = (campaign(1), campaign(2));
    assert_eq!(one.tally, two.tally);
    assert_eq!(one.judgement, two.judgement);
    let hash = |campaign: &Campaign| campaign.tally.campaign_hash(&campaign.case.scenario);
    assert_eq!(hash(&one), hash(&two));
}

#[test]
fn a_bundle_replays_the_failure_it_was_made_of() {
    let scenario = catalogue::find("min-isr-one-loses").expect("a scenario of the catalogue");
    let drawn = Trial::new(&scenario);
    let failing = (0..)
        .map(|seed| drawn.run(seed))
        .find(|outcome| !outcome.anomalies.is_empty())
        .expect("seeds do not end");
    let found = violations(&scenario.expect, &failing);
    let bundle = Bundle::new(&scenario, &failing, &found, drawn.fault_plan(failing.seed));
    let text = serde_json::to_string(&bundle).expect("JSON");
    let read = Bundle::from_json(&text).expect("a bundle");
    let replayed = Trial::new(&read.scenario).with_plan(read.fault_plan).run(read.seed);
    assert_eq!(replayed.trace_hash, read.trace_hash);
    assert_eq!(replayed, failing);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn a_fork_at_any_moment_ends_like_its_origin(seed in 0_u64..1_000, fork_at_ms in 0_u64..5_500) {
        let trial = trial("acks-all-survives");
        let mut origin = trial.world(seed, ());
        origin.run_until(Instant::START + Duration::from_millis(fork_at_ms));
        let fork = origin.clone();
        let (origin, fork) = (finish(&trial, seed, origin), finish(&trial, seed, fork));
        prop_assert_eq!(&fork, &origin);
        prop_assert_eq!(&fork, &trial.run(seed));
    }
}
