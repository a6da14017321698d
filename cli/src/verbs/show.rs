//! `ktrial show`: a scenario of the catalogue as the file it is.

use ktrial_scenarios::catalogue::{self, ENTRIES};

use super::Failure;
use crate::error::UserError;
use crate::exit::Exit;
use crate::terminal;

/// Prints the file of a scenario, or the file that its twin would have.
///
/// # Errors
/// When the name is unknown, or the output cannot be written.
pub fn show(name: &str) -> Result<Exit, Failure> {
    let entry = ENTRIES.iter().find(|entry| entry.name == name);
    let text = match entry {
        Some(entry) => entry.source.to_owned(),
        None => twin(name)?,
    };
    terminal::print(&text).map_err(Failure::Output)?;
    Ok(Exit::Held)
}

fn twin(name: &str) -> Result<String, UserError> {
    let twin = catalogue::find(name).map(|twin| twin.to_toml());
    let known = catalogue::all().map(|scenario| scenario.name);
    twin.ok_or_else(|| UserError::unknown_scenario(name, known))
}
