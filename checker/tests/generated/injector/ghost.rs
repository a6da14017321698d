//! A record that no producer of the generator sends.

use super::super::step::Step;
use ktrial_checker::history::Value;

/// Its value.
pub(super) const GHOST: u64 = 1_000_000_000;

/// What a reader wrongly gets.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Ghost {
    Nobody,
    Corrupt,
    Unknown,
    Failed,
    ElsewhereUnknown,
}

impl Ghost {
    pub(super) fn value(self) -> u64 {
        if self == Ghost::Corrupt { Value::CORRUPT.0 } else { GHOST }
    }

    /// The steps of an own producer that sends it.
    pub(super) fn steps(self, key: u32, process: u32) -> Option<Vec<Step>> {
        let (key, outcome) = match self {
            Ghost::Nobody | Ghost::Corrupt => return None,
            Ghost::Unknown => (key, Step::GiveUp { value: GHOST }),
            Ghost::Failed => (key, Step::Fail { value: GHOST }),
            Ghost::ElsewhereUnknown => (1 - key, Step::GiveUp { value: GHOST }),
        };
        Some(vec![
            Step::Open { client: 999, group: None },
            Step::Send { process, key, value: GHOST },
            outcome,
        ])
    }
}
