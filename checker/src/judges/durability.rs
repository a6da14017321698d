//! Claim: a record whose send was acknowledged is in the log: no poll reads over it, and it is there at rest.
//!
//! O(acknowledged sends). Where a record is missing, the shape of the gap names the anomaly:
//!
//! ```text
//!   acknowledged   0  1  2  3  4
//!   read at rest   0  1  2  x      x at offset 3: lost-write (overwritten)      end <= 4: truncated-tail
//!   read at rest   0  1     3  4   hole: others around it are there
//!   read at rest   0  1  2         end 5, or no offset to look at: drained-unseen
//!   one poll       0  1     3      hole, if nobody ever read offset 2: no read at rest is needed
//! ```
//! A record that retention, `DeleteRecords` or compaction may have removed is counted as excused
//! ([`excuses`](crate::evidence::excuses)).

use crate::anomaly::{AnomalyKind, Role};
use crate::evidence::Evidence;
use crate::evidence::excuses::Missing;
use crate::evidence::log::{FinalRead, Log};
use crate::evidence::sends::{Outcome, Send};
use crate::findings::{Findings, Proof};
use crate::history::{Offset, OpId, Value};
use crate::verdict::Coverage;

/// Looks for every acknowledged record.
pub(crate) fn judge(evidence: &Evidence<'_>, findings: &mut Findings<'_>, coverage: &mut Coverage) {
    for (_, send) in evidence.sends.iter().filter(|(_, send)| send.outcome == Outcome::Ok) {
        let log = evidence.log(send.key);
        coverage.acked_judged += u64::from(log.at_rest.is_some());
        if send.place.is_none() {
            Absent::of(evidence, send, log).judge(findings);
        }
    }
}

/// An acknowledged record that is in no place of its log.
struct Absent<'e, 'h> {
    evidence: &'e Evidence<'h>,
    send: &'e Send,
    /// The acknowledged offset.
    offset: Offset,
    value: Value,
    log: &'e Log,
    /// The poll that read over the record, if one did.
    read_over_by: Option<OpId>,
}

impl<'e, 'h> Absent<'e, 'h> {
    fn of(evidence: &'e Evidence<'h>, send: &'e Send, log: &'e Log) -> Self {
        let (offset, value) = (send.offset(evidence.history), send.value(evidence.history));
        let held = log.slot_at(offset).filter(|(_, slot)| slot.value == value);
        let read_over_by = held.and_then(|(index, _)| log.hole_at(index));
        Absent { evidence, send, offset, value, log, read_over_by }
    }

    fn judge(&self, findings: &mut Findings<'_>) {
        match (self.log.at_rest, self.read_over_by) {
            (Some(at_rest), _) => {
                let kind = self.shape(at_rest);
                self.report(kind, Some(at_rest.op), findings, || self.prove(at_rest));
            }
            (None, Some(poll)) => {
                self.report(AnomalyKind::Hole, None, findings, || self.prove_hole(poll));
            }
            (None, None) => {}
        }
    }

    /// Retention opens no gap within one poll, and what holds another record now was not removed.
    fn report(
        &self,
        kind: AnomalyKind,
        passed: Option<OpId>,
        findings: &mut Findings<'_>,
        prove: impl FnOnce() -> Proof,
    ) {
        let &Absent { evidence, send, offset, read_over_by, .. } = self;
        let passed = passed.filter(|_| read_over_by.is_none());
        let key = send.key;
        let excuse = match kind {
            AnomalyKind::LostWrite => None,
            _ => evidence.excuse(Missing { key, offset, send: Some(send), passed }),
        };
        match excuse {
            Some(known) => evidence.note_excuse(kind, (key, offset), known, findings),
            None => findings.report(kind, 0, prove),
        }
    }

    fn shape(&self, at_rest: FinalRead) -> AnomalyKind {
        let log = self.log;
        let Some(offset) = self.offset.known() else { return AnomalyKind::DrainedUnseen };
        let index = log.places.at_or_above(offset);
        match log.slot_at(offset) {
            _ if offset >= at_rest.end => AnomalyKind::TruncatedTail,
            Some((slot, _)) if log.is_visible(slot.get()) => AnomalyKind::LostWrite,
            _ if log.count_visible(index, log.len()) > 0 => AnomalyKind::Hole,
            _ => AnomalyKind::DrainedUnseen,
        }
    }

    /// Two operations prove it: the acknowledgement and the poll.
    fn prove_hole(&self, poll: OpId) -> Proof {
        let &Absent { evidence, send, offset, value, .. } = self;
        let explain = vec![
            evidence.tell_send(send),
            format!(
                "Records on both sides of offset {offset} were read from {} in one poll by {}.",
                evidence.key_name(send.key),
                evidence.who_when(poll)
            ),
            format!(
                "Nobody ever read {}: an acknowledged record is lost.",
                evidence.value_name(value)
            ),
        ];
        let ops =
            vec![(send.op, Role::Writer), (send.done, Role::Acknowledgement), (poll, Role::Reader)];
        let missing = vec![(offset, value)];
        Proof { key: send.key, offsets: vec![offset], ops, missing, explain }
    }

    fn prove(&self, at_rest: FinalRead) -> Proof {
        let &Absent { evidence, send, offset, value, log, .. } = self;
        let key = evidence.key_name(send.key);
        let mut ops = vec![
            (send.op, Role::Writer),
            (send.done, Role::Acknowledgement),
            (at_rest.op, Role::FinalReader),
        ];
        let mut explain = vec![evidence.tell_send(send)];
        explain.push(format!(
            "At rest, {key} was read from offset {} to its end {} by {}.",
            at_rest.start,
            at_rest.end,
            evidence.who_when(at_rest.op)
        ));
        let there = log.slot_at(offset);
        if let Some((_, slot)) = there.filter(|(index, _)| log.is_visible(index.get())) {
            let holds = evidence.value_name(slot.value);
            explain.push(format!("Offset {offset} holds {holds} instead."));
            if let Some(other) = slot.writer().map(|writer| evidence.sends.get(writer)) {
                ops.push((other.op, Role::Overwriter));
                explain.push(evidence.tell_send(other));
            }
        }
        let earlier = there.filter(|(_, slot)| slot.value == value);
        if let Some(reader) = earlier.and_then(|(_, slot)| slot.reader()) {
            ops.push((reader, Role::EarlierReader));
            explain.push(evidence.tell_read(reader, send.key, offset, value));
        }
        let lost = evidence.value_name(value);
        explain.push(format!("{lost} is nowhere in {key}: an acknowledged record is lost."));
        let offsets = offset.known().into_iter().collect();
        Proof { key: send.key, offsets, ops, missing: vec![(offset, value)], explain }
    }
}
