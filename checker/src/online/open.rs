//! Operations that were invoked and are not complete, with how far the log had reached when they were.
//!
//! Open addressing at most half full, so that an operation is entered and taken out in O(1) expected, and nothing is
//! allocated but when more are open than ever before. What never completes (its client died) stays.

use crate::completed::Done;
use crate::history::{Key, OpId};

/// An operation that must not take effect below what was done before it.
#[derive(Clone, Copy, Debug)]
struct Open {
    op: OpId,
    key: Key,
    before: Done,
}

impl Open {
    fn is(&self, op: OpId, key: Key) -> bool {
        (self.op, self.key) == (op, key)
    }
}

/// All open operations, each once for every partition that it is about.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenOps {
    slots: Vec<Option<Open>>,
    len: usize,
}

impl OpenOps {
    /// Enters an operation.
    pub(super) fn insert(&mut self, op: OpId, key: Key, before: Done) {
        if 2 * (self.len + 1) > self.slots.len() {
            self.grow();
        }
        let slot = self.find(op, key);
        let known = self.slots[slot].replace(Open { op, key, before });
        self.len += usize::from(known.is_none());
    }

    /// Takes an operation out, if it is there.
    pub(super) fn remove(&mut self, op: OpId, key: Key) -> Option<Done> {
        if self.len == 0 {
            return None;
        }
        let slot = self.find(op, key);
        let open = self.slots[slot].take()?;
        self.len -= 1;
        self.close_gap(slot);
        Some(open.before)
    }

    /// Where an operation is, or else would be.
    fn find(&self, op: OpId, key: Key) -> usize {
        let mut slot = self.home(op, key);
        while self.slots[slot].is_some_and(|open| !open.is(op, key)) {
            slot = self.after(slot);
        }
        slot
    }

    /// Moves those back that lie further from home than they must.
    fn close_gap(&mut self, mut gap: usize) {
        let mut slot = self.after(gap);
        while let Some(open) = self.slots[slot] {
            if self.distance(self.home(open.op, open.key), slot) >= self.distance(gap, slot) {
                self.slots[gap] = self.slots[slot].take();
                gap = slot;
            }
            slot = self.after(slot);
        }
    }

    fn grow(&mut self) {
        let size = (2 * self.slots.len()).max(16);
        let open = std::mem::replace(&mut self.slots, vec![None; size]);
        for open in open.into_iter().flatten() {
            let slot = self.find(open.op, open.key);
            self.slots[slot] = Some(open);
        }
    }

    fn home(&self, op: OpId, key: Key) -> usize {
        let name = u64::from(key.0) << 32 | u64::from(op.0);
        // The golden ratio's bits, made odd: they look random, and the upper half of the product depends on all of the name.
        let mixed = name.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as usize & (self.slots.len() - 1)
    }

    fn after(&self, slot: usize) -> usize {
        (slot + 1) & (self.slots.len() - 1)
    }

    /// Steps from one slot to another, round the end.
    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & (self.slots.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Offset, Time};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn behaves_like_a_map(steps in proptest::collection::vec((0_u32..200, 0_u32..3, any::<bool>()), 0..400)) {
            let (mut open, mut model) = (OpenOps::default(), BTreeMap::new());
            for (end, (op, key, enters)) in (0..).zip(steps) {
                let (op, key, end) = (OpId(op), Key(key), Offset(end));
                if enters {
                    open.insert(op, key, Done { time: Time(0), op, appender: None, end });
                    model.insert((op, key), end);
                } else {
                    let removed = open.remove(op, key).map(|before| before.end);
                    prop_assert_eq!(removed, model.remove(&(op, key)));
                }
                prop_assert_eq!(open.len, model.len());
            }
        }
    }
}
