//! `ktrial replay`: one seed again, told if asked, and compared with what it was.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use ktrial_scenarios::bundle::{BUNDLE_SUFFIX, Bundle, BundleError};
use ktrial_scenarios::digest::Digest;
use ktrial_scenarios::divergence::first_divergence;
use ktrial_scenarios::format::Scenario;
use ktrial_scenarios::outcome::TrialOutcome;
use ktrial_scenarios::run::{RunTrial, Until};
use ktrial_scenarios::trial::Trial;
use ktrial_scenarios::violation::violations;

use super::Failure;
use crate::error::UserError;
use crate::exit::Exit;
use crate::flags::ReplayFlags;
use crate::select;
use crate::terminal::{self, Terminal};

/// What is replayed, and the hash it had if that is known.
struct Subject {
    scenario: Scenario,
    trial: Trial,
    seed: u64,
    trace_hash: Option<Digest>,
}

/// Replays one seed. What is asked is whether it goes as before, whatever was found then and is found again.
///
/// # Errors
/// When the bundle or scenario is wrong, or the output cannot be written.
pub fn replay(flags: ReplayFlags, terminal: &Terminal) -> Result<Exit, Failure> {
    let subject = subject(&flags)?;
    let trial = &subject.trial;
    let outcome = if flags.trace {
        told(trial, subject.seed, flags.until, terminal).map_err(Failure::Output)?
    } else {
        trial.run(subject.seed)
    };
    if flags.until.is_some() {
        return Ok(Exit::Held);
    }
    let expected = subject.trace_hash.unwrap_or_else(|| trial.run(subject.seed).trace_hash);
    let violations = violations(&subject.scenario.expect, &outcome);
    let report = ktrial_reports::replay(&outcome, &violations, expected, &terminal.out);
    terminal::print(&report).map_err(Failure::Output)?;
    if outcome.trace_hash == expected {
        return Ok(Exit::Held);
    }
    let divergence = first_divergence(trial, subject.seed);
    eprint!("{}", ktrial_reports::divergence(divergence.as_ref(), &terminal.err));
    Ok(Exit::Diverged)
}

fn subject(flags: &ReplayFlags) -> Result<Subject, UserError> {
    let is_bundle = flags.subject.ends_with(BUNDLE_SUFFIX);
    match (is_bundle, flags.seed) {
        (true, None) => bundle(Path::new(&flags.subject)),
        (true, Some(_)) => Err(UserError::SeedOfBundle),
        (false, None) => Err(UserError::NoSeed { subject: flags.subject.clone() }),
        (false, Some(seed)) => {
            let cases = select::cases(std::slice::from_ref(&flags.subject), &flags.changes)?;
            let case = cases.into_iter().next().expect("a word that names nothing is an error");
            let trial = Trial::new(&case.scenario);
            Ok(Subject { scenario: case.scenario, trial, seed, trace_hash: None })
        }
    }
}

fn bundle(path: &Path) -> Result<Subject, UserError> {
    let text = fs::read_to_string(path);
    let text = text.map_err(|cause| UserError::File { path: path.to_owned(), cause })?;
    let bundle = Bundle::from_json(&text).map_err(|error| wrong_bundle(path.to_owned(), &error))?;
    let Bundle { scenario, seed, fault_plan, trace_hash, .. } = bundle;
    let trial = Trial::new(&scenario).with_plan(fault_plan);
    Ok(Subject { scenario, trial, seed, trace_hash: Some(trace_hash) })
}

fn wrong_bundle(path: PathBuf, error: &BundleError) -> UserError {
    UserError::Bundle { path, message: error.to_string() }
}

/// Runs a trial and prints its lines as they come.
fn told(
    trial: &Trial,
    seed: u64,
    until: Option<Until>,
    terminal: &Terminal,
) -> io::Result<TrialOutcome> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut written = Ok(());
    let outcome = trial.trace(seed, until, &mut |line| {
        if written.is_ok() {
            written = writeln!(out, "{}", ktrial_reports::trace_line(&line, &terminal.out));
        }
    });
    written.and_then(|()| out.flush()).map(|()| outcome)
}
