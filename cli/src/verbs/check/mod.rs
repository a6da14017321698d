//! `ktrial check`: recorded histories, judged.

mod jepsen;

use std::io::BufRead;
use std::path::Path;

use ktrial_checker::contract::Contract;
use ktrial_checker::import::{self, Format, Imported};
use ktrial_checker::linearizability::{Budget, ModelName, Notation, check_named};
use ktrial_reports::{Check, FileCheck, PromisedBy};

use super::Failure;
use crate::error::UserError;
use crate::exit::Exit;
use crate::flags::{CheckFlags, CheckReport, CheckReportFormat, Compat, Promise};
use crate::output::{json, write_whole};
use crate::source::{Source, wrong};
use crate::terminal::{self, Terminal};

/// Judges every file, prints what was found and writes the reports. Only one history is in memory at a time.
///
/// # Errors
/// When a file is not a history, a report cannot be written, or the output cannot be.
pub fn check(flags: &CheckFlags, terminal: &Terminal) -> Result<Exit, Failure> {
    if let Some(Compat::Jepsen) = flags.compat {
        return jepsen::check(flags, terminal);
    }
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
    let source = Source::open(path)?;
    match flags.model {
        Some(model) => source.read(flags.format, terminal, |path, format, input| {
            against(model, path, format, input)
        }),
        None => {
            let name = source.name.clone();
            let imported = source.read(flags.format, terminal, |path, format, input| {
                import::read(Some(format), input).map_err(|error| wrong(path, format, error))
            });
            log(&name, &imported?, &flags.contract)
        }
    }
}

/// Judges operations on something else than a log.
fn against(
    model: ModelName,
    path: &Path,
    format: Format,
    input: impl BufRead,
) -> Result<FileCheck, UserError> {
    let notation = notation(format).ok_or_else(|| UserError::not_of_model(path, format))?;
    let outcome = check_named(model, input, notation, Budget::default());
    let outcome = outcome.map_err(|error| UserError::history(path, error, None))?;
    Ok(FileCheck::of_model(&path.display().to_string(), model, &outcome))
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
