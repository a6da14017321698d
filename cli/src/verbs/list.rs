//! `ktrial list`: the catalogue.

use ktrial_scenarios::catalogue::{ENTRIES, Entry};

use super::Failure;
use crate::exit::Exit;
use crate::terminal::{self, Terminal};

/// Prints the catalogue as a table, or its names alone.
///
/// # Errors
/// When the output cannot be written.
pub fn list(names: bool, terminal: &Terminal) -> Result<Exit, Failure> {
    let text = if names {
        ENTRIES.iter().map(|entry| format!("{}\n", entry.name)).collect()
    } else {
        let scenarios: Vec<_> = ENTRIES.iter().map(Entry::scenario).collect();
        ktrial_reports::catalogue(&scenarios, &terminal.out)
    };
    terminal::print(&text).map_err(Failure::Output)?;
    Ok(Exit::Held)
}
