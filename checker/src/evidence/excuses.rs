//! Why a record may be missing from a log that kept its promises: the log begins above it, or compaction left only a later
//! record of its key, or not even that, as it was a tombstone.
//!
//! ```text
//!   log start 3      .  .  .  3  4  5      0, 1 and 2 were removed by retention or DeleteRecords
//!   compact          .  b  .  a  -  b      of each message key the last record stays
//!   compact          .  .  .  a  -  .      b was deleted: its last record, at 5, was a tombstone
//! ```
//! A tombstone goes `delete.retention.ms` after all that it deletes. So it is not excused while the log has a record of its
//! key below, nor if the log ends before it or has another record in its place, which no compaction brings about.
//!
//! A log start offset never falls, so who asks for it afterwards and is told one at or below the record proves that nothing
//! of the kind had happened yet.

use super::Evidence;
use super::log::{FinalRead, Log};
use super::sends::{Outcome, Send, SendId, Sends, SlotIndex};
use super::told::{BoundRead, Told};
use crate::anomaly::AnomalyKind;
use crate::contract::CleanupPolicy;
use crate::excuse::Excuse;
use crate::findings::Findings;
use crate::history::{History, Key, MessageKey, Offset, OpId, What};
use std::collections::BTreeMap;

/// What excuses there are, by partition.
#[derive(Debug)]
pub(crate) struct Excuses {
    retention: Vec<Retention>,
    /// The last record of each message key; empty unless logs are compacted.
    last: BTreeMap<(Key, MessageKey), SendId>,
    /// The last tombstone of each message key that the log has no record of; empty unless logs are compacted.
    tombstones: BTreeMap<(Key, MessageKey), SendId>,
}

/// Where one log begins, as far as anybody was told.
#[derive(Clone, Debug, Default)]
struct Retention {
    /// Each log start offset higher than all told before, and who was told.
    rising: Vec<(Offset, OpId)>,
    /// Answers to who asked, by offset: each the last asked for of all up to that offset.
    asked: Vec<BoundRead>,
}

/// A record that somebody misses.
#[derive(Clone, Copy)]
pub(crate) struct Missing<'s> {
    pub(crate) key: Key,
    /// Where it was, or [`Offset::NONE`].
    pub(crate) offset: Offset,
    /// Who sent it, if known.
    pub(crate) send: Option<&'s Send>,
    /// Who went past it; none if that was one poll, which reads a log as it is at one moment.
    pub(crate) passed: Option<OpId>,
}

impl<'s> Missing<'s> {
    /// The record of `send` was at `offset` and is not in the log at rest.
    pub(crate) fn at_rest(send: &'s Send, offset: Offset, read: FinalRead) -> Self {
        Missing { key: send.key, offset, send: Some(send), passed: Some(read.op) }
    }
}

/// An excuse and how it is known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known {
    /// The log was said to begin at this offset.
    Begins(Offset, OpId),
    /// The log has this later record of the same message key.
    Follows(SendId),
    /// The last record of its message key was this tombstone, which is gone too.
    Deleted(SendId),
}

impl Known {
    pub(crate) fn excuse(self) -> Excuse {
        match self {
            Known::Begins(..) => Excuse::Retention,
            Known::Follows(_) | Known::Deleted(_) => Excuse::Compaction,
        }
    }
}

impl Excuses {
    /// O(bounds told), and O(sends log keys) if logs are compacted.
    pub(super) fn gather(
        history: &History,
        (told, sends, logs): (&Told, &Sends, &[Log]),
        policy: CleanupPolicy,
    ) -> Self {
        let mut retention = vec![Retention::default(); logs.len()];
        for (key, start, op) in starts(history, told) {
            retention[key.0 as usize].begins(start, op);
        }
        for (retention, log) in retention.iter_mut().zip(logs) {
            if let Some(read) = log.at_rest {
                retention.begins(read.start, read.op);
            }
        }
        for &read in &told.starts {
            retention[read.key.0 as usize].asked.push(read);
        }
        retention.iter_mut().for_each(|retention| retention.sort(history));
        let (last, tombstones) = match policy {
            CleanupPolicy::Delete => (BTreeMap::new(), BTreeMap::new()),
            CleanupPolicy::Compact => {
                let last = last_of_each_key(history, sends);
                let tombstones = tombstones(history, sends, logs, &last);
                (last, tombstones)
            }
        };
        Excuses { retention, last, tombstones }
    }
}

/// Every log start offset that somebody was told, in the order of the events.
fn starts(history: &History, told: &Told) -> Vec<(Key, Offset, OpId)> {
    let aside = |&aside: &OpId| match history.event(aside).what {
        What::BoundsTold { op, bounds } => Some(history.bounds(bounds).map(move |told| (told, op))),
        _ => None,
    };
    let asides = told.asides.iter().filter_map(aside).flatten();
    let asides =
        asides.filter_map(|(told, op)| Some((told.key, told.log_start_offset.known()?, op)));
    let asked = told.starts.iter().map(|read| (read.key, read.offset, read.told));
    let mut starts: Vec<_> = asides.chain(asked).chain(told.resets.iter().copied()).collect();
    starts.sort_by_key(|&(_, _, op)| op);
    starts
}

fn last_of_each_key(history: &History, sends: &Sends) -> BTreeMap<(Key, MessageKey), SendId> {
    let mut last: BTreeMap<_, SendId> = BTreeMap::new();
    for (id, send) in sends.iter().filter(|(_, send)| send.place.is_some()) {
        let Some(message_key) = history.message_key(send) else { continue };
        let known = last.entry((send.key, message_key)).or_insert(id);
        if sends.get(*known).place < send.place {
            *known = id;
        }
    }
    last
}

/// The last tombstone of each message key of which the log has no record.
fn tombstones(
    history: &History,
    sends: &Sends,
    logs: &[Log],
    there: &BTreeMap<(Key, MessageKey), SendId>,
) -> BTreeMap<(Key, MessageKey), SendId> {
    let mut last: BTreeMap<_, SendId> = BTreeMap::new();
    let may_be_compacted = |send: &Send| is_vacant(history, send, &logs[send.key.0 as usize]);
    let tombstones = sends.iter().filter(|(_, send)| history.sends_tombstone(send));
    for (id, send) in tombstones.filter(|(_, send)| may_be_compacted(send)) {
        let Some(message_key) = history.message_key(send) else { continue };
        let key = (send.key, message_key);
        if !there.contains_key(&key) {
            let known = last.entry(key).or_insert(id);
            if sends.get(*known).offset(history) < send.offset(history) {
                *known = id;
            }
        }
    }
    last
}

/// Whether a record was acknowledged at an offset where the log has nothing, though it goes on above.
fn is_vacant(history: &History, send: &Send, log: &Log) -> bool {
    let Some(offset) = send.offset(history).known() else { return false };
    let holds_another = log.slot_at(offset).is_some_and(|(slot, _)| log.is_visible(slot.get()));
    let goes_on = log.at_rest.is_none_or(|read| offset < read.end);
    send.outcome == Outcome::Ok && send.place.is_none() && !holds_another && goes_on
}

impl History {
    /// Whether it was told with a send or its acknowledgement that the record is a tombstone.
    fn sends_tombstone(&self, send: &Send) -> bool {
        self.is_tombstone(send.op) || self.is_tombstone(send.done)
    }

    /// The message key of a record, told with its send or its acknowledgement.
    pub(crate) fn message_key(&self, send: &Send) -> Option<MessageKey> {
        let told = [send.op, send.done].into_iter().filter_map(|op| self.send_detail(op));
        told.filter_map(|detail| detail.message_key).next()
    }
}

impl Retention {
    fn begins(&mut self, start: Offset, op: OpId) {
        if start > self.rising.last().map_or(Offset(0), |&(highest, _)| highest) {
            self.rising.push((start, op));
        }
    }

    fn sort(&mut self, history: &History) {
        self.asked.sort_by_key(|read| read.offset);
        let mut last: Option<BoundRead> = None;
        for read in &mut self.asked {
            let earlier = |earlier: &BoundRead| {
                history.event(earlier.asked).time > history.event(read.asked).time
            };
            *read = last
                .filter(earlier)
                .map_or(*read, |last| BoundRead { offset: read.offset, ..last });
            last = Some(*read);
        }
    }

    /// Who was told first that the log begins above `offset`.
    fn above(&self, offset: Offset) -> Option<(Offset, OpId)> {
        let at = self.rising.partition_point(|&(start, _)| start <= offset);
        self.rising.get(at).copied()
    }

    /// The last question that was answered with a beginning at or below `offset`.
    fn at_or_below(&self, offset: Offset) -> Option<BoundRead> {
        let end = self.asked.partition_point(|read| read.offset <= offset);
        self.asked[..end].last().copied()
    }
}

impl Evidence<'_> {
    /// Why a record may be missing, if anything permits it. O(log bounds told).
    pub(crate) fn excuse(&self, missing: Missing<'_>) -> Option<Known> {
        self.removed(missing).or_else(|| self.compacted(missing))
    }

    /// Why a record that was in the log at some time may have been missed by who went past it. What was in the log at rest
    /// was there before.
    pub(crate) fn excuse_of(
        &self,
        key: Key,
        slot: SlotIndex,
        passed: Option<OpId>,
    ) -> Option<Known> {
        let log = self.log(key);
        if log.at_rest.is_some() {
            return None;
        }
        let send = log.slot(slot).writer().map(|writer| self.sends.get(writer));
        self.excuse(Missing { key, offset: log.places.offset(slot), send, passed })
    }

    fn removed(&self, missing: Missing<'_>) -> Option<Known> {
        let retention = &self.excuses.retention[missing.key.0 as usize];
        // It may have lain at the log's very beginning.
        let offset = missing.offset.known().unwrap_or(Offset(0));
        let (passed, (start, told)) = (missing.passed?, retention.above(offset)?);
        let was_there =
            retention.at_or_below(offset).is_some_and(|read| self.is_before(passed, read.asked));
        (!was_there).then_some(Known::Begins(start, told))
    }

    fn compacted(&self, missing: Missing<'_>) -> Option<Known> {
        let Excuses { last, tombstones, .. } = &self.excuses;
        if last.is_empty() && tombstones.is_empty() {
            return None;
        }
        let send = missing.send?;
        let key = (missing.key, self.history.message_key(send)?);
        match (last.get(&key), tombstones.get(&key)) {
            (Some(&last), _) => self.follows(missing, send, last),
            (None, tombstone) => self.deleted(missing, send, *tombstone?),
        }
    }

    fn follows(&self, missing: Missing<'_>, send: &Send, id: SendId) -> Option<Known> {
        let last = self.sends.get(id);
        let lies = last.place.map(|place| self.log(missing.key).places.offset(place));
        let is_later = match missing.offset.known() {
            Some(offset) => lies > Some(offset),
            // Only an acknowledgement tells that a record lay in the log by then.
            None => last.outcome != Outcome::Ok || !self.is_before(last.done, send.op),
        };
        is_later.then_some(Known::Follows(id))
    }

    fn deleted(&self, missing: Missing<'_>, send: &Send, id: SendId) -> Option<Known> {
        let tombstone = self.sends.get(id);
        let is_earlier = match missing.offset.known() {
            Some(offset) => offset < tombstone.offset(self.history),
            None => !self.is_before(tombstone.done, send.op),
        };
        (is_earlier || send.op == tombstone.op).then_some(Known::Deleted(id))
    }

    /// The log start offset that the response behind a poll told.
    pub(crate) fn log_start_told_with(&self, poll: OpId, key: Key) -> Option<Offset> {
        let asides = &self.told.asides;
        let at = asides.partition_point(|&aside| aside < poll);
        let told = asides[at..].iter().map_while(|&aside| match self.history.event(aside).what {
            What::BoundsTold { op, bounds } if op == poll => Some(self.history.bounds(bounds)),
            _ => None,
        });
        told.flatten().filter(|told| told.key == key).find_map(|told| told.log_start_offset.known())
    }

    /// Counts a record at a place as excused from being an anomaly of this kind.
    pub(crate) fn note_excuse(
        &self,
        kind: AnomalyKind,
        place: (Key, Offset),
        known: Known,
        findings: &mut Findings<'_>,
    ) {
        findings.excuse(kind, place, known.excuse(), || self.tell_excuse(place.0, known));
    }

    /// How an excuse is known, in a sentence.
    fn tell_excuse(&self, key: Key, known: Known) -> String {
        let name = self.key_name(key);
        match known {
            Known::Begins(start, op) => match self.log(key).at_rest {
                Some(read) if (read.op, read.start) == (op, start) => {
                    format!(
                        "at rest, {name} was read from offset {start} on by {}.",
                        self.who_when(op)
                    )
                }
                _ => format!("{name} began at offset {start}, as told to {}.", self.who_when(op)),
            },
            Known::Follows(id) => {
                let last = self.sends.get(id);
                format!("a later record of its message key is in {name}. {}", self.tell_send(last))
            }
            Known::Deleted(id) => {
                let tombstone = self.tell_send(self.sends.get(id));
                format!("{name} has no record of its message key since a tombstone. {tombstone}")
            }
        }
    }
}
