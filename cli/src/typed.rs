//! What the command line means: scenarios, seeds and limits instead of words.

use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use ktrial_scenarios::campaign::{Case, Options, SeedRange};

use crate::error::UserError;
use crate::flags::{Report, RunFlags};
use crate::select;

/// The seeds of a scenario when none are named.
const SEEDS: SeedRange = SeedRange { from: 0, to: 200 };

/// The seeds of a scenario when only time limits them.
const UNLIMITED: SeedRange = SeedRange { from: 0, to: u64::MAX };

/// A run: what runs, within which limits, and where the results go.
#[derive(Debug)]
pub struct Run {
    /// The scenarios.
    pub cases: Vec<Case>,
    /// The limits of each campaign, but for the budget, which all share.
    pub options: Options,
    /// The wall-clock time for all campaigns together.
    pub budget: Option<Duration>,
    /// Where results and bundles are kept.
    pub folder: Option<PathBuf>,
    /// Where the history of every trial is kept.
    pub histories: Option<PathBuf>,
    /// The reports to write.
    pub reports: Vec<Report>,
}

impl Run {
    /// What the flags mean.
    ///
    /// # Errors
    /// When they name no scenario, or a change that cannot be made.
    pub fn new(flags: RunFlags) -> Result<Self, UserError> {
        let cases = select::cases(&flags.scenarios, &flags.changes)?;
        let named = flags.seeds.or(flags.seed.map(SeedRange::only));
        let seeds = named.unwrap_or(if flags.budget.is_some() { UNLIMITED } else { SEEDS });
        let options = Options {
            seeds,
            partition: flags.partition,
            jobs: flags.jobs.map_or_else(cores, usize::from),
            max_fail: flags.max_fail,
            budget: None,
            check_determinism: flags.check_determinism,
        };
        let budget = flags.budget.map(|budget| Duration::from_nanos(budget.nanos));
        let (folder, histories, reports) = (flags.out, flags.history, flags.reports);
        Ok(Self { cases, options, budget, folder, histories, reports })
    }
}

fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}
