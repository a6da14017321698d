//! `ktrial run`: scenarios over many seeds.

use ktrial_scenarios::campaign::{
    self, Campaign, Case, Conclusion, Folders, Options, Stopwatch, Summary,
};
use ktrial_scenarios::trial::Trial;

use super::Failure;
use crate::error::UserError;
use crate::exit::Exit;
use crate::flags::{Report, RunFlags};
use crate::output::{self, json};
use crate::progress::Meter;
use crate::terminal::{self, Terminal};
use crate::typed::Run;

/// Runs every campaign, prints the table and writes the reports.
///
/// # Errors
/// When the flags or a file are wrong, or the output cannot be written.
pub fn run(flags: RunFlags, terminal: &Terminal) -> Result<Exit, Failure> {
    let run = Run::new(flags)?;
    warn(&run.cases, terminal);
    let watch = Stopwatch::start();
    let mut campaigns = Vec::new();
    for (index, case) in run.cases.iter().enumerate() {
        let left = (run.cases.len() - index) as u32;
        let budget = run.budget.map(|budget| budget.saturating_sub(watch.elapsed()) / left);
        campaigns.push(one(
            case,
            &Options { budget, ..run.options },
            Folders { results: run.folder.as_deref(), histories: run.histories.as_deref() },
            terminal,
        )?);
    }
    conclude(&campaigns, &run.reports, terminal)
}

/// Prints what campaigns found, writes the reports, and says how it all ended.
///
/// # Errors
/// When a report or the output cannot be written.
pub fn conclude(
    campaigns: &[Campaign],
    reports: &[Report],
    terminal: &Terminal,
) -> Result<Exit, Failure> {
    let summary = Summary::of(campaigns);
    for report in reports {
        write_report(report, &summary)?;
    }
    let table = ktrial_reports::campaigns(campaigns, terminal.verbose, &terminal.out);
    terminal::print(&table).map_err(Failure::Output)?;
    if let Some(command) = first_failure(campaigns) {
        eprintln!("{command}");
    }
    Ok(summary.conclusion.into())
}

fn one(
    case: &Case,
    options: &Options,
    folders: Folders<'_>,
    terminal: &Terminal,
) -> Result<Campaign, Failure> {
    let trial = Trial::new(&case.scenario);
    let seeds = options.budget.is_none().then_some(options.seeds.count());
    let mut meter = Meter::start(terminal, &case.scenario.name, seeds);
    let campaign =
        campaign::run(case, &trial, options, folders, &mut |progress| meter.show(progress));
    meter.finish();
    Ok(campaign?)
}

/// Says what is accepted but may not do what its author thinks: when asked, or when one scenario runs.
fn warn(cases: &[Case], terminal: &Terminal) {
    if terminal.quiet || (cases.len() > 1 && !terminal.verbose) {
        return;
    }
    for case in cases {
        for warning in case.scenario.config().warnings {
            eprintln!("{}: {warning}", case.scenario.name);
        }
    }
}

/// The command that replays the first failing seed of the worst campaign.
fn first_failure(campaigns: &[Campaign]) -> Option<String> {
    let worst = campaigns.iter().map(|campaign| campaign.judgement.conclusion).max()?;
    if worst < Conclusion::Violated {
        return None;
    }
    let failed = campaigns.iter().filter(|campaign| campaign.judgement.conclusion == worst);
    let seeds =
        failed.filter_map(|campaign| Some((campaign, *campaign.tally.failures.keys().next()?)));
    seeds.map(|(campaign, seed)| campaign.replay_command(seed)).next()
}

fn write_report(report: &Report, summary: &Summary) -> Result<(), UserError> {
    let Report::Json(path) = report;
    output::write_report(path, &json(summary))
}
