//! `ktrial check`: recorded histories, judged.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use ktrial_checker::contract::Contract;
use ktrial_checker::import::{self, Format, Imported};
use ktrial_reports::{Check, FileCheck, PromisedBy};

use super::Failure;
use crate::error::UserError;
use crate::exit::Exit;
use crate::flags::{CheckFlags, CheckReport, CheckReportFormat, HistoryFormat, Promise};
use crate::output::{json, write_whole};
use crate::progress::{Counted, Reading};
use crate::terminal::{self, Terminal};

/// Judges every file, prints what was found and writes the reports. Only one history is in memory at a time.
///
/// # Errors
/// When a file is not a history, a report cannot be written, or the output cannot be.
pub fn check(flags: &CheckFlags, terminal: &Terminal) -> Result<Exit, Failure> {
    let judged = |path| file(path, flags, terminal);
    let files = flags.files.iter().map(|path| judged(path)).collect::<Result<_, _>>()?;
    let check = Check::of(files);
    for report in &flags.reports {
        write_report(report, &check)?;
    }
    let text = ktrial_reports::check(&check, terminal.verbose, &terminal.out);
    terminal::print(&text).map_err(Failure::Output)?;
    Ok(check.answer.into())
}

fn file(path: &Path, flags: &CheckFlags, terminal: &Terminal) -> Result<FileCheck, UserError> {
    let imported = read(path, flags.format, terminal)?;
    let promises = &flags.contract;
    let of_header = Contract::of_config(&imported.config)
        .map_err(|error| UserError::header(Path::new(&name(path)), &error))?;
    let promised_by = promised_by(of_header.is_some(), promises);
    let mut contract = of_header.unwrap_or_default();
    for Promise { key, value } in promises {
        contract.set(key, value).expect("the command line was checked when it was read");
    }
    let judgement = ktrial_checker::judge(&imported.history, &contract);
    Ok(FileCheck::new(&name(path), &imported, &judgement, &contract, promised_by))
}

fn promised_by(header_says: bool, promises: &[Promise]) -> PromisedBy {
    match (promises, header_says) {
        ([], false) => PromisedBy::Defaults,
        ([], true) => PromisedBy::File,
        _ => PromisedBy::CommandLine,
    }
}

fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

fn name(path: &Path) -> String {
    if is_standard_input(path) { "standard input".to_owned() } else { path.display().to_string() }
}

fn read(
    path: &Path,
    format: Option<HistoryFormat>,
    terminal: &Terminal,
) -> Result<Imported, UserError> {
    if is_standard_input(path) {
        return read_from(path, format, None, io::stdin().lock(), terminal);
    }
    let file = File::open(path).map_err(unreadable(path))?;
    let bytes = file.metadata().map_err(unreadable(path))?.len();
    read_from(path, format, Some(bytes), BufReader::with_capacity(1 << 16, file), terminal)
}

fn read_from(
    path: &Path,
    format: Option<HistoryFormat>,
    bytes: Option<u64>,
    input: impl BufRead,
    terminal: &Terminal,
) -> Result<Imported, UserError> {
    let mut reading = Reading::start(terminal, &name(path), bytes);
    let mut input = Counted::new(input, &mut reading);
    let format = match format {
        Some(format) => format.into(),
        None => Format::guess(input.fill_buf().map_err(unreadable(path))?),
    };
    let imported = import::read(Some(format), input);
    reading.finish();
    imported.map_err(|error| UserError::history(Path::new(&name(path)), format, error))
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> UserError {
    |cause| UserError::File { path: path.to_owned(), cause }
}

fn write_report(report: &CheckReport, check: &Check) -> Result<(), UserError> {
    let text = match report.format {
        CheckReportFormat::Json => json(check),
        CheckReportFormat::Junit => ktrial_reports::check_junit(check),
        CheckReportFormat::Markdown => ktrial_reports::check_markdown(check),
    };
    write_whole(&report.path, &text)
}
