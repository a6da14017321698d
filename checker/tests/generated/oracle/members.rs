//! What members of groups had, committed and were told.

use super::Oracle;
use crate::step::Step;
use ktrial_checker::anomaly::AnomalyKind as Kind;
use ktrial_checker::history::PositionedBy;

impl Oracle<'_> {
    /// Since when, before step `at`, the process has known that the partition is its own, if it still is.
    fn has_since(&self, process: u32, key: u32, at: usize) -> Option<usize> {
        let turns = |step: &Step| match step {
            Step::Assign { process: owner, .. } | Step::Crash { process: owner } => {
                *owner == process
            }
            _ => false,
        };
        let last = self.steps[..at].iter().rposition(turns)?;
        let lists = |keys: &Vec<u32>| keys.contains(&key);
        matches!(&self.steps[last], Step::Assign { keys, .. } if lists(keys)).then_some(last)
    }

    /// The commits of a process in a partition that were accepted before step `at`.
    fn accepted(&self, of: u32, of_key: u32, at: usize) -> impl Iterator<Item = usize> {
        (0..at).filter(move |&asked| match self.steps[asked] {
            Step::Commit { process, key, id, .. } => {
                (process, key) == (of, of_key) && self.steps[..at].contains(&Step::CommitOk { id })
            }
            _ => false,
        })
    }

    pub(super) fn overlaps(&self, found: &mut Vec<Kind>) {
        for (at, step) in self.steps.iter().enumerate() {
            let &Step::CommitOk { id: done } = step else { continue };
            let asked = |step: &Step| match *step {
                Step::Commit { process, key, id, .. } if id == done => Some((process, key)),
                _ => None,
            };
            let commits = self.steps.iter().enumerate();
            let mut commits = commits.filter_map(|(at, step)| Some((at, asked(step)?)));
            let (commit, (process, key)) = commits.next().expect("answered commits were asked for");
            let Some(since) = self.has_since(process, key, at).filter(|&since| since < commit)
            else {
                continue;
            };
            let rivals = (0..).zip(&self.group_of).filter(|&(other, group)| {
                other != process && *group == self.group_of[process as usize]
            });
            let mine = self.accepted(process, key, at + 1).max();
            let overlap = rivals.clone().any(|(other, _)| {
                let Some(other_since) = self.has_since(other, key, at) else { return false };
                mine > Some(other_since)
                    && self.accepted(other, key, at).any(|theirs| theirs > since.max(other_since))
            });
            found.extend(overlap.then_some(Kind::OwnershipOverlap));
        }
    }

    pub(super) fn committed_offsets(&self, found: &mut Vec<Kind>) {
        for (answered, step) in self.steps.iter().enumerate() {
            let &Step::Answer { id, key, offset } = step else { continue };
            let Some((asked, group)) = self.question(id, answered) else { continue };
            let commits = self.commits(group, key);
            let done = |id, before: usize, ok: bool| {
                let outcome = if ok { Step::CommitOk { id } } else { Step::CommitFailed { id } };
                self.steps[..before].iter().position(|step| *step == outcome)
            };
            let confirmed_before_asking =
                |&&(_, _, id): &&(usize, i64, u32)| done(id, asked, true).is_some();
            let overwritten = |id| {
                let confirmed = done(id, answered, true);
                let later = commits.iter().filter(confirmed_before_asking);
                confirmed.is_some_and(|confirmed| later.clone().any(|&(at, _, _)| at > confirmed))
            };
            let open = commits.iter().filter(|&&(at, _, id)| {
                at < answered && done(id, answered, false).is_none() && !overwritten(id)
            });
            let none =
                (!commits.iter().any(|commit| confirmed_before_asking(&commit))).then_some(-1);
            let possible: Vec<_> = open.map(|&(_, offset, _)| offset).chain(none).collect();
            let answer = offset.unwrap_or(-1);
            if possible.iter().all(|&possible| answer < possible) && !possible.is_empty() {
                found.push(Kind::CommittedOffsetRegression);
            } else if none.is_none()
                && !possible.is_empty()
                && !possible.contains(&answer)
                && !self.has_others(group, key, answered)
            {
                found.push(Kind::PhantomCommit);
            }
        }
    }

    /// Whether before step `at` the group was given a committed offset that no commit had been asked for yet.
    fn has_others(&self, of_group: u32, of_key: u32, at: usize) -> bool {
        let first = self.commits(of_group, of_key).first().map(|&(asked, ..)| asked);
        self.steps[..at.min(first.unwrap_or(at))].iter().enumerate().any(|(told, step)| match *step
        {
            Step::Answer { id, key, offset: Some(_) } => {
                let group = self.question(id, told).map(|(_, group)| group);
                (group, key) == (Some(of_group), of_key)
            }
            _ => false,
        })
    }

    pub(super) fn starts(&self, found: &mut Vec<Kind>) {
        for (at, step) in self.steps.iter().enumerate() {
            let &Step::Poll { process, key, ref records } = step else { continue };
            let (Some(group), Some(&(base, _))) =
                (self.group_of[process as usize], records.first())
            else {
                continue;
            };
            let Some(got) = self.got(process, key, at) else { continue };
            let between = &self.steps[got..at];
            let is_placed = between.iter().any(|step| match *step {
                Step::Poll { process: p, key: k, .. } => (p, k) == (process, key),
                Step::Position { process: p, key: k, by, .. } => {
                    (p, k) == (process, key) && by != PositionedBy::Committed
                }
                _ => false,
            });
            let done = |step: Step, before: usize| {
                self.steps[..before].iter().position(|other| *other == step)
            };
            let commits = self.commits(group, key);
            let in_force =
                commits.iter().filter(|&&(_, _, id)| done(Step::CommitOk { id }, got).is_some());
            if is_placed || in_force.clone().next().is_none() {
                continue;
            }
            let possible = commits.iter().filter(|&&(asked, _, id)| {
                let confirmed = done(Step::CommitOk { id }, got);
                let is_overwritten = confirmed.is_some_and(|confirmed| {
                    in_force.clone().any(|&(later, _, _)| later > confirmed)
                });
                asked < at && done(Step::CommitFailed { id }, got).is_none() && !is_overwritten
            });
            let offsets: Vec<_> = possible.map(|&(_, offset, _)| offset).collect();
            let (Some(&lowest), Some(&highest)) = (offsets.iter().min(), offsets.iter().max())
            else {
                continue;
            };
            if base < lowest && !self.was_told(process, key, got, at) {
                found.push(Kind::CommittedOffsetRegression);
            } else if self.visible_in(key, highest, base).next().is_some() {
                found.push(Kind::StartBeyondCommit);
            }
        }
    }

    /// The step that gave the process the partition, which it still has at step `at`.
    fn got(&self, process: u32, key: u32, at: usize) -> Option<usize> {
        let mut got = self.has_since(process, key, at)?;
        while let Some(before) = self.has_since(process, key, got) {
            got = before;
        }
        Some(got)
    }

    /// Whether between two steps the process was told what is committed.
    fn was_told(&self, process: u32, of_key: u32, from: usize, to: usize) -> bool {
        (from..to).any(|at| match self.steps[at] {
            Step::Answer { id, key, .. } if key == of_key => {
                let asker = |asked: usize| match self.steps[asked] {
                    Step::Ask { process, .. } => Some(process),
                    _ => None,
                };
                self.question(id, at).is_some_and(|(asked, _)| asker(asked) == Some(process))
            }
            _ => false,
        })
    }

    /// The step that asked a question and its group, if it is its process's latest and was not answered before.
    fn question(&self, id: u32, answered: usize) -> Option<(usize, u32)> {
        let before = &self.steps[..answered];
        let (at, group, asker) = before.iter().enumerate().find_map(|(at, step)| match *step {
            Step::Ask { process, group, id: asked } if asked == id => Some((at, group, process)),
            _ => None,
        })?;
        let superseded = before[at + 1..].iter().any(|step| match *step {
            Step::Ask { process, .. } => process == asker,
            Step::Answer { id: other, .. } => other == id,
            _ => false,
        });
        (!superseded).then_some((at, group))
    }
}
