//! Claim: at rest, the logs hold all records of a committed transaction.
//!
//! O(sends in transactions). While the history lasts, one partition may show its part before another does: a commit is
//! acknowledged once it is decided, and the markers are written after that (KIP-98). At rest that is over. A transaction
//! whose outcome nobody learnt is committed if a reader of committed records saw one of its records, and then all of it
//! must be there. Records of committed transactions that are gone are losses too ([`durability`](super::durability)).

use crate::anomaly::{AnomalyKind, Role};
use crate::counted::counted;
use crate::evidence::Evidence;
use crate::evidence::sends::{Send, SendId};
use crate::evidence::sightings::AtRest;
use crate::evidence::transactions::Txn;
use crate::findings::{Findings, Proof};
use crate::history::{Offset, Value};
use crate::verdict::Coverage;

/// Looks for all records of every committed transaction.
pub(crate) fn judge(evidence: &Evidence<'_>, findings: &mut Findings<'_>, coverage: &mut Coverage) {
    for (_, txn) in evidence.transactions.iter().filter(|(_, txn)| !txn.sends.is_empty()) {
        let at_rest = AtRest::of(evidence, txn);
        coverage.transactions += 1;
        coverage.transactions_judged += u64::from(at_rest.unread == 0);
        let Some(&missing) = at_rest.absent.first().filter(|_| txn.is_committed()) else {
            continue;
        };
        let weight = at_rest.absent.len() as u64;
        match at_rest.present.first() {
            Some(&present) => findings.report(AnomalyKind::TornTransaction, weight, || {
                prove(evidence, txn, &at_rest, Some(present), missing)
            }),
            None if at_rest.unread == 0 => {
                findings.report(AnomalyKind::LostTransaction, weight, || {
                    prove(evidence, txn, &at_rest, None, missing)
                })
            }
            None => {}
        }
    }
}

fn prove(
    evidence: &Evidence<'_>,
    txn: &Txn,
    at_rest: &AtRest,
    present: Option<SendId>,
    missing: SendId,
) -> Proof {
    let (missing, present) =
        (evidence.sends.get(missing), present.map(|present| evidence.sends.get(present)));
    let log = evidence.log(missing.key);
    let mut ops: Vec<_> =
        present.into_iter().chain([missing]).map(|send| (send.op, Role::Writer)).collect();
    ops.extend(txn.decided.map(|decided| (decided, Role::TransactionEnd)));
    ops.extend(log.at_rest.map(|read| (read.op, Role::FinalReader)));
    let mut explain = vec![evidence.tell_send(missing)];
    explain.push(format!("At rest, {} does not hold it.", evidence.key_name(missing.key)));
    if let Some((present, offset)) =
        present.and_then(|send| Some((send, offset_of(evidence, send)?)))
    {
        explain.push(evidence.tell_send(present));
        explain.push(format!("That one is there, at offset {offset}."));
    }
    let (absent, sent) = (at_rest.absent.len(), counted(txn.sends.len() as u64, "record"));
    explain.push(format!("Of {sent} of one transaction, the log at rest lacks {absent}."));
    let record = |&id: &SendId| -> (Offset, Value) {
        let send = evidence.sends.get(id);
        (send.offset(evidence.history), send.value(evidence.history))
    };
    Proof {
        key: missing.key,
        offsets: missing.offset(evidence.history).known().into_iter().collect(),
        ops,
        missing: at_rest.absent.iter().map(record).collect(),
        explain,
    }
}

fn offset_of(evidence: &Evidence<'_>, send: &Send) -> Option<Offset> {
    send.place.map(|place| evidence.log(send.key).places.offset(place))
}
