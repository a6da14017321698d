//! What identifies records and message keys: small numbers as they are, everything else by the JSON scalar it was.
//!
//! A scalar is kept once and stands for a number from 2^62 on. Look-ups are O(length) expected, by open addressing with a
//! fixed multiplier, so that the same file gives the same numbers everywhere.

use std::fmt;

/// Numbers from here on stand for scalars.
const FIRST: u64 = 1 << 62;
/// A slot without a scalar.
const FREE: u32 = u32::MAX;
/// 2^64 over the golden ratio.
const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
/// As many characters of a scalar as a sentence can bear.
const PRINTED_MAX: usize = 64;

/// JSON scalars, each kept once.
#[derive(Clone, Debug, Default)]
pub(super) struct Scalars {
    text: String,
    /// Where in `text` each scalar ends.
    ends: Vec<usize>,
    /// Open addressing, at most half full; a power of two of slots, or none.
    slots: Vec<u32>,
}

impl Scalars {
    /// The number that stands for the scalar written as `json`: itself, if it is an unsigned integer below 2^62.
    pub(super) fn number(&mut self, json: &str) -> u64 {
        small_number(json).unwrap_or_else(|| self.intern(json))
    }

    /// The scalar behind a number as JSON, unless it is just the number.
    pub(super) fn json(&self, number: u64) -> Option<&str> {
        let index = usize::try_from(number.checked_sub(FIRST)?).ok()?;
        let end = *self.ends.get(index)?;
        Some(&self.text[self.start(index)..end])
    }

    fn start(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    fn intern(&mut self, json: &str) -> u64 {
        if self.slots.len() <= 2 * self.ends.len() {
            self.grow();
        }
        let slot = self.probe(json);
        if self.slots[slot] == FREE {
            self.slots[slot] = u32::try_from(self.ends.len()).expect("fewer than 2^32 scalars");
            self.text.push_str(json);
            self.ends.push(self.text.len());
        }
        FIRST + u64::from(self.slots[slot])
    }

    fn grow(&mut self) {
        self.slots = vec![FREE; (2 * self.slots.len()).max(16)];
        for index in 0..self.ends.len() {
            let slot = self.probe(&self.text[self.start(index)..self.ends[index]]);
            self.slots[slot] = index as u32;
        }
    }

    /// The slot that holds the scalar, or the free one where it belongs.
    fn probe(&self, json: &str) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = (hash(json.as_bytes()) >> 32) as usize & mask;
        while self.slots[slot] != FREE
            && self.json(FIRST + u64::from(self.slots[slot])) != Some(json)
        {
            slot = (slot + 1) & mask;
        }
        slot
    }
}

fn small_number(json: &str) -> Option<u64> {
    let digits = !json.is_empty() && json.bytes().all(|byte| byte.is_ascii_digit());
    json.parse().ok().filter(|&number| digits && (number < FIRST || number == u64::MAX))
}

fn hash(bytes: &[u8]) -> u64 {
    let mix = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(MULTIPLIER);
    let word = |chunk: &[u8]| chunk.iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
    bytes.chunks(8).fold(bytes.len() as u64, |hash, chunk| mix(hash, word(chunk)))
}

/// How people read a value: `v17`, `producer-2#17`, `"order 17"`.
#[derive(Clone, Copy, Debug)]
pub struct ScalarName<'h> {
    pub(super) kind: NameKind<'h>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum NameKind<'h> {
    /// Bytes that match no record.
    Corrupt,
    /// The n-th of a named series.
    Series(&'h str, u32),
    /// Any JSON scalar.
    Json(&'h str),
    /// A plain number, after a letter.
    Number(char, u64),
}

impl fmt::Display for ScalarName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            NameKind::Corrupt => f.write_str("unreadable bytes"),
            NameKind::Series(name, number) => write!(f, "{name}#{number}"),
            NameKind::Number(letter, number) => write!(f, "{letter}{number}"),
            NameKind::Json(json) => match json.char_indices().nth(PRINTED_MAX) {
                None => f.write_str(json),
                Some((cut, _)) => write!(f, "{}...", &json[..cut]),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_below_two_to_the_62_are_themselves() {
        let mut scalars = Scalars::default();
        assert_eq!(scalars.number("0"), 0);
        assert_eq!(scalars.number("4611686018427387903"), FIRST - 1);
        assert_eq!(scalars.number("18446744073709551615"), u64::MAX);
        let others = ["4611686018427387904", "-1", "+1", "1.5", "true", "null", "\"7\"", ""];
        for (json, n) in others.into_iter().zip(FIRST..) {
            assert_eq!(scalars.number(json), n);
            assert_eq!(scalars.json(n), Some(json));
        }
        assert_eq!((scalars.json(7), scalars.json(FIRST + 8)), (None, None));
    }

    proptest! {
        #[test]
        fn equal_scalars_and_only_they_have_equal_numbers(names in proptest::collection::vec("[a-c]{0,9}", 0..200)) {
            let mut scalars = Scalars::default();
            let numbers: Vec<u64> = names.iter().map(|name| scalars.number(name)).collect();
            for (name, &number) in names.iter().zip(&numbers) {
                prop_assert_eq!(scalars.json(number), Some(&name[..]));
                prop_assert_eq!(scalars.number(name), number);
            }
        }
    }
}
