//! The event queue: a binary heap of small keys over a slab of events.
//!
//! Order is (time, tie-break, sequence). The sequence number makes it total; the tie-break is a policy
//! ([`Order`](crate::order::Order)) and decides which of several simultaneous events goes first. Cancelling is O(1): the slab entry goes, the key in the heap
//! stays behind as a husk and is skipped; when husks outnumber live events the heap is rebuilt.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::time::Instant;
use crate::trace::EventId;

/// Place of a scheduled event in the slab; names it until it fires or is cancelled.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Handle {
    slot: u32,
    id: EventId,
}

/// An event that is due.
#[derive(Debug)]
pub struct Due<T> {
    /// When.
    pub at: Instant,
    /// Its name.
    pub id: EventId,
    /// The event during which it was scheduled.
    pub cause: EventId,
    /// The event.
    pub what: T,
}

/// Time, tie-break, sequence and slot in one number, in this order, so that comparing keys is comparing integers. The slot
/// never decides: sequence numbers differ.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Key(u128);

const SLOT_BITS: u32 = 20;
const SEQUENCE_BITS: u32 = 32;
const TIE_BREAK_BITS: u32 = 12;

/// Tie-breaks are below this.
pub const TIE_BREAKS: u32 = 1 << TIE_BREAK_BITS;

impl Key {
    fn new(at: Instant, tie_break: u32, sequence: u64, slot: u32) -> Self {
        assert!(tie_break < TIE_BREAKS, "a tie-break has {TIE_BREAK_BITS} bits");
        assert!(sequence < 1 << SEQUENCE_BITS, "a trial has fewer than 2^{SEQUENCE_BITS} events");
        assert!(slot < 1 << SLOT_BITS, "fewer than 2^{SLOT_BITS} events wait at a time");
        let rank = u64::from(tie_break) << (SEQUENCE_BITS + SLOT_BITS)
            | sequence << SLOT_BITS
            | u64::from(slot);
        Key(u128::from(at.as_nanos()) << 64 | u128::from(rank))
    }

    fn at(self) -> Instant {
        Instant::from_nanos((self.0 >> 64) as u64)
    }

    fn slot(self) -> usize {
        self.0 as usize & ((1 << SLOT_BITS) - 1)
    }
}

#[derive(Clone, Debug)]
struct Slot<T> {
    id: EventId,
    cause: EventId,
    what: Option<T>,
}

/// Husks below this number are never worth a rebuild.
const HUSKS_TOLERATED: usize = 64;

/// A priority queue of events of type `T`.
#[derive(Clone, Debug)]
pub struct EventQueue<T> {
    heap: BinaryHeap<Reverse<Key>>,
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    next_id: u64,
    husks: usize,
}

impl<T> EventQueue<T> {
    /// An empty queue; the first event is e1 (e0 is the beginning of the trial, everything's first cause).
    pub fn new() -> Self {
        EventQueue {
            heap: BinaryHeap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            next_id: 1,
            husks: 0,
        }
    }

    /// Adds an event. Among events at the same instant the lower `tie_break` goes first, then the one scheduled first.
    ///
    /// # Panics
    /// If `tie_break` is not below [`TIE_BREAKS`]; after 2^32 events, or if 2^20 wait: a trial of that size is a livelock
    /// that the guards should have ended.
    #[inline(always)]
    pub fn schedule(&mut self, at: Instant, tie_break: u32, cause: EventId, what: T) -> Handle {
        let id = EventId(self.next_id);
        self.next_id += 1;
        let filled = Slot { id, cause, what: Some(what) };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = filled;
                slot
            }
            None => {
                self.slots.push(filled);
                (self.slots.len() - 1) as u32
            }
        };
        self.heap.push(Reverse(Key::new(at, tie_break, id.0, slot)));
        Handle { slot, id }
    }

    /// Takes a scheduled event out. `None` if it has fired or was cancelled before.
    pub fn cancel(&mut self, handle: Handle) -> Option<T> {
        let slot = self.slots.get_mut(handle.slot as usize).filter(|slot| slot.id == handle.id)?;
        let what = slot.what.take()?;
        self.husks += 1;
        if self.husks > HUSKS_TOLERATED && self.husks * 2 > self.heap.len() {
            self.sweep();
        }
        Some(what)
    }

    /// When the next event is due.
    pub fn next_at(&mut self) -> Option<Instant> {
        self.drop_husks();
        self.heap.peek().map(|Reverse(key)| key.at())
    }

    /// The next event, left in place.
    pub fn peek(&mut self) -> Option<(Instant, &T)> {
        self.drop_husks();
        let Reverse(key) = self.heap.peek()?;
        let what = self.slots[key.slot()].what.as_ref().expect("husks were dropped");
        Some((key.at(), what))
    }

    /// Takes the next event.
    pub fn pop(&mut self) -> Option<Due<T>> {
        self.pop_until(Instant::NEVER)
    }

    /// Takes the next event if it is due at `deadline` or before.
    #[inline(always)]
    pub fn pop_until(&mut self, deadline: Instant) -> Option<Due<T>> {
        loop {
            let Reverse(key) = *self.heap.peek().filter(|Reverse(key)| key.at() <= deadline)?;
            self.heap.pop();
            self.free.push(key.slot() as u32);
            let slot = &mut self.slots[key.slot()];
            match slot.what.take() {
                Some(what) => {
                    return Some(Due { at: key.at(), id: slot.id, cause: slot.cause, what });
                }
                None => self.husks -= 1,
            }
        }
    }

    /// How many events are waiting.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.heap.len() - self.husks
    }

    #[inline]
    fn drop_husks(&mut self) {
        while let Some(Reverse(key)) = self.heap.peek() {
            if self.slots[key.slot()].what.is_some() {
                return;
            }
            self.free.push(key.slot() as u32);
            self.husks -= 1;
            self.heap.pop();
        }
    }

    fn sweep(&mut self) {
        let keys = std::mem::take(&mut self.heap).into_vec();
        let (live, husks): (Vec<_>, Vec<_>) =
            keys.into_iter().partition(|Reverse(key)| self.slots[key.slot()].what.is_some());
        self.free.extend(husks.into_iter().map(|Reverse(key)| key.slot() as u32));
        self.heap = live.into();
        self.husks = 0;
    }
}

impl<T> Default for EventQueue<T> {
    fn default() -> Self {
        EventQueue::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CAUSE: EventId = EventId(0);

    fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    #[test]
    fn simultaneous_events_fire_by_tie_break_then_in_order_of_scheduling() {
        let mut queue = EventQueue::new();
        for (tie_break, name) in [(1, "late"), (0, "first"), (0, "second")] {
            queue.schedule(at(5), tie_break, CAUSE, name);
        }
        let fired: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|due| due.what).collect();
        assert_eq!(fired, ["first", "second", "late"]);
    }

    #[test]
    fn a_cancelled_event_never_fires_and_cancels_once() {
        let mut queue = EventQueue::new();
        let handle = queue.schedule(at(1), 0, CAUSE, 'a');
        queue.schedule(at(2), 0, CAUSE, 'b');
        assert_eq!(queue.cancel(handle), Some('a'));
        assert_eq!(queue.cancel(handle), None);
        assert_eq!(queue.len(), 1);
        assert_eq!(queue.next_at(), Some(at(2)));
        assert_eq!(queue.pop().map(|due| due.what), Some('b'));
        assert!(queue.pop().is_none());
    }

    #[test]
    fn what_is_due_after_the_deadline_stays() {
        let mut queue = EventQueue::new();
        let husk = queue.schedule(at(1), 0, CAUSE, 'a');
        queue.schedule(at(2), 0, CAUSE, 'b');
        queue.schedule(at(3), 0, CAUSE, 'c');
        queue.cancel(husk);
        assert_eq!(queue.pop_until(at(2)).map(|due| due.what), Some('b'));
        assert!(queue.pop_until(at(2)).is_none());
        assert_eq!(queue.next_at(), Some(at(3)));
    }

    #[test]
    fn a_handle_does_not_reach_the_next_tenant_of_its_slot() {
        let mut queue = EventQueue::new();
        let old = queue.schedule(at(1), 0, CAUSE, 'a');
        queue.pop();
        queue.schedule(at(2), 0, CAUSE, 'b');
        assert_eq!(queue.cancel(old), None);
        assert_eq!(queue.len(), 1);
    }

    proptest! {
        #[test]
        fn pops_what_a_sorted_list_would(
            script in prop::collection::vec((0u64..50, 0u32..3, prop::option::of(0usize..40)), 1..300)
        ) {
            let mut queue = EventQueue::new();
            let mut model: Vec<(u64, u32, usize)> = Vec::new();
            let mut handles = Vec::new();
            for (number, &(time, tie, cancel)) in script.iter().enumerate() {
                handles.push(queue.schedule(at(time), tie, CAUSE, number));
                model.push((time, tie, number));
                if let Some(victim) = cancel.filter(|&victim| victim < handles.len()) {
                    let cancelled = queue.cancel(handles[victim]);
                    let before = model.len();
                    model.retain(|&(_, _, other)| other != victim);
                    prop_assert_eq!(cancelled.is_some(), model.len() < before);
                }
                prop_assert_eq!(queue.len(), model.len());
            }
            model.sort();
            let popped: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|due| due.what).collect();
            prop_assert_eq!(popped, model.iter().map(|&(_, _, number)| number).collect::<Vec<_>>());
        }
    }
}
