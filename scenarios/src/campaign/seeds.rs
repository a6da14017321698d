//! Which seeds a campaign runs: a half-open range, and the share of it that one machine of several takes.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// The seeds `from..to`, `to` not among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeedRange {
    /// The first seed.
    pub from: u64,
    /// The seed after the last one.
    pub to: u64,
}

impl SeedRange {
    /// The range that holds this seed alone. The greatest seed of all has no seed after it, so its range is empty.
    #[must_use]
    pub fn only(seed: u64) -> Self {
        Self { from: seed, to: seed.saturating_add(1) }
    }

    /// The number of seeds.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.to.saturating_sub(self.from)
    }
}

impl fmt::Display for SeedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.from, self.to)
    }
}

/// The text names no seeds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeedError {
    /// Not a single seed.
    #[error(
        "`{0}` is not a seed: write a decimal number, a hexadecimal one (0x1f) or a 40-digit commit hash"
    )]
    Seed(String),
    /// Not a range.
    #[error("`{0}` is not a range of seeds: write FROM..TO, such as 0..200, which runs 0 to 199")]
    Range(String),
    /// A range that ends before it begins.
    #[error("the range {0} is empty")]
    Empty(SeedRange),
    /// Not a share of the seeds.
    #[error("`{0}` is not a partition: write hash:M/N with M from 1 to N, such as hash:1/4")]
    Partition(String),
}

/// Reads a seed: decimal, hexadecimal after `0x`, or the 40 hexadecimal digits of a commit, of which the first 16 count.
///
/// # Errors
/// When the text is none of these or the number does not fit into 64 bits.
pub fn parse_seed(text: &str) -> Result<u64, SeedError> {
    let wrong = |_| SeedError::Seed(text.to_owned());
    if text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return u64::from_str_radix(&text[..16], 16).map_err(wrong);
    }
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).map_err(wrong),
        None => text.parse().map_err(wrong),
    }
}

impl FromStr for SeedRange {
    type Err = SeedError;

    fn from_str(text: &str) -> Result<Self, SeedError> {
        let (from, to) = text.split_once("..").ok_or_else(|| SeedError::Range(text.to_owned()))?;
        let range = Self { from: parse_seed(from)?, to: parse_seed(to)? };
        if range.count() == 0 { Err(SeedError::Empty(range)) } else { Ok(range) }
    }
}

/// One of `of` shares of the seeds. Which share a seed belongs to depends on the seed and the scenario's name alone, so that
/// adding a scenario moves no seed of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Which share, from 1.
    pub share: u64,
    /// The number of shares.
    pub of: u64,
}

impl Partition {
    /// Whether this share has the seed.
    #[must_use]
    pub fn has(&self, scenario: &str, seed: u64) -> bool {
        let digest = Digest::of(scenario.as_bytes()).and(&seed.to_le_bytes());
        digest.0 % u128::from(self.of) == u128::from(self.share - 1)
    }
}

impl FromStr for Partition {
    type Err = SeedError;

    fn from_str(text: &str) -> Result<Self, SeedError> {
        let numbers = text.strip_prefix("hash:").and_then(|share| share.split_once('/'));
        let numbers = numbers.and_then(|(share, of)| Some((share.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((share, of)) if (1..=of).contains(&share) => Ok(Self { share, of }),
            _ => Err(SeedError::Partition(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_decimal_hexadecimal_or_a_commit() {
        assert_eq!(parse_seed("42"), Ok(42));
        assert_eq!(parse_seed("0x2a"), Ok(42));
        assert_eq!(parse_seed("00000000000000ff00000000000000000000000f"), Ok(255));
        for wrong in ["", "0x", "-1", "2a", "18446744073709551616"] {
            assert_eq!(parse_seed(wrong), Err(SeedError::Seed(wrong.to_owned())));
        }
    }

    #[test]
    fn a_range_is_half_open_and_never_empty() {
        assert_eq!("0..200".parse(), Ok(SeedRange { from: 0, to: 200 }));
        assert_eq!(SeedRange { from: 3, to: 7 }.count(), 4);
        assert_eq!(
            "7..7".parse::<SeedRange>(),
            Err(SeedError::Empty(SeedRange { from: 7, to: 7 }))
        );
        assert_eq!("0-200".parse::<SeedRange>(), Err(SeedError::Range("0-200".to_owned())));
    }

    #[test]
    fn shares_are_disjoint_complete_and_about_equal() {
        let shares = [1, 2, 3].map(|share| Partition { share, of: 3 });
        let mut sizes = [0; 3];
        for seed in 0..3_000 {
            let owners: Vec<_> = (0..3).filter(|share| shares[*share].has("acks", seed)).collect();
            assert_eq!(owners.len(), 1, "seed {seed}");
            sizes[owners[0]] += 1;
        }
        assert!(sizes.iter().all(|size| (900..1_100).contains(size)), "{sizes:?}");
    }

    #[test]
    fn a_partition_counts_from_one() {
        assert_eq!("hash:2/4".parse(), Ok(Partition { share: 2, of: 4 }));
        for wrong in ["hash:0/4", "hash:5/4", "2/4", "hash:1", "hash:0/0"] {
            assert_eq!(wrong.parse::<Partition>(), Err(SeedError::Partition(wrong.to_owned())));
        }
    }
}
