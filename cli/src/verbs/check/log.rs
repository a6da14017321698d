//! The history of a log, judged by what was promised.

use std::path::Path;

use ktrial_checker::contract::Contract;
use ktrial_checker::import::{self, Imported};
use ktrial_reports::{FileCheck, PromisedBy};

use crate::error::UserError;
use crate::flags::{CheckFlags, Promise};
use crate::merged::merged as read_merged;
use crate::source::{Source, wrong};
use crate::terminal::Terminal;

/// The judgement of one file.
pub(super) fn judged(
    path: &Path,
    flags: &CheckFlags,
    terminal: &Terminal,
) -> Result<FileCheck, UserError> {
    let source = Source::open(path)?;
    let name = source.name.display().to_string();
    let imported = source.read(flags.format, terminal, |path, format, input| {
        import::read(Some(format), input).map_err(|error| wrong(path, format, error))
    })?;
    of_history(&name, &imported, &flags.contract)
}

/// The judgement of all files as one history.
pub(super) fn merged(flags: &CheckFlags, terminal: &Terminal) -> Result<FileCheck, UserError> {
    let (imported, warnings) = read_merged(&flags.files, flags.format, terminal)?;
    let names: Vec<_> = flags.files.iter().map(|path| path.display().to_string()).collect();
    let mut check = of_history(&names.join(" + "), &imported, &flags.contract)?;
    check.warnings.splice(0..0, warnings);
    Ok(check)
}

fn of_history(
    name: &str,
    imported: &Imported,
    promises: &[Promise],
) -> Result<FileCheck, UserError> {
    let of_header = Contract::of_config(&imported.config);
    let of_header = of_header.map_err(|error| UserError::header(Path::new(name), &error))?;
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
    Ok(FileCheck::new(name, imported, &judgement, &contract, promised_by))
}
