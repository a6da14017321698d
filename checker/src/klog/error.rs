//! What is wrong with a file that is no `klog/1`.

use std::io;
use thiserror::Error;

/// Why a history could not be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file could not be read at all.
    #[error("reading failed")]
    Io(#[from] io::Error),
    /// The file ends in the middle of a line, as one does whose writer was killed. All lines before are fine.
    #[error("line {line}: the file ends in the middle of this line")]
    Truncated {
        /// The line, from 1.
        line: u64,
    },
    /// A line is not what the format says.
    #[error("line {line}{at}: {problem}", at = at(*column))]
    Malformed {
        /// The line, from 1.
        line: u64,
        /// The column, from 1, or 0 if the line as a whole is at fault.
        column: usize,
        /// What is wrong, and what was expected.
        problem: String,
    },
}

fn at(column: usize) -> String {
    if column == 0 { String::new() } else { format!(", column {column}") }
}
