//! The committed offset of one group in one partition, as a register: which commits may be in force.

use crate::history::{Offset, OpId};
use std::collections::BTreeMap;

/// The commits that may be in force.
#[derive(Clone, Default)]
pub(super) struct Register {
    commits: Vec<Commit>,
    /// Of the commits whose outcome nobody will learn, one for each offset: they may take force at any time.
    unknown: BTreeMap<Offset, Commit>,
    /// When the first commit was confirmed: until then, nothing committed is possible too.
    begun: Option<OpId>,
    /// Some commit was asked for.
    any_invoked: bool,
    /// Something was committed before any commit was asked for: not all commits are in the history.
    has_others: bool,
}

#[derive(Clone, Copy)]
pub(super) struct Commit {
    pub(super) offset: Offset,
    pub(super) invoked: OpId,
    confirmed: Option<OpId>,
    overwritten: Option<OpId>,
}

impl Commit {
    pub(super) fn new(offset: Offset, invoked: OpId) -> Self {
        Commit { offset, invoked, confirmed: None, overwritten: None }
    }
}

impl Register {
    /// The answer to a question, whatever it is to be compared with.
    pub(super) fn told(&mut self, answer: Offset) {
        self.has_others |= answer.known().is_some() && !self.any_invoked;
    }

    pub(super) fn invoke(&mut self, commit: Commit) {
        self.any_invoked = true;
        self.commits.push(commit);
    }

    pub(super) fn confirm(&mut self, commit: OpId, confirmed: OpId) {
        self.begun.get_or_insert(confirmed);
        for known in &mut self.commits {
            if known.invoked == commit {
                known.confirmed = Some(confirmed);
            } else if known.confirmed.is_some_and(|before| before < commit) {
                known.overwritten.get_or_insert(confirmed);
            }
        }
    }

    pub(super) fn fail(&mut self, commit: OpId) {
        self.commits.retain(|known| known.invoked != commit);
    }

    /// The unconfirmed commits among `these` stay unknown for good.
    pub(super) fn give_up(&mut self, these: impl Fn(&Commit) -> bool) {
        let lost = |commit: &mut Commit| commit.confirmed.is_none() && these(commit);
        for commit in self.commits.extract_if(.., lost) {
            self.unknown.entry(commit.offset).or_insert(commit);
        }
    }

    /// Drops commits that were out of force before the oldest open question was asked.
    pub(super) fn forget(&mut self, oldest_question: OpId) {
        self.commits.retain(|commit| {
            commit.overwritten.is_none_or(|overwritten| overwritten >= oldest_question)
        });
    }

    /// The lowest and the highest commit that may have been in force after `question` was asked; none if that may be no
    /// commit at all.
    pub(super) fn possible(&self, question: OpId) -> Option<[Commit; 2]> {
        self.begun.filter(|&begun| begun < question)?;
        let unknown = [self.unknown.first_key_value(), self.unknown.last_key_value()];
        let unknown = unknown.into_iter().flatten().map(|(_, commit)| *commit);
        let all = || self.in_force(question).copied().chain(unknown.clone());
        Some([all().min_by_key(|commit| commit.offset)?, all().max_by_key(|commit| commit.offset)?])
    }

    /// Whether a commit of this very offset may have been in force after `question` was asked.
    pub(super) fn may_be(&self, offset: Offset, question: OpId) -> bool {
        self.has_others
            || self.unknown.contains_key(&offset)
            || self.in_force(question).any(|commit| commit.offset == offset)
    }

    fn in_force(&self, question: OpId) -> impl Iterator<Item = &Commit> {
        self.commits.iter().filter(move |commit| commit.overwritten.is_none_or(|op| op > question))
    }
}
