//! Counterexamples and progress in sentences.

use super::case::{CaseCall, Operations};
use super::model::Model;
use super::verdict::{Counterexample, Progress};
use crate::counted::counted;

/// What the sentences speak of.
pub(super) struct Teller<'a, M: Model> {
    pub(super) model: &'a M,
    pub(super) operations: &'a Operations<M>,
    pub(super) partition: Option<String>,
}

impl<M: Model> Teller<'_, M> {
    /// `write 3 by process 1 (4 to 9)`
    fn operation(&self, op: usize) -> String {
        let operation = &self.operations[op];
        let described = self.model.describe(&operation.input, operation.output());
        let until =
            operation.returned().map_or(", no response".to_owned(), |at| format!(" to {at}"));
        format!("`{described}` by process {} ({}{until})", operation.process, operation.invoked)
    }

    pub(super) fn explain(&self, found: &Counterexample) -> Vec<String> {
        let before = if found.is_minimal { "; everything before it can be explained" } else { "" };
        let failing = self.operation(found.failing);
        let mut explain =
            vec![format!("Nothing explains the response of {failing}{}{before}.", self.place())];
        explain.extend(states(found));
        match found.core.len() {
            1 => explain.push("This response alone is impossible.".to_owned()),
            count => {
                let fewer = match found.is_minimal {
                    true => "",
                    false => "; the budget did not suffice to know whether fewer of them do",
                };
                explain.push(format!("These {count} responses contradict each other{fewer}:"));
                explain.extend(found.core.iter().map(|&op| format!("{}.", self.operation(op))));
            }
        }
        explain.extend(others(found));
        explain
    }

    pub(super) fn progress(
        &self,
        case: &[CaseCall],
        op: u32,
        frontier: usize,
        partial: Vec<usize>,
    ) -> Progress {
        let (operations, reached) = (case.len(), op as usize);
        let explain = vec![
            format!(
                "The budget was used up{} before it was known whether the history is linearizable.",
                self.place()
            ),
            format!(
                "The first response not explained so far is that of {}.",
                self.operation(reached)
            ),
            format!(
                "The longest explanation found has {} of {}, with {} in hand.",
                partial.len(),
                counted(operations as u64, "operation"),
                counted(frontier as u64, "other")
            ),
        ];
        let partition = self.partition.clone();
        Progress { partition, operations, reached, frontier, partial, explain }
    }

    /// ` in partition x`, if there are partitions.
    fn place(&self) -> String {
        self.partition.as_ref().map_or(String::new(), |key| format!(" in partition {key}"))
    }
}

fn states(found: &Counterexample) -> Option<String> {
    let (last, first) = found.states.split_last()?;
    let hidden = found.states_count - found.states.len();
    Some(match (first, hidden) {
        ([], 0) => format!("Before it takes effect, the state can only be {last}."),
        (_, 0) => {
            format!("Before it takes effect, the state is {} or {last}.", first.join(", "))
        }
        _ => format!(
            "Before it takes effect, the state is one of {}, {last} and {}.",
            first.join(", "),
            counted(hidden as u64, "other")
        ),
    })
}

fn others(found: &Counterexample) -> Vec<String> {
    let mut others = Vec::new();
    let rest = found.prefix - found.core.len();
    if rest > 0 {
        others.push(format!(
            "That holds whenever {} took effect after being invoked, or if never.",
            counted(rest as u64, "other operation")
        ));
    }
    if found.is_minimal && found.core.len() > 1 {
        others.push(
            "If any one of these responses were unknown, the rest could be explained.".to_owned(),
        );
    }
    others
}
