//! Operations on something else than a log, judged against a model.

use std::path::Path;

use ktrial_checker::import::Format;
use ktrial_checker::linearizability::{Budget, ModelName, Notation, check_named};
use ktrial_reports::FileCheck;

use crate::error::UserError;
use crate::flags::CheckFlags;
use crate::source::Source;
use crate::terminal::Terminal;

/// The judgement of one file.
pub(super) fn judged(
    model: ModelName,
    path: &Path,
    flags: &CheckFlags,
    terminal: &Terminal,
) -> Result<FileCheck, UserError> {
    let configurations = flags.budget.unwrap_or(Budget::default().configurations);
    let budget = Budget { configurations, ..Budget::default() };
    Source::open(path)?.read(flags.format, terminal, |path, format, input| {
        let notation = notation(format).ok_or_else(|| UserError::not_of_model(path, format))?;
        let outcome = check_named(model, input, notation, budget);
        let outcome = outcome.map_err(|error| UserError::history(path, error, None))?;
        Ok(FileCheck::of_model(&path.display().to_string(), model, &outcome))
    })
}

/// The notation in which a file can have the operations of a model.
fn notation(format: Format) -> Option<Notation> {
    match format {
        Format::Klog => Some(Notation::Json),
        Format::Edn => Some(Notation::Edn),
        Format::Verifiable | Format::Dump => None,
    }
}
