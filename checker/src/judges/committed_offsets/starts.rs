//! Where members begin to read what they were assigned: between the lowest and the highest offset that their group may have
//! committed, unless the application or a reset put them elsewhere.

use super::register::{Commit, Register};
use crate::anomaly::{AnomalyKind, EXAMPLES_MAX, Role};
use crate::evidence::Evidence;
use crate::evidence::table::Table;
use crate::findings::{Findings, Proof};
use crate::history::{GroupId, Key, OpId, ProcessId, Span};

/// Members that were assigned partitions and have not read of them yet.
pub(super) struct Starts {
    /// Whether a process has a partition.
    has: Table<bool>,
    /// By group and partition.
    pending: Table<Vec<Start>>,
}

/// A member about to read a partition.
#[derive(Clone, Copy)]
struct Start {
    process: ProcessId,
    /// When it got the partition.
    since: OpId,
    /// The lowest and the highest commit it may find in force.
    possible: [Commit; 2],
    /// It asked what is committed: whether the answer was too low is judged there.
    was_told: bool,
}

impl Starts {
    pub(super) fn new(groups: usize, processes: usize, keys: usize) -> Self {
        Starts { has: Table::new(processes, keys), pending: Table::new(groups, keys) }
    }

    /// The process has this partition now. If it is new to it, it will start where `register` may stand from `since` on.
    pub(super) fn got(
        &mut self,
        group: GroupId,
        process: ProcessId,
        key: Key,
        since: OpId,
        register: &Register,
    ) {
        let had = std::mem::replace(self.has.cell(process.0, key.0), true);
        if let Some(possible) = register.possible(since).filter(|_| !had) {
            let start = Start { process, since, possible, was_told: false };
            self.pending.cell(group.0, key.0).push(start);
        }
    }

    pub(super) fn lost(&mut self, group: GroupId, process: ProcessId, key: Key) {
        *self.has.cell(process.0, key.0) = false;
        self.placed(group, process, key);
    }

    /// The process lost all partitions but those that `keeps` says yes to.
    pub(super) fn lost_all_but(
        &mut self,
        group: GroupId,
        process: ProcessId,
        keeps: impl Fn(Key) -> bool,
    ) {
        let keys = (0..self.has.row(process.0).len() as u32).map(Key);
        keys.filter(|&key| !keeps(key)).for_each(|key| self.lost(group, process, key));
    }

    /// Something else than a committed offset says where the process starts.
    pub(super) fn placed(&mut self, group: GroupId, process: ProcessId, key: Key) {
        self.pending.cell(group.0, key.0).retain(|start| start.process != process);
    }

    pub(super) fn told(&mut self, group: GroupId, process: ProcessId, key: Key) {
        let pending = self.pending.cell(group.0, key.0).iter_mut();
        pending.filter(|start| start.process == process).for_each(|start| start.was_told = true);
    }

    /// Whoever has not started yet may find this commit in force.
    pub(super) fn invoked(&mut self, group: GroupId, key: Key, commit: Commit) {
        for Start { possible: [lowest, highest], .. } in self.pending.cell(group.0, key.0) {
            if commit.offset < lowest.offset {
                *lowest = commit;
            }
            if commit.offset > highest.offset {
                *highest = commit;
            }
        }
    }

    pub(super) fn polled(
        &mut self,
        evidence: &Evidence<'_>,
        process: ProcessId,
        (read, op): (&Span, OpId),
        findings: &mut Findings<'_>,
    ) {
        let Some(group) = evidence.history.session(process).group else { return };
        let pending = self.pending.cell(group.0, read.key.0);
        let Some(at) = pending.iter().position(|start| start.process == process) else { return };
        let start = pending.swap_remove(at);
        let [lowest, highest] = start.possible;
        let started = Started { evidence, group, start, read, op };
        let skipped = started.between(highest);
        if read.base < lowest.offset && !start.was_told {
            let weight = read.base.0.abs_diff(lowest.offset.0);
            let kind = AnomalyKind::CommittedOffsetRegression;
            findings.report(kind, weight, || started.prove(lowest, "as low as"));
        } else if skipped > 0 {
            let kind = AnomalyKind::StartBeyondCommit;
            findings.report(kind, skipped, || started.prove(highest, "as high as"));
        }
    }
}

struct Started<'e, 'h> {
    evidence: &'e Evidence<'h>,
    group: GroupId,
    start: Start,
    read: &'e Span,
    op: OpId,
}

impl Started<'_, '_> {
    /// The number of records between a commit and the first one read.
    fn between(&self, commit: Commit) -> u64 {
        let log = self.evidence.log(self.read.key);
        let (from, to) =
            (log.places.at_or_above(commit.offset), log.places.at_or_above(self.read.base));
        if from < to { log.count_visible(from, to) } else { 0 }
    }

    fn prove(&self, commit: Commit, how_far: &str) -> Proof {
        let (evidence, key) = (self.evidence, self.read.key);
        let (group, name) = (evidence.group_name(self.group), evidence.key_name(key));
        let log = evidence.log(key);
        let (from, to) =
            (log.places.at_or_above(commit.offset), log.places.at_or_above(self.read.base));
        let missing =
            log.visible(from, to).take(EXAMPLES_MAX).map(|slot| log.record(slot)).collect();
        let explain = vec![
            format!(
                "Group {group} committed offset {} of {name} by {}.",
                commit.offset,
                evidence.who_when(commit.invoked)
            ),
            format!("{name} was assigned to {}.", evidence.who_when(self.start.since)),
            format!(
                "It began to read at offset {} by {}.",
                self.read.base,
                evidence.who_when(self.op)
            ),
            format!("No commit that could be in force by then is {how_far} that."),
        ];
        let ops = vec![
            (commit.invoked, Role::Committer),
            (self.start.since, Role::Owner),
            (self.op, Role::Reader),
        ];
        Proof { key, offsets: vec![commit.offset, self.read.base], ops, missing, explain }
    }
}
