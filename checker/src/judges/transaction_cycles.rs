//! Claim: no committed transactions each have read from the next, all the way round.
//!
//! O(slots + records read in transactions), and the search for the shortest cycle has a budget. Vertices are committed
//! transactions; one comes before another if its record lies next before the other's in some partition, passing over what
//! lies between of nobody's transaction, or if the other read its record (Adya's ww and wr). Kafka orders records, not
//! transactions, so two that run side by side may lie one way here and the other way there (G0, `write-cycle`), and reads may
//! close such a circle (G1c, `information-flow-cycle`): both are counted and break nothing. A circle of reads alone
//! (`read-cycle`) means that somebody read before a commit; if the clocks tell who, that is told instead
//! ([`early_reads`](super::early_reads)). Sends and polls outside transactions are in no circle, each being its own commit.

use crate::anomaly::{AnomalyKind, Role};
use crate::evidence::Evidence;
use crate::evidence::sightings::FirstRead;
use crate::evidence::transactions::TxnId;
use crate::findings::{Findings, Proof};
use crate::graph::{Budget, CycleKind, Graph, Relation, Relations, components, shortest_cycle};
use crate::history::{Key, What};
use crate::judges::early_reads::read_while_open;

const WW: Relations = Relations::of(&[Relation::WriteWrite]);
const WR: Relations = Relations::of(&[Relation::WriteRead]);
const BOTH: Relations = Relations::of(&[Relation::WriteWrite, Relation::WriteRead]);

const G0: CycleKind = CycleKind { allowed: WW, required: [WW, WW] };
const G1C: CycleKind = CycleKind { allowed: BOTH, required: [WW, WR] };
const READS: CycleKind = CycleKind { allowed: WR, required: [WR, WR] };

/// How many edges the searches for shortest cycles look at.
const BUDGET: u64 = 10_000_000;

/// Looks for one shortest cycle of each kind in each strongly connected component.
pub(crate) fn judge(
    evidence: &Evidence<'_>,
    first_reads: &[Option<FirstRead>],
    findings: &mut Findings<'_>,
) {
    let mut edges = writes(evidence);
    edges.extend(reads(evidence));
    let graph = Graph::new(evidence.transactions.len(), edges);
    let mut budget = Budget(BUDGET);
    for component in components(&graph, BOTH, |_| true) {
        for (kind, cycles) in [
            (AnomalyKind::WriteCycle, G0),
            (AnomalyKind::InformationFlowCycle, G1C),
            (AnomalyKind::ReadCycle, READS),
        ] {
            let Some(cycle) = shortest_cycle(&graph, &component, cycles, &mut budget) else {
                continue;
            };
            let is_told = kind == AnomalyKind::ReadCycle
                && cycle.iter().any(|&txn| is_early(evidence, txn, first_reads));
            if !is_told {
                findings.report(kind, 0, || prove(evidence, &graph, cycles.allowed, &cycle));
            }
        }
    }
}

type Edge = (u32, u32, Relations);

/// From each transaction to the one whose record follows, in each log.
fn writes(evidence: &Evidence<'_>) -> Vec<Edge> {
    let mut edges = Vec::new();
    for log in &evidence.logs {
        let writers = log.visible(0, log.len()).filter_map(|slot| log.slot(slot).writer());
        let mut txns =
            writers.filter_map(|writer| committed(evidence, evidence.sends.get(writer).txn()?));
        let Some(mut before) = txns.next() else { continue };
        for txn in txns {
            if txn != before {
                edges.push((before.0, txn.0, WW));
                before = txn;
            }
        }
    }
    edges
}

/// From each transaction to those that read its records.
fn reads(evidence: &Evidence<'_>) -> Vec<Edge> {
    let history = evidence.history;
    let mut open: Vec<Option<TxnId>> = vec![None; history.sessions().count()];
    let mut edges = Vec::new();
    for (op, event) in history.events() {
        let current = &mut open[event.process.0 as usize];
        match event.what {
            What::TxnBegun => {
                *current = evidence.transactions.find(op).and_then(|txn| committed(evidence, txn))
            }
            What::TxnCommitted { .. } | What::TxnUnknown { .. } => *current = None,
            What::Polled { poll } => {
                let Some(reader) = *current else { continue };
                for span in history.spans(history.poll(poll).records) {
                    let records = history.records(span).map(|(offset, _)| (span.key, offset));
                    let writers = records.filter_map(|(key, offset)| writer(evidence, key, offset));
                    let others = writers.filter(|&writer| writer != reader);
                    edges.extend(others.map(|writer| (writer.0, reader.0, WR)));
                }
            }
            _ => {}
        }
    }
    edges
}

fn writer(evidence: &Evidence<'_>, key: Key, offset: crate::history::Offset) -> Option<TxnId> {
    let (_, slot) = evidence.log(key).slot_at(offset)?;
    committed(evidence, evidence.sends.get(slot.writer()?).txn()?)
}

fn committed(evidence: &Evidence<'_>, txn: TxnId) -> Option<TxnId> {
    evidence.transactions.get(txn).is_committed().then_some(txn)
}

fn is_early(evidence: &Evidence<'_>, txn: u32, first_reads: &[Option<FirstRead>]) -> bool {
    let first = first_reads[txn as usize];
    first.is_some_and(|first| {
        read_while_open(evidence, evidence.transactions.get(TxnId(txn)), &first).is_some()
    })
}

fn prove(evidence: &Evidence<'_>, graph: &Graph, allowed: Relations, cycle: &[u32]) -> Proof {
    let mut explain = Vec::new();
    for (at, &from) in cycle.iter().enumerate() {
        let to = cycle[(at + 1) % cycle.len()];
        let edge = graph.edges(from).iter().find(|edge| edge.0 == to);
        let is_read = edge.is_some_and(|(_, relations)| relations.and(allowed).meets(WR));
        let why = if is_read { "had a record read by" } else { "has a record next before one of" };
        let [from, to] =
            [from, to].map(|txn| evidence.who_when(evidence.transactions.get(TxnId(txn)).begun));
        explain.push(format!("The transaction begun by {from} {why} that begun by {to}."));
    }
    explain.push("So each of them comes before itself.".to_owned());
    let txns = cycle.iter().map(|&txn| evidence.transactions.get(TxnId(txn)));
    let first =
        txns.clone().find_map(|txn| txn.sends.first()).map(|&send| evidence.sends.get(send));
    Proof {
        key: first.map_or(Key(0), |send| send.key),
        offsets: vec![],
        ops: txns.map(|txn| (txn.begun, Role::Transaction)).collect(),
        missing: vec![],
        explain,
    }
}
