//! Files that are written whole or not at all.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::error::UserError;

/// Writes a file under another name first, so that whoever reads it finds all of it, or what was there before.
///
/// # Errors
/// When the file cannot be written.
pub fn write_whole(path: &Path, text: &str) -> Result<(), UserError> {
    let unfinished = path.with_extension("unfinished");
    fs::write(&unfinished, text)
        .and_then(|()| fs::rename(&unfinished, path))
        .map_err(|cause| UserError::File { path: path.to_owned(), cause })
}

/// A report as JSON.
pub fn json(report: &impl Serialize) -> String {
    serde_json::to_string_pretty(report).expect("a report always has a JSON form") + "\n"
}
