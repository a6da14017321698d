//! Wrong records: what nobody sent, sent elsewhere, sent twice, sent later, acknowledged elsewhere, or gone.

use super::super::step::Step;
use super::edit::{Acked, Injector};
use super::ghost::{GHOST, Ghost};
use ktrial_checker::anomaly::{AnomalyKind as Kind, Role};

/// A message key of no valid history.
const MOVED: u32 = u32::MAX;

impl Injector {
    /// A reader outside the group gets something else at one offset.
    pub(super) fn misread(&mut self, kind: Kind, ghost: Ghost) -> Option<()> {
        let (at, place) = self.pick_read()?;
        let Step::Poll { key, ref mut records, .. } = self.steps[at] else {
            unreachable!("picked a poll")
        };
        let (offset, value) = records[place];
        records[place].1 = ghost.value();
        let is_sent = ghost.steps(key, self.processes()).map(|steps| self.insert_first(steps));
        let mut ops = vec![(self.first_read(key, (offset, ghost.value()))?, Role::Reader)];
        if kind == Kind::Divergence {
            ops.push((self.first_read(key, (offset, value))?, Role::Reader));
        } else if is_sent.is_some() {
            ops.push((self.send_step(GHOST)?, Role::Writer));
        }
        self.expect(kind, key, &[offset], &ops, &[])
    }

    pub(super) fn write_twice(&mut self) -> Option<()> {
        let (key, end) = self.pick_drained()?;
        let (first, value) = self.pick(&self.log(key))?;
        self.append_to_log(key, end, value);
        let once = self.first_read(key, (first, value))?;
        let again = self.first_read(key, (end, value))?;
        // The poll that reads the second one reads nothing else, a dump reads both.
        let is_dump = matches!(self.steps[again], Step::Dump { .. });
        let readers = if is_dump { vec![again] } else { vec![once, again] };
        let ops: Vec<_> = readers.into_iter().map(|at| (at, Role::Reader)).collect();
        self.expect(Kind::Duplicate, key, &[first, end], &ops, &[])
    }

    pub(super) fn misacknowledge(&mut self) -> Option<()> {
        let Acked { key, value, offset, acked, .. } = self.pick(&self.acked())?;
        let mut others = self.log(key);
        others.retain(|&(other, _)| other != offset);
        let (taken, other) = self.pick(&others)?;
        self.steps[acked] = Step::Ack { value, offset: Some(taken) };
        self.stop_asking();
        let ops = [
            (self.send_step(value)?, Role::Writer),
            (self.first_read(key, (taken, other))?, Role::Reader),
        ];
        self.expect(Kind::AckedOffsetConflict, key, &[taken], &ops, &[])
    }

    /// Two records of different partitions have the same message key.
    pub(super) fn move_message_key(&mut self) -> Option<()> {
        let acked = self.acked_for_good();
        let one = self.pick(&acked)?;
        let of_other_partitions: Vec<_> =
            acked.into_iter().filter(|record| record.key != one.key).collect();
        let mut moved = [one, self.pick(&of_other_partitions)?];
        moved.sort_by_key(|record| record.sent);
        moved.iter().rev().for_each(|record| self.name_message_key(record.sent, MOVED));
        let [left, entered] = moved;
        let ops = [
            (self.send_step(left.value)?, Role::Writer),
            (self.send_step(entered.value)?, Role::Writer),
        ];
        self.expect(Kind::MessageKeyMoved, entered.key, &[entered.offset], &ops, &[])
    }

    /// The record sent by a step has this message key.
    fn name_message_key(&mut self, sent: usize, key: u32) {
        let is_named = matches!(self.steps.get(sent + 1), Some(Step::MessageKey { .. }));
        let named = sent + 1..sent + 1 + usize::from(is_named);
        self.steps.splice(named, [Step::MessageKey { key }]);
    }

    pub(super) fn send_late(&mut self) -> Option<()> {
        self.forget_clocks();
        let (key, end) = self.pick_drained()?;
        self.append_to_log(key, end, GHOST);
        let ghost = Ghost::Unknown.steps(key, self.processes())?;
        self.steps.extend(ghost);
        let ops = [
            (self.first_read(key, (end, GHOST))?, Role::Reader),
            (self.send_step(GHOST)?, Role::Writer),
        ];
        self.expect(Kind::ReadBeforeSend, key, &[end], &ops, &[])
    }

    pub(super) fn read_beyond_the_end(&mut self) -> Option<()> {
        let (key, end) = self.pick_drained()?;
        let process = self.processes();
        let read = Step::Poll { process, key, records: vec![(end, GHOST)] };
        self.insert_first(vec![Step::Open { client: 998, group: None }, read]);
        self.stop_asking();
        let ghost = Ghost::Unknown.steps(key, self.processes())?;
        self.insert_first(ghost);
        let ops = [
            (self.first_read(key, (end, GHOST))?, Role::Reader),
            (self.drain_step(key)?, Role::FinalReader),
        ];
        self.expect(Kind::UnstableRead, key, &[end], &ops, &[(end, GHOST)])
    }

    /// The drain and the dump of a partition find one more record.
    fn append_to_log(&mut self, key: u32, offset: i64, value: u64) {
        let at = self.drain_step(key).expect("every partition is drained");
        let Step::Drain { process, ref mut end, .. } = self.steps[at] else {
            unreachable!("found a drain")
        };
        *end = offset + 1;
        self.steps.insert(at, Step::Poll { process, key, records: vec![(offset, value)] });
        for step in &mut self.steps {
            match step {
                Step::Dump { key: dumped, records, .. } if *dumped == key => {
                    records.push((offset, value))
                }
                _ => {}
            }
        }
    }
}
