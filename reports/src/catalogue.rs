//! The list of the catalogue: each scenario's name, the question it asks, and the change its twin makes.

use anstyle::Style;
use ktrial_scenarios::format::Scenario;

use crate::look::Look;
use crate::wrap::wrapped;

/// What the lines below a name are indented by.
const INDENT: &str = "    ";

/// The list of scenarios.
#[must_use]
pub fn catalogue<'a>(scenarios: impl IntoIterator<Item = &'a Scenario>, look: &Look) -> String {
    scenarios.into_iter().map(|scenario| entry(scenario, look)).collect()
}

fn entry(scenario: &Scenario, look: &Look) -> String {
    let name = look.paint(Style::new().bold(), &look.plain(&scenario.name));
    let question = wrapped(&look.plain(&scenario.title), INDENT, look.width);
    let changes = scenario.twin.iter().flat_map(|twin| twin.set.iter());
    let twin: String = changes
        .map(|(key, value)| format!("{INDENT}twin: {}\n", look.plain(&format!("{key}={value}"))))
        .collect();
    format!("{name}\n{question}{}", look.paint(Style::new().dimmed(), twin.trim_end()) + "\n")
}
