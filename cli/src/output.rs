//! Reports as files.

use std::io::Write;
use std::path::Path;

use ktrial_scenarios::whole_file::write_whole;
use serde::Serialize;

use crate::error::UserError;

/// Writes a report into its file, whole or not at all.
///
/// # Errors
/// When the file cannot be written.
pub fn write_report(path: &Path, text: &str) -> Result<(), UserError> {
    write_whole(path, |out| out.write_all(text.as_bytes()))
        .map_err(|cause| UserError::file(path, cause))
}

/// A report as JSON.
pub fn json(report: &impl Serialize) -> String {
    serde_json::to_string_pretty(report).expect("a report always has a JSON form") + "\n"
}
