//! Lives of producers, and the numbers of their records.

use super::known::{Fate, Known, Sent};
use crate::step::Step;
use ktrial_checker::anomaly::AnomalyKind as Kind;

impl Known<'_> {
    pub fn producers(&self) -> Vec<Kind> {
        let mut found: Vec<Kind> =
            [0, 1].into_iter().flat_map(|key| self.in_partition(key)).collect();
        let fenced = (0..self.txns.len()).filter(|&txn| self.is_fenced(txn));
        found.extend(fenced.map(|_| Kind::FencedCommit));
        found
    }

    fn in_partition(&self, key: u32) -> Vec<Kind> {
        let lying = self.lying_in(key);
        let mut found = Vec::new();
        for (at, &(_, sent)) in lying.iter().enumerate() {
            let (Some((producer, epoch)), before) = (sent.life, &lying[..at]) else { continue };
            let lineage = before.iter().map(|&(_, other)| other);
            let lineage: Vec<&Sent> =
                lineage.filter(|other| other.life.is_some_and(|life| life.0 == producer)).collect();
            let newer = lineage.iter().any(|other| other.life > Some((producer, epoch)));
            found.extend(newer.then_some(Kind::ZombieWrite));
            found.extend(is_amid(&lineage, sent).then_some(Kind::TransactionInterleaving));
            if self.rest.contains_key(&key) {
                found.extend(self.misnumbered(&lineage, sent));
            }
        }
        found
    }

    /// Whether its number repeats that of the record before it, or a number between the two has vanished.
    fn misnumbered(&self, lineage: &[&Sent], sent: &Sent) -> Option<Kind> {
        let is_numbered = |other: &&&Sent| other.life == sent.life && other.sequence.is_some();
        let before = lineage.iter().rev().find(is_numbered)?.sequence?;
        let sequence = sent.sequence?;
        let is_missing = |other: &Sent| {
            let is_between =
                other.sequence.is_some_and(|number| before < number && number < sequence);
            let is_open = other.txn.is_none() && !other.has_answer;
            let is_of_life = (other.life, other.key) == (sent.life, sent.key);
            let is_refused = other.failed || is_open;
            is_of_life && is_between && is_refused && self.place_of(other).is_none()
        };
        let is_gap = self.sent.iter().any(is_missing);
        match before == sequence {
            true => Some(Kind::SequenceDuplicate),
            false => is_gap.then_some(Kind::SequenceGap),
        }
    }

    /// Whether a transaction's commit was asked for, and accepted, after a newer life began.
    fn is_fenced(&self, txn: usize) -> bool {
        let Some(life) = self.sent_in(txn).next().and_then(|sent| sent.life) else { return false };
        let first = self.sent_in(txn).next().map_or(0, |sent| sent.at);
        let own = self.steps[..first].iter().rposition(|step| match *step {
            Step::Init { process, .. } => process == self.txns[txn].process,
            _ => false,
        });
        let begins_newer = |step: &Step| match *step {
            Step::Init { producer, epoch, .. } => producer == life.0 && epoch > life.1,
            _ => false,
        };
        let until = self.open_until(txn);
        let newer = self.steps.iter().enumerate().filter(|(_, step)| begins_newer(step));
        let mut newer = newer.map(|(at, _)| at).filter(|&at| Some(at) > own && at < until);
        self.txns[txn].told == Fate::Committed && newer.next().is_some()
    }
}

/// Whether another process's transaction in the same life of the producer lies next before a record and after another one
/// of the record's own transaction.
fn is_amid(lineage: &[&Sent], sent: &Sent) -> bool {
    let transactional: Vec<_> = lineage.iter().filter(|other| other.txn.is_some()).collect();
    let Some(before) = transactional.last().filter(|_| sent.txn.is_some()) else { return false };
    let is_other = before.txn != sent.txn && before.process != sent.process;
    is_other && before.life == sent.life && lineage.iter().any(|other| other.txn == sent.txn)
}
