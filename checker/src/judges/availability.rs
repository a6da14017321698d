//! Claim: once all faults are over, every partition takes records again and every group reads on, within the time that the
//! contract allows for recovery.
//!
//! ```text
//!   all faults over       recovered by now         the recovery time once more       end of the history
//!         |-----------------------|--send, no answer------------|--------------------------|   stuck-partition
//!         |-----------------------|--records left, member idle--|--------------------------|   stuck-group
//! ```
//! A partition stands still if of the sends invoked after the recovery time none was acknowledged, though the first had the
//! recovery time once more to be answered in. A group stands still if a living member has held the partition all that time
//! and the group moved no further, though records lie ahead. A history without an end of faults promises nothing. One that
//! ends before can tell only who has recovered: a partition that acknowledged a record at its offset after the end of all
//! faults, a group that moved on after it.
//!
//! O(events + groups · partitions).

use crate::anomaly::{AnomalyKind, Role};
use crate::counted::counted;
use crate::evidence::Evidence;
use crate::evidence::holders::Holders;
use crate::evidence::progress::{Groups, Progress};
use crate::evidence::sends::{Outcome, Send};
use crate::findings::{Findings, Proof};
use crate::history::{GroupId, Key, Offset, OpId, Time};
use crate::verdict::Coverage;

/// From when on the log owes progress.
pub(crate) struct Recovery {
    healed: OpId,
    /// The time that recovery may take, in nanoseconds.
    allowed: u64,
    /// All faults over and the recovery time too.
    owed_from: Time,
    end: Time,
}

impl Recovery {
    /// The recovery from the last faults, if the history says that they are over.
    pub(crate) fn of(evidence: &Evidence<'_>, recovery_ms: u64) -> Option<Recovery> {
        let healed = evidence.told.healed?;
        let history = evidence.history;
        let (end, time) = (history.last_event()?.time, history.event(healed).time);
        let allowed = recovery_ms.saturating_mul(1_000_000);
        Some(Recovery { healed, allowed, owed_from: Time(time.0.saturating_add(allowed)), end })
    }

    /// Whether what began at `time` has had the recovery time to end when the history does.
    fn has_passed_since(&self, time: Time) -> bool {
        time.0.saturating_add(self.allowed) <= self.end.0
    }
}

/// Looks for partitions and groups that stand still.
pub(crate) fn judge(
    evidence: &Evidence<'_>,
    groups: &Groups,
    recovery: &Recovery,
    findings: &mut Findings<'_>,
    coverage: &mut Coverage,
) {
    let judge = Judge { evidence, recovery };
    judge.partitions(findings, coverage);
    judge.groups(groups, findings, coverage);
}

/// What became of the sends that a partition owed an answer.
#[derive(Clone, Copy, Default)]
struct Owed<'s> {
    first: Option<&'s Send>,
    tried: u64,
    acknowledged: bool,
    /// It took a record after the end of all faults, however soon.
    has_recovered: bool,
}

impl Owed<'_> {
    /// Whether no send can change the judgement any more.
    fn is_settled(&self) -> bool {
        self.acknowledged && self.has_recovered
    }
}

struct Judge<'e, 'h> {
    evidence: &'e Evidence<'h>,
    recovery: &'e Recovery,
}

impl Judge<'_, '_> {
    fn partitions(&self, findings: &mut Findings<'_>, coverage: &mut Coverage) {
        let mut owed: Vec<Owed<'_>> = vec![Owed::default(); self.evidence.logs.len()];
        let healed = self.evidence.moment(self.recovery.healed);
        for (_, send) in self.evidence.sends.iter() {
            let partition = &mut owed[send.key.0 as usize];
            if partition.is_settled() || self.evidence.moment(send.done) < healed {
                continue;
            }
            if self.time(send.op) >= self.recovery.owed_from {
                partition.first.get_or_insert(send);
                partition.tried += 1;
            }
            let is_acked_since = |time| send.outcome == Outcome::Ok && self.time(send.done) >= time;
            partition.acknowledged |= is_acked_since(self.recovery.owed_from);
            let is_at_its_place = send.offset(self.evidence.history).known().is_some();
            partition.has_recovered |= is_at_its_place && is_acked_since(self.healed_at());
        }
        for (key, partition) in (0..).map(Key).zip(owed) {
            let is_due = |first: &&Send| self.recovery.has_passed_since(self.time(first.op));
            let due = partition.first.filter(is_due);
            coverage.recoveries += u64::from(partition.has_recovered || due.is_some());
            if let Some(first) = due.filter(|_| !partition.acknowledged) {
                findings.report(AnomalyKind::StuckPartition, partition.tried, || {
                    self.stuck_partition(key, first, partition.tried)
                });
            }
        }
    }

    fn groups(&self, groups: &Groups, findings: &mut Findings<'_>, coverage: &mut Coverage) {
        let holders = Holders::at_the_end(self.evidence);
        for (group, key, progress) in groups.iter() {
            let has_moved_since =
                |time| progress.reached().is_some_and(|(_, op)| self.time(op) >= time);
            let due = holders.of(group, key).filter(|&member| self.is_due(member));
            coverage.recoveries += u64::from(has_moved_since(self.healed_at()) || due.is_some());
            let log = self.evidence.log(key);
            let reached = reached(progress);
            let left = log.count_visible(log.places.at_or_above(reached), log.len());
            let has_moved = has_moved_since(self.recovery.owed_from);
            if let Some(member) = due.filter(|_| left > 0 && !has_moved) {
                findings.report(AnomalyKind::StuckGroup, left, || {
                    self.stuck_group(group, key, reached, left, member)
                });
            }
        }
    }

    /// Whether a member that got the partition with this event has had the time to recover and to read on.
    fn is_due(&self, member: OpId) -> bool {
        let owed_from = self.recovery.owed_from;
        self.recovery.has_passed_since(owed_from) && self.time(member) < owed_from
    }

    fn healed_at(&self) -> Time {
        self.time(self.recovery.healed)
    }

    fn time(&self, op: OpId) -> Time {
        self.evidence.history.event(op).time
    }

    fn tell_healed(&self) -> String {
        format!(
            "All faults were over at {}, and the time to recover at {}; the history goes on until {}.",
            self.healed_at(),
            self.recovery.owed_from,
            self.recovery.end
        )
    }

    fn stuck_partition(&self, key: Key, first: &Send, tried: u64) -> Proof {
        let name = self.evidence.key_name(key);
        let explain = vec![
            self.tell_healed(),
            self.evidence.tell_send(first),
            format!(
                "Of {} to {name} from there on, none was acknowledged.",
                counted(tried, "send")
            ),
        ];
        let ops = vec![(self.recovery.healed, Role::Healer), (first.op, Role::Writer)];
        Proof { key, offsets: vec![], ops, missing: vec![], explain }
    }

    fn stuck_group(
        &self,
        group: GroupId,
        key: Key,
        reached: Offset,
        left: u64,
        member: OpId,
    ) -> Proof {
        let log = self.evidence.log(key);
        let (from, name) = (log.places.at_or_above(reached), self.evidence.group_name(group));
        let missing: Vec<_> =
            log.visible(from, log.len()).take(8).map(|slot| log.record(slot)).collect();
        let explain = vec![
            self.tell_healed(),
            format!(
                "{} holds {} for group {name} since {}.",
                self.evidence.history.process_name(self.evidence.history.event(member).process),
                self.evidence.key_name(key),
                self.time(member)
            ),
            format!("The group got to offset {reached}, with {} beyond.", counted(left, "record")),
        ];
        let ops = vec![(self.recovery.healed, Role::Healer), (member, Role::Owner)];
        Proof { key, offsets: vec![reached], ops, missing, explain }
    }
}

/// How far a group processed or committed.
fn reached(progress: &Progress) -> Offset {
    let moved = progress.reached().map(|(offset, _)| offset);
    moved.or(progress.start).unwrap_or(Offset(0))
}
