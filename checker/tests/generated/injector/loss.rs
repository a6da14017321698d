//! Losses: an acknowledged record is gone from the log, in one of the shapes that this may take.

use super::super::step::Step;
use super::edit::{Acked, Injector};
use super::ghost::{GHOST, Ghost};
use ktrial_checker::anomaly::{AnomalyKind as Kind, Role};
use std::collections::BTreeMap;

impl Injector {
    pub(super) fn overwrite(&mut self) -> Option<()> {
        let lost = self.pick(&self.acked_for_good())?;
        self.each_record(|(offset, old)| {
            Some((offset, if old == lost.value { GHOST } else { old }))
        });
        let ghost = Ghost::Unknown.steps(lost.key, self.processes())?;
        self.insert_first(ghost);
        self.expect_loss(Kind::LostWrite, &lost)?;
        let overwriter = (self.send_step(GHOST)?, Role::Overwriter);
        self.expected[0].ops.push(overwriter);
        Some(())
    }

    /// Takes an acknowledged record out of every log and poll: the last of its partition, or one before.
    pub(super) fn remove(&mut self, kind: Kind) -> Option<()> {
        let (is_last, mut acked) = (kind != Kind::Hole, self.acked_for_good());
        let last = |key| self.log(key).last().map(|&(offset, _)| offset);
        let last: BTreeMap<u32, _> =
            acked.iter().map(|acked| (acked.key, last(acked.key))).collect();
        acked.retain(|acked| (last[&acked.key] == Some(acked.offset)) == is_last);
        let lost = self.pick(&acked)?;
        self.each_record(|record| (record.1 != lost.value).then_some(record));
        if kind == Kind::TruncatedTail {
            let drain = self.drain_step(lost.key)?;
            let Step::Drain { end, .. } = &mut self.steps[drain] else {
                unreachable!("found a drain")
            };
            *end = lost.offset;
        }
        self.expect_loss(kind, &lost)
    }

    fn expect_loss(&mut self, kind: Kind, lost: &Acked) -> Option<()> {
        let Acked { key, value, offset, .. } = *lost;
        let ops = [
            (self.send_step(value)?, Role::Writer),
            (self.ack_step(value)?, Role::Acknowledgement),
            (self.drain_step(key)?, Role::FinalReader),
        ];
        self.expect(kind, key, &[offset], &ops, &[(offset, value)])
    }
}
