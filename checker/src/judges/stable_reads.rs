//! Claim: a reader with `isolation.level=read_committed` gets no record beyond one of a transaction still undecided.
//!
//! O(slots + spans * log slots + log entries of dumps): the last stable offset, as far as clients can tell it. A record at offset o may be read
//! once every transaction with a record at or below o is decided, and none is before its commit is asked for:
//!
//! ```text
//!   offset            4      5      6        commit of T asked for at 30 ms
//!   record of         T      -      -        a poll that returns offset 6 at 20 ms passed over T
//! ```
//! A poll that returns a record of T itself is an early read and judged there. Of transactions only those known to be
//! committed by their producer count: an abort may come from the coordinator, at a time nobody knows. A dumped log that has
//! the marker of a transaction tells more, however the transaction ended: the marker was not written before all that lies
//! below it, and until then no reader passed the transaction's first record:
//!
//! ```text
//!   offset            4      5      6      7      a poll that returns offset 5, and ended before the record at 6 was
//!   record of         T      -      -    abort    sent, passed over T
//! ```
//! provided the poll read this log: what it returned last is there at rest.

use crate::anomaly::{AnomalyKind, Role};
use crate::evidence::Evidence;
use crate::evidence::log::Log;
use crate::evidence::markers::Annotation;
use crate::evidence::sends::{Outcome, SendId};
use crate::findings::{Findings, Proof};
use crate::history::{Isolation, Key, Offset, OpId, Span, Spans, Time, What};
use crate::verdict::Coverage;

/// Compares every poll with the transactions it passed over.
pub(crate) fn judge(evidence: &Evidence<'_>, findings: &mut Findings<'_>, coverage: &mut Coverage) {
    if evidence.isolation == Isolation::ReadUncommitted || evidence.transactions.is_empty() {
        return;
    }
    let horizons: Vec<_> =
        evidence.keyed_logs().map(|(key, log)| Horizons::of(evidence, key, log)).collect();
    for (op, event) in evidence.events_but_sends() {
        let What::Polled { poll } = event.what else { continue };
        let records = evidence.history.poll(poll).records;
        for span in evidence.history.spans(records) {
            let Some(open) = horizons[span.key.0 as usize].below(evidence, span) else { continue };
            coverage.stable_reads += 1;
            let passed = Passed { evidence, op, records, span, open };
            if evidence.ended_before(op, open.until) && !passed.is_read() {
                let weight = open.until.0 - event.time.0;
                findings.report(AnomalyKind::LastStableOffsetPassed, weight, || passed.prove());
            }
        }
    }
}

/// A record before whose transaction's end nothing from its offset on may be read.
#[derive(Clone, Copy)]
struct Open {
    offset: Offset,
    send: SendId,
    until: Time,
    /// If its marker tells until when: where that is, and what was sent last of all below it.
    marker: Option<(Offset, SendId)>,
}

/// The records of a log that kept readers waiting longest, each longer than all below it.
struct Horizon(Vec<Open>);

/// Who kept readers of a partition waiting, as producers know, and as dumps of the log at rest know too.
struct Horizons {
    asked: Horizon,
    /// If there are markers.
    at_rest: Option<Horizon>,
}

impl Horizons {
    fn of(evidence: &Evidence<'_>, key: Key, log: &Log) -> Self {
        let dumps = evidence.annotations.iter().filter(|dump| dump.key == key);
        let mut open: Vec<Open> = dumps.flat_map(|dump| marked(evidence, log, dump)).collect();
        let at_rest = (!open.is_empty()).then(|| {
            open.extend(asked(evidence, log));
            open.sort_by_key(|open| (open.offset, open.until));
            Horizon::rising(open.into_iter())
        });
        Horizons { asked: Horizon::rising(asked(evidence, log)), at_rest }
    }

    /// What a reader of `span` had to wait for.
    fn below(&self, evidence: &Evidence<'_>, span: &Span) -> Option<Open> {
        let at_rest = self.at_rest.as_ref().filter(|_| is_of_log(evidence, span));
        at_rest.unwrap_or(&self.asked).below(span)
    }
}

/// Whether the log at rest is the one that a poll read: what it returned last is there.
fn is_of_log(evidence: &Evidence<'_>, span: &Span) -> bool {
    let log = evidence.log(span.key);
    let last = evidence.history.records(span).last();
    let held = last.and_then(|(offset, value)| Some((log.slot_at(offset)?, value)));
    held.is_some_and(|((slot, held), value)| log.is_visible(slot.get()) && held.holds(value))
}

impl Horizon {
    fn rising(all: impl Iterator<Item = Open>) -> Self {
        let mut rising: Vec<Open> = Vec::new();
        for open in all {
            if rising.last().is_none_or(|last| last.until < open.until) {
                rising.push(open);
            }
        }
        Horizon(rising)
    }

    fn below(&self, span: &Span) -> Option<Open> {
        let below = self.0.partition_point(|open| open.offset < span.end());
        self.0[..below].last().copied()
    }
}

/// The records of transactions whose producers know when they asked for a commit.
fn asked(evidence: &Evidence<'_>, log: &Log) -> impl Iterator<Item = Open> {
    let written = log.slots().filter_map(|(slot, held)| Some((slot, held.writer()?)));
    written.filter_map(|(slot, send)| {
        let txn = evidence.transactions.get(evidence.sends.get(send).txn()?);
        if txn.outcome != Outcome::Ok {
            return None;
        }
        let until = txn.open_until(evidence.history, &evidence.sends);
        Some(Open { offset: log.places.offset(slot), send, until, marker: None })
    })
}

/// The first records of the transactions whose markers a dump has.
fn marked(evidence: &Evidence<'_>, log: &Log, dump: &Annotation) -> Vec<Open> {
    let sent =
        |&(_, send): &(Offset, SendId)| evidence.history.event(evidence.sends.get(send).op).time;
    let held = evidence.in_place(dump.key);
    let held = held.map(|(slot, send)| (log.places.offset(slot), send));
    let mut records: Vec<(Offset, SendId)> = held.chain(dump.aborted.iter().copied()).collect();
    records.sort_unstable();
    let mut records = records.into_iter().peekable();
    let mut latest = None;
    let mut open = Vec::new();
    for marker in &dump.markers {
        while let Some(record) = records.next_if(|record| record.0 < marker.offset) {
            latest = latest.filter(|latest| sent(latest) >= sent(&record)).or(Some(record));
        }
        let (offset, send) = marker.first;
        open.extend(latest.map(|latest| {
            let marker = Some((marker.offset, latest.1));
            Open { offset, send, until: sent(&latest), marker }
        }));
    }
    open
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
            let sent = send.value(history);
            let spans = history.spans(self.records).filter(|span| span.key == send.key);
            spans.flat_map(|span| history.records(span)).any(|(_, value)| value == sent)
        })
    }

    fn prove(&self) -> Proof {
        let (evidence, key) = (self.evidence, self.span.key);
        let send = evidence.sends.get(self.open.send);
        let last = Offset(self.span.end().0 - 1);
        let name = evidence.key_name(key);
        let mut ops = vec![(send.op, Role::Writer), (self.op, Role::Reader)];
        let txn = send.txn().map(|txn| evidence.transactions.get(txn));
        ops.extend(txn.and_then(|txn| txn.decided).map(|end| (end, Role::TransactionEnd)));
        let explain = vec![
            evidence.tell_send(send),
            format!("{name} was read up to offset {last} by {}.", evidence.who_when(self.op)),
            self.tell_until(),
        ];
        let latest = self.open.marker.map(|(_, latest)| evidence.sends.get(latest).op);
        ops.extend(latest.filter(|&op| op != send.op).map(|op| (op, Role::Writer)));
        Proof { key, offsets: vec![self.open.offset, last], ops, missing: vec![], explain }
    }

    fn tell_until(&self) -> String {
        let Open { offset, until, marker, .. } = self.open;
        match marker {
            None => format!(
                "Nobody asked to commit the transaction at offset {offset} before {until}: the last stable offset was no \
                 higher."
            ),
            Some((marker, latest)) => {
                let latest = self.evidence.sends.get(latest);
                format!(
                    "The marker at offset {marker} ended the transaction at offset {offset}, behind {}, which was sent at \
                     {until}: before that, the last stable offset was no higher.",
                    self.evidence.value_name(latest.value(self.evidence.history))
                )
            }
        }
    }
}
