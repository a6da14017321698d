//! Claim: a group that asks for its committed offsets is not given older ones than it has committed.
//!
//! O(commits * (commits open at once + log commits) + spans). A committed offset is a register: an answer may be any commit that could be in
//! force while the question was open. A commit is out of force once a later one, invoked after it was confirmed, is
//! confirmed itself. A commit whose outcome nobody learnt may take force at any time, so it always counts as possible.
//! Offsets of a committed transaction take force when its marker is written, which nobody is told (KIP-98).
//! Offsets may fall by being committed lower: an answer below every possible commit is a regression, another one that is
//! no possible commit a phantom. So is the offset that a member begins to read at when it was assigned a partition
//! ([`starts`]), where no answer was recorded. The history must have every commit of the group since the first it has. With `enable.auto.commit=true` it
//! need not, and nothing is judged; and where the group was given a committed offset before any commit was asked for, somebody
//! commits whose commits are not recorded, and no offset is a phantom.

mod register;
mod starts;

use crate::anomaly::{AnomalyKind, Role};
use crate::evidence::Evidence;
use crate::evidence::table::Table;
use crate::findings::{Findings, Proof};
use crate::history::{
    Event, GroupId, Key, Offset, Offsets, OpId, PositionedBy, ProcessId, RebalanceKind, What,
};
use register::{Commit, Register};
use starts::Starts;

/// Follows each group's committed offsets.
pub(crate) struct Registers<'e, 'h> {
    evidence: &'e Evidence<'h>,
    registers: Table<Register>,
    /// The questions still open, by group: each process has one at most, its last; answers to others are not judged.
    asked: Vec<Vec<(ProcessId, OpId)>>,
    starts: Starts,
}

impl<'e, 'h> Registers<'e, 'h> {
    /// Begins to follow them, unless consumers commit by themselves.
    pub(crate) fn new(evidence: &'e Evidence<'h>) -> Option<Self> {
        let history = evidence.history;
        let groups = history.groups().len();
        (!evidence.auto_commits).then(|| Registers {
            evidence,
            registers: Table::new(groups, evidence.logs.len()),
            asked: vec![Vec::new(); groups],
            starts: Starts::new(groups, history.sessions().count(), evidence.logs.len()),
        })
    }

    /// Judges the next event.
    pub(crate) fn note(&mut self, op: OpId, event: &Event, findings: &mut Findings<'_>) {
        let evidence = self.evidence;
        match event.what {
            What::CommitInvoked { group, offsets } | What::TxnOffsets { group, offsets } => {
                self.invoked(group, offsets, op)
            }
            What::CommitOk { op: commit } => self.confirmed(commit, op),
            What::CommitFailed { op: commit } => self.failed(commit),
            What::TxnAborted { txn } => {
                let added = evidence.transactions.offsets_of(txn);
                added.iter().for_each(|&commit| self.failed(commit));
            }
            What::TxnCommitted { txn, .. } | What::TxnUnknown { txn, .. } => {
                let added = evidence.transactions.offsets_of(txn);
                added.iter().for_each(|&commit| self.unknown(commit));
            }
            What::CommitUnknown { op: commit } => self.unknown(commit),
            What::Crashed | What::Closed => self.gone(event.process),
            What::Polled { poll } => {
                let history = evidence.history;
                for span in history.spans(history.poll(poll).records) {
                    self.starts.polled(evidence, event.process, (span, op), findings);
                }
            }
            What::CommittedInvoked { group } => self.asked(group, event.process, op),
            What::CommittedOk { op: question, offsets } => {
                self.answered(question, op, offsets, findings)
            }
            what => self.turned(event.process, op, what),
        }
    }

    fn invoked(&mut self, group: GroupId, offsets: Offsets, invoked: OpId) {
        for (key, offset) in self.evidence.history.offsets(offsets) {
            let commit = Commit::new(offset, invoked);
            self.registers.cell(group.0, key.0).invoke(commit);
            self.starts.invoked(group, key, commit);
        }
    }

    fn confirmed(&mut self, commit: OpId, confirmed: OpId) {
        let (group, offsets) = self.commit(commit);
        let oldest_question =
            self.asked[group.0 as usize].iter().map(|&(_, question)| question).min();
        for (key, _) in self.evidence.history.offsets(offsets) {
            let register = self.registers.cell(group.0, key.0);
            register.confirm(commit, confirmed);
            register.forget(oldest_question.unwrap_or(confirmed));
        }
    }

    fn failed(&mut self, commit: OpId) {
        let (group, offsets) = self.commit(commit);
        for (key, _) in self.evidence.history.offsets(offsets) {
            self.registers.cell(group.0, key.0).fail(commit);
        }
    }

    fn unknown(&mut self, commit: OpId) {
        let (group, offsets) = self.commit(commit);
        for (key, _) in self.evidence.history.offsets(offsets) {
            self.registers.cell(group.0, key.0).give_up(|known| known.invoked == commit);
        }
    }

    /// Nobody will learn what became of the commits that a process leaves unanswered.
    fn gone(&mut self, process: ProcessId) {
        let history = self.evidence.history;
        let Some(group) = history.session(process).group else { return };
        self.starts.lost_all_but(group, process, |_| false);
        for register in self.registers.row(group.0) {
            register.give_up(|known| history.event(known.invoked).process == process);
        }
    }

    /// A member gets or loses partitions, or is put somewhere in one.
    fn turned(&mut self, process: ProcessId, op: OpId, what: What) {
        let history = self.evidence.history;
        let Some(group) = history.session(process).group else { return };
        match what {
            What::Assigned { keys } => {
                let listed = |key| history.offsets(keys).any(|(listed, _)| listed == key);
                self.starts.lost_all_but(group, process, listed);
                self.got(group, process, op, keys);
            }
            What::Rebalanced { kind: RebalanceKind::Assigned, keys, .. } => {
                self.got(group, process, op, keys)
            }
            What::Rebalanced { keys, .. } => {
                history.offsets(keys).for_each(|(key, _)| self.starts.lost(group, process, key))
            }
            What::Subscribed { .. } => self.starts.lost_all_but(group, process, |_| false),
            What::Positioned { key, by, .. } if by != PositionedBy::Committed => {
                self.starts.placed(group, process, key)
            }
            _ => {}
        }
    }

    fn got(&mut self, group: GroupId, process: ProcessId, op: OpId, keys: Offsets) {
        for (key, _) in self.evidence.history.offsets(keys) {
            let register = self.registers.cell(group.0, key.0);
            self.starts.got(group, process, key, op, register);
        }
    }

    fn asked(&mut self, group: GroupId, process: ProcessId, question: OpId) {
        let open = &mut self.asked[group.0 as usize];
        open.retain(|&(asker, _)| asker != process);
        open.push((process, question));
    }

    fn answered(
        &mut self,
        question: OpId,
        op: OpId,
        offsets: Offsets,
        findings: &mut Findings<'_>,
    ) {
        let What::CommittedInvoked { group } = self.evidence.history.event(question).what else {
            return;
        };
        let open = &mut self.asked[group.0 as usize];
        let Some(asked) = open.iter().position(|&(_, open)| open == question) else { return };
        let (asker, _) = open.swap_remove(asked);
        for (key, answer) in self.evidence.history.offsets(offsets) {
            self.starts.told(group, asker, key);
            let register = self.registers.cell(group.0, key.0);
            register.told(answer);
            let Some([lowest, highest]) = register.possible(question) else { continue };
            let (kind, commit) = match answer {
                _ if answer < lowest.offset => (AnomalyKind::CommittedOffsetRegression, lowest),
                _ if !register.may_be(answer, question) => (AnomalyKind::PhantomCommit, highest),
                _ => continue,
            };
            let answer = Answer { group, key, offset: answer, op };
            let weight = commit.offset.0.abs_diff(answer.offset.0);
            findings.report(kind, weight, || prove(self.evidence, &answer, kind, commit));
        }
    }

    fn commit(&self, commit: OpId) -> (GroupId, Offsets) {
        match self.evidence.history.event(commit).what {
            What::CommitInvoked { group, offsets } | What::TxnOffsets { group, offsets } => {
                (group, offsets)
            }
            other => unreachable!(
                "recording checks that completions of commits name commits, not {other:?}"
            ),
        }
    }
}

struct Answer {
    group: GroupId,
    key: Key,
    offset: Offset,
    op: OpId,
}

fn prove(evidence: &Evidence<'_>, answer: &Answer, kind: AnomalyKind, commit: Commit) -> Proof {
    let (group, key) = (evidence.group_name(answer.group), evidence.key_name(answer.key));
    let given = match answer.offset.known() {
        Some(offset) => format!("offset {offset}"),
        None => "no committed offset".to_owned(),
    };
    let explain = vec![
        format!(
            "Group {group} committed offset {} of {key} by {}.",
            commit.offset,
            evidence.who_when(commit.invoked)
        ),
        format!("Asked later, it was given {given}: {}.", evidence.who_when(answer.op)),
        match kind {
            AnomalyKind::PhantomCommit => "No commit that could still be in force has that offset.",
            _ => "No commit that could still be in force is as low as that.",
        }
        .to_owned(),
    ];
    let ops = vec![(commit.invoked, Role::Committer), (answer.op, Role::Owner)];
    Proof {
        key: answer.key,
        offsets: vec![commit.offset, answer.offset],
        ops,
        missing: vec![],
        explain,
    }
}
