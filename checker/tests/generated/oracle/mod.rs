//! The judges' claims once more, as definitions: no index, no state, quantifiers over all steps. Quadratic and worse, and
//! short enough to be seen right.

mod groups;
mod members;
mod order;
mod records;

use crate::step::{Records, Step, groups};
use ktrial_checker::anomaly::AnomalyKind as Kind;
use ktrial_checker::history::PositionedBy;
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

    fn visible_in(&self, key: u32, from: i64, to: i64) -> impl Iterator<Item = i64> {
        (from..to).filter(move |&offset| self.visible.contains(&(key, offset)))
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
