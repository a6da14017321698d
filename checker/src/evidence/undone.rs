//! Polls that came to nothing: a group that commits its offsets in transactions was handed records, and no commit is known
//! to have followed.
//!
//! ```text
//!   poll 0, 1    abort    poll 0, 1, 2    commit        the first poll is undone: 0 and 1 were processed once
//! ```
//! An aborted transaction takes back what was made of its records, so that handing them out again is no second processing;
//! of one whose outcome nobody learnt, nobody can say so.

use super::Evidence;
use crate::history::{Event, OpId, What};
use std::collections::BTreeSet;

/// Finds them among the polls of groups that commit in transactions. O(events * log polls).
pub(super) fn undone_polls(evidence: &Evidence<'_>) -> BTreeSet<OpId> {
    let mut undone = BTreeSet::new();
    if evidence.transactions.is_empty() {
        return undone;
    }
    let mut pending = vec![Vec::new(); evidence.history.sessions().count()];
    for (op, event) in evidence.events_but_sends() {
        let pending = &mut pending[event.process.0 as usize];
        match event.what {
            What::Polled { .. } if is_transactional(evidence, event) => pending.push(op),
            What::CommitInvoked { .. } => pending.clear(),
            What::TxnCommitted { txn, .. }
            | What::TxnAborted { txn }
            | What::TxnUnknown { txn, .. } => {
                let polls = pending.drain(..);
                undone.extend(polls.filter(|_| !is_committed(evidence, txn)));
            }
            _ => {}
        }
    }
    undone.extend(pending.into_iter().flatten());
    undone
}

fn is_transactional(evidence: &Evidence<'_>, event: &Event) -> bool {
    let group = evidence.history.session(event.process).group;
    group.is_some_and(|group| evidence.commits_in_transactions(group))
}

fn is_committed(evidence: &Evidence<'_>, txn: OpId) -> bool {
    let txn = evidence.transactions.find(txn);
    txn.is_some_and(|txn| evidence.transactions.get(txn).is_committed())
}
