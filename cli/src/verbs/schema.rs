//! `ktrial schema`: the JSON Schema of what ktrial reads and writes.

use ktrial_reports::Check;
use ktrial_scenarios::schema;

use super::Failure;
use crate::exit::Exit;
use crate::flags::SchemaOf;
use crate::terminal;

/// Prints a JSON Schema.
///
/// # Errors
/// When the output cannot be written.
pub fn schema(what: SchemaOf) -> Result<Exit, Failure> {
    let schema = match what {
        SchemaOf::Scenario => schema::scenario(),
        SchemaOf::Bundle => schema::bundle(),
        SchemaOf::Summary => schema::summary(),
        SchemaOf::Plan => schema::plan(),
        SchemaOf::Check => schema::of::<Check>(),
        SchemaOf::History => schema::history(),
    };
    let json = serde_json::to_string_pretty(&schema).expect("a schema always has a JSON form");
    terminal::print(&(json + "\n")).map_err(Failure::Output)?;
    Ok(Exit::Held)
}
