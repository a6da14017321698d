//! Claim: once a member of a later generation has read a partition, no commit of it by a member of an earlier one is accepted.
//!
//! O(events) if the history tells generations, O(1) if not. A member that lost a partition may read on, for it does not
//! know; the coordinator, which knows, answers its commits with `ILLEGAL_GENERATION` or `STALE_MEMBER_EPOCH` (KIP-848).
//! A commit asked for before that read may have been accepted while the earlier generation lasted.

use crate::anomaly::{AnomalyKind, Role};
use crate::evidence::Evidence;
use crate::evidence::table::Table;
use crate::findings::{Findings, Proof};
use crate::history::{Event, Generation, GroupId, Key, Offset, OpId, Poll, ProcessId, Spans, What};
use std::collections::BTreeMap;

/// Follows the generations of all members.
pub(crate) struct Generations<'e, 'h> {
    evidence: &'e Evidence<'h>,
    of_process: Vec<Generation>,
    /// The latest generation in which the group read the partition, and the poll.
    latest: Table<Option<(Generation, OpId)>>,
    /// Commits that ought to be refused.
    stale: BTreeMap<OpId, Vec<Stale>>,
}

/// Why a commit ought to be refused.
struct Stale {
    group: GroupId,
    key: Key,
    offset: Offset,
    of: Generation,
    read_in: Generation,
    read_by: OpId,
}

impl<'e, 'h> Generations<'e, 'h> {
    /// Begins to follow them, if the history tells of any.
    pub(crate) fn new(evidence: &'e Evidence<'h>) -> Option<Self> {
        let history = evidence.history;
        evidence.tells_generations.then(|| Generations {
            evidence,
            of_process: vec![Generation::NONE; history.sessions().count()],
            latest: Table::new(history.groups().len(), evidence.logs.len()),
            stale: BTreeMap::new(),
        })
    }

    /// Judges the next event.
    pub(crate) fn note(&mut self, op: OpId, event: &Event, findings: &mut Findings<'_>) {
        match event.what {
            What::Joined { generation } | What::Rebalanced { generation, .. } => {
                let of_process = &mut self.of_process[event.process.0 as usize];
                *of_process = generation.max(*of_process);
            }
            What::Polled { poll } => {
                let &Poll { records, .. } = self.evidence.history.poll(poll);
                self.polled(event.process, op, records);
            }
            What::CommitInvoked { group, .. } => self.asked(group, event.process, op),
            What::CommitOk { op: commit } => self.accepted(commit, findings),
            _ => {}
        }
    }

    fn polled(&mut self, process: ProcessId, op: OpId, records: Spans) {
        let generation = self.of_process[process.0 as usize];
        let history = self.evidence.history;
        let Some(group) = history.session(process).group else { return };
        for span in history.spans(records).filter(|_| generation != Generation::NONE) {
            let latest = self.latest.cell(group.0, span.key.0);
            if latest.is_none_or(|(before, _)| before < generation) {
                *latest = Some((generation, op));
            }
        }
    }

    fn asked(&mut self, group: GroupId, process: ProcessId, commit: OpId) {
        let of = self.of_process[process.0 as usize];
        let What::CommitInvoked { offsets, .. } = self.evidence.history.event(commit).what else {
            return;
        };
        for (key, offset) in self.evidence.history.offsets(offsets) {
            let latest = *self.latest.cell(group.0, key.0);
            let later = latest.filter(|&(read_in, _)| of != Generation::NONE && of < read_in);
            if let Some((read_in, read_by)) =
                later.filter(|&(_, read_by)| self.evidence.is_before(read_by, commit))
            {
                let stale = Stale { group, key, offset, of, read_in, read_by };
                self.stale.entry(commit).or_default().push(stale);
            }
        }
    }

    fn accepted(&mut self, commit: OpId, findings: &mut Findings<'_>) {
        for stale in self.stale.remove(&commit).into_iter().flatten() {
            let weight = stale.read_in.0.abs_diff(stale.of.0).into();
            let prove = || prove(self.evidence, &stale, commit);
            findings.report(AnomalyKind::FencingViolation, weight, prove);
        }
    }
}

fn prove(evidence: &Evidence<'_>, stale: &Stale, commit: OpId) -> Proof {
    let (group, key) = (evidence.group_name(stale.group), evidence.key_name(stale.key));
    let (of, read_in) = (stale.of.0, stale.read_in.0);
    let (reader, committer) = (evidence.who_when(stale.read_by), evidence.who_when(commit));
    let explain = vec![
        format!("In generation {read_in} of group {group}, {key} was read by {reader}."),
        format!(
            "Offset {} of it was committed by {committer}, a member of generation {of}.",
            stale.offset
        ),
        "The coordinator accepted the commit of a member that it had replaced.".to_owned(),
    ];
    let ops = vec![(stale.read_by, Role::Owner), (commit, Role::Committer)];
    Proof { key: stale.key, offsets: vec![stale.offset], ops, missing: vec![], explain }
}
