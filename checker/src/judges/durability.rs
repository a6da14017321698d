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
use crate::history::OpId;
use crate::verdict::Coverage;

/// Looks for every acknowledged record.
pub(crate) fn judge(evidence: &Evidence<'_>, findings: &mut Findings<'_>, coverage: &mut Coverage) {
    for (_, send) in evidence.sends.iter().filter(|(_, send)| send.outcome == Outcome::Ok) {
        let log = evidence.log(send.key);
        coverage.acked_judged += u64::from(log.at_rest.is_some());
        if send.place.is_none() {
            Absent { evidence, send, log, read_over_by: read_over_by(log, send) }.judge(findings);
        }
    }
}

/// The poll that read over the record of `send`, if one did.
fn read_over_by(log: &Log, send: &Send) -> Option<OpId> {
    let (index, _) = log.slot_at(send.offset).filter(|(_, slot)| slot.value == send.value)?;
    log.hole_at(index)
}

/// An acknowledged record that is in no place of its log.
struct Absent<'e, 'h> {
    evidence: &'e Evidence<'h>,
    send: &'e Send,
    log: &'e Log,
    read_over_by: Option<OpId>,
}

impl Absent<'_, '_> {
    fn judge(&self, findings: &mut Findings<'_>) {
        let &Absent { evidence, send, log, read_over_by } = self;
        match (log.at_rest, read_over_by) {
            (Some(at_rest), _) => {
                let kind = shape(send, log, at_rest);
                self.report(kind, Some(at_rest.op), findings, || {
                    prove(evidence, send, log, at_rest)
                });
            }
            (None, Some(poll)) => {
                self.report(AnomalyKind::Hole, None, findings, || prove_hole(evidence, send, poll));
            }
            (None, None) => {}
        }
    }

    /// Retention opens no gap within one poll.
    fn report(
        &self,
        kind: AnomalyKind,
        passed: Option<OpId>,
        findings: &mut Findings<'_>,
        prove: impl FnOnce() -> Proof,
    ) {
        let &Absent { evidence, send, read_over_by, .. } = self;
        let passed = passed.filter(|_| read_over_by.is_none());
        let (key, offset) = (send.key, send.offset);
        match evidence.excuse(Missing { key, offset, send: Some(send), passed }) {
            Some(known) => evidence.note_excuse(kind, (key, offset), known, findings),
            None => findings.report(kind, 0, prove),
        }
    }
}

fn shape(send: &Send, log: &Log, at_rest: FinalRead) -> AnomalyKind {
    let Some(offset) = send.offset.known() else { return AnomalyKind::DrainedUnseen };
    let index = log.places.at_or_above(offset);
    match log.slot_at(offset) {
        _ if offset >= at_rest.end => AnomalyKind::TruncatedTail,
        Some((slot, _)) if log.is_visible(slot.get()) => AnomalyKind::LostWrite,
        _ if log.count_visible(index, log.len()) > 0 => AnomalyKind::Hole,
        _ => AnomalyKind::DrainedUnseen,
    }
}

/// Two operations prove it: the acknowledgement and the poll.
fn prove_hole(evidence: &Evidence<'_>, send: &Send, poll: OpId) -> Proof {
    let (key, value) = (evidence.key_name(send.key), evidence.value_name(send.value));
    let explain = vec![
        evidence.tell_send(send),
        format!(
            "Records on both sides of offset {} were read from {key} in one poll by {}.",
            send.offset,
            evidence.who_when(poll)
        ),
        format!("Nobody ever read {value}: an acknowledged record is lost."),
    ];
    let ops =
        vec![(send.op, Role::Writer), (send.done, Role::Acknowledgement), (poll, Role::Reader)];
    let missing = vec![(send.offset, send.value)];
    Proof { key: send.key, offsets: vec![send.offset], ops, missing, explain }
}

fn prove(evidence: &Evidence<'_>, send: &Send, log: &Log, at_rest: FinalRead) -> Proof {
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
    if let Some((index, slot)) =
        log.slot_at(send.offset).filter(|(index, _)| log.is_visible(index.get()))
    {
        let (offset, holds) = (log.places.offset(index), evidence.value_name(slot.value));
        explain.push(format!("Offset {offset} holds {holds} instead."));
        if let Some(other) = slot.writer().map(|writer| evidence.sends.get(writer)) {
            ops.push((other.op, Role::Overwriter));
            explain.push(evidence.tell_send(other));
        }
    }
    let earlier = log
        .slot_at(send.offset)
        .filter(|(_, slot)| slot.value == send.value)
        .and_then(|(_, slot)| slot.reader());
    if let Some(reader) = earlier {
        ops.push((reader, Role::EarlierReader));
        explain.push(evidence.tell_read(reader, send.key, send.offset, send.value));
    }
    let value = evidence.value_name(send.value);
    explain.push(format!("{value} is nowhere in {key}: an acknowledged record is lost."));
    let offsets = send.offset.known().into_iter().collect();
    Proof { key: send.key, offsets, ops, missing: vec![(send.offset, send.value)], explain }
}
