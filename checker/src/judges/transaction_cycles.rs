//! Claim: no committed transactions come before each other, all the way round.
//!
//! O(slots + records read in transactions), and the search for the shortest cycle has a budget. Vertices are committed
//! transactions; one comes before another if its record lies next before the other's in some partition, passing over what
//! lies between of nobody's transaction, or if the other read its record (Adya's ww and wr), or, where the contract asks,
//! if it read a log to its end and the other wrote what came next (rw, [`dependencies`](crate::evidence::dependencies)).
//!
//! | kind | Adya | a circle of | breaks isolation if the contract's `transaction.order` is |
//! |---|---|---|---|
//! | `read-cycle` | G1c | wr | anything: somebody read before a commit |
//! | `write-cycle` | G0 | ww | `writes` or more |
//! | `information-flow-cycle` | G1c | ww and wr | `writes` or more |
//! | `read-skew` | G-single | one rw, else ww and wr | `serializable` |
//! | `anti-dependency-cycle` | G2 | two rw or more | `serializable` |
//!
//! Kafka orders records, not transactions, so two that run side by side may lie one way here and the other way there, and
//! reads may close such a circle: that is counted and breaks nothing Kafka promised. If the clocks tell who read before a
//! commit, that is told instead of a `read-cycle` through it ([`early_reads`](super::early_reads)). Of the last two kinds, a
//! component is told the first that it has. Sends and polls outside transactions are in no circle, each being its own commit.

use crate::anomaly::{AnomalyKind, Role};
use crate::evidence::Evidence;
use crate::evidence::dependencies::Dependencies;
use crate::evidence::sends::TxnId;
use crate::evidence::sightings::FirstRead;
use crate::findings::{Findings, Proof};
use crate::graph::{
    Budget, CycleKind, Graph, Relation, Relations, components, shortest_cycle,
    shortest_cycle_with_one,
};
use crate::history::Key;
use crate::judges::early_reads::read_while_open;

const WW: Relations = Relations::of(&[Relation::WriteWrite]);
const WR: Relations = Relations::of(&[Relation::WriteRead]);
const RW: Relations = Relations::of(&[Relation::ReadWrite]);
const BOTH: Relations = Relations::of(&[Relation::WriteWrite, Relation::WriteRead]);
const ALL: Relations =
    Relations::of(&[Relation::WriteWrite, Relation::WriteRead, Relation::ReadWrite]);

const G0: CycleKind = CycleKind { allowed: WW, required: [WW, WW] };
const G1C: CycleKind = CycleKind { allowed: BOTH, required: [WW, WR] };
const READS: CycleKind = CycleKind { allowed: WR, required: [WR, WR] };
/// Where there is none with one anti-dependency, it has two.
const G2: CycleKind = CycleKind { allowed: ALL, required: [RW, ALL] };

/// How many edges the searches for shortest cycles look at.
const BUDGET: u64 = 10_000_000;

/// Looks for one shortest cycle of each kind in each strongly connected component.
pub(crate) fn judge(
    evidence: &Evidence<'_>,
    dependencies: Dependencies,
    first_reads: &[Option<FirstRead>],
    findings: &mut Findings<'_>,
) {
    let graph = Graph::new(evidence.transactions.len(), dependencies.edges);
    let mut judge = Cycles { evidence, graph, first_reads, budget: Budget(BUDGET) };
    for component in components(&judge.graph, BOTH) {
        judge.flows(&component, findings);
    }
    for component in components(&judge.graph, ALL) {
        judge.misses(&component, findings);
    }
}

struct Cycles<'e, 'h> {
    evidence: &'e Evidence<'h>,
    graph: Graph,
    first_reads: &'e [Option<FirstRead>],
    budget: Budget,
}

impl Cycles<'_, '_> {
    /// Circles of what was written and read.
    fn flows(&mut self, component: &[u32], findings: &mut Findings<'_>) {
        let untold: Vec<u32> =
            component.iter().copied().filter(|&txn| !self.is_early(txn)).collect();
        for (kind, cycles, vertices) in [
            (AnomalyKind::WriteCycle, G0, component),
            (AnomalyKind::InformationFlowCycle, G1C, component),
            (AnomalyKind::ReadCycle, READS, &untold),
        ] {
            let cycle = shortest_cycle(&self.graph, vertices, cycles, &mut self.budget);
            if let Some(cycle) = cycle {
                findings.report(kind, 0, || self.prove(&cycle, [cycles.allowed, cycles.allowed]));
            }
        }
    }

    /// Circles with what was not seen.
    fn misses(&mut self, component: &[u32], findings: &mut Findings<'_>) {
        let (graph, budget) = (&self.graph, &mut self.budget);
        if let Some(cycle) = shortest_cycle_with_one(graph, component, RW, BOTH, budget) {
            findings.report(AnomalyKind::ReadSkew, 0, || self.prove(&cycle, [RW, BOTH]));
        } else if let Some(cycle) = shortest_cycle(graph, component, G2, budget) {
            findings.report(AnomalyKind::AntiDependencyCycle, 0, || self.prove(&cycle, [RW, ALL]));
        }
    }

    fn is_early(&self, txn: u32) -> bool {
        self.first_reads[txn as usize].is_some_and(|first| {
            let txn = self.evidence.transactions.get(TxnId(txn));
            read_while_open(self.evidence, txn, &first).is_some()
        })
    }

    /// Tells a cycle whose first edge is one of these relations, and the others one of those.
    fn prove(&self, cycle: &[u32], [first, others]: [Relations; 2]) -> Proof {
        let txn = |txn: u32| self.evidence.transactions.get(TxnId(txn));
        let mut explain = Vec::new();
        for (at, &from) in cycle.iter().enumerate() {
            let to = cycle[(at + 1) % cycle.len()];
            let why = self.why(from, to, if at == 0 { first } else { others });
            let [from, to] = [from, to].map(|id| self.evidence.who_when(txn(id).begun));
            explain.push(format!("The transaction begun by {from} {why} that begun by {to}."));
        }
        explain.push("So each of them comes before itself.".to_owned());
        let sent = cycle.iter().find_map(|&id| txn(id).sends.first());
        Proof {
            key: sent.map_or(Key(0), |&send| self.evidence.sends.get(send).key),
            offsets: vec![],
            ops: cycle.iter().map(|&id| (txn(id).begun, Role::Transaction)).collect(),
            missing: vec![],
            explain,
        }
    }

    fn why(&self, from: u32, to: u32, allowed: Relations) -> &'static str {
        let edge = self.graph.edges(from).iter().find(|edge| edge.0 == to);
        let relations = edge.map_or(Relations::default(), |(_, all)| all.and(allowed));
        if relations.meets(WR) {
            "had a record read by"
        } else if relations.meets(WW) {
            "has a record next before one of"
        } else {
            "read a log to its end before a record came of"
        }
    }
}
