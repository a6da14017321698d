//! `duplicate`: one value is at two offsets of a partition. O(records log records).

use super::analysis::Analysis;
use super::case::{Case, Field};
use crate::jepsen::{Key, Value};
use std::collections::BTreeMap;

/// Values with all their offsets, if there are more than one.
pub(super) fn cases(analysis: &Analysis<'_>) -> Vec<Case> {
    let mut cases = Vec::new();
    for (key, order) in (0..).map(Key).zip(&analysis.orders) {
        let mut offsets: BTreeMap<Value, Vec<i64>> = BTreeMap::new();
        for (offset, values) in &order.log {
            values.iter().for_each(|value| offsets.entry(*value).or_default().push(*offset));
        }
        cases.extend(offsets.into_iter().filter(|(_, offsets)| offsets.len() > 1).map(
            |(value, offsets)| {
                Case::new(vec![
                    ("key", Field::Key(key)),
                    ("value", Field::Value(value)),
                    ("count", Field::Int(offsets.len() as i64)),
                    ("offsets", Field::Ints(offsets)),
                ])
            },
        ));
    }
    cases
}
