//! A file that holds a history, or standard input: opened, its format guessed, its reading shown.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use ktrial_checker::import::{self, Format, ReadError};

use crate::error::UserError;
use crate::flags::HistoryFormat;
use crate::progress::{Counted, Reading};
use crate::terminal::Terminal;

/// What the first line of a `klog/1` history has to be.
const NO_HEADER: &str =
    r#"a history is JSON lines, and the first is a header: {"h":"klog/1"} is the least"#;

/// What else a file may be that is no dump.
const NO_FORMAT: &str = r#"what begins otherwise than {"h":"klog/1"}, with EDN or with JSON is taken for a dump, a record a line; --format says what it is"#;

/// A history before it is read.
pub struct Source {
    /// How it is called.
    pub name: PathBuf,
    /// How long it is, if that is known.
    bytes: Option<u64>,
    input: Box<dyn BufRead>,
}

/// The input of a source, counted while it is read.
pub type Input<'r> = Counted<'r, Box<dyn BufRead>>;

impl Source {
    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(path: &Path) -> Result<Self, UserError> {
        if path == Path::new("-") {
            let (name, input) = ("standard input".into(), Box::new(io::stdin().lock()));
            return Ok(Self { name, bytes: None, input });
        }
        let file = File::open(path).map_err(|cause| UserError::file(path, cause))?;
        let bytes = file.metadata().map_err(|cause| UserError::file(path, cause))?.len();
        let input = Box::new(BufReader::with_capacity(1 << 16, file));
        Ok(Self { name: path.to_owned(), bytes: Some(bytes), input })
    }

    /// Reads it all by `parse`, in the format that is asked for or that it seems to be in.
    ///
    /// # Errors
    /// Those of the input and of `parse`.
    pub fn read<T, E: From<UserError>>(
        self,
        format: Option<HistoryFormat>,
        terminal: &Terminal,
        parse: impl FnOnce(&Path, Format, Input<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let Self { name, bytes, input } = self;
        let mut reading = Reading::start(terminal, &name.display().to_string(), bytes);
        let mut input = Counted::new(input, &mut reading);
        import::begin(&mut input).map_err(|error| UserError::history(&name, error, None))?;
        let start = input.fill_buf().map_err(|cause| UserError::file(&name, cause))?;
        let format = format.map_or_else(|| Format::guess(start), Format::from);
        let read = parse(&name, format, input);
        reading.finish();
        read
    }
}

/// What is wrong with a history of a log.
pub fn wrong(path: &Path, format: Format, error: ReadError) -> UserError {
    let help = match format {
        Format::Klog => Some(NO_HEADER),
        Format::Dump => Some(NO_FORMAT),
        Format::Edn | Format::Verifiable => None,
    };
    UserError::history(path, error, help)
}
