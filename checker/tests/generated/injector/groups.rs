//! What groups do wrong: commit ahead of themselves, leave out records, process them again, begin behind records.

use super::super::expected::redeliveries;
use super::super::step::{Step, groups};
use super::edit::Injector;
use ktrial_checker::anomaly::{AnomalyKind as Kind, Role};
use ktrial_checker::history::PositionedBy;
use std::collections::BTreeSet;

impl Injector {
    /// The first thing a member does in a partition is to commit all that will ever be in it.
    pub(super) fn commit_the_future(&mut self) -> Option<()> {
        let group_of = groups(&self.steps);
        let is_start = |step: &Step| matches!(*step, Step::Position { process, by: PositionedBy::ResetEarliest, .. } if group_of[process as usize] == Some(0));
        let at = self.steps.iter().position(is_start)?;
        let Step::Position { process, key, .. } = self.steps[at] else {
            unreachable!("found a position")
        };
        let log = self.log(key);
        let (first, end) = (*log.first()?, log.last()?.0 + 1);
        let commit = Step::Commit { process, group: 0, key, offset: end, id: u32::MAX };
        self.steps.splice(at + 1..at + 1, [commit, Step::CommitFailed { id: u32::MAX }]);
        let mut ops = vec![(at + 1, Role::Committer)];
        ops.extend(self.first_delivery(key, first).map(|poll| (poll, Role::Reader)));
        self.expect(Kind::CommitBeyondDelivery, key, &[first.0, end], &ops, &log)
    }

    /// A member commits what it processed, before it processes it.
    pub(super) fn commit_early(&mut self) -> Option<()> {
        let is_early = |at: &usize| matches!(self.steps.get(at + 1), Some(Step::Commit { .. }));
        let early = self.first_processings();
        let processed: Vec<_> = early.into_iter().filter(is_early).collect();
        let at = self.pick(&processed)?;
        self.steps.swap(at, at + 1);
        let (&Step::Commit { offset, .. }, Step::Processed { key, records, .. }) =
            (&self.steps[at], &self.steps[at + 1])
        else {
            unreachable!("found processing and a commit")
        };
        let (key, log) = (*key, self.log(*key));
        let ahead: Vec<_> = records.iter().copied().filter(|record| log.contains(record)).collect();
        let &first = ahead.first()?;
        let ops = [(at, Role::Committer), (self.first_delivery(key, first)?, Role::Reader)];
        self.expect(Kind::CommitBeyondProcessing, key, &[first.0, offset], &ops, &ahead)
    }

    /// The steps that process only records which nobody had processed.
    fn first_processings(&self) -> Vec<usize> {
        let mut done = BTreeSet::new();
        self.find(|step| match step {
            Step::Processed { records, .. } => {
                let fresh = records.iter().filter(|record| done.insert(**record)).count();
                fresh == records.len()
            }
            _ => false,
        })
    }

    /// A record is polled but never processed; commits after it then run ahead of processing too.
    pub(super) fn leave_unprocessed(&mut self) -> Option<()> {
        let several =
            |step: &Step| matches!(step, Step::Processed { records, .. } if records.len() > 1);
        let (mut processed, at_rest) = (self.find(several), self.at_rest());
        processed.retain(|&at| at_rest.has(&self.steps[at], 0));
        let at = self.pick(&processed)?;
        let Step::Processed { key, ref records, .. } = self.steps[at] else {
            unreachable!("found processing")
        };
        let left_out = records[0];
        for step in &mut self.steps {
            if let Step::Processed { records, .. } = step {
                records.retain(|record| *record != left_out);
            }
        }
        let polled = (self.first_delivery(key, left_out)?, Role::Reader);
        let moved_on = (self.moved_farthest(key)?, Role::Committer);
        self.expect(Kind::GroupSkip, key, &[left_out.0], &[polled, moved_on], &[left_out])?;
        let beyond = |step: &Step| matches!(*step, Step::Commit { group: 0, key: k, offset, .. } if k == key && offset > left_out.0);
        if let Some(&commit) = self.find(beyond).first() {
            let Step::Commit { offset, .. } = self.steps[commit] else {
                unreachable!("found a commit")
            };
            let (ops, offsets) = ([(commit, Role::Committer), polled], [left_out.0, offset]);
            self.expect(Kind::CommitBeyondProcessing, key, &offsets, &ops, &[left_out])?;
        }
        Some(())
    }

    /// The step that first brought the group as far as it got in a partition.
    fn moved_farthest(&self, of: u32) -> Option<usize> {
        let farthest =
            self.moves(of).reduce(|one, other| if other.0 > one.0 { other } else { one });
        farthest.map(|(_, at)| at)
    }

    pub(super) fn process_again(&mut self) -> Option<()> {
        let processed = self.find(|step| matches!(step, Step::Processed { .. }));
        let at = self.pick(&processed)?;
        self.steps.insert(at, self.steps[at].clone());
        let is_injected = redeliveries(&self.steps).iter().any(|again| again.ops[1].0 == at + 1);
        assert!(is_injected, "whatever is processed twice in a row is processed again");
        Some(())
    }

    /// A member of another group joins and begins at the log's end, or on the way there.
    pub(super) fn join_late(&mut self) -> Option<()> {
        let (key, _) = self.pick_drained()?;
        let log = self.log(key);
        let at = 1 + self.random.below(log.len());
        let offset = log.get(at).map_or(log[log.len() - 1].0 + 1, |&(offset, _)| offset);
        let process = self.processes();
        self.steps.push(Step::Open { client: 997, group: Some(1) });
        let by = PositionedBy::ResetLatest;
        let reset = self.push(Step::Position { process, key, offset, by });
        if at < log.len() {
            self.steps.push(Step::Poll { process, key, records: log[at..].to_vec() });
            self.push_processed(process, key, log[at..].to_vec());
        }
        let ops = [(reset, Role::Owner)];
        self.expect(Kind::SkippedByReset, key, &[log[0].0, offset], &ops, &log[..at])
    }

    /// The first poll that handed the group a record.
    fn first_delivery(&self, of: u32, record: (i64, u64)) -> Option<usize> {
        let group_of = groups(&self.steps);
        self.steps.iter().position(|step| match step {
            Step::Poll { process, key, records } => {
                *key == of && records.contains(&record) && group_of[*process as usize] == Some(0)
            }
            _ => false,
        })
    }
}
