//! `ktrial merge`: the results of several runs, judged together.

use ktrial_scenarios::campaign;

use super::Failure;
use crate::exit::Exit;
use crate::flags::MergeFlags;
use crate::terminal::Terminal;

/// Joins results and prints the table.
///
/// # Errors
/// When a results file cannot be used, or the output cannot be written.
pub fn merge(flags: &MergeFlags, terminal: &Terminal) -> Result<Exit, Failure> {
    let campaigns = campaign::merge(&flags.folders)?;
    super::run::conclude(&campaigns, &flags.reports, terminal)
}
