//! The identity of a trial: event ids, and a rolling 128-bit hash over everything that happened.
//!
//! Two runs are the same run if and only if their hashes are equal (up to a chance of 2^-128 per pair). The hash is always
//! on and costs a few nanoseconds per event; the readable trace is made by an [`crate::observer::Observer`] when asked.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The format of traces. Raised by every change, of the kernel or of what runs on it, after which an old seed gives another
/// trace; of equal formats, equal seeds have equal hashes.
pub const TRACE_FORMAT: u32 = 1;

/// Names an event of a trial: its place in the order of scheduling.
#[derive(
    Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct EventId(pub u64);

/// `e412`
impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("e{}", self.0))
    }
}

/// The hash of a trial up to some event. Printed and stored as 32 hexadecimal digits.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TraceHash(pub u128);

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for TraceHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        u128::from_str_radix(&digits, 16)
            .map(TraceHash)
            .map_err(|_| de::Error::custom("a trace hash is 32 hexadecimal digits"))
    }
}

/// Odd constants with even bit distribution (fractional parts of pi), one per lane.
const LANE_KEYS: [u64; 2] = [0x243f_6a88_85a3_08d3, 0xa409_3822_299f_31d1];

/// Two independent 64-bit lanes, each folding a full 128-bit product per word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceHasher {
    lanes: [u64; 2],
}

impl TraceHasher {
    /// The hash of nothing.
    pub const fn new() -> Self {
        TraceHasher { lanes: [0x1319_8a2e_0370_7344, 0x082e_fa98_ec4e_6c89] }
    }

    /// Takes one word in.
    pub fn word(&mut self, word: u64) {
        self.lanes[0] = fold(self.lanes[0] ^ word, LANE_KEYS[0]);
        self.lanes[1] =
            fold(self.lanes[1].rotate_left(23) ^ word.wrapping_add(LANE_KEYS[0]), LANE_KEYS[1]);
    }

    /// The hash of all words so far.
    pub fn hash(&self) -> TraceHash {
        TraceHash(u128::from(self.lanes[0]) << 64 | u128::from(self.lanes[1]))
    }
}

impl Default for TraceHasher {
    fn default() -> Self {
        TraceHasher::new()
    }
}

fn fold(value: u64, key: u64) -> u64 {
    let product = u128::from(value) * u128::from(key);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(words: &[u64]) -> TraceHash {
        let mut hasher = TraceHasher::new();
        words.iter().for_each(|&word| hasher.word(word));
        hasher.hash()
    }

    #[test]
    fn order_and_every_bit_count() {
        let base = hash(&[1, 2, 3]);
        assert_ne!(base, hash(&[1, 3, 2]));
        assert_ne!(base, hash(&[1, 2, 3, 0]));
        assert!((0..64).all(|bit| hash(&[1, 2 ^ 1 << bit, 3]) != base));
    }

    #[test]
    fn both_lanes_depend_on_every_word() {
        let (a, b) = (hash(&[0, 7]).0, hash(&[1, 7]).0);
        assert_ne!(a >> 64, b >> 64);
        assert_ne!(a as u64, b as u64);
    }

    #[test]
    fn a_published_vector() {
        assert_eq!(hash(&[1, 2, 3]).to_string(), "bd4b107a6283d52555b5ce140c65013f");
    }

    #[test]
    fn a_hash_survives_json() {
        let written = serde_json::to_string(&hash(&[5])).expect("a string");
        assert_eq!(
            serde_json::from_str::<TraceHash>(&written).expect("the same string"),
            hash(&[5])
        );
    }
}
