//! The judges' claims once more, as definitions: no index, no state, quantifiers over all steps. Quadratic and worse, and
//! short enough to be seen right.

use super::step::{Records, Step, groups};
use ktrial_checker::anomaly::AnomalyKind as Kind;
use ktrial_checker::history::{PositionedBy, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What the oracle knows nothing of: in arbitrary histories no record has a message key, no fault ends, no response tells
/// bounds, and no member its generation.
pub const UNKNOWN: [Kind; 8] = [
    Kind::MessageKeyMoved,
    Kind::FencingViolation,
    Kind::LogStartRegression,
    Kind::HighWatermarkRegression,
    Kind::BoundsDisorder,
    Kind::ReadBeyondBound,
    Kind::StuckPartition,
    Kind::StuckGroup,
];

/// How many anomalies of each kind the steps show.
pub fn count(steps: &[Step]) -> BTreeMap<Kind, u64> {
    let oracle = Oracle::new(steps);
    let mut found = Vec::new();
    oracle.slots(&mut found);
    oracle.misplaced(&mut found);
    oracle.producer_order(&mut found);
    oracle.consumer_order(&mut found);
    oracle.durability(&mut found);
    oracle.groups(&mut found);
    oracle.committed_offsets(&mut found);
    oracle.overlaps(&mut found);
    oracle.starts(&mut found);
    oracle.backdated(&mut found);
    oracle.stale_ends(&mut found);
    let mut counts = BTreeMap::new();
    found.into_iter().for_each(|kind| *counts.entry(kind).or_default() += 1);
    counts
}

type Place = (u32, i64);

struct Sent {
    at: usize,
    process: u32,
    key: u32,
    value: u64,
    acked: bool,
    failed: bool,
    offset: Option<i64>,
}

/// Somebody read `value` at `place`, in step `at`.
struct Read {
    at: usize,
    place: Place,
    value: u64,
    group: Option<u32>,
    at_rest: bool,
}

struct Oracle<'s> {
    steps: &'s [Step],
    group_of: Vec<Option<u32>>,
    sent: Vec<Sent>,
    reads: Vec<Read>,
    /// What each offset holds: the first claim, final readers before others, readers before acknowledgements.
    log: BTreeMap<Place, u64>,
    visible: BTreeSet<Place>,
    /// Start and end of the final read and its step, by partition.
    rest: BTreeMap<u32, (i64, i64, usize)>,
}

impl<'s> Oracle<'s> {
    fn new(steps: &'s [Step]) -> Self {
        let (group_of, sent) = (groups(steps), sent(steps));
        let drains: BTreeSet<u32> =
            steps.iter().filter_map(drain).map(|(process, ..)| process).collect();
        let (reads, rest) = (reads(steps, &group_of, &drains), rest(steps));
        let mut oracle = Oracle {
            steps,
            group_of,
            sent,
            reads,
            log: BTreeMap::new(),
            visible: BTreeSet::new(),
            rest,
        };
        oracle.fill();
        oracle
    }

    fn fill(&mut self) {
        let is_dump = |read: &&Read| matches!(self.steps[read.at], Step::Dump { .. });
        let dumped = self.reads.iter().filter(is_dump);
        let drained = self.reads.iter().filter(|read| read.at_rest && !is_dump(read));
        let polled = self.reads.iter().filter(|read| !read.at_rest);
        let read = dumped.chain(drained).chain(polled).map(|read| (read.place, read.value));
        let acked =
            self.sent.iter().filter_map(|sent| Some(((sent.key, sent.offset?), sent.value)));
        for (place, value) in read.chain(acked) {
            self.log.entry(place).or_insert(value);
        }
        let after =
            |read: &Read| self.rest.get(&read.place.0).is_some_and(|&(_, _, at)| read.at > at);
        let at_rest = self.reads.iter().filter(|read| read.at_rest || after(read));
        let at_rest: BTreeSet<_> = at_rest.map(|read| read.place).collect();
        let visible = |place: &&Place| !self.rest.contains_key(&place.0) || at_rest.contains(place);
        let there = |place: &&Place| visible(place) && !self.is_read_over(**place);
        self.visible = self.log.keys().filter(there).copied().collect();
    }

    /// Whether one poll returned records on both sides of an acknowledged record that nobody ever read.
    fn is_read_over(&self, place: Place) -> bool {
        let was_read = |read: &Read| read.place == place || read.value == self.log[&place];
        let surrounds = |pair: &[(i64, u64)]| pair[0].0 < place.1 && place.1 < pair[1].0;
        let passes = |step: &Step| match step {
            Step::Poll { key, records, .. } => *key == place.0 && records.windows(2).any(surrounds),
            _ => false,
        };
        !self.reads.iter().any(was_read) && self.steps.iter().any(passes)
    }

    fn send_of(&self, value: u64) -> Option<&Sent> {
        self.sent.iter().find(|sent| sent.value == value)
    }

    fn place_of(&self, sent: &Sent) -> Option<i64> {
        self.visible
            .iter()
            .find(|place| place.0 == sent.key && self.log[place] == sent.value)
            .map(|place| place.1)
    }

    fn was_read(&self, place: Place, value: u64) -> bool {
        self.reads.iter().any(|read| read.place == place && read.value == value)
    }

    fn is_retained(&self, place: Place) -> bool {
        let is_read = self.rest.get(&place.0).is_none_or(|&(start, ..)| place.1 >= start);
        is_read && self.begins_above(place).is_none()
    }

    /// Whether the log at rest need not have the record: retention opens no gap within one poll.
    fn is_excused_at_rest(&self, sent: &Sent, place: Place) -> bool {
        let is_read_over = self.log[&place] == sent.value && self.is_read_over(place);
        !self.is_retained(place) && !is_read_over
    }

    /// The first step that put a consumer at the log's beginning, if that was above the place.
    fn begins_above(&self, (of_key, above): Place) -> Option<usize> {
        self.steps.iter().position(|step| match *step {
            Step::Position { key, offset, by: PositionedBy::ResetEarliest, .. } => {
                key == of_key && offset > above
            }
            _ => false,
        })
    }

    /// Whether a record that was in the log may be gone since, and was not read at rest. The step told.
    fn gone(&self, place: Place) -> Option<usize> {
        self.begins_above(place).filter(|_| !self.rest.contains_key(&place.0))
    }

    fn unsound(&self, key: u32, value: u64) -> Option<Kind> {
        match self.send_of(value) {
            _ if value == Value::CORRUPT.0 => Some(Kind::Corrupt),
            None => Some(Kind::Phantom),
            Some(sent) if sent.key != key => Some(Kind::WrongPartition),
            Some(sent) if sent.failed => Some(Kind::AbortedRead),
            Some(_) => None,
        }
    }

    fn slots(&self, found: &mut Vec<Kind>) {
        let read: BTreeSet<_> = self.reads.iter().map(|read| (read.place, read.value)).collect();
        for (place, value) in read {
            let holds = self.log[&place];
            match self.unsound(place.0, value) {
                Some(kind) => found.push(kind),
                None if holds != value => {
                    found
                        .extend(self.unsound(place.0, holds).is_none().then_some(Kind::Divergence));
                }
                None => self.sound_slot(
                    place,
                    self.send_of(value).expect("a sound value was sent"),
                    found,
                ),
            }
        }
    }

    fn sound_slot(&self, place: Place, sent: &Sent, found: &mut Vec<Kind>) {
        let reads =
            self.reads.iter().filter(|read| (read.place, read.value) == (place, sent.value));
        found.extend(
            (reads.map(|read| read.at).min() < Some(sent.at)).then_some(Kind::ReadBeforeSend),
        );
        match self.place_of(sent) {
            Some(first) if first != place.1 && self.visible.contains(&place) => {
                let twice = self.was_read((place.0, first), sent.value);
                found.push(if twice { Kind::Duplicate } else { Kind::AckedOffsetConflict });
            }
            None if !sent.acked && self.is_retained(place) => found.push(Kind::UnstableRead),
            _ => {}
        }
    }

    fn misplaced(&self, found: &mut Vec<Kind>) {
        for sent in &self.sent {
            let Some(offset) = sent.offset else { continue };
            let (place, lies) = ((sent.key, offset), self.place_of(sent));
            let lost = self.rest.contains_key(&sent.key) && lies.is_none();
            let seen = self.was_read(place, sent.value);
            let taken = self.log[&place] != sent.value;
            let elsewhere = lies
                .is_some_and(|lies| lies != offset && self.was_read((sent.key, lies), sent.value));
            let conflict = if taken { !lost && !seen } else { !seen && elsewhere };
            found.extend(conflict.then_some(Kind::AckedOffsetConflict));
        }
    }

    fn producer_order(&self, found: &mut Vec<Kind>) {
        for (n, later) in self.sent.iter().enumerate() {
            let Some(place) = self.place_of(later) else { continue };
            let is_same = |sent: &&Sent| (sent.process, sent.key) == (later.process, later.key);
            let ahead = self.sent[..n].iter().filter(is_same);
            let ahead: Vec<_> = ahead.filter(|sent| self.place_of(sent) > Some(place)).collect();
            let both_acked = later.acked && ahead.iter().any(|earlier| earlier.acked);
            let kind = if both_acked { Kind::OutOfOrder } else { Kind::LateAppend };
            found.extend((!ahead.is_empty()).then_some(kind));
        }
    }

    fn acked_at(&self, sent: &Sent) -> Option<usize> {
        let is_ack = |step: &Step| matches!(*step, Step::Ack { value, .. } if value == sent.value);
        self.steps.iter().position(is_ack).filter(|_| sent.acked)
    }

    /// Whether before step `at` somebody was told of, or read, a record at a place that `wanted` says yes to. A record
    /// that was told of has a session.
    fn was_known(&self, at: usize, wanted: impl Fn(Place, u64, Option<u32>) -> bool) -> bool {
        let told =
            self.sent.iter().filter(|sent| self.acked_at(sent).is_some_and(|acked| acked < at));
        let told = told
            .filter_map(|sent| Some(((sent.key, sent.offset?), sent.value, Some(sent.process))));
        let read = self.reads.iter().filter(|read| read.at < at);
        let mut known = told.chain(read.map(|read| (read.place, read.value, None)));
        known.any(|(place, value, by)| wanted(place, value, by))
    }

    fn backdated(&self, found: &mut Vec<Kind>) {
        for sent in &self.sent {
            let Some(lies) = self.place_of(sent) else { continue };
            let above = self.was_known(sent.at, |place, value, by| {
                let is_there = self.visible.contains(&place) && self.log[&place] == value;
                is_there && place.0 == sent.key && place.1 > lies && by != Some(sent.process)
            });
            let is_below_end = self.was_told_end(sent.at, sent.key, |end| end > lies);
            found.extend((above || is_below_end).then_some(Kind::BackdatedAppend));
        }
    }

    /// Whether before step `at` somebody was told that a log ends where `wanted` says yes to.
    fn was_told_end(&self, at: usize, of: u32, wanted: impl Fn(i64) -> bool) -> bool {
        let mut told = self.steps[..at].iter().filter_map(end_told);
        told.any(|(_, key, end)| key == of && wanted(end))
    }

    fn stale_ends(&self, found: &mut Vec<Kind>) {
        for (id, key, end) in self.steps.iter().filter_map(end_told) {
            let asks =
                |step: &Step| matches!(*step, Step::AskBound { id: asked, .. } if asked == id);
            let asked = self.steps.iter().position(asks).expect("answered questions were asked");
            let passed = self.was_known(asked, |place, _, _| place.0 == key && place.1 >= end);
            let told_more = self.was_told_end(asked, key, |before| before > end);
            found.extend((passed || told_more).then_some(Kind::StaleEnd));
        }
    }

    fn consumer_order(&self, found: &mut Vec<Kind>) {
        let mut positions: BTreeMap<(u32, u32), i64> = BTreeMap::new();
        for step in self.steps {
            match step {
                Step::Assign { process, keys } => {
                    positions.retain(|(owner, key), _| owner != process || keys.contains(key));
                }
                Step::Position { process, key, offset, .. } => {
                    positions.insert((*process, *key), *offset);
                }
                Step::Poll { process, key, records } => {
                    for (n, &(offset, _)) in records.iter().enumerate() {
                        let next = positions.insert((*process, *key), offset + 1).unwrap_or(offset);
                        let left_out = (next..offset).any(|skipped| {
                            let place = (*key, skipped);
                            self.visible.contains(&place) && (n > 0 || self.gone(place).is_none())
                        });
                        let (back, ahead) = match n {
                            0 => (Kind::NonmonotonicPoll, Kind::PollSkip),
                            _ => (Kind::InternalNonmonotonic, Kind::InternalSkip),
                        };
                        found.extend((offset < next).then_some(back));
                        found.extend(left_out.then_some(ahead));
                    }
                }
                _ => {}
            }
        }
    }

    fn durability(&self, found: &mut Vec<Kind>) {
        for sent in self.sent.iter().filter(|sent| sent.acked && self.place_of(sent).is_none()) {
            let Some(&(_, end, _)) = self.rest.get(&sent.key) else {
                let is_hole = sent.offset.is_some_and(|offset| {
                    let place = (sent.key, offset);
                    self.log[&place] == sent.value && self.is_read_over(place)
                });
                found.extend(is_hole.then_some(Kind::Hole));
                continue;
            };
            found.extend(match sent.offset {
                None if !self.is_retained((sent.key, 0)) => None,
                None => Some(Kind::DrainedUnseen),
                Some(offset) if offset < end && self.visible.contains(&(sent.key, offset)) => {
                    Some(Kind::LostWrite)
                }
                Some(offset) if self.is_excused_at_rest(sent, (sent.key, offset)) => None,
                Some(offset) if offset >= end => Some(Kind::TruncatedTail),
                Some(offset)
                    if self
                        .visible
                        .range((sent.key, offset)..(sent.key + 1, 0))
                        .next()
                        .is_some() =>
                {
                    Some(Kind::Hole)
                }
                Some(_) => Some(Kind::DrainedUnseen),
            });
        }
    }

    fn groups(&self, found: &mut Vec<Kind>) {
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

    fn visible_in(&self, key: u32, from: i64, to: i64) -> impl Iterator<Item = i64> {
        (from..to).filter(move |&offset| self.visible.contains(&(key, offset)))
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

    /// The commits of a group in a partition, as (step, offset, id).
    fn commits(&self, of_group: u32, of_key: u32) -> Vec<(usize, i64, u32)> {
        let commits = self.steps.iter().enumerate().filter_map(|(at, step)| match *step {
            Step::Commit { group, key, offset, id, .. } if (group, key) == (of_group, of_key) => {
                Some((at, offset, id))
            }
            _ => None,
        });
        commits.collect()
    }

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

    fn overlaps(&self, found: &mut Vec<Kind>) {
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

    fn committed_offsets(&self, found: &mut Vec<Kind>) {
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

    fn starts(&self, found: &mut Vec<Kind>) {
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

/// The question, the partition and the end that an answer told.
fn end_told(step: &Step) -> Option<(u32, u32, i64)> {
    match *step {
        Step::AnswerBound { id, key, offset } => Some((id, key, offset)),
        _ => None,
    }
}

fn drain(step: &Step) -> Option<(u32, u32, i64)> {
    match *step {
        Step::Drain { process, key, end } => Some((process, key, end)),
        _ => None,
    }
}

fn sent(steps: &[Step]) -> Vec<Sent> {
    let mut sent = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let &Step::Send { process, key, value } = step else { continue };
        let ack = steps.iter().find_map(|step| match *step {
            Step::Ack { value: acked, offset } if acked == value => Some(offset),
            _ => None,
        });
        let failed = steps.contains(&Step::Fail { value });
        sent.push(Sent {
            at,
            process,
            key,
            value,
            acked: ack.is_some(),
            failed,
            offset: ack.flatten(),
        });
    }
    sent
}

fn reads(steps: &[Step], group_of: &[Option<u32>], drains: &BTreeSet<u32>) -> Vec<Read> {
    let mut reads = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let (key, records, group, at_rest): (u32, &Records, _, _) = match step {
            Step::Poll { process, key, records } => {
                (*key, records, group_of[*process as usize], drains.contains(process))
            }
            Step::Dump { key, records, .. } => (*key, records, None, true),
            _ => continue,
        };
        reads.extend(records.iter().map(|&(offset, value)| Read {
            at,
            place: (key, offset),
            value,
            group,
            at_rest,
        }));
    }
    reads
}

/// Start, end and step of what was read at rest: of the read that got farthest, the last of equals.
pub fn rest(steps: &[Step]) -> BTreeMap<u32, (i64, i64, usize)> {
    let reads = steps.iter().enumerate().filter_map(|(at, step)| match step {
        Step::Dump { key, records, .. } => {
            let entries = match steps.get(at + 1) {
                Some(Step::Annotate { entries }) => &entries[..],
                _ => &[],
            };
            let offsets = records.iter().map(|record| record.0);
            let offsets = offsets.chain(entries.iter().map(|entry| entry.offset.0));
            Some((*key, 0, offsets.map(|offset| offset + 1).max().unwrap_or(0), at))
        }
        &Step::Drain { process, key, end } => {
            let positions = steps.iter().filter_map(|step| match *step {
                Step::Position { process: p, key: k, offset, .. } if (p, k) == (process, key) => {
                    Some(offset)
                }
                _ => None,
            });
            Some((key, positions.min().unwrap_or(0), end, at))
        }
        _ => None,
    });
    let mut rest: BTreeMap<u32, (i64, i64, usize)> = BTreeMap::new();
    for (key, start, end, at) in reads {
        if rest.get(&key).is_none_or(|known| known.1 <= end) {
            rest.insert(key, (start, end, at));
        }
    }
    rest
}
