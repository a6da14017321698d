//! Disorder: records of a producer, of two producers, or in a reader's polls, in another order than they should be.

use super::super::step::Step;
use super::edit::{Acked, Injector, records};
use ktrial_checker::anomaly::{AnomalyKind as Kind, Role};
use std::collections::BTreeMap;

impl Injector {
    /// Two records that a session sent one after the other change places. Of a late one, the producer never learns what
    /// became of it.
    pub(super) fn swap_neighbours(&mut self, kind: Kind) -> Option<()> {
        let mut pairs = self.neighbours();
        pairs.retain(|(first, second)| first.sender == second.sender);
        let (first, second) = self.pick(&pairs)?;
        self.swap(&first, &second);
        if kind == Kind::LateAppend {
            self.steps[first.acked] = Step::GiveUp { value: first.value };
        }
        self.stop_asking();
        let ops = [
            (self.send_step(first.value)?, Role::Writer),
            (self.send_step(second.value)?, Role::Overtaker),
        ];
        self.expect(kind, first.key, &[second.offset, first.offset], &ops, &[])
    }

    /// Two records next to each other of different producers change places, though one was acknowledged before the other
    /// was sent.
    pub(super) fn overtake_another(&mut self) -> Option<()> {
        self.forget_clocks();
        let mut pairs = self.neighbours();
        pairs.retain(|(first, second)| first.sender != second.sender && first.acked < second.sent);
        let (first, second) = self.pick(&pairs)?;
        self.swap(&first, &second);
        self.stop_asking();
        let (at, end, role) = self.reached_beyond(first.key, first.offset, Some(second.sender))?;
        let ops = [(at, role), (self.send_step(second.value)?, Role::Overtaker)];
        self.expect(Kind::BackdatedAppend, first.key, &[end - 1, first.offset], &ops, &[])
    }

    /// Two records change places, and their acknowledgements say so.
    fn swap(&mut self, first: &Acked, second: &Acked) {
        let swapped = |value| match value {
            _ if value == first.value => second.value,
            _ if value == second.value => first.value,
            _ => value,
        };
        self.each_record(|(offset, value)| Some((offset, swapped(value))));
        for (one, other) in [(first, second), (second, first)] {
            self.steps[one.acked] = Step::Ack { value: one.value, offset: Some(other.offset) };
        }
    }

    /// Pairs of acknowledged records with offsets next to each other, the first of which nobody read before the second was
    /// sent: else, if they change places, the second would have been read before.
    fn neighbours(&self) -> Vec<(Acked, Acked)> {
        let mut first_read = BTreeMap::new();
        for (at, step) in self.steps.iter().enumerate() {
            for &(_, value) in records(step) {
                first_read.entry(value).or_insert(at);
            }
        }
        let acked = self.acked();
        let pairs = acked.iter().zip(acked.iter().skip(1)).filter(|(first, second)| {
            let is_next = (first.key, first.offset + 1) == (second.key, second.offset);
            is_next && Some(&second.sent) < first_read.get(&first.value)
        });
        pairs.map(|(first, second)| (*first, *second)).collect()
    }

    /// A poll leaves out a record: the one that was next, or one between others.
    pub(super) fn skip_in_poll(&mut self, kind: Kind) -> Option<()> {
        let place = usize::from(kind == Kind::InternalSkip);
        let (mut polls, at_rest) = (self.reader_polls(3), self.at_rest());
        polls.retain(|&at| at_rest.has(&self.steps[at], place));
        let at = self.pick(&polls)?;
        let Step::Poll { process, key, ref mut records } = self.steps[at] else {
            unreachable!("picked a poll")
        };
        let (left_out, before) = (records.remove(place), records[0].0);
        let (next, reader) = (records[place].0, (at, Role::Reader));
        if kind == Kind::InternalSkip {
            return self.expect(kind, key, &[before + 1, next], &[reader], &[left_out]);
        }
        let (since, position) = self.position_before(at, process, key)?;
        let ops = [(since, Role::EarlierReader), reader];
        self.expect(kind, key, &[position, next], &ops, &[left_out])
    }

    /// The step that brought a reader to where it is in a partition, and where that is.
    fn position_before(&self, at: usize, reader: u32, of: u32) -> Option<(usize, i64)> {
        (0..at).rev().find_map(|at| match &self.steps[at] {
            Step::Position { process, key, offset, .. } if (*process, *key) == (reader, of) => {
                Some((at, *offset))
            }
            Step::Poll { process, key, records } if (*process, *key) == (reader, of) => {
                Some((at, records.last()?.0 + 1))
            }
            _ => None,
        })
    }

    /// A poll hands out all its records twice.
    pub(super) fn poll_backwards(&mut self) -> Option<()> {
        let polls = self.reader_polls(2);
        let at = self.pick(&polls)?;
        let Step::Poll { key, ref mut records, .. } = self.steps[at] else {
            unreachable!("picked a poll")
        };
        let (first, last) = (records[0].0, records[records.len() - 1].0);
        records.extend(records.clone());
        let ops = [(at, Role::Reader)];
        self.expect(Kind::InternalNonmonotonic, key, &[last + 1, first], &ops, &[])
    }

    pub(super) fn poll_again(&mut self) -> Option<()> {
        let polls = self.reader_polls(1);
        let at = self.pick(&polls)?;
        self.steps.insert(at, self.steps[at].clone());
        let Step::Poll { key, ref records, .. } = self.steps[at] else {
            unreachable!("picked a poll")
        };
        let (first, last) = (records[0].0, records[records.len() - 1].0);
        let ops = [(at, Role::EarlierReader), (at + 1, Role::Reader)];
        self.expect(Kind::NonmonotonicPoll, key, &[last + 1, first], &ops, &[])
    }
}
