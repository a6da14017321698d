//! Claim: nobody reads a record of an aborted transaction, neither while the history lasts nor in the log at rest.
//!
//! O(transactions + their sends), given who read of each first. What the log holds at rest is the graver finding
//! (`aborted-visible`): a reader with `isolation.level=read_uncommitted` passes, a log that forgot the abort stays.

use crate::anomaly::{AnomalyKind, Role};
use crate::evidence::Evidence;
use crate::evidence::sends::Outcome;
use crate::evidence::sightings::{AtRest, FirstRead};
use crate::evidence::transactions::Txn;
use crate::findings::{Findings, Proof};

/// Looks for reads of every aborted transaction.
pub(crate) fn judge(
    evidence: &Evidence<'_>,
    first_reads: &[Option<FirstRead>],
    findings: &mut Findings<'_>,
) {
    for ((_, txn), first) in evidence.transactions.iter().zip(first_reads) {
        let Some(first) = first.filter(|_| txn.outcome == Outcome::Aborted) else { continue };
        let visible = AtRest::of(evidence, txn).present;
        let kind = match visible[..] {
            [] => AnomalyKind::AbortedTransactionRead,
            _ => AnomalyKind::AbortedVisible,
        };
        findings.report(kind, visible.len() as u64, || prove(evidence, txn, &first, visible.len()));
    }
}

fn prove(evidence: &Evidence<'_>, txn: &Txn, first: &FirstRead, visible: usize) -> Proof {
    let send = evidence.sends.get(first.send);
    let offset = evidence.log(first.key).places.offset(first.seen.slot);
    let mut ops = vec![(send.op, Role::Writer), (first.seen.reader, Role::Reader)];
    ops.extend(txn.decided.map(|decided| (decided, Role::TransactionEnd)));
    let mut explain = vec![
        evidence.tell_send(send),
        evidence.tell_read(first.seen.reader, first.key, offset, first.seen.value),
    ];
    if visible > 0 {
        let sent = txn.sends.len();
        explain.push(format!("At rest, the logs hold {visible} of the {sent} records it sent."));
    }
    Proof { key: first.key, offsets: vec![offset], ops, missing: vec![], explain }
}
