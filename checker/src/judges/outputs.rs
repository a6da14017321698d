//! Claim: of each record that a group's transactions consume, they make their outputs once.
//!
//! O(inputs named * log of them + slots), and free where no output names what it was made from. The intervals that
//! transactions consume ([`processing`](super::processing)) tell what a group says it is done with; outputs that name
//! their inputs tell what was done:
//!
//! ```text
//!   input        4       5       6       committed
//!   outputs      T1      T1, T2          T1 and T2      duplicate-output: 5
//!   consumed     T1      T2      T2                     missing-output: 6
//! ```
//! A record may go into several outputs of one transaction, and outputs of different groups are no duplicates. Only a
//! transaction whose outputs name inputs owes them. Groups that commit outside transactions too are passed over.

use crate::anomaly::{AnomalyKind, EXAMPLES_MAX, Role};
use crate::counted::counted;
use crate::evidence::Evidence;
use crate::evidence::intervals::{Consumption, Interval, consumed};
use crate::evidence::sends::TxnId;
use crate::evidence::sends::{Outcome, SendId};
use crate::evidence::table::Table;
use crate::evidence::transactions::Txn;
use crate::findings::{Findings, Proof};
use crate::history::{GroupId, Key, Offset, OpId, Value, What};
use crate::verdict::Coverage;
use std::collections::BTreeMap;

/// Compares what outputs were made from with each other and with what was consumed.
pub(crate) fn judge(
    evidence: &Evidence<'_>,
    consumption: &Table<Consumption>,
    findings: &mut Findings<'_>,
    coverage: &mut Coverage,
) {
    if !evidence.history.knows_inputs() {
        return;
    }
    let outputs = Outputs::of(evidence, consumption);
    coverage.inputs_named +=
        outputs.made.iter().filter(|made| outputs.is_committed(made)).count() as u64;
    outputs.duplicates(findings);
    outputs.missing(consumption, findings);
}

/// An output of a transaction that may be committed, and one of the records it was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Made {
    group: GroupId,
    key: Key,
    offset: Offset,
    txn: TxnId,
    output: SendId,
}

struct Outputs<'e, 'h> {
    evidence: &'e Evidence<'h>,
    /// Sorted.
    made: Vec<Made>,
}

/// An input of which an earlier transaction made an output too.
struct Again {
    key: Key,
    offset: Offset,
    outputs: [SendId; 2],
}

impl<'e, 'h> Outputs<'e, 'h> {
    fn of(evidence: &'e Evidence<'h>, consumption: &Table<Consumption>) -> Self {
        let mut made = Vec::new();
        for (txn, sent) in evidence.transactions.iter() {
            let Some(group) = group_of(evidence, sent) else { continue };
            for &output in sent.sends.iter().filter(|_| may_be_committed(sent)) {
                let inputs = inputs(evidence, output);
                made.extend(inputs.map(|(key, offset)| Made { group, key, offset, txn, output }));
            }
        }
        let is_mixed = |group: GroupId, key: Key| {
            consumption.get(group.0, key.0).is_some_and(|consumption| consumption.is_mixed)
        };
        made.retain(|made| !is_mixed(made.group, made.key));
        made.sort_unstable();
        Outputs { evidence, made }
    }

    /// Whether the output is in a log, and its transaction committed.
    fn is_committed(&self, made: &Made) -> bool {
        let is_there = self.evidence.sends.get(made.output).place.is_some();
        is_there && self.evidence.transactions.get(made.txn).is_committed()
    }

    /// One finding for each transaction that repeats what earlier ones did.
    fn duplicates(&self, findings: &mut Findings<'_>) {
        let mut repeated: BTreeMap<TxnId, Vec<Again>> = BTreeMap::new();
        for of_input in
            self.made.chunk_by(|a, b| (a.group, a.key, a.offset) == (b.group, b.key, b.offset))
        {
            let mut committed = of_input.iter().filter(|made| self.is_committed(made));
            let Some(first) = committed.next() else { continue };
            let mut before = first.txn;
            for later in committed {
                if later.txn != std::mem::replace(&mut before, later.txn) {
                    let (key, offset, outputs) =
                        (first.key, first.offset, [first.output, later.output]);
                    repeated.entry(later.txn).or_default().push(Again { key, offset, outputs });
                }
            }
        }
        for (txn, again) in &repeated {
            findings.report(AnomalyKind::DuplicateOutput, again.len() as u64, || {
                self.twice(*txn, again)
            });
        }
    }

    /// One finding for each interval of which a transaction left records out.
    fn missing(&self, consumption: &Table<Consumption>, findings: &mut Findings<'_>) {
        for (group, key, consumption) in consumed(consumption).filter(|(_, _, cell)| !cell.is_mixed)
        {
            for interval in &consumption.intervals {
                let txn = self.evidence.transactions.get(interval.txn);
                let naming =
                    txn.sends.iter().find(|&&send| inputs(self.evidence, send).next().is_some());
                let Some(&naming) = naming.filter(|_| txn.is_committed()) else { continue };
                let missing = self.left_out(group, key, interval);
                if !missing.is_empty() {
                    findings.report(AnomalyKind::MissingOutput, missing.len() as u64, || {
                        self.left(key, interval, naming, missing)
                    });
                }
            }
        }
    }

    /// The records of an interval that no output of the group was made from.
    fn left_out(&self, group: GroupId, key: Key, interval: &Interval) -> Vec<(Offset, Value)> {
        let log = self.evidence.log(key);
        let [from, to] = [interval.start, interval.end].map(|end| log.places.at_or_above(end));
        let records = log.visible(from, to.max(from)).map(|slot| log.record(slot));
        let is_named = |offset: Offset| {
            let place = |made: &Made| (made.group, made.key, made.offset);
            self.made.binary_search_by_key(&(group, key, offset), place).is_ok()
        };
        records.filter(|&(offset, _)| !is_named(offset)).collect()
    }

    fn twice(&self, txn: TxnId, again: &[Again]) -> Proof {
        let Again { key, offset, outputs } = again[0];
        let (evidence, name) = (self.evidence, self.evidence.key_name(key));
        let sends = outputs.map(|output| evidence.sends.get(output));
        let mut explain: Vec<_> = sends.iter().map(|send| evidence.tell_send(send)).collect();
        explain.push(format!("Both were made from the record at offset {offset} of {name}."));
        let count = again.len();
        explain
            .push(format!("Of the later transaction's inputs, {count} had such an output before."));
        let mut ops: Vec<_> = sends.iter().map(|send| (send.op, Role::Writer)).collect();
        ops.extend(evidence.transactions.get(txn).decided.map(|end| (end, Role::TransactionEnd)));
        let offsets = again.iter().filter(|other| other.key == key).map(|other| other.offset);
        let offsets = offsets.take(EXAMPLES_MAX).collect();
        Proof { key, offsets, ops, missing: vec![], explain }
    }

    fn left(
        &self,
        key: Key,
        interval: &Interval,
        naming: SendId,
        missing: Vec<(Offset, Value)>,
    ) -> Proof {
        let evidence = self.evidence;
        let send = evidence.sends.get(naming);
        let txn = evidence.transactions.get(interval.txn);
        let mut ops = vec![(send.op, Role::Writer), (interval.op, Role::Committer)];
        ops.extend(txn.decided.map(|end| (end, Role::TransactionEnd)));
        let explain = vec![
            format!(
                "A transaction of {} consumed {} from offset {} to {}.",
                evidence.who_when(interval.op),
                evidence.key_name(key),
                interval.start,
                interval.end
            ),
            evidence.tell_send(send),
            format!(
                "That output of it names what it was made from; no output names {}.",
                counted(missing.len() as u64, "other record")
            ),
        ];
        let offsets = vec![interval.start, interval.end];
        Proof { key, offsets, ops, missing, explain }
    }
}

/// The group for which a transaction consumes: that of the offsets it commits, or of its process.
fn group_of(evidence: &Evidence<'_>, txn: &Txn) -> Option<GroupId> {
    let history = evidence.history;
    let added = txn.offsets.first().map(|&op| history.event(op).what);
    match added {
        Some(What::TxnOffsets { group, .. }) => Some(group),
        _ => history.session(history.event(txn.begun).process).group,
    }
}

fn may_be_committed(txn: &Txn) -> bool {
    matches!(txn.outcome, Outcome::Ok | Outcome::Proven | Outcome::Unknown)
}

/// What a record was made from, told with its send or with the acknowledgement.
fn inputs(evidence: &Evidence<'_>, output: SendId) -> impl Iterator<Item = (Key, Offset)> {
    let send = evidence.sends.get(output);
    let events: [Option<OpId>; 2] = [Some(send.op), (send.done != send.op).then_some(send.done)];
    events.into_iter().flatten().flat_map(|op| evidence.history.send_inputs(op))
}
