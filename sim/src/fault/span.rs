//! A span of whole numbers, from which a generator draws evenly.

use serde::{Deserialize, Serialize};

/// Smallest and largest value, both possible.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Span {
    /// The smallest.
    pub min: u64,
    /// The largest.
    pub max: u64,
}
