//! Claim: once a newer life of a producer is known, its older lives write nothing and commit nothing.
//!
//! O(slots * log producers + transactions). A partition learns of a newer life with its first record, so the slots tell: a
//! committed record of an older life behind one of a newer life is a `zombie-write`, whatever the clocks say; before it, it
//! is none. The coordinator learns of a newer life when that is initialized, so a commit that was asked for afterwards must
//! be refused (`fenced-commit`).

use crate::anomaly::{AnomalyKind, Role};
use crate::evidence::Evidence;
use crate::evidence::producers::{Lineage, Producers};
use crate::evidence::sends::{Outcome, SendId};
use crate::findings::{Findings, Proof};
use crate::history::{Key, OpId, ProducerRef};
use std::collections::BTreeMap;

/// Looks for older lives behind newer ones.
pub(crate) fn judge(
    evidence: &Evidence<'_>,
    producers: &Producers<'_>,
    findings: &mut Findings<'_>,
) {
    let judge = Fencing { evidence, producers };
    evidence.keyed_logs().for_each(|(key, _)| judge.writes(key, findings));
    judge.commits(findings);
}

struct Fencing<'e, 'h> {
    evidence: &'e Evidence<'h>,
    producers: &'e Producers<'h>,
}

impl Fencing<'_, '_> {
    fn writes(&self, key: Key, findings: &mut Findings<'_>) {
        let mut newest: BTreeMap<Lineage, (ProducerRef, SendId)> = BTreeMap::new();
        for (_, writer) in self.evidence.in_place(key) {
            let Some(producer) = self.producers.of(writer) else { continue };
            let newest =
                newest.entry(self.producers.lineage(producer)).or_insert((producer, writer));
            if self.producers.is_older(producer, newest.0) {
                findings.report(AnomalyKind::ZombieWrite, 0, || {
                    self.zombie_write(key, newest.1, writer)
                });
            } else if self.producers.is_older(newest.0, producer) {
                *newest = (producer, writer);
            }
        }
    }

    fn commits(&self, findings: &mut Findings<'_>) {
        let mut lives: BTreeMap<Lineage, Vec<(OpId, ProducerRef)>> = BTreeMap::new();
        for (op, producer) in self.producers.lives() {
            lives.entry(self.producers.lineage(producer)).or_default().push((op, producer));
        }
        let Evidence { history, sends, transactions, .. } = self.evidence;
        for (_, txn) in transactions.iter().filter(|(_, txn)| txn.outcome == Outcome::Ok) {
            let Some(&send) = txn.sends.first() else { continue };
            let Some(producer) = self.producers.of(send) else { continue };
            let lives = &lives[&self.producers.lineage(producer)];
            let after = lives.partition_point(|&(_, life)| life <= producer);
            let newer =
                |&&(_, life): &&(OpId, ProducerRef)| self.producers.is_older(producer, life);
            let Some(&(newer, _)) = lives[after..].iter().find(newer) else { continue };
            if self.evidence.ended_before(newer, txn.open_until(history, sends)) {
                findings.report(AnomalyKind::FencedCommit, 0, || {
                    self.fenced_commit(send, newer, txn.decided)
                });
            }
        }
    }

    fn zombie_write(&self, key: Key, newer: SendId, zombie: SendId) -> Proof {
        let log = self.evidence.log(key);
        let sends = [newer, zombie].map(|send| self.evidence.sends.get(send));
        let offsets: Vec<_> =
            sends.iter().filter_map(|send| Some(log.places.offset(send.place?))).collect();
        let mut explain = Vec::new();
        for ((id, send), offset) in [newer, zombie].into_iter().zip(sends).zip(&offsets) {
            explain.push(self.evidence.tell_send(send));
            explain.extend(self.producers.of(id).map(|producer| {
                format!("It lies at offset {offset}, written by {}.", self.producers.name(producer))
            }));
        }
        explain.push("The older life wrote after the newer one.".to_owned());
        let ops = vec![(sends[0].op, Role::Writer), (sends[1].op, Role::Zombie)];
        Proof { key, offsets, ops, missing: vec![], explain }
    }

    fn fenced_commit(&self, send: SendId, newer: OpId, decided: Option<OpId>) -> Proof {
        let record = self.evidence.sends.get(send);
        let mut ops = vec![(record.op, Role::Writer), (newer, Role::Owner)];
        ops.extend(decided.map(|decided| (decided, Role::Zombie)));
        let mut explain = vec![self.evidence.tell_send(record)];
        explain.extend(self.producers.of(send).map(|producer| {
            format!("The transaction was one of {}.", self.producers.name(producer))
        }));
        explain.push(format!(
            "Before its commit was asked for, a newer life was initialized by {}.",
            self.evidence.who_when(newer)
        ));
        let offsets = record.offset(self.evidence.history).known().into_iter().collect();
        Proof { key: record.key, offsets, ops, missing: vec![], explain }
    }
}
