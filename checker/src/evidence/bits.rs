//! A set of small numbers, one bit each.

/// Which of the numbers below a bound are in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bits {
    words: Vec<u64>,
    /// How many numbers before each word are in, once they are counted.
    before: Vec<u32>,
}

impl Bits {
    /// The empty set of numbers below `len`.
    pub(crate) fn new(len: usize) -> Self {
        // A word more than is needed, so that the numbers below `len` can be counted too.
        Bits { words: vec![0; len / 64 + 1], before: Vec::new() }
    }

    pub(crate) fn insert(&mut self, index: usize) {
        self.words[index / 64] |= 1 << (index % 64);
    }

    /// Inserts a number above all that are in, which are `count`. A set that grows only so is counted always.
    pub(crate) fn append(&mut self, index: usize, count: u32) {
        let words = index / 64 + 1;
        self.words.resize(words, 0);
        self.before.resize(words, count);
        self.insert(index);
    }

    pub(crate) fn contains(&self, index: usize) -> bool {
        self.words.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// Counts what is in, for [`below`](Self::below): nothing may be inserted any more.
    pub(crate) fn count(&mut self) {
        let counts = self.words.iter().scan(0, |before, word| {
            let with_word = *before + word.count_ones();
            Some(std::mem::replace(before, with_word))
        });
        self.before = counts.collect();
    }

    /// How many numbers below `index` are in. They must have been counted.
    pub(crate) fn below(&self, index: usize) -> u64 {
        let (word, place) = (index / 64, index % 64);
        let in_word = self.words[word] & !(u64::MAX << place);
        u64::from(self.before[word] + in_word.count_ones())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_in_and_counted(numbers in proptest::collection::btree_set(0_usize..300, 0..100)) {
            let mut bits = Bits::new(300);
            numbers.iter().for_each(|&number| bits.insert(number));
            bits.count();
            let mut appended = Bits::default();
            (0..).zip(&numbers).for_each(|(count, &number)| appended.append(number, count));
            for index in 0..=300 {
                let below = numbers.range(..index).count() as u64;
                prop_assert_eq!(bits.below(index), below);
                prop_assert_eq!(bits.contains(index), numbers.contains(&index));
                prop_assert_eq!(appended.contains(index), numbers.contains(&index));
                prop_assert!(!appended.contains(index) || appended.below(index) == below);
            }
        }
    }
}
