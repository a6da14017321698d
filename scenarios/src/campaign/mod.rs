//! A campaign: one scenario over many seeds.
//!
//! Trials run on several threads; their outcomes are taken in the order of the seeds, written to the results file, summed up
//! and judged. Nothing but the timing depends on the number of threads, and a campaign that was killed goes on where it was.

mod conclusion;
mod course;
mod histories;
mod merge;
mod queue;
mod results;
mod seeds;
mod stopwatch;
mod summary;
mod tally;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use conclusion::{Conclusion, Judgement, judge};
pub use course::run;
pub use histories::{HISTORY_SUFFIX, HistoryError};
pub use merge::merge;
pub use results::{RESULTS_SUFFIX, Results, ResultsError};
pub use seeds::{Partition, SeedError, SeedRange, parse_seed};
pub use stopwatch::Stopwatch;
pub use summary::{FailureSummary, SUMMARY_SCHEMA, ScenarioSummary, Seeds, Summary};
pub use tally::{AnomalyCounts, FAILURES_KEPT, Failure, Tally, VerdictCounts};

use crate::bundle::BundleError;
use crate::format::Scenario;

/// A scenario and how the user came to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The scenario after every change.
    pub scenario: Scenario,
    /// What was typed: a name of the catalogue or a file.
    pub source: String,
    /// The changes that were typed, `producer.acks=1`.
    pub changes: Vec<String>,
}

/// Which seeds run and when the campaign ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// The seeds.
    pub seeds: SeedRange,
    /// The share of the seeds that runs here; all of them when none is named.
    pub partition: Option<Partition>,
    /// The number of threads.
    pub jobs: usize,
    /// The number of failing seeds after which the campaign ends.
    pub max_fail: Option<u64>,
    /// The wall-clock time after which no further seed is taken.
    pub budget: Option<Duration>,
    /// Whether each seed runs twice and the traces are compared.
    pub check_determinism: bool,
}

/// The folders in which a campaign keeps what it finds; nothing is kept where none is named.
#[derive(Clone, Copy, Debug, Default)]
pub struct Folders<'a> {
    /// For outcomes, and the bundles of failing seeds.
    pub results: Option<&'a Path>,
    /// For the history of every trial.
    pub histories: Option<&'a Path>,
}

/// How far a campaign is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Seeds that are done.
    pub done: u64,
    /// Seeds that failed.
    pub failed: u64,
}

/// How long a campaign took. Only trials that ran now count, not those read from a results file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Timing {
    /// Wall-clock time in milliseconds.
    pub wall_ms: u64,
    /// Events per second of wall-clock time.
    pub events_per_second: u64,
    /// Trials per second of wall-clock time.
    pub trials_per_second: u64,
    /// Acknowledged records per second of wall-clock time.
    pub acked_records_per_second: u64,
}

/// A campaign that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campaign {
    /// The scenario.
    pub case: Case,
    /// The seeds that were covered.
    pub seeds: SeedRange,
    /// The sum of all outcomes.
    pub tally: Tally,
    /// What the sum says of the scenario.
    pub judgement: Judgement,
    /// The bundles that were written, by seed.
    pub bundles: BTreeMap<u64, PathBuf>,
    /// How long it took.
    pub timing: Timing,
}

/// A campaign had to stop.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// The results file.
    #[error(transparent)]
    Results(#[from] ResultsError),
    /// A bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A history.
    #[error(transparent)]
    History(#[from] HistoryError),
}

impl Campaign {
    /// The command that replays a seed of this campaign.
    #[must_use]
    pub fn replay_command(&self, seed: u64) -> String {
        if let Some(bundle) = self.bundles.get(&seed) {
            return format!("ktrial replay {}", bundle.display());
        }
        let changes = self.case.changes.iter().map(|change| format!(" --set {change}"));
        format!("ktrial replay {} --seed {seed}{}", self.case.source, changes.collect::<String>())
    }
}
