//! Claim: a group processes every record from its starting point on to where it has got, at least once, and at most once.
//!
//! O(groups * slots). What was processed counts, not what was polled: a record that was handed out, committed and then lost
//! with the consumer's memory was skipped, and one that a living consumer still has in hand was not. Of a group that does not
//! report processing, delivery has to stand in for it; but what a transaction consumed that is not known to be committed is
//! handed out again without being processed again. Whether such a group's transactions passed over records is judged
//! elsewhere ([`processing`](super::processing)).

use crate::anomaly::{AnomalyKind, EXAMPLES_MAX, Role};
use crate::counted::counted;
use crate::evidence::Evidence;
use crate::evidence::bits::Bits;
use crate::evidence::excuses::Known;
use crate::evidence::log::Log;
use crate::evidence::progress::{Again, Groups, Progress};
use crate::evidence::sends::SlotIndex;
use crate::findings::{Findings, Proof};
use crate::history::{GroupId, Key, Offset, OpId};
use crate::verdict::Coverage;

/// Judges every group in every partition it reads.
pub(crate) fn judge(
    evidence: &Evidence<'_>,
    groups: &Groups,
    findings: &mut Findings<'_>,
    coverage: &mut Coverage,
) {
    for (group, key, progress) in groups.iter() {
        let judge = GroupJudge { evidence, progress, log: evidence.log(key), group, key };
        let mut excused = judge.resets(findings);
        coverage.unreached += judge.in_hand(&mut excused);
        judge.skips(&excused, findings);
        judge.redeliveries(findings);
        judge.cover(coverage);
    }
}

struct GroupJudge<'e, 'h> {
    evidence: &'e Evidence<'h>,
    progress: &'e Progress,
    log: &'e Log,
    group: GroupId,
    key: Key,
}

impl GroupJudge<'_, '_> {
    /// The slots the group owes to process: from its starting point to where it has got.
    fn owed(&self) -> (usize, usize) {
        let slot =
            |offset: Option<Offset>| self.log.places.at_or_above(offset.unwrap_or(Offset(0)));
        let (start, reached) =
            (slot(self.progress.start), slot(self.progress.reached().map(|(offset, _)| offset)));
        (start, reached.max(start))
    }

    fn cover(&self, coverage: &mut Coverage) {
        let (start, reached) = self.owed();
        coverage.group_partitions += 1;
        coverage.processed += self.progress.processed_count();
        coverage.owed += self.log.count_visible(start, reached);
        coverage.unreached += self.log.count_visible(reached, self.log.len());
    }

    /// Reports the records that resets to the log's end passed over, and returns them: they are no skips besides.
    fn resets(&self, findings: &mut Findings<'_>) -> Bits {
        let mut excused = Bits::new(self.log.len());
        let mut from = 0;
        for &(offset, op) in &self.progress.resets {
            let to = self.log.places.at_or_above(offset);
            let unprocessed = |slot: &SlotIndex| {
                self.progress.processed(*slot).is_none() && self.excuse(*slot).is_none()
            };
            let passed: Vec<_> = self.log.visible(from, to).filter(unprocessed).collect();
            from = from.max(to);
            passed.iter().for_each(|slot| excused.insert(slot.get()));
            if !passed.is_empty() {
                findings.report(AnomalyKind::SkippedByReset, passed.len() as u64, || {
                    self.reset(offset, op, &passed)
                });
            }
        }
        excused
    }

    /// Counts the records that members have in hand, below where the group has got: they are no skips yet.
    fn in_hand(&self, excused: &mut Bits) -> u64 {
        let (start, reached) = self.owed();
        let slot = |offset| self.log.places.at_or_above(offset).clamp(start, reached);
        let ranges = self.progress.in_hand.iter().map(|range| (slot(range.start), slot(range.end)));
        let mut count = 0;
        for slot in ranges.flat_map(|(from, to)| self.log.visible(from, to)) {
            if self.progress.processed(slot).is_none() && !excused.contains(slot.get()) {
                excused.insert(slot.get());
                count += 1;
            }
        }
        count
    }

    fn skips(&self, excused: &Bits, findings: &mut Findings<'_>) {
        let (start, reached) = self.owed();
        for slot in self.log.visible(start, reached) {
            if self.progress.processed(slot).is_none() && !excused.contains(slot.get()) {
                self.skipped(slot, findings);
            }
        }
    }

    fn skipped(&self, slot: SlotIndex, findings: &mut Findings<'_>) {
        let place = (self.key, self.log.places.offset(slot));
        match self.excuse(slot) {
            Some(known) => {
                self.evidence.note_excuse(AnomalyKind::GroupSkip, place, known, findings)
            }
            None => findings.report(AnomalyKind::GroupSkip, 0, || self.skip(slot)),
        }
    }

    /// Why the group may have passed over a record. One that it was handed had to be gone before it moved on: it may
    /// have been lost with a consumer's memory.
    fn excuse(&self, slot: SlotIndex) -> Option<Known> {
        let offset = self.log.places.offset(slot);
        let reset = || self.progress.resets.iter().find(|&&(to, _)| to > offset).map(|&(_, op)| op);
        let passed = self.progress.passed(offset).or_else(reset);
        let was_handed = self.progress.delivered(slot).is_some();
        self.evidence.excuse_of(self.key, slot, passed).filter(|known| match *known {
            Known::Begins(_, told) => !was_handed || Some(told) <= passed,
            Known::Follows(_) | Known::Deleted(_) => true,
        })
    }

    fn redeliveries(&self, findings: &mut Findings<'_>) {
        for again in &self.progress.again {
            findings.report(AnomalyKind::GroupRedelivery, 0, || self.redelivery(again));
        }
    }

    fn reset(&self, offset: Offset, op: OpId, passed: &[SlotIndex]) -> Proof {
        let missing: Vec<_> =
            passed.iter().take(EXAMPLES_MAX).map(|&slot| self.log.record(slot)).collect();
        let key = self.evidence.key_name(self.key);
        let explain = vec![
            format!(
                "In {key}, the position was reset to the log's end, offset {offset}, for {}.",
                self.evidence.who_when(op)
            ),
            format!(
                "Group {} never processed {} below, from offset {} on.",
                self.group_name(),
                counted(passed.len() as u64, "record"),
                missing[0].0
            ),
        ];
        Proof {
            key: self.key,
            offsets: vec![missing[0].0, offset],
            ops: vec![(op, Role::Owner)],
            missing,
            explain,
        }
    }

    fn skip(&self, slot: SlotIndex) -> Proof {
        let (offset, value) = self.log.record(slot);
        let key = self.evidence.key_name(self.key);
        let mut ops = Vec::new();
        let mut explain = Vec::new();
        match self.progress.delivered(slot) {
            Some(poll) => {
                ops.push((poll, Role::Reader));
                explain.push(self.evidence.tell_read(poll, self.key, offset, value));
                explain.push(format!(
                    "Nobody in group {} ever finished processing it.",
                    self.group_name()
                ));
            }
            None => explain.push(format!(
                "{key} holds {} at offset {offset}; group {} never got it.",
                self.evidence.value_name(value),
                self.group_name()
            )),
        }
        if let Some((reached, op)) = self.progress.reached() {
            ops.push((op, Role::Committer));
            explain.push(format!(
                "The group moved on to offset {reached} by {}.",
                self.evidence.who_when(op)
            ));
        }
        Proof { key: self.key, offsets: vec![offset], ops, missing: vec![(offset, value)], explain }
    }

    fn redelivery(&self, &Again { slot, first, again }: &Again) -> Proof {
        let (offset, value) = self.log.record(slot);
        let ops = vec![(first, Role::Processor), (again, Role::Processor)];
        let explain = vec![
            format!(
                "Group {} processed {} of {} at offset {offset} by {}.",
                self.group_name(),
                self.evidence.value_name(value),
                self.evidence.key_name(self.key),
                self.evidence.who_when(first)
            ),
            format!("It was processed again by {}.", self.evidence.who_when(again)),
        ];
        Proof { key: self.key, offsets: vec![offset], ops, missing: vec![], explain }
    }

    fn group_name(&self) -> &str {
        self.evidence.group_name(self.group)
    }
}
