//! `nonmonotonic-send`: what a process sends lies before, or at, what it sent in an earlier operation. O(records).
//!
//! An assignment makes Jepsen forget what was sent to the partitions it leaves out, although a producer has nothing to
//! do with it.

use super::analysis::Analysis;
use super::case::{Case, Field};
use super::polls::keep_assigned;
use crate::jepsen::{Function, Key, Kind, Process};
use std::collections::BTreeMap;

/// All such errors.
pub(super) fn cases(analysis: &Analysis<'_>) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut processes: BTreeMap<Option<Process>, BTreeMap<Key, usize>> = BTreeMap::new();
    for (place, op) in analysis.ops().filter(|(_, op)| matches!(op.kind, Kind::Ok | Kind::Info)) {
        let last_sends = processes.entry(op.process).or_default();
        match op.f {
            Function::Assign | Function::Subscribe => keep_assigned(last_sends, op),
            Function::Send | Function::Txn => {
                cases.extend(since_last(analysis, place, last_sends));
                last_sends.extend(analysis.writes[place].iter().map(|(key, _)| (*key, place)));
            }
            Function::Poll | Function::Crash | Function::Other => {}
        }
    }
    cases
}

fn since_last<'a>(
    analysis: &'a Analysis<'_>,
    place: usize,
    last_sends: &'a BTreeMap<Key, usize>,
) -> impl Iterator<Item = Case> + 'a {
    analysis.writes[place].iter().filter_map(move |(key, values)| {
        let last = *last_sends.get(key)?;
        let (_, before) = analysis.writes[last].iter().find(|(other, _)| other == key)?;
        let (before, first) = (*before.last()?, *values.first()?);
        let delta = analysis.delta(Some(before), Some(first));
        (delta < 1).then(|| {
            Case::new(vec![
                ("key", Field::Key(*key)),
                ("values", Field::Values(vec![before, first])),
                ("delta", Field::Int(delta)),
                ("ops", Field::Ops(vec![last, place])),
            ])
        })
    })
}
