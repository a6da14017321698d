//! `ktrial check`: recorded histories, judged.

mod jepsen;
mod log;
mod model;

use std::path::Path;

use ktrial_reports::{Check, FileCheck};

use super::Failure;
use crate::exit::Exit;
use crate::flags::{CheckFlags, CheckReport, CheckReportFormat, Compat};
use crate::output::{self, json};
use crate::terminal::{self, Terminal};

/// Judges every file, prints what was found and writes the reports. Only one history is in memory at a time. A file that
/// cannot be read does not keep the others from being judged.
///
/// # Errors
/// When a report cannot be written, or the output cannot be.
pub fn check(flags: &CheckFlags, terminal: &Terminal) -> Result<Exit, Failure> {
    let files = if flags.merge {
        vec![log::merged(flags, terminal)?]
    } else {
        let files = flags.files.iter().map(|path| judged(path, flags, terminal));
        files.collect::<Result<_, _>>()?
    };
    let check = Check::of(files);
    if check.nothing_was_read() {
        return Ok(Exit::Usage);
    }
    // A report that cannot be written does not keep what was found from being shown.
    let written: Result<(), Failure> =
        flags.reports.iter().try_for_each(|report| write_report(report, &check));
    // Another checker's own words were printed file by file.
    if flags.compat.is_none() {
        let text = ktrial_reports::check(&check, examples(flags, terminal), &terminal.out);
        terminal::print(&text)?;
    }
    written?;
    Ok(check.answer.into())
}

/// The judgement of one file. Why it cannot be read is said at once, and in its place in the report.
fn judged(path: &Path, flags: &CheckFlags, terminal: &Terminal) -> Result<FileCheck, Failure> {
    let judged = match (flags.compat, flags.model) {
        (Some(Compat::Jepsen), _) => jepsen::judged(path, flags, terminal),
        (None, Some(model)) => model::judged(model, path, flags, terminal).map_err(Failure::User),
        (None, None) => log::judged(path, flags, terminal).map_err(Failure::User),
    };
    match judged {
        Err(Failure::User(error)) => {
            eprint!("{}", error.rendered(&terminal.err));
            Ok(FileCheck::unread(&path.display().to_string(), &error.to_string()))
        }
        judged => judged,
    }
}

/// How many examples of each kind are shown, if that is said.
fn examples(flags: &CheckFlags, terminal: &Terminal) -> Option<usize> {
    flags.examples.map(usize::from).or(terminal.verbose.then_some(usize::MAX))
}

fn write_report(report: &CheckReport, check: &Check) -> Result<(), Failure> {
    let text = match report.format {
        CheckReportFormat::Json => json(check),
        CheckReportFormat::Junit => ktrial_reports::check_junit(check),
        CheckReportFormat::Markdown => ktrial_reports::check_markdown(check),
    };
    Ok(output::write_report(&report.path, &text)?)
}
