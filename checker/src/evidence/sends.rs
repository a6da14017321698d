//! The sends of a history, paired with their completions, and the way from a value back to its send.

use super::bits::Bits;
use crate::history::{History, Key, Offset, OpId, ProcessId, Value, What};
use std::num::NonZeroU32;

/// An index into the sends of a history, in the order of their invocations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SendId(pub(crate) u32);

/// An index into the transactions of a history, in the order of their beginnings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TxnId(pub(crate) u32);

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

/// One send: what judges ask of every one. The rest its events tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Send {
    pub(crate) op: OpId,
    /// The completion's event; the invocation's while there is none.
    pub(crate) done: OpId,
    pub(crate) process: ProcessId,
    pub(crate) key: Key,
    pub(crate) outcome: Outcome,
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

    /// What it sent.
    pub(crate) fn value(&self, history: &History) -> Value {
        match history.event(self.op).what {
            What::SendInvoked { value, .. } => value,
            _ => unreachable!("a send is invoked by its invocation"),
        }
    }

    /// The acknowledged offset, or [`Offset::NONE`].
    pub(crate) fn offset(&self, history: &History) -> Offset {
        match history.event(self.done).what {
            What::SendOk { offset, .. } => offset,
            _ => Offset::NONE,
        }
    }

    fn is(&self, history: &History, key: Key, value: Value) -> bool {
        self.key == key && self.value(history) == value
    }
}

/// An index into the slots of a [`Log`](super::log::Log). It orders as offsets do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SlotIndex(NonZeroU32);

impl SlotIndex {
    pub(crate) fn new(index: usize) -> Self {
        let number = u32::try_from(index + 1).ok().and_then(NonZeroU32::new);
        SlotIndex(number.expect("a partition's history has fewer than 2^32 - 1 slots"))
    }

    pub(crate) fn get(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// All sends, in the order of their invocations.
#[derive(Debug, Default)]
pub(crate) struct Sends {
    all: Vec<Send>,
    /// The events that invoked them.
    invocations: Bits,
}

impl Sends {
    pub(crate) fn with_capacity(events: usize) -> Self {
        Sends { all: Vec::with_capacity(events / 2), invocations: Bits::default() }
    }

    pub(crate) fn invoked(&mut self, op: OpId, process: ProcessId, key: Key) -> SendId {
        let id = self.all.len() as u32;
        let (done, outcome, place, txn) = (op, Outcome::Unknown, None, NO_TXN);
        self.invocations.append(op.0 as usize, id);
        self.all.push(Send { op, done, process, key, outcome, place, txn });
        SendId(id)
    }

    /// Tells a send in a transaction the fate they share, unless the send failed on its own. Its offset stays what it
    /// was told.
    pub(crate) fn join(&mut self, id: SendId, txn: TxnId, outcome: Outcome, decided: Option<OpId>) {
        let send = &mut self.all[id.0 as usize];
        send.txn = txn.0;
        if send.outcome != Outcome::Failed {
            send.outcome = outcome;
        }
        if send.done == send.op {
            send.done = decided.unwrap_or(send.done);
        }
    }

    /// Completes the send that `op` invoked and returns it.
    pub(crate) fn completed(&mut self, op: OpId, done: OpId, outcome: Outcome) -> &Send {
        let place =
            self.place_of(op).expect("recording checks that completions of sends name sends");
        let send = &mut self.all[place];
        (send.done, send.outcome) = (done, outcome);
        send
    }

    /// The send that `op` invoked, if it did.
    pub(crate) fn of_op(&self, op: OpId) -> Option<&Send> {
        self.place_of(op).map(|place| &self.all[place])
    }

    /// Where the send is that `op` invoked.
    fn place_of(&self, op: OpId) -> Option<usize> {
        let index = op.0 as usize;
        self.invocations.contains(index).then(|| self.invocations.below(index) as usize)
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

    /// The way from records to their sends, for records with these values.
    pub(crate) fn by_record<'e>(&'e self, history: &'e History, values: &[Value]) -> ByRecord<'e> {
        ByRecord::of(history, &self.all, &Sieve::of(values))
    }
}

/// A slot without a send.
const FREE: u32 = u32::MAX;

/// Finds the send of a record: open addressing, at most half full, so that a look-up is O(1) expected.
///
/// Only records that no acknowledgement places are looked up, so it holds these, and few others.
#[derive(Debug)]
pub(crate) struct ByRecord<'e> {
    history: &'e History,
    sends: &'e [Send],
    slots: Vec<u32>,
    shift: u32,
    keys: u32,
}

impl<'e> ByRecord<'e> {
    fn of(history: &'e History, sends: &'e [Send], sieve: &Sieve) -> Self {
        let sent = history.events().filter_map(|(_, event)| match event.what {
            What::SendInvoked { value, .. } => Some(value),
            _ => None,
        });
        let sought = (0..).zip(sends).zip(sent).filter(|&(_, value)| sieve.may_hold(value));
        let sought: Vec<_> = sought.map(|(send, _)| send).collect();
        let bits = bits_for(sought.len() * 2);
        let keys = sought.iter().map(|(_, send)| send.key.0 + 1).max().unwrap_or(0);
        let (slots, shift) = (vec![FREE; 1 << bits], 64 - bits);
        let mut index = ByRecord { history, sends, slots, shift, keys };
        for (id, send) in sought {
            let slot = index.probe(send.key, send.value(history));
            index.slots[slot] = id;
        }
        index
    }

    /// The send of `value` to `key` among the sends this was built from, or else, in O(partitions), to another partition.
    pub(crate) fn find(&self, key: Key, value: Value) -> Option<SendId> {
        self.find_in(key, value)
            .or_else(|| (0..self.keys).find_map(|other| self.find_in(Key(other), value)))
    }

    fn find_in(&self, key: Key, value: Value) -> Option<SendId> {
        let found = self.slots[self.probe(key, value)];
        (found != FREE).then_some(SendId(found))
    }

    /// The slot that holds the record, or the free one where it belongs.
    fn probe(&self, key: Key, value: Value) -> usize {
        let mixed = spread(value.0 ^ u64::from(key.0).rotate_right(20));
        let mut slot = (mixed >> self.shift) as usize;
        let is_other = |id: u32| !self.sends[id as usize].is(self.history, key, value);
        while self.slots[slot] != FREE && is_other(self.slots[slot]) {
            slot = (slot + 1) & (self.slots.len() - 1);
        }
        slot
    }
}

/// A set of values that may take some others for its own: one in sixteen.
#[derive(Debug)]
struct Sieve {
    bits: Bits,
    shift: u32,
}

impl Sieve {
    fn of(values: &[Value]) -> Self {
        let bits = bits_for(values.len() * 16);
        let mut sieve = Sieve { bits: Bits::new(1 << bits), shift: 64 - bits };
        values.iter().for_each(|&value| sieve.bits.insert(sieve.bit(value)));
        sieve
    }

    fn may_hold(&self, value: Value) -> bool {
        self.bits.contains(self.bit(value))
    }

    fn bit(&self, value: Value) -> usize {
        (spread(value.0) >> self.shift) as usize
    }
}

/// How many bits number at least `len` places, and at least two.
fn bits_for(len: usize) -> u32 {
    len.next_power_of_two().trailing_zeros().max(1)
}

/// Spreads consecutive numbers: multiplication by 2^64 over the golden ratio.
fn spread(number: u64) -> u64 {
    number.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Time;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_value_finds_its_send_in_its_partition_or_else_in_another(
            sent in proptest::collection::btree_set((0_u32..3, 0_u64..100), 0..200),
            sought in proptest::collection::btree_set(0_u64..100, 0..100),
        ) {
            let mut history = History::new();
            let keys: Vec<Key> = (0..3).map(|partition| history.key("t", partition)).collect();
            let client = history.client("producer");
            let process = history.open_session(client, None);
            let mut sends = Sends::with_capacity(sent.len());
            for &(key, value) in &sent {
                let key = keys[key as usize];
                let op = history.send_invoked(process, Time(0), key, Value(value << 40));
                sends.invoked(op, process, key);
            }
            let values: Vec<Value> = sought.iter().map(|&value| Value(value << 40)).collect();
            let index = sends.by_record(&history, &values);
            for (key, value) in (0..3).flat_map(|key| sought.iter().map(move |&value| (key, value))) {
                let found = index.find(Key(key), Value(value << 40)).map(|id| sends.get(id));
                prop_assert_eq!(found.is_some(), sent.iter().any(|&(_, other)| other == value));
                prop_assert!(found.is_none_or(|send| send.value(&history).0 >> 40 == value));
                prop_assert_eq!(found.is_some_and(|send| send.key.0 == key), sent.contains(&(key, value)));
            }
        }
    }
}
