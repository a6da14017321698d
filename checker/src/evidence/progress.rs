//! How far each group got in each partition: what it was handed, what it processed, where it began, how far it moved.

use super::Evidence;
use super::bits::Bits;
use super::in_hand::InHand;
use super::sends::SlotIndex;
use super::table::Table;
use super::undone::undone_polls;
use crate::history::{Event, GroupId, History, Key, Offset, OpId, PositionedBy, Span, Spans, What};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

const NEVER: u32 = u32::MAX;

/// One group in one partition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// The lowest offset the group was positioned at or read, from which on it owes every record.
    pub(crate) start: Option<Offset>,
    /// The offsets up to which the group moved on, by committing or by processing, rising, and the operations that did it.
    moved: Vec<(Offset, OpId)>,
    /// Resets to the log's end, in order.
    pub(crate) resets: Vec<(Offset, OpId)>,
    /// Records processed once more, in order.
    pub(crate) again: Vec<Again>,
    /// Records first handed out in vain, with the operation that has processed them since, if one has.
    undone: BTreeMap<SlotIndex, Option<OpId>>,
    /// Records that members still have in hand when the history ends.
    pub(crate) in_hand: Vec<Range<Offset>>,
    delivered: Vec<u32>,
    processed: Vec<u32>,
    processed_count: u64,
    strayed: Bits,
}

/// A record that a group processed twice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Again {
    pub(crate) slot: SlotIndex,
    /// The operation that processed it first.
    pub(crate) first: OpId,
    /// The operation that processed it once more.
    pub(crate) again: OpId,
}

impl Progress {
    /// The operation that first handed the group the record.
    pub(crate) fn delivered(&self, slot: SlotIndex) -> Option<OpId> {
        first(&self.delivered, slot)
    }

    /// The operation that first finished processing the record.
    pub(crate) fn processed(&self, slot: SlotIndex) -> Option<OpId> {
        first(&self.processed, slot)
    }

    /// The number of records that were processed, once or more often.
    pub(crate) fn processed_count(&self) -> u64 {
        self.processed_count
    }

    /// The offset up to which the group has moved on, and the operation that did it.
    pub(crate) fn reached(&self) -> Option<(Offset, OpId)> {
        self.moved.last().copied()
    }

    /// The operation by which the group first moved on beyond `offset`.
    pub(crate) fn passed(&self, offset: Offset) -> Option<OpId> {
        let at = self.moved.partition_point(|&(moved, _)| moved <= offset);
        self.moved.get(at).map(|&(_, op)| op)
    }

    /// Whether the group was handed another record at this offset than the log's.
    pub(crate) fn strayed(&self, slot: SlotIndex) -> bool {
        !self.delivered.is_empty() && self.strayed.contains(slot.get())
    }

    fn begin(&mut self, offset: Offset) {
        self.start = Some(self.start.map_or(offset, |start| start.min(offset)));
    }

    fn reach(&mut self, offset: Offset, op: OpId) {
        if self.reached().is_none_or(|(reached, _)| reached < offset) {
            self.moved.push((offset, op));
        }
    }

    fn make_room(&mut self, slots: usize) {
        if self.delivered.is_empty() {
            (self.delivered, self.processed) = (vec![NEVER; slots], vec![NEVER; slots]);
            self.strayed = Bits::new(slots);
        }
    }

    fn deliver(&mut self, slot: SlotIndex, right: bool, op: OpId) {
        if right {
            let delivered = &mut self.delivered[slot.get()];
            *delivered = (*delivered).min(op.0);
        } else {
            self.strayed.insert(slot.get());
        }
    }

    /// A record was processed, or handed out in vain (`undone`): then nobody passed over it, and it may be processed yet.
    fn process(&mut self, slot: SlotIndex, op: OpId, undone: bool) {
        let processed = &mut self.processed[slot.get()];
        match (*processed, undone) {
            (NEVER, _) => {
                *processed = op.0;
                self.processed_count += 1;
                if undone {
                    self.undone.insert(slot, None);
                }
            }
            (_, true) => {}
            (first, false) => self.process_again(slot, OpId(first), op),
        }
    }

    fn process_again(&mut self, slot: SlotIndex, first: OpId, again: OpId) {
        let first = match self.undone.get_mut(&slot) {
            None => first,
            Some(Some(first)) => *first,
            Some(never) => return *never = Some(again),
        };
        self.again.push(Again { slot, first, again });
    }
}

fn first(ops: &[u32], slot: SlotIndex) -> Option<OpId> {
    ops.get(slot.get()).filter(|&&op| op != NEVER).map(|&op| OpId(op))
}

/// The progress of every group in every partition.
pub(crate) struct Groups {
    progress: Table<Progress>,
    in_hand: InHand,
    /// Polls that came to nothing.
    undone: BTreeSet<OpId>,
}

impl Groups {
    /// Begins to follow all groups.
    pub(crate) fn new(evidence: &Evidence<'_>) -> Self {
        let (history, keys) = (evidence.history, evidence.logs.len());
        let progress = Table::new(history.groups().len(), keys);
        let in_hand = InHand::new(history.sessions().count(), keys);
        Groups { progress, in_hand, undone: undone_polls(evidence) }
    }

    /// Follows them through the next event.
    pub(crate) fn note(&mut self, evidence: &Evidence<'_>, op: OpId, event: &Event) {
        if let What::CommitOk { op: commit } = event.what {
            self.committed(evidence, commit);
        } else if let What::TxnCommitted { txn, .. } = event.what {
            self.txn_committed(evidence, txn);
        } else if let Some(group) = evidence.history.session(event.process).group {
            self.member(evidence, group, op, event);
        }
    }

    /// Notes what members have in hand when the history ends.
    pub(crate) fn end(&mut self, history: &History) {
        for (process, key, range) in self.in_hand.iter() {
            if let Some(group) = history.session(process).group {
                self.progress.cell(group.0, key.0).in_hand.push(range.clone());
            }
        }
    }

    fn member(&mut self, evidence: &Evidence<'_>, group: GroupId, op: OpId, event: &Event) {
        let (history, process) = (evidence.history, event.process);
        match event.what {
            What::Polled { poll } => {
                let records = history.poll(poll).records;
                self.polled(evidence, group, op, records);
                if evidence.reports_processing(group) {
                    history.spans(records).for_each(|span| self.in_hand.polled(process, span));
                } else {
                    self.processed(evidence, group, op, records);
                }
            }
            What::Processed { records } => {
                history.spans(records).for_each(|span| self.in_hand.processed(process, span));
                self.processed(evidence, group, op, records);
            }
            What::Positioned { key, offset, by } => {
                self.in_hand.positioned(process, key);
                self.positioned(group, key, offset, by, op);
            }
            What::Assigned { keys } | What::Subscribed { keys } => {
                self.in_hand.assigned(process, history, keys)
            }
            What::Rebalanced { keys, .. } => {
                history.offsets(keys).for_each(|(key, _)| self.in_hand.positioned(process, key))
            }
            What::Crashed | What::Closed => self.in_hand.ended(process),
            _ => {}
        }
    }

    /// Every group and partition that has to do with each other.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (GroupId, Key, &Progress)> {
        let cells = self.progress.iter().filter(|(_, _, progress)| progress.start.is_some());
        cells.map(|(group, key, progress)| (GroupId(group), Key(key), progress))
    }

    pub(crate) fn get(&self, group: GroupId, key: Key) -> Option<&Progress> {
        self.progress.get(group.0, key.0)
    }

    fn polled(&mut self, evidence: &Evidence<'_>, group: GroupId, op: OpId, records: Spans) {
        for span in evidence.history.spans(records) {
            let progress = self.with_room(evidence, group, span);
            progress.begin(span.base);
            for_each_record(evidence, span, |slot, right| progress.deliver(slot, right, op));
        }
    }

    fn processed(&mut self, evidence: &Evidence<'_>, group: GroupId, op: OpId, records: Spans) {
        let undone = self.undone.contains(&op);
        for span in evidence.history.spans(records) {
            let progress = self.with_room(evidence, group, span);
            progress.reach(span.end(), op);
            for_each_record(evidence, span, |slot, right| {
                if right {
                    progress.process(slot, op, undone);
                }
            });
        }
    }

    fn with_room(&mut self, evidence: &Evidence<'_>, group: GroupId, span: &Span) -> &mut Progress {
        let progress = self.progress.cell(group.0, span.key.0);
        progress.make_room(evidence.log(span.key).len());
        progress
    }

    fn positioned(&mut self, group: GroupId, key: Key, offset: Offset, by: PositionedBy, op: OpId) {
        let progress = self.progress.cell(group.0, key.0);
        progress.begin(offset);
        match by {
            PositionedBy::Committed => progress.reach(offset, op),
            PositionedBy::ResetLatest => progress.resets.push((offset, op)),
            PositionedBy::ResetEarliest | PositionedBy::Truncation | PositionedBy::Seek => {}
        }
    }

    fn txn_committed(&mut self, evidence: &Evidence<'_>, txn: OpId) {
        for &offsets in evidence.transactions.offsets_of(txn) {
            self.committed(evidence, offsets);
        }
    }

    fn committed(&mut self, evidence: &Evidence<'_>, commit: OpId) {
        let (What::CommitInvoked { group, offsets } | What::TxnOffsets { group, offsets }) =
            evidence.history.event(commit).what
        else {
            return;
        };
        for (key, offset) in evidence.history.offsets(offsets) {
            self.progress.cell(group.0, key.0).reach(offset, commit);
        }
    }
}

/// Each record of a span: its slot, and whether it is the one the log has there.
fn for_each_record(evidence: &Evidence<'_>, span: &Span, mut each: impl FnMut(SlotIndex, bool)) {
    let log = evidence.log(span.key);
    let mut first = log.places.at_or_above(span.base);
    for values in evidence.history.values(span) {
        for (index, value) in (first..).zip(values) {
            let slot = SlotIndex::new(index);
            each(slot, log.slot(slot).holds(*value));
        }
        first += values.len();
    }
}
