//! Models of what people build on a log, and of the log.

pub mod append_log;
pub mod key_value;
pub mod list;
pub mod multi_register;
pub mod queue;
pub mod register;

use std::fmt::Display;

/// How many elements of a list are told; of a longer one, the last.
const TOLD_MAX: usize = 10;

/// `[1, 2, 3]`, or `[... 41 more, 42, 43]`
fn told_list<V: Display>(values: &[V]) -> String {
    let hidden = values.len().saturating_sub(TOLD_MAX);
    told_end(hidden as u64, &values[hidden..])
}

fn told_end<V: Display>(hidden: u64, values: &[V]) -> String {
    let more = (hidden > 0).then(|| format!("... {hidden} before"));
    let told: Vec<_> = more.into_iter().chain(values.iter().map(V::to_string)).collect();
    format!("[{}]", told.join(", "))
}
