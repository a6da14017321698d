//! `inconsistent-offsets`: an offset holds two values, whoever saw them. O(offsets).

use super::analysis::Analysis;
use super::case::{Case, Field};
use crate::jepsen::Key;

/// The offsets that hold two values.
pub(super) fn cases(analysis: &Analysis<'_>) -> Vec<Case> {
    let mut cases = Vec::new();
    for (key, order) in (0..).map(Key).zip(&analysis.orders) {
        for (index, (offset, values)) in
            order.log.iter().enumerate().filter(|(_, (_, values))| values.len() > 1)
        {
            cases.push(Case::new(vec![
                ("key", Field::Key(key)),
                ("offset", Field::Int(*offset)),
                ("index", Field::Int(index as i64)),
                ("values", Field::Values(values.clone())),
            ]));
        }
    }
    cases
}
