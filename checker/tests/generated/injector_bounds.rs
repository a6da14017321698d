//! Ways to spoil what is told of a log in real time: where records lie, where the log begins and ends, and whether anything
//! still moves once all faults are over.

use super::injector::{Injector, acked, records};
use super::step::{Step, Told};
use ktrial_checker::history::LogBound;

impl Injector {
    /// Two records next to each other of different producers change places, though one was acknowledged before the other
    /// was sent.
    pub(super) fn overtake_another(&mut self) -> Option<u64> {
        let acks: Vec<_> = (0..).zip(&self.steps).filter_map(acked).collect();
        let mut pairs = Vec::new();
        for &(acked_at, first, offset) in &acks {
            let next = acks.iter().filter(|&&(_, value, next)| {
                next == offset + 1 && self.key_of(value) == self.key_of(first)
            });
            pairs.extend(next.map(|&(_, second, _)| (acked_at, first, second)));
        }
        pairs.retain(|&(acked_at, first, second)| {
            let sent = self.sent_at(second);
            let apart = self.process_that_sent(first) != self.process_that_sent(second);
            apart && Some(acked_at) < sent && self.may_swap(first, second)
        });
        let (_, first, second) = self.pick(&pairs)?;
        self.swap(first, second)?;
        Some(1)
    }

    /// Whoever asked where the log ends would now have been told too little.
    pub(super) fn stop_asking(&mut self) {
        self.steps.retain(|step| !matches!(step, Step::AskBound { .. } | Step::AnswerBound { .. }));
    }

    pub(super) fn sent_at(&self, value: u64) -> Option<usize> {
        self.steps
            .iter()
            .position(|step| matches!(*step, Step::Send { value: sent, .. } if sent == value))
    }

    pub(super) fn process_that_sent(&self, value: u64) -> Option<u32> {
        match self.steps[self.sent_at(value)?] {
            Step::Send { process, .. } => Some(process),
            _ => None,
        }
    }

    /// At the very end, somebody asks for a bound and is told less than before.
    pub(super) fn answer(&mut self, of: LogBound, less: i64) -> Option<u64> {
        let (key, end) = self.pick_drained()?;
        let last = self.log(key).last()?.0 + 1;
        let (process, id) = (self.processes(), u32::MAX);
        let offset = last.min(end) + less;
        self.steps.push(Step::Open { client: 996, group: None });
        self.steps.push(Step::AskBound { process, key, of, id });
        self.steps.push(Step::AnswerBound { id, key, offset });
        Some(1)
    }

    /// Two questions at the very end, of which the first is told that the log begins higher.
    pub(super) fn begin_lower(&mut self) -> Option<u64> {
        let (key, of, process) = (0, LogBound::Earliest, self.processes());
        self.steps.push(Step::Open { client: 996, group: None });
        for (id, offset) in [(u32::MAX - 1, 1), (u32::MAX, 0)] {
            self.steps.push(Step::AskBound { process, key, of, id });
            self.steps.push(Step::AnswerBound { id, key, offset });
        }
        Some(1)
    }

    /// A response tells something else than it did.
    pub(super) fn retell(&mut self, change: impl Fn(&mut Told)) -> Option<u64> {
        let all = self.find(|step| matches!(step, Step::Told { .. }));
        // The last one of its reader: what is told later would otherwise seem to go back.
        let &at = all.last()?;
        if let Step::Told { told, .. } = &mut self.steps[at] {
            change(told);
        }
        Some(1)
    }

    /// A response without records comes after one with bounds, and tells others.
    pub(super) fn tell_again(&mut self, change: impl Fn(&mut Told)) -> Option<u64> {
        let all = self.find(|step| matches!(step, Step::Told { .. }));
        let at = self.pick(&all)?;
        let Step::Told { key, mut told } = self.steps[at] else { unreachable!("found bounds") };
        let Step::Poll { process, .. } = self.steps[at - 1] else { unreachable!("told by a poll") };
        change(&mut told);
        let poll = Step::Poll { process, key, records: vec![] };
        self.steps.splice(at + 1..at + 1, [poll, Step::Told { key, told }]);
        Some(1)
    }

    /// The first bounds that a session is told are below what it got with them.
    pub(super) fn tell_less_than_returned(&mut self) -> Option<u64> {
        let first = self.find(|step| matches!(step, Step::Told { .. })).first().copied()?;
        let last = records(&self.steps[first - 1]).last()?.0;
        if let Step::Told { told, .. } = &mut self.steps[first] {
            told.high_watermark = last;
        }
        Some(1)
    }

    /// What is sent to a partition after all faults are over is never acknowledged.
    pub(super) fn never_answer(&mut self) -> Option<u64> {
        let healed = self.find(|step| matches!(step, Step::Heal { .. })).first().copied()?;
        let key = self.random.below(2) as u32;
        let of_key = |value: u64| self.key_of(value) == Some(key);
        let answers: Vec<_> = (0..)
            .zip(&self.steps)
            .filter_map(acked)
            .filter(|&(at, value, _)| at > healed && of_key(value))
            .collect();
        for &(at, value, _) in &answers {
            self.steps[at] = Step::GiveUp { value };
        }
        (!answers.is_empty()).then_some(1)
    }

    /// After all faults are over, a group does nothing more in one partition.
    pub(super) fn stand_still(&mut self) -> Option<u64> {
        let healed = self.find(|step| matches!(step, Step::Heal { .. })).first().copied()?;
        let key = self.random.below(2) as u32;
        let mut is_member = Vec::new();
        for step in &self.steps {
            if let Step::Open { group, .. } = step {
                is_member.push(group.is_some());
            }
        }
        let of_key = |step: &Step| match *step {
            Step::Poll { process, key: k, .. }
            | Step::Processed { process, key: k, .. }
            | Step::Commit { process, key: k, .. } => k == key && is_member[process as usize],
            _ => false,
        };
        let gone: Vec<_> =
            (healed..self.steps.len()).filter(|&at| of_key(&self.steps[at])).collect();
        let commits: Vec<u32> = gone
            .iter()
            .filter_map(|&at| match self.steps[at] {
                Step::Commit { id, .. } => Some(id),
                _ => None,
            })
            .collect();
        let mut at = 0;
        self.steps.retain(|step| {
            at += 1;
            let answered = match step {
                Step::CommitOk { id } | Step::CommitFailed { id } | Step::CommitUnknown { id } => {
                    commits.contains(id)
                }
                _ => false,
            };
            !answered && !gone.contains(&(at - 1))
        });
        (!gone.is_empty()).then_some(1)
    }
}
