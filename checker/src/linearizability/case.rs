//! A case: those calls of a history that are to be put into one order, and which of their responses count.
//!
//! All questions of the engine are cases: a partition; the same cut off at some event; the same with some responses
//! taken as unknown.

use super::model::Model;
use super::operation::Operation;

/// The operations of a history, as a model has them.
pub(super) type Operations<M> = [Operation<<M as Model>::Input, <M as Model>::Output>];

/// One call of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CaseCall {
    /// Its index in the history.
    pub(super) op: u32,
    /// Whether its response counts: if not, it may have taken effect at any moment, or never.
    pub(super) answered: bool,
}

/// Where an event stands: responses come after invocations of the same instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    instant: u64,
    is_return: bool,
    op: u32,
}

impl Moment {
    pub(super) fn invocation<I, O>(operations: &[Operation<I, O>], op: u32) -> Self {
        Moment { instant: operations[op as usize].invoked, is_return: false, op }
    }

    /// The response of an operation that has one.
    pub(super) fn response<I, O>(operations: &[Operation<I, O>], op: u32) -> Self {
        let returned = operations[op as usize].returned();
        let instant = returned.expect("only a response that there is can count");
        Moment { instant, is_return: true, op }
    }

    pub(super) fn op(self) -> u32 {
        self.op
    }

    pub(super) fn is_return(self) -> bool {
        self.is_return
    }
}

/// The case of these operations, each with its response if it has one.
pub(super) fn whole<I, O>(
    operations: &[Operation<I, O>],
    ops: impl IntoIterator<Item = u32>,
) -> Vec<CaseCall> {
    let answered = |op: u32| operations[op as usize].response.is_some();
    ops.into_iter().map(|op| CaseCall { op, answered: answered(op) }).collect()
}

/// What was known of a case at the moment `last`, inclusive: later calls are not there, later responses do not count.
pub(super) fn prefix<I, O>(
    operations: &[Operation<I, O>],
    case: &[CaseCall],
    last: Moment,
) -> Vec<CaseCall> {
    let invoked = case.iter().filter(|call| Moment::invocation(operations, call.op) <= last);
    let seen = |call: &CaseCall| {
        let answered = call.answered && Moment::response(operations, call.op) <= last;
        CaseCall { answered, ..*call }
    };
    invoked.map(seen).collect()
}

/// The events of a case up to its last response, in order, each with the index of its call in the case.
pub(super) fn moments<I, O>(
    operations: &[Operation<I, O>],
    case: &[CaseCall],
) -> Vec<(Moment, u32)> {
    let calls = || case.iter().zip(0_u32..);
    let invocations = calls().map(|(call, index)| (Moment::invocation(operations, call.op), index));
    let answered = calls().filter(|(call, _)| call.answered);
    let responses = answered.map(|(call, index)| (Moment::response(operations, call.op), index));
    let mut moments: Vec<_> = invocations.chain(responses).collect();
    moments.sort_unstable();
    let last = moments.iter().rposition(|(moment, _)| moment.is_return);
    moments.truncate(last.map_or(0, |last| last + 1));
    moments
}

/// Indices as users have them.
pub(super) fn indices(ops: &[u32]) -> Vec<usize> {
    ops.iter().map(|&op| op as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> Vec<Operation<u8, ()>> {
        vec![
            Operation::completed(0_u64, 1, 0, 4, ()),
            Operation::crashed(1_u64, 2, 1),
            Operation::completed(2_u64, 4, 2, 9, ()),
            Operation::crashed(3_u64, 10, 3),
        ]
    }

    #[test]
    fn an_invocation_comes_before_a_response_of_its_instant_and_nothing_after_the_last_response() {
        let history = history();
        let moments = moments(&history, &whole(&history, 0..4));
        let told: Vec<_> =
            moments.iter().map(|(moment, _)| (moment.op, moment.is_return)).collect();
        assert_eq!(told, [(0, false), (1, false), (2, false), (0, true), (2, true)]);
    }

    #[test]
    fn a_prefix_has_what_was_invoked_and_counts_what_was_answered() {
        let history = history();
        let case = whole(&history, 0..4);
        let cut = prefix(&history, &case, Moment::response(&history, 0));
        let told: Vec<_> = cut.iter().map(|call| (call.op, call.answered)).collect();
        assert_eq!(told, [(0, true), (1, false), (2, false)]);
        assert_eq!(prefix(&history, &case, Moment::response(&history, 2)), &case[..3]);
    }
}
