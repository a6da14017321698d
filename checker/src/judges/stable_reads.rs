//! Claim: a reader with `isolation.level=read_committed` gets no record beyond one of a transaction still undecided.
//!
//! O(slots + spans * log slots): the last stable offset, as far as clients can tell it. A record at offset o may be read
//! once every transaction with a record at or below o is decided, and none is before its commit is asked for:
//!
//! ```text
//!   offset            4      5      6        commit of T asked for at 30 ms
//!   record of         T      -      -        a poll that returns offset 6 at 20 ms passed over T
//! ```
//! A poll that returns a record of T itself is an early read and judged there. Only transactions known to be committed by
//! their producer count: an abort may come from the coordinator, at a time nobody knows.

use crate::anomaly::{AnomalyKind, Role};
use crate::evidence::Evidence;
use crate::evidence::log::Log;
use crate::evidence::sends::{Outcome, SendId, SlotIndex};
use crate::findings::{Findings, Proof};
use crate::history::{Isolation, Offset, OpId, Span, Spans, Time, What};
use crate::verdict::Coverage;

/// Compares every poll with the transactions it passed over.
pub(crate) fn judge(evidence: &Evidence<'_>, findings: &mut Findings<'_>, coverage: &mut Coverage) {
    if evidence.isolation == Isolation::ReadUncommitted || evidence.transactions.is_empty() {
        return;
    }
    let horizons: Vec<_> = evidence.logs.iter().map(|log| Horizon::of(evidence, log)).collect();
    for (op, event) in evidence.history.events() {
        let What::Polled { poll } = event.what else { continue };
        let records = evidence.history.poll(poll).records;
        for span in evidence.history.spans(records) {
            let horizon = &horizons[span.key.0 as usize];
            let Some(open) = horizon.below(evidence.log(span.key), span) else { continue };
            coverage.stable_reads += 1;
            let passed = Passed { evidence, op, records, span, open };
            if evidence.ended_before(op, open.until) && !passed.is_read() {
                let weight = open.until.0 - event.time.0;
                findings.report(AnomalyKind::LastStableOffsetPassed, weight, || passed.prove());
            }
        }
    }
}

/// A record before whose transaction's commit nothing from its offset on may be read.
#[derive(Clone, Copy)]
struct Open {
    slot: SlotIndex,
    send: SendId,
    until: Time,
}

/// The records of a log that kept readers waiting longest, each longer than all below it.
struct Horizon(Vec<Open>);

impl Horizon {
    fn of(evidence: &Evidence<'_>, log: &Log) -> Self {
        let mut rising: Vec<Open> = Vec::new();
        for (slot, writer) in log.slots().filter_map(|(slot, held)| Some((slot, held.writer()?))) {
            let Some(txn) = evidence.sends.get(writer).txn() else { continue };
            let txn = evidence.transactions.get(txn);
            let until = txn.open_until(evidence.history, &evidence.sends);
            if txn.outcome == Outcome::Ok && rising.last().is_none_or(|last| last.until < until) {
                rising.push(Open { slot, send: writer, until });
            }
        }
        Horizon(rising)
    }

    /// What a reader of `span` had to wait for.
    fn below(&self, log: &Log, span: &Span) -> Option<Open> {
        let end = log.places.at_or_above(span.end());
        let below = self.0.partition_point(|open| open.slot.get() < end);
        self.0[..below].last().copied()
    }
}

/// A poll that returned records beyond one that was still to be decided.
struct Passed<'e, 'h> {
    evidence: &'e Evidence<'h>,
    op: OpId,
    records: Spans,
    span: &'e Span,
    open: Open,
}

impl Passed<'_, '_> {
    /// Whether the poll returned records of the very transaction it had to wait for.
    fn is_read(&self) -> bool {
        let Evidence { history, sends, transactions, .. } = self.evidence;
        let Some(txn) = sends.get(self.open.send).txn() else { return false };
        transactions.get(txn).sends.iter().map(|&send| sends.get(send)).any(|send| {
            let spans = history.spans(self.records).filter(|span| span.key == send.key);
            spans.flat_map(|span| history.records(span)).any(|(_, value)| value == send.value)
        })
    }

    fn prove(&self) -> Proof {
        let (evidence, key) = (self.evidence, self.span.key);
        let send = evidence.sends.get(self.open.send);
        let below = evidence.log(key).places.offset(self.open.slot);
        let last = Offset(self.span.end().0 - 1);
        let name = evidence.key_name(key);
        let mut ops = vec![(send.op, Role::Writer), (self.op, Role::Reader)];
        let txn = send.txn().map(|txn| evidence.transactions.get(txn));
        ops.extend(txn.and_then(|txn| txn.decided).map(|end| (end, Role::TransactionEnd)));
        let explain = vec![
            evidence.tell_send(send),
            format!("{name} was read up to offset {last} by {}.", evidence.who_when(self.op)),
            format!(
                "Nobody asked to commit the transaction at offset {below} before {}: the last stable offset was no \
                 higher.",
                self.open.until
            ),
        ];
        Proof { key, offsets: vec![below, last], ops, missing: vec![], explain }
    }
}
