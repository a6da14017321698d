//! `ktrial check`: recorded histories, judged.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use ktrial_checker::contract::Contract;
use ktrial_checker::import::{self, Format, Imported};
use ktrial_checker::linearizability::{Budget, Notation, check_named};
use ktrial_reports::{Check, FileCheck, PromisedBy};

use super::Failure;
use crate::error::UserError;
use crate::exit::Exit;
use crate::flags::{CheckFlags, CheckReport, CheckReportFormat, Promise};
use crate::output::{json, write_whole};
use crate::progress::{Counted, Reading};
use crate::terminal::{self, Terminal};

/// What the first line of a `klog/1` history has to be.
const NO_HEADER: &str =
    r#"a history is JSON lines, and the first is a header: {"h":"klog/1"} is the least"#;

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
    if path == Path::new("-") {
        let source = Source { path: Path::new("standard input"), bytes: None };
        return judged(&source, io::stdin().lock(), flags, terminal);
    }
    let file = File::open(path).map_err(|cause| UserError::file(path, cause))?;
    let bytes = file.metadata().map_err(|cause| UserError::file(path, cause))?.len();
    let source = Source { path, bytes: Some(bytes) };
    judged(&source, BufReader::with_capacity(1 << 16, file), flags, terminal)
}

/// Where a history comes from.
struct Source<'p> {
    path: &'p Path,
    /// How long it is, if that is known.
    bytes: Option<u64>,
}

fn judged(
    source: &Source<'_>,
    input: impl BufRead,
    flags: &CheckFlags,
    terminal: &Terminal,
) -> Result<FileCheck, UserError> {
    let name = source.path.display().to_string();
    let mut reading = Reading::start(terminal, &name, source.bytes);
    let mut input = Counted::new(input, &mut reading);
    let format = match flags.format {
        Some(format) => format.into(),
        None => Format::guess(input.fill_buf().map_err(|it| UserError::file(source.path, it))?),
    };
    if let Some(model) = flags.model {
        let notation =
            notation(format).ok_or_else(|| UserError::not_of_model(source.path, format))?;
        let outcome = check_named(model, input, notation, Budget::default());
        reading.finish();
        let outcome = outcome.map_err(|error| UserError::history(source.path, error, None))?;
        return Ok(FileCheck::of_model(&name, model, &outcome));
    }
    let imported = import::read(Some(format), input);
    reading.finish();
    let help = (format == Format::Klog).then_some(NO_HEADER);
    let imported = imported.map_err(|error| UserError::history(source.path, error, help))?;
    log(source.path, &imported, &flags.contract)
}

/// The notation in which a file can have the operations of a model.
fn notation(format: Format) -> Option<Notation> {
    match format {
        Format::Klog => Some(Notation::Json),
        Format::Edn => Some(Notation::Edn),
        Format::Verifiable | Format::Dump => None,
    }
}

/// Judges the history of a log.
fn log(path: &Path, imported: &Imported, promises: &[Promise]) -> Result<FileCheck, UserError> {
    let of_header = Contract::of_config(&imported.config);
    let of_header = of_header.map_err(|error| UserError::header(path, &error))?;
    let promised_by = match (promises, &of_header) {
        ([], None) => PromisedBy::Defaults,
        ([], Some(_)) => PromisedBy::File,
        _ => PromisedBy::CommandLine,
    };
    let mut contract = of_header.unwrap_or_default();
    for Promise { key, value } in promises {
        contract.set(key, value).expect("the command line was checked when it was read");
    }
    let judgement = ktrial_checker::judge(&imported.history, &contract);
    let name = path.display().to_string();
    Ok(FileCheck::new(&name, imported, &judgement, &contract, promised_by))
}

fn write_report(report: &CheckReport, check: &Check) -> Result<(), UserError> {
    let text = match report.format {
        CheckReportFormat::Json => json(check),
        CheckReportFormat::Junit => ktrial_reports::check_junit(check),
        CheckReportFormat::Markdown => ktrial_reports::check_markdown(check),
    };
    write_whole(&report.path, &text)
}
