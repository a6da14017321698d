//! Claim: two transactions of one `transactional.id` do not interleave in a partition.
//!
//! O(slots * log transactions). Transactions of different producers may, and do. Those of one process come in its order or
//! break it ([`producer_order`](super::producer_order)), and an older life behind a newer one is a zombie
//! ([`zombies`](super::zombies)); this judge looks at processes that share an id and an epoch.

use crate::anomaly::{AnomalyKind, Role};
use crate::evidence::Evidence;
use crate::evidence::log::Log;
use crate::evidence::producers::{Lineage, Producers};
use crate::evidence::sends::SendId;
use crate::evidence::sends::TxnId;
use crate::findings::{Findings, Proof};
use crate::history::Key;
use std::collections::BTreeMap;

/// Follows every `transactional.id` through every log.
pub(crate) fn judge(
    evidence: &Evidence<'_>,
    producers: &Producers<'_>,
    findings: &mut Findings<'_>,
) {
    for (key, log) in evidence.keyed_logs() {
        let mut last: BTreeMap<Lineage, SendId> = BTreeMap::new();
        let mut first: BTreeMap<TxnId, SendId> = BTreeMap::new();
        for (_, writer) in evidence.in_place(key) {
            let (Some(producer), Some(txn)) =
                (producers.of(writer), evidence.sends.get(writer).txn())
            else {
                continue;
            };
            let began = *first.entry(txn).or_insert(writer);
            let before = last.insert(producers.lineage(producer), writer).unwrap_or(writer);
            if began != writer && is_other(evidence, producers, before, writer) {
                findings.report(AnomalyKind::TransactionInterleaving, 0, || {
                    prove(evidence, key, log, [began, before, writer])
                });
            }
        }
    }
}

/// Whether a record belongs to another transaction than the one before, of another process in the same epoch.
fn is_other(
    evidence: &Evidence<'_>,
    producers: &Producers<'_>,
    before: SendId,
    next: SendId,
) -> bool {
    let [one, other] = [before, next].map(|send| evidence.sends.get(send));
    let older = producers.of(before).zip(producers.of(next)).is_some_and(|(before, next)| {
        producers.is_older(next, before) || producers.is_older(before, next)
    });
    one.txn() != other.txn() && one.process != other.process && !older
}

fn prove(evidence: &Evidence<'_>, key: Key, log: &Log, sends: [SendId; 3]) -> Proof {
    let sends = sends.map(|send| evidence.sends.get(send));
    let offsets = sends.iter().filter_map(|send| Some(log.places.offset(send.place?))).collect();
    let mut explain: Vec<_> = sends.iter().map(|send| evidence.tell_send(send)).collect();
    explain.push(
        "The second one's transaction, of the same transactional.id, lies amid the other's."
            .to_owned(),
    );
    let ops = sends.iter().map(|send| (send.op, Role::Writer)).collect();
    Proof { key, offsets, ops, missing: vec![], explain }
}
