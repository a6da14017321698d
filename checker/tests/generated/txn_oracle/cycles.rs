//! Who comes before whom, and whether that runs in a circle.

use super::known::{Known, Txn};
use crate::step::{Step, Told};
use ktrial_checker::anomaly::AnomalyKind as Kind;
use ktrial_checker::history::Isolation;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// From one committed transaction to another.
type Edge = (usize, usize);

impl Known<'_> {
    pub fn cycles(&self) -> Vec<Kind> {
        let (writes, reads, missed) = (self.writes(), self.reads_from(), self.missed());
        let flows = [&writes[..], &reads[..]].concat();
        let mut found = Vec::new();
        for circle in circles(&flows) {
            let [writes, reads] = [&writes, &reads].map(|edges| inside(edges, &circle));
            let mut late = reads.clone();
            late.retain(|&(from, to)| !self.is_early(from) && !self.is_early(to));
            found.extend((!circles(&writes).is_empty()).then_some(Kind::WriteCycle));
            found.extend((!circles(&late).is_empty()).then_some(Kind::ReadCycle));
            let mixed = !writes.is_empty() && !reads.is_empty();
            found.extend(mixed.then_some(Kind::InformationFlowCycle));
        }
        for circle in circles(&[&flows[..], &missed[..]].concat()) {
            let missed = inside(&missed, &circle);
            let is_skew = missed.iter().any(|&(from, to)| reach(&flows, to).contains(&from));
            found.extend(match missed.len() {
                _ if is_skew => Some(Kind::ReadSkew),
                0 => None,
                _ => Some(Kind::AntiDependencyCycle),
            });
        }
        found
    }

    /// Whether somebody read of the transaction before its commit was asked for.
    fn is_early(&self, txn: usize) -> bool {
        let is_of = |value, key| {
            self.send_of(value).is_some_and(|sent| sent.txn == Some(txn) && sent.key == key)
        };
        let mut reads = self.reads.iter().filter(|read| is_of(read.value, read.place.0));
        reads.any(|read| read.at < self.open_until(txn))
    }

    /// The records of committed transactions in a partition.
    fn committed_in(&self, key: u32) -> Vec<(i64, usize)> {
        let lying = self.lying_in(key).into_iter();
        let of_txns = lying.filter_map(|(offset, sent)| Some((offset, sent.txn?)));
        of_txns.filter(|&(_, txn)| self.is_committed(txn)).collect()
    }

    fn writes(&self) -> Vec<Edge> {
        let chains = [0, 1].map(|key| self.committed_in(key));
        let pairs = chains.iter().flat_map(|chain| chain.windows(2));
        pairs.map(|pair| (pair[0].1, pair[1].1)).filter(|(from, to)| from != to).collect()
    }

    /// The transaction that a poll belongs to, if it is committed.
    fn polled_in(&self, at: usize) -> Option<usize> {
        let Step::Poll { process, .. } = self.steps[at] else { return None };
        self.open_at(process, at).filter(|&txn| self.is_committed(txn))
    }

    fn reads_from(&self) -> Vec<Edge> {
        let edges = self.reads.iter().filter_map(|read| {
            let writer = self.send_of(read.value)?.txn.filter(|&txn| self.is_committed(txn))?;
            Some((writer, self.polled_in(read.at)?))
        });
        edges.filter(|(from, to)| from != to).collect()
    }

    fn missed(&self) -> Vec<Edge> {
        let txns = (0..self.txns.len()).filter(|&txn| self.is_committed(txn));
        let reads = txns.flat_map(|txn| [(txn, 0), (txn, 1)]);
        let missed = reads.filter_map(|(txn, key)| {
            let end = self.read_to_the_end(txn, key)?;
            let next = self.committed_in(key).into_iter().find(|&(offset, _)| offset >= end)?;
            Some((txn, next.1))
        });
        missed.filter(|(from, to)| from != to).collect()
    }

    /// Where a log ended for a transaction, if the farthest of its polls got there, or nothing was between.
    fn read_to_the_end(&self, txn: usize, of_key: u32) -> Option<i64> {
        let Txn { begun, over, .. } = self.txns[txn];
        let polls = (begun..over).filter(|&at| self.polled_in(at) == Some(txn));
        let reads = polls.filter_map(|at| match &self.steps[at] {
            Step::Poll { key, records, .. } if *key == of_key => {
                let last = records.iter().map(|record| record.0).max()?;
                Some((last + 1, self.end_told(at)))
            }
            _ => None,
        });
        let farthest = reads
            .enumerate()
            .max_by_key(|&(nth, (stopped, end))| (stopped, end.is_some(), Reverse(nth)));
        let (_, (stopped, Some(end))) = farthest? else { return None };
        let is_empty = stopped < end
            && self.rest.contains_key(&of_key)
            && !self.has_records(of_key, stopped..end);
        (stopped == end || is_empty).then_some(end)
    }

    /// Where the log ended for the reader, as the response behind a poll told.
    fn end_told(&self, poll: usize) -> Option<i64> {
        match self.steps.get(poll + 1) {
            Some(Step::Told { told: Told { last_stable_offset, high_watermark, .. }, .. }) => {
                match self.isolation {
                    Isolation::ReadCommitted => *last_stable_offset,
                    Isolation::ReadUncommitted => Some(*high_watermark),
                }
            }
            _ => None,
        }
    }
}

/// Everything that can be reached from a vertex, in one step or more.
fn reach(edges: &[Edge], from: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::from([from]);
    let mut entered = BTreeSet::new();
    while let Some(next) = reached.pop_first() {
        let targets = edges.iter().filter(|edge| edge.0 == next).map(|edge| edge.1);
        reached.extend(targets.filter(|&to| entered.insert(to)));
    }
    entered
}

/// The greatest sets of vertices that reach each other.
fn circles(edges: &[Edge]) -> BTreeSet<BTreeSet<usize>> {
    let on_circle = edges.iter().map(|edge| edge.0).filter(|&at| reach(edges, at).contains(&at));
    let together = |at: usize| {
        reach(edges, at).into_iter().filter(|&other| reach(edges, other).contains(&at)).collect()
    };
    on_circle.map(together).collect()
}

fn inside(edges: &[Edge], circle: &BTreeSet<usize>) -> Vec<Edge> {
    let is_inside = |edge: &&Edge| circle.contains(&edge.0) && circle.contains(&edge.1);
    edges.iter().filter(is_inside).copied().collect()
}
