//! `poll-skip` and `nonmonotonic-poll`: a process reads on elsewhere than after its last ok poll. O(records).
//!
//! Every poll is compared, also a failed one; only ok ones count as read, for a failed transaction reads again. A partition
//! that an assignment or a subscription leaves out is forgotten. Rebalances are not looked at, so that both errors are
//! allowed as soon as consumers may subscribe.

use super::analysis::Analysis;
use super::case::{Case, Field};
use super::internal::Steps;
use crate::jepsen::{Function, Key, Kind, Op, Process};
use std::collections::BTreeMap;

/// By partition: the operation that read it last.
type LastReads = BTreeMap<Key, usize>;

/// All such errors.
pub(super) fn cases(analysis: &Analysis<'_>) -> Steps {
    let mut steps = Steps::default();
    let mut processes: BTreeMap<Option<Process>, LastReads> = BTreeMap::new();
    for (place, op) in analysis.ops() {
        let last_reads = processes.entry(op.process).or_default();
        match op.f {
            Function::Assign | Function::Subscribe => keep_assigned(last_reads, op),
            Function::Poll | Function::Txn => {
                steps.since_last(analysis, place, last_reads);
                if op.kind == Kind::Ok {
                    last_reads.extend(analysis.reads[place].iter().map(|(key, _)| (*key, place)));
                }
            }
            Function::Send | Function::Crash | Function::Other => {}
        }
    }
    steps
}

/// Forgets the partitions that a completed assignment or subscription leaves out.
pub(super) fn keep_assigned(last: &mut BTreeMap<Key, usize>, op: &Op) {
    if matches!(op.kind, Kind::Ok | Kind::Info) {
        last.retain(|key, _| op.keys.contains(key));
    }
}

impl Steps {
    fn since_last(&mut self, analysis: &Analysis<'_>, place: usize, last_reads: &LastReads) {
        for (key, values) in &analysis.reads[place] {
            let Some(&last) = last_reads.get(key) else { continue };
            let before = analysis.reads[last].iter().find(|(other, _)| other == key);
            let before = before.and_then(|(_, values)| values.last().copied());
            let first = values.first().copied();
            let delta = analysis.delta(before, first);
            let mut case = vec![
                ("key", Field::Key(*key)),
                ("delta", Field::Int(delta)),
                ("ops", Field::Ops(vec![last, place])),
            ];
            if delta > 1 {
                case.push(("skipped", Field::Values(analysis.between(before, first))));
                self.skips.push(Case::new(case));
            } else if delta < 1 {
                case.push(("values", Field::Values(before.into_iter().chain(first).collect())));
                self.nonmonotonic.push(Case::new(case));
            }
        }
    }
}
