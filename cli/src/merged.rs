//! Files of several clients of one run, read as one history.

use std::path::{Path, PathBuf};

use ktrial_checker::import::{Format, Imported, Merged};

use crate::error::UserError;
use crate::flags::HistoryFormat;
use crate::source::{Source, wrong};
use crate::terminal::Terminal;

/// Reads all files as one history; the first one's format is that of all. Also returns which of them are cut short, a sentence
/// each.
///
/// # Errors
/// When a file cannot be read, is of another format, or cannot be merged because it is of all clients already.
pub fn merged(
    paths: &[PathBuf],
    asked: Option<HistoryFormat>,
    terminal: &Terminal,
) -> Result<(Imported, Vec<String>), UserError> {
    let mut history: Option<(Format, Merged)> = None;
    let mut warnings = Vec::new();
    for path in paths {
        let cut_line = Source::open(path)?.read(asked, terminal, |path, format, input| {
            let (first, merged) = match &mut history {
                Some(begun) => begun,
                None => {
                    let merged = Merged::of(format);
                    let merged = merged.ok_or_else(|| UserError::not_merged(path, format))?;
                    history.insert((format, merged))
                }
            };
            if *first != format {
                return Err(UserError::of_other_format(path, format, *first));
            }
            merged.read(&client(path), input).map_err(|error| wrong(path, format, error))
        })?;
        warnings.extend(cut_line.map(|line| cut(path, line)));
    }
    let (_, merged) = history.expect("the command line names a file");
    Ok((merged.finish(), warnings))
}

/// That a file is cut short.
pub fn cut(path: &Path, line: u64) -> String {
    format!("{}: the file ends in the middle of line {line}, which was left out", path.display())
}

/// A client is called as its file.
fn client(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
