//! Histories that are kept: what the clients of each trial did and saw, as `klog/1` files for `ktrial check`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ktrial_checker::klog;

use crate::run::Recording;
use crate::whole_file::write_whole;

/// What the name of a history ends in.
pub const HISTORY_SUFFIX: &str = ".klog.jsonl";

/// A history cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct HistoryError {
    /// The file.
    pub path: PathBuf,
    /// What the operating system says.
    pub source: io::Error,
}

/// Where the history of a seed is kept.
pub(super) fn path(folder: &Path, scenario: &str, seed: u64) -> PathBuf {
    folder.join(format!("{scenario}-{seed}{HISTORY_SUFFIX}"))
}

/// Keeps a history, whole or not at all.
///
/// # Errors
/// When the folder or the file cannot be written.
pub(super) fn keep(
    folder: &Path,
    scenario: &str,
    seed: u64,
    recording: &Recording,
) -> Result<(), HistoryError> {
    let path = path(folder, scenario, seed);
    let write =
        |out: &mut _| klog::write_with_contract(&recording.history, &recording.contract, out);
    fs::create_dir_all(folder)
        .and_then(|()| write_whole(&path, write))
        .map_err(|source| HistoryError { path, source })
}
