//! Claim: a group that asks for its committed offsets is not given older ones than it has committed.
//!
//! O(commits * commits open at once). A committed offset is a register: an answer may be any commit that could be in
//! force while the question was open. A commit is out of force once a later one, invoked after it was confirmed, is
//! confirmed itself. A commit whose outcome nobody learnt may take force at any time, so it always counts as possible.
//! Offsets of a committed transaction take force when its marker is written, which nobody is told (KIP-98).
//! Offsets may fall by being committed lower; only an answer below every possible commit is an anomaly.

use crate::anomaly::{AnomalyKind, Role};
use crate::evidence::Evidence;
use crate::evidence::table::Table;
use crate::findings::{Findings, Proof};
use crate::history::{GroupId, Key, Offset, Offsets, OpId, ProcessId, What};

/// Follows each group's committed offsets.
pub(crate) fn judge(evidence: &Evidence<'_>, findings: &mut Findings<'_>) {
    let history = evidence.history;
    let groups = history.groups().len();
    let registers = Table::new(groups, evidence.logs.len());
    let mut judge = Registers { evidence, registers, asked: vec![Vec::new(); groups] };
    for (op, event) in history.events() {
        match event.what {
            What::CommitInvoked { group, offsets } | What::TxnOffsets { group, offsets } => {
                judge.invoked(group, offsets, op)
            }
            What::CommitOk { op: commit } => judge.confirmed(commit, op),
            What::CommitFailed { op: commit } => judge.failed(commit),
            What::TxnAborted { txn } => {
                let added = evidence.transactions.offsets_of(txn);
                added.iter().for_each(|&commit| judge.failed(commit));
            }
            What::CommitUnknown { op: commit } => judge.unknown(commit),
            What::Crashed | What::Closed => judge.gone(event.process),
            What::CommittedInvoked { group } => judge.asked(group, event.process, op),
            What::CommittedOk { op: question, offsets } => {
                judge.answered(question, op, offsets, findings)
            }
            _ => {}
        }
    }
}

struct Registers<'e, 'h> {
    evidence: &'e Evidence<'h>,
    registers: Table<Register>,
    /// The questions still open, by group: each process has one at most, its last; answers to others are not judged.
    asked: Vec<Vec<(ProcessId, OpId)>>,
}

/// The commits that may be in force for one group in one partition.
#[derive(Clone, Default)]
struct Register {
    commits: Vec<Commit>,
    /// The lowest of the commits whose outcome nobody will learn: the others of them need not be remembered.
    lowest_unknown: Option<Commit>,
    /// When the first commit was confirmed: until then, nothing committed is possible too.
    begun: Option<OpId>,
}

#[derive(Clone, Copy)]
struct Commit {
    offset: Offset,
    invoked: OpId,
    confirmed: Option<OpId>,
    overwritten: Option<OpId>,
}

impl Registers<'_, '_> {
    fn invoked(&mut self, group: GroupId, offsets: Offsets, invoked: OpId) {
        for (key, offset) in self.evidence.history.offsets(offsets) {
            let commit = Commit { offset, invoked, confirmed: None, overwritten: None };
            self.registers.cell(group.0, key.0).commits.push(commit);
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
            self.registers.cell(group.0, key.0).commits.retain(|known| known.invoked != commit);
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
        for register in self.registers.row(group.0) {
            register.give_up(|known| history.event(known.invoked).process == process);
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
        open.swap_remove(asked);
        for (key, answer) in self.evidence.history.offsets(offsets) {
            let register = self.registers.cell(group.0, key.0);
            let Some(lowest) =
                register.lowest_possible(question).filter(|lowest| answer < lowest.offset)
            else {
                continue;
            };
            let answer = Answer { group, key, offset: answer, op };
            let weight = lowest.offset.0.abs_diff(answer.offset.0);
            let kind = AnomalyKind::CommittedOffsetRegression;
            findings.report(kind, weight, || prove(self.evidence, &answer, lowest));
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

impl Register {
    fn confirm(&mut self, commit: OpId, confirmed: OpId) {
        self.begun.get_or_insert(confirmed);
        for known in &mut self.commits {
            if known.invoked == commit {
                known.confirmed = Some(confirmed);
            } else if known.confirmed.is_some_and(|before| before < commit) {
                known.overwritten.get_or_insert(confirmed);
            }
        }
    }

    /// The unconfirmed commits among `these` stay unknown for good.
    fn give_up(&mut self, these: impl Fn(&Commit) -> bool) {
        let lost = |commit: &mut Commit| commit.confirmed.is_none() && these(commit);
        let lost = self.commits.extract_if(.., lost).chain(self.lowest_unknown);
        self.lowest_unknown = lost.min_by_key(|commit| commit.offset);
    }

    /// Drops commits that were out of force before the oldest open question was asked.
    fn forget(&mut self, oldest_question: OpId) {
        self.commits.retain(|commit| {
            commit.overwritten.is_none_or(|overwritten| overwritten >= oldest_question)
        });
    }

    /// The lowest commit that may have been in force after `question` was asked; none if that may be no commit at all.
    fn lowest_possible(&self, question: OpId) -> Option<Commit> {
        self.begun.filter(|&begun| begun < question)?;
        let possible =
            self.commits.iter().filter(|commit| commit.overwritten.is_none_or(|op| op > question));
        possible.copied().chain(self.lowest_unknown).min_by_key(|commit| commit.offset)
    }
}

struct Answer {
    group: GroupId,
    key: Key,
    offset: Offset,
    op: OpId,
}

fn prove(evidence: &Evidence<'_>, answer: &Answer, lowest: Commit) -> Proof {
    let (group, key) = (evidence.group_name(answer.group), evidence.key_name(answer.key));
    let given = match answer.offset.known() {
        Some(offset) => format!("offset {offset}"),
        None => "no committed offset".to_owned(),
    };
    let explain = vec![
        format!(
            "Group {group} committed offset {} of {key} by {}.",
            lowest.offset,
            evidence.who_when(lowest.invoked)
        ),
        format!("Asked later, it was given {given}: {}.", evidence.who_when(answer.op)),
        "No commit that could still be in force is as low as that.".to_owned(),
    ];
    let ops = vec![(lowest.invoked, Role::Committer), (answer.op, Role::Owner)];
    Proof {
        key: answer.key,
        offsets: vec![lowest.offset, answer.offset],
        ops,
        missing: vec![],
        explain,
    }
}
