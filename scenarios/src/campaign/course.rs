//! The course of a campaign: trials on threads, their outcomes taken one by one in the order of the seeds.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::results::Results;
use super::stopwatch::Stopwatch;
use super::{
    Campaign, CampaignError, Case, Folders, HistoryError, Options, Progress, SeedRange, Tally,
    Timing, histories, judge, queue,
};
use crate::bundle::Bundle;
use crate::divergence::first_divergence;
use crate::outcome::TrialOutcome;
use crate::run::RunTrial;

/// Runs a campaign. With a folder for results, outcomes are kept there and bundles of failing seeds written; a second run
/// goes on. With a folder for histories, that of every trial is kept.
///
/// # Errors
/// When the results file, a bundle or a history cannot be used.
pub fn run(
    case: &Case,
    trial: &impl RunTrial,
    options: &Options,
    folders: Folders<'_>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Campaign, CampaignError> {
    let watch = Stopwatch::start();
    let mut course = Course::start(case, trial, options, folders)?;
    let known: BTreeSet<u64> = course.stored.keys().copied().collect();
    let selected = (options.seeds.from..options.seeds.to)
        .filter(|seed| options.partition.is_none_or(|share| share.has(&case.scenario.name, *seed)));
    let work = |seed| {
        if known.contains(&seed) {
            Step::Stored(seed)
        } else {
            run_seed(case, trial, seed, options, folders.histories)
        }
    };
    queue::in_order(options.jobs, selected, work, |step| {
        let flow = course.take(step);
        progress(Progress { done: course.tally.seeds_run(), failed: course.tally.failing_seeds });
        let spent = options.budget.is_some_and(|budget| watch.elapsed() >= budget);
        if spent { ControlFlow::Break(()) } else { flow }
    });
    course.finish(watch.elapsed())
}

/// One seed, run now or known from before.
#[expect(clippy::large_enum_variant, reason = "almost every step of a campaign is the large one")]
enum Step {
    Stored(u64),
    Ran(TrialOutcome),
    Unkept(HistoryError),
}

fn run_seed(
    case: &Case,
    trial: &impl RunTrial,
    seed: u64,
    options: &Options,
    histories: Option<&Path>,
) -> Step {
    let mut outcome = match histories {
        None => caught(seed, || trial.run(seed)),
        Some(folder) => {
            let mut recording = None;
            let outcome = caught(seed, || {
                let (outcome, recorded) = trial.record(seed);
                recording = Some(recorded);
                outcome
            });
            // A trial that panicked has none.
            let kept = recording
                .map_or(Ok(()), |it| histories::keep(folder, &case.scenario.name, seed, &it));
            if let Err(error) = kept {
                return Step::Unkept(error);
            }
            outcome
        }
    };
    if options.check_determinism {
        outcome.second_trace_hash = Some(caught(seed, || trial.run(seed)).trace_hash);
    }
    Step::Ran(outcome)
}

/// What a trial says, also if it panics.
fn caught(seed: u64, run: impl FnOnce() -> TrialOutcome) -> TrialOutcome {
    let caught = catch_unwind(AssertUnwindSafe(run));
    caught.unwrap_or_else(|panic| TrialOutcome::panicked(seed, message_of(&*panic)))
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

/// A campaign on its way.
struct Course<'a, T> {
    case: &'a Case,
    trial: &'a T,
    options: &'a Options,
    folder: Option<&'a Path>,
    results: Option<Results>,
    /// Outcomes of earlier runs that are not yet in the sum.
    stored: BTreeMap<u64, TrialOutcome>,
    tally: Tally,
    bundles: BTreeMap<u64, PathBuf>,
    ran: Ran,
    error: Option<CampaignError>,
}

/// What ran now, for the timing.
#[derive(Default)]
struct Ran {
    trials: u64,
    events: u64,
    acked_records: u64,
}

impl<'a, T: RunTrial> Course<'a, T> {
    fn start(
        case: &'a Case,
        trial: &'a T,
        options: &'a Options,
        folders: Folders<'a>,
    ) -> Result<Self, CampaignError> {
        let folder = folders.results;
        let opened = folder.map(|folder| Results::open(folder, &case.scenario)).transpose()?;
        let (results, mut stored) =
            opened.map_or((None, BTreeMap::new()), |(file, stored)| (Some(file), stored));
        // A seed that was not run twice has still to be.
        stored
            .retain(|_, outcome| !options.check_determinism || outcome.second_trace_hash.is_some());
        // Nor was the history kept of a seed that ran when nobody wanted it.
        let is_kept =
            |folder: &Path, seed| histories::path(folder, &case.scenario.name, seed).exists();
        stored.retain(|&seed, _| folders.histories.is_none_or(|folder| is_kept(folder, seed)));
        let (tally, bundles, ran) = (Tally::default(), BTreeMap::new(), Ran::default());
        Ok(Self { case, trial, options, folder, results, stored, tally, bundles, ran, error: None })
    }

    /// Takes the next seed's outcome; breaks when the campaign is to end.
    fn take(&mut self, step: Step) -> ControlFlow<()> {
        match self.add(step) {
            Ok(()) if self.options.max_fail.is_some_and(|max| self.tally.failing_seeds >= max) => {
                ControlFlow::Break(())
            }
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.error = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    fn add(&mut self, step: Step) -> Result<(), CampaignError> {
        let outcome = match step {
            Step::Unkept(error) => return Err(error.into()),
            Step::Stored(seed) => self.stored.remove(&seed).expect("a known seed is taken once"),
            Step::Ran(outcome) => {
                self.ran.add(&outcome);
                if let Some(results) = &mut self.results {
                    results.append(&outcome)?;
                }
                outcome
            }
        };
        let (seed, diverged) = (outcome.seed, outcome.diverged());
        let failed = self.tally.add(&self.case.scenario.expect, outcome);
        if let (true, Some(failure)) = (diverged, self.tally.failures.get_mut(&seed)) {
            failure.divergence = first_divergence(self.trial, seed);
        }
        if failed { self.keep_bundle(seed) } else { Ok(()) }
    }

    fn keep_bundle(&mut self, seed: u64) -> Result<(), CampaignError> {
        let (Some(folder), Some(failure)) = (self.folder, self.tally.failures.get(&seed)) else {
            return Ok(());
        };
        let plan = self.trial.fault_plan(seed);
        let bundle = Bundle::new(&self.case.scenario, &failure.outcome, &failure.violations, plan);
        self.bundles.insert(seed, bundle.write(folder)?);
        Ok(())
    }

    fn finish(self, wall: Duration) -> Result<Campaign, CampaignError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let asked = self.options.seeds;
        let ended_early = self.options.budget.is_some() || self.options.max_fail.is_some();
        let last = self.tally.traces.last_key_value().map(|(seed, _)| seed.saturating_add(1));
        let to = if ended_early { last.unwrap_or(asked.from) } else { asked.to };
        Ok(Campaign {
            seeds: SeedRange { from: asked.from, to },
            judgement: judge(&self.case.scenario.expect, &self.tally),
            tally: self.tally,
            bundles: self.bundles,
            timing: self.ran.timing(wall),
            case: self.case.clone(),
        })
    }
}

impl Ran {
    fn add(&mut self, outcome: &TrialOutcome) {
        self.trials += 1;
        self.events += outcome.events;
        self.acked_records += outcome.acked_records;
    }

    fn timing(&self, wall: Duration) -> Timing {
        let wall_us = u64::try_from(wall.as_micros()).unwrap_or(u64::MAX).max(1);
        let per_second = |count: u64| {
            u64::try_from(u128::from(count) * 1_000_000 / u128::from(wall_us)).unwrap_or(u64::MAX)
        };
        Timing {
            wall_ms: wall_us / 1_000,
            events_per_second: per_second(self.events),
            trials_per_second: per_second(self.trials),
            acked_records_per_second: per_second(self.acked_records),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::{Conclusion, HISTORY_SUFFIX, Judgement, Partition, merge};
    use crate::digest::Digest;
    use crate::outcome::{Anomaly, AnomalyKind};
    use crate::run::{Recording, TraceLine, Until};
    use crate::violation::Violation;

    /// Trials that lose a record on every tenth seed and panic on seed 13, without a simulation behind them.
    struct Scripted {
        flaky_seed: Option<u64>,
        runs: std::sync::atomic::AtomicU64,
    }

    impl Scripted {
        fn new() -> Self {
            Self { flaky_seed: None, runs: 0.into() }
        }
    }

    impl RunTrial for Scripted {
        fn record(&self, seed: u64) -> (TrialOutcome, Recording) {
            let run = self.runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            assert_ne!(seed, 13, "seed 13 is unlucky");
            let lost = Anomaly { count: 2, examples: Vec::new() };
            let anomalies = if seed % 10 == 9 {
                [(AnomalyKind::LostWrite, lost)].into()
            } else {
                BTreeMap::new()
            };
            let salt = if self.flaky_seed == Some(seed) { run } else { 0 };
            let trace_hash = Digest::of(&(seed + 1_000 * salt).to_le_bytes());
            let events = 100;
            let outcome = TrialOutcome {
                trace_hash,
                anomalies,
                events,
                ..TrialOutcome::new(seed, Digest::empty())
            };
            (outcome, Recording::default())
        }

        fn trace(&self, seed: u64, _: Option<Until>, _: &mut dyn FnMut(TraceLine)) -> TrialOutcome {
            self.run(seed)
        }

        fn fault_plan(&self, _: u64) -> ktrial_sim::fault::FaultPlan {
            ktrial_sim::fault::FaultPlan::default()
        }
    }

    fn case() -> Case {
        let scenario = crate::catalogue::ENTRIES[0].scenario();
        let source = scenario.name.clone();
        Case { scenario, source, changes: vec!["producer.acks=1".to_owned()] }
    }

    fn options(from: u64, to: u64) -> Options {
        Options {
            seeds: SeedRange { from, to },
            partition: None,
            jobs: 2,
            max_fail: None,
            budget: None,
            check_determinism: false,
        }
    }

    fn campaign(options: &Options, results: Option<&Path>) -> Campaign {
        let folders = Folders { results, histories: None };
        run(&case(), &Scripted::new(), options, folders, &mut |_| {}).expect("a campaign")
    }

    /// All of a campaign that must not depend on threads, kills and clocks.
    fn essence(campaign: &Campaign) -> (SeedRange, Tally, Judgement) {
        (campaign.seeds, campaign.tally.clone(), campaign.judgement.clone())
    }

    #[test]
    fn the_result_does_not_depend_on_the_number_of_threads() {
        let with_jobs = |jobs| essence(&campaign(&Options { jobs, ..options(20, 120) }, None));
        assert_eq!(with_jobs(1), with_jobs(3));
        assert_eq!(with_jobs(1).1.anomalies[&AnomalyKind::LostWrite].seeds, 10);
    }

    #[test]
    fn a_panic_is_one_seed_and_does_not_end_the_campaign() {
        let campaign = campaign(&options(10, 16), None);
        assert_eq!(campaign.judgement.conclusion, Conclusion::Panicked);
        assert_eq!(campaign.tally.seeds_run(), 6);
        let message = campaign.tally.failures[&13].outcome.panic.as_deref().expect("a message");
        assert!(message.contains("seed 13 is unlucky"), "{message}");
        assert_eq!(
            campaign.replay_command(13),
            "ktrial replay acks-all-survives --seed 13 --set producer.acks=1"
        );
    }

    #[test]
    fn ends_at_the_same_failing_seed_on_any_number_of_threads() {
        for jobs in [1, 3] {
            let campaign =
                campaign(&Options { jobs, max_fail: Some(2), ..options(20, 9_000) }, None);
            assert_eq!(campaign.seeds, SeedRange { from: 20, to: 40 }, "{jobs} jobs");
            assert_eq!(campaign.tally.failing_seeds, 2);
        }
    }

    #[test]
    fn a_spent_budget_ends_the_campaign_and_says_what_was_covered() {
        let options = Options { budget: Some(Duration::ZERO), ..options(20, u64::MAX) };
        assert_eq!(campaign(&options, None).seeds, SeedRange { from: 20, to: 21 });
    }

    #[test]
    fn a_campaign_goes_on_where_it_was_killed() {
        let folder = tempfile::tempdir().expect("a folder");
        let whole = campaign(&options(20, 60), None);
        campaign(&options(20, 47), Some(folder.path()));
        let trial = Scripted::new();
        let folders = Folders { results: Some(folder.path()), histories: None };
        let resumed =
            run(&case(), &trial, &options(20, 60), folders, &mut |_| {}).expect("a campaign");
        assert_eq!(essence(&resumed), essence(&whole));
        assert_eq!(trial.runs.into_inner(), 13, "27 of 40 were known");
        assert_eq!(resumed.bundles.keys().copied().collect::<Vec<_>>(), [29, 39, 49, 59]);
        assert!(
            resumed.replay_command(29).ends_with(".ktr.json"),
            "{}",
            resumed.replay_command(29)
        );
    }

    #[test]
    fn a_history_is_kept_of_every_seed_also_of_those_that_ran_before() {
        let [results, histories] = [1, 2].map(|_| tempfile::tempdir().expect("a folder"));
        let results = Some(results.path());
        campaign(&options(20, 23), results);
        let folders = Folders { results, histories: Some(histories.path()) };
        for runs in [3, 0] {
            let trial = Scripted::new();
            run(&case(), &trial, &options(20, 23), folders, &mut |_| {}).expect("a campaign");
            assert_eq!(trial.runs.into_inner(), runs);
            let name = |seed| format!("acks-all-survives-{seed}{HISTORY_SUFFIX}");
            let kept = (20..23).filter(|seed| histories.path().join(name(*seed)).is_file());
            assert_eq!(kept.count(), 3);
        }
    }

    #[test]
    fn a_campaign_whose_histories_cannot_be_kept_stops() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let folders = Folders { results: None, histories: Some(file.path()) };
        let error = run(&case(), &Scripted::new(), &options(20, 23), folders, &mut |_| {});
        assert!(matches!(error, Err(CampaignError::History(_))), "{error:?}");
    }

    #[test]
    fn the_shares_of_a_campaign_make_the_whole() {
        let share = |share| {
            let options =
                Options { partition: Some(Partition { share, of: 2 }), ..options(20, 80) };
            campaign(&options, None).tally.traces
        };
        let (first, second) = (share(1), share(2));
        assert!(first.keys().all(|seed| !second.contains_key(seed)));
        let joined: BTreeMap<_, _> = first.into_iter().chain(second).collect();
        assert_eq!(joined, campaign(&options(20, 80), None).tally.traces);
    }

    #[test]
    fn merged_parts_are_as_the_whole() {
        let folders = [1, 2].map(|_| tempfile::tempdir().expect("a folder"));
        for (share, folder) in (1..).zip(&folders) {
            let options =
                Options { partition: Some(Partition { share, of: 2 }), ..options(20, 80) };
            campaign(&options, Some(folder.path()));
        }
        let merged =
            merge(&folders.each_ref().map(|folder| folder.path().to_owned())).expect("merged");
        let whole = campaign(&options(20, 80), None);
        assert_eq!(merged.iter().map(essence).collect::<Vec<_>>(), [essence(&whole)]);
        assert_eq!(merged[0].bundles.len(), 6, "the bundles of both parts are found");
    }

    #[test]
    fn a_seed_that_runs_two_ways_is_found() {
        let trial = Scripted { flaky_seed: Some(23), ..Scripted::new() };
        let options = Options { check_determinism: true, ..options(20, 29) };
        let folders = Folders::default();
        let campaign = run(&case(), &trial, &options, folders, &mut |_| {}).expect("a campaign");
        assert_eq!(campaign.judgement.conclusion, Conclusion::Diverged);
        assert_eq!(campaign.tally.violations[&Violation::Divergence], (1, 23));
    }

    #[test]
    fn timing_counts_what_ran_by_the_wall_clock() {
        let ran = Ran { trials: 10, events: 3_000, acked_records: 50 };
        let timing = ran.timing(Duration::from_millis(500));
        assert_eq!((timing.wall_ms, timing.events_per_second), (500, 6_000));
        assert_eq!((timing.trials_per_second, timing.acked_records_per_second), (20, 100));
    }
}
