//! The sends of a history, paired with their completions, and the way from a value back to its send.

use super::transactions::{Transactions, Txn, TxnId};
use crate::history::{Key, Offset, OpId, ProcessId, Value};

/// An index into the sends of a history, in the order of their invocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SendId(pub(crate) u32);

/// How a send or a transaction ended, as far as its producer knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Unknown,
    /// It happened. A send in a transaction happened only if the transaction is committed.
    Ok,
    /// Its producer never learnt, but readers saw that its transaction is committed.
    Proven,
    /// It did not happen.
    Failed,
    /// It was undone: the log may hold it, for readers with `isolation.level=read_uncommitted`.
    Aborted,
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
    txn: u32,
}

/// Of a send outside any transaction.
const NO_TXN: u32 = u32::MAX;

impl Send {
    /// The transaction it belongs to.
    pub(crate) fn txn(&self) -> Option<TxnId> {
        (self.txn != NO_TXN).then_some(TxnId(self.txn))
    }

    fn is(&self, key: Key, value: Value) -> bool {
        self.value == value && self.key == key
    }
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

    pub(crate) fn invoked(
        &mut self,
        op: OpId,
        process: ProcessId,
        key: Key,
        value: Value,
    ) -> SendId {
        let id = self.all.len() as u32;
        self.by_op[op.0 as usize] = id;
        let (outcome, offset) = (Outcome::Unknown, Offset::NONE);
        let (done, place, txn) = (op, None, NO_TXN);
        self.all.push(Send { op, done, process, key, value, outcome, offset, place, txn });
        SendId(id)
    }

    /// Sends in a transaction share its fate, unless they failed on their own. Their offsets stay what they were told.
    pub(crate) fn join(&mut self, transactions: &Transactions) {
        transactions.iter().for_each(|(id, txn)| self.join_one(id, txn));
    }

    /// Tells the sends of one transaction its fate.
    pub(crate) fn join_one(&mut self, id: TxnId, txn: &Txn) {
        for send in &txn.sends {
            let send = &mut self.all[send.0 as usize];
            send.txn = id.0;
            if send.outcome != Outcome::Failed {
                send.outcome = txn.outcome;
            }
            if send.done == send.op {
                send.done = txn.decided.unwrap_or(send.done);
            }
        }
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

    /// The send that `op` invoked, if it did.
    pub(crate) fn of_op(&self, op: OpId) -> Option<&Send> {
        let id = *self.by_op.get(op.0 as usize)?;
        self.all.get(id as usize)
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

    pub(crate) fn by_record(&self) -> ByRecord {
        ByRecord::of(&self.all)
    }
}

/// A slot without a send.
const FREE: u32 = u32::MAX;

/// Finds the send of a record: open addressing, at most half full, so that a look-up is O(1) expected.
///
/// Only records that no acknowledgement places are looked up, so it is built only when there are some.
#[derive(Debug)]
pub(crate) struct ByRecord {
    slots: Vec<u32>,
    shift: u32,
    keys: u32,
}

impl ByRecord {
    fn of(sends: &[Send]) -> Self {
        let bits = (sends.len().max(1) * 2).next_power_of_two().trailing_zeros().max(1);
        let keys = sends.iter().map(|send| send.key.0 + 1).max().unwrap_or(0);
        let mut index = ByRecord { slots: vec![FREE; 1 << bits], shift: 64 - bits, keys };
        for (id, send) in (0..).zip(sends) {
            let slot = index.probe(sends, send.key, send.value);
            index.slots[slot] = id;
        }
        index
    }

    /// The send of `value` to `key` among the sends this was built from, or else, in O(partitions), to another partition.
    pub(crate) fn find(&self, sends: &Sends, key: Key, value: Value) -> Option<SendId> {
        self.find_in(sends, key, value)
            .or_else(|| (0..self.keys).find_map(|other| self.find_in(sends, Key(other), value)))
    }

    fn find_in(&self, sends: &Sends, key: Key, value: Value) -> Option<SendId> {
        let found = self.slots[self.probe(&sends.all, key, value)];
        (found != FREE).then_some(SendId(found))
    }

    /// The slot that holds the record, or the free one where it belongs.
    fn probe(&self, sends: &[Send], key: Key, value: Value) -> usize {
        // Multiplication by 2^64 over the golden ratio spreads consecutive numbers.
        let mixed =
            (value.0 ^ u64::from(key.0).rotate_right(20)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut slot = (mixed >> self.shift) as usize;
        while self.slots[slot] != FREE && !sends[self.slots[slot] as usize].is(key, value) {
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
        fn a_value_finds_its_send_in_its_partition_or_else_in_another(
            sent in proptest::collection::btree_set((0_u32..3, 0_u64..100), 0..200),
        ) {
            let mut sends = Sends::with_capacity(sent.len());
            for (op, &(key, value)) in (0..).zip(&sent) {
                sends.invoked(OpId(op), ProcessId(0), Key(key), Value(value << 40));
            }
            let index = sends.by_record();
            for (key, value) in (0..3).flat_map(|key| (0..100).map(move |value| (key, value))) {
                let found = index.find(&sends, Key(key), Value(value << 40)).map(|id| sends.get(id));
                prop_assert_eq!(found.is_some(), sent.iter().any(|&(_, other)| other == value));
                prop_assert!(found.is_none_or(|send| send.value.0 >> 40 == value));
                prop_assert_eq!(found.is_some_and(|send| send.key.0 == key), sent.contains(&(key, value)));
            }
        }
    }
}
