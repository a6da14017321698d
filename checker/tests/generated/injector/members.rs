//! What a group's coordinator does wrong: accept commits it should refuse, answer what nobody committed, forget commits.

use super::super::step::Step;
use super::edit::Injector;
use ktrial_checker::anomaly::{AnomalyKind as Kind, Role};
use ktrial_checker::history::RebalanceKind;

impl Injector {
    /// Two members of another group have a partition at once, and commits of both are accepted.
    pub(super) fn share(&mut self) -> Option<()> {
        self.forget_clocks();
        let (key, _) = self.pick_drained()?;
        let members = self.open_members();
        let owners = members.map(|process| self.push(Step::Assign { process, keys: vec![key] }));
        let commits = members.map(|process| self.commit_accepted(process, key));
        let owners = owners.map(|at| (at, Role::Owner));
        let commits = commits.map(|at| (at, Role::Committer));
        self.expect(Kind::OwnershipOverlap, key, &[], &[owners, commits].concat(), &[])
    }

    pub(super) fn commit_in_an_earlier_generation(&mut self) -> Option<()> {
        self.forget_clocks();
        let (key, _) = self.pick_drained()?;
        let records = vec![*self.log(key).last()?];
        let [early, late] = self.open_members();
        for (process, generation) in [(early, 1), (late, 2)] {
            let (kind, keys) = (RebalanceKind::Assigned, vec![key]);
            self.steps.push(Step::Rebalance { process, kind, generation, keys });
        }
        let read = self.push(Step::Poll { process: late, key, records: records.clone() });
        self.push_processed(late, key, records);
        let commit = self.commit_accepted(early, key);
        let ops = [(read, Role::Owner), (commit, Role::Committer)];
        self.expect(Kind::FencingViolation, key, &[0], &ops, &[])
    }

    /// A member of another group asks what is committed and is told more than was.
    pub(super) fn answer_what_nobody_committed(&mut self) -> Option<()> {
        let (key, _) = self.pick_drained()?;
        let [committer, asker] = self.open_members();
        let commit = self.commit_accepted(committer, key);
        let id = u32::MAX;
        self.steps.push(Step::Ask { process: asker, group: 1, id });
        let answer = self.push(Step::Answer { id, key, offset: Some(1) });
        let ops = [(commit, Role::Committer), (answer, Role::Owner)];
        self.expect(Kind::PhantomCommit, key, &[0, 1], &ops, &[])
    }

    /// A member of another group is assigned a partition and begins behind what was committed.
    pub(super) fn start_ahead(&mut self) -> Option<()> {
        let (key, _) = self.pick_drained()?;
        let log = self.log(key);
        let (&last, skipped) = log.split_last().filter(|(_, skipped)| !skipped.is_empty())?;
        let [committer, reader] = self.open_members();
        let commit = self.commit_accepted(committer, key);
        let assign = self.push(Step::Assign { process: reader, keys: vec![key] });
        let poll = self.push(Step::Poll { process: reader, key, records: vec![last] });
        self.push_processed(reader, key, vec![last]);
        let ops = [(commit, Role::Committer), (assign, Role::Owner), (poll, Role::Reader)];
        self.expect(Kind::StartBeyondCommit, key, &[0, last.0], &ops, skipped)
    }

    fn open_members(&mut self) -> [u32; 2] {
        [994, 995].map(|client| {
            self.steps.push(Step::Open { client, group: Some(1) });
            self.processes() - 1
        })
    }

    fn commit_accepted(&mut self, process: u32, key: u32) -> usize {
        let id = u32::MAX - process;
        let commit = self.push(Step::Commit { process, group: 1, key, offset: 0, id });
        self.steps.push(Step::CommitOk { id });
        commit
    }

    /// A member that asks what is committed is told that nothing is.
    pub(super) fn forget_commits(&mut self) -> Option<()> {
        let mut answers = self.find(|step| matches!(step, Step::Answer { offset: Some(_), .. }));
        let first = self.random.below(answers.len().max(1));
        answers.rotate_left(first);
        let in_force = |at| self.lowest_in_force(at).map(|(commit, offset)| (at, commit, offset));
        let (at, commit, lowest) = answers.into_iter().find_map(in_force)?;
        let Step::Answer { key, ref mut offset, .. } = self.steps[at] else {
            unreachable!("found an answer")
        };
        *offset = None;
        let ops = [(commit, Role::Committer), (at, Role::Owner)];
        self.expect(Kind::CommittedOffsetRegression, key, &[lowest, -1], &ops, &[])
    }

    /// Of the commits that may be in force for an answer, the lowest: of equals the first, and one that was answered
    /// rather than one that was not. None as long as none was confirmed before the question.
    fn lowest_in_force(&self, answered: usize) -> Option<(usize, i64)> {
        let Step::Answer { key: of, .. } = self.steps[answered] else { return None };
        let asked = answered - 1;
        let commits: Vec<_> = self.steps[..answered]
            .iter()
            .enumerate()
            .filter_map(|(at, step)| match *step {
                Step::Commit { group: 0, key, offset, id, .. } if key == of => {
                    Some((at, offset, id))
                }
                _ => None,
            })
            .collect();
        let done = |id| self.steps[..asked].iter().position(|step| *step == Step::CommitOk { id });
        let has_failed = |id| self.steps[..answered].contains(&Step::CommitFailed { id });
        let is_overwritten = |id| {
            let later = |confirmed| {
                commits.iter().any(|&(at, _, other)| at > confirmed && done(other).is_some())
            };
            done(id).is_some_and(later)
        };
        commits.iter().find(|&&(.., id)| done(id).is_some())?;
        let in_force = commits.iter().filter(|&&(.., id)| !has_failed(id) && !is_overwritten(id));
        let lowest = in_force.min_by_key(|&&(at, offset, id)| (offset, done(id).is_none(), at))?;
        Some((lowest.0, lowest.1))
    }
}
