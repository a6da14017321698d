//! Sets of slots: which of the calls that are open at one moment a search has already given their place.
//!
//! A call holds a slot from its invocation to its response, so a set is as wide as the history is concurrent, however
//! long the history is. Calls without a response hold theirs for good and have the highest numbers.

use super::interner::FixedHasher;
use std::hash::Hasher;

/// A set of small numbers, kept as words of 64 bits.
pub(super) trait SlotSet: Clone + AsRef<[u64]> + AsMut<[u64]> {
    /// An empty set for numbers below `slots`.
    fn empty(slots: usize) -> Self;

    fn contains(&self, slot: usize) -> bool {
        self.as_ref()[slot / 64] & bit(slot) != 0
    }

    fn insert(&mut self, slot: usize) {
        self.as_mut()[slot / 64] |= bit(slot);
    }

    fn remove(&mut self, slot: usize) {
        self.as_mut()[slot / 64] &= !bit(slot);
    }

    /// The first slot of this set, from `from` on, that is not in `other`.
    fn first_not_in(&self, other: &Self, from: usize) -> Option<usize> {
        let words = self.as_ref().iter().zip(other.as_ref()).enumerate().skip(from / 64);
        let mut skipped = bit(from) - 1;
        for (index, (mine, others)) in words {
            let left = mine & !others & !skipped;
            if left != 0 {
                return Some(index * 64 + left.trailing_zeros() as usize);
            }
            skipped = 0;
        }
        None
    }

    /// Whether the sets agree below `crashed_from` and this one has nothing above that the other has not.
    fn dominates(&self, other: &Self, crashed_from: usize) -> bool {
        let words = self.as_ref().iter().zip(other.as_ref()).enumerate();
        words.into_iter().all(|(index, (mine, others))| {
            let answered = below(crashed_from, index);
            (mine ^ others) & answered == 0 && mine & !others & !answered == 0
        })
    }

    /// A hash of `seed` and of what the set has below `crashed_from`.
    fn hash_below(&self, crashed_from: usize, seed: u64) -> u64 {
        let mut hasher = FixedHasher::default();
        hasher.write_u64(seed);
        for (index, word) in self.as_ref().iter().enumerate().take(crashed_from.div_ceil(64)) {
            hasher.write_u64(word & below(crashed_from, index));
        }
        hasher.finish()
    }

    /// How many slots from `crashed_from` on are in the set.
    fn count_from(&self, crashed_from: usize) -> u32 {
        let words = self.as_ref().iter().enumerate();
        words.map(|(index, word)| (word & !below(crashed_from, index)).count_ones()).sum()
    }
}

/// Up to 64 open calls.
impl SlotSet for [u64; 1] {
    fn empty(slots: usize) -> Self {
        assert!(slots <= 64, "{slots} slots in 64 bits");
        [0]
    }
}

/// Up to 128 open calls.
impl SlotSet for [u64; 2] {
    fn empty(slots: usize) -> Self {
        assert!(slots <= 128, "{slots} slots in 128 bits");
        [0; 2]
    }
}

/// Any number of open calls.
impl SlotSet for Box<[u64]> {
    fn empty(slots: usize) -> Self {
        vec![0; slots.div_ceil(64).max(1)].into()
    }
}

fn bit(slot: usize) -> u64 {
    1 << (slot % 64)
}

/// The bits of word `index` that stand for slots below `end`.
fn below(end: usize, index: usize) -> u64 {
    match end.saturating_sub(index * 64) {
        bits @ 0..64 => (1 << bits) - 1,
        _ => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn set_of(slots: &BTreeSet<usize>) -> Box<[u64]> {
        let mut set = <Box<[u64]>>::empty(200);
        slots.iter().for_each(|&slot| set.insert(slot));
        set
    }

    fn slots() -> impl Strategy<Value = BTreeSet<usize>> {
        proptest::collection::btree_set(0_usize..200, 0..60)
    }

    proptest! {
        #[test]
        fn a_slot_set_is_a_set(mine in slots(), others in slots(), split in 0_usize..=200, from in 0_usize..200) {
            let (set, other) = (set_of(&mine), set_of(&others));
            let left = mine.difference(&others).copied().find(|&slot| slot >= from);
            prop_assert_eq!(set.first_not_in(&other, from), left);
            prop_assert_eq!(set.count_from(split) as usize, mine.range(split..).count());
            let low = |slots: &BTreeSet<usize>| slots.range(..split).copied().collect::<Vec<_>>();
            let dominates = low(&mine) == low(&others) && mine.range(split..).all(|slot| others.contains(slot));
            prop_assert_eq!(set.dominates(&other, split), dominates);
            prop_assert_eq!(set.hash_below(split, 7) == other.hash_below(split, 7), low(&mine) == low(&others));
        }

        #[test]
        fn what_is_removed_is_gone(mine in slots(), gone in 0_usize..200) {
            let mut set = set_of(&mine);
            set.remove(gone);
            prop_assert!(!set.contains(gone));
            prop_assert!(mine.iter().all(|&slot| slot == gone || set.contains(slot)));
        }
    }
}
