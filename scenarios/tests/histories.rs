//! A history that a trial leaves says all that the trial knew: judged again, it gives what the trial was given.

use ktrial_checker::contract::Contract;
use ktrial_checker::klog;
use ktrial_scenarios::campaign::{Case, Folders, HISTORY_SUFFIX, Options, SeedRange, run};
use ktrial_scenarios::catalogue;
use ktrial_scenarios::digest::Digest;
use ktrial_scenarios::format::Scenario;
use ktrial_scenarios::outcome::TrialOutcome;
use ktrial_scenarios::run::RunTrial;
use ktrial_scenarios::trial::Trial;
use proptest::prelude::*;
use std::path::Path;

/// What a campaign of this one seed keeps in `folder`.
fn kept(scenario: &Scenario, seed: u64, folder: &Path) -> Vec<u8> {
    let source = scenario.name.clone();
    let case = Case { scenario: scenario.clone(), source, changes: Vec::new() };
    let options = Options {
        seeds: SeedRange::only(seed),
        partition: None,
        jobs: 1,
        max_fail: None,
        budget: None,
        check_determinism: false,
    };
    let folders = Folders { results: None, histories: Some(folder) };
    run(&case, &Trial::new(scenario), &options, folders, &mut |_| {}).expect("a folder");
    let name = format!("{}-{seed}{HISTORY_SUFFIX}", scenario.name);
    std::fs::read(folder.join(name)).expect("a history")
}

/// What is said of a file by its own contract, as an outcome has it.
fn judged(file: &[u8]) -> TrialOutcome {
    let imported = klog::read(file).expect("just written");
    let contract = Contract::of_config(&imported.config).expect("just written");
    let contract = contract.expect("a trial knows what was promised");
    let mut outcome = TrialOutcome::new(0, Digest::empty());
    outcome.take_judgement(&ktrial_checker::judge(&imported.history, &contract));
    outcome
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_kept_history_is_judged_as_its_trial_was(
        scenario in prop::sample::select(catalogue::all().collect::<Vec<_>>()),
        seed in 0_u64..1_000,
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let of_file = judged(&kept(&scenario, seed, folder.path()));
        let of_trial = Trial::new(&scenario).run(seed);
        prop_assert_eq!(of_file.verdicts, of_trial.verdicts);
        prop_assert_eq!(of_file.unknown_because, of_trial.unknown_because);
        prop_assert_eq!(of_file.anomalies, of_trial.anomalies);
    }
}
