//! What groups processed, and where they have got.

use super::Oracle;
use crate::step::Step;
use ktrial_checker::anomaly::AnomalyKind as Kind;
use ktrial_checker::history::PositionedBy;
use std::collections::BTreeSet;

impl Oracle<'_> {
    pub(super) fn groups(&self, found: &mut Vec<Kind>) {
        let groups: BTreeSet<u32> = self.group_of.iter().flatten().copied().collect();
        let pairs = groups.into_iter().flat_map(|group| [0, 1].map(|key| (group, key)));
        pairs.for_each(|(group, key)| self.group(group, key, found));
    }

    fn group(&self, group: u32, key: u32, found: &mut Vec<Kind>) {
        let (polled, processed) = (self.polled(group, key), self.processed(group, key));
        let positions = self.positions(group, key);
        let begins = positions
            .iter()
            .map(|&(offset, _)| offset)
            .chain(polled.iter().map(|&(_, offset, _)| offset));
        let Some(start) = begins.min() else { return };
        let right = |&&(_, offset, value): &&(usize, i64, u64)| {
            self.log.get(&(key, offset)) == Some(&value)
        };
        let first = |list: &[(usize, i64, u64)], offset| {
            list.iter()
                .filter(right)
                .filter(|record| record.1 == offset)
                .map(|record| record.0)
                .min()
        };
        let excused = |offset| self.is_excused(group, key, offset);
        let mut committed_to = start;
        let mut reached: Vec<i64> = processed.iter().map(|&(_, offset, _)| offset + 1).collect();
        reached.extend(
            positions
                .iter()
                .filter(|(_, by)| *by == PositionedBy::Committed)
                .map(|&(offset, _)| offset),
        );
        for (at, offset, id) in self.commits(group, key) {
            let is_confirmed = |step: &Step| matches!(step, Step::CommitOk { id: ok } if *ok == id);
            reached.extend(self.steps.iter().any(is_confirmed).then_some(offset));
            let (mut undelivered, mut unprocessed) = (false, false);
            for below in self.visible_in(key, committed_to, offset) {
                let strayed = polled.iter().any(|record| record.1 == below && !right(&record));
                let never = first(&polled, below).is_none();
                let strayed = strayed || (never && self.gone((key, below)).is_some());
                let delivered = strayed || first(&polled, below).is_some_and(|poll| poll < at);
                undelivered |= !delivered;
                unprocessed |=
                    delivered && !strayed && first(&processed, below).is_none_or(|done| done > at);
            }
            found.extend(undelivered.then_some(Kind::CommitBeyondDelivery));
            found.extend(unprocessed.then_some(Kind::CommitBeyondProcessing));
            committed_to = committed_to.max(offset);
        }
        let mut passed = 0;
        for &(offset, _) in positions.iter().filter(|(_, by)| *by == PositionedBy::ResetLatest) {
            let skips = self
                .visible_in(key, passed, offset)
                .any(|below| first(&processed, below).is_none() && !excused(below));
            found.extend(skips.then_some(Kind::SkippedByReset));
            passed = passed.max(offset);
        }
        let owed =
            self.visible_in(key, start.max(passed), reached.into_iter().max().unwrap_or(start));
        let skipped = owed.filter(|&offset| {
            first(&processed, offset).is_none()
                && !self.in_hand(group, key, offset)
                && !excused(offset)
        });
        found.extend(skipped.map(|_| Kind::GroupSkip));
        let again = processed.iter().filter(right).filter(|record| {
            processed
                .iter()
                .take_while(|earlier| !std::ptr::eq(*earlier, *record))
                .filter(right)
                .any(|earlier| earlier.1 == record.1)
        });
        found.extend(again.map(|_| Kind::GroupRedelivery));
    }

    /// Whether the group may have passed over a record because it was gone: one that it had been handed, only if that was
    /// told before the group moved on.
    fn is_excused(&self, group: u32, key: u32, offset: i64) -> bool {
        let right = |record: &&(usize, i64, u64)| {
            record.1 == offset && self.log.get(&(key, offset)) == Some(&record.2)
        };
        let was_handed = self.polled(group, key).iter().any(|record| right(&record));
        let Some(told) = self.gone((key, offset)) else { return false };
        !was_handed || self.passed(group, key, offset).is_some_and(|passed| told <= passed)
    }

    /// The step by which a group first moved on beyond an offset. A commit counts from its confirmation on, and then as the
    /// step that asked for it.
    fn passed(&self, group: u32, key: u32, offset: i64) -> Option<usize> {
        let mut moved: Vec<(usize, i64, usize)> = Vec::new();
        for &(at, processed, _) in &self.processed(group, key) {
            moved.push((at, processed + 1, at));
        }
        for (at, step) in self.steps.iter().enumerate() {
            if let Step::Position { process, key: k, offset: to, by: PositionedBy::Committed } =
                *step
                && k == key
                && self.group_of[process as usize] == Some(group)
            {
                moved.push((at, to, at));
            }
        }
        for (asked, to, id) in self.commits(group, key) {
            let confirmed = self.steps.iter().position(|step| *step == Step::CommitOk { id });
            moved.extend(confirmed.map(|confirmed| (confirmed, to, asked)));
        }
        moved.retain(|&(_, to, _)| to > offset);
        let first = moved.into_iter().min_by_key(|&(at, ..)| at).map(|(_, _, asked)| asked);
        let resets = |step: &Step| match *step {
            Step::Position { process, key: k, offset: to, by: PositionedBy::ResetLatest } => {
                k == key && to > offset && self.group_of[process as usize] == Some(group)
            }
            _ => false,
        };
        first.or_else(|| self.steps.iter().position(resets))
    }

    /// Whether a member polled the record and nothing happened since that took it out of its hands.
    fn in_hand(&self, group: u32, of_key: u32, offset: i64) -> bool {
        let reported = self.reports_processing(group);
        let polls = self
            .reads
            .iter()
            .filter(|read| read.group == Some(group) && read.place == (of_key, offset));
        polls.filter(|_| reported).any(|read| {
            let &Step::Poll { process: reader, .. } = &self.steps[read.at] else { return false };
            !self.steps[read.at..].iter().any(|step| match step {
                Step::Processed { process, key, records } => {
                    (*process, *key) == (reader, of_key)
                        && records.iter().any(|record| record.0 >= offset)
                }
                Step::Position { process, key, .. } => (*process, *key) == (reader, of_key),
                Step::Assign { process, keys } => *process == reader && !keys.contains(&of_key),
                Step::Crash { process } => *process == reader,
                _ => false,
            })
        })
    }

    fn polled(&self, group: u32, key: u32) -> Vec<(usize, i64, u64)> {
        let by_group =
            self.reads.iter().filter(|read| read.group == Some(group) && read.place.0 == key);
        by_group.map(|read| (read.at, read.place.1, read.value)).collect()
    }

    /// Whether any member of the group tells what it processed.
    fn reports_processing(&self, group: u32) -> bool {
        let of_group = |process: u32| self.group_of[process as usize] == Some(group);
        self.steps
            .iter()
            .any(|step| matches!(*step, Step::Processed { process, .. } if of_group(process)))
    }

    fn processed(&self, group: u32, key: u32) -> Vec<(usize, i64, u64)> {
        if !self.reports_processing(group) {
            return self.polled(group, key);
        }
        let steps = self.steps.iter().enumerate();
        let processed = steps.filter_map(|(at, step)| match step {
            Step::Processed { process, key: k, records }
                if *k == key && self.group_of[*process as usize] == Some(group) =>
            {
                Some(records.iter().map(move |&(offset, value)| (at, offset, value)))
            }
            _ => None,
        });
        processed.flatten().collect()
    }

    fn positions(&self, group: u32, key: u32) -> Vec<(i64, PositionedBy)> {
        let of_group = |process: u32| self.group_of[process as usize] == Some(group);
        let positions = self.steps.iter().filter_map(|step| match *step {
            Step::Position { process, key: k, offset, by } if k == key && of_group(process) => {
                Some((offset, by))
            }
            _ => None,
        });
        positions.collect()
    }
}
