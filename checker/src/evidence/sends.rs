//! The sends of a history, paired with their completions, and the way from a value back to its send.

use crate::history::{Key, Offset, OpId, ProcessId, Value};

/// An index into the sends of a history, in the order of their invocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SendId(pub(crate) u32);

/// How a send ended, as far as its producer knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Unknown,
    Ok,
    Failed,
}

/// One send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Send {
    pub(crate) op: OpId,
    /// The completion's event; the invocation's while there is none.
    pub(crate) done: OpId,
    pub(crate) process: ProcessId,
    pub(crate) key: Key,
    pub(crate) value: Value,
    pub(crate) outcome: Outcome,
    /// The acknowledged offset, or [`Offset::NONE`].
    pub(crate) offset: Offset,
    /// The first slot of its partition's log that holds the record.
    pub(crate) place: Option<SlotIndex>,
}

/// An index into the slots of a [`Log`](super::log::Log). It orders as offsets do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SlotIndex(u32);

impl SlotIndex {
    pub(crate) fn new(index: usize) -> Self {
        SlotIndex(u32::try_from(index).expect("a partition's history has fewer than 2^32 slots"))
    }

    pub(crate) fn get(self) -> usize {
        self.0 as usize
    }
}

/// All sends, in the order of their invocations.
#[derive(Debug, Default)]
pub(crate) struct Sends {
    all: Vec<Send>,
    by_op: Vec<u32>,
}

impl Sends {
    pub(crate) fn with_capacity(events: usize) -> Self {
        Sends { all: Vec::with_capacity(events / 2), by_op: vec![u32::MAX; events] }
    }

    pub(crate) fn invoked(&mut self, op: OpId, process: ProcessId, key: Key, value: Value) {
        self.by_op[op.0 as usize] = self.all.len() as u32;
        let (outcome, offset) = (Outcome::Unknown, Offset::NONE);
        self.all.push(Send { op, done: op, process, key, value, outcome, offset, place: None });
    }

    /// Completes the send that `op` invoked and returns it.
    pub(crate) fn completed(
        &mut self,
        op: OpId,
        done: OpId,
        outcome: Outcome,
        offset: Offset,
    ) -> &Send {
        let send = &mut self.all[self.by_op[op.0 as usize] as usize];
        (send.done, send.outcome, send.offset) = (done, outcome, offset);
        send
    }

    pub(crate) fn get(&self, id: SendId) -> &Send {
        &self.all[id.0 as usize]
    }

    pub(crate) fn get_mut(&mut self, id: SendId) -> &mut Send {
        &mut self.all[id.0 as usize]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (SendId, &Send)> {
        (0..).map(SendId).zip(&self.all)
    }

    pub(crate) fn by_value(&self) -> ByValue {
        ByValue::of(&self.all)
    }
}

/// Finds the send of a value: open addressing, at most half full, so that a look-up is O(1) expected.
///
/// Only records that no acknowledgement places are looked up, so it is built only when there are some.
#[derive(Debug)]
pub(crate) struct ByValue {
    slots: Vec<u32>,
    shift: u32,
}

impl ByValue {
    fn of(sends: &[Send]) -> Self {
        let bits = (sends.len().max(1) * 2).next_power_of_two().trailing_zeros().max(1);
        let mut index = ByValue { slots: vec![u32::MAX; 1 << bits], shift: 64 - bits };
        for (id, send) in (0..).zip(sends) {
            let slot = index.probe(sends, send.value);
            index.slots[slot] = id;
        }
        index
    }

    /// The send of `value` among the sends this was built from.
    pub(crate) fn find(&self, sends: &Sends, value: Value) -> Option<SendId> {
        let found = self.slots[self.probe(&sends.all, value)];
        (found != u32::MAX).then_some(SendId(found))
    }

    /// The slot that holds `value`, or the free one where it belongs.
    fn probe(&self, sends: &[Send], value: Value) -> usize {
        // Multiplication by 2^64 over the golden ratio spreads consecutive values.
        let mut slot = (value.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize;
        while self.slots[slot] != u32::MAX && sends[self.slots[slot] as usize].value != value {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_value_finds_its_send_and_no_other(values in proptest::collection::btree_set(0_u64..400, 0..200)) {
            let mut sends = Sends::with_capacity(values.len());
            for (op, &value) in (0..).zip(&values) {
                sends.invoked(OpId(op), ProcessId(0), Key(0), Value(value << 40));
            }
            let index = sends.by_value();
            for value in 0..400 {
                let found = index.find(&sends, Value(value << 40));
                prop_assert_eq!(found.map(|id| sends.get(id).value.0 >> 40), values.get(&value).copied());
            }
        }
    }
}
