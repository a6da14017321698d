//! Claim: of the members of a group, one at a time has a partition, and only its commits are accepted.
//!
//! O(assigned partitions + commits * members that hold the partition at once). Two members may well believe that a
//! partition is theirs: the one that lost it is the last to hear of it, and may read and process on. But the coordinator
//! knows, and refuses its commits. So there is an overlap when each of two holders has a commit accepted that it asked
//! for after the other had got the partition:
//!
//! ```text
//!   A  has p ─────────────── commit p, accepted      one of them was not the owner any more,
//!   B         has p ── commit p, accepted            and the coordinator took its commit all the same
//! ```
//! Consumers that assign themselves partitions (`assign()`), past the group's protocol, own nothing: nobody refuses their
//! commits, and nobody promised to.

use crate::anomaly::{AnomalyKind, Role};
use crate::evidence::Evidence;
use crate::evidence::table::Table;
use crate::findings::{Findings, Proof};
use crate::history::{Event, GroupId, Key, Offsets, OpId, ProcessId, RebalanceKind, What};

/// Follows who holds which partition, and whose commits are accepted.
pub(crate) struct Holders<'e, 'h> {
    evidence: &'e Evidence<'h>,
    /// Who believes to have the partition, by group and partition.
    holders: Table<Vec<Holder>>,
}

#[derive(Clone, Copy)]
struct Holder {
    process: ProcessId,
    /// When it last heard that the partition is its own.
    since: OpId,
    /// The last of its commits that was accepted since.
    accepted: Option<OpId>,
}

impl<'e, 'h> Holders<'e, 'h> {
    /// Begins to follow them.
    pub(crate) fn new(evidence: &'e Evidence<'h>) -> Self {
        let groups = evidence.history.groups().len();
        Holders { evidence, holders: Table::new(groups, evidence.logs.len()) }
    }

    /// Judges the next event.
    pub(crate) fn note(&mut self, op: OpId, event: &Event, findings: &mut Findings<'_>) {
        let process = event.process;
        let Some(group) = self.evidence.history.session(process).group else { return };
        match event.what {
            What::Assigned { .. } if self.evidence.assigns_itself(process) => {
                self.ended(group, process)
            }
            What::Assigned { keys } => self.assigned(group, process, op, keys),
            What::Rebalanced { kind: RebalanceKind::Assigned, keys, .. } => {
                self.got(group, process, op, keys)
            }
            What::Rebalanced { keys, .. } => self.lost(group, process, keys),
            What::CommitOk { op: commit } => self.committed(commit, findings),
            What::Subscribed { .. } | What::Crashed | What::Closed => self.ended(group, process),
            _ => {}
        }
    }

    /// The process has exactly these partitions now.
    fn assigned(&mut self, group: GroupId, process: ProcessId, op: OpId, keys: Offsets) {
        self.ended(group, process);
        self.got(group, process, op, keys);
    }

    fn got(&mut self, group: GroupId, process: ProcessId, since: OpId, keys: Offsets) {
        self.lost(group, process, keys);
        for (key, _) in self.evidence.history.offsets(keys) {
            let holder = Holder { process, since, accepted: None };
            self.holders.cell(group.0, key.0).push(holder);
        }
    }

    fn lost(&mut self, group: GroupId, process: ProcessId, keys: Offsets) {
        for (key, _) in self.evidence.history.offsets(keys) {
            self.holders.cell(group.0, key.0).retain(|holder| holder.process != process);
        }
    }

    fn ended(&mut self, group: GroupId, process: ProcessId) {
        let row = self.holders.row(group.0).iter_mut();
        row.for_each(|holders| holders.retain(|holder| holder.process != process));
    }

    fn committed(&mut self, commit: OpId, findings: &mut Findings<'_>) {
        let invoked = self.evidence.history.event(commit);
        let What::CommitInvoked { group, offsets } = invoked.what else { return };
        for (key, _) in self.evidence.history.offsets(offsets) {
            let holders = self.holders.cell(group.0, key.0);
            let is_own = |holder: &Holder| holder.process == invoked.process;
            let Some(at) = holders.iter().position(is_own).filter(|&at| holders[at].since < commit)
            else {
                continue;
            };
            holders[at].accepted = holders[at].accepted.max(Some(commit));
            let mine = holders[at];
            let overlaps = |other: &Holder| self.evidence.overlap(&mine, other);
            if let Some(&rival) = holders.iter().find(|other| overlaps(other)) {
                let prove = || prove(self.evidence, group, key, [rival, mine]);
                findings.report(AnomalyKind::OwnershipOverlap, 0, prove);
            }
        }
    }
}

impl Evidence<'_> {
    /// Whether each of two holders had a commit accepted that it asked for after the other had got the partition.
    fn overlap(&self, one: &Holder, other: &Holder) -> bool {
        let outlives = |holder: &Holder, rival: &Holder| {
            holder.accepted.is_some_and(|commit| self.is_before(rival.since, commit))
        };
        one.process != other.process && outlives(one, other) && outlives(other, one)
    }
}

fn prove(evidence: &Evidence<'_>, group: GroupId, key: Key, mut pair: [Holder; 2]) -> Proof {
    pair.sort_by_key(|holder| holder.since);
    let mut ops = Vec::new();
    let mut explain = Vec::new();
    for holder in pair {
        let (name, since) = (evidence.key_name(key), evidence.who_when(holder.since));
        ops.push((holder.since, Role::Owner));
        explain.push(format!("{name} was assigned to {since}."));
    }
    for commit in pair.iter().filter_map(|holder| holder.accepted) {
        ops.push((commit, Role::Committer));
        let who_when = evidence.who_when(commit);
        explain.push(format!(
            "After both assignments, {who_when} committed it and was told that it is done."
        ));
    }
    explain.push(format!(
        "Only one of them can have been the owner in group {}: the other's commit should have been refused.",
        evidence.group_name(group)
    ));
    Proof { key, offsets: vec![], ops, missing: vec![], explain }
}
