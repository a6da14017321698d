//! Texts numbered from 0 in the order of their first mention.
//!
//! O(length) expected a look-up, by open addressing with a fixed multiplier, so that the same file gives the same numbers
//! everywhere.

/// A slot without a text.
const FREE: u32 = u32::MAX;
/// 2^64 over the golden ratio.
const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

/// Texts, each kept once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interner {
    text: String,
    /// Where in `text` each ends.
    ends: Vec<usize>,
    /// Open addressing, at most half full; a power of two of slots, or none.
    slots: Vec<u32>,
}

impl Interner {
    /// The number of `text`, given on first mention.
    pub(crate) fn intern(&mut self, text: &str) -> u32 {
        if self.slots.len() <= 2 * self.ends.len() {
            self.grow();
        }
        let slot = self.probe(text);
        if self.slots[slot] == FREE {
            self.slots[slot] = u32::try_from(self.ends.len()).expect("fewer than 2^32 texts");
            self.text.push_str(text);
            self.ends.push(self.text.len());
        }
        self.slots[slot]
    }

    /// The text of a number, if one has it.
    pub(crate) fn text(&self, number: u32) -> Option<&str> {
        let number = number as usize;
        let end = *self.ends.get(number)?;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.text[start..end])
    }

    /// How many texts there are.
    pub(crate) fn len(&self) -> u32 {
        self.ends.len() as u32
    }

    fn grow(&mut self) {
        self.slots = vec![FREE; (2 * self.slots.len()).max(16)];
        for number in 0..self.ends.len() as u32 {
            let slot = self.text(number).map(|text| self.probe(text)).expect("it is numbered");
            self.slots[slot] = number;
        }
    }

    /// The slot that holds the text, or the free one where it belongs.
    fn probe(&self, text: &str) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = (hash(text.as_bytes()) >> 32) as usize & mask;
        while self.slots[slot] != FREE && self.text(self.slots[slot]) != Some(text) {
            slot = (slot + 1) & mask;
        }
        slot
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(MULTIPLIER);
    let mut words = bytes.chunks_exact(8);
    let whole = words.by_ref().map(|word| u64::from_le_bytes(word.try_into().expect("8 bytes")));
    let hash = whole.fold(bytes.len() as u64, mix);
    let rest = words.remainder().iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
    mix(hash, rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equal_texts_and_only_they_have_equal_numbers(texts in proptest::collection::vec("[a-c]{0,9}", 0..200)) {
            let mut interner = Interner::default();
            let mut distinct: Vec<String> = Vec::new();
            for text in &texts {
                if !distinct.contains(text) {
                    distinct.push(text.clone());
                }
                let number = interner.intern(text);
                prop_assert_eq!(&distinct[number as usize], text);
                prop_assert_eq!(interner.text(number), Some(&text[..]));
            }
            prop_assert_eq!(interner.text(distinct.len() as u32), None);
        }
    }
}
