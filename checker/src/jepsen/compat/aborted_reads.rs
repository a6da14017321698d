//! `G1a`: an ok operation polled a value whose send failed. O(records).

use super::analysis::Analysis;
use super::case::{Case, Field};
use crate::jepsen::{Kind, Value};

/// Each read of such a value.
pub(super) fn cases(analysis: &Analysis<'_>) -> Vec<Case> {
    let is_failed = failed(analysis);
    let mut cases = Vec::new();
    for (reader, _) in analysis.ops().filter(|(_, op)| op.kind == Kind::Ok) {
        for (key, values) in &analysis.reads[reader] {
            for &value in values.iter().filter(|value| is_failed[value.0 as usize]) {
                let writer =
                    analysis.writer_of[value.0 as usize].expect("a failed send is a completion");
                cases.push(Case::new(vec![
                    ("key", Field::Key(*key)),
                    ("value", Field::Value(value)),
                    ("writer", Field::Op(writer)),
                    ("reader", Field::Op(reader)),
                ]));
            }
        }
    }
    cases
}

/// By value: whether some send of it failed.
fn failed(analysis: &Analysis<'_>) -> Vec<bool> {
    let mut is_failed = vec![false; analysis.ops.names.values()];
    for (place, _) in analysis.ops().filter(|(_, op)| op.kind == Kind::Fail) {
        for Value(value) in super::analysis::values(&analysis.writes[place]) {
            is_failed[value as usize] = true;
        }
    }
    is_failed
}
