//! The terminal: what it can show, and how text gets to it.

use std::env;
use std::io::{self, IsTerminal, Write};

use ktrial_reports::Look;

use crate::flags::{Color, TerminalFlags};

/// The width of what is no terminal, and of a terminal that does not say.
const WIDTH: u16 = 100;

/// What the terminal can show.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// The look of what goes to standard output.
    pub out: Look,
    /// The look of what goes to standard error.
    pub err: Look,
    /// Whether a line may be drawn over and over on standard error.
    pub live: bool,
    /// Whether nothing but the result is wanted.
    pub quiet: bool,
    /// Whether all there is to say is wanted.
    pub verbose: bool,
}

impl Terminal {
    /// What this process's terminal can show.
    pub fn new(flags: &TerminalFlags) -> Self {
        let width = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let look = |tty: bool| Look {
            width: width.filter(|width| *width >= 40).unwrap_or(WIDTH),
            ascii: flags.ascii,
            color: colored(flags.color, tty),
        };
        let err_tty = io::stderr().is_terminal();
        Self {
            out: look(io::stdout().is_terminal()),
            err: look(err_tty),
            live: err_tty && !is_set("CI"),
            quiet: flags.quiet,
            verbose: flags.verbose,
        }
    }
}

/// Whether to use colours: as told, else as <https://no-color.org> and <https://bixense.com/clicolors> have it.
fn colored(color: Color, tty: bool) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if is_set("NO_COLOR") => false,
        Color::Auto if env::var("CLICOLOR_FORCE").is_ok_and(|force| force != "0") => true,
        Color::Auto => tty && env::var("TERM").as_deref() != Ok("dumb"),
    }
}

fn is_set(variable: &str) -> bool {
    env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// Writes to standard output.
///
/// # Errors
/// When nobody reads any more, or the disk behind it is full.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}
