//! Claim: nobody reads a record of a transaction before its commit is asked for.
//!
//! O(transactions), given who read of each first. Where the history does not tell when a commit was asked for, it was not
//! before the last thing done in the transaction. Aborted transactions are judged elsewhere
//! ([`aborted_reads`](super::aborted_reads)). A cycle of transactions that read from each other implies an early read.

use crate::anomaly::{AnomalyKind, Role};
use crate::evidence::Evidence;
use crate::evidence::sends::Outcome;
use crate::evidence::sightings::FirstRead;
use crate::evidence::transactions::Txn;
use crate::findings::{Findings, Proof};
use crate::history::Time;

/// Compares the first read of each transaction with its commit.
pub(crate) fn judge(
    evidence: &Evidence<'_>,
    first_reads: &[Option<FirstRead>],
    findings: &mut Findings<'_>,
) {
    for ((_, txn), first) in evidence.transactions.iter().zip(first_reads) {
        let Some(first) = first.filter(|_| txn.outcome != Outcome::Aborted) else { continue };
        if let Some(open_until) = read_while_open(evidence, txn, &first) {
            let read_at = evidence.history.event(first.seen.reader).time;
            let weight = open_until.0 - read_at.0;
            findings.report(AnomalyKind::EarlyRead, weight, || {
                prove(evidence, txn, &first, open_until)
            });
        }
    }
}

/// Until when the transaction was open, if its first read came before that.
pub(super) fn read_while_open(
    evidence: &Evidence<'_>,
    txn: &Txn,
    first: &FirstRead,
) -> Option<Time> {
    let open_until = txn.open_until(evidence.history, &evidence.sends);
    evidence.ended_before(first.seen.reader, open_until).then_some(open_until)
}

fn prove(evidence: &Evidence<'_>, txn: &Txn, first: &FirstRead, open_until: Time) -> Proof {
    let send = evidence.sends.get(first.send);
    let offset = evidence.log(first.key).places.offset(first.seen.slot);
    let mut ops = vec![(send.op, Role::Writer), (first.seen.reader, Role::Reader)];
    ops.extend(txn.decided.map(|decided| (decided, Role::TransactionEnd)));
    let explain = vec![
        evidence.tell_send(send),
        evidence.tell_read(first.seen.reader, first.key, offset, first.seen.value),
        format!("Nobody asked to commit the transaction before {open_until}."),
    ];
    Proof { key: first.key, offsets: vec![offset], ops, missing: vec![], explain }
}
