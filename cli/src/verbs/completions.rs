//! `ktrial completions`: a script that makes a shell complete ktrial's command line.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::Failure;
use crate::exit::Exit;
use crate::flags::Flags;
use crate::terminal;

/// Prints a completion script.
///
/// # Errors
/// When the output cannot be written.
pub fn completions(shell: Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    generate(shell, &mut Flags::command(), "ktrial", &mut script);
    terminal::print(&String::from_utf8_lossy(&script)).map_err(Failure::Output)?;
    Ok(Exit::Held)
}
