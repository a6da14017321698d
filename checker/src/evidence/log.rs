//! What a history says about one partition's log: a slot per offset, 16 bytes each.
//!
//! Readers at rest have the first word, then readers during the history, then acknowledgements. Whoever comes first fills
//! the slot; whoever contradicts it is kept apart as a conflict or a misplaced acknowledgement.

use super::bits::Bits;
use super::places::Places;
use super::sends::{SendId, SlotIndex};
use crate::history::{Offset, OpId, Value};

const NOBODY: u32 = u32::MAX;

/// One offset of a log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) value: Value,
    writer: u32,
    reader: u32,
}

const EMPTY: Slot = Slot { value: Value(0), writer: NOBODY, reader: NOBODY };

impl Slot {
    /// The send of the value, once known.
    pub(crate) fn writer(&self) -> Option<SendId> {
        (self.writer != NOBODY).then_some(SendId(self.writer))
    }

    /// The first operation that read the value here.
    pub(crate) fn reader(&self) -> Option<OpId> {
        (self.reader != NOBODY).then_some(OpId(self.reader))
    }

    pub(crate) fn holds(&self, value: Value) -> bool {
        self.value == value && !self.is_empty()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.writer == NOBODY && self.reader == NOBODY
    }
}

/// Somebody read a value at an offset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sighting {
    pub(crate) slot: SlotIndex,
    pub(crate) value: Value,
    /// The first operation that read it.
    pub(crate) reader: OpId,
    /// The send of the value, once known.
    pub(crate) writer: Option<SendId>,
}

/// The part of the log that was read at rest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FinalRead {
    pub(crate) start: Offset,
    pub(crate) end: Offset,
    pub(crate) op: OpId,
}

/// What is known about one partition's log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) places: Places,
    slots: Vec<Slot>,
    /// Readers that saw another value than the slot's.
    pub(crate) conflicts: Vec<Sighting>,
    /// Acknowledged sends whose offset holds another value.
    pub(crate) misplaced: Vec<SendId>,
    pub(crate) at_rest: Option<FinalRead>,
    /// Acknowledged records that a poll read over and nobody ever read, with the poll.
    holes: Vec<(SlotIndex, OpId)>,
    /// Where acknowledgements say that the slots' records are.
    acked: Bits,
    in_final: Bits,
    visible: Bits,
}

impl Log {
    pub(crate) fn new(places: Places, at_rest: Option<FinalRead>) -> Self {
        let len = places.len();
        let (slots, acked, in_final) = (vec![EMPTY; len], Bits::new(len), Bits::new(len));
        Log { places, slots, at_rest, acked, in_final, ..Log::default() }
    }

    pub(crate) fn slot(&self, index: SlotIndex) -> &Slot {
        &self.slots[index.get()]
    }

    /// The slot at `offset`, if the history speaks of it.
    pub(crate) fn slot_at(&self, offset: Offset) -> Option<(SlotIndex, &Slot)> {
        let index = self.places.at_or_above(offset);
        let found = SlotIndex::new(index);
        (index < self.slots.len() && self.places.offset(found) == offset)
            .then(|| (found, &self.slots[index]))
    }

    /// All slots that hold something.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (SlotIndex, &Slot)> {
        self.slots
            .iter()
            .enumerate()
            .filter(|(_, slot)| !slot.is_empty())
            .map(|(at, slot)| (SlotIndex::new(at), slot))
    }

    /// Every value that was read, whether the log holds it or not.
    pub(crate) fn sightings(&self) -> impl Iterator<Item = Sighting> {
        let held = self.slots().filter_map(|(index, slot)| {
            let (value, writer) = (slot.value, slot.writer());
            Some(Sighting { slot: index, value, reader: slot.reader()?, writer })
        });
        held.chain(self.conflicts.iter().copied())
    }

    /// A reader saw `values`, which come in slices, from `base` on.
    pub(crate) fn read<'v>(
        &mut self,
        base: Offset,
        values: impl Iterator<Item = &'v [Value]>,
        reader: OpId,
    ) {
        let mut first = self.places.index(base);
        for values in values {
            self.read_slice(first, values, reader);
            first += values.len();
        }
    }

    fn read_slice(&mut self, first: usize, values: &[Value], reader: OpId) {
        for ((index, slot), &value) in (first..).zip(&mut self.slots[first..]).zip(values) {
            if slot.is_empty() {
                *slot = Slot { value, writer: NOBODY, reader: reader.0 };
            } else if slot.value == value {
                slot.reader = slot.reader.min(reader.0);
            } else {
                self.conflicts.push(Sighting {
                    slot: SlotIndex::new(index),
                    value,
                    reader,
                    writer: None,
                });
            }
        }
    }

    /// The `len` offsets from `base` on are in the log at rest.
    pub(crate) fn read_at_rest(&mut self, base: Offset, len: u32) {
        let first = self.places.index(base);
        (first..first + len as usize).for_each(|index| self.in_final.insert(index));
    }

    /// What somebody reads after the log was read at rest counts as in it: the final read may have ended early, below
    /// a high watermark that lagged. It tells nothing of the records before it, for it may come from a fetch of long ago.
    pub(crate) fn read_after_rest(&mut self, base: Offset, len: u32, reader: OpId) {
        if self.at_rest.is_some_and(|at_rest| at_rest.op < reader) {
            self.read_at_rest(base, len);
        }
    }

    /// A producer was told that its record is at `offset`.
    pub(crate) fn acknowledge(&mut self, send: SendId, offset: Offset, value: Value) {
        let index = self.places.index(offset);
        let slot = &mut self.slots[index];
        if !slot.is_empty() && slot.value != value {
            return self.misplaced.push(send);
        }
        *slot = Slot { value, writer: send.0, reader: slot.reader };
        self.acked.insert(index);
    }

    /// Whether the writer of a slot was told that its record is there.
    pub(crate) fn is_acked(&self, index: SlotIndex) -> bool {
        self.acked.contains(index.get())
    }

    /// What was read and whose writer no acknowledgement named.
    pub(crate) fn of_unknown_writers(&self) -> impl Iterator<Item = Value> {
        let in_slots =
            self.slots.iter().filter(|slot| slot.reader != NOBODY && slot.writer == NOBODY);
        in_slots.map(|slot| slot.value).chain(self.conflicts.iter().map(|conflict| conflict.value))
    }

    /// Looks up the writers that no acknowledgement named.
    pub(crate) fn find_writers(&mut self, mut find: impl FnMut(Value) -> Option<SendId>) {
        for slot in
            self.slots.iter_mut().filter(|slot| slot.reader != NOBODY && slot.writer == NOBODY)
        {
            slot.writer = find(slot.value).map_or(NOBODY, |send| send.0);
        }
        for conflict in &mut self.conflicts {
            conflict.writer = find(conflict.value);
        }
    }

    /// A poll read over the acknowledged record in a slot, which nobody ever read.
    pub(crate) fn leave_hole(&mut self, slot: SlotIndex, poll: OpId) {
        self.holes.push((slot, poll));
    }

    /// The first poll that read over the acknowledged record in a slot, if nobody ever read it.
    pub(crate) fn hole_at(&self, slot: SlotIndex) -> Option<OpId> {
        let found = self.holes.binary_search_by_key(&slot, |&(hole, _)| hole).ok()?;
        Some(self.holes[found].1)
    }

    /// Decides what is visible: what the log holds at rest, or, if nobody read it at rest, all that is known of it but what
    /// polls read over.
    pub(crate) fn settle(&mut self) {
        self.holes.sort_unstable();
        self.holes.dedup_by_key(|&mut (slot, _)| slot);
        self.conflicts.sort_by_key(|conflict| (conflict.slot, conflict.value, conflict.reader));
        self.conflicts.dedup_by_key(|conflict| (conflict.slot, conflict.value));
        self.visible = match self.at_rest {
            Some(_) => std::mem::take(&mut self.in_final),
            None => self.known(),
        };
        self.visible.count();
    }

    /// Whether a reader saw `value` at `offset` where the slot has another one.
    pub(crate) fn contradicts(&self, offset: Offset, value: Value) -> bool {
        self.conflict(offset, value).is_some()
    }

    fn conflict(&self, offset: Offset, value: Value) -> Option<&Sighting> {
        let sought = (SlotIndex::new(self.places.at_or_above(offset)), value);
        let place = |conflict: &Sighting| (conflict.slot, conflict.value);
        let found = self.conflicts.binary_search_by_key(&sought, place).ok()?;
        Some(&self.conflicts[found])
    }

    /// The send of a record that somebody read at `offset`, once known.
    pub(crate) fn writer_of(&self, offset: Offset, value: Value) -> Option<SendId> {
        let (_, slot) = self.slot_at(offset)?;
        match slot.holds(value) {
            true => slot.writer(),
            false => self.conflict(offset, value)?.writer,
        }
    }

    fn known(&self) -> Bits {
        let mut known = Bits::new(self.slots.len());
        let there = self.slots().filter(|&(index, _)| self.hole_at(index).is_none());
        there.for_each(|(index, _)| known.insert(index.get()));
        known
    }

    pub(crate) fn is_visible(&self, index: usize) -> bool {
        self.visible.contains(index)
    }

    /// The number of visible slots in `from..to`.
    pub(crate) fn count_visible(&self, from: usize, to: usize) -> u64 {
        self.visible.below(to.max(from)) - self.visible.below(from)
    }

    /// The visible slots in `from..to`.
    pub(crate) fn visible(&self, from: usize, to: usize) -> impl Iterator<Item = SlotIndex> {
        (from..to).filter(|&index| self.is_visible(index)).map(SlotIndex::new)
    }

    pub(crate) fn record(&self, index: SlotIndex) -> (Offset, Value) {
        (self.places.offset(index), self.slot(index).value)
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }
}
