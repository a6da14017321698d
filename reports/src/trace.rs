//! One line of a told trial: time, node, what happened, and why.

use ktrial_scenarios::run::TraceLine;

use crate::look::Look;
use crate::number::seconds;

/// The line of one event: `1.204000s  broker-1     e412   acknowledges orders-0@42  (e409)`.
#[must_use]
pub fn trace_line(line: &TraceLine, look: &Look) -> String {
    let TraceLine { event, cause, at_ns, node, what } = line;
    let arrow = look.text("←", "<-");
    let why = cause.map_or_else(String::new, |cause| format!("  {arrow} e{cause}"));
    let (time, event) = (seconds(*at_ns), format!("e{event}"));
    format!("{time:>11}  {node:<12}  {event:<7} {}{why}", look.plain(what))
}
