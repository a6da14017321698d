//! What identifies records and message keys: small numbers as they are, everything else by the JSON scalar it was.
//!
//! A scalar is kept once and stands for a number from 2^62 on.

use crate::interner::Interner;
use std::fmt;

/// Numbers from here on stand for scalars.
const FIRST: u64 = 1 << 62;
/// As many characters of a scalar as a sentence can bear.
const PRINTED_MAX: usize = 64;

/// JSON scalars, each kept once.
#[derive(Clone, Debug, Default)]
pub(super) struct Scalars {
    json: Interner,
}

impl Scalars {
    /// The number that stands for the scalar written as `json`: itself, if it is an unsigned integer below 2^62.
    pub(super) fn number(&mut self, json: &str) -> u64 {
        small_number(json).unwrap_or_else(|| FIRST + u64::from(self.json.intern(json)))
    }

    /// The scalar behind a number as JSON, unless it is just the number.
    pub(super) fn json(&self, number: u64) -> Option<&str> {
        self.json.text(u32::try_from(number.checked_sub(FIRST)?).ok()?)
    }
}

fn small_number(json: &str) -> Option<u64> {
    let digits = !json.is_empty() && json.bytes().all(|byte| byte.is_ascii_digit());
    json.parse().ok().filter(|&number| digits && (number < FIRST || number == u64::MAX))
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
            NameKind::Corrupt => f.write_str("an unreadable record"),
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
}
