//! What transactions consumed, and what they made of it.

use super::known::{Fate, Known, Place};
use crate::step::Step;
use ktrial_checker::anomaly::AnomalyKind as Kind;
use ktrial_checker::history::PositionedBy;
use std::ops::Range;

/// What one transaction consumed of a partition for a group.
#[derive(Clone)]
struct Consumed {
    at: usize,
    txn: usize,
    offsets: Range<i64>,
    /// The offset that it committed.
    committed: i64,
}

/// What a process polled and did not commit: from where, to where, and from where on in which transaction.
type InHand = Option<(i64, i64, Option<(usize, i64)>)>;

impl Known<'_> {
    pub fn processing(&self) -> Vec<Kind> {
        let cells = [0, 1].map(|group| [0, 1].map(|key| (group, key))).concat();
        let pure = cells.into_iter().filter(|&(group, key)| !self.is_mixed(group, key));
        let found = pure.flat_map(|(group, key)| {
            let consumed = self.consumed(group, key);
            let mut found = self.twice(key, &consumed);
            found.extend(self.skipped(group, key, &consumed));
            found.extend(self.left_out(group, key, &consumed));
            found
        });
        let again = (0..self.txns.len()).filter(|&txn| self.repeats(txn));
        found.chain(again.map(|_| Kind::DuplicateOutput)).collect()
    }

    /// Whether the group commits offsets of the partition outside transactions too.
    fn is_mixed(&self, of_group: u32, of_key: u32) -> bool {
        self.steps.iter().any(|step| match *step {
            Step::Commit { group, key, .. } => (group, key) == (of_group, of_key),
            _ => false,
        })
    }

    fn consumed(&self, of_group: u32, of_key: u32) -> Vec<Consumed> {
        let mut all = Vec::new();
        for (at, step) in self.steps.iter().enumerate() {
            let &Step::AddOffset { group, key, offset: committed, .. } = step else { continue };
            let Some(txn) = self.open_at(self.adder(at), at) else { continue };
            if (group, key) == (of_group, of_key) {
                let held = self.in_hand(self.adder(at), key, at);
                let (from, to) = held.map_or((committed, committed), |(from, to, _)| (from, to));
                let offsets = from.min(committed)..to.min(committed);
                all.push(Consumed { at, txn, offsets, committed });
            }
        }
        all
    }

    /// What a process has in hand of a partition before a step.
    fn in_hand(&self, process: u32, key: u32, before: usize) -> InHand {
        (0..before).fold(None, |held: InHand, at| match &self.steps[at] {
            Step::Position { process: p, key: k, .. } if (*p, *k) == (process, key) => None,
            Step::Rebalance { process: p, keys, .. } if *p == process && keys.contains(&key) => {
                None
            }
            Step::Poll { process: p, key: k, records } if (*p, *k) == (process, key) => {
                records.iter().fold(held, |held, &(offset, _)| self.take(held, process, offset, at))
            }
            Step::AddOffset { key: k, offset, .. } if *k == key && self.adder(at) == process => {
                let is_open = self.open_at(process, at).is_some();
                held.filter(|held| !is_open || *offset < held.1).map(|(from, to, polled)| {
                    (if is_open { from.max(*offset) } else { from }, to, polled)
                })
            }
            Step::TxnAborted { .. } | Step::TxnUnknown { .. } => {
                let undone =
                    self.txns.iter().position(|txn| (txn.process, txn.over) == (process, at));
                match held {
                    Some((from, _, Some((txn, since)))) if undone == Some(txn) => {
                        (from < since).then_some((from, since, None))
                    }
                    held => held,
                }
            }
            _ => held,
        })
    }

    /// A record more in hand. Whoever goes back has what comes from there on only.
    fn take(&self, held: InHand, process: u32, offset: i64, at: usize) -> InHand {
        let held = held.filter(|held| held.1 <= offset);
        let since = self.open_at(process, at).map(|txn| match held {
            Some((_, _, Some((same, since)))) if same == txn => (txn, since),
            _ => (txn, offset),
        });
        Some((held.map_or(offset, |held| held.0), offset + 1, since))
    }

    /// Each committed consumption that shares a record with one before it, in the order of the partition.
    fn twice(&self, key: u32, consumed: &[Consumed]) -> Vec<Kind> {
        let mut committed: Vec<_> =
            consumed.iter().filter(|one| self.is_committed(one.txn)).collect();
        committed.sort_by_key(|one| (one.offsets.start, one.offsets.end, one.at));
        let shares = |one: &Consumed, before: &Consumed| {
            let shared = one.offsets.start.max(before.offsets.start)
                ..one.offsets.end.min(before.offsets.end);
            self.has_records(key, shared)
        };
        let again = (0..committed.len())
            .filter(|&at| committed[..at].iter().any(|before| shares(committed[at], before)));
        again.map(|_| Kind::DoubleProcessing).collect()
    }

    /// Each stretch of records between the lowest consumed and the highest committed offset that no transaction consumed
    /// which may be committed.
    fn skipped(&self, group: u32, key: u32, consumed: &[Consumed]) -> Vec<Kind> {
        let committed = consumed.iter().filter(|one| self.is_committed(one.txn));
        let Some(start) = committed.clone().map(|one| one.offsets.start).min() else {
            return vec![];
        };
        let end = committed.map(|one| one.committed).max().unwrap_or(start);
        let mut possible = consumed.to_vec();
        possible.retain(|one| self.txns[one.txn].fate != Fate::Aborted);
        let is_consumed = |offset| possible.iter().any(|one| one.offsets.contains(&offset));
        let is_begun = |offset| possible.iter().any(|one| one.offsets.start == offset);
        let mut stretches: Vec<Range<i64>> = Vec::new();
        for offset in (start..end).filter(|&offset| !is_consumed(offset)) {
            match stretches.last_mut().filter(|last| last.end == offset && !is_begun(offset)) {
                Some(last) => last.end = offset + 1,
                None => stretches.push(offset..offset + 1),
            }
        }
        let owed = stretches.into_iter().filter(|stretch| self.has_records(key, stretch.clone()));
        let kind = |stretch: Range<i64>| {
            let is_given = self.was_given(group, key, stretch.end, consumed);
            if is_given { Kind::OffsetWithoutOutput } else { Kind::SkippedInput }
        };
        owed.map(kind).collect()
    }

    /// Whether the group was given the offset of an aborted transaction that got to the end of a stretch.
    fn was_given(&self, group: u32, key: u32, end: i64, consumed: &[Consumed]) -> bool {
        let aborted = consumed.iter().filter(|one| self.txns[one.txn].fate == Fate::Aborted);
        aborted
            .filter(|one| {
                self.steps[one.at..].iter().any(|step| match *step {
                    Step::Position { process, key: k, offset, by: PositionedBy::Committed } => {
                        let of_group = self.group_of[process as usize] == Some(group);
                        of_group && (k, offset) == (key, one.committed)
                    }
                    _ => false,
                })
            })
            .any(|one| !self.has_records(key, one.committed.min(end)..one.committed.max(end)))
    }

    /// Each consumption of a transaction with outputs that name inputs, but not all of these.
    fn left_out(&self, group: u32, key: u32, consumed: &[Consumed]) -> Vec<Kind> {
        let names = |one: &&Consumed| {
            let mut sends = self.sent_in(one.txn);
            self.is_committed(one.txn) && sends.any(|sent| !sent.inputs.is_empty())
        };
        let is_made = |place: Place| {
            self.sent.iter().any(|sent| {
                let txn = sent.txn.filter(|&txn| self.txns[txn].fate != Fate::Aborted);
                let of_group = txn.and_then(|txn| self.group_for(txn)) == Some(group);
                of_group && sent.inputs.contains(&place)
            })
        };
        let lacks = |one: &&Consumed| {
            let mut places = self.visible.iter().filter(|place| place.0 == key);
            places.any(|&place| one.offsets.contains(&place.1) && !is_made(place))
        };
        let lacking = consumed.iter().filter(names).filter(lacks);
        lacking.map(|_| Kind::MissingOutput).collect()
    }

    /// Whether the transaction made an output from a record of which one begun before made one too.
    fn repeats(&self, txn: usize) -> bool {
        let Some(group) = self.group_for(txn) else { return false };
        let made = |txn: usize| {
            let is_pure = self.is_committed(txn) && self.group_for(txn) == Some(group);
            let sends =
                self.sent_in(txn).filter(move |sent| is_pure && self.place_of(sent).is_some());
            sends.flat_map(|sent| &sent.inputs).filter(|input| !self.is_mixed(group, input.0))
        };
        made(txn).any(|input| (0..txn).any(|before| made(before).any(|other| other == input)))
    }

    /// The group of the first offset that a transaction adds, or of its process.
    fn group_for(&self, txn: usize) -> Option<u32> {
        let of = &self.txns[txn];
        let added = (of.begun..of.over).find_map(|at| match self.steps[at] {
            Step::AddOffset { group, .. } if self.open_at(self.adder(at), at) == Some(txn) => {
                Some(group)
            }
            _ => None,
        });
        added.or(self.group_of[of.process as usize])
    }
}
