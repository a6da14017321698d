//! Claim: each offset holds one record, the same for every reader, sent to this partition, once, before it was read.
//!
//! O(slots + contradictions). A proof names no more operations than contradict each other: two who disagree about an offset,
//! or one who read a record twice; who wrote what they speak of is told besides. Not judged here: records that are gone ([`durability`](super::durability)), their order, and
//! those of aborted transactions ([`aborted_reads`](super::aborted_reads)).

use crate::anomaly::{AnomalyKind, Role};
use crate::evidence::Evidence;
use crate::evidence::excuses::Missing;
use crate::evidence::log::{Log, Sighting, Slot};
use crate::evidence::sends::{Outcome, Send, SendId, SlotIndex};
use crate::findings::{Findings, Proof};
use crate::history::{Key, Offset, OpId, Value, What};
use crate::verdict::Property;

/// Judges every slot of every log.
pub(crate) fn judge(evidence: &Evidence<'_>, findings: &mut Findings<'_>) {
    for (key, log) in evidence.keyed_logs() {
        let judge = SlotJudge { evidence, key, log };
        for (index, slot) in log.slots() {
            judge.slot(index, slot, findings);
        }
        for conflict in &log.conflicts {
            judge.conflict(conflict, findings);
        }
        for &send in &log.misplaced {
            judge.misplaced(send, findings);
        }
    }
}

struct SlotJudge<'e, 'h> {
    evidence: &'e Evidence<'h>,
    key: Key,
    log: &'e Log,
}

impl SlotJudge<'_, '_> {
    fn slot(&self, index: SlotIndex, slot: &Slot, findings: &mut Findings<'_>) {
        let Some(reader) = slot.reader() else {
            return self.unread(index, slot, findings);
        };
        let read = Read { offset: self.log.places.offset(index), value: slot.value, reader };
        let send = slot.writer().map(|writer| self.evidence.sends.get(writer));
        if !self.is_sound(&read, send, findings) {
            return;
        }
        // Where nobody recorded what was sent, nothing contradicts it.
        let Some(send) = send else { return };
        if self.read_before_sent(reader, send) {
            findings.report(AnomalyKind::ReadBeforeSend, 0, || self.proof(&read, Some(send)));
        }
        match send.place {
            Some(place) if place != index && self.log.is_visible(index.get()) => {
                self.two_places(&read, send, place, findings);
            }
            None if self.may_not_vanish(send) => self.vanished(&read, send, findings),
            _ => {}
        }
    }

    /// A record was read here and lies, or was acknowledged, at a lower offset too.
    fn two_places(&self, read: &Read, send: &Send, place: SlotIndex, findings: &mut Findings<'_>) {
        match self.log.slot(place).reader() {
            Some(reader) => {
                let (offset, value) = self.log.record(place);
                let reads = [Read { offset, value, reader }, *read];
                findings.report(AnomalyKind::Duplicate, 0, || self.duplicate(reads, send))
            }
            None => findings
                .report(AnomalyKind::AckedOffsetConflict, 0, || self.acked_elsewhere(send, read)),
        }
    }

    /// A record was read and is not in the log at rest.
    fn vanished(&self, read: &Read, send: &Send, findings: &mut Findings<'_>) {
        let Some(at_rest) = self.log.at_rest else { return };
        let kind = AnomalyKind::UnstableRead;
        match self.evidence.excuse(Missing::at_rest(send, read.offset, at_rest)) {
            Some(known) => {
                self.evidence.note_excuse(kind, (self.key, read.offset), known, findings)
            }
            None => findings.report(kind, 0, || self.unstable(read, send)),
        }
    }

    /// An offset that only an acknowledgement names: an error if the record is known to lie elsewhere.
    fn unread(&self, index: SlotIndex, slot: &Slot, findings: &mut Findings<'_>) {
        let Some(send) = slot.writer().map(|writer| self.evidence.sends.get(writer)) else {
            return;
        };
        let Some(place) = send.place.filter(|&place| place != index) else { return };
        let (offset, value) = self.log.record(place);
        if let Some(reader) = self.log.slot(place).reader() {
            let read = Read { offset, value, reader };
            findings
                .report(AnomalyKind::AckedOffsetConflict, 0, || self.acked_elsewhere(send, &read));
        }
    }

    /// Whether a record that was read is one that may be read here.
    fn is_sound(&self, read: &Read, send: Option<&Send>, findings: &mut Findings<'_>) -> bool {
        let Some(kind) = self.unsound(read.value, send) else { return true };
        if kind.property() == Property::PartitionOrder {
            findings.report(kind, 0, || self.proof(read, send));
        }
        false
    }

    /// Whether a record that was read has to stay, though nobody was promised it would ([`durability`](super::durability)
    /// looks for the others). One of a transaction that may be aborted has not.
    fn may_not_vanish(&self, send: &Send) -> bool {
        match send.outcome {
            Outcome::Unknown => send.txn().is_none(),
            Outcome::Proven => true,
            Outcome::Ok | Outcome::Failed | Outcome::Aborted => false,
        }
    }

    fn unsound(&self, value: Value, send: Option<&Send>) -> Option<AnomalyKind> {
        match send {
            _ if value == Value::CORRUPT => Some(AnomalyKind::Corrupt),
            None if self.evidence.history.meta().reads_only => None,
            None => Some(AnomalyKind::Phantom),
            Some(send) if send.key != self.key => Some(AnomalyKind::WrongPartition),
            Some(Send { outcome: Outcome::Failed, .. }) => Some(AnomalyKind::AbortedRead),
            Some(Send { outcome: Outcome::Aborted, .. }) => {
                Some(AnomalyKind::AbortedTransactionRead)
            }
            Some(_) => None,
        }
    }

    fn read_before_sent(&self, reader: OpId, send: &Send) -> bool {
        reader < send.op && self.evidence.is_before(reader, send.op)
    }

    /// Two readers disagree. If one of the values should not be readable at all, that is the anomaly.
    fn conflict(&self, conflict: &Sighting, findings: &mut Findings<'_>) {
        let offset = self.log.places.offset(conflict.slot);
        let read = Read { offset, value: conflict.value, reader: conflict.reader };
        let send = conflict.writer.map(|writer| self.evidence.sends.get(writer));
        if !self.is_sound(&read, send, findings) {
            return;
        }
        let slot = self.log.slot(conflict.slot);
        let writer = slot.writer().map(|writer| self.evidence.sends.get(writer));
        if self.unsound(slot.value, writer).is_none() {
            findings.report(AnomalyKind::Divergence, 0, || self.divergence(&read, send, slot));
        }
    }

    /// An acknowledgement contradicts what is read at its offset. Once the log was read at rest and lacks the record,
    /// the record is lost, which is worse and judged elsewhere; if a reader had seen it there, readers diverge.
    fn misplaced(&self, id: SendId, findings: &mut Findings<'_>) {
        let send = self.evidence.sends.get(id);
        let lost = self.log.at_rest.is_some() && send.place.is_none();
        let history = self.evidence.history;
        let seen_there = self.log.contradicts(send.offset(history), send.value(history));
        if !lost && !seen_there {
            findings.report(AnomalyKind::AckedOffsetConflict, 0, || self.acked_over(send));
        }
    }

    fn proof(&self, read: &Read, send: Option<&Send>) -> Proof {
        let mut ops = vec![(read.reader, Role::Reader)];
        let mut explain = vec![self.tell(read)];
        match send {
            Some(send) => {
                ops.push((send.op, Role::Writer));
                explain.push(self.evidence.tell_send(send));
            }
            None if read.value == Value::CORRUPT || self.evidence.history.meta().reads_only => {}
            None => explain
                .push(format!("Nobody sent {} anywhere.", self.evidence.value_name(read.value))),
        }
        Proof { key: self.key, offsets: vec![read.offset], ops, missing: vec![], explain }
    }

    /// Who read one record at two places; one reader of both suffices.
    fn duplicate(&self, [mut first, mut second]: [Read; 2], send: &Send) -> Proof {
        let mut readers = [first.reader, second.reader].into_iter();
        let is_both =
            |&reader: &OpId| self.did_read(reader, &first) && self.did_read(reader, &second);
        if let Some(reader) = readers.find(is_both) {
            (first.reader, second.reader) = (reader, reader);
        }
        let mut ops = vec![(first.reader, Role::Reader), (second.reader, Role::Reader)];
        ops.dedup();
        let explain = vec![
            self.tell(&first),
            self.tell(&second),
            self.evidence.tell_send(send),
            "One send, two records.".to_owned(),
        ];
        let offsets = vec![first.offset, second.offset];
        Proof { key: self.key, offsets, ops, missing: vec![], explain }
    }

    fn did_read(&self, reader: OpId, read: &Read) -> bool {
        let history = self.evidence.history;
        let records = match history.event(reader).what {
            What::Polled { poll } => history.poll(poll).records,
            What::LogDumped { records, .. } => records,
            other => unreachable!("polls and dumps read, not {other:?}"),
        };
        let mut spans = history.spans(records).filter(|span| span.key == self.key);
        spans.any(|span| {
            let offsets = (span.base.0..).map(Offset);
            let mut values = offsets.zip(history.values(span).flatten());
            values.any(|(offset, &value)| (offset, value) == (read.offset, read.value))
        })
    }

    fn unstable(&self, read: &Read, send: &Send) -> Proof {
        let mut proof = self.proof(read, Some(send));
        let at_rest = self.log.at_rest.map(|at_rest| (at_rest.op, Role::FinalReader));
        proof.ops = [(read.reader, Role::Reader)].into_iter().chain(at_rest).collect();
        proof.missing.push((read.offset, read.value));
        proof
            .explain
            .push("The log at rest does not have it: what a consumer read is gone.".to_owned());
        proof
    }

    fn divergence(&self, read: &Read, send: Option<&Send>, slot: &Slot) -> Proof {
        let mut proof = self.proof(read, send);
        if let Some(reader) = slot.reader() {
            proof.ops = vec![(read.reader, Role::Reader), (reader, Role::Reader)];
            proof.ops.dedup();
            proof.explain.push(self.tell(&Read { value: slot.value, reader, ..*read }));
        }
        proof.explain.push("One offset, two records.".to_owned());
        proof
    }

    fn acked_elsewhere(&self, send: &Send, read: &Read) -> Proof {
        let mut proof = self.proof(read, Some(send));
        let acked = send.offset(self.evidence.history);
        proof.offsets.insert(0, acked);
        proof
            .explain
            .push(format!("The acknowledgement named offset {acked}, where nobody saw it."));
        proof
    }

    fn acked_over(&self, send: &Send) -> Proof {
        let offset = send.offset(self.evidence.history);
        let mut explain = vec![self.evidence.tell_send(send)];
        let mut ops = vec![(send.op, Role::Writer)];
        if let Some((_, slot)) = self.log.slot_at(offset) {
            let other = slot.writer().map(|writer| self.evidence.sends.get(writer));
            let reader = slot.reader().map(|reader| (reader, Role::Reader));
            ops.extend(reader.or(other.map(|other| (other.op, Role::Overwriter))));
            explain.extend(other.map(|other| self.evidence.tell_send(other)));
            if let Some((reader, _)) = reader {
                explain.push(self.tell(&Read { offset, value: slot.value, reader }));
            }
        }
        explain.push(format!("Two records claim offset {offset}."));
        Proof { key: self.key, offsets: vec![offset], ops, missing: vec![], explain }
    }

    fn tell(&self, read: &Read) -> String {
        self.evidence.tell_read(read.reader, self.key, read.offset, read.value)
    }
}

/// Somebody read a value at an offset.
#[derive(Clone, Copy)]
struct Read {
    offset: Offset,
    value: Value,
    reader: OpId,
}
