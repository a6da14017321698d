//! Hash-consing: equal things get the same small number, so that comparing two of them is comparing numbers.
//!
//! Numbers are given in the order of first sight, so nothing that can be observed depends on a hash.

use std::hash::{Hash, Hasher};

/// 2^64 over the golden ratio: multiplying by it spreads consecutive numbers.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// A fast hash without a key.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FixedHasher(u64);

impl Hasher for FixedHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0.rotate_left(26) ^ number).wrapping_mul(SPREAD);
        self.0 = mixed ^ (mixed >> 32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The hash of a value, the same in every run.
pub(super) fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = FixedHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A bucket without an item.
const FREE: u32 = u32::MAX;

/// A set of things, each with its number. Open addressing, at most half full: O(1) expected.
#[derive(Clone, Debug)]
pub(super) struct Interner<T> {
    items: Vec<T>,
    hashes: Vec<u64>,
    buckets: Vec<u32>,
}

impl<T: Eq + Hash> Interner<T> {
    pub(super) fn new() -> Self {
        Interner { items: Vec::new(), hashes: Vec::new(), buckets: vec![FREE; 16] }
    }

    /// The number of `item`, new or known.
    pub(super) fn intern(&mut self, item: T) -> u32 {
        let hash = hash_of(&item);
        let bucket = self.probe(hash, &item);
        if self.buckets[bucket] != FREE {
            return self.buckets[bucket];
        }
        let id = u32::try_from(self.items.len()).expect("fewer than 2^32 items fit into memory");
        self.buckets[bucket] = id;
        self.items.push(item);
        self.hashes.push(hash);
        self.grow_if_half_full();
        id
    }

    /// The number of `item`, if it is known.
    pub(super) fn find(&self, item: &T) -> Option<u32> {
        let found = self.buckets[self.probe(hash_of(item), item)];
        (found != FREE).then_some(found)
    }

    pub(super) fn get(&self, id: u32) -> &T {
        &self.items[id as usize]
    }

    /// The bucket that holds the item, or the free one where it belongs.
    fn probe(&self, hash: u64, item: &T) -> usize {
        let last = self.buckets.len() - 1;
        let mut bucket = hash as usize & last;
        while let Some(&id) = Some(&self.buckets[bucket]).filter(|id| **id != FREE) {
            if self.hashes[id as usize] == hash && self.items[id as usize] == *item {
                break;
            }
            bucket = (bucket + 1) & last;
        }
        bucket
    }

    fn grow_if_half_full(&mut self) {
        if self.items.len() * 2 < self.buckets.len() {
            return;
        }
        let last = self.buckets.len() * 2 - 1;
        self.buckets = vec![FREE; last + 1];
        for (id, hash) in (0..).zip(&self.hashes) {
            let mut bucket = *hash as usize & last;
            while self.buckets[bucket] != FREE {
                bucket = (bucket + 1) & last;
            }
            self.buckets[bucket] = id;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_items_have_one_number_and_numbers_follow_first_sight() {
        let mut interner = Interner::<u64>::new();
        for round in 0..2 {
            for item in 0..1_000_u32 {
                assert_eq!(interner.intern(u64::from(item) * 64), item, "round {round}");
            }
        }
        assert_eq!(interner.find(&(999 * 64)), Some(999));
        assert_eq!(interner.find(&1), None);
        assert_eq!(*interner.get(5), 5 * 64);
    }

    #[test]
    fn a_hash_tells_contents_apart() {
        assert_ne!(hash_of(&"ab"), hash_of(&"ba"));
        assert_ne!(hash_of(&vec![1_u64, 2]), hash_of(&vec![2_u64, 1]));
        assert_eq!(hash_of(&vec![1_u64, 2]), hash_of(&vec![1_u64, 2]));
    }
}
