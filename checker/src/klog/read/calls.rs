//! Operations that were invoked and wait for their completion.

use crate::history::{OpId, Time};
use std::collections::VecDeque;

/// An invocation without completion yet.
#[derive(Clone, Copy, Debug)]
pub(super) enum Open {
    /// Sends, as consecutive operations.
    Sends(Ops),
    Poll(Time),
    Txn(OpId, Ops),
    Commit(OpId),
    Committed(OpId),
    ListOffsets(Time, Ops),
    Init(Time),
}

/// Consecutive operations of a history.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ops {
    pub(super) first: OpId,
    pub(super) len: u32,
}

impl Ops {
    pub(super) fn iter(self) -> impl Iterator<Item = OpId> {
        (self.first.0..self.first.0 + self.len).map(OpId)
    }
}

/// The open calls of one process. Calls are mostly numbered upwards and completed in about that order, so a queue sorted
/// by number finds each at once or in O(log open).
#[derive(Debug, Default)]
pub(super) struct Calls {
    numbered: VecDeque<(u64, Option<Open>)>,
    open: usize,
    /// The one without a number: each such call replaces the one before, which nobody completed.
    unnumbered: Option<Open>,
    /// The transaction without a number: what is done in it has calls of its own.
    unnumbered_txn: Option<Open>,
    /// How many calls without a number were replaced in this way.
    left_open: u64,
}

/// Completed calls are swept out when they outnumber the open ones by this factor.
const SWEEP_FACTOR: usize = 2;

impl Calls {
    /// A call begins. One of the same number that is still open stays so for good.
    pub(super) fn begin(&mut self, call: Option<u64>, operation: Open) {
        let Some(number) = call else {
            let unnumbered = match operation {
                Open::Txn(..) => &mut self.unnumbered_txn,
                _ => &mut self.unnumbered,
            };
            self.left_open += u64::from(unnumbered.replace(operation).is_some());
            return;
        };
        let place = match self.numbered.back() {
            Some(&(last, _)) if last >= number => {
                self.numbered.partition_point(|&(other, _)| other < number)
            }
            _ => self.numbered.len(),
        };
        match self.numbered.get_mut(place) {
            Some((same, slot)) if *same == number => {
                self.open += usize::from(slot.is_none());
                *slot = Some(operation);
            }
            _ => {
                self.numbered.insert(place, (number, Some(operation)));
                self.open += 1;
            }
        }
    }

    /// The operation that the call began, if it is open.
    pub(super) fn complete(&mut self, call: Option<u64>) -> Option<Open> {
        let Some(number) = call else { return self.unnumbered.take() };
        let place = self.numbered.binary_search_by_key(&number, |&(number, _)| number).ok()?;
        let operation = self.numbered[place].1.take()?;
        self.open -= 1;
        self.sweep();
        Some(operation)
    }

    /// The same for the end of a transaction.
    pub(super) fn complete_txn(&mut self, call: Option<u64>) -> Option<Open> {
        match call {
            Some(_) => self.complete(call),
            None => self.unnumbered_txn.take(),
        }
    }

    /// How many calls without a number were never completed, because another one was begun.
    pub(super) fn left_open(&self) -> u64 {
        self.left_open
    }

    fn sweep(&mut self) {
        while let Some((_, None)) = self.numbered.front() {
            self.numbered.pop_front();
        }
        if self.numbered.len() > SWEEP_FACTOR * self.open + 16 {
            self.numbered.retain(|(_, operation)| operation.is_some());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn what_is_done_in_a_transaction_does_not_replace_it() {
        let mut calls = Calls::default();
        let sends = Ops { first: OpId(0), len: 0 };
        calls.begin(None, Open::Txn(OpId(0), sends));
        calls.begin(None, Open::Commit(OpId(1)));
        assert!(matches!(calls.complete(None), Some(Open::Commit(OpId(1)))));
        assert!(matches!(calls.complete_txn(None), Some(Open::Txn(OpId(0), _))));
        assert!(calls.complete_txn(None).is_none());
        assert_eq!(calls.left_open(), 0);
        calls.begin(None, Open::Commit(OpId(2)));
        calls.begin(None, Open::Commit(OpId(3)));
        assert_eq!(calls.left_open(), 1);
    }

    proptest! {
        #[test]
        fn behaves_like_a_map(steps in proptest::collection::vec((0_u64..40, any::<bool>()), 0..300)) {
            let (mut calls, mut map) = (Calls::default(), BTreeMap::new());
            for (step, (number, begins)) in (0..).zip(steps) {
                if begins {
                    calls.begin(Some(number), Open::Commit(OpId(step)));
                    map.insert(number, step);
                } else {
                    let completed = calls.complete(Some(number)).map(|operation| match operation {
                        Open::Commit(op) => op.0,
                        other => panic!("{other:?} was never begun"),
                    });
                    prop_assert_eq!(completed, map.remove(&number));
                }
                prop_assert!(calls.numbered.len() <= SWEEP_FACTOR * map.len() + 17);
            }
        }
    }
}
