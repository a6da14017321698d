//! Joins the results of several machines, or of several runs, and judges them together.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::results::{RESULTS_SUFFIX, Results, ResultsError};
use super::{Campaign, Case, SeedRange, Tally, Timing, judge};
use crate::bundle::file_name;
use crate::format::Scenario;
use crate::outcome::TrialOutcome;

/// The outcomes of one scenario from all parts.
struct Whole {
    scenario: Scenario,
    /// The folder that the first of the outcomes came from is the one its bundle would be in.
    outcomes: BTreeMap<u64, (PathBuf, TrialOutcome)>,
}

/// Joins the results files of several folders: a campaign for each scenario, in the order of their names. A seed that is in two
/// parts with different trace hashes is a divergence.
///
/// # Errors
/// When a file cannot be used, or two parts have different scenarios of one name.
pub fn merge(folders: &[PathBuf]) -> Result<Vec<Campaign>, ResultsError> {
    let mut wholes: BTreeMap<String, Whole> = BTreeMap::new();
    for folder in folders {
        for path in results_files(folder)? {
            let Some((scenario, outcomes)) = Results::read(&path)? else { continue };
            let fresh = || Whole { scenario: scenario.clone(), outcomes: BTreeMap::new() };
            let whole = wholes.entry(scenario.name.clone()).or_insert_with(fresh);
            if whole.scenario != scenario {
                let name = |scenario: &Scenario| {
                    format!("scenario {} ({})", scenario.name, scenario.digest())
                };
                let (found, wanted) = (name(&scenario), name(&whole.scenario));
                return Err(ResultsError::Other { path, found, wanted });
            }
            outcomes.into_values().for_each(|outcome| whole.add(folder, outcome));
        }
    }
    Ok(wholes.into_values().map(Whole::campaign).collect())
}

fn results_files(folder: &Path) -> Result<Vec<PathBuf>, ResultsError> {
    let io_error = |source| ResultsError::Io { path: folder.to_owned(), source };
    let entries = fs::read_dir(folder).map_err(io_error)?;
    let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(io_error)?;
    paths.retain(|path| path.to_string_lossy().ends_with(RESULTS_SUFFIX));
    paths.sort();
    Ok(paths)
}

impl Whole {
    fn add(&mut self, folder: &Path, outcome: TrialOutcome) {
        match self.outcomes.get_mut(&outcome.seed) {
            None => drop(self.outcomes.insert(outcome.seed, (folder.to_owned(), outcome))),
            Some((_, known)) if known.trace_hash != outcome.trace_hash => {
                known.second_trace_hash = Some(outcome.trace_hash);
            }
            Some(_) => {}
        }
    }

    fn campaign(self) -> Campaign {
        let Self { scenario, outcomes } = self;
        let from = outcomes.keys().next().copied().unwrap_or(0);
        let to = outcomes.keys().next_back().map_or(from, |last| last.saturating_add(1));
        let (mut tally, mut bundles) = (Tally::default(), BTreeMap::new());
        for (seed, (folder, outcome)) in outcomes {
            let bundle = folder.join(file_name(&scenario.name, seed, outcome.trace_hash));
            if tally.add(&scenario.expect, outcome) && bundle.exists() {
                bundles.insert(seed, bundle);
            }
        }
        let judgement = judge(&scenario.expect, &tally);
        let case = Case { source: scenario.name.clone(), scenario, changes: Vec::new() };
        Campaign {
            case,
            seeds: SeedRange { from, to },
            tally,
            judgement,
            bundles,
            timing: Timing::default(),
        }
    }
}
