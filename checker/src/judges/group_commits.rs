//! Claim: when a group's member commits an offset, the group was handed, and has processed, every record below it.
//!
//! O(commits + slots): a mark per group and partition moves forward over the slots that are done. A commit that runs ahead
//! is reported once, with what it ran ahead of; the mark then moves to it.

use crate::anomaly::{AnomalyKind, EXAMPLES_MAX, Role};
use crate::counted::counted;
use crate::evidence::Evidence;
use crate::evidence::log::Log;
use crate::evidence::progress::{Groups, Progress};
use crate::evidence::sends::SlotIndex;
use crate::evidence::table::Table;
use crate::findings::{Findings, Proof};
use crate::history::{GroupId, Key, Offset, OpId, What};

/// Judges every commit against what the group had done when it was invoked.
pub(crate) fn judge(evidence: &Evidence<'_>, groups: &Groups, findings: &mut Findings<'_>) {
    let history = evidence.history;
    let mut marks: Table<Marks> = Table::new(history.groups().len(), evidence.logs.len());
    for (op, event) in evidence.events_but_sends() {
        let What::CommitInvoked { group, offsets } = event.what else { continue };
        for (key, offset) in history.offsets(offsets) {
            let Some(progress) = groups.get(group, key) else { continue };
            let commit =
                Commit { evidence, progress, log: evidence.log(key), op, group, key, offset };
            commit.judge(marks.cell(group.0, key.0), findings);
        }
    }
}

/// Slots below which everything was delivered, and processed, or reported.
#[derive(Clone, Copy, Default)]
struct Marks {
    delivered: usize,
    processed: usize,
}

struct Commit<'e, 'h> {
    evidence: &'e Evidence<'h>,
    progress: &'e Progress,
    log: &'e Log,
    op: OpId,
    group: GroupId,
    key: Key,
    offset: Offset,
}

impl Commit<'_, '_> {
    fn judge(&self, marks: &mut Marks, findings: &mut Findings<'_>) {
        let Some(start) = self.progress.start else { return };
        let (start, end) =
            (self.log.places.at_or_above(start), self.log.places.at_or_above(self.offset));
        let ahead_of =
            self.advance(&mut marks.delivered, start, end, |slot| self.was_delivered(slot));
        self.report(AnomalyKind::CommitBeyondDelivery, &ahead_of, findings);
        let ahead_of =
            self.advance(&mut marks.processed, start, end, |slot| self.was_processed(slot));
        self.report(AnomalyKind::CommitBeyondProcessing, &ahead_of, findings);
    }

    /// Moves the mark to `end` and returns the visible slots on the way that are not done.
    fn advance(
        &self,
        mark: &mut usize,
        start: usize,
        end: usize,
        done: impl Fn(SlotIndex) -> bool,
    ) -> Vec<SlotIndex> {
        let from = start.max(*mark);
        *mark = end.max(*mark);
        self.log.visible(from, end).filter(|&slot| !done(slot)).collect()
    }

    /// A record that may have been removed before it could be delivered is no commit's fault.
    fn was_delivered(&self, slot: SlotIndex) -> bool {
        self.progress.delivered(slot).is_some_and(|delivered| delivered < self.op)
            || self.progress.strayed(slot)
            || self.is_excused(slot)
    }

    fn is_excused(&self, slot: SlotIndex) -> bool {
        self.progress.delivered(slot).is_none()
            && self.evidence.excuse_of(self.key, slot, Some(self.op)).is_some()
    }

    /// A record the group had not even received is the graver anomaly and reported as that alone.
    fn was_processed(&self, slot: SlotIndex) -> bool {
        !self.was_delivered(slot)
            || self.progress.strayed(slot)
            || self.is_excused(slot)
            || self.progress.processed(slot).is_some_and(|processed| processed < self.op)
    }

    fn report(&self, kind: AnomalyKind, ahead_of: &[SlotIndex], findings: &mut Findings<'_>) {
        if !ahead_of.is_empty() {
            findings.report(kind, ahead_of.len() as u64, || self.prove(kind, ahead_of));
        }
    }

    fn prove(&self, kind: AnomalyKind, ahead_of: &[SlotIndex]) -> Proof {
        let (group, key) = (self.evidence.group_name(self.group), self.evidence.key_name(self.key));
        let had = if kind == AnomalyKind::CommitBeyondDelivery { "received" } else { "processed" };
        let missing: Vec<_> =
            ahead_of.iter().take(EXAMPLES_MAX).map(|&slot| self.log.record(slot)).collect();
        let first = ahead_of[0];
        let mut ops = vec![(self.op, Role::Committer)];
        ops.extend(self.progress.delivered(first).map(|poll| (poll, Role::Reader)));
        let explain = vec![
            format!(
                "{key} was committed up to offset {} by {}.",
                self.offset,
                self.evidence.who_when(self.op)
            ),
            format!(
                "By then group {group} had not {had} {} below, from offset {} on.",
                counted(ahead_of.len() as u64, "record"),
                self.log.places.offset(first)
            ),
        ];
        Proof {
            key: self.key,
            offsets: vec![self.log.places.offset(first), self.offset],
            ops,
            missing,
            explain,
        }
    }
}
