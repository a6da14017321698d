//! Claim: the transactions that move a group through a partition consume each of its records once.
//!
//! O(intervals * log intervals + slots). The intervals that committed transactions consumed must tile the partition:
//!
//! ```text
//!   committed    [0, 4)  [4, 7)                 once each
//!   committed    [0, 4)      [6, 9)             skipped-input: 4 and 5
//!   committed    [0, 4)  [2, 7)                 double-processing: 2 and 3
//! ```
//! A transaction whose outcome nobody learnt counts where it is needed to bridge a gap, and is no overlap. Polling a record
//! again is no anomaly, and what an aborted transaction consumed is consumed again. When an aborted transaction's offset was
//! given to whoever read on from there, offsets were committed without their outputs (`offset-without-output`). Groups that
//! commit outside transactions too are passed over: at-least-once is all they can have.

use crate::anomaly::{AnomalyKind, EXAMPLES_MAX, Role};
use crate::counted::counted;
use crate::evidence::Evidence;
use crate::evidence::intervals::{Consumption, Interval, consumed};
use crate::evidence::log::Log;
use crate::evidence::sends::Outcome;
use crate::evidence::table::Table;
use crate::findings::{Findings, Proof};
use crate::history::{GroupId, Key, Offset, OpId};
use crate::verdict::Coverage;
use std::ops::Range;

/// Lays out the intervals of every group in every partition.
pub(crate) fn judge(
    evidence: &Evidence<'_>,
    consumption: &Table<Consumption>,
    findings: &mut Findings<'_>,
    coverage: &mut Coverage,
) {
    for (group, key, consumption) in consumed(consumption).filter(|(_, _, cell)| !cell.is_mixed) {
        let log = evidence.log(key);
        let judge = Tiling { evidence, log, consumption, group, key };
        let intervals = judge.intervals();
        let committed = intervals.iter().filter(|interval| judge.is_committed(interval)).count();
        coverage.intervals += committed as u64;
        coverage.intervals_judged += if log.at_rest.is_some() { committed as u64 } else { 0 };
        judge.overlaps(&intervals, findings);
        judge.gaps(&intervals, findings);
    }
}

struct Tiling<'e, 'h> {
    evidence: &'e Evidence<'h>,
    log: &'e Log,
    consumption: &'e Consumption,
    group: GroupId,
    key: Key,
}

impl Tiling<'_, '_> {
    /// The intervals of transactions that are, or may be, committed, in the order of the partition.
    fn intervals(&self) -> Vec<Interval> {
        let mut sorted = self.consumption.intervals.clone();
        sorted.retain(|interval| self.outcome(interval) != Outcome::Aborted);
        sorted.sort_by_key(|interval| (interval.start, interval.end, interval.op));
        sorted
    }

    fn outcome(&self, interval: &Interval) -> Outcome {
        self.evidence.transactions.get(interval.txn).outcome
    }

    fn is_committed(&self, interval: &&Interval) -> bool {
        self.evidence.transactions.get(interval.txn).is_committed()
    }

    fn overlaps(&self, intervals: &[Interval], findings: &mut Findings<'_>) {
        let mut farthest: Option<&Interval> = None;
        for interval in intervals.iter().filter(|interval| self.is_committed(interval)) {
            if let Some(before) = farthest.filter(|before| interval.start < before.end) {
                let twice = interval.start..before.end.min(interval.end);
                let count = self.count(&twice);
                if count > 0 {
                    findings.report(AnomalyKind::DoubleProcessing, count, || {
                        self.twice(before, interval, &twice)
                    });
                }
            }
            farthest = farthest.filter(|before| before.end >= interval.end).or(Some(interval));
        }
    }

    /// Reports the records between the first interval and the highest committed offset that no transaction consumed.
    fn gaps(&self, intervals: &[Interval], findings: &mut Findings<'_>) {
        let mut committed = intervals.iter().filter(|interval| self.is_committed(interval));
        let Some(first) = committed.next() else { return };
        let mut last = first;
        let mut covered = first.start;
        let mut gaps = Vec::new();
        for interval in intervals {
            gaps.extend((covered < interval.start).then_some(covered..interval.start));
            covered = covered.max(interval.end);
            if self.is_committed(&interval) {
                gaps.drain(..).for_each(|gap| self.gap(gap, interval, findings));
                last = if last.committed < interval.committed { interval } else { last };
            }
        }
        gaps.push(covered..covered.max(last.committed));
        let owed = |gap: Range<Offset>| gap.start..gap.end.min(last.committed);
        gaps.into_iter().map(owed).for_each(|gap| self.gap(gap, last, findings));
    }

    fn gap(&self, skipped: Range<Offset>, next: &Interval, findings: &mut Findings<'_>) {
        let count = self.count(&skipped);
        if count == 0 {
            return;
        }
        match self.moved_on(&skipped) {
            Some((aborted, given)) => {
                findings.report(AnomalyKind::OffsetWithoutOutput, count, || {
                    self.without_output(&skipped, &aborted, given)
                })
            }
            None => {
                findings.report(AnomalyKind::SkippedInput, count, || self.skipped(&skipped, next))
            }
        }
    }

    /// The aborted transaction that consumed the last of these records, if the group was given its offset afterwards.
    fn moved_on(&self, skipped: &Range<Offset>) -> Option<(Interval, OpId)> {
        let is_aborted = |interval: &&Interval| self.outcome(interval) == Outcome::Aborted;
        let mut aborted = self.consumption.intervals.iter().filter(is_aborted);
        aborted.find_map(|interval| {
            let is_given =
                |&&(offset, op): &&(Offset, OpId)| offset == interval.committed && op > interval.op;
            let given = self.consumption.given.iter().find(is_given)?;
            let (one, other) = (interval.committed, skipped.end);
            let is_the_end = self.count(&(one.min(other)..one.max(other))) == 0;
            is_the_end.then_some((*interval, given.1))
        })
    }

    /// The number of records at these offsets.
    fn count(&self, offsets: &Range<Offset>) -> u64 {
        let (from, to) = self.slots(offsets);
        self.log.count_visible(from, to)
    }

    fn slots(&self, offsets: &Range<Offset>) -> (usize, usize) {
        let [from, to] = [offsets.start, offsets.end].map(|end| self.log.places.at_or_above(end));
        (from, to.max(from))
    }

    fn twice(&self, first: &Interval, second: &Interval, twice: &Range<Offset>) -> Proof {
        let mut explain = vec![self.tell(first), self.tell(second)];
        explain.push(format!(
            "Both are committed, and both processed {} from offset {} on.",
            counted(self.count(twice), "record"),
            twice.start
        ));
        self.proof(twice, &[first, second], explain)
    }

    fn skipped(&self, skipped: &Range<Offset>, next: &Interval) -> Proof {
        let explain = vec![self.tell(next), self.tell_untouched(skipped)];
        let mut proof = self.proof(skipped, &[next], explain);
        proof.missing = self.records(skipped);
        proof
    }

    fn without_output(&self, skipped: &Range<Offset>, aborted: &Interval, given: OpId) -> Proof {
        let mut explain = vec![self.tell(aborted)];
        explain.push(format!(
            "That transaction was aborted, yet offset {} was given to {}.",
            aborted.committed,
            self.evidence.who_when(given)
        ));
        explain.push(self.tell_untouched(skipped));
        let mut proof = self.proof(skipped, &[aborted], explain);
        proof.ops.push((given, Role::Owner));
        proof.missing = self.records(skipped);
        proof
    }

    fn tell(&self, interval: &Interval) -> String {
        format!(
            "A transaction of {} consumed {} from offset {} to {} for group {}, and added offset {}.",
            self.evidence.who_when(interval.op),
            self.evidence.key_name(self.key),
            interval.start,
            interval.end,
            self.evidence.group_name(self.group),
            interval.committed
        )
    }

    fn tell_untouched(&self, skipped: &Range<Offset>) -> String {
        format!(
            "No transaction that may be committed consumed what lies from offset {} to {}: {}.",
            skipped.start,
            skipped.end,
            counted(self.count(skipped), "record")
        )
    }

    fn records(&self, offsets: &Range<Offset>) -> Vec<(Offset, crate::history::Value)> {
        let (from, to) = self.slots(offsets);
        self.log.visible(from, to).take(EXAMPLES_MAX).map(|slot| self.log.record(slot)).collect()
    }

    fn proof(&self, of: &Range<Offset>, intervals: &[&Interval], explain: Vec<String>) -> Proof {
        let added = intervals.iter().map(|interval| (interval.op, Role::Committer));
        let ended = intervals.iter().filter_map(|interval| {
            let ended = self.evidence.transactions.get(interval.txn).decided?;
            Some((ended, Role::TransactionEnd))
        });
        let ops = added.chain(ended).collect();
        Proof { key: self.key, offsets: vec![of.start, of.end], ops, missing: vec![], explain }
    }
}
