//! What is wrong with a file that is no history.

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

/// The line in whose middle a file ends, if that is all that is wrong with it: what was read before it is good. In the
/// middle of its first line, a file is no history.
pub(crate) fn cut_line(read: Result<(), ReadError>) -> Result<Option<u64>, ReadError> {
    match read {
        Ok(()) => Ok(None),
        Err(ReadError::Truncated { line: line @ 2.. }) => Ok(Some(line)),
        Err(error) => Err(error),
    }
}

fn at(column: usize) -> String {
    if column == 0 { String::new() } else { format!(", column {column}") }
}

/// What is wrong with a line whose number only the caller knows.
#[derive(Debug)]
pub(crate) struct Problem {
    /// From 1, or 0 if the line as a whole is at fault.
    pub(crate) column: usize,
    /// What is wrong, and what was expected.
    pub(crate) text: String,
    /// The text ended too early.
    pub(crate) is_cut: bool,
}

impl Problem {
    /// The line as a whole is at fault.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Problem { column: 0, text: text.into(), is_cut: false }
    }

    /// The byte `at`, from 0, is wrong.
    pub(crate) fn here(at: usize, text: impl Into<String>) -> Self {
        Problem { column: at + 1, text: text.into(), is_cut: false }
    }

    /// The error of a file with this problem in `line`. Only the last line is not whole: it has no line feed.
    pub(crate) fn at(self, line: u64, is_whole: bool) -> ReadError {
        if self.is_cut && !is_whole {
            return ReadError::Truncated { line };
        }
        ReadError::Malformed { line, column: self.column, problem: self.text }
    }
}

impl From<serde_json::Error> for Problem {
    fn from(error: serde_json::Error) -> Self {
        let text = error.to_string();
        // The error names its place itself, counted from where parsing began; only `at` knows where that is.
        let text = text.split(" at line ").next().unwrap_or_default().to_owned();
        Problem { column: error.column(), text, is_cut: error.is_eof() }
    }
}
